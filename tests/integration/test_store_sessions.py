"""Sessions on a real PostgreSQL: intents, the recorder's compare-and-set, and the triggers."""

from __future__ import annotations

import asyncio
import itertools

import asyncpg
import pytest

from slate_desktop.domain.session import LEGAL_MOVES, SessionStatus
from slate_desktop.errors import CommandError, ErrorCode, StaleWriteError
from slate_desktop.store.database import Database
from tests.integration.store_rows import claim, make_project, make_session
from tests.services.postgres import PUBKEY, PostgresDsn

pytestmark = pytest.mark.postgres
S = SessionStatus


async def test_create_gives_a_row_in_creating(database: Database) -> None:
    session_id = await make_session(database, memory="4g")
    row = await database.sessions.get(session_id)
    assert (row.status, row.version, row.attempt) == (S.CREATING, 1, 0)
    assert row.container_config == {"memory": "4g"}
    assert row.created_at.tzinfo is not None


async def test_create_is_refused_for_an_unknown_project(database: Database) -> None:
    user = await database.users.create("Ann", PUBKEY)
    with pytest.raises(CommandError) as info:
        await database.sessions.create(project_id="p", user_id=user.id, runtime_type="godot")
    assert info.value.code is ErrorCode.NOT_FOUND


async def test_get_is_not_found_for_an_unknown_and_a_deleted_session(database: Database) -> None:
    session_id = await make_session(database)
    await database.sessions.delete(session_id)
    for unknown in (session_id, "other"):
        with pytest.raises(CommandError) as info:
            await database.sessions.get(unknown)
        assert info.value.code is ErrorCode.NOT_FOUND


async def test_list_pages_by_keyset_and_filters(database: Database) -> None:
    project_id, user_id = await make_project(database)
    ids = []
    for _ in range(7):
        row = await database.sessions.create(
            project_id=project_id, user_id=user_id, runtime_type="custom"
        )
        ids.append(row.id)
    first = await database.sessions.list(project_id=project_id, limit=4)
    rest = await database.sessions.list(project_id=project_id, before=first[-1], limit=4)
    assert [row.id for row in first + rest] == ids[::-1]
    assert await database.sessions.list(statuses=[S.RUNNING]) == []
    assert len(await database.sessions.list(member=user_id)) == 7
    assert await database.sessions.list(member="nobody") == []
    assert [r.id for r in await database.sessions.find(ids[0][:30])] == [ids[0]]


async def test_active_sessions_leave_ended_ones_out(database: Database) -> None:
    session_id = await make_session(database)
    assert [row.id for row in await database.sessions.active()] == [session_id]
    assert await database.sessions.count_live() == 0
    row = await claim(database, session_id)
    assert await database.sessions.count_live() == 1
    await database.sessions.move(session_id, S.FAILED, attempt=1, epoch=row.agent_epoch or 0)
    assert await database.sessions.active() == []


async def test_config_changes_only_while_not_live(database: Database) -> None:
    session_id = await make_session(database)
    row = await database.sessions.update_config(session_id, {"cpus": 2})
    assert (row.container_config, row.version) == ({"cpus": 2}, 2)
    with pytest.raises(StaleWriteError):
        await database.sessions.update_config(session_id, {}, version=1)
    await claim(database, session_id)
    with pytest.raises(CommandError) as info:
        await database.sessions.update_config(session_id, {"cpus": 4})
    assert info.value.code is ErrorCode.ILLEGAL_STATE
    with pytest.raises(CommandError) as info:
        await database.sessions.delete(session_id)
    assert info.value.code is ErrorCode.ILLEGAL_STATE


async def test_a_whole_life_keeps_times_exit_code_and_attempts(database: Database) -> None:
    session_id = await make_session(database)
    row = await claim(database, session_id)
    epoch = row.agent_epoch or 0
    assert (row.status, row.attempt, row.desired) == (S.STARTING, 1, "running")
    row = await database.sessions.move(
        session_id, S.RUNNING, attempt=1, epoch=epoch, container_id="c1"
    )
    assert row.started_at is not None
    row = await database.sessions.move(session_id, S.STOPPING, attempt=1, epoch=epoch)
    row = await database.sessions.move(
        session_id, S.STOPPED, attempt=1, epoch=epoch, exit_code=0, log_complete=True
    )
    assert row.stopped_at is not None
    assert (row.exit_code, row.log_complete, row.container_id) == (0, True, "c1")
    row = await claim(database, session_id, epoch=epoch)
    assert (row.attempt, row.exit_code, row.container_id, row.log_complete) == (
        2,
        None,
        None,
        False,
    )
    assert (row.started_at, row.stopped_at) == (None, None)


