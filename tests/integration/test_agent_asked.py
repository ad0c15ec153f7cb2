"""Who may ask an agent for what, and how often: on a real broker and a real database."""

from __future__ import annotations

import asyncio
import json

import pytest

from slate_desktop.bus.nats_bus import NatsBus
from slate_desktop.domain.roles import Role
from slate_desktop.domain.session import SessionStatus
from tests.integration.agent_world import AgentWorld, agent_world

__all__ = ["agent_world"]  # the fixture ``world``
pytestmark = [pytest.mark.nats, pytest.mark.postgres]
S = SessionStatus


async def test_illegal_moves_are_refused(world: AgentWorld) -> None:
    await world.start_agent()
    session = await world.new_session()
    reply = await world.ask("execute", session.id, {"command": ["true"]})
    assert reply["error"]["code"] == "illegal_state"
    await world.ask("start", session.id)
    reply = await world.ask("start", session.id)
    assert reply["error"]["code"] == "illegal_state"
    await world.ask("stop", session.id)
    reply = await world.ask("stop", session.id)
    assert reply["status"] == "stopped"


async def test_refused_configuration_changes_nothing(world: AgentWorld) -> None:
    await world.start_agent()
    session = await world.new_session()
    for body, code in (
        ({"privileged": True}, "bad_request"),
        ({"memory": "4gg"}, "bad_request"),
        ({"memory": "999g"}, "limit_denied"),
        ({"cpus": 99}, "limit_denied"),
        ({"networkMode": "host"}, "bad_request"),
        ({"gpu": True}, "gpu_unavailable"),
        ({"driver": "docker"}, "bad_request"),
        ({"ports": {"80": 22}}, "port_denied"),
    ):
        reply = await world.ask("start", session.id, body)
        assert reply["error"]["code"] == code, (body, reply)
    row = await world.db.sessions.get(session.id)
    assert (row.status, row.version) == (S.CREATING, 1)
    assert world.engine.runtimes() == []


async def test_roles_and_strangers(world: AgentWorld) -> None:
    await world.start_agent()
    other_key = world.nats.other_user
    other = await world.db.users.create("other", other_key.public)
    bus = await NatsBus.connect(world.nats.url, seed=other_key.seed, name="other")
    session = await world.new_session()
    reply = await world.ask("start", session.id, key=other_key, bus=bus)
    assert reply["error"]["code"] == "not_found"
    viewed = await world.add_project(world.user)
    await world.db.projects.set_member(viewed.id, other.id, Role.VIEWER)
    session = await world.new_session(viewed)
    reply = await world.ask("start", session.id, key=other_key, bus=bus)
    assert reply["error"]["code"] == "forbidden"
    reply = await world.ask("stats", session.id, key=other_key, bus=bus)
    assert reply["error"]["code"] == "not_running"
    await world.db.users.revoke(other.id)
    async with asyncio.timeout(10):
        while reply["error"]["code"] != "revoked":
            await asyncio.sleep(0.2)
            reply = await world.ask("stats", session.id, key=other_key, bus=bus)
    await bus.aclose()


async def test_unknown_sessions_are_not_found(world: AgentWorld) -> None:
    await world.start_agent()
    for session_id in ("NOBODY", "00000000-0000-0000-0000-000000000000"):
        reply = await world.ask("start", session_id)
        assert reply["error"]["code"] == "not_found"


async def test_one_key_has_one_effect(world: AgentWorld) -> None:
    await world.start_agent()
    session = await world.new_session()
    replies = await asyncio.gather(*(world.ask("start", session.id, idem="one") for _ in range(30)))
    good = [r for r in replies if r.get("status") == "running"]
    refused = {r["error"]["code"] for r in replies if "error" in r}
    assert good
    assert refused <= {"in_progress", "rate_limited"}
    assert (await world.db.sessions.get(session.id)).attempt == 1
    await asyncio.sleep(1)
    reply = await world.ask("start", session.id, {"cpus": 1}, idem="one")
    assert reply["error"]["code"] == "idempotency_mismatch"


async def test_unsigned_request_of_the_original_client(world: AgentWorld) -> None:
    await world.start_agent()
    body = json.dumps(
        {"image": "slate/x", "memory": "64m", "env": {"PROJECT_ID": world.project.name}}
    ).encode()
    reply = await world.bus.request("slate.container.start.legacy1", body)
    assert json.loads(reply.data)["error"]["code"] == "unsigned"
    await world.end_agent()
    await world.start_agent(allow_unsigned=True)
    reply = json.loads((await world.bus.request("slate.container.start.legacy1", body)).data)
    assert reply["status"] == "running", reply
    row = await world.db.sessions.get("legacy1")
    assert (row.project_id, row.user_id) == (world.project.id, world.user.id)
    reply = json.loads((await world.bus.request("slate.container.stats.legacy1", b"")).data)
    assert reply["memory_limit"] == 64 * 1024 * 1024
    reply = json.loads((await world.bus.request("slate.container.stop.legacy1", b"")).data)
    assert reply["status"] == "stopped"
    reply = json.loads((await world.bus.request("slate.container.start.legacy2", b"{}")).data)
    assert reply["error"]["code"] == "not_found"


async def test_session_of_another_agent_is_refused(world: AgentWorld) -> None:
    await world.start_agent()
    reply = await world.ask("stop", "s1", audience="nobody-knows-it")
    assert reply["error"]["code"] == "wrong_audience"
