"""One chunk's share of a filtered view: which rows show, and how many equal ones each stands for.

Equal lines that follow one another are stacked within a chunk only, so that a change never moves
rows of another one: a line that comes ten thousand times shows as three rows.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence, Set

import msgspec

from slate_desktop.control.console_chunks import LEVEL_MASK, LEVELS, Chunk, LogRow
from slate_desktop.control.console_match import Matcher
from slate_desktop.late_pattern import late_pattern

# What engines and loggers put before a line, so that a repeated one never looks the same:
# `[2024.01.01-00.00.00:000][  0]`, `2024-01-01 00:00:00,123`, `[12:00:01]`.
# A number alone is no stamp.
_STAMP = late_pattern(
    rb"\[?(?=[0-9.]*[:/-])[0-9][0-9.:,T/+-]{4,30}Z?\]?"
    rb"(?: ?[0-9][0-9.:,]{4,20}| ?\[ *[0-9]+\])? ?"
)
_STAMP_STARTS = frozenset(b"[0123456789")


class Conditions(msgspec.Struct, frozen=True):
    """What a view shows of a chunk.

    Attributes:
        levels: weights of the levels that show.
        matcher: finds rows that show, None for all.
        hider: finds rows that do not, None for none.
        is_stacked: whether equal lines that follow one another are one row.
    """

    levels: frozenset[int]
    matcher: Matcher | None
    hider: Matcher | None
    is_stacked: bool


class ViewPart:
    """The rows of one chunk that fit, and how many rows were looked at.

    ``repeats`` says for each of ``hits`` how many equal lines follow it; without stacking it is
    empty.
    """

    __slots__ = ("chunk", "done", "head", "hits", "is_open", "key", "repeats")

    def __init__(self, chunk: Chunk) -> None:
        self.chunk = chunk
        self.hits = array("I")
        self.repeats = array("I")
        self.done = 0
        self.key: bytes | None = None
        self.head = 0
        self.is_open = False

    def copy(self) -> ViewPart:
        """Return one that goes on by itself."""
        part = ViewPart(self.chunk)
        part.hits, part.repeats, part.done = self.hits[:], self.repeats[:], self.done
        part.key, part.head, part.is_open = self.key, self.head, self.is_open
        return part

    def row(self, hit: int, opened: Set[int]) -> LogRow:
        """Return a row that shows, with the number of equal ones that follow it."""
        row = self.chunk.row(self.hits[hit])
        repeats = self.repeats[hit] if self.repeats else 0
        if not repeats:
            return row
        return msgspec.structs.replace(row, repeats=repeats, is_opened=row.seq in opened)

    def look(self, stop: int, wanted: Conditions, opened: Set[int]) -> None:
        """Look at the rows up to ``stop``; ``opened`` are the stacks whose rows all show."""
        chunk, start, stop = self.chunk, self.done, min(stop, len(self.chunk))
        rows: Iterable[int] = range(start, stop)
        if wanted.matcher is not None:
            rows = wanted.matcher(chunk, start, stop)
        if wanted.hider is not None:
            hidden = set(wanted.hider(chunk, start, stop))
            rows = [row for row in rows if row not in hidden]
        if len(wanted.levels) != len(LEVELS):
            flags, levels = chunk.flags, wanted.levels
            rows = [row for row in rows if flags[row] & LEVEL_MASK in levels]
        if wanted.is_stacked:
            self._stack(rows, opened)
        else:
            self.hits.extend(rows)
        self.done = stop

    def all_hits(self, stop: int, wanted: Conditions, opened: Set[int]) -> Sequence[int]:
        """Return the rows that show up to ``stop``, looking at what was not looked at."""
        self.look(stop, wanted, opened)
        return self.hits

    def _stack(self, rows: Iterable[int], opened: Set[int]) -> None:
        text, ends, hits, repeats = self.chunk.text, self.chunk.ends, self.hits, self.repeats
        for row in rows:
            key = text[ends[row - 1] if row else 0 : ends[row]]
            if key and key[0] in _STAMP_STARTS:
                key = _STAMP.sub(b"", key, count=1)
            if key == self.key:
                repeats[self.head] += 1
                if not self.is_open:
                    continue
            else:
                self.key, self.head = bytes(key), len(hits)
                self.is_open = bool(opened) and self.chunk.base_seq + self.chunk.seqs[row] in opened
            hits.append(row)
            repeats.append(0)
