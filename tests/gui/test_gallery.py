"""Every panel and dialog has its pictures in the guide; dialogs are as high as their texts."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel

from slate_desktop.ui.dialogs import fit_height
from slate_desktop.ui.monitor.duty import DutyDialog
from slate_desktop.ui.text import spin_box, wrapped_label
from slate_desktop.ui.window import MainWindow
from tests.gui.dialog_makers import DIALOGS

ROOT = Path(__file__).parents[2]
MAX_BYTES = 15_000_000


@pytest.fixture
def gallery(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(ROOT / "packaging"))
    import gallery

    yield gallery
    sys.modules.pop("gallery", None)


async def test_nothing_is_without_its_pictures(window: MainWindow, gallery) -> None:
    names = [gallery._words(kind.__name__) for kind, _ in DIALOGS]
    names += [f"panel-{name}" for name in window.docks.docks]
    names += ["window", "start-page"]
    wanted = {
        f"{name}-{theme}-{scale}.png"
        for name in names
        for theme in gallery.THEMES
        for scale in gallery.SCALES
    }
    there = {file.name for file in gallery.TARGET.glob("*.png")}
    assert sorted(wanted - there) == [], "take them: python packaging/gallery.py NAME"
    assert sorted(there - wanted) == []
    assert gallery.PAGE.read_text("utf-8") == gallery.page(sorted(names))


def test_pictures_of_the_guide_stay_small() -> None:
    pictures = list((ROOT / "docs" / "images").rglob("*.png"))
    assert sum(file.stat().st_size for file in pictures) < MAX_BYTES


async def test_a_dialog_without_lists_is_as_high_as_its_texts(window: MainWindow) -> None:
    dialog = DutyDialog(window, "sbx01", is_drain=True)
    fit_height(dialog)
    dialog.show()
    (words,) = [label for label in dialog.findChildren(QLabel) if label.wordWrap()]
    assert words.height() == words.heightForWidth(words.width())
    dialog.hide()
    dialog.deleteLater()


def test_a_wrapped_text_wants_lines_and_no_square(qapp: object) -> None:
    label = wrapped_label("No known engine found: name the command that runs it.")
    assert label.sizeHint().height() <= 2 * label.fontMetrics().height()
    assert label.sizeHint().width() > label.fontMetrics().horizontalAdvance("No known engine found")
    assert wrapped_label("").sizeHint().height() >= label.fontMetrics().height()
    assert label.textFormat() is Qt.TextFormat.PlainText


def test_numbers_keep_off_their_frame(qapp: object) -> None:
    assert spin_box().lineEdit().textMargins().left() == 5
