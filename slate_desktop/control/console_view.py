"""Filtered views of a console: by level, by text, by regular expression.

A view keeps, for each chunk of the buffer, the rows that fit. New rows are looked at when they
arrive; the existing ones in slices, newest first, so that no filter stalls the window.
"""

from __future__ import annotations

import functools
import re
import time
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterator, Sequence

from psygnal import Signal

from slate_desktop.control.console_chunks import LEVEL_MASK, LEVELS, Chunk, LogRow, RowKind
from slate_desktop.control.console_snapshot import SnapshotPart
from slate_desktop.domain.logs import LogLevel
from slate_desktop.errors import CommandError, ErrorCode

# Regular expressions look at this much of a line, because some of them take quadratic time.
_REGEX_CHARS = 4096
_SLICE_ROWS = 512


class _Part:
    """The rows of one chunk that fit, and how many rows were looked at."""

    __slots__ = ("chunk", "done", "hits")

    def __init__(self, chunk: Chunk) -> None:
        self.chunk = chunk
        self.hits = array("I")
        self.done = 0

    def copy(self) -> _Part:
        """Return one that goes on by itself."""
        part = _Part(self.chunk)
        part.hits, part.done = self.hits[:], self.done
        return part


class LogView:
    """Rows of a buffer that fit a filter; indexable like the buffer itself."""

    appended = Signal(int)
    reset = Signal()
    trimmed = Signal(int)

    def __init__(
        self,
        chunks: Sequence[Chunk],
        *,
        levels: Collection[LogLevel] | None,
        text: str,
        is_regex: bool,
        is_case_sensitive: bool,
        on_close: Callable[[LogView], None],
    ) -> None:
        self._levels = frozenset(LEVELS.index(level) for level in levels or LEVELS)
        self._matcher = _compile(text, is_regex=is_regex, is_case_sensitive=is_case_sensitive)
        case = 0 if is_case_sensitive else re.IGNORECASE
        self._pattern = re.compile(text if is_regex else re.escape(text), case) if text else None
        self._looked_at = _REGEX_CHARS if is_regex else None
        self._on_close = on_close
        self._parts = [_Part(chunk) for chunk in chunks]
        self._starts: list[int] | None = None

    def __len__(self) -> int:
        starts = self._indexed()
        return starts[-1] + len(self._parts[-1].hits) if self._parts else 0

    @property
    def is_complete(self) -> bool:
        """Whether every row of the buffer was looked at."""
        return all(part.done == len(part.chunk) for part in self._parts)

    def advance(self, budget_s: float = 0.008) -> bool:
        """Look at rows that were not looked at, newest first, for ``budget_s``; True when done."""
        end = time.perf_counter() + budget_s
        before = len(self)
        is_done = True
        for part in reversed(self._parts):
            while part.done < len(part.chunk):
                if time.perf_counter() >= end:
                    is_done = False
                    break
                self._look(part, part.done + _SLICE_ROWS)
            if not is_done:
                break
        if len(self) != before:
            self.reset.emit()
        return is_done

    def row(self, index: int) -> LogRow:
        """Return one row."""
        if index < 0:
            raise IndexError(index)
        starts = self._indexed()
        place = bisect_right(starts, index) - 1
        part = self._parts[place]
        return part.chunk.row(part.hits[index - starts[place]])

    def rows(self, start: int, stop: int) -> list[LogRow]:
        """Return rows ``start`` to ``stop - 1``; bounds outside are cut."""
        return [self.row(index) for index in range(max(0, start), min(stop, len(self)))]

    def index_of_seq(self, seq: int) -> int:
        """Return the index of the first row whose ``seq`` is not smaller."""
        place = bisect_left(self._parts, seq, key=lambda part: part.chunk.last_seq)
        if place == len(self._parts):
            return len(self)
        part = self._parts[place]
        return self._indexed()[place] + bisect_left(part.hits, part.chunk.find_seq(seq))

    def snapshot(self) -> list[SnapshotPart]:
        """Return the rows that fit now, those that were not looked at yet among them."""
        return [
            SnapshotPart(part.chunk, functools.partial(self._all_hits, part, len(part.chunk)))
            for part in [part.copy() for part in self._parts]
        ]

    def accepts(self, row: LogRow) -> bool:
        """Tell whether a row fits the filter, wherever it comes from."""
        if row.kind is not RowKind.LINE or LEVELS.index(row.level) not in self._levels:
            return False
        return self._pattern is None or bool(self._pattern.search(row.message[: self._looked_at]))

    def close(self) -> None:
        """Stop following the buffer."""
        self._on_close(self)

    def follow(self, chunks: Sequence[Chunk]) -> None:
        """Take rows that were appended, after old chunks have left; the buffer calls it."""
        old = 0
        first = chunks[0] if chunks else None
        while old < len(self._parts) and self._parts[old].chunk is not first:
            old += 1
        dropped = sum(len(part.hits) for part in self._parts[:old])
        del self._parts[:old]
        added = 0
        for index in range(max(0, len(self._parts) - 1), len(chunks)):
            is_new = index == len(self._parts)
            if is_new:
                self._parts.append(_Part(chunks[index]))
            part = self._parts[index]
            if is_new or part.done:
                before = len(part.hits)
                self._look(part, len(part.chunk))
                added += len(part.hits) - before
        self._starts = None
        if added:
            self.appended.emit(added)
        if dropped:
            self.trimmed.emit(dropped)

    def rebuild(self, chunks: Sequence[Chunk]) -> None:
        """Take chunks that changed elsewhere, keeping what is known; the buffer calls it."""
        known = {id(part.chunk): part for part in self._parts}
        self._parts = [known.get(id(chunk)) or _Part(chunk) for chunk in chunks]
        self._starts = None
        self.reset.emit()

    def _indexed(self) -> list[int]:
        if self._starts is None:
            starts = []
            start = 0
            for part in self._parts:
                starts.append(start)
                start += len(part.hits)
            self._starts = starts
        return self._starts

    def _all_hits(self, part: _Part, stop: int) -> Sequence[int]:
        self._scan(part, stop)
        return part.hits

    def _look(self, part: _Part, stop: int) -> None:
        self._scan(part, stop)
        self._starts = None

    def _scan(self, part: _Part, stop: int) -> None:
        chunk, start, stop = part.chunk, part.done, min(stop, len(part.chunk))
        if self._matcher is None:
            candidates: Iterator[int] | range = range(start, stop)
        else:
            candidates = self._matcher(chunk, start, stop)
        flags, levels = chunk.flags, self._levels
        if len(levels) == len(LEVELS):
            part.hits.extend(candidates)
        else:
            part.hits.extend([row for row in candidates if flags[row] & LEVEL_MASK in levels])
        part.done = stop


