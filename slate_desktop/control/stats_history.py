"""The graphs' data: live samples of the last hour, stored points of anything up to 30 days."""

from __future__ import annotations

import time
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence

import msgspec

from slate_desktop.domain.stats import ContainerStats, StatsPoint

_NS = 1_000_000_000
_KEPT_NS = 3600 * _NS
# Without a sample for so long a line breaks off: three stored samples of ten seconds were missed.
_BREAK_NS = 35 * _NS
_TRIM_ROWS = 512
# A graph is some hundred pixels wide; more points than this are not seen.
_MAX_POINTS = 600
_STEPS_S = (1, 2, 5, 10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)
# Of what is written down: the newest minute whole, as the shortest span shows it.
_KEPT_STEP_S = 10
_KEPT_WHOLE_S = 60
SPANS_S = (60, 300, 900, 3600, 6 * 3600, 86_400, 7 * 86_400, 30 * 86_400)

_NAN = float("nan")
# Columns after the time: four that are drawn as they are, four counters, and the rest.
_CPU, _CPU_MAX, _MEMORY, _MEMORY_MAX = range(4)
_RX, _TX, _READ, _WRITTEN = range(4, 8)
_PIDS, _GPU, _GPU_MEMORY = range(8, 11)
_COUNTERS = (_RX, _TX, _READ, _WRITTEN)
_PEAKS = (_CPU_MAX, _MEMORY_MAX, _PIDS, _GPU_MEMORY)
_MEANS = (_CPU, _MEMORY, _GPU)


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
        self._live = _Columns()
        self._stored = _Columns()

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
        below = _Columns()
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
        self._stored = _Columns()
        for point in points:
            self._stored.put(*_row(point))
            self._memory_peak = max(self._memory_peak, point.memory_usage_max)
        if self.latest is None and points:
            self.latest = points[-1].as_sample()
        self.loads += 1

    def clear(self) -> None:
        """Forget everything, as a new runtime starts."""
        self.latest = None
        self._live, self._stored = _Columns(), _Columns()
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
                cpu_percent=columns[_CPU][index],
                memory_usage=int(columns[_MEMORY][index]),
                memory_limit=limit,
                network_rx_bytes=int(columns[_RX][index]),
                network_tx_bytes=int(columns[_TX][index]),
                sampled_at_ns=self._live.times[index],
                pids=int(columns[_PIDS][index]),
                disk_read_bytes=int(columns[_READ][index]),
                disk_write_bytes=int(columns[_WRITTEN][index]),
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
        step_ns = (step_s or step_for(span_s)) * _NS
        first = self.first_ns
        drawing = _Drawing(end_ns, step_ns)
        if first is None or first > start_ns:
            drawing.take(self._stored, start_ns, min(end_ns, first if first else end_ns))
        drawing.take(self._live, start_ns, end_ns)
        drawing.finish()
        latest = self.latest
        return Series(
            time_s=drawing.times,
            cpu_percent=drawing.out[_CPU],
            cpu_percent_max=drawing.out[_CPU_MAX],
            memory_bytes=drawing.out[_MEMORY],
            memory_max_bytes=drawing.out[_MEMORY_MAX],
            rx_bytes_per_s=drawing.out[_RX],
            tx_bytes_per_s=drawing.out[_TX],
            read_bytes_per_s=drawing.out[_READ],
            written_bytes_per_s=drawing.out[_WRITTEN],
            pids=drawing.out[_PIDS],
            gpu_percent=drawing.out[_GPU],
            gpu_memory_bytes=drawing.out[_GPU_MEMORY],
            memory_limit=latest.memory_limit if latest else 0,
            memory_peak=self._memory_peak,
        )

    def _take_latest(self, stats: ContainerStats) -> None:
        self.latest = stats
        self._memory_peak = max(stats.memory_peak, stats.memory_usage, self._memory_peak)


