"""Toasts: each is as high as its words need, one or three of them, and stands in the corner."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtWidgets import QLabel

from slate_desktop.errors import EnvironmentFaultError
from slate_desktop.ui.window import MainWindow
from tests.gui.conftest import until
from tests.gui.fakes import FakeSlate
from tests.gui.test_window import press_start

LONG = "Uni.x86_64 is not there, although nothing else failed. " * 3


def is_whole(label: QLabel) -> bool:
    return label.height() >= label.heightForWidth(label.width())


@pytest.mark.parametrize("count", [1, 2, 3, 5])
async def test_every_toast_shows_all_of_its_words(window: MainWindow, count: int) -> None:
    for number in range(count):
        window.workspace.notify("error", f"Build {number} failed", LONG)
        await until(lambda: all(card.isVisible() for card in window.toasts.cards))
    cards = window.toasts.cards
    assert len(cards) == min(count, 3)
    labels = [label for card in cards for label in card.findChildren(QLabel) if label.text()]
    assert len(labels) == 2 * len(cards)
    await until(lambda: all(is_whole(label) for label in labels))
    bottom = window.toasts.geometry().bottom()
    assert window.height() - 60 <= bottom <= window.height() - 40
    cards[0].closed.emit(cards[0])
    assert len(cards) == min(count, 3) - 1
    left = [label for card in cards for label in card.findChildren(QLabel) if label.text()]
    assert all(is_whole(label) for label in left)
    if cards:
        assert window.toasts.geometry().bottom() == bottom
    else:
        assert not window.toasts.isVisible()


async def test_an_error_is_told_over_a_document_that_hides_the_banner(
    window: MainWindow, tmp_path: Path
) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("hello")
    window.documents.open_path(file)
    gone = EnvironmentFaultError("The file is not there.", hint="Retry the job.")
    window.show_error(gone, "The result cannot be opened.")
    (card,) = window.toasts.cards
    assert card.notice.title == "The result cannot be opened."
    assert card.notice.text == "The file is not there. Retry the job."
    window.documents.setCurrentIndex(0)
    assert window.details.banner.isVisible()
    window.show_error(gone, "The result cannot be opened.")
    assert window.toasts.cards == [card], "whoever sees the banner needs no second telling"


async def test_a_refused_stop_is_told_over_a_document(
    window: MainWindow, slate: FakeSlate, tmp_path: Path
) -> None:
    await press_start(window, slate)
    file = tmp_path / "notes.txt"
    file.write_text("hello")
    window.documents.open_path(file)
    slate.refuse["stop"] = EnvironmentFaultError("The host does not answer.")
    window.registry["session.stop"].trigger()
    await until(lambda: window.toasts.cards)
    (card,) = window.toasts.cards
    assert "could not be stopped" in card.notice.title
    assert "does not answer" in card.notice.text