async def test_only_one_of_many_claims_wins(postgres_dsn: PostgresDsn) -> None:
    async with await Database.connect(postgres_dsn, max_size=8) as db:
        session_id = await make_session(db)
        agent = await db.agents.register("a1", name="host", pubkey=None, capabilities={})
        results = await asyncio.gather(
            *(
                db.sessions.claim(
                    session_id,
                    version=1,
                    agent_id="a1",
                    epoch=agent.epoch,
                    driver="process",
                    container_name="c",
                )
                for _ in range(8)
            ),
            return_exceptions=True,
        )
        assert sum(isinstance(r, StaleWriteError) for r in results) == 7
        assert (await db.sessions.get(session_id)).attempt == 1


async def test_a_move_loses_with_an_older_epoch_or_attempt(database: Database) -> None:
    session_id = await make_session(database)
    row = await claim(database, session_id)
    epoch = row.agent_epoch or 0
    newer = await database.agents.register("a1", name="host", pubkey=None, capabilities={})
    adopted = await database.sessions.adopt(
        session_id, agent_id="a1", old_epoch=epoch, epoch=newer.epoch
    )
    assert adopted.agent_epoch == newer.epoch
    for attempt, stale in ((1, epoch), (2, newer.epoch)):
        with pytest.raises(StaleWriteError):
            await database.sessions.move(session_id, S.RUNNING, attempt=attempt, epoch=stale)
    with pytest.raises(StaleWriteError):
        await database.sessions.adopt(
            session_id, agent_id="other", old_epoch=newer.epoch, epoch=newer.epoch
        )


async def test_an_illegal_move_is_a_stale_write(database: Database) -> None:
    session_id = await make_session(database)
    row = await claim(database, session_id)
    epoch = row.agent_epoch or 0
    await database.sessions.move(session_id, S.FAILED, attempt=1, epoch=epoch)
    with pytest.raises(StaleWriteError):
        await database.sessions.move(session_id, S.RUNNING, attempt=1, epoch=epoch)


async def test_unclaimed_sessions_fail_and_orphans_are_lost(database: Database) -> None:
    session_id = await make_session(database)
    assert await database.sessions.fail_unclaimed(900) == []
    row = await claim(database, session_id)
    assert await database.sessions.lose_orphaned("a2", 180) == []
    lost = await database.sessions.lose_orphaned("a2", 0)
    assert [r.status for r in lost] == [S.LOST]
    back = await database.sessions.adopt(
        session_id, agent_id="a1", old_epoch=row.agent_epoch or 0, epoch=row.agent_epoch or 0
    )
    assert back.status is S.RUNNING
    other = await database.sessions.create(
        project_id=row.project_id, user_id=row.user_id, runtime_type="custom"
    )
    failed = await database.sessions.fail_unclaimed(0)
    assert [(r.id, r.error_code) for r in failed] == [(other.id, "no_agent")]


async def test_stop_before_start_needs_the_version(database: Database) -> None:
    session_id = await make_session(database)
    with pytest.raises(StaleWriteError):
        await database.sessions.stop_unstarted(session_id, version=9)
    row = await database.sessions.stop_unstarted(session_id, version=1)
    assert row.status is S.STOPPED


async def test_sessions_of_an_agent_include_the_live_ones(database: Database) -> None:
    session_id = await make_session(database)
    await claim(database, session_id)
    assert [row.id for row in await database.sessions.of_agent("a1")] == [session_id]
    assert await database.sessions.of_agent("a2") == []


async def test_the_trigger_holds_exactly_the_legal_moves(postgres_dsn: PostgresDsn) -> None:
    connection = await asyncpg.connect(postgres_dsn)
    try:
        for old, new in itertools.product(S, S):
            is_legal = await connection.fetchval(
                "select slate_session_move_is_legal($1, $2)", old.value, new.value
            )
            assert is_legal == (old is new or new in LEGAL_MOVES[old]), (old, new)
    finally:
        await connection.close()


async def test_the_trigger_refuses_an_illegal_move_of_anybody(
    database: Database, postgres_dsn: PostgresDsn
) -> None:
    session_id = await make_session(database)
    connection = await asyncpg.connect(postgres_dsn)
    try:
        with pytest.raises(asyncpg.CheckViolationError):
            await connection.execute(
                "update slate_runtime_sessions set status = 'running' where id = $1", session_id
            )
        await connection.execute(
            "update slate_runtime_sessions set version = 77 where id = $1", session_id
        )
        assert (await database.sessions.get(session_id)).version == 2
    finally:
        await connection.close()


@pytest.mark.parametrize("bad", ["-x", "a b", "a\n", "x" * 65, "../x"])
async def test_a_bad_id_is_refused(database: Database, bad: str) -> None:
    project_id, user_id = await make_project(database)
    with pytest.raises(CommandError) as info:
        await database.sessions.create(
            project_id=project_id, user_id=user_id, runtime_type="godot", session_id=bad
        )
    assert info.value.code is ErrorCode.BAD_REQUEST
