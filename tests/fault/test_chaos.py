"""Everything at once: whatever dies, each job is done once, each line stored once, no row lies.

``SLATE_CHAOS_S=45`` lets each seed last longer, ``SLATE_CHAOS_SEEDS=7,8`` names others.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from slate_desktop.bus.nats_bus import NatsBus
from slate_desktop.domain.assets.kinds import AssetJobStatus
from slate_desktop.store import Database
from tests.fault.chaos import Chaos, Disk, can_mount
from tests.fault.fleet import Fleet
from tests.fault.jobs_world import FaultWorld, check_effects, counts, failures, repair
from tests.integration.agent_world import AgentWorld
from tests.services.nats import RealNats
from tests.services.postgres import PostgresDsn, RealPostgres
from tests.services.proxy import CutProxy

SECONDS = float(os.environ.get("SLATE_CHAOS_S", "20"))
SEEDS = [int(seed) for seed in os.environ.get("SLATE_CHAOS_SEEDS", "1,2,3").split(",")]
COUNTERS, JOBS = 3, 60
pytestmark = [
    pytest.mark.fault,
    pytest.mark.nats,
    pytest.mark.postgres,
    pytest.mark.timeout(240 + 2 * SECONDS),
]


@pytest.fixture
async def studio(
    request: pytest.FixtureRequest,
    own_nats: RealNats,
    own_postgres: RealPostgres,
    tmp_path: Path,
) -> AsyncIterator[tuple[Chaos, FaultWorld]]:
    async with contextlib.AsyncExitStack() as stack:
        disk = _disk(own_postgres)
        if disk is not None:
            stack.callback(disk.close)
            stack.callback(own_postgres.stop)
        name = own_postgres.create()
        if disk is not None:
            own_postgres.execute(f"alter database {name} set tablespace small")
        # The suite's servers forget what they just committed; a real one does not.
        own_postgres.execute(f"alter database {name} set synchronous_commit = on")
        dsn = PostgresDsn.of(own_postgres.server, name)
        proxy = CutProxy(own_nats.port)
        await proxy.start()
        stack.push_async_callback(proxy.aclose)
        world = AgentWorld(own_nats, dsn, tmp_path)
        await world.open()
        stack.push_async_callback(world.close)
        bus = await NatsBus.connect(own_nats.url, seed=own_nats.agent.seed, name="test")
        stack.push_async_callback(bus.aclose)
        db = await Database.connect(dsn, application_name="test")
        stack.push_async_callback(db.aclose)
        (tmp_path / "jobs").mkdir()
        jobs = FaultWorld(db, tmp_path / "jobs", bus)
        await jobs.open()
        stack.push_async_callback(jobs.close)
        fleet = Fleet(
            {
                "nats": f"nats://127.0.0.1:{proxy.port}",
                "seed": own_nats.other_agent.seed,
                "database": dsn.agent,
                "root": jobs.project.root,
            },
            tmp_path,
            proxy,
        )
        stack.callback(fleet.close)
        chaos = Chaos(world, own_postgres, fleet, proxy, disk, request.param)
        stack.push_async_callback(chaos.aclose)
        await chaos.open()
        yield chaos, jobs


def _disk(postgres: RealPostgres) -> Disk | None:
    if not can_mount():
        return None
    try:
        disk = Disk()
    except subprocess.CalledProcessError:
        return None  # a container's root may not mount
    try:
        place = disk.place / "tables"
        place.mkdir()
        owner = postgres.server.home.root.stat()
        os.chown(place, owner.st_uid, owner.st_gid)
        disk.place.chmod(0o711)
        postgres.execute(f"create tablespace small location '{place}'")
    except BaseException:
        disk.close()
        raise
    return disk


@pytest.mark.parametrize("studio", SEEDS, indirect=True)
async def test_whatever_dies_nothing_is_lost_or_done_twice(
    studio: tuple[Chaos, FaultWorld],
) -> None:
    chaos, jobs = studio
    await jobs.queue.ensure()
    await chaos.start_counters(COUNTERS)
    submitted = [await jobs.submit() for _ in range(JOBS)]
    helping = [
        asyncio.create_task(repair(jobs), name="repair"),
        asyncio.create_task(chaos.work(), name="people"),
    ]
    await chaos.hurt(SECONDS)
    helping[1].cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await helping[1]
    await chaos.heal()

    async with asyncio.timeout(90):
        while (state := await counts(jobs)).get(AssetJobStatus.COMPLETED, 0) < JOBS:
            assert not state.get(AssetJobStatus.FAILED), await failures(jobs)
            await asyncio.sleep(0.2)
    helping[0].cancel()
    out = Path(jobs.project.root) / "out"
    await check_effects(jobs, [job.id for job in submitted], out)

    for row in await chaos.end_counters():
        found = (row.status.value, row.attempt, row.error_code)
        assert found == ("stopped", 1, None), row.error_message
        assert await chaos.check_lines(row.id) > 0
    for session_id in chaos.shorts:
        row = await chaos.slate.db.sessions.get(session_id)
        if row.attempt:
            row = await chaos.until_final(session_id)
            assert row.status.value in ("stopped", "failed"), row
    async with asyncio.timeout(30):
        while await chaos.runtimes():  # noqa: ASYNC110 - directories tell nobody
            await asyncio.sleep(0.2)
    assert sum(chaos.done.values()) >= len(chaos.done) > 8, chaos.done
    assert len(chaos.shorts) > 3
