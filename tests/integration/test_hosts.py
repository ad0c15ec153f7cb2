"""Hosts out of service: what a cordoned or draining agent takes, ends and tells."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from slate_desktop.agent import heartbeat
from slate_desktop.domain.session import SessionStatus
from slate_desktop.errors import CommandError, ErrorCode
from tests.integration.agent_world import AgentWorld
from tests.services.nats import AGENT_ID, RealNats
from tests.services.postgres import PostgresDsn

pytestmark = [pytest.mark.nats, pytest.mark.postgres]


@pytest.fixture
async def world(
    nats: RealNats, postgres_dsn: PostgresDsn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[AgentWorld]:
    monkeypatch.setattr(heartbeat.Pulse.run, "__defaults__", (0.3,))
    world = AgentWorld(nats, postgres_dsn, tmp_path)
    await world.open()
    yield world
    await world.close()


async def refused(world: AgentWorld, session_id: str) -> str:
    """What the agent itself says to a start that names it."""
    reply = await world.ask("start", session_id, audience=AGENT_ID)
    return str(reply.get("error", {}).get("code", ""))


async def test_a_cordoned_host_takes_nothing_new_and_what_runs_goes_on(world: AgentWorld) -> None:
    await world.start_agent()
    async with await world.connect_slate() as slate:
        running, waiting = await world.new_session(), await world.new_session()
        begun = await slate.start_container(running.id, host=AGENT_ID, wait=True, timeout_s=30)
        assert begun.is_done
        found = await slate.cordon_host(AGENT_ID, "new  disk")
        assert (found.is_cordoned, found.cordon_reason) == (True, "new disk")
        with pytest.raises(CommandError) as caught:
            await slate.start_container(waiting.id)
        assert caught.value.code is ErrorCode.HOST_CORDONED
        assert "new disk" in str(caught.value)
        async with asyncio.timeout(30):
            # Within a beat the agent refuses it as well, whoever asks.
            while await refused(world, waiting.id) != "host_cordoned":  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        assert (await world.db.sessions.get(running.id)).status is SessionStatus.RUNNING
        await slate.uncordon_host(AGENT_ID)
        fresh = await world.new_session()
        async with asyncio.timeout(30):
            while await refused(world, fresh.id) == "host_cordoned":  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        await world.until_status(fresh.id, SessionStatus.RUNNING)
        trail = [row.action for row in await slate.list_audit(limit=50)]
        assert "host.cordon" in trail
        assert "host.uncordon" in trail


async def test_a_drained_host_ends_its_sessions_and_stays_out_after_a_restart(
    world: AgentWorld,
) -> None:
    await world.start_agent()
    async with await world.connect_slate() as slate:
        sessions = [await world.new_session() for _ in range(2)]
        for session in sessions:
            await slate.start_container(session.id, wait=True, timeout_s=30)
        found = await slate.drain_host(AGENT_ID, wait=True, timeout_s=30)
        assert not found.sessions
        for session in sessions:
            assert (await world.db.sessions.get(session.id)).is_final
        await world.end_agent()
        await world.start_agent()
        fresh = await world.new_session()
        assert await refused(world, fresh.id) == "host_cordoned"
        with pytest.raises(CommandError) as caught:
            await slate.cordon_host("nowhere")
        assert caught.value.code is ErrorCode.NOT_FOUND


async def test_a_studio_that_is_out_of_service_answers_a_start_that_names_no_host(
    world: AgentWorld,
) -> None:
    await world.start_agent(allow_unsigned=True)
    async with await world.connect_slate() as slate:
        await slate.cordon_host(AGENT_ID, "moving house")
        session = await world.new_session()
        async with asyncio.timeout(30):
            while await refused(world, (await world.new_session()).id) != "host_cordoned":  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        signed = await world.ask("start", session.id)
        assert signed["error"]["code"] == "host_cordoned"
        reply = await world.bus.request(f"slate.container.start.{session.id}", b"{}", timeout_s=20)
        unsigned = json.loads(reply.data)
        assert unsigned["error"]["code"] == "host_cordoned"
        assert "moving house" in unsigned["error"]["message"]
        assert (await world.db.sessions.get(session.id)).status is SessionStatus.CREATING
        # Another host that takes it is asked, and this one is silent.
        await world.db.agents.register("other", name="other", pubkey=None, capabilities={})
        with pytest.raises(TimeoutError):
            await world.bus.request(f"slate.container.start.{session.id}", b"{}", timeout_s=1)
