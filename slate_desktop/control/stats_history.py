"""The graphs' data: CPU, memory and network over the last minute, five minutes and hour."""

from __future__ import annotations

from array import array
from enum import Enum

import msgspec

from slate_desktop.domain.stats import ContainerStats


class Window(Enum):
    """Spans of a graph: seconds shown, and seconds per point."""

    MINUTE = (60, 1)
    FIVE_MINUTES = (300, 1)
    HOUR = (3600, 10)

    @property
    def span_s(self) -> int:
        """Seconds that the graph shows."""
        return self.value[0]

    @property
    def step_s(self) -> int:
        """Seconds from point to point."""
        return self.value[1]


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """Points of one span, oldest first; arrays of doubles with one length.

    ``time_s`` is seconds relative to now (``-60 … 0``); ``cpu_percent`` percent of one core;
    ``memory_bytes`` bytes; ``rx_bytes_per_s`` and ``tx_bytes_per_s`` network rates.
    """

    time_s: array[float]
    cpu_percent: array[float]
    memory_bytes: array[float]
    rx_bytes_per_s: array[float]
    tx_bytes_per_s: array[float]
    memory_limit: int


class StatsHistory:
    """Keeps one hour of samples of a session; ``latest`` is the newest one."""

    latest: ContainerStats | None

    def add(self, stats: ContainerStats) -> None:
        """Take a live sample; older ones than the newest are ignored."""
        raise NotImplementedError

    def load(self, samples: list[ContainerStats]) -> None:
        """Put stored samples below the live ones."""
        raise NotImplementedError

    def clear(self) -> None:
        """Forget everything, as a new runtime starts."""
        raise NotImplementedError

    def series(self, window: Window, *, now_ns: int | None = None) -> Series:
        """Return the points of a span."""
        raise NotImplementedError
