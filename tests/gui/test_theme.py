"""Every theme: each text reaches 4.5:1, or 7:1, on every ground it stands on."""

from __future__ import annotations

import pytest
import shiboken6
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QComboBox,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QToolButton,
    QTreeWidget,
    QTreeWidgetItem,
    QWidget,
)
from pytestqt.qtbot import QtBot

from slate_desktop.ui import icons
from slate_desktop.ui.text import spin_box
from slate_desktop.ui.theme import ZOOM_STEPS, Theme
from slate_desktop.ui.tinted import set_icon
from slate_desktop.ui.tokens import THEMES, contrast_ratio, load_tokens
from slate_desktop.ui.window_actions import build_specs

GROUNDS = ("surface.panel", "surface.raised", "surface.input")
# WCAG 2.2, level AA, and AAA for the high contrast.
WANTED = {"dark": 4.5, "light": 4.5, "contrast": 7.0}
TEXTS = ("text.normal", "text.muted", "text.faint", "accent.text")


@pytest.mark.parametrize("name", THEMES)
def test_every_text_reaches_the_contrast(name: str) -> None:
    tokens = load_tokens(name)
    pairs = [(text, ground) for text in TEXTS for ground in GROUNDS]
    pairs += [(f"state.{s}", g) for s in ("ok", "busy", "warn", "error", "idle") for g in GROUNDS]
    pairs += [(f"level.{level}", "surface.input") for level in ("debug", "info", "warn", "error")]
    pairs += [("level.error", "mark.error_row"), ("level.warn", "mark.warn_row")]
    pairs += [("text.normal", "mark.error_row"), ("text.faint", "mark.error_row")]
    pairs += [("text.faint", "mark.warn_row"), ("text.muted", "mark.error_row")]
    pairs += [("text.on_selected", "surface.selected"), ("text.on_accent", "accent.main")]
    pairs += [("text.normal", "mark.search"), ("text.normal", "surface.hover")]
    weak = {
        pair: round(contrast_ratio(tokens.hex(pair[0]), tokens.hex(pair[1])), 2)
        for pair in pairs
        if contrast_ratio(tokens.hex(pair[0]), tokens.hex(pair[1])) < WANTED[name]
    }
    assert weak == {}


@pytest.mark.parametrize("name", THEMES)
def test_every_terminal_colour_reaches_the_contrast(name: str) -> None:
    tokens = load_tokens(name)
    ground = tokens.hex("surface.input")
    assert [c for c in tokens.ansi if contrast_ratio(c, ground) < WANTED[name]] == []
    assert len(tokens.ansi) == 16


def test_every_icon_of_an_action_is_bundled(qapp: QApplication) -> None:
    tokens = load_tokens("dark")
    for spec in build_specs():
        if spec.icon:
            assert not icons.pixmap(spec.icon, tokens, spec.icon_role).isNull()


def test_shortcuts_are_given_once() -> None:
    keys = [key for spec in build_specs() for key in spec.keys]
    assert sorted(keys) == sorted(set(keys))


def test_zoom_steps_and_stops_at_the_ends(theme: Theme) -> None:
    theme.step_zoom(1)
    assert theme.zoom == 1.1
    for _ in range(20):
        theme.step_zoom(1)
    assert theme.zoom == ZOOM_STEPS[-1]
    theme.step_zoom(0)
    assert theme.zoom == 1.0


def test_the_programs_own_icon_is_drawn_in_every_size(qapp: QApplication) -> None:
    for side in (16, 32, 256):
        image = icons.application_icon().pixmap(side, side).toImage()
        assert image.width() == side
        assert image.pixelColor(side // 2, side // 2).alpha() == 255
        assert image.pixelColor(0, 0).alpha() == 0


def test_icon_of_a_button_follows_the_theme(theme: Theme) -> None:
    theme.set_choice("dark")
    button = QToolButton()
    set_icon(button, "scan", theme)
    dark = button.icon().pixmap(16).toImage()
    theme.set_choice("light")
    assert button.icon().pixmap(16).toImage() != dark
    # One that is gone is not asked.
    shiboken6.delete(button)
    theme.set_choice("dark")


def test_fields_and_buttons_of_a_form_are_equally_high(theme: Theme, qtbot: QtBot) -> None:
    form = QWidget()
    qtbot.addWidget(form)
    row = QHBoxLayout(form)
    parts = [QLineEdit("20g"), QComboBox(), spin_box(), QPushButton("Test")]
    for part in parts:
        row.addWidget(part)
    form.show()
    for _ in ZOOM_STEPS:
        QApplication.sendPostedEvents()
        heights = [part.sizeHint().height() for part in parts]
        assert max(heights) - min(heights) <= 1, theme.zoom
        theme.step_zoom(1)
    theme.step_zoom(0)


def table_of(kind: type[QAbstractItemView]) -> QAbstractItemView:
    """A view with a column whose title and only cell are the same letter."""
    if issubclass(kind, QTableWidget):
        table = QTableWidget(1, 2)
        table.setHorizontalHeaderLabels(["H", "I"])
        table.setItem(0, 0, QTableWidgetItem("H"))
        table.verticalHeader().hide()
        table.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft)
        return table
    tree = QTreeWidget()
    tree.setHeaderLabels(["H", "I"])
    tree.setRootIsDecorated(False)
    tree.addTopLevelItem(QTreeWidgetItem(["H", ""]))
    return tree


def first_ink(image: QImage, top: int, height: int) -> int:
    """The first column, in pixels, that is not of the ground's colour."""
    for x in range(2, image.width()):
        rows = range(top + 6, top + height - 6)
        ground = image.pixelColor(2, top + height // 2).lightness()
        ink = [abs(QColor(image.pixel(x, y)).lightness() - ground) for y in rows]
        if max(ink) > 60:
            return x
    raise AssertionError("nothing is written there")


@pytest.mark.parametrize("kind", [QTableWidget, QTreeWidget])
def test_cells_begin_where_their_title_does(
    theme: Theme, qtbot: QtBot, kind: type[QAbstractItemView]
) -> None:
    view = table_of(kind)
    qtbot.addWidget(view)
    view.resize(300, 120)
    view.show()
    QApplication.sendPostedEvents()
    header = view.horizontalHeader() if isinstance(view, QTableWidget) else view.header()
    cell = view.visualRect(view.model().index(0, 0))
    title = first_ink(header.grab().toImage(), 0, header.height())
    text = first_ink(view.viewport().grab().toImage(), cell.y(), cell.height())
    assert abs(title - text) <= 1
