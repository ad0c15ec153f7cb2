"""A person who may write objects has the broker deliver them where they may not publish.

The permission to publish does not cover where a push consumer delivers to. What comes by that way
is unsigned, and bears the subject where it was written: nobody takes it for an event, a command or
a call of the API.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from slate_desktop.bus.nats_bus import NatsBus
from slate_desktop.bus.nats_objects import NatsObjects
from slate_desktop.domain.session import SessionStatus
from slate_desktop.wire.events import StatusEvent
from slate_desktop.wire.subjects import EventKind, runtime
from tests.integration.agent_world import AgentWorld
from tests.services.nats import RealNats
from tests.services.postgres import PostgresDsn

pytestmark = [pytest.mark.nats, pytest.mark.postgres]
CHUNK = "$O.slate.C.forged"


@pytest.fixture
async def world(
    own_nats: RealNats, postgres_dsn: PostgresDsn, tmp_path: Path
) -> AsyncIterator[AgentWorld]:
    world = AgentWorld(own_nats, postgres_dsn, tmp_path)
    await world.open()
    yield world
    await world.close()


async def deliver(attacker: NatsBus, name: str, subject: str) -> None:
    """Make a push consumer of everything that the attacker wrote."""
    config = {
        "name": name, "deliver_subject": subject, "filter_subject": CHUNK, "ack_policy": "none",
        "deliver_policy": "all", "mem_storage": True,
    }  # fmt: skip
    body = {"stream_name": "OBJ_slate", "config": config}
    answer = await attacker.request(
        f"$JS.API.CONSUMER.CREATE.OBJ_slate.{name}.{CHUNK}", json.dumps(body).encode()
    )
    assert "error" not in json.loads(answer.data)


async def test_what_a_push_consumer_delivers_is_believed_by_nobody(world: AgentWorld) -> None:
    await world.start_agent()
    owner = await NatsBus.connect(world.nats.url, seed=world.nats.agent.seed, name="owner")
    await NatsObjects(owner, max_bytes=64 * 1024**2).ensure()
    attacker = await NatsBus.connect(world.nats.url, seed=world.nats.other_user.seed, name="evil")
    anyone = await NatsBus.connect(world.nats.url, seed=world.nats.anyone.seed, name="anyone")
    heard: list[StatusEvent] = []
    arrived: list[str] = []

    async def note(message: object) -> None:
        arrived.append(getattr(message, "subject", ""))

    try:
        async with await world.connect_slate() as slate:
            slate.events.on_status(heard.append)
            session = await world.new_session()
            await slate.start_container(session.id, wait=True)
            status = runtime(world.project.id, session.id, EventKind.STATUS)
            await anyone.subscribe(status, note)
            lie = {
                "type": "status", "session_id": session.id, "project_id": world.project.id,
                "data": {"status": "lost", "version": 99},
            }  # fmt: skip
            await attacker.request(CHUNK, json.dumps(lie).encode())
            before = slate.bus.refused_events  # type: ignore[attr-defined]
            for name, subject in (
                ("event", status),
                ("command", f"slate.container.stop.{session.id}"),
                ("stream", "$JS.API.STREAM.DELETE.ASSETS"),
                ("purge", "$JS.API.STREAM.PURGE.OBJ_slate"),
            ):
                await deliver(attacker, name, subject)
            async with asyncio.timeout(30):
                while slate.bus.refused_events == before or not arrived:  # type: ignore[attr-defined]  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
            # It came, and under the subject where it was written.
            assert CHUNK in arrived
            assert (await slate.get_runtime_session(session.id)).status is SessionStatus.RUNNING
            names = json.loads((await anyone.request("$JS.API.STREAM.NAMES", b"")).data)["streams"]
            assert {"ASSETS", "OBJ_slate"} <= set(names)
            info = json.loads((await anyone.request("$JS.API.STREAM.INFO.OBJ_slate", b"")).data)
            assert info["state"]["messages"] == 1
            await slate.stop_container(session.id, wait=True)
            assert SessionStatus.LOST not in {event.data.status for event in heard}
    finally:
        for bus in (owner, attacker, anyone):
            await bus.aclose()
