"""Builds in hardened containers: the Godot sample, and a cancellation that leaves nothing."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from slate_desktop.agent.builds.programs import LABEL_SUFFIX
from slate_desktop.agent.drivers.docker import DockerDriver
from slate_desktop.domain.container import DriverName
from slate_desktop.domain.jobs import OutcomeStatus
from slate_desktop.store import Database
from tests.integration.build_world import BuildWorld

pytestmark = [pytest.mark.postgres, pytest.mark.docker, pytest.mark.timeout(300)]


@pytest.fixture
async def world(
    database: Database, docker_engine: str, tmp_path: Path
) -> AsyncIterator[BuildWorld]:
    made = BuildWorld(
        database,
        tmp_path,
        {DriverName.DOCKER: DockerDriver(docker_engine)},
        agent_id=f"slate-build-tests-{os.getpid()}",
    )
    await made.open()
    yield made
    await made.kind.remove_leftovers("nobody")
    await made.close()


async def containers(world: BuildWorld) -> list[str]:
    driver = world.fleet.drivers[DriverName.DOCKER]
    found = await driver.list_runtimes(world.agent_id + LABEL_SUFFIX)
    return [handle.name for handle, _ in found]


async def test_the_godot_sample_is_exported_in_a_container_and_runs_there(
    world: BuildWorld, godot_image: str
) -> None:
    project = await world.sample("godot-pulse", "godot")
    build, outcome = await world.build(project, options={"driver": "docker"})
    assert outcome.status is OutcomeStatus.COMPLETED, build.verdict_reason
    assert (build.verdict, build.driver) == ("passed", "docker"), await world.log_of(build)
    assert await containers(world) == []
    # Its row said nothing of memory; what its containers got is what counted.
    assert build.needs.memory_bytes
    artifacts = {a.path: a for a in await world.db.builds.artifacts(build.id)}
    assert set(artifacts) == {"pulse.x86_64", "pulse.pck"}
    # The pack runs headless in the same image.
    (world.directory / "run").mkdir(mode=0o755)
    (world.directory / "run" / "slate.toml").write_text(
        f'[build]\nimage = "{godot_image}"\nartifact = "said"\n'
        'command = ["sh", "-c", "PULSE_SECONDS=1 godot3-server --main-pack pulse.pck 2>/dev/null '
        '| tee /app/output/said"]\n'
    )
    await world.objects.get(
        artifacts["pulse.pck"].sha256,
        artifacts["pulse.pck"].size,
        world.directory / "run" / "pulse.pck",
    )
    runner = await world.add(world.directory / "run", "custom")
    ran, _ = await world.build(runner, options={"driver": "docker"})
    assert ran.verdict == "passed", await world.log_of(ran)
    assert "[INFO] Pulse is ready" in await world.log_of(ran)


async def test_a_cancelled_build_leaves_no_container(world: BuildWorld, base_image: str) -> None:
    root = world.directory / "slow"
    root.mkdir()
    (root / "slate.toml").write_text(
        '[build]\ncommand = ["sh", "-c", "echo \'[1/2] slow\'; sleep 300"]\n'
    )
    project = await world.add(root, "custom")
    await world.submit(project, options={"driver": "docker"})
    lease = await world.claim()
    assert lease is not None
    cancel = asyncio.Event()
    seen: list[str] = []

    def on_progress(message: str) -> None:
        if "1 of 2" in message:
            cancel.set()
            seen.append(message)

    world.on_progress = on_progress
    build, outcome = await world.execute(lease, cancel=cancel)
    assert seen
    assert outcome.status is OutcomeStatus.CANCELLED
    assert build.status.value == "cancelled"
    assert await containers(world) == []


async def test_leftovers_of_a_dead_worker_are_ended(world: BuildWorld, base_image: str) -> None:
    root = world.directory / "lost"
    root.mkdir()
    (root / "slate.toml").write_text(
        '[build]\ncommand = ["sh", "-c", "echo \'[1/2] slow\'; sleep 300"]\n'
    )
    project = await world.add(root, "custom")
    await world.submit(project, options={"driver": "docker"})
    lease = await world.claim()
    assert lease is not None
    running = asyncio.Event()
    world.on_progress = lambda message: running.set() if "1 of 2" in message else None
    work = asyncio.create_task(world.execute(lease))
    await asyncio.wait_for(running.wait(), 60)
    assert len(await containers(world)) == 1
    # This process has it: nothing is touched. An earlier process had it: it is ended.
    assert await world.kind.remove_leftovers(lease.owner) == 0
    assert await world.kind.remove_leftovers(f"{world.agent_id}.2") == 1
    build, _ = await asyncio.wait_for(work, 60)
    assert build.verdict in ("failed", "suspect")
    assert await containers(world) == []
