"""Jobs while workers are killed, paused and cut off, and the broker and the database restart.

F5, F6, F15, F27: every job completes once, and no half file is ever visible under its name.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from slate_desktop.bus.nats_bus import NatsBus
from slate_desktop.domain.assets.kinds import AssetJobStatus
from slate_desktop.domain.jobs import Lease
from slate_desktop.errors import SlateError
from slate_desktop.store import Database
from tests.fault.fleet import Fleet
from tests.fault.job_worker_main import LEASE_S
from tests.fault.jobs_world import FaultWorld, check_effects, counts, failures, repair, watch
from tests.services.nats import RealNats
from tests.services.postgres import PostgresDsn, RealPostgres
from tests.services.proxy import CutProxy

pytestmark = [
    pytest.mark.fault,
    pytest.mark.nats,
    pytest.mark.postgres,
    pytest.mark.timeout(180),
    pytest.mark.skipif(sys.platform == "win32", reason="no SIGSTOP: not on this platform"),
]
JOBS = 200
CHAOS_S = 18.0


@pytest.fixture
async def servers(
    own_nats: RealNats, own_postgres: RealPostgres, tmp_path: Path
) -> AsyncIterator[tuple[FaultWorld, Fleet]]:
    name = own_postgres.create()
    # The suite's servers forget what they just committed; a real one does not.
    own_postgres.execute(f"alter database {name} set synchronous_commit = on")
    dsn = PostgresDsn.of(own_postgres.server, name)
    proxy = CutProxy(own_nats.port)
    await proxy.start()
    db = await Database.connect(dsn, application_name="test")
    bus = await NatsBus.connect(own_nats.url, seed=own_nats.agent.seed, name="test")
    world = FaultWorld(db, tmp_path, bus)
    await world.open()
    fleet = Fleet(
        {
            "nats": f"nats://127.0.0.1:{proxy.port}",
            "seed": own_nats.other_agent.seed,
            "database": dsn.agent,
            "root": world.project.root,
        },
        tmp_path,
        proxy,
    )
    yield world, fleet
    fleet.close()
    await proxy.aclose()
    await world.close()
    await bus.aclose()
    await db.aclose()


async def test_every_job_completes_once_whatever_dies(
    servers: tuple[FaultWorld, Fleet], own_nats: RealNats, own_postgres: RealPostgres
) -> None:
    world, fleet = servers
    chance = random.Random(20)
    out = Path(world.project.root) / "out"
    half_files: list[str] = []
    watching = asyncio.create_task(watch(out, half_files))
    repairing = asyncio.create_task(repair(world))
    for _ in range(3):
        fleet.start()
    await world.queue.ensure()
    jobs = [await world.submit() for _ in range(JOBS)]
    loop = asyncio.get_running_loop()
    end, step = loop.time() + CHAOS_S, 0
    pauses: set[asyncio.Task[None]] = set()

    def is_enough() -> bool:
        return step > 14 and fleet.kills > 3 and fleet.pauses > 2 and fleet.cuts > 1

    # On a slow machine the servers take their time to start again.
    while loop.time() < end or not is_enough():
        step += 1
        if step == 8:
            await asyncio.to_thread(own_nats.kill)
            await asyncio.to_thread(own_nats.start)
        elif step == 14:
            await asyncio.to_thread(own_postgres.kill)
            await asyncio.to_thread(own_postgres.start)
        elif (fault := chance.random()) < 0.5:
            await asyncio.to_thread(fleet.kill_one, chance)
        elif fault < 0.8:
            pauses.add(asyncio.create_task(fleet.pause_one(chance, LEASE_S + 1)))
        else:
            pauses.add(asyncio.create_task(fleet.cut_off(chance.uniform(0.5, LEASE_S + 1))))
        await asyncio.sleep(chance.uniform(0.4, 0.9))
    await asyncio.gather(*pauses)
    async with asyncio.timeout(90):
        while (state := await counts(world)).get(AssetJobStatus.COMPLETED, 0) < JOBS:
            assert not state.get(AssetJobStatus.FAILED), await failures(world)
            await asyncio.sleep(0.2)
    await check_effects(world, [job.id for job in jobs], out)
    for task in (watching, repairing):
        task.cancel()
    assert half_files == []
    assert is_enough()


async def until_nothing_waits(world: FaultWorld) -> None:
    """Wait until the queue is empty; a broker that has just started may not answer yet."""
    while True:
        with contextlib.suppress(SlateError):
            if not await world.queue.depth("audio"):
                return
        await asyncio.sleep(0.05)


async def test_paused_worker_finds_its_job_done_by_another(
    servers: tuple[FaultWorld, Fleet],
) -> None:
    world, fleet = servers
    await world.queue.ensure()
    lost = await world.insert()
    store = world.db.asset_jobs
    stale = await store.claim(lost.id, "audio", owner="paused", lease_s=0.2)
    assert isinstance(stale, Lease)
    await world.publish(lost)
    fleet.start()
    row = await world.until_final(lost.id, timeout_s=30)
    assert (row.status, row.attempt) == (AssetJobStatus.COMPLETED, 2)
    assert await store.extend(stale, lease_s=30) is None


async def test_broker_that_forgets_ids_has_no_second_effect(
    servers: tuple[FaultWorld, Fleet], own_nats: RealNats
) -> None:
    world, fleet = servers
    await world.queue.ensure()
    fleet.start()
    job = await world.submit()
    row = await world.until_final(job.id, timeout_s=30)
    # The worker acknowledges after its commit; a message that is still there has its id known.
    async with asyncio.timeout(30):
        await until_nothing_waits(world)
    own_nats.kill()
    own_nats.start()
    async with asyncio.timeout(60):
        is_first = True
        while True:
            with contextlib.suppress(SlateError, TimeoutError):
                # One whose answer was lost on the way may be there already.
                is_new = await world.publish(job)
                assert is_new or not is_first, "the broker remembers the id"
                break
            is_first = False
            await asyncio.sleep(0.1)
        await until_nothing_waits(world)
    after = await world.db.asset_jobs.get(job.id)
    assert (after.version, after.attempt) == (row.version, 1) or after.delivered_at is not None
    async with world.db.connection() as connection:
        assert await connection.fetchval("select count(*) from slate_asset_products") == 1
