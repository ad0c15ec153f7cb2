"""Limits what one runtime may log; counts the rest and says so."""

from __future__ import annotations

from itertools import groupby

import msgspec

from slate_desktop.agent.drivers.base import LogFrame

_SECOND_NS = 1_000_000_000


class DropMarker(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in the log where lines were dropped; ``ord`` keeps equal stamps apart."""

    ts_ns: int
    ord: int
    count: int
    text: str


class RateGate:
    """Lets through what a session may log; counts the rest.

    What counts is when lines were written, not when they are read: a reader that catches up after a
    pause drops nothing that a punctual one would have kept.

    Args:
        lines_per_s: lines in one second; a flood beyond it would only fill the disk.
        total_bytes: bytes over the runtime's life.
    """

    def __init__(self, lines_per_s: int, total_bytes: int) -> None:
        self._lines_per_s = lines_per_s
        self._total_bytes = total_bytes
        self._left_bytes = total_bytes
        self._second = 0
        self._second_lines = 0
        self._dropped = 0
        self._dropped_at_ns = 0
        self._is_flooded = False
        self._is_announced = False
        self._markers = 0

    def admit(self, frames: list[LogFrame]) -> list[LogFrame]:
        """Return the frames that may pass; the others are counted for the next marker."""
        self._is_flooded = False
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
        room = self._lines_per_s - self._second_lines if self._left_bytes > 0 else 0
        kept = frames if len(frames) <= room else frames[: max(0, room)]
        self._second_lines += len(kept)
        self._left_bytes -= sum([len(frame.data) for frame in kept])
        lost = len(frames) - len(kept)
        if lost:
            if not self._dropped:
                self._dropped_at_ns = frames[len(kept)].ts_ns
            self._dropped += lost
        self._is_flooded = lost > 0
        return kept

    def take_marker(self, *, is_final: bool = False) -> DropMarker | None:
        """Return a marker when a flood is over, or when the size limit was just reached."""
        if not self._dropped:
            return None
        if self._left_bytes <= 0 and not self._is_announced:
            self._is_announced = True
            limit_mib = self._total_bytes // 1024**2
            return self._marker(
                f"the log reached its limit of {limit_mib} MiB; the rest is dropped"
            )
        if self._is_flooded and not is_final:
            return None
        marker = self._marker(f"{self._dropped} lines dropped: the log's limit was exceeded")
        self._dropped = 0
        return marker

    def _marker(self, text: str) -> DropMarker:
        self._markers += 1
        return DropMarker(
            ts_ns=self._dropped_at_ns, ord=self._markers, count=self._dropped, text=text
        )
