"""Storage of log rows: chunks of encoded text beside arrays of offsets, numbers, times and flags.

A row costs its UTF-8 bytes and 17 more. A chunk is open until it is full; then its buffers are cut
to size and never change again.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from enum import IntEnum
from itertools import accumulate
from typing import Any

import msgspec

from slate_desktop.domain.logs import DEFAULT_STREAM, LogLevel, LogLine
from slate_desktop.wire.log_batch import LEVEL_LETTERS, LogBatch, batches_of

CHUNK_ROWS = 4096
CHUNK_BYTES = 4 * 1024 * 1024
LEVEL_MASK = 0b11
LEVELS = tuple(LogLevel)

_STDERR = 0b100
_PARTIAL = 0b1000
_GAP = 0b1_0000
_OTHER_STREAM = 0b10_0000
_LEVEL_BITS = str.maketrans(LEVEL_LETTERS, "".join(map(chr, range(len(LEVELS)))))


class RowKind(IntEnum):
    """A log line, a hole in the numbers, or a line that is being read."""

    LINE = 0
    GAP = 1
    WAITING = 2


class LogRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row as it is painted. Of a gap, ``seq`` and ``last_seq`` are the missing numbers.

    ``repeats`` equal lines follow and are hidden, or shown below it when it ``is_opened``; a merged
    log says in ``source`` which of its logs a row is of.
    """

    kind: RowKind
    seq: int
    timestamp_ns: int
    level: LogLevel
    stream: str
    message: str
    partial: bool = False
    last_seq: int = 0
    metadata: dict[str, Any] = {}
    repeats: int = 0
    is_opened: bool = False
    source: int = 0


