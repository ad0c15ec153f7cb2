"""The database goes away and comes back: errors are named, the pool heals, calls end."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from slate_desktop.errors import DatabaseError
from slate_desktop.store.database import Database
from slate_desktop.store.migrate import migrate
from tests.integration.store_rows import claim, make_session, record
from tests.services.postgres import PASSWORD, RealPostgres

pytestmark = [pytest.mark.postgres, pytest.mark.fault]


async def ask_until_refused(db: Database, session_id: str) -> None:
    """Ask on: the postmaster is gone, but a backend may answer once more before it notices."""
    async with asyncio.timeout(40):
        while True:
            await db.sessions.get(session_id)
            await asyncio.sleep(0.01)


async def test_the_pool_heals_after_a_killed_server(own_postgres: RealPostgres) -> None:
    dsn = own_postgres.server.dsn(own_postgres.create())
    async with await Database.connect(dsn, min_size=2) as db:
        session_id = await make_session(db)
        row = await claim(db, session_id)
        await db.logs.append(session_id, [record(1)], epoch=row.agent_epoch or 0)
        # Two connections are open and both become stale.
        await asyncio.gather(*(db.sessions.get(session_id) for _ in range(4)))
        await asyncio.to_thread(own_postgres.kill)
        with pytest.raises(DatabaseError):
            await ask_until_refused(db, session_id)
        assert not db.is_available
        await asyncio.to_thread(own_postgres.start)
        found = await asyncio.gather(*(db.sessions.get(session_id) for _ in range(4)))
        assert {r.version for r in found} == {row.version}
        assert db.is_available
        await db.logs.append(session_id, [record(1), record(2)], epoch=row.agent_epoch or 0)
        assert [line.seq for line in (await db.logs.page(session_id)).lines] == [1, 2]


async def test_closing_is_bounded_when_the_server_hangs(own_postgres: RealPostgres) -> None:
    db = await Database.connect(own_postgres.server.dsn("postgres"))
    child = own_postgres.server.process
    assert child is not None
    async with db.connection() as connection:
        backend = await connection.fetchval("select pg_backend_pid()")
    os.kill(backend, signal.SIGSTOP)
    try:
        async with asyncio.timeout(20):
            await db.aclose()
    finally:
        os.kill(backend, signal.SIGCONT)


async def test_a_login_without_createrole_migrates_where_roles_are_missing(
    own_postgres: RealPostgres,
) -> None:
    own_postgres.execute(
        "drop database slate_template",
        "drop role test_user, test_agent, slate_user, slate_agent",
        f"create role keeper login password '{PASSWORD}'",
        "create database kept owner keeper",
    )
    dsn = own_postgres.server.dsn("kept", user="keeper", password=PASSWORD)
    await asyncio.to_thread(own_postgres.run, migrate(dsn))
    async with await Database.connect(dsn) as db:
        assert (await db.sessions.get(await make_session(db))).version == 1
