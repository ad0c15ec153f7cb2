"""Search in the console: next and previous match over any number of lines, in small steps."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QToolButton, QWidget

from slate_desktop.domain.logs import LogLevel
from slate_desktop.ui import icons
from slate_desktop.ui.console import ansi
from slate_desktop.ui.console.row_text import is_gap
from slate_desktop.ui.console.scrolling import Rows
from slate_desktop.ui.text import plain_label, set_invalid
from slate_desktop.ui.theme import Theme

if TYPE_CHECKING:
    from slate_desktop.control.console import LogRow

# Rows looked at between two turns of the loop; about 2 ms.
_STEP_ROWS = 500


class Match(NamedTuple):
    """Where a match stands: row, line number, first and last column of the message."""

    position: int
    seq: int
    start: int
    end: int


class SearchBar(QWidget):
    """The field that opens with Ctrl+F. Return is next, Shift+Return previous."""

    pattern_changed = Signal(object)
    step_wanted = Signal(int)
    closed = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setObjectName("paneBar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.field = QLineEdit(self)
        self.field.setPlaceholderText(self.tr("Search in this log"))
        self.field.setAccessibleName(self.tr("Search in this log"))
        self.field.setMaximumWidth(340)
        self.field.textChanged.connect(self._on_changed)
        self.field.installEventFilter(self)
        self.state = plain_label(role="faint")
        self.regex = self._button(self.tr("Regular expression"), is_toggle=True)
        self.regex.toggled.connect(lambda _on: self._on_changed())
        self.previous = self._button(self.tr("Previous match (Shift+Return)"))
        self.previous.clicked.connect(lambda: self.step_wanted.emit(-1))
        self.next = self._button(self.tr("Next match (Return)"))
        self.next.clicked.connect(lambda: self.step_wanted.emit(1))
        self.close_button = self._button(self.tr("Close the search (Escape)"))
        self.close_button.clicked.connect(self.close_search)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(10, 4, 8, 4)
        layout.setSpacing(4)
        layout.addWidget(self.field, 1)
        layout.addWidget(self.regex)
        layout.addWidget(self.previous)
        layout.addWidget(self.next)
        layout.addWidget(self.state)
        layout.addStretch(1)
        layout.addWidget(self.close_button)
        self.apply_theme()
        self.hide()

    def open_search(self) -> None:
        """Show the field and let the user type."""
        self.show()
        self.field.setFocus()
        self.field.selectAll()
        self._on_changed()

    def close_search(self) -> None:
        """Hide the field and the marks."""
        self.hide()
        self.pattern_changed.emit(None)
        self.closed.emit()

    def pattern(self) -> re.Pattern[str] | None:
        """Return what is searched, None when nothing is, or nothing that compiles."""
        text = self.field.text()
        if not text:
            return None
        try:
            return re.compile(text if self.regex.isChecked() else re.escape(text), re.IGNORECASE)
        except re.error as exc:
            set_invalid(self.field, self.tr("Not a regular expression: {why}").format(why=exc))
            return None

    def apply_theme(self) -> None:
        """Take the icons of the theme."""
        for button, name in (
            (self.regex, "regex"),
            (self.previous, "chevron-up"),
            (self.next, "chevron-down"),
            (self.close_button, "x"),
        ):
            button.setIcon(icons.icon(name, self._theme.tokens))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Step with Return, close with Escape."""
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                is_back = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
                self.step_wanted.emit(-1 if is_back else 1)
                return True
            if event.key() == Qt.Key.Key_Escape:
                self.close_search()
                return True
        return super().eventFilter(watched, event)

    def _on_changed(self, *_: object) -> None:
        set_invalid(self.field, "")
        self.state.setText("")
        self.pattern_changed.emit(self.pattern())

    def _button(self, tip: str, *, is_toggle: bool = False) -> QToolButton:
        button = QToolButton(self)
        button.setToolTip(tip)
        button.setAccessibleName(tip)
        button.setCheckable(is_toggle)
        return button


def _plain(row: LogRow) -> str:
    return ansi.strip(row.message)


async def find(
    rows: Rows,
    pattern: re.Pattern[str],
    start: Match | None,
    direction: int,
    *,
    errors_only: bool = False,
    text_of: Callable[[LogRow], str] = _plain,
) -> Match | None:
    """Return the next match after ``start`` in ``direction`` (1 or -1), wrapping around once.

    Without ``start`` the search begins at the newest line for -1, at the oldest for 1.

    Args:
        rows: what is searched.
        pattern: what is searched for.
        start: where the search stands.
        direction: which way.
        errors_only: whether only error lines count, the one where the search stands not among them.
        text_of: a row's message as it is shown.
    """
    count = len(rows)
    if not count:
        return None
    origin = rows.index_of_seq(start.seq) if start else (0 if direction > 0 else count - 1)
    beyond = start.start if start else None
    done = 0
    # Block by block: a merged log finds many rows as quickly as one.
    while done <= count:
        index = (origin + direction * done) % count
        size = min(_STEP_ROWS, count + 1 - done, count - index if direction > 0 else index + 1)
        low = index if direction > 0 else index - size + 1
        block = rows.rows(low, low + size)
        for offset, row in enumerate(block if direction > 0 else reversed(block)):
            is_start = done == 0 and offset == 0 and start is not None
            if is_gap(row) or (errors_only and (row.level is not LogLevel.ERROR or is_start)):
                continue
            place = index + direction * offset
            column = beyond if is_start else None
            found = _match_in(row, place, pattern, direction, column, text_of)
            if found is not None:
                return found
        done += size
        await asyncio.sleep(0)
        if len(rows) < count:
            count = len(rows)
            if not count:
                return None
    return None


def _match_in(
    row: LogRow,
    index: int,
    pattern: re.Pattern[str],
    direction: int,
    beyond: int | None,
    text_of: Callable[[LogRow], str],
) -> Match | None:
    spans = [m.span() for m in pattern.finditer(text_of(row)) if m.end() > m.start()]
    if beyond is not None:
        spans = [s for s in spans if (s[0] > beyond if direction > 0 else s[0] < beyond)]
    if not spans:
        return None
    first, last = spans[0] if direction > 0 else spans[-1]
    return Match(index, row.seq, first, last)
