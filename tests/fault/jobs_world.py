"""Rows and queue of jobs on servers of the test's own, and what must hold after faults."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from pathlib import Path

from slate_desktop.agent.jobs.events import JobEvents
from slate_desktop.agent.jobs.republish import Republisher
from slate_desktop.bus.nats_bus import NatsBus
from slate_desktop.bus.nats_queue import NatsQueue
from slate_desktop.domain.assets.kinds import AssetJobStatus
from slate_desktop.errors import SlateError
from slate_desktop.store import Database
from tests.fault.job_worker_main import SPEC
from tests.integration.job_world import JobWorld, ScriptedKind


class FaultWorld(JobWorld):
    """Rows and queue on servers of the test's own."""

    def __init__(self, db: Database, directory: Path, bus: NatsBus) -> None:
        super().__init__(db, directory)
        self.nats_bus = bus
        self.queue = NatsQueue(bus, SPEC)  # type: ignore[assignment]

    async def ensure_queue(self) -> None:
        """Make the queue, as soon as the broker, or a cluster's leader, answers."""
        async with asyncio.timeout(60):
            while True:
                with contextlib.suppress(SlateError, TimeoutError):
                    return await self.queue.ensure()
                await asyncio.sleep(0.1)


def damaged(folder: Path) -> list[str]:
    """Return the visible products that are not whole."""
    bad = []
    for path in folder.glob("*.bin"):
        with contextlib.suppress(FileNotFoundError):
            lines = path.read_bytes().splitlines()
            if len(lines) != 2000 or len(set(lines)) != 1:
                bad.append(path.name)
    return bad


async def watch(folder: Path, into: list[str]) -> None:
    while True:
        into += await asyncio.to_thread(damaged, folder)
        await asyncio.sleep(0.1)


async def repair(world: FaultWorld) -> None:
    """What every agent does all the time."""
    kind = ScriptedKind(world.db)
    republisher = Republisher(kind, world.queue, ("audio",), JobEvents(world.bus, kind))
    while True:
        with contextlib.suppress(SlateError, TimeoutError):
            await republisher.run_once()
        await asyncio.sleep(1.0)


async def counts(world: FaultWorld) -> dict[AssetJobStatus, int]:
    while True:
        with contextlib.suppress(SlateError):
            return await world.db.asset_jobs.counts(world.project.id)
        await asyncio.sleep(0.2)


async def failures(world: FaultWorld) -> list[tuple[str | None, str | None]]:
    rows = await world.db.asset_jobs.list(statuses=[AssetJobStatus.FAILED])
    return [(row.error_code, row.error_message) for row in rows]


async def check_effects(world: FaultWorld, ids: list[str], out: Path) -> None:
    """One effect per job: one product row, and what is visible is what the row says."""
    async with world.db.connection() as connection:
        products = await connection.fetch(
            "select job_id, attempt, sha256 from slate_asset_products"
        )
    assert sorted(row["job_id"] for row in products) == sorted(ids)
    digests = {row["job_id"]: row["sha256"] for row in products}
    for job in await world.db.asset_jobs.get_many(ids):
        assert job.result == {"sha256": digests[job.id]}
        path = out / f"{job.id}.bin"
        # A worker that was killed between commit and delivery left it to be delivered later.
        if job.delivered_at is not None or path.exists():
            assert hashlib.sha256(path.read_bytes()).hexdigest() == digests[job.id]
