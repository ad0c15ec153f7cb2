"""Samples of a process tree, by psutil."""

from __future__ import annotations

import time

import psutil

from slate_desktop.domain.stats import ContainerStats


class TreeSampler:
    """Takes samples of a process and its descendants; CPU is the share since the last sample."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._last: tuple[float, dict[tuple[int, float], float]] | None = None

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
                    cpu[(process.pid, process.create_time())] = times.user + times.system
            except psutil.Error:
                continue
        if not cpu:
            return None
        return ContainerStats(
            cpu_percent=self._percent(now, cpu, root),
            memory_usage=memory,
            memory_limit=memory_limit,
            network_rx_bytes=0,
            network_tx_bytes=0,
            sampled_at_ns=time.time_ns(),
            pids=len(cpu),
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
