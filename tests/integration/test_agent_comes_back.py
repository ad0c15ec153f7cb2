"""An agent that starts again: what it adopts, resumes and judges, and when it gives way."""

from __future__ import annotations

import asyncio
import hashlib

import pytest

from slate_desktop.agent.recorder import Recorder
from slate_desktop.agent.service import EXIT_OK, EXIT_SUPERSEDED
from slate_desktop.domain.session import SessionStatus
from slate_desktop.errors import ErrorCode
from tests.integration.agent_world import AgentWorld, agent_world
from tests.services.nats import AGENT_ID

__all__ = ["agent_world"]  # the fixture ``world``
pytestmark = [pytest.mark.nats, pytest.mark.postgres]
S = SessionStatus


async def test_request_that_an_older_process_left_is_resumed(world: AgentWorld) -> None:
    await world.start_agent()
    session = await world.new_session()
    await world.db.requests.begin(
        world.nats.user.public,
        "left",
        subject=f"slate.container.start.{session.id}",
        body_sha=hashlib.sha256(b"{}").hexdigest(),
        epoch=0,
    )
    first = await world.ask("start", session.id, idem="left")
    assert first["status"] == "running", first
    assert await world.ask("start", session.id, idem="left") == first
    assert (await world.db.sessions.get(session.id)).attempt == 1


async def test_restart_that_an_older_process_carried_out_is_not_done_again(
    world: AgentWorld,
) -> None:
    await world.start_agent()
    session = await world.new_session()
    await world.ask("start", session.id)
    await world.ask("restart", session.id)
    await world.until(session.id, lambda row: row.attempt == 2 and row.status is S.RUNNING)
    for idem, attempt, expected in (("done", 1, 2), ("not_done", 2, 3)):
        await world.db.requests.begin(
            world.nats.user.public,
            idem,
            subject=f"slate.container.restart.{session.id}",
            body_sha=hashlib.sha256(b"{}").hexdigest(),
            epoch=0,
            agent_id=AGENT_ID,
            attempt=attempt,
        )
        reply = await world.ask("restart", session.id, idem=idem)
        assert reply["status"] == "running", reply
        assert (await world.db.sessions.get(session.id)).attempt == expected


async def test_session_that_no_agent_took_is_failed(world: AgentWorld) -> None:
    session = await world.new_session()
    async with world.db.connection() as connection:
        await connection.execute(
            "update slate_runtime_sessions set created_at = now() - interval '16 minutes'"
        )
    recorder = Recorder(world.db, world.bus, AGENT_ID, 1)
    await recorder.tidy()
    row = await world.db.sessions.get(session.id)
    assert (row.status, row.error_code) == (S.FAILED, ErrorCode.NO_AGENT)


async def test_agent_adopts_its_sessions_when_it_comes_back(world: AgentWorld) -> None:
    await world.start_agent()
    session = await world.new_session()
    before = await world.ask("start", session.id)
    assert await world.end_agent() == EXIT_OK
    runtime = world.engine.runtimes()[0]
    world.engine.say(runtime.handle.runtime_id, "while away")
    await world.start_agent()
    row = await world.db.sessions.get(session.id)
    assert (row.status, row.container_id) == (S.RUNNING, before["container_id"])
    world.engine.say(runtime.handle.runtime_id, "after")
    await world.ask("stop", session.id)
    await world.until_status(session.id, S.STOPPED)
    assert await world.messages(session.id) == ["hello", "while away", "after"]


async def test_end_that_nobody_saw_is_recorded_with_its_code(world: AgentWorld) -> None:
    await world.start_agent()
    session = await world.new_session()
    await world.ask("start", session.id)
    await world.end_agent()
    runtime = world.engine.runtimes()[0]
    world.engine.say(runtime.handle.runtime_id, "last words")
    world.engine.crash(runtime.handle.runtime_id, 42)
    await world.start_agent()
    row = await world.until_status(session.id, S.FAILED)
    assert (row.exit_code, row.log_complete) == (42, True)
    assert await world.messages(session.id) == ["hello", "last words"]
    # A runtime goes only after its session's row has been written.
    async with asyncio.timeout(30):
        while world.engine.runtimes():  # noqa: ASYNC110 - the engine tells nobody
            await asyncio.sleep(0.02)


async def test_runtime_that_is_gone_is_container_lost(world: AgentWorld) -> None:
    await world.start_agent()
    session = await world.new_session()
    await world.ask("start", session.id)
    await world.end_agent()
    world.engine.drop(world.engine.runtimes()[0].handle.runtime_id)
    await world.start_agent()
    row = await world.until_status(session.id, S.FAILED)
    assert row.error_code == ErrorCode.CONTAINER_LOST


async def test_nothing_is_judged_while_the_engine_is_away(world: AgentWorld) -> None:
    await world.start_agent()
    session = await world.new_session()
    await world.ask("start", session.id)
    await world.end_agent()
    world.engine.is_away = True
    await world.start_agent()
    assert (await world.db.sessions.get(session.id)).status is S.RUNNING
    reply = await world.ask("stop", session.id)
    assert reply["error"]["retry"] == "later"
    assert len(world.engine.runtimes()) == 1


async def test_newer_process_takes_over(world: AgentWorld) -> None:
    await world.start_agent()
    session = await world.new_session()
    await world.ask("start", session.id)
    _, old = world.agents.pop()
    await world.start_agent()
    assert await asyncio.wait_for(old, 30) == EXIT_SUPERSEDED
    reply = await world.ask("stop", session.id)
    assert reply["status"] == "stopped", reply
