"""Shows the visible rows of a log; a million lines cost no more than a screenful.

Owns scrolling, following and selection. The lines belong to a buffer of the control layer, which is
asked for the rows on the screen only, on a timer that coalesces any number of changes. A place in
the log is kept as the line's number, which stays true while rows come and leave.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from PySide6.QtCore import QPoint, QPointF, Qt, QTimer, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QFrame, QWidget

from slate_desktop.ui.console.painting import MARGIN, RowPainter
from slate_desktop.ui.theme import Theme

if TYPE_CHECKING:
    from slate_desktop.control.console import LogBuffer, LogView
    from slate_desktop.control.console_chunks import LogRow
    from slate_desktop.control.stored_log import StoredLog

REPAINT_MS = 33
# Copying more than this would stall the window; saving has no such limit.
MAX_COPY_ROWS = 50_000
_MAX_COLUMNS = 70_000
_END_COLUMN = 2**30
Rows: TypeAlias = "LogBuffer | LogView | StoredLog"


class Place(NamedTuple):
    """A position between characters: the line's number and the column."""

    seq: int
    column: int


class ConsoleView(QAbstractScrollArea):
    """The painter's frame. ``set_rows`` gives it something to show and follows its signals."""

    follow_changed = Signal(bool)
    pending_changed = Signal(int)
    menu_wanted = Signal(QPoint)
    top_reached = Signal()
    copy_wanted = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.painting = RowPainter(theme)
        self._rows: Rows | None = None
        self._is_following = True
        self._pending = 0
        self._trimmed = 0
        self._is_reset = False
        self._top_seq = 0
        self._columns = 80
        self._anchor: Place | None = None
        self._cursor: Place | None = None
        self._is_syncing = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(REPAINT_MS)
        self._timer.timeout.connect(self.sync)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(self.tr("Log lines"))
        self.viewport().setCursor(Qt.CursorShape.IBeamCursor)
        self.verticalScrollBar().valueChanged.connect(self._on_scroll)
        self.horizontalScrollBar().valueChanged.connect(lambda _value: self.viewport().update())

    # -- what is shown ---------------------------------------------------------------------

    @property
    def rows(self) -> Rows | None:
        """What is shown, or None."""
        return self._rows

    def set_rows(self, rows: Rows | None, *, keep_place: bool = False) -> None:
        """Show another source from its end, or the same log through another filter."""
        if self._rows is not None:
            self._rows.appended.disconnect(self._on_appended)
            self._rows.trimmed.disconnect(self._on_trimmed)
            self._rows.reset.disconnect(self._on_reset)
        self._rows = rows
        self._trimmed, self._is_reset = 0, keep_place
        if rows is not None:
            rows.appended.connect(self._on_appended)
            rows.trimmed.connect(self._on_trimmed)
            rows.reset.connect(self._on_reset)
        if not keep_place:
            self._anchor = self._cursor = self.painting.current = None
            self._columns = 80
            self.set_following(True)
        self.sync()

    def touch(self) -> None:
        """Look at the source at the next tick of the timer."""
        if not self._timer.isActive():
            self._timer.start()

    def set_times(self, is_on: bool) -> None:
        """Show or hide the time of each line."""
        self.painting.has_times = is_on
        self._anchor = self._cursor = None
        self.sync()

    def apply_theme(self) -> None:
        """Take fonts and colours of the theme."""
        self.painting.apply_theme()
        self.sync()

    # -- following -------------------------------------------------------------------------

    @property
    def is_following(self) -> bool:
        """Whether the view stays at the newest line."""
        return self._is_following

    @property
    def pending(self) -> int:
        """How many lines came since the view stopped following."""
        return self._pending

    def set_following(self, is_on: bool) -> None:
        """Stay at the newest line, or stay where the view is."""
        if is_on:
            self._set_pending(0)
        if is_on != self._is_following:
            self._is_following = is_on
            self.follow_changed.emit(is_on)
        if is_on:
            self.sync()

    def sync(self) -> None:
        """Bring scroll bars and picture up to date with the source."""
        count = len(self._rows) if self._rows is not None else 0
        page = max(1, self.viewport().height() // self.painting.row_height)
        bar = self.verticalScrollBar()
        self._is_syncing = True
        value = bar.value() - self._trimmed
        if self._is_reset and self._rows is not None:
            value = self._rows.index_of_seq(self._top_seq)
        self._trimmed, self._is_reset = 0, False
        bar.setPageStep(page)
        bar.setRange(0, max(0, count - page))
        bar.setValue(bar.maximum() if self._is_following else max(0, value))
        self._is_syncing = False
        self._remember_top()
        self._sync_horizontal()
        self.viewport().update()

    # -- search ----------------------------------------------------------------------------

    def set_search(self, pattern: re.Pattern[str] | None) -> None:
        """Mark every match of ``pattern`` in the visible messages."""
        self.painting.pattern = pattern
        self.painting.current = None
        self.viewport().update()

    def show_match(self, index: int, seq: int, start: int, end: int) -> None:
        """Scroll to a match and mark it as the one where the search stands."""
        self.painting.current = (seq, start, end)
        self.set_following(False)
        self.reveal(index)
        self.viewport().update()

    @property
    def top_seq(self) -> int:
        """The number of the first line on the screen."""
        return self._top_seq

    @property
    def bottom_seq(self) -> int:
        """The number of the last line on the screen, 0 where there is none."""
        if self._rows is None or not len(self._rows):
            return 0
        bar = self.verticalScrollBar()
        return self._rows.row(min(bar.value() + bar.pageStep(), len(self._rows)) - 1).seq

    def reveal(self, index: int) -> None:
        """Scroll so that a row stands in the middle, unless it is visible."""
        bar = self.verticalScrollBar()
        if not bar.value() <= index < bar.value() + bar.pageStep():
            bar.setValue(index - bar.pageStep() // 2)

    # -- selection -------------------------------------------------------------------------

    @property
    def has_selection(self) -> bool:
        """Whether any text is selected."""
        return None not in (self._anchor, self._cursor) and self._anchor != self._cursor

    def select_all(self) -> None:
        """Select every row."""
        if self._rows is not None and len(self._rows):
            # To the end of the last line, whether its text is here or is still to be read.
            self._anchor = Place(self._rows.row(0).seq, 0)
            self._cursor = Place(self._rows.row(len(self._rows) - 1).seq, _END_COLUMN)
            self.viewport().update()

    @property
    def selected_span(self) -> tuple[int, int] | None:
        """The numbers of the first and the last selected line."""
        if not self.has_selection:
            return None
        first, last = self._selection()
        return first.seq, last.seq

    def selected_text(self, rows: list[LogRow] | None = None) -> str:
        """Return the selected text as it is shown, at most ``MAX_COPY_ROWS`` rows.

        Args:
            rows: the selected rows, where they had to be read; those of the source when None.
        """
        if self._rows is None or not self.has_selection:
            return ""
        first, last = self._selection()
        if rows is None:
            start = self._rows.index_of_seq(first.seq)
            stop = min(self._rows.index_of_seq(last.seq + 1), start + MAX_COPY_ROWS)
            rows = self._rows.rows(start, stop)
        pieces: list[str] = []
        for row in rows:
            left, right = self._selected_columns(row.seq) or (0, None)
            pieces.append(self.painting.text(row)[left:right])
        return "\n".join(pieces)

    def copy(self, rows: list[LogRow] | None = None) -> None:
        """Put the selected text on the clipboard; ``rows`` as for ``selected_text``."""
        text = self.selected_text(rows)
        if text:
            QGuiApplication.clipboard().setText(text)

    # -- events ----------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the rows on the screen."""
        painter = QPainter(self.viewport())
        painter.fillRect(event.rect(), self.painting.back)
        if self._rows is None:
            return
        painter.setFont(self.painting.font)
        height, width = self.painting.row_height, self.viewport().width()
        first = self.verticalScrollBar().value()
        left = MARGIN - self.horizontalScrollBar().value() * self.painting.char_width
        widest = self._columns
        for number, row in enumerate(
            self._rows.rows(first, first + self.viewport().height() // height + 1)
        ):
            selected = self._selected_columns(row.seq) if self.has_selection else None
            columns = self.painting.paint(painter, row, number * height, left, width, selected)
            widest = max(widest, columns)
        if widest > self._columns:
            self._columns = min(widest, _MAX_COLUMNS)
            self.touch()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the newest line in view while following."""
        super().resizeEvent(event)
        self.sync()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin a selection, or extend it with Shift."""
        if event.button() == Qt.MouseButton.LeftButton:
            place = self._place_at(event.position())
            is_extending = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            if not (is_extending and self._anchor is not None):
                self._anchor = place
            self._cursor = place
            self.viewport().update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Extend the selection, scrolling at the edges."""
        if not event.buttons() & Qt.MouseButton.LeftButton or self._anchor is None:
            return
        y, bar = event.position().y(), self.verticalScrollBar()
        if y < 0:
            bar.setValue(bar.value() - 1)
        elif y > self.viewport().height():
            bar.setValue(bar.value() + 1)
        self._cursor = self._place_at(event.position())
        self.viewport().update()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Select the word under the pointer."""
        place = self._place_at(event.position())
        if place is None or self._rows is None:
            return
        text = self.painting.text(self._rows.row(self._rows.index_of_seq(place.seq)))
        for word in re.finditer(r"[\w./:@-]+", text):
            if word.start() <= place.column <= word.end():
                self._anchor = Place(place.seq, word.start())
                self._cursor = Place(place.seq, word.end())
        self.viewport().update()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Ask the console for its menu."""
        self.menu_wanted.emit(event.globalPos())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Scroll and select with the keyboard."""
        bar, key = self.verticalScrollBar(), event.key()
        steps = {
            Qt.Key.Key_Up: -1,
            Qt.Key.Key_Down: 1,
            Qt.Key.Key_PageUp: -bar.pageStep(),
            Qt.Key.Key_PageDown: bar.pageStep(),
        }
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy_wanted.emit()
        elif event.matches(QKeySequence.StandardKey.SelectAll):
            self.select_all()
        elif key in steps:
            bar.setValue(bar.value() + steps[Qt.Key(key)])
        elif key == Qt.Key.Key_Home:
            bar.setValue(0)
        elif key == Qt.Key.Key_End:
            self.set_following(True)
        elif key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            sideways = self.horizontalScrollBar()
            sideways.setValue(sideways.value() + (8 if key == Qt.Key.Key_Right else -8))
        else:
            super().keyPressEvent(event)

    # -- private ---------------------------------------------------------------------------

    def _on_appended(self, count: int) -> None:
        if not self._is_following:
            self._set_pending(self._pending + count)
        self.touch()

    def _on_trimmed(self, count: int) -> None:
        self._trimmed += count
        self.touch()

    def _on_reset(self) -> None:
        self._is_reset = True
        self.touch()

    def _set_pending(self, count: int) -> None:
        if count != self._pending:
            self._pending = count
            self.pending_changed.emit(count)

    def _on_scroll(self, value: int) -> None:
        if self._is_syncing:
            return
        is_at_end = value >= self.verticalScrollBar().maximum()
        if is_at_end != self._is_following:
            self.set_following(is_at_end)
        self._remember_top()
        if value == 0 and not is_at_end:
            self.top_reached.emit()
        self.viewport().update()

    def _remember_top(self) -> None:
        index = self.verticalScrollBar().value()
        if self._rows is not None and index < len(self._rows):
            self._top_seq = self._rows.row(index).seq

    def _sync_horizontal(self) -> None:
        shown = int((self.viewport().width() - 2 * MARGIN) / self.painting.char_width)
        self.horizontalScrollBar().setPageStep(max(1, shown))
        self.horizontalScrollBar().setRange(0, max(0, self._columns - shown))

    def _selection(self) -> tuple[Place, Place]:
        anchor, cursor = self._anchor or Place(0, 0), self._cursor or Place(0, 0)
        return (anchor, cursor) if anchor <= cursor else (cursor, anchor)

    def _selected_columns(self, seq: int) -> tuple[int, int | None] | None:
        first, last = self._selection()
        if not first.seq <= seq <= last.seq:
            return None
        start = first.column if seq == first.seq else 0
        return start, last.column if seq == last.seq else None

    def _place_at(self, position: QPointF) -> Place | None:
        if self._rows is None or not len(self._rows):
            return None
        index = self.verticalScrollBar().value() + int(position.y() // self.painting.row_height)
        row = self._rows.row(max(0, min(len(self._rows) - 1, index)))
        x = position.x() - MARGIN
        x += self.horizontalScrollBar().value() * self.painting.char_width
        return Place(row.seq, self.painting.column_at(self.painting.text(row), x))
