"""The graphs' data: live samples of the last hour, stored points of anything up to 30 days."""

from __future__ import annotations

import time
from array import array
from collections.abc import Iterable, Sequence

import msgspec

from slate_desktop.control.stats_points import (
    CPU,
    CPU_MAX,
    GPU,
    GPU_MEMORY,
    MEMORY,
    MEMORY_MAX,
    NAN,
    PIDS,
    READ,
    RX,
    TX,
    WRITTEN,
    Columns,
    Points,
)
from slate_desktop.domain.stats import ContainerStats, StatsPoint

_NS = 1_000_000_000
_KEPT_NS = 3600 * _NS
# A graph is some hundred pixels wide; more points than this are not seen.
_MAX_POINTS = 600
_STEPS_S = (1, 2, 5, 10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)
# Of what is written down: the newest minute whole, as the shortest span shows it.
_KEPT_STEP_S = 10
_KEPT_WHOLE_S = 60
SPANS_S = (60, 300, 900, 3600, 6 * 3600, 86_400, 7 * 86_400, 30 * 86_400)


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """Points of one span, oldest first; arrays of doubles with one length.

    ``time_s`` is seconds relative to the span's end (``-60 … 0``); ``cpu_percent`` percent of one
    core; sizes are bytes, rates bytes per second. ``…_max`` is the highest of what a point stands
    for. Where samples are missing for long, one point of NaN breaks the line; a figure that was not
    measured is NaN, too. ``memory_limit`` 0: none.
    """

    time_s: array[float]
    cpu_percent: array[float]
    cpu_percent_max: array[float]
    memory_bytes: array[float]
    memory_max_bytes: array[float]
    rx_bytes_per_s: array[float]
    tx_bytes_per_s: array[float]
    read_bytes_per_s: array[float]
    written_bytes_per_s: array[float]
    pids: array[float]
    gpu_percent: array[float]
    gpu_memory_bytes: array[float]
    memory_limit: int
    memory_peak: int


def step_for(span_s: float) -> int:
    """Return the seconds per point with which a span is drawn."""
    return next((step for step in _STEPS_S if span_s / step <= _MAX_POINTS), _STEPS_S[-1])


