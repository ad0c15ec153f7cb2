"""A session's whole log as rows: the ring buffer's lines, and every older one by its page.

::

    line 1 ............................ first kept line ............... newest line
    └ pages of the database, read when they are looked at ┘└ ring buffer, in memory ┘

Row ``i`` is always line ``first_seq + i``, so that rows stay where they are while lines come, and
scrolling to the first line of ten million reads one page. A page that is being read shows rows of
the kind ``WAITING``; a number that has no line shows as a gap.
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import msgspec

from slate_desktop.control.console import LogBuffer
from slate_desktop.control.console_chunks import LogRow, RowKind, row_of
from slate_desktop.control.console_snapshot import SnapshotPart, pages
from slate_desktop.control.history import ReadPage
from slate_desktop.control.signals import Signal
from slate_desktop.domain.logs import LogLevel
from slate_desktop.errors import SlateError

logger = logging.getLogger(__name__)

PAGE_ROWS = 500
KEPT_PAGES = 64
# Of the pages that a dragged scroll bar passes, only the last ones are worth reading.
_WANTED_PAGES = 4
_RETRY_S = 2.0
NEVER_STORED = "never stored"
_EXPORT_ROWS = 5_000

Spawn = Callable[[Coroutine[Any, Any, None], str], object]


class StoredLog:
    """Every line of a session's log, indexable like the buffer; nothing of it is copied.

    Args:
        buffer: the newest lines.
        read_page: reads stored lines: ``(before, after, limit)``.
        spawn: runs a coroutine until the session is closed.
    """

    appended = Signal(int)
    reset = Signal()
    trimmed = Signal(int)  # never emitted: rows stay where they are

    def __init__(self, buffer: LogBuffer, read_page: ReadPage, spawn: Spawn) -> None:
        self.buffer = buffer
        self._read_page = read_page
        self._spawn = spawn
        self._first = 1
        self._pages: OrderedDict[int, dict[int, LogRow]] = OrderedDict()
        self._wanted: list[int] = []
        self._failed_at: dict[int, float] = {}
        self._is_reading = False
        buffer.appended.connect(self.appended.emit)
        buffer.reset.connect(self._on_buffer_reset)

    def __len__(self) -> int:
        return max(0, self.last_seq - self.first_seq + 1)

    @property
    def first_seq(self) -> int:
        """The first line that is shown."""
        return self._first

    @property
    def last_seq(self) -> int:
        """The newest line."""
        return self.buffer.last_seq

    async def open(self) -> None:
        """Find out where the stored log begins.

        Raises:
            SlateError: it cannot be read; what the buffer holds is shown all the same.
        """
        page = await self._read_page(None, 0, 1)
        if page.lines and page.lines[0].seq > self._first:
            self._first = page.lines[0].seq
            self.reset.emit()

    def clear(self) -> None:
        """Show only what comes from now on; what is stored stays stored."""
        self._first = self.last_seq + 1
        self.buffer.clear()

    def row(self, index: int) -> LogRow:
        """Return one row; asks for its page when that is not here."""
        if not 0 <= index < len(self):
            raise IndexError(index)
        seq = self.first_seq + index
        kept = self._kept(seq)
        if kept is not None:
            return kept
        number = (seq - 1) // PAGE_ROWS
        page = self._pages.get(number)
        if page is None:
            self._want(number)
            return _nothing(seq, RowKind.WAITING)
        self._pages.move_to_end(number)
        return page.get(seq) or _nothing(seq, RowKind.GAP, NEVER_STORED)

    def rows(self, start: int, stop: int) -> list[LogRow]:
        """Return rows ``start`` to ``stop - 1``; bounds outside are cut."""
        return [self.row(index) for index in range(max(0, start), min(stop, len(self)))]

    def index_of_seq(self, seq: int) -> int:
        """Return the index of the first row whose ``seq`` is not smaller."""
        return max(0, min(seq - self.first_seq, len(self)))

    def read(self, first: int, last: int) -> AsyncIterator[list[LogRow]]:
        """Yield the lines ``first`` to ``last`` in pages, whether they are kept or stored.

        What is kept at the moment of the call is held on to, whatever leaves meanwhile.

        Raises:
            SlateError: stored lines cannot be read now.
        """
        kept = self.buffer.first_seq or last + 1
        return self._read(max(first, self.first_seq), last, kept, self.buffer.snapshot())

    async def _read(
        self, seq: int, last: int, kept: int, parts: list[SnapshotPart]
    ) -> AsyncIterator[list[LogRow]]:
        first = seq
        end = min(last, kept - 1)
        while seq <= end:
            page = await self._read_page(None, seq - 1, min(_EXPORT_ROWS, end - seq + 1))
            rows = [row_of(line) for line in page.lines if line.seq <= end]
            if not rows:
                break
            yield rows
            seq = rows[-1].seq + 1
        for rows in pages(parts, _EXPORT_ROWS):
            if rows[0].seq > last:
                return
            wanted = [row for row in rows if first <= row.last_seq and row.seq <= last]
            if wanted:
                yield wanted

    def _kept(self, seq: int) -> LogRow | None:
        if not self.buffer.first_seq or seq < self.buffer.first_seq:
            return None
        row = self.buffer.row(self.buffer.index_of_seq(seq))
        if row.seq > seq:
            return _nothing(seq, RowKind.GAP, NEVER_STORED)
        if row.kind is RowKind.GAP:
            return msgspec.structs.replace(row, seq=seq, last_seq=seq)
        return row

    def _want(self, number: int) -> None:
        if time.monotonic() - self._failed_at.get(number, -_RETRY_S) < _RETRY_S:
            return
        if number in self._wanted:
            self._wanted.remove(number)
        self._wanted.append(number)
        del self._wanted[:-_WANTED_PAGES]
        if not self._is_reading:
            self._is_reading = True
            self._spawn(self._read_wanted(), "log-pages")

    async def _read_wanted(self) -> None:
        try:
            while self._wanted:
                number = self._wanted[-1]
                await self._read_one(number)
                if number in self._wanted:
                    self._wanted.remove(number)
                self.reset.emit()
        finally:
            self._is_reading = False

    async def _read_one(self, number: int) -> None:
        start = number * PAGE_ROWS
        try:
            page = await self._read_page(None, start, PAGE_ROWS)
        except SlateError as exc:
            logger.info("a page of the log cannot be read", extra={"reason": str(exc)})
            self._failed_at[number] = time.monotonic()
            return
        self._failed_at.pop(number, None)
        rows = [row_of(line) for line in page.lines]
        self._pages[number] = {row.seq: row for row in rows if row.seq <= start + PAGE_ROWS}
        while len(self._pages) > KEPT_PAGES:
            self._pages.popitem(last=False)

    def _on_buffer_reset(self) -> None:
        # A hole was filled, or lines moved: what a page lacked may be stored by now.
        self._pages.clear()
        self.reset.emit()


def _nothing(seq: int, kind: RowKind, message: str = "") -> LogRow:
    return LogRow(
        kind=kind,
        seq=seq,
        last_seq=seq,
        timestamp_ns=0,
        level=LogLevel.INFO,
        stream="",
        message=message,
    )
