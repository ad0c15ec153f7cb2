"""Real assets while workers are killed, paused and cut off, and broker and database restart.

A few by default; ``SLATE_FAULT_ASSETS=200`` is the whole run, for a person who has minutes.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import random
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import soundfile
from PIL import Image

from slate_desktop.agent.jobs.assets import AssetWork
from slate_desktop.agent.jobs.events import JobEvents
from slate_desktop.agent.jobs.republish import Republisher
from slate_desktop.bus.nats_bus import NatsBus
from slate_desktop.bus.nats_objects import NatsObjects
from slate_desktop.bus.nats_queue import NatsQueue
from slate_desktop.control.client import Slate
from slate_desktop.domain.assets.job import AssetJob
from slate_desktop.domain.assets.kinds import AssetJobStatus
from slate_desktop.domain.assets.report import result_from_json
from slate_desktop.errors import SlateError
from slate_desktop.pipeline.publish import remove_stale
from slate_desktop.pipeline.sandbox.parent import Sandbox
from slate_desktop.store import Database
from slate_desktop.store.cache import MemoryCache
from tests.fault.fleet import Fleet
from tests.fault.job_worker_main import LEASE_S, SPEC
from tests.services.nats import RealNats
from tests.services.postgres import PostgresDsn, RealPostgres
from tests.services.proxy import CutProxy
from tests.services.shared_assets import shared_assets  # noqa: F401 - a fixture

pytestmark = [
    pytest.mark.fault,
    pytest.mark.nats,
    pytest.mark.postgres,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(sys.platform == "win32", reason="no SIGSTOP: not on this platform"),
]
COUNT = int(os.environ.get("SLATE_FAULT_ASSETS", "14"))
FAULTS = max(8, COUNT // 4)
TEXTURES = ("texture_rock_albedo.png", "wool_normal.png", "goblin_alpha.png")


class Studio:
    """A project of real assets, a person who has them processed, and workers to be hurt."""

    def __init__(self, db: Database, bus: NatsBus, slate: Slate, root: Path, fleet: Fleet) -> None:
        self.db = db
        self.slate = slate
        self.root = root
        self.fleet = fleet
        self.queue = NatsQueue(bus, SPEC)
        self.objects = NatsObjects(bus)
        self.project_id = ""
        self.half_files: list[str] = []

    async def repair(self) -> None:
        """What every agent does all the time."""
        kind = AssetWork(self.db, self.objects, Sandbox(), self.root)
        repair = Republisher(kind, self.queue, SPEC.types, JobEvents(self.slate.bus, kind))
        while True:
            with contextlib.suppress(SlateError, TimeoutError):
                await repair.run_once()
            await asyncio.sleep(1.0)

    async def watch(self) -> None:
        """Open what is visible all the time: a half file cannot be read to its end."""
        while True:
            await asyncio.to_thread(self._look)
            await asyncio.sleep(0.1)

    def _look(self) -> None:
        for path in (self.root / "processed").glob("*.webp"):
            try:
                with Image.open(path) as picture:
                    picture.load()
            except FileNotFoundError:
                continue
            except OSError as error:
                self.half_files.append(f"{path.name}: {error}")

    async def until_more_than(self, done: int) -> int:
        """Wait until more jobs are completed, and return how many."""
        while True:
            now = (await self.states()).get(AssetJobStatus.COMPLETED, 0)
            if now > done:
                return now
            await asyncio.sleep(0.1)

    async def states(self) -> dict[AssetJobStatus, int]:
        while True:
            with contextlib.suppress(SlateError):
                return await self.db.asset_jobs.counts(self.project_id)
            await asyncio.sleep(0.2)


@pytest.fixture
async def studio(
    own_nats: RealNats,
    own_postgres: RealPostgres,
    tmp_path: Path,
) -> AsyncIterator[Studio]:
    name = own_postgres.create()
    own_postgres.execute(f"alter database {name} set synchronous_commit = on")
    dsn = PostgresDsn.of(own_postgres.server, name)
    proxy = CutProxy(own_nats.port)
    await proxy.start()
    db = await Database.connect(dsn, application_name="test")
    person = await Database.connect(dsn.user, application_name="person")
    agent_bus = await NatsBus.connect(own_nats.url, seed=own_nats.agent.seed, name="test")
    bus = await NatsBus.connect(own_nats.url, seed=own_nats.user.seed, name="person")
    user = await db.users.create("person", own_nats.user.public)
    root = tmp_path / "project"
    root.mkdir()
    project = await db.projects.add(
        name="project", owner_id=user.id, root=str(root), engine="custom"
    )
    slate = Slate(bus=bus, db=person, cache=MemoryCache(), user=user, key=own_nats.user)
    fleet = Fleet(
        {
            "nats": f"nats://127.0.0.1:{proxy.port}",
            "seed": own_nats.other_agent.seed,
            "database": dsn.agent,
        },
        tmp_path,
        proxy,
        "asset_worker_main",
    )
    made = Studio(db, agent_bus, slate, root, fleet)
    made.project_id = project.id
    await made.objects.ensure()
    await made.queue.ensure()
    yield made
    fleet.close()
    await slate._close_asset_sandbox()
    await proxy.aclose()
    for each in (agent_bus, bus, person, db):
        await each.aclose()


def fill(root: Path, assets: Path) -> list[tuple[str, dict[str, object]]]:
    """Cut assets of their own from the real ones; return their names and options."""
    wanted: list[tuple[str, dict[str, object]]] = []
    pictures = [Image.open(assets / "textures" / name) for name in TEXTURES]
    sound, rate = soundfile.read(assets / "audio" / "the_comeback2.ogg", frames=44_100 * 60)
    model = (assets / "models" / "mannequiny.glb").read_bytes()
    for number in range(COUNT):
        if number % 7 == 5:
            name, options = f"{number}.glb", {"scale": 1 + number / 10}
            (root / name).write_bytes(model)
        elif number % 7 == 6:
            name, options = f"{number}.wav", {"normalize": "loudness"}
            start = rate * (number % 50)
            soundfile.write(root / name, sound[start : start + 3 * rate], rate)
        else:
            picture = pictures[number % len(pictures)]
            left, top = 8 * (number % 40), 8 * (number // 40)
            name = f"{number}_{'normal' if number % 3 == 1 else 'albedo'}.png"
            picture.crop((left, top, left + 384, top + 384)).save(root / name)
            options = {"format": "webp", "compression": "bc7", "generate_mipmaps": True}
        wanted.append((name, dict(options)))
    for picture in pictures:
        picture.close()
    return wanted


async def hurt(studio: Studio, nats: RealNats, postgres: RealPostgres) -> int:
    """Kill, pause and cut off while jobs run; restart both servers once. Returns the faults."""
    chance, step, done = random.Random(30), 0, 0
    pauses: set[asyncio.Task[None]] = set()
    while step < FAULTS:
        # After each fault something gets done, or the next one comes all the same.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(4.0):
                done = await studio.until_more_than(done)
        step += 1
        if step == 4:
            await asyncio.to_thread(nats.kill)
            await asyncio.to_thread(nats.start)
        elif step == 7:
            await asyncio.to_thread(postgres.kill)
            await asyncio.to_thread(postgres.start)
        elif step % 5 == 2:
            await asyncio.to_thread(studio.fleet.kill_one, chance)
        elif step % 5 in (1, 3):
            pauses.add(asyncio.create_task(studio.fleet.pause_one(chance, LEASE_S + 0.5)))
        else:
            pauses.add(asyncio.create_task(studio.fleet.cut_off(chance.uniform(0.5, LEASE_S))))
    await asyncio.gather(*pauses)
    return step


async def deliver_all(studio: Studio, jobs: list[AssetJob]) -> None:
    """Deliver what workers that were killed between commit and delivery left to the others."""
    kind = AssetWork(studio.db, studio.objects, Sandbox(), studio.root.parent / "deliveries")
    async with asyncio.timeout(60):
        while True:
            await kind.deliveries.deliver_left_over(older_than_s=0)
            rows = await studio.db.asset_jobs.get_many([job.id for job in jobs])
            if all(row.delivered_at is not None for row in rows):
                return
            await asyncio.sleep(0.2)


def leave_no_trace(folder: Path) -> None:
    """Let minutes pass for what workers left that were killed while they published."""
    for path in folder.glob(".slate-*.tmp"):
        os.utime(path, (1, 1))
    remove_stale(folder)


async def check_once(studio: Studio, jobs: list[AssetJob]) -> None:
    """One set of products for each job, and what lies in the project is what the rows say."""
    async with studio.db.connection() as connection:
        rows = await connection.fetch(
            "select job_id, count(distinct attempt) as attempts from slate_asset_products"
            " group by job_id"
        )
    assert {row["job_id"]: row["attempts"] for row in rows} == {job.id: 1 for job in jobs}
    visible = {}
    for job in await studio.db.asset_jobs.get_many([job.id for job in jobs]):
        assert job.delivered_at is not None
        assert job.result is not None
        for product in result_from_json(job.result).products:
            data = (studio.root / "processed" / product.path).read_bytes()
            assert hashlib.sha256(data).hexdigest() == product.sha256
            visible[product.path] = job.id
    # Neither half files nor anything of an attempt that came too late.
    assert {path.name for path in (studio.root / "processed").iterdir()} == visible.keys()


async def test_real_assets_are_processed_once_whatever_dies(
    studio: Studio,
    own_nats: RealNats,
    own_postgres: RealPostgres,
    shared_assets: Path,  # noqa: F811 - the fixture
) -> None:
    wanted = await asyncio.to_thread(fill, studio.root, shared_assets)
    tasks = [asyncio.create_task(studio.watch()), asyncio.create_task(studio.repair())]
    jobs = [
        await studio.slate.process_asset(name, studio.project_id, options)
        for name, options in wanted
    ]
    for _ in range(2):
        studio.fleet.start()
    steps = await hurt(studio, own_nats, own_postgres)
    async with asyncio.timeout(60 + 2 * COUNT):
        while (state := await studio.states()).get(AssetJobStatus.COMPLETED, 0) < COUNT:
            assert not state.get(AssetJobStatus.FAILED), [
                (row.path, row.error_code, row.error_message)
                for row in await studio.db.asset_jobs.list(statuses=[AssetJobStatus.FAILED])
            ]
            await asyncio.sleep(0.2)
    # One that still delivers has temporary files; what they leave is left to the others.
    await asyncio.to_thread(studio.fleet.close)
    await deliver_all(studio, jobs)
    for task in tasks:
        task.cancel()
    leave_no_trace(studio.root / "processed")
    await check_once(studio, jobs)
    assert studio.half_files == []
    assert steps == FAULTS
    assert min(studio.fleet.kills, studio.fleet.pauses, studio.fleet.cuts) > 0
    assert not list(studio.root.rglob(".*.tmp"))
