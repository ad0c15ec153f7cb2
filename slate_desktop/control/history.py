"""Fills a console: a page of history up to line N, then live from N+1, holes refetched.

::

    loading ──page read──→ live ──first_seq > have+1──→ catching up ──→ live
                                                           └─ not stored yet ─→ a gap row

A batch reaches the windows and the database at the same time, so that a missing line may be a
moment late in either; only after several looks does a hole become a row, and even then it is looked
for again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Awaitable, Callable

from slate_desktop.control.console import LogBuffer
from slate_desktop.domain.logs import LogPage
from slate_desktop.errors import SlateError
from slate_desktop.wire.log_batch import LogBatch

logger = logging.getLogger(__name__)

PAGE_LINES = 5000
_LOOKS_S = (0.05, 0.2, 0.5, 1.0, 2.0)
_GAP_RETRY_S = 5.0
_RETRY_S = 2.0
_GAP_TRIES = 60
_MAX_WAITING = 1024

# get_logs(before, after, limit): lines below one number, or above the other.
ReadPage = Callable[[int | None, int | None, int], Awaitable[LogPage]]


class LogHistory:
    """Feeds one session's lines into a buffer, in order and without doubles.

    Args:
        buffer: the console's rows.
        read_page: reads stored lines: ``(before, after, limit)``.
    """

    def __init__(self, buffer: LogBuffer, read_page: ReadPage) -> None:
        self.has_older = False
        self._buffer = buffer
        self._read_page = read_page
        self._waiting: deque[LogBatch] = deque()
        self._is_ready = False
        self._wants_more = False
        self._catching_up: asyncio.Task[None] | None = None
        self._filling: asyncio.Task[None] | None = None

    async def open(self, page: int = 2000) -> None:
        """Load the newest page; batches offered meanwhile are applied after it.

        Raises:
            SlateError: the history cannot be read; live lines are shown all the same.
        """
        try:
            await self._read_newest(page)
        finally:
            self._is_ready = True
            self._drain()

    def offer(self, batch: LogBatch) -> None:
        """Take a live batch."""
        if not len(batch):
            return
        if self._is_ready and not self._waiting and self._fits(batch):
            self._buffer.append_batch(batch)
            return
        if len(self._waiting) >= _MAX_WAITING:
            self._waiting.popleft()  # it is stored, and will be read from there
        self._waiting.append(batch)
        if self._is_ready:
            self._drain()

    async def load_older(self, limit: int = 1000) -> int:
        """Put an older page in front; returns the number of lines."""
        first = self._buffer.first_seq
        if not self.has_older or first <= 1:
            return 0
        page = await self._read_page(first, None, limit)
        count = self._buffer.prepend(page.lines)
        self.has_older = page.has_older and count == len(page.lines)
        return count

    def catch_up(self) -> None:
        """Read what is stored beyond the newest line: after a loss of connection, or at the end."""
        self._wants_more = True
        if self._is_ready:
            self._start_catching_up()

    async def settled(self) -> None:
        """Return once nothing is being refetched."""
        while self._catching_up is not None and not self._catching_up.done():
            await asyncio.wait({self._catching_up})

    async def aclose(self) -> None:
        """End refetching."""
        tasks = {task for task in (self._catching_up, self._filling) if task is not None}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _fits(self, batch: LogBatch) -> bool:
        return batch.first_seq <= self._buffer.last_seq + 1

    def _drain(self) -> None:
        while self._waiting and self._fits(self._waiting[0]):
            self._buffer.append_batch(self._waiting.popleft())
        if self._waiting:
            self._start_catching_up()

    def _start_catching_up(self) -> None:
        if self._catching_up is None or self._catching_up.done():
            self._catching_up = asyncio.create_task(self._catch_up(), name="log-catch-up")

    async def _catch_up(self) -> None:
        look = 0
        while self._waiting or self._wants_more:
            self._wants_more = False
            try:
                count, is_last = await self._read_more()
            except SlateError as exc:
                logger.info("stored lines cannot be read", extra={"reason": str(exc)})
                count, is_last = 0, True
                if not self._waiting:
                    # Nothing else may ever ask again: the database tells nobody when it is back.
                    self._wants_more = True
                    await asyncio.sleep(_RETRY_S)
            if count:
                look = 0
            self._drain_waiting()
            if not is_last:
                self._wants_more = True
                await asyncio.sleep(0)
            elif self._waiting:
                if look == len(_LOOKS_S):
                    self._give_up()
                    look = 0
                else:
                    await asyncio.sleep(_LOOKS_S[look])
                    look += 1

    async def _read_newest(self, limit: int) -> int:
        found = await self._read_page(None, None, limit)
        self.has_older = found.has_older
        return self._buffer.append(found.lines)

    async def _read_more(self) -> tuple[int, bool]:
        have = self._buffer.last_seq
        if not have:
            return await self._read_newest(PAGE_LINES), True
        page = await self._read_page(None, have, PAGE_LINES)
        lines = page.lines
        if lines and lines[0].seq > have + 1:
            # The database has a hole too, for now: later lines are not taken over it.
            return 0, True
        sound = len(lines)
        for index in range(1, len(lines)):
            if lines[index].seq != lines[index - 1].seq + 1:
                sound = index
                break
        is_last = not page.has_newer or sound < len(lines)
        return self._buffer.append(lines[:sound]), is_last

    def _drain_waiting(self) -> None:
        while self._waiting and self._fits(self._waiting[0]):
            self._buffer.append_batch(self._waiting.popleft())

    def _give_up(self) -> None:
        """Show the hole before the first waiting batch, and look for it now and then."""
        self._buffer.append_gap(self._buffer.last_seq + 1, self._waiting[0].first_seq - 1)
        self._drain_waiting()
        if self._filling is None or self._filling.done():
            self._filling = asyncio.create_task(self._fill_gaps(), name="log-gaps")

    async def _fill_gaps(self) -> None:
        for _ in range(_GAP_TRIES):
            await asyncio.sleep(_GAP_RETRY_S)
            for first, last in self._buffer.gaps:
                with contextlib.suppress(SlateError):
                    page = await self._read_page(None, first - 1, min(PAGE_LINES, last - first + 1))
                    lines = [line for line in page.lines if first <= line.seq <= last]
                    if lines:
                        self._buffer.fill_gap(first, last, lines)
            if not self._buffer.gaps:
                return
