"""Signed answers and events on a real broker: the agent's arrive, made up ones do not."""

from __future__ import annotations

import asyncio
import json

import pytest

from slate_desktop.bus.attested import SigningBus, VerifiedBus
from slate_desktop.bus.nats_bus import NatsBus
from slate_desktop.bus.port import Message
from slate_desktop.domain.session import SessionStatus
from slate_desktop.errors import ForgedReplyError
from slate_desktop.wire.events import StatusEvent
from slate_desktop.wire.keys import SigningKey
from slate_desktop.wire.subjects import EventKind, container, runtime
from tests.integration.agent_world import AgentWorld, agent_world

__all__ = ["agent_world"]  # the fixture ``world``
pytestmark = [pytest.mark.nats, pytest.mark.postgres]


async def test_the_window_believes_its_agent_and_nobody_else(world: AgentWorld) -> None:
    await world.start_agent()
    heard: list[StatusEvent] = []
    # Somebody who got hold of an agent's place at the broker, but not of its key.
    rogue = await NatsBus.connect(world.nats.url, seed=world.nats.agent.seed, name="rogue")
    liar = SigningBus(rogue, SigningKey.generate())
    try:
        async with await world.connect_slate() as slate:
            slate.events.on_status(heard.append)
            session = await world.new_session()
            outcome = await slate.start_container(session.id, wait=True, timeout_s=30)
            assert outcome.session.status is SessionStatus.RUNNING
            subject = runtime(world.project.id, session.id, EventKind.STATUS)
            lie = {
                "type": "status", "session_id": session.id, "project_id": world.project.id,
                "data": {"status": "lost", "version": 99},
            }  # fmt: skip
            data = json.dumps(lie).encode()
            await rogue.publish(subject, data)
            await liar.publish(subject, data)
            await slate.stop_container(session.id, wait=True)
            assert isinstance(slate.bus, VerifiedBus)

            def seen() -> set[SessionStatus]:
                return {event.data.status for event in heard}

            def is_all_heard() -> bool:
                return slate.bus.refused_events >= 2 and SessionStatus.STOPPED in seen()

            async with asyncio.timeout(30):
                while not is_all_heard():  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
            assert SessionStatus.LOST not in seen()
    finally:
        await rogue.aclose()


async def test_a_forged_answer_reaches_nobody(world: AgentWorld) -> None:
    agent = await world.start_agent()
    session = await world.new_session()
    await world.end_agent()
    rogue = await NatsBus.connect(world.nats.url, seed=world.nats.agent.seed, name="rogue")

    async def lie(message: Message) -> None:
        body = {"session_id": session.id, "project_id": world.project.id, "status": "running"}
        await rogue.respond(message, json.dumps(body).encode())

    await rogue.subscribe(container("start", session.id), lie)
    try:
        async with await world.connect_slate() as slate:
            # The agent was here a moment ago, so that it counts as being there.
            with pytest.raises(ForgedReplyError, match="not signed by an agent"):
                await slate.start_container(session.id)
    finally:
        await rogue.aclose()
    assert agent.options.agent_id
    assert (await world.db.sessions.get(session.id)).status is SessionStatus.CREATING
