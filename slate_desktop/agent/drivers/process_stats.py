"""Samples of a process tree, by psutil."""

from __future__ import annotations

import time
from typing import Any

import psutil

from slate_desktop.domain.stats import ContainerStats


class TreeSampler:
    """Takes samples of a process and its descendants; CPU is the share since the last sample."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._last: tuple[float, dict[tuple[int, float], float]] | None = None
        self._peak = 0
        self._disk: dict[tuple[int, float], tuple[int, int]] = {}
        self.pids: list[int] = []

    def sample(self, *, memory_limit: int) -> ContainerStats | None:
        """Return a sample, or None when the process is gone."""
        try:
            root = psutil.Process(self._pid)
            tree = [root, *root.children(recursive=True)]
        except psutil.Error:
            return None
        now = time.monotonic()
        memory = 0
        cpu: dict[tuple[int, float], float] = {}
        for process in tree:
            try:
                with process.oneshot():
                    times = process.cpu_times()
                    memory += process.memory_info().rss
                    key = (process.pid, process.create_time())
                    cpu[key] = times.user + times.system
                    disk = _disk(process)
            except psutil.Error:
                continue
            if disk is not None:
                # What a process that has ended wrote stays counted.
                self._disk[key] = disk
        if not cpu:
            return None
        self.pids = [pid for pid, _ in cpu]
        self._peak = max(self._peak, memory)
        return ContainerStats(
            cpu_percent=self._percent(now, cpu, root),
            memory_usage=memory,
            memory_limit=memory_limit,
            network_rx_bytes=0,
            network_tx_bytes=0,
            sampled_at_ns=time.time_ns(),
            pids=len(cpu),
            memory_peak=self._peak,
            disk_read_bytes=sum(read for read, _ in self._disk.values()),
            disk_write_bytes=sum(written for _, written in self._disk.values()),
        )

    def _percent(
        self, now: float, cpu: dict[tuple[int, float], float], root: psutil.Process
    ) -> float:
        last, self._last = self._last, (now, cpu)
        if last is None:
            # The first sample tells the average since the process began.
            age = max(time.time() - root.create_time(), 0.1)
            return 100.0 * sum(cpu.values()) / age
        elapsed = max(now - last[0], 1e-3)
        used = sum(seconds - last[1].get(key, 0.0) for key, seconds in cpu.items())
        return max(0.0, 100.0 * used / elapsed)


def _disk(process: psutil.Process) -> tuple[int, int] | None:
    """Return bytes read from and written to disks; None where the system does not tell."""
    counters: Any = getattr(process, "io_counters", None)
    if counters is None:
        return None
    try:
        found = counters()
    except (psutil.Error, OSError, NotImplementedError):
        return None
    return int(found.read_bytes), int(found.write_bytes)
