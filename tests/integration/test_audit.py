"""The audit trail on a real broker and database: a row for every command, and none is changed."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest

from slate_desktop.bus.nats_bus import NatsBus
from slate_desktop.domain.audit import AuditCommand, AuditEntry
from slate_desktop.domain.roles import Role
from tests.integration.agent_world import AgentWorld, agent_world
from tests.services.nats import AGENT_ID
from tests.services.postgres import PostgresDsn

__all__ = ["agent_world"]  # the fixture ``world``
pytestmark = [pytest.mark.nats, pytest.mark.postgres]
REFUSALS = (asyncpg.CheckViolationError, asyncpg.InsufficientPrivilegeError)


async def trail(world: AgentWorld, rows: int, **more: Any) -> list[AuditEntry]:
    """The newest rows, newest first, once there are so many and all have their end."""
    async with asyncio.timeout(30):
        while True:
            found = await world.db.audit.list(limit=50, **more)
            if len(found) >= rows and all(row.code is not None for row in found):
                return found
            await asyncio.sleep(0.02)


async def test_each_command_is_a_row_with_its_result(world: AgentWorld) -> None:
    await world.start_agent()
    session = await world.new_session()
    await world.ask("start", session.id, idem="k1")
    await world.ask("start", session.id, idem="k1")  # A repetition has no effect, and no row.
    await world.ask("execute", session.id, {"command": ["echo", "two words"]})
    await world.ask("execute", session.id, {"command": []})
    await world.ask("stats", session.id)
    await world.ask("stop", session.id)
    found = await trail(world, 4)
    assert [(row.action, row.code) for row in reversed(found)] == [
        ("session.start", "ok"),
        ("session.execute", found[2].code),
        ("session.execute", "bad_request"),
        ("session.stop", "ok"),
    ]
    executed = found[2]
    assert executed.detail == "echo 'two words'"
    for row in found:
        assert (row.user_name, row.project_id) == ("person", world.project.id)
        assert (row.target, row.agent_id) == (session.id, AGENT_ID)
        assert row.ended_at is not None
        assert abs((row.recorded_at - row.asked_at).total_seconds()) < 60


async def test_refusals_name_who_tried(world: AgentWorld) -> None:
    await world.start_agent()
    key = world.nats.other_user
    otto = await world.db.users.create("Otto", key.public)
    bus = await NatsBus.connect(world.nats.url, seed=key.seed, name="otto")
    try:
        session = await world.new_session()
        await world.ask("stop", session.id, key=key, bus=bus)
        viewed = await world.add_project(world.user)
        await world.db.projects.set_member(viewed.id, otto.id, Role.VIEWER)
        other = await world.new_session(viewed)
        await world.ask("start", other.id, key=key, bus=bus)
    finally:
        await bus.aclose()
    await world.db.users.revoke(world.user.id)
    await world.ask("stop", session.id)
    rows = [row for row in await trail(world, 4) if row.action.startswith("session.")]
    found = [(row.user_name, row.project_id, row.code) for row in reversed(rows)]
    assert found == [
        ("Otto", world.project.id, "not_found"),
        ("Otto", viewed.id, "forbidden"),
        ("person", world.project.id, "revoked"),
    ]
    assert [row.code for row in await trail(world, 2, person="otto")] == ["forbidden", "not_found"]
    seen_by_otto = await trail(world, 1, member=otto.id)
    assert {row.project_id for row in seen_by_otto} == {viewed.id}


async def test_a_command_whose_row_cannot_be_written_has_no_effect(
    world: AgentWorld, postgres_dsn: PostgresDsn
) -> None:
    await world.start_agent()
    session = await world.new_session()
    admin = await asyncpg.connect(postgres_dsn)
    try:
        await admin.execute("revoke insert on slate_audit from slate_agent")
        reply = await world.ask("start", session.id)
        assert "error" in reply
        assert (await world.db.sessions.get(session.id)).status == "creating"
    finally:
        await admin.execute("grant insert on slate_audit to slate_agent")
        await admin.close()
    assert await world.db.audit.list(limit=5) == []


async def test_rows_are_only_added_by_anybody(world: AgentWorld, postgres_dsn: PostgresDsn) -> None:
    await world.start_agent()
    session = await world.new_session()
    await world.ask("start", session.id)
    await trail(world, 1)
    attacks = ("update slate_audit set code = 'ok', message = 'x'", "delete from slate_audit",
               "truncate slate_audit", "update slate_audit set user_name = 'Otto'")  # fmt: skip
    for dsn in (postgres_dsn, postgres_dsn.agent, postgres_dsn.user):
        connection = await asyncpg.connect(dsn)
        try:
            for attack in attacks:
                with pytest.raises(
                    (asyncpg.CheckViolationError, asyncpg.InsufficientPrivilegeError)
                ):
                    await connection.execute(attack)
        finally:
            await connection.close()
    person = await asyncpg.connect(postgres_dsn.user)
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await person.execute("insert into slate_audit (project_id) values ('x')")
    finally:
        await person.close()
    assert [row.code for row in await world.db.audit.list(limit=5)] == ["ok"]


async def test_a_command_that_its_agent_left_is_not_under_way_for_ever(world: AgentWorld) -> None:
    session = await world.new_session()
    left = {
        "project_id": world.project.id, "user_id": world.user.id, "signer": world.nats.user.public,
        "idem": "left", "target": session.id, "detail": "", "asked_at": datetime.now(UTC),
    }  # fmt: skip
    await world.db.agents.register(AGENT_ID, name="a", pubkey=None, capabilities={})
    for agent, action in (
        (AGENT_ID, "session.stop"), (AGENT_ID, "build.submit"), ("neighbour", "session.restart"),
    ):  # fmt: skip
        await world.db.audit.begin(AuditCommand(action=action, **left), agent)
    await world.start_agent()
    rows = {row.action: row for row in await world.db.audit.list(limit=50)}
    assert rows["session.stop"].code == "unknown"
    assert "its session" in rows["session.stop"].message
    assert rows["session.stop"].ended_at is not None
    # A job goes on elsewhere; what another agent has begun is its own.
    assert rows["build.submit"].code is None
    assert rows["session.restart"].code is None
