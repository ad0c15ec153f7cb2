"""The graphs' data: CPU, memory and network over the last minute, five minutes and hour."""

from __future__ import annotations

import time
from array import array
from bisect import bisect_left
from collections.abc import Iterable
from enum import Enum

import msgspec

from slate_desktop.domain.stats import ContainerStats

_NS = 1_000_000_000
_KEPT_NS = 3600 * _NS
# Seconds without a sample after which a line breaks off: three stored samples were missed.
_BREAK_NS = 35 * _NS
_TRIM_ROWS = 512


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
    ``memory_bytes`` bytes; ``rx_bytes_per_s`` and ``tx_bytes_per_s`` network rates. Where samples
    are missing for long, one point of NaN breaks the line.
    """

    time_s: array[float]
    cpu_percent: array[float]
    memory_bytes: array[float]
    rx_bytes_per_s: array[float]
    tx_bytes_per_s: array[float]
    memory_limit: int


class StatsHistory:
    """Keeps one hour of samples of a session; ``latest`` is the newest one.

    ``frozen_at_ns`` is the moment that counts as now where nothing comes any more, else None.

    Samples come from two sources that overlap: live events each second, and the stored ones, a
    sample every ten seconds, of the time before.
    """

    def __init__(self) -> None:
        self.latest: ContainerStats | None = None
        self.frozen_at_ns: int | None = None
        self._times = array("q")
        self._cpu = array("d")
        self._memory = array("d")
        self._rx = array("d")
        self._tx = array("d")

    def __len__(self) -> int:
        return len(self._times)

    def add(self, stats: ContainerStats) -> None:
        """Take a live sample; ones that are not newer than the newest are ignored."""
        if self._times and stats.sampled_at_ns <= self._times[-1]:
            return
        self.latest = stats
        self._put(stats)
        self._trim(stats.sampled_at_ns)

    def load(self, samples: Iterable[ContainerStats]) -> None:
        """Put stored samples below the live ones."""
        first = self._times[0] if self._times else None
        older = sorted(
            (s for s in samples if first is None or s.sampled_at_ns < first),
            key=lambda sample: sample.sampled_at_ns,
        )
        if not older:
            return
        kept = self._columns()
        self._times, self._cpu, self._memory = array("q"), array("d"), array("d")
        self._rx, self._tx = array("d"), array("d")
        for sample in older:
            self._put(sample)
        for column, rest in zip(self._columns(), kept, strict=True):
            column.extend(rest)  # pyright: ignore[reportArgumentType]
        if self.latest is None:
            self.latest = older[-1]

    def clear(self) -> None:
        """Forget everything, as a new runtime starts."""
        self.latest = None
        for column in self._columns():
            del column[:]

    def freeze(self, at_ns: int) -> None:
        """Show the spans that end at a moment from now on: nothing comes any more."""
        self.frozen_at_ns = at_ns

    def samples(self) -> list[ContainerStats]:
        """Return one sample for each ten seconds, oldest first; processes are not counted."""
        limit = self.latest.memory_limit if self.latest is not None else 0
        return [
            ContainerStats(
                cpu_percent=self._cpu[index],
                memory_usage=int(self._memory[index]),
                memory_limit=limit,
                network_rx_bytes=int(self._rx[index]),
                network_tx_bytes=int(self._tx[index]),
                sampled_at_ns=self._times[index],
            )
            for index in self._pick(0, Window.HOUR.step_s * _NS)
        ]

    def series(self, window: Window, *, now_ns: int | None = None) -> Series:
        """Return the points of a span, at most one per step."""
        if now_ns is None:
            now_ns = self.frozen_at_ns if self.frozen_at_ns is not None else time.time_ns()
        start = bisect_left(self._times, now_ns - window.span_s * _NS)
        # One sample before the span gives the first rate, and lets the line enter from the left.
        picked = self._pick(max(0, start - 1), window.step_s * _NS)
        out = [array("d") for _ in range(5)]
        previous: int | None = None
        for index in picked:
            if previous is not None:
                self._point(out, previous, index, now_ns)
            elif index >= start:
                self._put_point(out, index, now_ns, 0.0, 0.0)
            previous = index
        return Series(
            time_s=out[0],
            cpu_percent=out[1],
            memory_bytes=out[2],
            rx_bytes_per_s=out[3],
            tx_bytes_per_s=out[4],
            memory_limit=self.latest.memory_limit if self.latest else 0,
        )

    def _pick(self, start: int, step_ns: int) -> list[int]:
        """Return the last sample of each step; steps are fixed in time, so points do not dance."""
        picked: list[int] = []
        last_step = None
        for index in range(start, len(self._times)):
            step = self._times[index] // step_ns
            if step == last_step:
                picked[-1] = index
            else:
                picked.append(index)
                last_step = step
        return picked

    def _point(self, out: list[array[float]], previous: int, index: int, now_ns: int) -> None:
        elapsed_ns = self._times[index] - self._times[previous]
        if elapsed_ns > _BREAK_NS:
            out[0].append((self._times[index] - 1 - now_ns) / _NS)
            for column in out[1:]:
                column.append(float("nan"))
        # A counter that falls belongs to a new runtime.
        rx = max(0.0, self._rx[index] - self._rx[previous]) * _NS / elapsed_ns
        tx = max(0.0, self._tx[index] - self._tx[previous]) * _NS / elapsed_ns
        self._put_point(out, index, now_ns, rx, tx)

    def _put_point(
        self, out: list[array[float]], index: int, now_ns: int, rx: float, tx: float
    ) -> None:
        point = ((self._times[index] - now_ns) / _NS, self._cpu[index], self._memory[index], rx, tx)
        for column, value in zip(out, point, strict=True):
            column.append(value)

    def _put(self, stats: ContainerStats) -> None:
        self._times.append(stats.sampled_at_ns)
        self._cpu.append(stats.cpu_percent)
        self._memory.append(stats.memory_usage)
        self._rx.append(stats.network_rx_bytes)
        self._tx.append(stats.network_tx_bytes)

    def _trim(self, now_ns: int) -> None:
        excess = bisect_left(self._times, now_ns - _KEPT_NS)
        if excess >= _TRIM_ROWS:
            for column in self._columns():
                del column[:excess]

    def _columns(self) -> tuple[array[int] | array[float], ...]:
        return (self._times, self._cpu, self._memory, self._rx, self._tx)
