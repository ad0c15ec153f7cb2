"""Search over everything that is stored of a session's log, in windows, nearest first.

The database looks through one window per connection while the window's loop is free; hits are
counted as they are found. Lines with terminal colours are looked at again without them, and an
expression that PostgreSQL does not know is looked for here.
"""

from __future__ import annotations

import asyncio
import re
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Awaitable, Callable
from typing import Protocol

import msgspec

from slate_desktop.control.console_text import plain
from slate_desktop.control.signals import Signal
from slate_desktop.domain.logs import LogPage
from slate_desktop.errors import CommandError, SlateError

WINDOW_LINES = 50_000
# The first windows are small, so that what is near is found at once.
_FIRST_LINES = 5_000
_WORKERS = 2
_PAGE_LINES = 5_000
# Twice as many numbers as a person can page through; beyond it hits are counted, not kept.
MAX_HITS = 2_000_000


class SearchStored(Protocol):
    """Finds lines between two numbers: their numbers, and the texts that need another look."""

    def __call__(
        self, first: int, last: int, pattern: str, *, is_regex: bool
    ) -> Awaitable[list[tuple[int, str | None]]]:
        """Raise ``CommandError`` for an expression that is not understood."""
        ...


class SearchPattern(msgspec.Struct, frozen=True):
    """What is looked for, without regard to case."""

    text: str
    is_regex: bool

    def compiled(self) -> re.Pattern[str]:
        """Return it for Python; raises ``re.error``."""
        return re.compile(self.text if self.is_regex else re.escape(self.text), re.IGNORECASE)


class LogSearch:
    """One search; ``run`` it once, ask it while it runs.

    Args:
        pattern: what is looked for.
        search: looks through stored lines.
        read_page: reads stored lines, ``(before, after, limit)``.
        first: the first number that counts.
        last: the last one.
        near: where the search begins.
    """

    changed = Signal()

    def __init__(
        self,
        pattern: SearchPattern,
        search: SearchStored,
        read_page: Callable[[int | None, int | None, int], Awaitable[LogPage]],
        *,
        first: int,
        last: int,
        near: int,
    ) -> None:
        self.pattern = pattern
        self.first, self.last = first, last
        self.is_done = False
        self.error: SlateError | None = None
        self._matcher = pattern.compiled()
        self._search = search
        self._read_page = read_page
        self._hits = array("q")
        self._uncounted = 0
        self._scanned = 0
        self._is_known_to_server = True
        self._windows = _windows(first, last, near)

    @property
    def count(self) -> int:
        """How many lines were found so far."""
        return len(self._hits) + self._uncounted

    @property
    def progress(self) -> float:
        """The share of lines that was looked at, 0 to 1."""
        total = self.last - self.first + 1
        return 1.0 if self.is_done or total <= 0 else min(1.0, self._scanned / total)

    @property
    def hits(self) -> array[int]:
        """The numbers of the lines found so far, rising."""
        return self._hits

    def next(self, seq: int, direction: int) -> int | None:
        """Return the next line found after (1) or before (-1) a number, going around once."""
        if not self._hits:
            return None
        if direction > 0:
            return self._hits[bisect_right(self._hits, seq) % len(self._hits)]
        return self._hits[bisect_left(self._hits, seq) - 1]

    def position(self, seq: int) -> int:
        """Return which of the lines found a number is, from 1."""
        return bisect_left(self._hits, seq) + 1

    async def run(self) -> None:
        """Look through everything; a failure ends in ``error``."""
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(_WORKERS):
                    group.create_task(self._work())
        except* SlateError as failures:
            found = failures.exceptions[0]
            self.error = found if isinstance(found, SlateError) else None
        self.is_done = True
        self.changed.emit()

    async def extend(self, last: int) -> None:
        """Look through the lines that came since; a failure is left for the next time."""
        first, self.last = self.last + 1, max(self.last, last)
        if first <= self.last:
            self._add(await self._window(first, self.last))
            self.changed.emit()

    async def _work(self) -> None:
        while self._windows:
            first, last = self._windows.pop()
            self._add(await self._window(first, last))
            self._scanned += last - first + 1
            self.changed.emit()

    async def _window(self, first: int, last: int) -> list[int]:
        if self._is_known_to_server:
            try:
                found = await self._search(
                    first, last, self.pattern.text, is_regex=self.pattern.is_regex
                )
            except CommandError:
                self._is_known_to_server = False
            else:
                search = self._matcher.search
                return [seq for seq, text in found if text is None or search(plain(text))]
        return await self._window_here(first, last)

    async def _window_here(self, first: int, last: int) -> list[int]:
        hits: list[int] = []
        after = first - 1
        while after < last:
            page = await self._read_page(None, after, min(_PAGE_LINES, last - after))
            if not page.lines:
                break
            hits += await asyncio.to_thread(self._matching, page, last)
            after = page.lines[-1].seq
        return hits

    def _matching(self, page: LogPage, last: int) -> list[int]:
        search = self._matcher.search
        return [x.seq for x in page.lines if x.seq <= last and search(plain(x.message))]

    def _add(self, found: list[int]) -> None:
        if len(self._hits) + len(found) > MAX_HITS:
            self._uncounted += len(found)
        elif found:
            place = bisect_left(self._hits, found[0])
            self._hits[place:place] = array("q", found)


def _windows(first: int, last: int, near: int) -> list[tuple[int, int]]:
    """Return the windows, the nearest last, because the end of a list is taken first."""
    near = max(first, min(near, last))
    windows: list[tuple[int, int]] = []
    size, start = _FIRST_LINES, near
    while start <= last:
        windows.append((start, min(last, start + size - 1)))
        start, size = start + size, WINDOW_LINES
    size, end = _FIRST_LINES, near - 1
    while end >= first:
        windows.append((max(first, end - size + 1), end))
        end, size = end - size, WINDOW_LINES
    return sorted(windows, key=lambda window: -min(abs(window[0] - near), abs(window[1] - near)))
