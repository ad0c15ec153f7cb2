"""Shows the visible rows of a log; a million lines cost no more than a screenful.

Owns painting them, the selection, and what the mouse and the keys do.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, QPointF, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
)
from PySide6.QtWidgets import QFrame, QWidget

from slate_desktop.ui.console.painting import MARGIN
from slate_desktop.ui.console.row_text import TimeStyle
from slate_desktop.ui.console.scrolling import LogScroll, Rows
from slate_desktop.ui.console.selection import Place, Selection
from slate_desktop.ui.theme import Theme

if TYPE_CHECKING:
    from slate_desktop.control.console_chunks import LogRow

# Copying more than this would stall the window; saving has no such limit.
MAX_COPY_ROWS = 50_000
# The pointer may move so far between press and release of a click.
_CLICK_PX = 4


class ConsoleView(LogScroll):
    """The painter's frame. ``set_rows`` gives it something to show and follows its signals.

    ``hovered`` and ``clicked`` tell the place under the pointer (or None), ``gutter_clicked`` and
    ``pill_clicked`` the number of a line. ``look_changed``: times or wrapping are others now.
    """

    menu_wanted = Signal(QPoint)
    copy_wanted = Signal()
    selection_changed = Signal()
    hovered = Signal(object)
    clicked = Signal(object)
    gutter_clicked = Signal(object)
    pill_clicked = Signal(object)
    look_changed = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, parent)
        self.selection = Selection()
        self._pressed_at: QPointF | None = None
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(self.tr("Log lines"))
        # Columns of a log stand where a terminal has them, in every language.
        self.setLayoutDirection(Qt.LayoutDirection.LeftToRight)
        self.viewport().setCursor(Qt.CursorShape.IBeamCursor)
        self.viewport().setMouseTracking(True)

    # -- what is shown ---------------------------------------------------------------------

    def set_rows(self, rows: Rows | None, *, keep_place: bool = False) -> None:
        """Show another source from its end, or the same log through another filter."""
        if not keep_place:
            self.selection.clear()
        super().set_rows(rows, keep_place=keep_place)

    def set_times(self, is_on: bool) -> None:
        """Show or hide the time of each line."""
        self.painting.rows.has_times = is_on
        self.change_text()
        self.look_changed.emit()

    def set_time_style(self, style: TimeStyle, base_ns: int) -> None:
        """Write times in another style, counted from a moment where it counts."""
        self.painting.rows.style, self.painting.rows.base_ns = style, base_ns
        self.viewport().update()
        self.look_changed.emit()

    def set_wrapping(self, is_on: bool) -> None:
        """Wrap long lines at the edge, or scroll sideways."""
        super().set_wrapping(is_on)
        self.look_changed.emit()

    def change_text(self) -> None:
        """Take what the painter's ``rows`` say now; columns are others than before."""
        self.selection.clear()
        self.painting.link = None
        self._is_reset = True
        self.sync()

    def apply_theme(self) -> None:
        """Take fonts and colours of the theme."""
        self.painting.apply_theme()
        self.sync()

    # -- search and selection --------------------------------------------------------------

    def set_search(self, pattern: re.Pattern[str] | None) -> None:
        """Mark every match of ``pattern`` in the visible messages."""
        self.painting.pattern = pattern
        self.painting.current = None
        self.viewport().update()

    def show_match(self, index: int, seq: int, start: int, end: int) -> None:
        """Scroll to a match and mark it as the one where the search stands."""
        self.painting.current = (seq, start, end)
        self.selection.clear()
        self.set_following(False)
        self.reveal(index)
        self.viewport().update()

    @property
    def chosen_seq(self) -> int | None:
        """The line that was clicked or found last, None where there is none."""
        if self.selection.cursor is not None:
            return self.selection.cursor.seq
        return self.painting.current[0] if self.painting.current is not None else None

    @property
    def has_selection(self) -> bool:
        """Whether any text is selected."""
        return bool(self.selection)

    def select_all(self) -> None:
        """Select every row."""
        if self._rows is not None and len(self._rows):
            last = self._rows.row(len(self._rows) - 1).seq
            self.selection.select_lines(self._rows.row(0).seq, last)
            self.viewport().update()
            self.selection_changed.emit()

    @property
    def selected_span(self) -> tuple[int, int] | None:
        """The numbers of the first and the last selected line."""
        return self.selection.span

    def selected_text(
        self, rows: list[LogRow] | None = None, *, messages_only: bool = False
    ) -> str:
        """Return the selected text as it is shown, at most ``MAX_COPY_ROWS`` rows.

        Args:
            rows: the selected rows, where they had to be read; those of the source when None.
            messages_only: whether whole messages are returned, without time, level and columns.
        """
        if self._rows is None or not self.selection:
            return ""
        if rows is None:
            first, last = self.selection.bounds
            start = self._rows.index_of_seq(first.seq)
            stop = min(self._rows.index_of_seq(last.seq + 1), start + MAX_COPY_ROWS)
            rows = self._rows.rows(start, stop)
        if messages_only:
            return "\n".join([self.painting.rows.plain(row) for row in rows])
        pieces: list[str] = []
        for row in rows:
            left, right = self.selection.columns(row.seq) or (0, None)
            pieces.append(self.painting.rows.text(row)[left:right])
        return "\n".join(pieces)

    def copy(self, rows: list[LogRow] | None = None, *, messages_only: bool = False) -> None:
        """Put the selected text on the clipboard; arguments as for ``selected_text``."""
        text = self.selected_text(rows, messages_only=messages_only)
        if text:
            QGuiApplication.clipboard().setText(text)

    def place_at(self, position: QPointF) -> Place | None:
        """Return the place under a point of the viewport, the nearest one where none is there."""
        height, found = self.painting.row_height, None
        for row, top, spans in self._visible():
            found = row, top, spans
            if position.y() < top + height * len(spans):
                break
        if found is None:
            return None
        row, top, spans = found
        text = self.painting.rows.text(row)
        line = max(0, min(len(spans) - 1, int((position.y() - top) // height)))
        start, end = spans[line]
        x = position.x() - MARGIN
        if line:
            x -= self.painting.indent(row, self.viewport().width())
        x += self.horizontalScrollBar().value() * self.painting.char_width
        return Place(row.seq, start + self.painting.column_at(text[start:end], x))

    # -- events ----------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the rows on the screen."""
        painter = QPainter(self.viewport())
        # Qt gives a painter the direction of the program, and not that of its widget.
        painter.setLayoutDirection(self.layoutDirection())
        painter.fillRect(event.rect(), self.painting.back)
        painter.setFont(self.painting.font)
        width = self.viewport().width()
        left = MARGIN - self.horizontalScrollBar().value() * self.painting.char_width
        for row, top, spans in self._visible():
            selected = self.selection.columns(row.seq)
            if self._is_wrapping:
                self.painting.paint_wrapped(painter, row, top, width, spans, selected)
            else:
                columns = self.painting.paint(painter, row, top, left, width, selected)
                self._note_width(columns)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin a selection, or extend it with Shift; press the gutter or a pill."""
        if event.button() != Qt.MouseButton.LeftButton:
            return
        place = self.place_at(event.position())
        row = self.row_of(place.seq) if place is not None else None
        if row is not None and event.position().x() < MARGIN:
            self.gutter_clicked.emit(row.seq)
        elif row is not None and self._is_on_pill(row, event.position()):
            self.pill_clicked.emit(row.seq)
        else:
            is_extending = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            self.selection.begin(place, is_extending=is_extending)
            self._pressed_at = event.position()
            if row is not None and self.painting.rows.style is TimeStyle.RELATIVE:
                self.painting.rows.base_ns = row.timestamp_ns or self.painting.rows.base_ns
        self.viewport().update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Extend the selection, scrolling at the edges; tell what is under the pointer."""
        if not event.buttons() & Qt.MouseButton.LeftButton or self._pressed_at is None:
            self.hovered.emit(self.place_at(event.position()))
            return
        y = event.position().y()
        if y < 0:
            self.scroll_lines(-1)
        elif y > self.viewport().height():
            self.scroll_lines(1)
        self.selection.cursor = self.place_at(event.position())
        self.viewport().update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Tell a click from a selection."""
        pressed_at, self._pressed_at = self._pressed_at, None
        if event.button() != Qt.MouseButton.LeftButton or pressed_at is None:
            return
        way = event.position() - pressed_at
        if not self.selection and way.manhattanLength() <= _CLICK_PX:
            self.clicked.emit(self.place_at(event.position()))
        self.selection_changed.emit()

    def leaveEvent(self, event: object) -> None:
        """Tell that the pointer is over nothing."""
        super().leaveEvent(event)  # type: ignore[arg-type]
        self.hovered.emit(None)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Select the word under the pointer."""
        place = self.place_at(event.position())
        row = self.row_of(place.seq) if place is not None else None
        if place is None or row is None:
            return
        for word in re.finditer(r"[\w./:@-]+", self.painting.rows.text(row)):
            if word.start() <= place.column <= word.end():
                self.selection.select_word(place.seq, word.start(), word.end())
        self.viewport().update()
        self.selection_changed.emit()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Ask the console for its menu; what is not selected is chosen first."""
        place = self.place_at(QPointF(event.pos()))
        if place is not None and not self.selection.columns(place.seq):
            self.selection.begin(place, is_extending=False)
        self.menu_wanted.emit(event.globalPos())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Scroll and select with the keyboard."""
        key, page = event.key(), self._page
        steps = {
            Qt.Key.Key_Up: -1,
            Qt.Key.Key_Down: 1,
            Qt.Key.Key_PageUp: -page,
            Qt.Key.Key_PageDown: page,
        }
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy_wanted.emit()
        elif event.matches(QKeySequence.StandardKey.SelectAll):
            self.select_all()
        elif key in steps:
            self.scroll_lines(steps[Qt.Key(key)])
        elif key == Qt.Key.Key_Home:
            self.verticalScrollBar().setValue(0)
        elif key == Qt.Key.Key_End:
            self.set_following(True)
        elif key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            sideways = self.horizontalScrollBar()
            sideways.setValue(sideways.value() + (8 if key == Qt.Key.Key_Right else -8))
        else:
            super().keyPressEvent(event)

    def _is_on_pill(self, row: LogRow, position: QPointF) -> bool:
        width = self.painting.pill_width(row)
        return bool(width) and position.x() >= self.viewport().width() - width
