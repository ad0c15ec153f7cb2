"""The body of a ``logs`` event: lines in columns, because most of them are never looked at alone.

One JSON list for each column is read and written several times faster than one list for each line.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

import msgspec

from slate_desktop.domain.logs import DEFAULT_STREAM, LogLevel, LogLine, LogRecord

# One letter for each line; the index of a letter is the weight of its level.
LEVEL_LETTERS = "diwe"
_LEVELS = tuple(LogLevel)
_LETTERS = dict(zip(_LEVELS, LEVEL_LETTERS, strict=True))
_LETTER_SET = frozenset(LEVEL_LETTERS)
_LEVEL, _MESSAGE = attrgetter("level"), attrgetter("message")
_TIMES = {LogRecord: attrgetter("ts_ns"), LogLine: attrgetter("timestamp_ns")}
_STREAM, _PARTIAL, _METADATA = attrgetter("stream"), attrgetter("partial"), attrgetter("metadata")


class LogBatch(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Lines of one session, numbered without holes from ``first_seq``.

    Attributes:
        attempt: of the session.
        epoch: of the agent process.
        first_seq: the number of the first line.
        levels: a letter of ``LEVEL_LETTERS`` for each line.
        times: UTC nanoseconds of each line.
        messages: the text of each line.
        streams: where lines came from that did not come from ``stdout``: positions by stream.
        partials: positions of pieces whose line goes on in the next of its stream.
        metadata: position and fields of the lines that have any.
    """

    attempt: int
    epoch: int
    first_seq: int
    levels: str
    times: list[int]
    messages: list[str]
    streams: dict[str, list[int]] = {}
    partials: list[int] = []
    metadata: list[tuple[int, dict[str, Any]]] = []

    def __post_init__(self) -> None:
        """Refuse columns that do not fit together."""
        count = len(self.messages)
        if not len(self.times) == len(self.levels) == count:
            raise ValueError("columns of different lengths")
        if not _LETTER_SET.issuperset(self.levels) or self.first_seq < 1:
            raise ValueError("an unknown level or number")
        positions = [*self.partials, *(position for position, _ in self.metadata)]
        for marked in self.streams.values():
            positions += marked
        if positions and not 0 <= min(positions) <= max(positions) < count:
            raise ValueError("a position that no line has")

    def __len__(self) -> int:
        return len(self.messages)

    @property
    def last_seq(self) -> int:
        """The number of the last line; one less than the first when there is none."""
        return self.first_seq + len(self.messages) - 1

    @property
    def is_plain(self) -> bool:
        """Whether every line is a whole one from ``stdout`` without metadata."""
        return not (self.streams or self.partials or self.metadata)

    def lines(self) -> list[LogLine]:
        """Return the lines one by one."""
        streams = {at: name for name, marked in self.streams.items() for at in marked}
        partials, metadata = set(self.partials), dict(self.metadata)
        return [
            LogLine(
                seq=self.first_seq + at,
                timestamp_ns=time_ns,
                level=_LEVELS[LEVEL_LETTERS.index(letter)],
                message=message,
                stream=streams.get(at, DEFAULT_STREAM),
                partial=at in partials,
                metadata=metadata.get(at, {}),
            )
            for at, (time_ns, letter, message) in enumerate(
                zip(self.times, self.levels, self.messages, strict=True)
            )
        ]


def batches_of(
    records: Sequence[LogRecord] | Sequence[LogLine], *, attempt: int = 0, epoch: int = 0
) -> list[LogBatch]:
    """Return lines in rising ``seq`` as batches, one for each run of numbers without a hole."""
    batches: list[LogBatch] = []
    start = 0
    while start < len(records):
        run = records[start:]
        if run[-1].seq - run[0].seq >= len(run):
            size = next(at for at in range(1, len(run)) if run[at].seq != run[at - 1].seq + 1)
            run = run[:size]
        batches.append(_batch(run, attempt, epoch))
        start += len(run)
    return batches


def _batch(records: Sequence[LogRecord] | Sequence[LogLine], attempt: int, epoch: int) -> LogBatch:
    streams: dict[str, list[int]] = {}
    names = list(map(_STREAM, records))
    if names.count(DEFAULT_STREAM) != len(names):
        for at, name in enumerate(names):
            if name != DEFAULT_STREAM:
                streams.setdefault(name, []).append(at)
    partials = list(map(_PARTIAL, records))
    metadata = list(map(_METADATA, records))
    return LogBatch(
        attempt=attempt,
        epoch=epoch,
        first_seq=records[0].seq,
        levels="".join(map(_LETTERS.__getitem__, map(_LEVEL, records))),
        times=list(map(_TIMES[type(records[0])], records)),
        messages=list(map(_MESSAGE, records)),
        streams=streams,
        partials=[at for at, is_on in enumerate(partials) if is_on] if any(partials) else [],
        metadata=[(at, found) for at, found in enumerate(metadata) if found]
        if any(metadata)
        else [],
    )
