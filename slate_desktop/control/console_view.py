"""Filtered views of a console: by level, by text, by regular expression; stacked.

A view keeps, for each chunk of the buffer, the rows that fit. New rows are looked at when they
arrive; the existing ones in slices, newest first, so that no filter stalls the window.
"""

from __future__ import annotations

import functools
import re
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Sequence

from slate_desktop.control.console_chunks import LEVELS, Chunk, LogRow, RowKind
from slate_desktop.control.console_match import REGEX_CHARS, compile_hidden, compile_matcher
from slate_desktop.control.console_part import Conditions, ViewPart
from slate_desktop.control.console_snapshot import SnapshotPart
from slate_desktop.control.signals import Signal
from slate_desktop.domain.logs import LogLevel

_SLICE_ROWS = 512


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
        hidden: Sequence[str] = (),
        is_stacked: bool = False,
        on_close: Callable[[LogView], None],
    ) -> None:
        # An empty set of levels would show nothing: it counts as all.
        self._wanted = Conditions(
            levels=frozenset(LEVELS.index(level) for level in levels or LEVELS),
            matcher=compile_matcher(text, is_regex=is_regex, is_case_sensitive=is_case_sensitive),
            hider=compile_hidden(hidden),
            is_stacked=is_stacked,
        )
        self._opened: set[int] = set()
        self._hidden = [part.casefold() for part in hidden if part]
        case = 0 if is_case_sensitive else re.IGNORECASE
        self._pattern = re.compile(text if is_regex else re.escape(text), case) if text else None
        self._looked_at = REGEX_CHARS if is_regex else None
        self._on_close = on_close
        self._parts = [ViewPart(chunk) for chunk in chunks]
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
        return part.row(index - starts[place], self._opened)

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
            SnapshotPart(
                part.chunk,
                functools.partial(part.all_hits, len(part.chunk), self._wanted, self._opened),
            )
            for part in [part.copy() for part in self._parts]
        ]

    def accepts(self, row: LogRow) -> bool:
        """Tell whether a row fits the filter, wherever it comes from."""
        if row.kind is not RowKind.LINE or LEVELS.index(row.level) not in self._wanted.levels:
            return False
        if self._hidden and any(text in row.message.casefold() for text in self._hidden):
            return False
        return self._pattern is None or bool(self._pattern.search(row.message[: self._looked_at]))

    @property
    def is_stacked(self) -> bool:
        """Whether equal lines that follow one another are one row."""
        return self._wanted.is_stacked

    @property
    def parts(self) -> list[tuple[Chunk, Sequence[int]]]:
        """The chunks of the buffer, each with its rows that fit."""
        return [(part.chunk, part.hits) for part in self._parts]

    def toggle_stack(self, seq: int) -> bool:
        """Show every line of a stack, or its first one again; False when there is none there."""
        index = self.index_of_seq(seq)
        if index >= len(self) or self.row(index).seq != seq or not self.row(index).repeats:
            return False
        self._opened ^= {seq}
        place = bisect_right(self._indexed(), index) - 1
        old = self._parts[place]
        self._parts[place] = ViewPart(old.chunk)
        self._look(self._parts[place], old.done)
        self.reset.emit()
        return True

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
                self._parts.append(ViewPart(chunks[index]))
            part = self._parts[index]
            if is_new or part.done:
                before = len(part.hits)
                self._look(part, len(part.chunk))
                added += len(part.hits) - before
        self._starts = None
        # A stack that grew has no new row, and looks different all the same.
        if added or self._wanted.is_stacked:
            self.appended.emit(added)
        if dropped:
            self.trimmed.emit(dropped)

    def rebuild(self, chunks: Sequence[Chunk]) -> None:
        """Take chunks that changed elsewhere, keeping what is known; the buffer calls it."""
        known = {id(part.chunk): part for part in self._parts}
        self._parts = [known.get(id(chunk)) or ViewPart(chunk) for chunk in chunks]
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

    def _look(self, part: ViewPart, stop: int) -> None:
        part.look(stop, self._wanted, self._opened)
        self._starts = None
