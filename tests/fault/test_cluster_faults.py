"""A cluster of three brokers of which one dies and one is parted from the others.

What a broker has acknowledged is not lost, with nobody who publishes anything again.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import ssl
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from slate_desktop.bus.nats_bus import NatsBus
from slate_desktop.bus.nats_objects import NatsObjects
from slate_desktop.bus.nats_queue import NatsQueue
from slate_desktop.bus.objects import ObjectInfo
from slate_desktop.domain.assets.job import AssetJob
from slate_desktop.domain.assets.kinds import AssetJobStatus
from slate_desktop.errors import SlateError
from slate_desktop.server import cluster_upkeep
from slate_desktop.store import Database
from slate_desktop.wire.tls_keys import new_keys
from tests.fault.fleet import Fleet
from tests.fault.job_worker_main import SPEC
from tests.fault.test_jobs_faults import FaultWorld, check_effects, counts, failures
from tests.services.cluster import NAMES, Trio
from tests.services.postgres import PostgresDsn
from tests.services.proxy import CutProxy

pytestmark = [
    pytest.mark.fault,
    pytest.mark.nats,
    pytest.mark.postgres,
    pytest.mark.timeout(300),
    pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL: not on this platform"),
]
JOBS = 120


class Studio:
    """The cluster, rows, and who publishes."""

    def __init__(self, trio: Trio, world: FaultWorld, fleet: Fleet, anyone: NatsBus) -> None:
        self.trio, self.world, self.fleet, self.anyone = trio, world, fleet, anyone
        self.ways: list[NatsQueue] = []
        self.jobs: list[AssetJob] = []

    async def submit(self, count: int) -> None:
        """Publish so many jobs, each until a broker has acknowledged it."""
        ways = itertools.cycle(self.ways)
        for _ in range(count):
            job = await self.world.insert()
            while True:
                # Whoever is at a broker that was parted from the others gets no answer.
                self.world.queue = next(ways)  # type: ignore[assignment]
                with contextlib.suppress(SlateError, TimeoutError):
                    async with asyncio.timeout(2):
                        await self.world.publish(job)
                    break
                await asyncio.sleep(0.1)
            self.jobs.append(job)

    async def leader(self, stream: str = "ASSETS") -> str:
        """Return the broker that leads a stream; that of the jobs where none is named."""
        while True:
            with contextlib.suppress(SlateError, TimeoutError, LookupError):
                reply = await self.anyone.request(f"$JS.API.STREAM.INFO.{stream}", b"", timeout_s=2)
                return json.loads(reply.data)["cluster"]["leader"]
            await asyncio.sleep(0.1)

    async def until_whole(self) -> None:
        """Wait until each broker has everything."""
        while True:
            with contextlib.suppress(SlateError):
                if not await cluster_upkeep.lagging(self.anyone):
                    return
            await asyncio.sleep(0.1)

    async def until_nothing_waits(self) -> None:
        """Wait until the queue is empty.

        A consumer that is just electing its leader answers nobody.
        """
        while True:
            with contextlib.suppress(SlateError):
                if not await self.ways[0].depth("audio"):
                    return
            await asyncio.sleep(0.2)


@pytest.fixture
async def studio(
    trio: Trio, postgres_dsn: PostgresDsn, database: Database, tmp_path: Path
) -> AsyncIterator[Studio]:
    anyone = await NatsBus.connect(trio.urls, seed=trio.anyone.seed, name="anyone")
    bus = await NatsBus.connect(trio.urls, seed=trio.agent.seed, name="test")
    world = FaultWorld(database, tmp_path, bus)
    world.queue = NatsQueue(bus, SPEC, replicas=3)  # type: ignore[assignment]
    objects = NatsObjects(bus, max_bytes=64 * 1024**2, replicas=3)
    async with asyncio.timeout(60):
        while True:
            with contextlib.suppress(SlateError, TimeoutError):
                await objects.ensure()
                break
            await asyncio.sleep(0.1)
    await world.open()
    # The workers' way to the brokers is never cut here.
    proxy = CutProxy(0)
    options = {
        "nats": trio.urls,
        "seed": trio.agent.seed,
        "database": postgres_dsn.agent,
        "root": world.project.root,
    }
    fleet = Fleet(options, tmp_path, proxy)
    found = Studio(trio, world, fleet, anyone)
    buses = [
        await NatsBus.connect(server.url, seed=trio.agent.seed, name="way")
        for server in trio.servers.values()
    ]
    found.ways = [NatsQueue(way, SPEC) for way in buses]
    async with asyncio.timeout(60):
        await found.until_whole()
    yield found
    fleet.close()
    await world.close()
    for one in (bus, *buses):
        await one.aclose()
    await anyone.aclose()


async def test_no_acknowledged_job_is_lost_by_a_kill_and_a_partition(studio: Studio) -> None:
    world, trio = studio.world, studio.trio
    for _ in range(2):
        studio.fleet.start()
    submitting = asyncio.create_task(studio.submit(JOBS))
    await until_count(studio, JOBS // 6)
    killed = await studio.leader()
    await trio.kill(killed)
    await until_count(studio, JOBS // 3)
    await trio.servers[killed].start()
    async with asyncio.timeout(60):
        await studio.until_whole()
    await until_count(studio, JOBS // 2)
    parted = await studio.leader()
    trio.part(parted)
    await until_count(studio, JOBS * 3 // 4)
    trio.heal()
    await submitting
    async with asyncio.timeout(90):
        while (state := await counts(world)).get(AssetJobStatus.COMPLETED, 0) < JOBS:
            assert not state.get(AssetJobStatus.FAILED), await failures(world)
            await asyncio.sleep(0.2)
        await studio.until_whole()
    await check_effects(world, [job.id for job in studio.jobs], Path(world.project.root) / "out")
    async with asyncio.timeout(60):
        await studio.until_nothing_waits()


async def until_count(studio: Studio, count: int) -> None:
    async with asyncio.timeout(90):
        while len(studio.jobs) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def until_put(objects: NatsObjects, data: bytes) -> ObjectInfo:
    """Store bytes, as soon as there is a leader who takes them."""
    while True:
        with contextlib.suppress(SlateError, TimeoutError):
            return await objects.put(data)
        await asyncio.sleep(0.1)


async def test_object_outlives_each_broker_in_turn(studio: Studio, tmp_path: Path) -> None:
    objects = NatsObjects(studio.world.nats_bus)
    data = bytes(range(256)) * 8192
    async with asyncio.timeout(60):
        info = await until_put(objects, data)
        await studio.until_whole()
    for name in NAMES:
        await studio.trio.kill(name)
        target = tmp_path / f"without-{name}"
        async with asyncio.timeout(90):
            while not target.exists():
                with contextlib.suppress(SlateError, TimeoutError):
                    await objects.get(info.sha256, info.size, target)
                await asyncio.sleep(0.1)
        assert target.read_bytes() == data
        await studio.trio.servers[name].start()
        async with asyncio.timeout(60):
            await studio.until_whole()


async def test_an_object_is_stored_while_nobody_leads(studio: Studio, tmp_path: Path) -> None:
    killed = await studio.leader("OBJ_slate")
    other = next(name for name in NAMES if name != killed)
    url, seed = studio.trio.servers[other].url, studio.trio.agent.seed
    bus = await NatsBus.connect(url, seed=seed, name="who stores")
    objects = NatsObjects(bus)
    data = bytes(range(256)) * 8192
    await studio.trio.kill(killed)
    async with asyncio.timeout(60):
        info = await objects.put(data)
    assert await studio.leader("OBJ_slate") != killed
    target = tmp_path / "again"
    async with asyncio.timeout(90):
        # What the two that are left ask each other gets lost now and then.
        while not target.exists():
            with contextlib.suppress(SlateError, TimeoutError):
                await objects.get(info.sha256, info.size, target)
            await asyncio.sleep(0.1)
    assert target.read_bytes() == data
    await bus.aclose()


async def test_a_certificate_of_somebody_else_opens_no_route(trio: Trio, tmp_path: Path) -> None:
    port = trio.servers["one"].cluster.port  # type: ignore[union-attr]
    private, request = new_keys()
    # Signed by the same authority, as everybody's who has joined.
    stranger = tmp_path / "stranger.pem"
    stranger.write_bytes(private + trio.authority.client_certificate(request, "slate_p_anna"))
    own = tmp_path / "own.pem"
    own.write_bytes(
        (trio.directory / "two.key").read_bytes() + (trio.directory / "two.pem").read_bytes()
    )
    assert (await greeting(trio, port, own)).startswith(b"INFO ")
    assert await greeting(trio, port, stranger) == b""


async def greeting(trio: Trio, port: int, identity: Path) -> bytes:
    """Return what a broker says to a peer with this certificate."""
    context = ssl.create_default_context(cafile=trio.directory / "ca.pem")
    context.load_cert_chain(identity)
    # A peer speaks first of all TLS; then the broker says who it is, or nothing.
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
        writer.write(b"PING\r\n")
        said = await asyncio.wait_for(reader.readline(), 30)
    except (ssl.SSLError, ConnectionError):
        return b""
    writer.close()
    return said
