"""Worker, broker and database die in the middle of a build: it ends once, and rightly."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from slate_desktop.agent.drivers.process import ProcessDriver
from slate_desktop.control.client import Slate
from slate_desktop.domain.build import BuildJob
from slate_desktop.store.cache import MemoryCache
from tests.fault.agent_process import AgentProcess, agent_process
from tests.fault.own_world import own_world
from tests.integration.agent_world import AgentWorld
from tests.services.nats import AGENT_ID
from tests.services.postgres import RealPostgres

__all__ = ["agent_process", "own_world"]  # the fixtures ``agent`` and ``world``
pytestmark = [pytest.mark.nats, pytest.mark.postgres, pytest.mark.fault, pytest.mark.timeout(240)]
SLOW = """
import os, time
print("[1/2] working", flush=True)
while not os.path.exists(os.environ["GATE"]):
    time.sleep(0.05)
print("[2/2] done", flush=True)
with open(os.path.join(os.environ["SLATE_OUTPUT"], "made"), "w") as file:
    file.write("made")
"""


async def submit(world: AgentWorld, slate: Slate) -> BuildJob:
    project = await world.add_project(world.user)
    root = Path(project.root)
    (root / "slow.py").write_text(SLOW)
    (root / "slate.toml").write_text('[build]\ncommand = "{python} slow.py"\nartifact = "made"\n')
    return await slate.submit_build(
        project.id, "production", "linux",
        options={"driver": "process", "environment": {"GATE": str(world.directory / "gate")}},
    )  # fmt: skip


async def until_working(world: AgentWorld, job: BuildJob, attempt: int) -> None:
    async with asyncio.timeout(120):
        while True:
            row = await world.db.builds.get(job.id)
            lines = await world.db.builds.log_lines(job.id, attempt, after=0)
            if row.attempt == attempt and any("working" in line.message for line in lines):
                return
            assert not row.is_final, row.error_message
            await asyncio.sleep(0.1)


def client(world: AgentWorld) -> Slate:
    return Slate(
        bus=world.bus, db=world.db, cache=MemoryCache(), user=world.user, key=world.nats.user,
        profile="remote",
    )  # fmt: skip


async def test_a_build_outlives_database_broker_and_worker(
    world: AgentWorld, agent: AgentProcess, own_postgres: RealPostgres
) -> None:
    slate = client(world)
    await slate.events.open()
    await agent.start()
    job = await submit(world, slate)
    await until_working(world, job, 1)
    # The database dies and comes back, then the broker: the same attempt goes on.
    await asyncio.to_thread(own_postgres.kill)
    await asyncio.to_thread(own_postgres.start)
    world.nats.kill()
    world.nats.start()
    await until_working(world, job, 1)
    # The worker dies: another process of the agent begins anew, and ends what was left.
    agent.kill()
    await agent.start()
    await until_working(world, job, 2)
    driver = ProcessDriver(world.options().data_dir / "runtimes")
    left = await driver.list_runtimes(f"{AGENT_ID}.builds")
    assert [handle.labels.attempt for handle, _ in left] == [2]
    (world.directory / "gate").touch()
    done = await slate.wait_for_build(job.id, timeout_s=60)
    assert (done.status.value, done.verdict, done.attempt) == ("completed", "passed", 2)
    assert [artifact.path for artifact in await slate.get_build_artifacts(job.id)] == ["made"]
    async with asyncio.timeout(20):
        while await driver.list_runtimes(f"{AGENT_ID}.builds"):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    await driver.aclose()


async def test_no_build_of_a_long_queue_is_lost_or_done_twice() -> None:
    # The assertions are the bench's own; it does five hundred by hand. How quick it was is not
    # looked at here.
    bench = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.bench",
        "builds",
        cwd=Path(__file__).parents[2],
        env={**os.environ, "SLATE_BENCH_BUILDS": "40"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output = (await bench.communicate())[0].decode()
    assert "40 builds on two workers" in output, output
    assert "Traceback" not in output, output
