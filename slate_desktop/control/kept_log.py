"""A kept log as the console reads it: the lines that were seen, and no server behind them."""

from __future__ import annotations

import re

from slate_desktop.control.console import LogBuffer
from slate_desktop.control.console_moment import seq_at
from slate_desktop.control.console_text import plain
from slate_desktop.control.last_seen import SeenLog
from slate_desktop.control.live import Lifetime
from slate_desktop.control.log_search import LogSearch, SearchPattern
from slate_desktop.control.stats_history import StatsHistory
from slate_desktop.control.stored_log import StoredLog
from slate_desktop.domain.logs import LogLevel, LogPage


class KeptLog:
    """Lines and samples as they were last seen; nothing of it changes.

    Attributes:
        logs: the lines.
        log: the same, from the first that is kept.
        stats_history: the samples, drawn as at the moment of the last one.
    """

    def __init__(self, key: str, seen: SeenLog) -> None:
        self.logs = LogBuffer()
        self.logs.append(seen.lines)
        self._lines = seen.lines
        self._life = Lifetime(f"kept-log.{key}")
        self.log = StoredLog(self.logs, self._read_page, self._life.spawn)
        self.stats_history = StatsHistory()
        self.stats_history.load(seen.samples)
        if seen.samples:
            self.stats_history.freeze(max(sample.sampled_at_ns for sample in seen.samples))

    async def open(self) -> None:
        """Find out where the lines begin."""
        await self.log.open()

    async def aclose(self) -> None:
        """End what reads in it."""
        await self._life.aclose()

    def search_logs(self, pattern: SearchPattern, near: int) -> LogSearch:
        """Return a search over every line; raises ``re.error`` for a bad expression."""
        first, last = self.log.first_seq, self.log.last_seq
        return LogSearch(pattern, self._search, self._read_page, first=first, last=last, near=near)

    async def find_error(self, seq: int, direction: int) -> int | None:
        """Return the number of the next error line after (1) or before (-1) a number, or None."""
        errors = [line.seq for line in self._lines if line.level is LogLevel.ERROR]
        if direction > 0:
            return min((each for each in errors if each > seq), default=None)
        return max((each for each in errors if each < seq), default=None)

    async def find_moment(self, timestamp_ns: int) -> int | None:
        """Return the number of the first line at or after a moment, of those in memory."""
        return seq_at(self.logs, timestamp_ns) or self.logs.first_seq or None

    async def problem_density(self, buckets: int) -> dict[LogLevel, dict[int, int]]:
        """Return how many warnings and errors lie in each equal part of the log."""
        found: dict[LogLevel, dict[int, int]] = {LogLevel.WARN: {}, LogLevel.ERROR: {}}
        first, total = self.log.first_seq, max(1, len(self.log))
        for line in self._lines:
            counts = found.get(line.level)
            if counts is not None:
                place = min((line.seq - first) * buckets // total, buckets - 1)
                counts[place] = counts.get(place, 0) + 1
        return found

    async def _read_page(self, before: int | None, after: int | None, limit: int) -> LogPage:
        lines = [
            line
            for line in self._lines
            if (before is None or line.seq < before) and (after is None or line.seq > after)
        ]
        page = lines[:limit] if after is not None else lines[-limit:]
        has_more = len(page) < len(lines)
        is_forward = after is not None
        return LogPage(
            lines=page, has_older=has_more and not is_forward, has_newer=has_more and is_forward
        )

    async def _search(
        self, first: int, last: int, pattern: str, *, is_regex: bool
    ) -> list[tuple[int, str | None]]:
        matcher = re.compile(pattern if is_regex else re.escape(pattern), re.IGNORECASE)
        return [
            (line.seq, None)
            for line in self._lines
            if first <= line.seq <= last and matcher.search(plain(line.message))
        ]
