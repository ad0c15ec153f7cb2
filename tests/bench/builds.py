"""Five hundred queued builds of a trivial project on two workers: none lost, none twice.

Workers, rows and queue are the real ones; the engine is scripted, so that what is measured is the
way of a build through SLATE. Run by hand: ``python -m tests.bench.builds``.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from slate_desktop.agent.builds.kind import BuildKind
from slate_desktop.agent.builds.settings import BuildSettings
from slate_desktop.agent.drivers.base import Handle, RuntimeSpec
from slate_desktop.agent.drivers.scripted import Exit, Say, Script, ScriptedDriver, ScriptedEngine
from slate_desktop.agent.fleet import Fleet
from slate_desktop.agent.jobs.host import JobHost
from slate_desktop.agent.tasks import TaskOwner
from slate_desktop.bus.directory_objects import DirectoryObjects
from slate_desktop.bus.nats_bus import NatsBus
from slate_desktop.bus.queue import BUILDS
from slate_desktop.control.client import Slate
from slate_desktop.domain.container import DriverName
from slate_desktop.domain.ids import new_id
from slate_desktop.store import Database
from slate_desktop.store.cache import MemoryCache
from tests.integration.agent_world import AgentWorld
from tests.services.nats import AGENT_ID
from tests.services.nats import _make as make_nats
from tests.services.postgres import PostgresDsn
from tests.services.postgres import _make as make_postgres

COUNT = 500
SLOTS = 4


class WritingDriver(ScriptedDriver):
    """Runs the script, and leaves the file that a build is asked for."""

    async def create(self, spec: RuntimeSpec, *, on_progress=None) -> Handle:
        output = Path(spec.config.env["SLATE_OUTPUT"])
        await asyncio.to_thread((output / "made").write_text, "made")
        return await super().create(spec, on_progress=on_progress)


async def run(count: int = COUNT) -> dict[str, float]:
    """Build ``count`` times and return the figures; raises AssertionError when one is lost."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        nats, postgres = make_nats(directory), make_postgres(directory / "pg")
        try:
            postgres.make_template()
            dsn = PostgresDsn.of(postgres.server, postgres.create())
            return await _measure(AgentWorld(nats, dsn, directory), count)
        finally:
            nats.stop()
            postgres.close()


async def _measure(world: AgentWorld, count: int) -> dict[str, float]:
    await world.open()
    await world.db.agents.register(AGENT_ID, name="a", pubkey=None, capabilities={})
    project = await world.add_project(world.user)
    (Path(project.root) / "slate.toml").write_text('[build]\ncommand = "make"\nartifact = "made"\n')
    slate = Slate(
        bus=world.bus, db=world.db, cache=MemoryCache(), user=world.user, key=world.nats.user,
        profile="remote",
    )  # fmt: skip
    begun: Counter[str] = Counter()
    ends = [await _worker(world, number, begun) for number in (1, 2)]
    start_s, cpu_s = time.perf_counter(), time.process_time()
    jobs = [
        await slate.submit_build(project.id, "production", "linux", options={"driver": "scripted"})
        for _ in range(count)
    ]
    submitted_s = time.perf_counter() - start_s
    async with asyncio.timeout(600):
        while await world.db.builds.active():  # noqa: ASYNC110
            await asyncio.sleep(0.2)
    taken_s = time.perf_counter() - start_s
    rows = [await world.db.builds.get(job.id) for job in jobs]
    verdicts = Counter(row.verdict for row in rows)
    assert verdicts == {"passed": count}, (verdicts, rows[0].error_message)
    assert {row.attempt for row in rows} == {1}
    assert set(begun.values()) == {1}
    assert len(begun) == count
    for end in ends:
        await end()
    await world.close()
    return {
        "builds": count,
        "submit_s": submitted_s,
        "all_s": taken_s,
        "cpu_ms_per_build": (time.process_time() - cpu_s) * 1000 / count,
    }


async def _worker(world: AgentWorld, number: int, begun: Counter[str]):
    db = await Database.connect(world.dsn.agent, application_name=f"worker-{number}", max_size=10)
    bus = await NatsBus.connect(world.nats.url, seed=world.nats.agent.seed, name=f"worker-{number}")
    engine = ScriptedEngine({"make": Script((Say("[1/1] made"), Exit(0)))})
    fleet = Fleet({DriverName.SCRIPTED: WritingDriver(engine)})
    await fleet.refresh()
    tasks = TaskOwner(f"worker-{number}")
    directory = world.directory / f"worker-{number}"
    directory.mkdir()
    kind = BuildKind(
        db, bus, fleet, DirectoryObjects(directory / "objects"), agent_id=AGENT_ID,
        settings=BuildSettings(directory=directory, slots=SLOTS),
    )  # fmt: skip
    execute = kind.execute

    async def counted(lease, path, **more):
        begun[lease.job.id] += 1
        return await execute(lease, path, **more)

    kind.execute = counted  # type: ignore[method-assign]
    host = JobHost(db, bus, tasks, agent_id=AGENT_ID, epoch=number, directory=directory / new_id())
    host.add(kind, BUILDS, ("linux",), slots=SLOTS)

    async def end() -> None:
        await tasks.aclose()
        await bus.aclose()
        await db.aclose()

    return end


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else COUNT
    for name, value in asyncio.run(run(count)).items():
        print(f"{name:20} {value:10.2f}")
