"""The agent dies at the worst moments, and nothing is lost, doubled or left behind."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from pathlib import Path

import pytest

from slate_desktop.agent.drivers.process import ProcessDriver
from slate_desktop.domain.session import SessionStatus
from tests.fault.agent_process import AgentProcess, agent_process
from tests.fault.counting import check_counted, counting_program
from tests.integration.agent_world import AgentWorld, agent_world, python_project
from tests.services.nats import AGENT_ID

__all__ = ["agent_process", "agent_world"]  # the fixtures ``agent`` and ``world``
pytestmark = [pytest.mark.nats, pytest.mark.postgres, pytest.mark.fault]
S = SessionStatus

SLEEPER = "import time\nprint('up', flush=True)\ntime.sleep(600)"
FAILER = """
import time
print("up", flush=True)
time.sleep(0.8)
print("down", flush=True)
raise SystemExit(7)
"""


async def runtimes(world: AgentWorld) -> int:
    driver = ProcessDriver(world.options().data_dir / "runtimes")
    try:
        return len(await driver.list_runtimes(AGENT_ID))
    finally:
        await driver.aclose()


async def no_runtimes(world: AgentWorld) -> None:
    async with asyncio.timeout(30):
        while await runtimes(world):  # noqa: ASYNC110 - directories tell nobody
            await asyncio.sleep(0.05)


@pytest.mark.timeout(240)
async def test_no_line_is_lost_or_doubled_over_twenty_kills(
    world: AgentWorld, agent: AgentProcess
) -> None:
    project = await world.add_project(
        world.user, command=python_project(counting_program(40, 0.02))
    )
    session = await world.new_session(project)
    await agent.start()
    reply = await world.ask("start", session.id)
    assert reply["status"] == "running", reply
    container = reply["container_id"]
    chance = random.Random(20)
    for _ in range(20):
        await asyncio.sleep(chance.uniform(0.05, 0.4))
        agent.kill()
        await agent.start()
    (Path(project.root) / "enough").touch()
    row = await world.until(session.id, lambda r: r.is_final, 60)
    assert (row.status, row.container_id, row.attempt) == (S.STOPPED, container, 1)
    assert row.log_complete
    await check_counted(world.db, session.id)
    await no_runtimes(world)


@pytest.mark.parametrize("failpoint", ["after_create", "after_start"])
async def test_start_that_was_cut_short_is_finished_once(
    world: AgentWorld, agent: AgentProcess, failpoint: str
) -> None:
    project = await world.add_project(world.user, command=python_project(SLEEPER))
    session = await world.new_session(project)
    await agent.start(failpoint)
    # An agent answers within 1.8 s, the dead one never.
    with pytest.raises(TimeoutError):
        await world.ask("start", session.id, timeout_s=5)
    assert await agent.wait() == 9
    await agent.start()
    row = await world.until_status(session.id, S.RUNNING)
    assert row.attempt == 1
    assert await runtimes(world) == 1
    await world.until_messages(session.id, ["up"])
    assert (await world.ask("stop", session.id))["status"] == "stopped"
    assert await world.messages(session.id) == ["up"]


async def test_exit_that_was_not_recorded_is_recorded_with_its_code(
    world: AgentWorld, agent: AgentProcess
) -> None:
    project = await world.add_project(world.user, command=python_project(FAILER))
    session = await world.new_session(project)
    await agent.start("after_exit")
    await world.ask("start", session.id)
    assert await agent.wait() == 9
    await agent.start()
    row = await world.until_status(session.id, S.FAILED)
    assert (row.exit_code, row.error_code, row.log_complete) == (7, "exited", True)
    assert await world.messages(session.id) == ["up", "down"]
    await no_runtimes(world)


async def test_clean_end_leaves_the_runtime_and_its_log_goes_on(
    world: AgentWorld, agent: AgentProcess
) -> None:
    project = await world.add_project(world.user, command=python_project(SLEEPER))
    session = await world.new_session(project)
    await agent.start()
    await world.ask("start", session.id)
    assert agent.process is not None
    agent.process.terminate()
    assert await agent.wait() == 0
    assert await runtimes(world) == 1
    await agent.start()
    assert (await world.db.sessions.get(session.id)).status is S.RUNNING
    stats = await world.ask("stats", session.id)
    assert stats["age_ms"] <= 5000, stats


async def test_database_away_at_boot_is_said_and_harms_nothing(
    world: AgentWorld, agent: AgentProcess
) -> None:
    project = await world.add_project(world.user, command=python_project(SLEEPER))
    session = await world.new_session(project)
    await agent.start()
    await world.ask("start", session.id)
    agent.kill()
    agent.spawn(database_url="postgresql://nobody@127.0.0.1:9/none")
    # A request to the process that was just killed is answered by nobody, for 20 s.
    async with asyncio.timeout(60):
        while True:
            try:
                reply = await world.ask("stop", session.id)
                break
            except Exception:  # noqa: BLE001 - not up yet
                await asyncio.sleep(0.1)
    assert reply["error"]["code"] == "db_unavailable"
    assert await runtimes(world) == 1
    agent.kill()
    await agent.start()
    assert (await world.db.sessions.get(session.id)).status is S.RUNNING


def test_agent_process_has_no_qt() -> None:
    code = (
        "import sys, slate_desktop.agent.service;"
        "bad = [m for m in sys.modules if m.split('.')[0] in"
        " ('PySide6', 'shiboken6', 'qasync', 'pyqtgraph')];"
        "sys.exit(str(bad) if bad else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
