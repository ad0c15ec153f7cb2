"""Rows that lead somewhere: recent projects with pins, and sessions that run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QToolButton, QVBoxLayout, QWidget

from slate_desktop.ui import icons
from slate_desktop.ui.text import ElidedLabel, clean, plain_label
from slate_desktop.ui.theme import Theme

# Of a name, in pixels: there is to be room for the path behind it.
_TITLE_WIDTH = 200
# Of a path, in pixels: the beginning and the end of less tell nothing.
_LEAST_TEXT = 80


@dataclass(frozen=True)
class PlaceRow:
    """One row; ``id`` is told when it is pressed."""

    id: str
    title: str
    text: str
    icon: str
    icon_role: str = "text.muted"
    can_pin: bool = False
    is_pinned: bool = False


class PlaceList(QWidget):
    """A heading and its rows; a sentence where there are none."""

    wanted = Signal(str)
    pin_wanted = Signal(str)

    def __init__(self, theme: Theme, title: str, empty: str) -> None:
        super().__init__()
        self._theme = theme
        self._shown: tuple[PlaceRow, ...] = ()
        self._title = plain_label(title)
        self._empty = plain_label(empty, role="faint")
        self._empty.setWordWrap(True)
        self._rows = QVBoxLayout()
        self._rows.setSpacing(2)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self._title)
        layout.addWidget(self._empty)
        layout.addLayout(self._rows)
        theme.changed.connect(self._draw)
        self._draw()

    @property
    def rows(self) -> tuple[PlaceRow, ...]:
        """What is shown."""
        return self._shown

    def show_rows(self, rows: Sequence[PlaceRow]) -> None:
        """Show these rows instead of the ones before."""
        if tuple(rows) != self._shown:
            self._shown = tuple(rows)
            self._draw()

    def button(self, place_id: str) -> QPushButton | None:
        """Return the button of a row."""
        for button in self.findChildren(QPushButton):
            if button.objectName() == place_id:
                return button
        return None

    def _draw(self) -> None:
        self._title.setFont(self._theme.ui_font(scale=1.15, is_bold=True))
        while (item := self._rows.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        for row in self._shown:
            self._rows.addWidget(self._make(row))
        self._empty.setVisible(not self._shown)

    def _make(self, row: PlaceRow) -> QWidget:
        tokens = self._theme.tokens
        line = QWidget()
        layout = QHBoxLayout(line)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        title = clean(row.title)
        button = QPushButton(icons.icon(row.icon, tokens, row.icon_role), "")
        middle = Qt.TextElideMode.ElideMiddle
        short = button.fontMetrics().elidedText(title, middle, _TITLE_WIDTH)
        button.setText(f" {short}")
        button.setToolTip(f"\u200b{title}" if short != title else "")
        button.setObjectName(row.id)
        button.setProperty("flat", True)
        button.setAccessibleName(f"{clean(row.title)}, {clean(row.text)}")
        button.clicked.connect(lambda: self.wanted.emit(row.id))
        layout.addWidget(button)
        label = ElidedLabel(
            row.text, mode=Qt.TextElideMode.ElideMiddle, role="muted", least=_LEAST_TEXT
        )
        layout.addWidget(label, 1)
        if row.can_pin:
            words = self.tr("Unpin {name}") if row.is_pinned else self.tr("Pin {name}")
            words = words.format(name=clean(row.title))
            pin = QToolButton()
            pin.setIcon(icons.icon("pin", tokens, "accent.text" if row.is_pinned else "text.faint"))
            pin.setCheckable(True)
            pin.setChecked(row.is_pinned)
            pin.setAccessibleName(words)
            pin.setToolTip(f"\u200b{words}")
            pin.clicked.connect(lambda: self.pin_wanted.emit(row.id))
            layout.addWidget(pin)
        return line