_Matcher = Callable[[Chunk, int, int], Iterator[int]]


def _compile(text: str, *, is_regex: bool, is_case_sensitive: bool) -> _Matcher | None:
    if not text:
        return None
    flags = 0 if is_case_sensitive else re.IGNORECASE
    if is_regex:
        try:
            return _by_row(re.compile(text, flags))
        except (re.error, OverflowError, RecursionError) as exc:
            raise CommandError(
                ErrorCode.BAD_REQUEST, f"This is not a regular expression: {exc}", field="text"
            ) from exc
    if is_case_sensitive or text.isascii():
        return _by_text(re.compile(re.escape(text.encode("utf-8", "replace")), flags))
    return _by_row(re.compile(re.escape(text), flags))


def _by_text(pattern: re.Pattern[bytes]) -> _Matcher:
    """Search the joined text of all rows at once: rows that do not match cost almost nothing."""

    def match(chunk: Chunk, start: int, stop: int) -> Iterator[int]:
        ends, text = chunk.ends, chunk.text
        position = ends[start - 1] if start else 0
        limit = ends[stop - 1] if stop else 0
        while (found := pattern.search(text, position, limit)) is not None:
            row = bisect_right(ends, found.start(), start, stop)
            if found.end() <= ends[row]:
                yield row
                position = ends[row]
            else:
                # It runs over the end of a row.
                position = found.start() + 1

    return match


def _by_row(pattern: re.Pattern[str]) -> _Matcher:
    def match(chunk: Chunk, start: int, stop: int) -> Iterator[int]:
        search, message = pattern.search, chunk.message
        return (row for row in range(start, stop) if search(message(row)[:_REGEX_CHARS]))

    return match
