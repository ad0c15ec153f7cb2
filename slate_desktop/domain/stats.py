"""A runtime's use of the machine: one sample, and points of history that stand for many."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

_NS = 1_000_000_000
# What is kept: seconds per point, and for how many seconds points of that step are kept.
STEPS: tuple[tuple[int, int], ...] = ((1, 3600), (10, 86_400), (60, 30 * 86_400))
MAX_POINTS = 5000


class ContainerStats(msgspec.Struct, frozen=True, kw_only=True):
    """Use of CPU, memory, network and disk at one moment.

    ``cpu_percent`` is percent of one core (200 means two cores busy). ``memory_usage``,
    ``memory_limit``, ``memory_peak`` and the counters of network and disk are bytes; the counters
    are totals since the runtime started. ``sampled_at_ns`` is UTC nanoseconds since the epoch.
    ``memory_limit`` 0: no limit; ``memory_peak`` 0: not known. ``gpu_percent`` (of one GPU) and
    ``gpu_memory`` (bytes) are None where there is no GPU that tells.
    """

    cpu_percent: float
    memory_usage: int
    memory_limit: int
    network_rx_bytes: int
    network_tx_bytes: int
    sampled_at_ns: int
    pids: int = 0
    memory_peak: int = 0
    disk_read_bytes: int = 0
    disk_write_bytes: int = 0
    gpu_percent: float | None = None
    gpu_memory: int | None = None


class StatsPoint(msgspec.Struct, frozen=True, kw_only=True):
    """The samples of one span of time: means, extremes, and the counters at its end.

    ``at_ns`` is where the span begins (UTC nanoseconds), ``step_s`` its length in seconds; other
    units are those of ``ContainerStats``. ``pids`` is the most that were seen.
    """

    at_ns: int
    step_s: int
    samples: int
    cpu_percent: float
    cpu_percent_min: float
    cpu_percent_max: float
    memory_usage: int
    memory_usage_min: int
    memory_usage_max: int
    memory_limit: int
    network_rx_bytes: int
    network_tx_bytes: int
    memory_peak: int = 0
    disk_read_bytes: int = 0
    disk_write_bytes: int = 0
    pids: int = 0
    gpu_percent: float | None = None
    gpu_memory: int | None = None

    def as_sample(self) -> ContainerStats:
        """Return its means as one sample."""
        return ContainerStats(
            cpu_percent=self.cpu_percent,
            memory_usage=self.memory_usage,
            memory_limit=self.memory_limit,
            network_rx_bytes=self.network_rx_bytes,
            network_tx_bytes=self.network_tx_bytes,
            sampled_at_ns=self.at_ns,
            pids=self.pids,
            memory_peak=self.memory_peak,
            disk_read_bytes=self.disk_read_bytes,
            disk_write_bytes=self.disk_write_bytes,
            gpu_percent=self.gpu_percent,
            gpu_memory=self.gpu_memory,
        )


def down_sample(samples: Iterable[ContainerStats], step_s: int) -> list[StatsPoint]:
    """Return one point for each span of ``step_s`` seconds that holds samples, oldest first."""
    spans: dict[int, list[ContainerStats]] = {}
    for sample in samples:
        spans.setdefault(sample.sampled_at_ns // (step_s * _NS), []).append(sample)
    return [_point(span * step_s * _NS, step_s, spans[span]) for span in sorted(spans)]


def choose_step(start_ns: int, end_ns: int, now_ns: int, points: int) -> int:
    """Return the finest step in seconds that is kept since ``start_ns`` and not far too fine."""
    span_s = max(0, end_ns - start_ns) // _NS
    age_s = max(0, now_ns - start_ns) // _NS
    for step_s, kept_s in STEPS[:-1]:
        # A little is forgiven: what is asked for as "the last hour" began a moment ago.
        if age_s <= kept_s + 60 and span_s // step_s <= 4 * points:
            return step_s
    return STEPS[-1][0]


def _point(at_ns: int, step_s: int, samples: Sequence[ContainerStats]) -> StatsPoint:
    last, count = max(samples, key=lambda sample: sample.sampled_at_ns), len(samples)
    gpu = [sample.gpu_percent for sample in samples if sample.gpu_percent is not None]
    gpu_memory = [sample.gpu_memory for sample in samples if sample.gpu_memory is not None]
    return StatsPoint(
        at_ns=at_ns,
        step_s=step_s,
        samples=count,
        cpu_percent=sum(sample.cpu_percent for sample in samples) / count,
        cpu_percent_min=min(sample.cpu_percent for sample in samples),
        cpu_percent_max=max(sample.cpu_percent for sample in samples),
        memory_usage=sum(sample.memory_usage for sample in samples) // count,
        memory_usage_min=min(sample.memory_usage for sample in samples),
        memory_usage_max=max(sample.memory_usage for sample in samples),
        memory_limit=last.memory_limit,
        network_rx_bytes=last.network_rx_bytes,
        network_tx_bytes=last.network_tx_bytes,
        memory_peak=max(sample.memory_peak for sample in samples),
        disk_read_bytes=last.disk_read_bytes,
        disk_write_bytes=last.disk_write_bytes,
        pids=max(sample.pids for sample in samples),
        gpu_percent=sum(gpu) / len(gpu) if gpu else None,
        gpu_memory=max(gpu_memory) if gpu_memory else None,
    )
