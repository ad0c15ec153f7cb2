"""The console's data: a bounded ring buffer of log lines, and filtered views of it.

A line costs its UTF-8 bytes and 17 more: lines lie in chunks of encoded text beside arrays of
offsets, numbers, times and flags. Rows are made on reading, for the few that are painted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from enum import IntEnum
from typing import Any

import msgspec
from psygnal import Signal

from slate_desktop.domain.logs import LogLevel, LogLine

DEFAULT_MAX_LINES = 1_000_000


class RowKind(IntEnum):
    """A log line, or a hole in the numbers that will be refetched."""

    LINE = 0
    GAP = 1


class LogRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row as it is painted. Of a gap, ``seq`` and ``last_seq`` are the missing numbers."""

    kind: RowKind
    seq: int
    timestamp_ns: int
    level: LogLevel
    stream: str
    message: str
    partial: bool = False
    last_seq: int = 0
    metadata: dict[str, Any] = {}


class LogBuffer:
    """Rows in rising ``seq``; the oldest leave when there are more than ``max_lines``.

    Rows are addressed by index, 0 is the oldest that is kept; when old rows leave or older pages
    are put in front, indexes shift: keep a ``seq`` to stay at a line (``index_of_seq``).
    """

    appended = Signal(int)  # rows were appended; the count
    reset = Signal()  # rows changed elsewhere: older pages, a filled gap, clear
    trimmed = Signal(int)  # rows left at the old end; the count

    def __init__(self, max_lines: int = DEFAULT_MAX_LINES) -> None:
        raise NotImplementedError

    def __len__(self) -> int:
        raise NotImplementedError

    def append(self, lines: Iterable[LogLine]) -> int:
        """Append lines that are newer than all kept ones; known ``seq`` are skipped."""
        raise NotImplementedError

    def append_wire(self, lines: Sequence[Sequence[Any]]) -> int:
        """Append the rows of a ``logs`` event as they travel; the fast way."""
        raise NotImplementedError

    def prepend(self, lines: Sequence[LogLine]) -> int:
        """Put an older page in front; returns how many were taken (0 when full)."""
        raise NotImplementedError

    def append_gap(self, first_seq: int, last_seq: int) -> None:
        """Append a row for missing numbers."""
        raise NotImplementedError

    def fill_gap(self, first_seq: int, last_seq: int, lines: Sequence[LogLine]) -> None:
        """Replace a gap with the lines that were found."""
        raise NotImplementedError

    def clear(self) -> None:
        """Forget all rows; what comes later is appended as usual."""
        raise NotImplementedError

    def row(self, index: int) -> LogRow:
        """Return one row."""
        raise NotImplementedError

    def rows(self, start: int, stop: int) -> list[LogRow]:
        """Return rows ``start`` to ``stop - 1``; bounds outside are cut."""
        raise NotImplementedError

    def index_of_seq(self, seq: int) -> int:
        """Return the index of the first row whose ``seq`` is not smaller."""
        raise NotImplementedError

    @property
    def first_seq(self) -> int:
        """The oldest kept number, 0 when empty."""
        raise NotImplementedError

    @property
    def last_seq(self) -> int:
        """The newest number ever appended, 0 when none was."""
        raise NotImplementedError

    @property
    def level_counts(self) -> dict[LogLevel, int]:
        """How many kept lines there are of each level."""
        raise NotImplementedError

    def view(
        self,
        levels: Collection[LogLevel] | None = None,
        text: str = "",
        *,
        is_regex: bool = False,
        is_case_sensitive: bool = False,
    ) -> LogView:
        """Return a filtered view that follows the buffer; close it when done.

        Raises:
            CommandError: ``bad_request`` for a regular expression that does not compile.
        """
        raise NotImplementedError


class LogView:
    """Rows of a buffer that fit a filter; indexable like the buffer itself."""

    appended = Signal(int)
    reset = Signal()
    trimmed = Signal(int)

    def __len__(self) -> int:
        raise NotImplementedError

    @property
    def is_complete(self) -> bool:
        """Whether every row of the buffer was looked at."""
        raise NotImplementedError

    def advance(self, budget_s: float = 0.008) -> bool:
        """Look at rows that were not looked at, newest first, for ``budget_s``; True when done."""
        raise NotImplementedError

    def row(self, index: int) -> LogRow:
        """Return one row."""
        raise NotImplementedError

    def rows(self, start: int, stop: int) -> list[LogRow]:
        """Return rows ``start`` to ``stop - 1``; bounds outside are cut."""
        raise NotImplementedError

    def index_of_seq(self, seq: int) -> int:
        """Return the index of the first row whose ``seq`` is not smaller."""
        raise NotImplementedError

    def close(self) -> None:
        """Stop following the buffer."""
        raise NotImplementedError
