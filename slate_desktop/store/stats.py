"""Down-sampled figures of runtimes, 10 s each."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from slate_desktop.domain.stats import ContainerStats
from slate_desktop.store.port import Runner

BUCKET_S = 10


class StatsBucket(msgspec.Struct, frozen=True, kw_only=True):
    """Ten seconds of one session: means, peaks, and the network totals at their end (bytes)."""

    bucket: datetime
    samples: int
    cpu_percent: float
    cpu_percent_max: float
    memory_usage: int
    memory_usage_max: int
    memory_limit: int
    network_rx_bytes: int
    network_tx_bytes: int


class Stats:
    """Rows of ``slate_runtime_stats``."""

    def __init__(self, runner: Runner) -> None:
        self._run = runner

    async def add(self, session_id: str, stats: ContainerStats) -> None:
        """Store a figure in the bucket of its time."""
        seconds = stats.sampled_at_ns // 1_000_000_000 // BUCKET_S * BUCKET_S
        await self._run.run(
            "add_stats",
            session_id=session_id,
            bucket=datetime.fromtimestamp(seconds, UTC),
            cpu_percent=stats.cpu_percent,
            memory_usage=stats.memory_usage,
            memory_limit=stats.memory_limit,
            network_rx_bytes=stats.network_rx_bytes,
            network_tx_bytes=stats.network_tx_bytes,
        )

    async def list(
        self, session_id: str, *, since: datetime, limit: int = 10_000
    ) -> list[StatsBucket]:
        """Return figures from a moment on, oldest first."""
        rows = await self._run.many("list_stats", session_id=session_id, since=since, limit=limit)
        return [msgspec.convert(dict(row), StatsBucket) for row in rows]