class _Columns:
    """Samples in columns, oldest first."""

    def __init__(self) -> None:
        self.times = array("q")
        self.columns = tuple(array("d") for _ in range(11))

    def __len__(self) -> int:
        return len(self.times)

    def put(self, at_ns: int, values: Sequence[float]) -> None:
        self.times.append(at_ns)
        for column, value in zip(self.columns, values, strict=True):
            column.append(value)

    def extend(self, others: _Columns) -> None:
        self.times.extend(others.times)
        for column, other in zip(self.columns, others.columns, strict=True):
            column.extend(other)

    def trim(self, before_ns: int) -> None:
        """Let go of old rows, many at a time."""
        excess = bisect_left(self.times, before_ns)
        if excess >= _TRIM_ROWS:
            del self.times[:excess]
            for column in self.columns:
                del column[:excess]

    def thinned(self, step_ns: int, whole_ns: int) -> list[int]:
        """Return the last row of each step, and every row of the newest span."""
        if not self.times:
            return []
        newest = bisect_left(self.times, self.times[-1] - whole_ns)
        picked: dict[int, int] = {self.times[at] // step_ns: at for at in range(newest)}
        return [*picked.values(), *range(newest, len(self.times))]


class _Drawing:
    """Makes points of rows. Steps are fixed in time, so that points do not dance."""

    def __init__(self, end_ns: int, step_ns: int) -> None:
        self.times = array("d")
        self.out = tuple(array("d") for _ in range(11))
        self._end_ns = end_ns
        self._step_ns = step_ns
        self._break_ns = max(_BREAK_NS, step_ns * 7 // 2)
        self._step: int | None = None
        self._rows: list[tuple[_Columns, int]] = []
        self._previous: tuple[int, list[float]] | None = None
        self._start_ns = 0

    def take(self, columns: _Columns, start_ns: int, end_ns: int) -> None:
        """Take the rows of a span, and one before it: it gives the first rate."""
        self._start_ns = start_ns
        times = columns.times
        first = bisect_left(times, start_ns)
        for index in range(max(0, first - 1), len(times)):
            if times[index] > end_ns:
                break
            step = times[index] // self._step_ns
            if step != self._step:
                self.finish()
                self._step = step
            self._rows.append((columns, index))

    def finish(self) -> None:
        """Make a point of what has gathered."""
        if not self._rows:
            return
        columns, last = self._rows[-1]
        at_ns = columns.times[last]
        values = [column[last] for column in columns.columns]
        if len(self._rows) > 1:
            for index in _MEANS:
                values[index] = sum(c.columns[index][i] for c, i in self._rows) / len(self._rows)
            for index in _PEAKS:
                values[index] = max(c.columns[index][i] for c, i in self._rows)
        self._rows.clear()
        previous, self._previous = self._previous, (at_ns, values)
        if at_ns >= self._start_ns or previous is not None:
            self._put(at_ns, values, previous)

    def _put(
        self, at_ns: int, values: list[float], previous: tuple[int, list[float]] | None
    ) -> None:
        elapsed_ns = at_ns - previous[0] if previous is not None else 0
        if elapsed_ns > self._break_ns:
            self.times.append((at_ns - 1 - self._end_ns) / _NS)
            for column in self.out:
                column.append(_NAN)
        rates = dict.fromkeys(_COUNTERS, 0.0)
        if previous is not None and elapsed_ns > 0:
            for index in _COUNTERS:
                # A counter that falls belongs to a new runtime.
                grown = max(0.0, values[index] - previous[1][index])
                rates[index] = grown * _NS / elapsed_ns
        self.times.append((at_ns - self._end_ns) / _NS)
        for index, column in enumerate(self.out):
            column.append(rates.get(index, values[index]))


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
        _NAN if item.gpu_percent is None else item.gpu_percent,
        _NAN if item.gpu_memory is None else item.gpu_memory,
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
        _NAN if stats.gpu_percent is None else stats.gpu_percent,
        _NAN if stats.gpu_memory is None else stats.gpu_memory,
    )