class Chunk:
    """Rows in rising ``seq``. Everything but ``extend`` and ``seal`` only reads."""

    __slots__ = (
        "_level_counts",
        "base_seq",
        "ends",
        "extras",
        "flags",
        "is_sealed",
        "seqs",
        "text",
        "times",
    )

    def __init__(self, base_seq: int) -> None:
        self.base_seq = base_seq
        self.text: bytes | bytearray = bytearray()
        self.ends = array("I")
        self.seqs = array("I")
        self.times = array("q")
        self.flags: bytes | bytearray = bytearray()
        self.extras: dict[int, Any] = {}
        self.is_sealed = False
        self._level_counts: tuple[int, ...] | None = None

    def __len__(self) -> int:
        return len(self.ends)

    @property
    def first_seq(self) -> int:
        """The number of the first row."""
        return self.base_seq + self.seqs[0]

    @property
    def last_seq(self) -> int:
        """The last number that the last row stands for."""
        last = len(self) - 1
        if self.is_gap(last):
            return int(self.extras[last])
        return self.base_seq + self.seqs[last]

    def extend(self, batch: LogBatch, start: int, stop: int) -> None:
        """Append lines ``start`` to ``stop - 1`` of a batch to an open chunk."""
        text, flags = self.text, self.flags
        if self.is_sealed or isinstance(text, bytes) or isinstance(flags, bytes):
            raise ValueError("the chunk is sealed")
        # By columns: a step of the interpreter for each row would cost more than the work itself.
        at = len(self.ends)
        messages = batch.messages[start:stop]
        joined = "".join(messages).encode("utf-8", "replace")
        sizes = list(map(len, messages))
        if len(joined) != sum(sizes):
            sizes = [len(message.encode("utf-8", "replace")) for message in messages]
        ends = accumulate(sizes, initial=len(text))
        next(ends)
        self.ends.extend(ends)
        text += joined
        first = batch.first_seq - self.base_seq
        self.seqs.extend(range(first + start, first + stop))
        self.times.extend(batch.times[start:stop])
        flags += batch.levels[start:stop].translate(_LEVEL_BITS).encode("ascii")
        if not batch.is_plain:
            self._mark_special(flags, batch, range(start, stop), at - start)

    def _mark_special(self, flags: bytearray, batch: LogBatch, taken: range, shift: int) -> None:
        metadata = dict(batch.metadata)
        for at in batch.partials:
            if at in taken:
                flags[at + shift] |= _PARTIAL
        for stream, marked in batch.streams.items():
            for at in marked:
                if at in taken:
                    flags[at + shift] |= _STDERR if stream == "stderr" else _OTHER_STREAM
                    if stream != "stderr" or at in metadata:
                        self.extras[at + shift] = (stream, metadata.pop(at, {}))
        for at, fields in metadata.items():
            if at in taken:
                self.extras[at + shift] = (DEFAULT_STREAM, fields)

    def seal(self) -> None:
        """Cut the buffers to size."""
        self.is_sealed = True
        self.text, self.flags = bytes(self.text), bytes(self.flags)
        self.ends, self.seqs, self.times = self.ends[:], self.seqs[:], self.times[:]

    def is_gap(self, row: int) -> bool:
        """Tell whether a row stands for missing numbers."""
        return bool(self.flags[row] & _GAP)

    def message(self, row: int) -> str:
        """Return the text of a row."""
        start = self.ends[row - 1] if row else 0
        return self.text[start : self.ends[row]].decode("utf-8", "replace")

    def row(self, row: int) -> LogRow:
        """Return a row as a value."""
        flags, seq = self.flags[row], self.base_seq + self.seqs[row]
        if flags & _GAP:
            return LogRow(
                kind=RowKind.GAP,
                seq=seq,
                last_seq=int(self.extras[row]),
                timestamp_ns=self.times[row],
                level=LogLevel.WARN,
                stream="",
                message="",
            )
        stream, metadata = self.extras.get(row) or (
            "stderr" if flags & _STDERR else DEFAULT_STREAM,
            {},
        )
        return LogRow(
            kind=RowKind.LINE,
            seq=seq,
            last_seq=seq,
            timestamp_ns=self.times[row],
            level=LEVELS[flags & LEVEL_MASK],
            stream=stream,
            message=self.message(row),
            partial=bool(flags & _PARTIAL),
            metadata=metadata,
        )

    def find_seq(self, seq: int) -> int:
        """Return the first row whose last number is not smaller than ``seq``."""
        row = bisect_left(self.seqs, max(0, seq - self.base_seq))
        if row and self.is_gap(row - 1) and self.extras[row - 1] >= seq:
            return row - 1
        return row

    def count_levels(self) -> tuple[int, ...]:
        """Return how many lines there are of each level, in the order of ``LEVELS``."""
        if self._level_counts is not None:
            return self._level_counts
        counts = [0] * len(LEVELS)
        for value in set(self.flags):
            if not value & _GAP:
                counts[value & LEVEL_MASK] += self.flags.count(value)
        told = tuple(counts)
        if self.is_sealed:
            # Asked anew with every look at a log that grows: a full buffer has 250 chunks.
            self._level_counts = told
        return told


def row_of(line: LogLine) -> LogRow:
    """Return a stored line as a row."""
    return LogRow(
        kind=RowKind.LINE,
        seq=line.seq,
        last_seq=line.seq,
        timestamp_ns=line.timestamp_ns,
        level=line.level,
        stream=line.stream,
        message=line.message,
        partial=line.partial,
        metadata=line.metadata,
    )


def gap_chunk(first_seq: int, last_seq: int, timestamp_ns: int) -> Chunk:
    """Return a sealed chunk with one row that stands for missing numbers."""
    chunk = Chunk(first_seq)
    row = LogBatch(
        attempt=0, epoch=0, first_seq=first_seq, levels="w", times=[timestamp_ns], messages=[""]
    )
    chunk.extend(row, 0, 1)
    chunk.flags = bytes([_GAP | LEVELS.index(LogLevel.WARN)])
    chunk.extras[0] = last_seq
    chunk.seal()
    return chunk


def chunks_of(lines: Sequence[LogLine], rows_per_chunk: int) -> list[Chunk]:
    """Return sealed chunks that hold ``lines``."""
    chunks: list[Chunk] = []
    for start in range(0, len(lines), rows_per_chunk):
        part = lines[start : start + rows_per_chunk]
        chunk = Chunk(part[0].seq)
        for batch in batches_of(part):
            chunk.extend(batch, 0, len(batch))
        chunk.seal()
        chunks.append(chunk)
    return chunks