class StatsHistory:
    """Keeps one hour of live samples of a session, and the stored points of a longer span.

    Attributes:
        latest: the newest sample, None for none.
        frozen_at_ns: the moment that counts as now where nothing comes any more, else None.
        revision: counts live samples, and ``loads`` what was read, so that nothing is drawn twice.
    """

    def __init__(self) -> None:
        self.latest: ContainerStats | None = None
        self.frozen_at_ns: int | None = None
        self.revision = 0
        self.loads = 0
        self._memory_peak = 0
        self._live = Columns()
        self._stored = Columns()
        # What was drawn last, and of what.
        self._points: tuple[tuple[int, int, int], Points] | None = None

    def __len__(self) -> int:
        return len(self._live)

    @property
    def first_ns(self) -> int | None:
        """The time of the oldest live sample."""
        return self._live.times[0] if len(self._live) else None

    def now_ns(self) -> int:
        """Return the moment at which a live graph ends."""
        return self.frozen_at_ns if self.frozen_at_ns is not None else time.time_ns()

    def add(self, stats: ContainerStats) -> None:
        """Take a live sample; ones that are not newer than the newest are ignored."""
        times = self._live.times
        if times and stats.sampled_at_ns <= times[-1]:
            return
        self._take_latest(stats)
        self._live.put(stats.sampled_at_ns, _values(stats))
        self._live.trim(stats.sampled_at_ns - _KEPT_NS)
        self.revision += 1

    def load(self, samples: Iterable[ContainerStats | StatsPoint]) -> None:
        """Put stored samples of the last hour below the live ones."""
        first = self.first_ns
        rows = sorted(((_row(item), item) for item in samples), key=lambda pair: pair[0][0])
        older = [(row, item) for row, item in rows if first is None or row[0] < first]
        if not older:
            return
        below = Columns()
        for (at_ns, values), _ in older:
            below.put(at_ns, values)
        below.extend(self._live)
        self._live = below
        if self.latest is None:
            last = older[-1][1]
            self._take_latest(last if isinstance(last, ContainerStats) else last.as_sample())
        self.loads += 1

    def load_span(self, points: Sequence[StatsPoint]) -> None:
        """Take the stored points of a span that is longer than what is kept live."""
        self._stored = Columns()
        for point in points:
            self._stored.put(*_row(point))
            self._memory_peak = max(self._memory_peak, point.memory_usage_max)
        if self.latest is None and points:
            self.latest = points[-1].as_sample()
        self.loads += 1

    def clear(self) -> None:
        """Forget everything, as a new runtime starts."""
        self.latest = None
        self._live, self._stored = Columns(), Columns()
        self._memory_peak = 0
        self.loads += 1

    def freeze(self, at_ns: int) -> None:
        """Show the spans that end at a moment from now on: nothing comes any more."""
        self.frozen_at_ns = at_ns

    def samples(self) -> list[ContainerStats]:
        """Return the live samples of the newest minute, and one for each ten seconds before."""
        limit = self.latest.memory_limit if self.latest is not None else 0
        columns = self._live.columns
        return [
            ContainerStats(
                cpu_percent=columns[CPU][index],
                memory_usage=int(columns[MEMORY][index]),
                memory_limit=limit,
                network_rx_bytes=int(columns[RX][index]),
                network_tx_bytes=int(columns[TX][index]),
                sampled_at_ns=self._live.times[index],
                pids=int(columns[PIDS][index]),
                disk_read_bytes=int(columns[READ][index]),
                disk_write_bytes=int(columns[WRITTEN][index]),
            )
            for index in self._live.thinned(_KEPT_STEP_S * _NS, _KEPT_WHOLE_S * _NS)
        ]

    def series(
        self, span_s: float, *, end_ns: int | None = None, step_s: int | None = None
    ) -> Series:
        """Return the points of the span that ends at a moment (None: now), one for each step."""
        if end_ns is None:
            end_ns = self.now_ns()
        start_ns = end_ns - int(span_s * _NS)
        if step_s is None:
            points = self._points_for(start_ns, end_ns, step_for(span_s) * _NS)
        else:
            points = self._new_points(start_ns, end_ns, step_s * _NS)
        points.take(self._live, end_ns)
        times, out = points.cut(start_ns, end_ns)
        latest = self.latest
        return Series(
            time_s=times,
            cpu_percent=out[CPU],
            cpu_percent_max=out[CPU_MAX],
            memory_bytes=out[MEMORY],
            memory_max_bytes=out[MEMORY_MAX],
            rx_bytes_per_s=out[RX],
            tx_bytes_per_s=out[TX],
            read_bytes_per_s=out[READ],
            written_bytes_per_s=out[WRITTEN],
            pids=out[PIDS],
            gpu_percent=out[GPU],
            gpu_memory_bytes=out[GPU_MEMORY],
            memory_limit=latest.memory_limit if latest else 0,
            memory_peak=self._memory_peak,
        )

    def _points_for(self, start_ns: int, end_ns: int, step_ns: int) -> Points:
        """Return those that were drawn last where the span only went with the clock."""
        basis = (step_ns, self.loads, self._live.trims)
        if self._points is not None:
            known, points = self._points
            left_ns = start_ns - points.start_ns
            # What has left the span is kept until it is as long as the span itself.
            if known == basis and points.taken_ns <= end_ns and 0 <= left_ns <= end_ns - start_ns:
                return points
        points = self._new_points(start_ns, end_ns, step_ns)
        self._points = basis, points
        return points

    def _new_points(self, start_ns: int, end_ns: int, step_ns: int) -> Points:
        points = Points(start_ns, step_ns)
        first = self.first_ns
        if first is None or first > start_ns:
            points.take(self._stored, end_ns if first is None else min(end_ns, first - 1))
        return points

    def _take_latest(self, stats: ContainerStats) -> None:
        self.latest = stats
        self._memory_peak = max(stats.memory_peak, stats.memory_usage, self._memory_peak)


def _row(item: ContainerStats | StatsPoint) -> tuple[int, tuple[float, ...]]:
    if isinstance(item, ContainerStats):
        return item.sampled_at_ns, _values(item)
    return item.at_ns, (
        item.cpu_percent,
        item.cpu_percent_max,
        item.memory_usage,
        item.memory_usage_max,
        item.network_rx_bytes,
        item.network_tx_bytes,
        item.disk_read_bytes,
        item.disk_write_bytes,
        item.pids,
        NAN if item.gpu_percent is None else item.gpu_percent,
        NAN if item.gpu_memory is None else item.gpu_memory,
    )


def _values(stats: ContainerStats) -> tuple[float, ...]:
    return (
        stats.cpu_percent,
        stats.cpu_percent,
        stats.memory_usage,
        stats.memory_usage,
        stats.network_rx_bytes,
        stats.network_tx_bytes,
        stats.disk_read_bytes,
        stats.disk_write_bytes,
        stats.pids,
        NAN if stats.gpu_percent is None else stats.gpu_percent,
        NAN if stats.gpu_memory is None else stats.gpu_memory,
    )
