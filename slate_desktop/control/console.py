"""The console's data: a bounded ring buffer of log lines, and filtered views of it.

Rows are made on reading, for the few that are painted; how they are stored is
``console_chunks``'s business, and how they are filtered ``console_view``'s.
"""

from __future__ import annotations

import functools
import weakref
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Iterator, Sequence

from slate_desktop.control.console_chunks import (
    CHUNK_BYTES,
    CHUNK_ROWS,
    LEVELS,
    Chunk,
    LogRow,
    RowKind,
    chunks_of,
    gap_chunk,
)
from slate_desktop.control.console_snapshot import SnapshotPart
from slate_desktop.control.console_view import LogView
from slate_desktop.control.signals import Signal
from slate_desktop.domain.logs import LogLevel, LogLine
from slate_desktop.wire.log_batch import LogBatch, batches_of

__all__ = ["DEFAULT_MAX_LINES", "LogBuffer", "LogRow", "LogView", "RowKind", "iter_text"]

DEFAULT_MAX_LINES = 1_000_000
_MAX_SEQ_SPAN = 2**32 - 1


class LogBuffer:
    """Rows in rising ``seq``; the oldest leave when there are more than ``max_lines``.

    Rows are addressed by index, 0 is the oldest that is kept; when old rows leave or older pages
    are put in front, indexes shift: keep a ``seq`` to stay at a line (``index_of_seq``). The oldest
    rows leave in groups, so that a full buffer holds a little less than ``max_lines``.

    Attributes:
        revision: another one whenever its rows are others, so that nothing is counted twice.
    """

    appended = Signal(int)  # rows were appended; the count
    reset = Signal()  # rows changed elsewhere: older pages, a filled gap, clear
    trimmed = Signal(int)  # rows left at the old end; the count

    def __init__(self, max_lines: int = DEFAULT_MAX_LINES) -> None:
        self.max_lines = max(16, max_lines)
        self._rows_per_chunk = max(1, min(CHUNK_ROWS, self.max_lines // 16))
        self._chunks: list[Chunk] = []
        self._starts: list[int] = []
        self._count = 0
        self._last_seq = 0
        self.revision = 0
        self._views: weakref.WeakSet[LogView] = weakref.WeakSet()

    def __len__(self) -> int:
        return self._count

    @property
    def first_seq(self) -> int:
        """The oldest kept number, 0 when empty."""
        return self._chunks[0].first_seq if self._chunks else 0

    @property
    def last_seq(self) -> int:
        """The newest number ever appended, 0 when none was."""
        return self._last_seq

    @property
    def level_counts(self) -> dict[LogLevel, int]:
        """How many kept lines there are of each level."""
        totals = [0] * len(LEVELS)
        for chunk in self._chunks:
            for index, count in enumerate(chunk.count_levels()):
                totals[index] += count
        return dict(zip(LEVELS, totals, strict=True))

    @property
    def gaps(self) -> list[tuple[int, int]]:
        """The holes that are kept: first and last missing number of each."""
        return [
            (chunk.first_seq, chunk.last_seq)
            for chunk in self._chunks
            if len(chunk) == 1 and chunk.is_gap(0)
        ]

    @property
    def parts(self) -> list[tuple[Chunk, Sequence[int]]]:
        """The chunks, oldest first, each with its rows."""
        return [(chunk, range(len(chunk))) for chunk in self._chunks]

    def append(self, lines: Iterable[LogLine]) -> int:
        """Append lines that are newer than all kept ones; known ``seq`` are skipped."""
        fresh = [line for line in lines if line.seq > self._last_seq]
        for batch in batches_of(fresh):
            self._take(batch, 0)
        if fresh:
            self._after_append(len(fresh))
        return len(fresh)

    def append_batch(self, batch: LogBatch) -> int:
        """Append the lines of a ``logs`` event as they travel; the fast way."""
        start = max(0, self._last_seq + 1 - batch.first_seq)
        count = len(batch) - start
        if count <= 0:
            return 0
        self._take(batch, start)
        self._after_append(count)
        return count

    def append_gap(self, first_seq: int, last_seq: int) -> None:
        """Append a row for missing numbers."""
        if last_seq <= self._last_seq or last_seq < first_seq:
            return
        timestamp_ns = self._chunks[-1].times[-1] if self._chunks else 0
        self._seal_last()
        self._push(gap_chunk(max(first_seq, self._last_seq + 1), last_seq, timestamp_ns))
        self._count += 1
        self._last_seq = last_seq
        self._after_append(1)

    def fill_gap(self, first_seq: int, last_seq: int, lines: Sequence[LogLine]) -> None:
        """Replace a gap with the lines that were found; what is still missing stays a gap."""
        index = bisect_left(self._chunks, first_seq, key=lambda chunk: chunk.last_seq)
        if index == len(self._chunks):
            return
        chunk = self._chunks[index]
        if not chunk.is_gap(0) or chunk.first_seq != first_seq:
            return
        found = [line for line in lines if first_seq <= line.seq <= last_seq]
        parts = chunks_of(found, self._rows_per_chunk)
        next_seq = found[-1].seq + 1 if found else first_seq
        if next_seq <= chunk.last_seq:
            parts.append(gap_chunk(next_seq, chunk.last_seq, chunk.times[0]))
        self._chunks[index : index + 1] = parts
        self._rebuild()

    def prepend(self, lines: Sequence[LogLine]) -> int:
        """Put an older page in front; returns how many were taken (0 when full)."""
        first = self.first_seq
        older = [line for line in lines if not first or line.seq < first]
        room = self.max_lines - self._count
        older = older[max(0, len(older) - room) :] if room > 0 else []
        if not older:
            return 0
        self._chunks[:0] = chunks_of(older, self._rows_per_chunk)
        self._last_seq = max(self._last_seq, older[-1].seq)
        self._rebuild()
        return len(older)

    def clear(self) -> None:
        """Forget all rows; what comes later is appended as usual."""
        self._chunks = []
        self._rebuild()

    def row(self, index: int) -> LogRow:
        """Return one row."""
        if not 0 <= index < self._count:
            raise IndexError(index)
        place = bisect_right(self._starts, index) - 1
        return self._chunks[place].row(index - self._starts[place])

    def rows(self, start: int, stop: int) -> list[LogRow]:
        """Return rows ``start`` to ``stop - 1``; bounds outside are cut."""
        return [self.row(index) for index in range(max(0, start), min(stop, self._count))]

    def snapshot(self) -> list[SnapshotPart]:
        """Return the rows as they are now, for ``console_snapshot.pages``."""
        return [SnapshotPart(chunk, functools.partial(range, len(chunk))) for chunk in self._chunks]

    def index_of_seq(self, seq: int) -> int:
        """Return the index of the first row whose ``seq`` is not smaller."""
        place = bisect_left(self._chunks, seq, key=lambda chunk: chunk.last_seq)
        if place == len(self._chunks):
            return self._count
        return self._starts[place] + self._chunks[place].find_seq(seq)

    def view(
        self,
        levels: Collection[LogLevel] | None = None,
        text: str = "",
        *,
        is_regex: bool = False,
        is_case_sensitive: bool = False,
        hidden: Sequence[str] = (),
        is_stacked: bool = False,
    ) -> LogView:
        """Return a filtered view that follows the buffer; close it when done.

        Args:
            levels: the levels that show, None for all.
            text: what lines must contain.
            is_regex: whether ``text`` is a regular expression.
            is_case_sensitive: whether upper and lower case differ in ``text``.
            hidden: texts whose lines do not show, whatever their case.
            is_stacked: whether equal lines that follow one another are one row.

        Raises:
            CommandError: ``bad_request`` for a regular expression that does not compile.
        """
        view = LogView(
            self._chunks,
            levels=levels,
            text=text,
            is_regex=is_regex,
            is_case_sensitive=is_case_sensitive,
            hidden=hidden,
            is_stacked=is_stacked,
            on_close=self._views.discard,
        )
        self._views.add(view)
        return view

    def _take(self, batch: LogBatch, start: int) -> None:
        while start < len(batch):
            chunk = self._open_chunk(batch.first_seq + start)
            stop = min(len(batch), start + self._rows_per_chunk - len(chunk))
            chunk.extend(batch, start, stop)
            self._count += stop - start
            start = stop
        self._last_seq = batch.last_seq

    def _open_chunk(self, next_seq: int) -> Chunk:
        last = self._chunks[-1] if self._chunks else None
        if (
            last is not None
            and not last.is_sealed
            and len(last) < self._rows_per_chunk
            and len(last.text) < CHUNK_BYTES
            and next_seq - last.base_seq < _MAX_SEQ_SPAN
        ):
            return last
        self._seal_last()
        chunk = Chunk(next_seq)
        self._push(chunk)
        return chunk

    def _push(self, chunk: Chunk) -> None:
        self._starts.append(self._count)
        self._chunks.append(chunk)

    def _seal_last(self) -> None:
        if self._chunks and not self._chunks[-1].is_sealed:
            self._chunks[-1].seal()

    def _after_append(self, count: int) -> None:
        self.revision += 1
        dropped = 0
        excess = 0
        while self._count - dropped > self.max_lines:
            dropped += len(self._chunks[excess])
            excess += 1
        if excess:
            del self._chunks[:excess]
            self._count -= dropped
            self._restart()
        views = list(self._views)
        for view in views:
            view.follow(self._chunks)
        self.appended.emit(count)
        if dropped:
            self.trimmed.emit(dropped)

    def _restart(self) -> None:
        self._starts = []
        start = 0
        for chunk in self._chunks:
            self._starts.append(start)
            start += len(chunk)
        self._count = start

    def _rebuild(self) -> None:
        self.revision += 1
        self._restart()
        for view in list(self._views):
            view.rebuild(self._chunks)
        self.reset.emit()


def iter_text(
    rows: LogBuffer | LogView, start: int, stop: int, *, with_times: bool = False
) -> Iterator[str]:
    """Yield rows as lines of text for copying and saving; pieces of one line are joined.

    Args:
        rows: a buffer or a view.
        start: the first row.
        stop: the row after the last.
        with_times: whether each line starts with its UTC time and level.
    """
    from slate_desktop.control.console_text import row_text

    is_continued = False
    for index in range(max(0, start), min(stop, len(rows))):
        row = rows.row(index)
        yield row_text(row, with_times=with_times and not is_continued)
        is_continued = row.partial
        if not is_continued:
            yield "\n"
