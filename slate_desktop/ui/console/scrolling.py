"""Scrolls through a log of any length: the part of the console's view that knows no mouse.

Owns following and the place in the log, which is kept as a line's number and stays true while rows
come and leave. The lines belong to a buffer of the control layer, which is asked for the rows on
the screen only, on a timer that coalesces any number of changes.

The scroll bar counts rows. Wrapped rows are higher than one line: ``_sub`` says how many lines of
the first row are above the screen, and only rows near the screen are ever measured.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeAlias

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QAbstractScrollArea, QWidget

from slate_desktop.ui.console.painting import MARGIN, RowPainter
from slate_desktop.ui.console.wrapping import Span
from slate_desktop.ui.theme import Theme
from slate_desktop.ui.viewport import own_viewport

if TYPE_CHECKING:
    from slate_desktop.control.console import LogBuffer, LogView
    from slate_desktop.control.console_chunks import LogRow
    from slate_desktop.control.merged_log import MergedLog
    from slate_desktop.control.stored_log import StoredLog

REPAINT_MS = 33
_MAX_COLUMNS = 70_000
_WHEEL_STEP = 120
_WHEEL_LINES = 3
Rows: TypeAlias = "LogBuffer | LogView | StoredLog | MergedLog"


class LogScroll(QAbstractScrollArea):
    """A window on rows. ``set_rows`` gives it something to show and follows its signals."""

    follow_changed = Signal(bool)
    pending_changed = Signal(int)
    top_reached = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        own_viewport(self)
        self.painting = RowPainter(theme)
        self._rows: Rows | None = None
        self._is_following = True
        self._is_wrapping = False
        self._pending = 0
        self._trimmed = 0
        self._is_reset = False
        self._top_seq = 0
        self._sub = 0
        self._end_sub = 0
        self._columns = 80
        self._is_syncing = False
        self._wheel = 0
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(REPAINT_MS)
        self._timer.timeout.connect(self.sync)
        self.verticalScrollBar().valueChanged.connect(self._on_scroll)
        self.horizontalScrollBar().valueChanged.connect(lambda _value: self.viewport().update())

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
            self.painting.current = self.painting.link = None
            self._columns = 80
            self.set_following(True)
        self.sync()

    def touch(self) -> None:
        """Look at the source at the next tick of the timer."""
        if not self._timer.isActive():
            self._timer.start()

    @property
    def is_wrapping(self) -> bool:
        """Whether long lines are wrapped."""
        return self._is_wrapping

    def set_wrapping(self, is_on: bool) -> None:
        """Wrap long lines at the edge, or scroll sideways."""
        self._is_wrapping, self._sub = is_on, 0
        self.horizontalScrollBar().setValue(0)
        policy = Qt.ScrollBarPolicy
        self.setHorizontalScrollBarPolicy(
            policy.ScrollBarAlwaysOff if is_on else policy.ScrollBarAsNeeded
        )
        self._is_reset = True
        self.sync()

    def set_header_height(self, height: int) -> None:
        """Leave room over the lines, in pixels."""
        self.setViewportMargins(0, height, 0, 0)

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
        bar = self.verticalScrollBar()
        self._is_syncing = True
        value = bar.value() - self._trimmed
        if self._is_reset and self._rows is not None:
            value = self._rows.index_of_seq(self._top_seq)
        self._trimmed, self._is_reset = 0, False
        end, self._end_sub = self._find_end(count)
        bar.setPageStep(max(1, count - end if self._is_wrapping else self._page))
        bar.setRange(0, end)
        bar.setValue(end if self._is_following else max(0, value))
        if self._is_following:
            self._sub = self._end_sub
        elif bar.value() == end:
            self._sub = min(self._sub, self._end_sub)
        self._is_syncing = False
        self._remember_top()
        self._sync_horizontal()
        self.viewport().update()

    # -- places ----------------------------------------------------------------------------

    @property
    def top_seq(self) -> int:
        """The number of the first line on the screen."""
        return self._top_seq

    @property
    def bottom_seq(self) -> int:
        """The number of the last line on the screen, 0 where there is none."""
        seq = 0
        for row, top, spans in self._visible():
            if not seq or top + self.painting.row_height * len(spans) <= self.viewport().height():
                seq = row.seq
        return seq

    def visible_rows(self) -> list[LogRow]:
        """Return the rows on the screen."""
        return [row for row, _, _ in self._visible()]

    def row_of(self, seq: int) -> LogRow | None:
        """Return a line by its number, None where it is not shown."""
        if self._rows is None:
            return None
        index = self._rows.index_of_seq(seq)
        row = self._rows.row(index) if index < len(self._rows) else None
        return row if row is not None and row.seq == seq else None

    def reveal(self, index: int) -> None:
        """Scroll so that a row stands in the middle, unless it is visible."""
        bar = self.verticalScrollBar()
        if self._is_wrapping:
            if self._rows is not None and index < len(self._rows):
                seq = self._rows.row(index).seq
                if all(row.seq != seq for row in self.visible_rows()):
                    bar.setValue(index)
                    self.scroll_lines(-self._page // 2)
        elif not bar.value() <= index < bar.value() + bar.pageStep():
            bar.setValue(index - bar.pageStep() // 2)

    def scroll_lines(self, count: int) -> None:
        """Scroll by lines on the screen, of which a wrapped row has several."""
        bar = self.verticalScrollBar()
        rows = self._rows
        if not self._is_wrapping or rows is None:
            bar.setValue(bar.value() + count)
            return
        index, sub = bar.value(), self._sub + count
        while sub < 0 and index > 0:
            index -= 1
            sub += self._height_of(rows, index)
        while index < bar.maximum() and sub >= (height := self._height_of(rows, index)):
            sub -= height
            index += 1
        sub = max(0, sub)
        if index >= bar.maximum():
            index, sub = bar.maximum(), min(sub, self._end_sub)
        self._is_syncing = True
        bar.setValue(index)
        self._is_syncing = False
        self._arrive(index, sub)

    # -- events ----------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the newest line in view while following."""
        super().resizeEvent(event)
        self.sync()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Scroll wrapped rows by lines on the screen."""
        if not self._is_wrapping or not event.angleDelta().y():
            super().wheelEvent(event)
            return
        self._wheel += event.angleDelta().y() * _WHEEL_LINES
        lines = int(self._wheel / _WHEEL_STEP)
        self._wheel -= lines * _WHEEL_STEP
        self.scroll_lines(-lines)
        event.accept()

    # -- private ---------------------------------------------------------------------------

    @property
    def _page(self) -> int:
        return max(1, self.viewport().height() // self.painting.row_height)

    def _visible(self) -> Iterator[tuple[LogRow, int, tuple[Span, ...]]]:
        """Yield the rows on the screen: each with its upper edge and its lines."""
        rows = self._rows
        if rows is None:
            return
        height, end = self.painting.row_height, self.viewport().height()
        width, index = self.viewport().width(), self.verticalScrollBar().value()
        top = -self._sub * height if self._is_wrapping else 0
        while top < end:
            found = rows.rows(index, index + max(1, (end - top) // height + 1))
            if not found:
                return
            for row in found:
                spans = ((0, _MAX_COLUMNS),)
                if self._is_wrapping:
                    spans = self.painting.spans(row, width)
                yield row, top, spans
                top += height * len(spans)
                if top >= end:
                    return
            index += len(found)

    def _height_of(self, rows: Rows, index: int) -> int:
        return len(self.painting.spans(rows.row(index), self.viewport().width()))

    def _find_end(self, count: int) -> tuple[int, int]:
        """Return the first row of the last page, and how many of its lines are above it."""
        page, rows = self._page, self._rows
        if not self._is_wrapping or rows is None:
            return max(0, count - page), 0
        index, lines = count, 0
        while index > 0 and lines < page:
            index -= 1
            lines += self._height_of(rows, index)
        return index, max(0, lines - page)

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
        is_last = value >= self.verticalScrollBar().maximum()
        self._arrive(value, self._end_sub if is_last else 0)

    def _arrive(self, index: int, sub: int) -> None:
        """Note where the view was scrolled to."""
        self._sub = sub
        is_at_end = (index, sub) >= (self.verticalScrollBar().maximum(), self._end_sub)
        if is_at_end != self._is_following:
            self.set_following(is_at_end)
        self._remember_top()
        if (index, sub) == (0, 0) and not is_at_end:
            self.top_reached.emit()
        self.viewport().update()

    def _note_width(self, columns: int) -> None:
        """Make room to scroll sideways for a row that was painted."""
        if columns > self._columns:
            self._columns = min(columns, _MAX_COLUMNS)
            self.touch()

    def _remember_top(self) -> None:
        index = self.verticalScrollBar().value()
        if self._rows is not None and index < len(self._rows):
            self._top_seq = self._rows.row(index).seq

    def _sync_horizontal(self) -> None:
        shown = int((self.viewport().width() - 2 * MARGIN) / self.painting.char_width)
        self.horizontalScrollBar().setPageStep(max(1, shown))
        hidden = 0 if self._is_wrapping else max(0, self._columns - shown)
        self.horizontalScrollBar().setRange(0, hidden)
