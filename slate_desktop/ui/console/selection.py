"""What is selected in a log: from one character of one line to another of another."""

from __future__ import annotations

from typing import NamedTuple

_END_COLUMN = 2**30


class Place(NamedTuple):
    """A position between characters: the line's number and the column."""

    seq: int
    column: int


class Selection:
    """Between ``anchor``, where it began, and ``cursor``. Either order."""

    def __init__(self) -> None:
        self.anchor: Place | None = None
        self.cursor: Place | None = None

    def __bool__(self) -> bool:
        return None not in (self.anchor, self.cursor) and self.anchor != self.cursor

    def clear(self) -> None:
        """Select nothing."""
        self.anchor = self.cursor = None

    def begin(self, place: Place | None, *, is_extending: bool) -> None:
        """Begin at a place, or extend what is selected to it."""
        if not (is_extending and self.anchor is not None):
            self.anchor = place
        self.cursor = place

    def select_lines(self, first: int, last: int) -> None:
        """Select whole lines, to the end whether their text is here or is still to be read."""
        self.anchor, self.cursor = Place(first, 0), Place(last, _END_COLUMN)

    def select_word(self, seq: int, start: int, end: int) -> None:
        """Select columns of one line."""
        self.anchor, self.cursor = Place(seq, start), Place(seq, end)

    @property
    def bounds(self) -> tuple[Place, Place]:
        """The upper and the lower end."""
        anchor, cursor = self.anchor or Place(0, 0), self.cursor or Place(0, 0)
        return (anchor, cursor) if anchor <= cursor else (cursor, anchor)

    @property
    def span(self) -> tuple[int, int] | None:
        """The numbers of the first and the last selected line."""
        if not self:
            return None
        first, last = self.bounds
        return first.seq, last.seq

    def columns(self, seq: int) -> tuple[int, int | None] | None:
        """Return what is selected of a line; an end of None is the line's and goes on."""
        first, last = self.bounds
        if not self or not first.seq <= seq <= last.seq:
            return None
        start = first.column if seq == first.seq else 0
        return start, last.column if seq == last.seq else None
