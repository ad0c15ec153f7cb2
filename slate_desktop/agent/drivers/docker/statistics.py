"""One sample of a container: from cgroup files where they can be read, else from a stream.

A stream is opened once for each container and read as long as it runs; the engine's single answers
take a second or two each.
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import msgspec

from slate_desktop.agent.drivers.docker.cgroups import CgroupSampler
from slate_desktop.agent.drivers.docker.engine import Engine
from slate_desktop.agent.drivers.gpu import GpuMeter
from slate_desktop.domain.stats import ContainerStats
from slate_desktop.errors import CommandError, ErrorCode

_FIRST_SAMPLE_S = 5.0


class Samplers:
    """The open samplers of one engine, by container."""

    def __init__(self, engine: Engine, *, with_cgroups: bool = True) -> None:
        self._engine = engine
        self._gpu = GpuMeter()
        self._with_cgroups = with_cgroups
        self._files: dict[str, CgroupSampler] = {}
        self._streams: dict[str, _Stream] = {}
        self._peaks: dict[str, int] = {}

    def newest_from_files(self, container_id: str) -> ContainerStats | None:
        """Sample a container whose files are open already."""
        sampler = self._files.get(container_id)
        sample = sampler.sample() if sampler is not None else None
        if sampler is not None:
            self._peaks[container_id] = sampler.peak
            if sample is None:
                self._close_files(container_id)
            elif self._gpu.is_there:
                sample = self._with_gpu(sample, sampler)
        return sample

    async def sample(self, container_id: str, pid: int) -> ContainerStats:
        """Sample a running container whose init process is ``pid``.

        Raises:
            CommandError: ``not_running`` when it has just ended.
        """
        if self._with_cgroups and self._engine.address.is_local:
            sampler = CgroupSampler.open(pid, container_id)
            if sampler is not None:
                self._close_files(container_id)
                self._files[container_id] = sampler
                sample = self.newest_from_files(container_id)
                if sample is not None:
                    return sample
        stream = self._streams.get(container_id)
        if stream is None or stream.is_over:
            stream = self._streams[container_id] = _Stream(self._engine, container_id)
        sample = await stream.newest()
        self._peaks[container_id] = max(stream.peak, self._peaks.get(container_id, 0))
        return sample

    def peak(self, container_id: str) -> int | None:
        """Return the highest use of memory that was seen."""
        return self._peaks.get(container_id) or None

    def forget(self, container_id: str) -> None:
        """Close what is open for a container."""
        self._close_files(container_id)
        self._peaks.pop(container_id, None)
        stream = self._streams.pop(container_id, None)
        if stream is not None:
            stream.cancel()

    async def aclose(self) -> None:
        """Close everything."""
        for container_id in [*self._files, *self._streams]:
            self.forget(container_id)
        await self._gpu.aclose()

    def _close_files(self, container_id: str) -> None:
        sampler = self._files.pop(container_id, None)
        if sampler is not None:
            sampler.close()

    def _with_gpu(self, sample: ContainerStats, sampler: CgroupSampler) -> ContainerStats:
        use = self._gpu.use(sampler.processes())
        if use is None:
            return sample
        return msgspec.structs.replace(sample, gpu_percent=use[0], gpu_memory=use[1])


class _Stream:
    """Reads ``stats?stream=1`` in a task and keeps the newest sample."""

    def __init__(self, engine: Engine, container_id: str) -> None:
        self.peak = 0
        self._sample: ContainerStats | None = None
        self._has_sample = asyncio.Event()
        self._task = asyncio.create_task(
            self._run(engine, container_id), name=f"docker-stats-{container_id[:12]}"
        )

    @property
    def is_over(self) -> bool:
        """Whether the stream has ended."""
        return self._task.done()

    async def newest(self) -> ContainerStats:
        """Return the newest sample, waiting for the first."""
        waiter = asyncio.ensure_future(self._has_sample.wait())
        try:
            await asyncio.wait(
                {waiter, self._task},
                timeout=_FIRST_SAMPLE_S,
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            waiter.cancel()
        if self._sample is None or self._task.done():
            raise CommandError(ErrorCode.NOT_RUNNING, "the container does not run")
        return self._sample

    def cancel(self) -> None:
        """End the task."""
        self._task.cancel()

    async def _run(self, engine: Engine, container_id: str) -> None:
        try:
            async with engine.open("GET", f"/containers/{container_id}/stats?stream=1") as answer:
                if answer.status != 200:
                    return
                async for line in answer.lines():
                    sample = _from_json(line)
                    if sample is None:
                        continue
                    self.peak = max(self.peak, sample.memory_usage, sample.memory_peak)
                    self._sample = msgspec.structs.replace(sample, memory_peak=self.peak)
                    self._has_sample.set()
        except CommandError:
            return


def _from_json(line: bytes) -> ContainerStats | None:
    try:
        data: dict[str, Any] = json.loads(line)
    except ValueError:
        return None
    memory = data.get("memory_stats") or {}
    if str(data.get("read", "")).startswith("0001") or "usage" not in memory:
        return None
    details = memory.get("stats") or {}
    inactive = details.get("total_inactive_file", details.get("inactive_file", 0))
    networks = (data.get("networks") or {}).values()
    limit = int(memory.get("limit") or 0)
    return ContainerStats(
        cpu_percent=_percent(data),
        memory_usage=max(0, int(memory["usage"]) - int(inactive)),
        memory_limit=0 if limit >= 1 << 60 else limit,
        network_rx_bytes=sum(int(net.get("rx_bytes", 0)) for net in networks),
        network_tx_bytes=sum(int(net.get("tx_bytes", 0)) for net in networks),
        sampled_at_ns=time.time_ns(),
        pids=int((data.get("pids_stats") or {}).get("current") or 0),
        memory_peak=int(memory.get("max_usage") or 0),
        disk_read_bytes=_disk(data, "read"),
        disk_write_bytes=_disk(data, "write"),
    )


def _disk(data: dict[str, Any], operation: str) -> int:
    entries = (data.get("blkio_stats") or {}).get("io_service_bytes_recursive") or []
    return sum(
        int(entry.get("value") or 0)
        for entry in entries
        if str(entry.get("op", "")).lower() == operation
    )


def _percent(data: dict[str, Any]) -> float:
    now, before = data.get("cpu_stats") or {}, data.get("precpu_stats") or {}
    used = _total(now) - _total(before)
    system = int(now.get("system_cpu_usage") or 0) - int(before.get("system_cpu_usage") or 0)
    cpus = int(now.get("online_cpus") or 0) or len(
        (now.get("cpu_usage") or {}).get("percpu_usage") or [0]
    )
    return max(0.0, 100.0 * used / system * cpus) if system > 0 and _total(before) else 0.0


def _total(stats: dict[str, Any]) -> int:
    return int((stats.get("cpu_usage") or {}).get("total_usage") or 0)
