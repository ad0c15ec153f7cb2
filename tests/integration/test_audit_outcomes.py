"""Rows of the trail that no agent writes, or that its agent never ends."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import asyncpg
import pytest

from slate_desktop.control.asset_submission import SubmitOptions
from slate_desktop.domain.assets.kinds import AssetKind
from slate_desktop.domain.audit import AuditCommand, AuditEntry
from slate_desktop.errors import AgentOfflineError, OutcomeUnknownError
from tests.integration.asset_world import AssetWorld, asset_world
from tests.services.nats import AGENT_ID

__all__ = ["asset_world"]  # the fixture ``world``
pytestmark = [pytest.mark.nats, pytest.mark.postgres, pytest.mark.timeout(120)]


async def row_of(world: AssetWorld, action: str, target: str) -> AuditEntry:
    """The only row of an action on something, as its project's person sees it."""
    rows = await world.slate.list_audit(world.project.id)
    found = [row for row in rows if (row.action, row.target) == (action, target)]
    assert len(found) == 1, rows
    return found[0]


async def ended_row(world: AssetWorld, target: str) -> AuditEntry:
    """The row of a stop, once it has its end: a session's row may have it before."""
    async with asyncio.timeout(30):
        while (row := await row_of(world, "session.stop", target)).code is None:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return row


async def forget_agent(world: AssetWorld) -> None:
    """End the agent; nobody has heard of it for a minute."""
    await world.end_agent()
    connection = await asyncpg.connect(world.dsn)
    await connection.execute("update slate_agents set last_seen = now() - interval '1 minute'")
    await connection.close()


async def test_command_that_no_agent_takes_is_noted_and_settled_by_the_agents_return(
    world: AssetWorld,
) -> None:
    session = await world.new_session()
    await world.ask("start", session.id)
    await forget_agent(world)
    with pytest.raises(AgentOfflineError):
        await world.slate.stop_container(session.id)
    row = await row_of(world, "session.stop", session.id)
    assert (row.user_name, row.agent_id) == ("person", AGENT_ID)
    assert (row.code, row.result) == (None, "no answer")
    assert abs((datetime.now(UTC) - row.asked_at).total_seconds()) < 60
    await world.start_agent()
    row = await row_of(world, "session.stop", session.id)
    assert (row.code, row.result) == ("no_answer", "no answer")
    assert row.ended_at is not None


async def test_command_that_was_begun_has_no_answer_until_its_agent_is_back(
    world: AssetWorld,
) -> None:
    session = await world.new_session()
    await world.db.audit.begin(command(world, session.id, "left"), AGENT_ID)
    assert (await row_of(world, "session.stop", session.id)).result == "under way"
    await forget_agent(world)
    assert (await row_of(world, "session.stop", session.id)).result == "no answer"
    await world.start_agent()
    row = await row_of(world, "session.stop", session.id)
    assert (row.result, row.agent_id) == ("unknown", AGENT_ID)


def command(world: AssetWorld, session_id: str, idem: str) -> AuditCommand:
    return AuditCommand(
        project_id=world.project.id, user_id=world.user.id, signer=world.nats.user.public,
        idem=idem, action="session.stop", target=session_id, asked_at=datetime.now(UTC),
    )  # fmt: skip


async def test_late_command_ends_the_row_of_its_unanswered_self(world: AssetWorld) -> None:
    session = await world.new_session()
    await world.ask("start", session.id)
    for _ in range(2):
        await world.person.audit.note_unanswered(session.id, "session.stop", "late")
    assert (await row_of(world, "session.stop", session.id)).result == "no answer"
    await world.ask("stop", session.id, idem="late")
    row = await ended_row(world, session.id)
    assert (row.code, row.agent_id, row.message) == ("ok", AGENT_ID, "")
    # What an agent has noted is not noted again.
    await world.person.audit.note_unanswered(session.id, "session.stop", "late")
    assert (await row_of(world, "session.stop", session.id)).code == "ok"


async def test_answer_that_does_not_come_in_time_is_noted_under_the_commands_key(
    world: AssetWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = await world.new_session()
    await world.ask("start", session.id)

    async def lost(*_: object) -> None:
        raise TimeoutError

    monkeypatch.setattr(world.slate.requester, "send", lost)
    with pytest.raises(OutcomeUnknownError) as unknown:
        await world.slate.stop_container(session.id)
    monkeypatch.undo()
    assert (await row_of(world, "session.stop", session.id)).result == "no answer"
    connection = await asyncpg.connect(world.dsn)
    idem = await connection.fetchval("select idem from slate_audit where code is null")
    # What is older than a command can be has no effect any more.
    await world.db.audit.end_unanswered(AGENT_ID)
    assert (await row_of(world, "session.stop", session.id)).code is None
    await connection.close()
    assert idem == unknown.value.idem
    await world.slate.stop_container(session.id, wait=True, timeout_s=30)
    assert (await ended_row(world, session.id)).code == "ok"


async def test_nobody_notes_for_others_nor_what_is_no_command(world: AssetWorld) -> None:
    stranger = await world.db.users.create("Otto", world.nats.other_user.public)
    foreign = await world.new_session(await world.add_project(stranger))
    own = await world.new_session()
    for session_id, action, idem in (
        (foreign.id, "session.stop", "k"), (own.id, "session.vanish", "k"),
        (own.id, "session.stop", "not a key"), ("none", "session.stop", "k"),
    ):  # fmt: skip
        await world.person.audit.note_unanswered(session_id, action, idem)
    assert [row for row in await world.db.audit.list(limit=50) if row.action != "x"] == []


async def test_asset_job_is_in_the_trail_from_its_submission_to_its_end(world: AssetWorld) -> None:
    world.write("cube.obj")
    await world.slate.pause_assets(world.project.id, AssetKind.MODEL)
    waiting = await world.slate.process_asset("cube.obj", world.project.id)
    row = await row_of(world, "asset.run", waiting.id)
    assert (row.user_name, row.detail, row.result) == ("person", "model cube.obj", "under way")
    await world.slate.cancel_asset_job(waiting.id)
    assert (await row_of(world, "asset.run", waiting.id)).code == "cancelled"
    await world.slate.resume_assets(world.project.id, AssetKind.MODEL)
    done = await world.process("cube.obj")
    row = await row_of(world, "asset.run", done.id)
    assert (row.code, row.agent_id) == ("ok", AGENT_ID)
    # Of what was known already nobody had to do anything.
    again = await world.process("cube.obj")
    assert again.cached
    assert (await row_of(world, "asset.run", again.id)).code == "ok"
    world.write("bad.stl", b"solid nothing")
    bad = await world.process("bad.stl", submit=SubmitOptions(is_forced=True))
    row = await row_of(world, "asset.run", bad.id)
    assert row.code == bad.error_code
    assert row.message == bad.error_message


async def test_build_that_no_host_takes_is_in_the_trail(world: AssetWorld) -> None:
    await world.end_agent()
    fields = {"id": "b1", "project_id": world.project.id, "user_id": world.user.id,
              "build_type": "development", "target_platform": "linux"}  # fmt: skip
    connection = await asyncpg.connect(world.dsn)
    await connection.execute(
        f"insert into slate_build_jobs ({', '.join(fields)}) values ($1, $2, $3, $4, $5)",
        *fields.values(),
    )
    row = await row_of(world, "build.run", "b1")
    assert (row.user_name, row.detail) == ("person", "development for linux")
    assert (row.code, row.result) == (None, "under way")
    await connection.execute("update slate_build_jobs set status = 'cancelled' where id = 'b1'")
    await connection.close()
    assert (await row_of(world, "build.run", "b1")).code == "cancelled"
