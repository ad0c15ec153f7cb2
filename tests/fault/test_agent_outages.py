"""Broker and database go away under a running session; nothing is lost, nothing is judged."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from slate_desktop.domain.session import SessionStatus
from slate_desktop.errors import DatabaseError
from slate_desktop.store import Database
from tests.fault.own_world import own_world
from tests.integration.agent_world import AgentWorld
from tests.services.postgres import RealPostgres

__all__ = ["own_world"]  # the fixture ``world``
pytestmark = [pytest.mark.nats, pytest.mark.postgres, pytest.mark.fault]
S = SessionStatus


async def test_log_is_whole_when_the_database_was_away(
    world: AgentWorld, own_postgres: RealPostgres
) -> None:
    await world.start_agent()
    session = await world.new_session()
    await world.ask("start", session.id)
    runtime = world.engine.runtimes()[0].handle.runtime_id
    expected = ["hello"]
    for i in range(200):
        world.engine.say(runtime, f"line {i}")
        expected.append(f"line {i}")
        if i == 50:
            await asyncio.to_thread(own_postgres.kill)
        if i == 150:
            await asyncio.to_thread(own_postgres.start)
        await asyncio.sleep(0.005)
    await world.db.aclose()
    world.db = await Database.connect(world.dsn, application_name="test")
    await _stop(world, session.id)
    row = await world.until_status(session.id, S.STOPPED, 40)
    assert row.log_complete
    assert await world.messages(session.id) == expected


async def test_end_is_recorded_when_the_database_comes_back(
    world: AgentWorld, own_postgres: RealPostgres
) -> None:
    await world.start_agent()
    session = await world.new_session()
    await world.ask("start", session.id)
    runtime = world.engine.runtimes()[0].handle.runtime_id
    await asyncio.to_thread(own_postgres.kill)
    await _until_away(world.db)
    reply = await world.ask("stop", session.id)
    assert reply["error"]["code"] == "db_unavailable", reply
    world.engine.crash(runtime, 5)
    await asyncio.sleep(0.5)
    assert len(world.engine.runtimes()) == 1
    await asyncio.to_thread(own_postgres.start)
    await world.db.aclose()
    world.db = await Database.connect(world.dsn, application_name="test")
    row = await world.until_status(session.id, S.FAILED, 40)
    assert (row.exit_code, row.log_complete) == (5, True)
    async with asyncio.timeout(30):
        while world.engine.runtimes():  # noqa: ASYNC110 - the engine tells nobody
            await asyncio.sleep(0.02)


async def test_commands_are_heard_again_when_the_broker_was_restarted(world: AgentWorld) -> None:
    await world.start_agent()
    session = await world.new_session()
    await world.ask("start", session.id)
    runtime = world.engine.runtimes()[0].handle.runtime_id
    world.nats.kill()
    world.engine.say(runtime, "nobody hears")
    await asyncio.sleep(0.2)
    assert (await world.db.sessions.get(session.id)).status is S.RUNNING
    world.nats.start()
    await _stop(world, session.id)
    await world.until_status(session.id, S.STOPPED)
    assert await world.messages(session.id) == ["hello", "nobody hears"]


async def _until_away(db: Database) -> None:
    """Ask on: the postmaster is gone, but a backend may answer once more before it notices."""
    async with asyncio.timeout(30):
        with contextlib.suppress(DatabaseError):
            while True:
                await db.ping()
                await asyncio.sleep(0.01)


async def _stop(world: AgentWorld, session_id: str) -> None:
    """Ask until the agent is back; each try is a new intent, and one that is lost takes 20 s."""
    async with asyncio.timeout(60):
        while True:
            try:
                reply = await world.ask("stop", session_id)
            except Exception:  # noqa: BLE001 - the broker is not back yet
                await asyncio.sleep(0.2)
                continue
            if "error" not in reply:
                return
            assert reply["error"]["retry"] == "later", reply
            await asyncio.sleep(0.2)
