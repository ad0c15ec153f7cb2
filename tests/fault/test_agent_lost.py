"""A host that does not answer: its sessions are lost, and come back, or go on elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from slate_desktop.agent.reconcile import Reconciler
from slate_desktop.domain.session import RuntimeSession, SessionStatus
from tests.fault.agent_process import AgentProcess
from tests.integration.agent_world import AgentWorld, agent_world, python_project
from tests.services.nats import AGENT_ID, OTHER_AGENT_ID

__all__ = ["agent_world"]  # the fixture ``world``
pytestmark = [pytest.mark.nats, pytest.mark.postgres, pytest.mark.fault]
S = SessionStatus
COUNTER = """
import os, time
print("up", flush=True)
n = 0
while not os.path.exists("enough"):
    print(n, flush=True)
    n += 1
    time.sleep(0.02)
"""


@pytest.fixture
async def first(world: AgentWorld) -> AsyncIterator[AgentProcess]:
    agent = AgentProcess(world)
    yield agent
    await agent.aclose()


@pytest.fixture
async def second(world: AgentWorld) -> AsyncIterator[AgentProcess]:
    agent = AgentProcess(
        world,
        agent_id=OTHER_AGENT_ID,
        nats_seed=world.nats.other_agent.seed,
        data_dir=str(world.directory / "other"),
    )
    yield agent
    await agent.aclose()


async def lose(world: AgentWorld, first: AgentProcess, second: AgentProcess) -> RuntimeSession:
    """Run a session on the first agent, kill that one, and let the second one notice."""
    project = await world.add_project(world.user, command=python_project(COUNTER))
    session = await world.new_session(project)
    await first.start()
    reply = await world.ask("start", session.id)
    assert reply["status"] == "running", reply
    first.kill()
    async with world.db.connection() as connection:
        await connection.execute(
            "update slate_agents set last_seen = now() - interval '4 minutes' where id = $1",
            AGENT_ID,
        )
    await second.start()
    return await world.until_status(session.id, S.LOST)


async def test_lost_session_comes_back_with_its_host_and_its_whole_log(
    world: AgentWorld, first: AgentProcess, second: AgentProcess
) -> None:
    lost = await lose(world, first, second)
    await first.start()
    row = await world.until_status(lost.id, S.RUNNING)
    assert (row.agent_id, row.attempt, row.container_id) == (AGENT_ID, 1, lost.container_id)
    (Path((await world.db.projects.get(row.project_id)).root) / "enough").touch()
    row = await world.until_status(lost.id, S.STOPPED)
    assert row.log_complete
    messages = await world.messages(lost.id)
    assert messages == ["up", *(str(n) for n in range(len(messages) - 1))]
    assert len(messages) > 20


async def test_lost_session_goes_on_elsewhere_and_its_old_runtime_ends(
    world: AgentWorld, first: AgentProcess, second: AgentProcess
) -> None:
    lost = await lose(world, first, second)
    assert await first.runtimes() == 1
    reply = await world.ask("start", lost.id)
    assert reply["status"] == "running", reply
    await first.start()
    async with asyncio.timeout(40):
        while await first.runtimes():  # noqa: ASYNC110 - directories tell nobody
            await asyncio.sleep(0.05)
    row = await world.db.sessions.get(lost.id)
    assert (row.status, row.agent_id, row.attempt) == (S.RUNNING, OTHER_AGENT_ID, 2)
    reply = await world.ask("stop", lost.id, audience=OTHER_AGENT_ID)
    assert reply["status"] == "stopped", reply
    assert (await world.messages(lost.id)).count("up") == 2


async def test_session_that_was_taken_for_lost_is_found_by_the_agent_that_has_it(
    world: AgentWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Reconciler.run, "__defaults__", (0.2,))
    await world.start_agent()
    session = await world.new_session()
    await world.ask("start", session.id)
    await world.until_status(session.id, S.RUNNING)
    # As another agent does when this one has not been heard of for minutes.
    (lost,) = await world.db.sessions.lose_orphaned(OTHER_AGENT_ID, 0)
    assert (lost.id, lost.status) == (session.id, S.LOST)
    row = await world.until_status(session.id, S.RUNNING)
    assert row.attempt == 1
    reply = await world.ask("stop", session.id)
    assert reply["status"] == "stopped", reply
