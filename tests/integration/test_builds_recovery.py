"""What a dead worker leaves: leases, seats, licences; and memory that sessions hold."""

from __future__ import annotations

import asyncio
import sys

import asyncpg
import pytest

from slate_desktop.agent import placement
from slate_desktop.agent.builds.host import build_capabilities
from slate_desktop.agent.builds.recovery import Recovery
from slate_desktop.bus.memory_queue import MemoryQueue, MemoryStream
from slate_desktop.bus.queue import BUILDS
from slate_desktop.control.client import Slate
from slate_desktop.domain.build import BuildNeeds
from slate_desktop.domain.jobs import Lease
from slate_desktop.domain.sizes import GIB
from slate_desktop.store.cache import MemoryCache
from slate_desktop.wire.keys import SigningKey
from tests.integration.build_world import BuildWorld, process_world
from tests.services.postgres import PostgresDsn

__all__ = ["process_world"]  # the fixture ``world``
pytestmark = [
    pytest.mark.postgres,
    pytest.mark.skipif(sys.platform == "win32", reason="engines are scripts: not on this platform"),
]


async def claimed(world: BuildWorld) -> Lease:
    lease = await world.claim()
    assert lease is not None
    return lease


async def expire(dsn: PostgresDsn, lease: Lease) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(
            "update slate_build_jobs set lease_until = now() - interval '1 second' where id = $1",
            lease.job.id,
        )
    finally:
        await connection.close()


async def test_a_new_process_takes_over_at_once(world: BuildWorld) -> None:
    project = await world.fake("unity", log=[], exit=0)
    build = await world.submit(project, licence="unity")
    await claimed(world)
    assert await world.claim() is None
    queue = MemoryQueue(MemoryStream(BUILDS))
    await Recovery(world.kind, "tests.2", queue).run_once()
    delivery = await queue.fetch("linux", timeout_s=1)
    assert delivery is not None
    assert build.envelope is not None
    assert delivery.data == build.envelope.data
    again = await world.kind.store.claim("", "linux", owner="tests.2", lease_s=30.0)
    assert again is not None
    assert (again.job.id, again.attempt) == (build.id, 2)
    # A process leaves alone what is its own, and what another agent has.
    await Recovery(world.kind, "tests.2", queue).run_once()
    await Recovery(world.kind, "other.9", queue).run_once()
    assert await world.kind.store.extend(again, lease_s=30.0) is not None


async def test_the_seat_of_a_dead_worker_is_free_when_its_lease_is_over(
    world: BuildWorld, postgres_dsn: PostgresDsn
) -> None:
    project = await world.fake("unity", log=[], exit=0)
    await world.submit(project, licence="unity")
    dead = await claimed(world)
    other = await world.submit(project, licence="unity", target_platform="windows")
    store = world.kind.store
    assert await store.claim("", "windows", owner="other.1", lease_s=30.0) is None
    await expire(postgres_dsn, dead)
    lease = await store.claim("", "windows", owner="other.1", lease_s=30.0)
    assert lease is not None
    assert lease.job.id == other.id
    # Who wakes up too late has lost the seat, and with it the build, which waits for one now.
    assert await store.extend(dead, lease_s=30.0) is None
    assert await world.claim() is None
    assert await world.db.builds.seated() == {other.id}


@pytest.mark.parametrize("kind", ["serial", "floating"])
async def test_a_killed_worker_s_licence_is_returned_at_the_next_start(
    world: BuildWorld, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    names = ["UNITY_SERIAL", "UNITY_EMAIL", "UNITY_PASSWORD"]
    if kind == "floating":
        names = ["UNITY_LICENSING_SERVER"]
    for name in names:
        monkeypatch.setenv(name, f"secret-{name}")
    project = await world.fake("unity", log=["[1/2 1s] x", "sleep 60"], exit=0)
    await world.submit(project, licence="unity")
    lease = await claimed(world)
    begun = asyncio.Event()
    world.on_progress = lambda message: begun.set() if "1 of 2" in message else None
    working = asyncio.create_task(world.execute(lease))
    async with asyncio.timeout(60):
        await begun.wait()
    debts = world.directory / "builds" / "debts"
    # What a killed process leaves on disk; the task is ended only then.
    (left,) = [(path.name, path.read_bytes()) for path in debts.iterdir()]
    assert b"secret-" not in left[1]
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    assert not list(debts.iterdir())
    before = (await world.log_of(await world.db.builds.get(lease.job.id))).count(
        "licence ended: exit code 0"
    )
    (debts / left[0]).write_bytes(left[1])
    await world.kind.pay_debts("tests.1")
    assert list(debts.iterdir())
    await world.kind.pay_debts("tests.2")
    assert not list(debts.iterdir())
    log = await world.log_of(await world.db.builds.get(lease.job.id))
    assert log.count("licence ended: exit code 0") == before + 1
    assert "secret-" not in log


async def test_a_build_waits_for_the_memory_that_sessions_hold(world: BuildWorld) -> None:
    total = world.fleet.memory_bytes
    held = [("session A", total - 2 * GIB), ("session B", GIB)]
    world.fleet.holders = lambda: held
    world.fleet.builds = build_capabilities(world.settings)
    project = await world.sample("hello-build", "custom")
    build = await world.submit(project, needs=BuildNeeds(memory_bytes=2 * GIB))
    assert await world.claim() is None
    await world.db.agents.register(
        world.agent_id,
        name="host",
        pubkey=None,
        capabilities=placement.capabilities(
            world.fleet.infos, builds=world.fleet.advertised_builds()
        ),
    )
    slate = Slate(
        bus=world.bus, db=world.db, cache=MemoryCache(), user=world.user,
        key=SigningKey.generate(), profile="remote",
    )  # fmt: skip
    waiting = await slate.explain_build(build.id)
    assert waiting is not None
    assert waiting.reason.startswith("2 GB of memory, 1 GB free: session A and session B hold ")
    # One that fits is taken before it; then that one's memory is gone too.
    small = await world.submit(project, needs=BuildNeeds(memory_bytes=GIB))
    assert (await claimed(world)).job.id == small.id
    held.pop(0)
    await world.submit(project, needs=BuildNeeds(memory_bytes=total - GIB))
    assert (await claimed(world)).job.id == build.id
    assert await world.claim() is None


async def test_a_build_bigger_than_the_host_gets_all_of_it(world: BuildWorld) -> None:
    project = await world.sample("hello-build", "custom")
    await world.submit(project, needs=BuildNeeds(memory_bytes=2 * world.fleet.memory_bytes))
    world.fleet.holders = lambda: [("session A", 1)]
    assert await world.claim() is None
    world.fleet.holders = tuple
    assert await world.claim() is not None
