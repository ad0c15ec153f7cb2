"""Limits what one runtime may log; counts the rest and says so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import msgspec

from slate_desktop.agent.drivers.base import LogFrame
from slate_desktop.agent.logdoors import FloodLimits
from slate_desktop.agent.numbering import OVERLAP_NS, FloodState, LostSpan
from slate_desktop.domain.sizes import format_bytes

_SECOND_NS = 1_000_000_000


class DropMarker(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in the log where lines were dropped; ``ord`` keeps equal stamps apart.

    ``metadata`` is what another agent process goes on with (``read_markers``).
    """

    ts_ns: int
    ord: int
    text: str
    metadata: dict[str, Any]

    @property
    def count(self) -> int:
        """How many lines this one counts."""
        return self.metadata["dropped"]


def read_markers(markers: Sequence[tuple[int, Mapping[str, Any]]]) -> FloodState:
    """Read stored markers (``ord``, metadata), newest first; odd ones are passed over."""
    told: int | None = None
    spans: dict[str, LostSpan] = {}
    for _, marker in markers:
        limit, lost = marker.get("limit"), marker.get("lost")
        if told is None and isinstance(limit, int):
            told = limit
        for stream, ends in lost.items() if isinstance(lost, dict) else ():
            try:
                (first_ns, first_ord), (last_ns, last_ord) = ends
            except (TypeError, ValueError):
                continue
            first, last = (first_ns, first_ord), (last_ns, last_ord)
            span = spans.get(stream)
            if span is None:
                spans[stream] = (first, last)
            elif span[0][0] - last_ns <= OVERLAP_NS:
                spans[stream] = (min(first, span[0]), span[1])
    orders = [order for order, _ in markers]
    return FloodState(told_limit=told, lost=spans, markers=max(orders, default=0))


class RateGate:
    """Lets through what a session may log; counts the rest.

    What counts is when lines were written, not when they are read: a reader that catches up after a
    pause drops nothing that a punctual one would have kept.

    Args:
        limits: lines in one second (a flood beyond it would only fill the disk), and bytes over the
            runtime's life.
    """

    def __init__(self, limits: FloodLimits) -> None:
        self._limits = limits
        self._kept_bytes = 0
        self._second = 0
        self._second_lines = 0
        self._dropped = 0
        self._dropped_at_ns = 0
        self._is_flooded = False
        self._told_limit: int | None = None
        self._markers = 0
        # Of each stream, time and order of the first and the last frame that the last flood lost.
        self._lost: dict[str, LostSpan] = {}
        self._is_again = False

    def go_on(self, state: FloodState) -> None:
        """Go on where another agent process ended; what it kept counts against the limits."""
        self._kept_bytes, self._told_limit = state.kept_bytes, state.told_limit
        self._lost, self._markers = dict(state.lost), state.markers
        self.begin_again()

    def begin_again(self) -> None:
        """Count nothing twice: the log is read again from a little earlier.

        What is stored comes to ``count_stored``; the rest of the last flood was counted.
        """
        self._is_again = bool(self._lost)
        self._second = self._second_lines = 0

    def count_stored(self, frames: Sequence[LogFrame]) -> None:
        """Count lines that are read again and stored: they were a part of their second."""
        counts = Counter(frame.ts_ns // _SECOND_NS for frame in frames)
        for second, lines in sorted(counts.items()):
            if second > self._second:
                self._second, self._second_lines = second, 0
            if second == self._second:
                self._second_lines += lines

    def set_limits(self, limits: FloodLimits) -> None:
        """Go on with other limits: what was kept counts against them."""
        self._limits = limits

    def admit(self, frames: list[LogFrame]) -> list[LogFrame]:
        """Return the frames that may pass; the others are counted for the next marker."""
        self._is_flooded = False
        if self._is_again:
            frames = [frame for frame in frames if not self._was_lost(frame)]
        if not frames:
            return frames
        if frames[0].ts_ns // _SECOND_NS == frames[-1].ts_ns // _SECOND_NS:
            return self._admit(frames)
        kept: list[LogFrame] = []
        for _, group in groupby(frames, lambda frame: frame.ts_ns // _SECOND_NS):
            kept += self._admit(list(group))
        return kept

    def _admit(self, frames: list[LogFrame]) -> list[LogFrame]:
        # Streams and clocks may step back a little; such lines count to the second that is on.
        second = frames[0].ts_ns // _SECOND_NS
        if second > self._second:
            self._second, self._second_lines = second, 0
        room = self._room(len(frames))
        kept = frames if len(frames) <= room else frames[: max(0, room)]
        self._second_lines += len(kept)
        self._kept_bytes += sum([len(frame.data) for frame in kept])
        lost = len(frames) - len(kept)
        if lost:
            if not self._dropped:
                self._dropped_at_ns = frames[len(kept)].ts_ns
            self._dropped += lost
            self._note_lost(frames[len(kept) :])
        self._is_flooded = lost > 0
        return kept

    def take_marker(self, *, is_final: bool = False) -> DropMarker | None:
        """Return a marker when a flood is over, or when the size limit was just reached."""
        if not self._dropped:
            return None
        if self._is_full and self._told_limit != self._limits.run_bytes:
            self._told_limit = self._limits.run_bytes
            limit = format_bytes(self._limits.run_bytes or 0)
            text = f"the log reached its limit of {limit}; the rest is dropped"
            # The lines are counted at the end of the run: another process reads them again.
            return self._marker(text, dropped=0, limit=self._limits.run_bytes)
        if self._is_flooded and not is_final:
            return None
        text = f"{self._dropped:,} lines dropped: {self._reason}"
        marker = self._marker(text, dropped=self._dropped, lost=dict(self._lost))
        self._dropped = 0
        return marker

    def _note_lost(self, frames: list[LogFrame]) -> None:
        for frame in frames:
            key = (frame.ts_ns, frame.ord)
            first, last = self._lost.get(frame.stream, (key, key))
            if frame.ts_ns - last[0] > OVERLAP_NS:
                first = key
            self._lost[frame.stream] = (first, key)

    def _was_lost(self, frame: LogFrame) -> bool:
        span = self._lost.get(frame.stream)
        return span is not None and span[0] <= (frame.ts_ns, frame.ord) <= span[1]

    @property
    def _is_full(self) -> bool:
        limit = self._limits.run_bytes
        return limit is not None and self._kept_bytes >= limit

    @property
    def _reason(self) -> str:
        if self._is_full:
            return f"the log's limit of {format_bytes(self._limits.run_bytes or 0)} was reached"
        if self._limits.lines_per_s is None:
            return "the log's limit was exceeded"
        return f"more than the limit of {self._limits.lines_per_s:,} lines a second"

    def _room(self, wanted: int) -> int:
        if self._is_full:
            return 0
        limit = self._limits.lines_per_s
        return wanted if limit is None else limit - self._second_lines

    def _marker(self, text: str, **metadata: Any) -> DropMarker:
        self._markers += 1
        return DropMarker(
            ts_ns=self._dropped_at_ns, ord=self._markers, text=text, metadata=metadata
        )
