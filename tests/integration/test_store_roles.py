"""What the logins of desktop and agent may do, and what they are refused."""

from __future__ import annotations

import asyncpg
import pytest

from slate_desktop.domain.build import BuildStatus
from slate_desktop.domain.roles import Role
from slate_desktop.domain.session import SessionStatus
from slate_desktop.errors import CommandError, ErrorCode
from slate_desktop.store.database import Database
from slate_desktop.wire.keys import SigningKey
from tests.integration.store_rows import claim, make_session, record
from tests.services.postgres import PostgresDsn

pytestmark = pytest.mark.postgres

REFUSED_TO_USERS = (
    "update slate_runtime_sessions set status = 'starting'",
    "update slate_runtime_sessions set agent_id = null, version = 9",
    "delete from slate_runtime_sessions",
    "insert into slate_runtime_sessions (id, project_id, user_id, runtime_type, status)"
    " select 'x', project_id, user_id, 'custom', 'running' from slate_runtime_sessions",
    "update slate_runtime_logs set message = ''",
    "delete from slate_runtime_logs",
    "insert into slate_users (id, name, pubkey) values ('x', 'x', 'U')",
    "update slate_users set revoked_at = now()",
    "update slate_projects set owner_id = owner_id",
    "update slate_project_members set user_id = user_id",
    "delete from slate_project_members",
    "update slate_agents set pubkey = null",
    "update slate_users set is_admin = true",
    "select slate_note(null, 'x.y', 'x', 'x')",
    "insert into slate_audit (user_name, signer, idem, agent_id, action, target, asked_at)"
    " values ('x', 'x', 'x', 'x', 'x.y', 'x', now())",
    "update slate_agents set epoch = 1",
    "insert into slate_requests values ('a', 'b', 'c', 'd')",
    "insert into slate_runtime_stats (session_id, bucket) values ('x', now())",
    "create table public.evil (x int)",
    "alter table slate_runtime_sessions disable trigger all",
    "drop table slate_runtime_logs",
    "set role slate_agent",
    "select pg_read_file('/etc/passwd')",
    "copy slate_users to program 'cat'",
)


async def test_a_user_may_do_its_own_things(database: Database, postgres_dsn: PostgresDsn) -> None:
    session_id = await make_session(database)
    row = await database.sessions.get(session_id)
    async with await Database.connect(postgres_dsn.user) as db:
        own = await db.sessions.create(
            project_id=row.project_id, user_id=row.user_id, runtime_type="godot"
        )
        await db.sessions.update_config(own.id, {"cpus": 1})
        assert (await db.logs.add(own.id, "info", "hello")).seq == 1
        await db.sessions.delete(own.id)
        build = await db.builds.create(
            project_id=row.project_id,
            user_id=row.user_id,
            build_type="staging",
            target_platform="webgl",
        )
        await db.builds.update(build.id, status=BuildStatus.BUILDING, progress=5)
        await db.builds.update(build.id, status=BuildStatus.CANCELLED)
        await db.builds.delete(build.id)
        project = await db.projects.add(
            name="Mine", owner_id=row.user_id, root="/games/mine", engine="custom", command=["x"]
        )
        await db.projects.update(project.id, name="Ours", settings={"cpus": 1})
        await db.projects.remove(project.id)
        assert await db.agents.list() == []
        assert await db.requests.get("a", "b") is None


@pytest.mark.parametrize("statement", REFUSED_TO_USERS)
async def test_a_user_is_refused(
    database: Database, postgres_dsn: PostgresDsn, statement: str
) -> None:
    await make_session(database)
    connection = await asyncpg.connect(postgres_dsn.user)
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    finally:
        await connection.close()


async def test_members_and_hosts_are_a_persons_only_where_the_login_is_theirs(
    database: Database, postgres_dsn: PostgresDsn
) -> None:
    session_id = await make_session(database)
    project_id = (await database.sessions.get(session_id)).project_id
    await database.agents.register("a1", name="a1", pubkey=None, capabilities={})
    async with await Database.connect(postgres_dsn.user) as db:
        # One person alone, as in the embedded stack, does as they like.
        await db.agents.cordon("a1", is_cordoned=True, reason="tidying")
        assert (await db.agents.get("a1")).cordon_reason == "tidying"
        other = await database.users.create("other", SigningKey.generate().public)
        # A login that several share is nobody's.
        for change in (
            db.projects.set_member(project_id, other.id, Role.VIEWER),
            db.agents.cordon("a1", is_cordoned=False),
        ):
            with pytest.raises(CommandError) as caught:
                await change
            assert caught.value.code is ErrorCode.FORBIDDEN
    noted = [row.action for row in await database.audit.list(limit=10)]
    assert noted == ["host.cordon"]


async def test_a_refusal_is_the_error_forbidden(
    database: Database, postgres_dsn: PostgresDsn
) -> None:
    session_id = await make_session(database)
    async with await Database.connect(postgres_dsn.user) as db:
        with pytest.raises(CommandError) as info:
            await claim(db, session_id, epoch=1)
    assert info.value.code is ErrorCode.FORBIDDEN


async def test_an_agent_may_do_what_the_recorder_needs(
    database: Database, postgres_dsn: PostgresDsn
) -> None:
    session_id = await make_session(database)
    async with await Database.connect(postgres_dsn.agent) as db:
        row = await claim(db, session_id)
        epoch = row.agent_epoch or 0
        await db.agents.seen("a1", epoch=epoch, capabilities={})
        await db.logs.append(session_id, [record(1)], epoch=epoch)
        await db.logs.append(session_id, [record(i) for i in range(2, 3_000)], epoch=epoch)
        await db.sessions.move(session_id, SessionStatus.STOPPED, attempt=1, epoch=epoch)
        assert await db.requests.begin("U", "k", subject="s", body_sha="0", epoch=1) is None
        await db.requests.finish("U", "k", b"{}")
        await db.requests.prune(0)
        assert await db.sessions.fail_unclaimed(900) == []
        assert await db.sessions.lose_orphaned("a2", 180) == []
