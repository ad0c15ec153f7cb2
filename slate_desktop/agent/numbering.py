"""Numbers log frames: from what an engine recorded to lines with a ``seq``, each exactly once.

A frame's identity ``(stream, ts_ns, ord)`` within one runtime is the same on every reading, so an
agent that adopts a runtime reads again from a little before the last stored line, skips what is
known, and numbers the rest. Lines of one stream are stored in the order they were read, hence what
is stored of a stream is a prefix of it: frames older than the overlap are known without looking.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec

from slate_desktop.agent.drivers.base import LogFrame
from slate_desktop.domain.levels import clean_line, detect_levels
from slate_desktop.domain.logs import MAX_LINE_BYTES, LogLevel, LogRecord

OVERLAP_NS = 5_000_000_000
# Lines that the agent itself adds to a session's log.
AGENT_STREAM = "slate"
# Lines of persons and scripts, whichever way they come; they belong to no runtime.
API_STREAM = "api"
LogKey = tuple[str, int, int]
LostSpan = tuple[tuple[int, int], tuple[int, int]]


class FloodState(msgspec.Struct, frozen=True, kw_only=True):
    """What earlier agent processes kept and dropped of a run.

    Attributes:
        kept_bytes: what is stored of the runtime's lines.
        told_limit: the limit in bytes that the log says was reached, None for none.
        lost: of each stream, time and order of the first and the last line that the last flood
            lost and the log tells of.
        markers: the highest order of the lines that tell of dropped ones.
    """

    kept_bytes: int = 0
    told_limit: int | None = None
    lost: Mapping[str, LostSpan] = {}
    markers: int = 0


class ResumePoint(msgspec.Struct, frozen=True, kw_only=True):
    """What is stored already of one runtime's log.

    Attributes:
        next_seq: the number of the next new line of the session.
        last_ts_ns: the newest stored stamp of each stream of this runtime.
        known: identities of stored lines not older than the overlap, or the newest of them.
        floor: of streams whose ``known`` is cut, the time before which all is stored.
        flood: what was kept and dropped.
    """

    next_seq: int = 1
    last_ts_ns: Mapping[str, int] = {}
    known: frozenset[LogKey] = frozenset()
    floor: Mapping[str, int] = {}
    flood: FloodState = FloodState()

    @property
    def last_ns(self) -> int:
        """When the newest stored line of the runtime came, 0 for none."""
        return max((t for s, t in self.last_ts_ns.items() if s != AGENT_STREAM), default=0)

    @property
    def since_ns(self) -> int:
        """Where to read on: a little before the stream that is furthest behind; 0: all."""
        stamps = [ts for stream, ts in self.last_ts_ns.items() if stream != AGENT_STREAM]
        return max(0, min(stamps) - OVERLAP_NS) if stamps else 0


def floor_of(known: Collection[LogKey], limit: int) -> dict[str, int]:
    """Return from when on the known lines say what is stored, of streams with ``limit`` of them."""
    counts = Counter(stream for stream, _, _ in known)
    floor: dict[str, int] = {}
    for cut in (stream for stream, count in counts.items() if count >= limit):
        # Others of the oldest stamp may be stored too: all of it is.
        floor[cut] = min(ts_ns for stream, ts_ns, _ in known if stream == cut) + 1
    return floor


class Numberer:
    """Gives each new frame the next ``seq`` of its session.

    Args:
        container_id: the runtime whose frames come.
        resume: what the database holds of it.
    """

    def __init__(self, container_id: str, resume: ResumePoint) -> None:
        self.container_id = container_id
        self.next_seq = resume.next_seq
        self._known = resume.known
        self._floor = {s: ts - OVERLAP_NS for s, ts in resume.last_ts_ns.items()}
        self._floor.update(resume.floor)
        self._levels: dict[str, LogLevel] = {}
        self._newest_known = max(resume.last_ts_ns.values(), default=0)

    def number(self, frames: Sequence[LogFrame]) -> list[LogRecord]:
        """Return the lines that are new, in the order of ``frames``."""
        records: list[LogRecord] = []
        texts = [clean_line(frame.data[:MAX_LINE_BYTES]) for frame in frames]
        # A line's other pieces have the level of its first.
        begun, container_id, newest_known = self._levels, self.container_id, self._newest_known
        seq = self.next_seq
        for frame, text, detected in zip(frames, texts, detect_levels(texts), strict=True):
            stream, level = frame.stream, detected
            if begun:
                level = begun.pop(stream, detected)
            if frame.partial:
                begun[stream] = level
            if frame.ts_ns <= newest_known and self._is_known(frame):
                continue
            records.append(
                LogRecord(
                    seq=seq,
                    container_id=container_id,
                    stream=stream,
                    ts_ns=frame.ts_ns,
                    ord=frame.ord,
                    level=level,
                    message=text,
                    partial=frame.partial,
                )
            )
            seq += 1
        self.next_seq = seq
        return records

    def note(
        self, ts_ns: int, ord_: int, level: LogLevel, message: str, **metadata: object
    ) -> LogRecord:
        """Return a numbered line of the agent's own, such as a count of dropped lines."""
        record = LogRecord(
            seq=self.next_seq,
            container_id=self.container_id,
            stream=AGENT_STREAM,
            ts_ns=ts_ns,
            ord=ord_,
            level=level,
            message=message,
            metadata=dict(metadata),
        )
        self.next_seq += 1
        return record

    def line(
        self, ts_ns: int, ord_: int, level: LogLevel, message: str, metadata: dict[str, Any]
    ) -> LogRecord:
        """Return a numbered line of a person or a script; its identity is outside the runtime."""
        record = LogRecord(
            seq=self.next_seq,
            container_id=API_STREAM,
            stream=API_STREAM,
            ts_ns=ts_ns,
            ord=ord_,
            level=level,
            message=message,
            metadata=metadata,
        )
        self.next_seq += 1
        return record

    def fresh(self, frames: list[LogFrame]) -> list[LogFrame]:
        """Return the frames that are not stored; pieces of long lines stay, for their levels."""
        if not frames or frames[0].ts_ns > self._newest_known:
            return frames
        return [frame for frame in frames if frame.partial or not self.knows(frame)]

    def knows(self, frame: LogFrame) -> bool:
        """Tell whether this frame is stored already."""
        return frame.ts_ns <= self._newest_known and self._is_known(frame)

    def _is_known(self, frame: LogFrame) -> bool:
        floor = self._floor.get(frame.stream)
        if floor is None:
            return False
        return frame.ts_ns < floor or (frame.stream, frame.ts_ns, frame.ord) in self._known
