"""Stored lines of several sessions in the order of their times, however many there are.

The order within a session is its own: a line that is stamped earlier than the one before it counts
as that one's (``control.merged_log`` does the same for a window).
"""

from __future__ import annotations

import asyncio
import heapq
from bisect import bisect_right
from collections.abc import AsyncIterator, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

from slate_desktop.domain.logs import LogLevel, LogLine, LogPage

if TYPE_CHECKING:
    from slate_desktop.control.client import Slate

# A line with the number of its session among those that were asked for.
Placed = tuple[int, LogLine]
# A line with the moment that it counts as.
_Timed = tuple[int, LogLine]
_PAGE_LINES = 5_000


class LogFilter:
    """Which lines of a session are wanted.

    Args:
        min_level: this level and heavier ones.
        text: only lines that contain it, in any case.
        since_ns: from this moment on, UTC nanoseconds.
        until_ns: before this moment.
        is_regex: ``text`` is a regular expression.
    """

    def __init__(
        self,
        min_level: LogLevel | str | None = None,
        text: str | None = None,
        since_ns: int | None = None,
        until_ns: int | None = None,
        *,
        is_regex: bool = False,
    ) -> None:
        self.min_level, self.text, self.is_regex = min_level, text, is_regex
        self.since_ns, self.until_ns = since_ns, until_ns

    async def page(
        self,
        slate: Slate,
        session_id: str,
        *,
        limit: int,
        before: int | None = None,
        after: int | None = None,
    ) -> LogPage:
        """Return a page of the wanted lines; raises like ``get_runtime_logs``."""
        return await slate.get_runtime_logs(
            session_id,
            limit=limit,
            before=before,
            after=after,
            min_level=self.min_level,
            text=self.text,
            is_regex=self.is_regex,
            since_ns=self.since_ns,
            until_ns=self.until_ns,
        )


def merge(logs: Sequence[Sequence[LogLine]]) -> list[Placed]:
    """Return the lines of several logs in the order of their times; equal ones as the logs come."""
    return _merge([_timed(log, 0) for log in logs])


def _timed(lines: Sequence[LogLine], newest: int) -> list[_Timed]:
    moments = accumulate((line.timestamp_ns for line in lines), max, initial=newest)
    next(moments)
    return list(zip(moments, lines, strict=True))


def _merge(lanes: Sequence[Sequence[_Timed]]) -> list[Placed]:
    numbered = [
        [(moment, number, line) for moment, line in lane] for number, lane in enumerate(lanes)
    ]
    merged = heapq.merge(*numbered, key=lambda placed: placed[:2])
    return [(number, line) for _, number, line in merged]


async def newest_merged(
    slate: Slate, session_ids: Sequence[str], wanted: LogFilter, limit: int
) -> list[Placed]:
    """Return the newest lines of several sessions together, oldest first."""
    logs = await asyncio.gather(
        *(newest_lines(slate, session_id, wanted, limit) for session_id in session_ids)
    )
    return merge(logs)[-limit:]


async def newest_lines(
    slate: Slate, session_id: str, wanted: LogFilter, limit: int, before: int | None = None
) -> list[LogLine]:
    """Return the newest lines of a session, oldest first."""
    pages: list[list[LogLine]] = []
    left = limit
    while left > 0:
        page = await wanted.page(slate, session_id, limit=min(left, _PAGE_LINES), before=before)
        if not page.lines:
            break
        pages.append(page.lines)
        left -= len(page.lines)
        before = page.lines[0].seq
        if not page.has_older:
            break
    return [line for lines in reversed(pages) for line in lines]


async def merge_all(
    slate: Slate, session_ids: Sequence[str], wanted: LogFilter, last_seqs: Sequence[int]
) -> AsyncIterator[list[Placed]]:
    """Yield every wanted line of several sessions up to a number of each, by time.

    Args:
        slate: who reads.
        session_ids: the sessions.
        wanted: which lines.
        last_seqs: of each session the last number; later lines are left out.
    """
    lanes = [
        _Lane(slate, session_id, wanted, last)
        for session_id, last in zip(session_ids, last_seqs, strict=True)
    ]
    while True:
        await asyncio.gather(*(lane.fill() for lane in lanes))
        # What is older than the newest line that was read of each that goes on cannot change.
        horizon = min((lane.newest for lane in lanes if not lane.is_over), default=None)
        if placed := _merge([lane.take(horizon) for lane in lanes]):
            yield placed
        if horizon is None:
            return


class _Lane:
    """One session's pages, read as they are needed."""

    def __init__(self, slate: Slate, session_id: str, wanted: LogFilter, last_seq: int) -> None:
        self._slate, self._session_id = slate, session_id
        self._wanted, self._last_seq = wanted, last_seq
        self._after = 0
        self._lines: list[_Timed] = []
        self.newest = 0
        self.is_over = False

    async def fill(self) -> None:
        """Read on, if nothing is left and more may come."""
        if self._lines or self.is_over:
            return
        page = await self._wanted.page(
            self._slate, self._session_id, limit=_PAGE_LINES, after=self._after
        )
        lines = [line for line in page.lines if line.seq <= self._last_seq]
        self.is_over = not page.has_newer or len(lines) < len(page.lines)
        self._lines = _timed(lines, self.newest)
        if lines:
            self._after, self.newest = lines[-1].seq, self._lines[-1][0]

    def take(self, horizon: int | None) -> list[_Timed]:
        """Take the lines that are not newer than a moment; all without one."""
        count = len(self._lines)
        if horizon is not None:
            count = bisect_right(self._lines, horizon, key=lambda timed: timed[0])
        taken, self._lines = self._lines[:count], self._lines[count:]
        return taken
