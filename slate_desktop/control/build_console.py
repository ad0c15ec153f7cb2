"""The log of one build as the console's buffer: what is stored, then what comes."""

from __future__ import annotations

import re

from slate_desktop.control.client import Slate
from slate_desktop.control.console import LogBuffer
from slate_desktop.control.console_moment import seq_at
from slate_desktop.control.console_text import plain
from slate_desktop.control.events import BuildLinesData
from slate_desktop.control.live import Lifetime, Rereading
from slate_desktop.control.log_search import LogSearch, SearchPattern
from slate_desktop.control.signals import Signal
from slate_desktop.control.stored_log import StoredLog
from slate_desktop.domain.build import BuildJob
from slate_desktop.domain.logs import LogLevel, LogLine, LogPage
from slate_desktop.errors import SlateError

_PAGE = 5_000
_LOOK_S = 3.0


class BuildLogModel:
    """A build's log as the console reads it: its newest attempt, live."""

    failed = Signal(object)  # SlateError

    def __init__(self, slate: Slate, build: BuildJob) -> None:
        self.build_id = build.id
        self.logs = LogBuffer()
        self._slate = slate
        self._build = build
        self._attempt = max(1, build.attempt)
        # Lines of a later attempt count from 1 again; here they go on.
        self._offset = 0
        self._life = Lifetime(f"build-log.{build.id}")
        self.log = StoredLog(self.logs, self._read_page, self._life.spawn)
        self._rereading: Rereading | None = None

    async def open(self) -> None:
        """Read what is stored, and follow.

        Raises:
            SlateError: it cannot be read.
        """
        self._life.own(
            await self._slate.events.follow_build_logs(
                self._build.project_id, self.build_id, self._on_lines
            )
        )
        await self._read()
        await self.log.open()
        self._rereading = Rereading(self._life, self._read, self._on_error, every_s=_LOOK_S)

    async def aclose(self) -> None:
        """Stop following."""
        await self._life.aclose()

    def search_logs(self, pattern: SearchPattern, near: int) -> LogSearch:
        """Return a search over every line; raises ``re.error`` for a bad expression."""
        return LogSearch(
            pattern,
            self._search,
            self._read_page,
            first=self.log.first_seq,
            last=self.log.last_seq,
            near=near,
        )

    async def find_error(self, seq: int, direction: int) -> int | None:
        """Return the number of the next error line after (1) or before (-1) a number, or None.

        Raises:
            SlateError: the log cannot be read.
        """
        if direction > 0:
            lines = await self._lines(seq, 1, LogLevel.ERROR)
            return lines[0].seq if lines else None
        lines = await self._lines(self._offset, _PAGE, LogLevel.ERROR)
        return max((line.seq for line in lines if line.seq < seq), default=None)

    async def find_moment(self, timestamp_ns: int) -> int | None:
        """Return the number of the first line at or after a moment, of those in memory."""
        return seq_at(self.logs, timestamp_ns) or self.logs.first_seq or None

    async def problem_density(self, buckets: int) -> dict[LogLevel, dict[int, int]]:
        """Return how many warnings and errors lie in each equal part of the shown log.

        Raises:
            SlateError: the log cannot be read.
        """
        found: dict[LogLevel, dict[int, int]] = {LogLevel.WARN: {}, LogLevel.ERROR: {}}
        first, total = self.log.first_seq, max(1, len(self.log))
        for line in await self._lines(self._offset, _PAGE, LogLevel.WARN):
            place = (line.seq - first) * buckets // total
            if 0 <= place < buckets:
                counts = found[line.level]
                counts[place] = counts.get(place, 0) + 1
        return found

    async def _read(self) -> None:
        """Bring what is stored and not here yet."""
        while page := await self._lines(self.logs.last_seq, _PAGE):
            self.logs.append(page)

    async def _lines(self, after: int, limit: int, level: LogLevel | None = None) -> list[LogLine]:
        """Return stored lines after a number, as the console counts them."""
        lines = await self._slate.get_build_logs(
            self.build_id,
            attempt=self._attempt,
            after=max(0, after - self._offset),
            limit=limit,
            level=level,
        )
        return [
            LogLine(
                seq=line.seq + self._offset,
                timestamp_ns=line.ts_ns,
                level=line.level,
                message=line.message,
                stream=line.stream,
            )
            for line in lines
        ]

    async def _read_page(self, before: int | None, after: int | None, limit: int) -> LogPage:
        if before is not None:
            after = max(self._offset, before - limit - 1)
        lines = await self._lines(after or 0, limit)
        lines = [line for line in lines if before is None or line.seq < before]
        return LogPage(lines=lines, has_older=(after or 0) > 0, has_newer=len(lines) == limit)

    async def _search(
        self, first: int, last: int, pattern: str, *, is_regex: bool
    ) -> list[tuple[int, str | None]]:
        """Find lines between two numbers here: builds have fewer of them than sessions."""
        matcher = re.compile(pattern if is_regex else re.escape(pattern), re.IGNORECASE)
        found: list[tuple[int, str | None]] = []
        after = first - 1
        while after < last and (page := await self._lines(after, _PAGE)):
            after = page[-1].seq
            found += [
                (line.seq, None)
                for line in page
                if line.seq <= last and matcher.search(plain(line.message))
            ]
        return found

    def _on_lines(self, data: BuildLinesData) -> None:
        if data.attempt > self._attempt:
            self._attempt = data.attempt
            self._offset = self.logs.last_seq
        if data.attempt < self._attempt:
            return
        if data.first_seq + self._offset > self.logs.last_seq + 1:
            if self._rereading is not None:
                self._rereading.ask()
            return
        self.logs.append(
            LogLine(
                seq=seq + self._offset,
                timestamp_ns=ts_ns,
                level=LogLevel(level),
                message=message,
                stream=stream,
            )
            for seq, ts_ns, level, stream, message, _step in data.lines
        )

    def _on_error(self, error: SlateError | None) -> None:
        if error is not None:
            self.failed.emit(error)
