"""Migrations on a real PostgreSQL: once each, together, and never backwards."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import asyncpg
import pytest

from slate_desktop.errors import DatabaseError
from slate_desktop.settings.paths import migrations_path
from slate_desktop.store import Database
from slate_desktop.store.migrate import load_migrations, migrate, status
from tests.services.postgres import PASSWORD, PostgresDsn, RealPostgres

pytestmark = pytest.mark.postgres
COUNT = len(load_migrations())


@pytest.fixture
def files(tmp_path: Path) -> Path:
    return Path(shutil.copytree(migrations_path(), tmp_path / "migrations"))


async def test_migrate_twice_changes_nothing(empty_dsn: PostgresDsn) -> None:
    assert len((await status(empty_dsn)).pending) == COUNT
    first = await migrate(empty_dsn)
    assert (first.version, len(first.applied)) == (COUNT, COUNT)
    second = await migrate(empty_dsn)
    assert (second.version, second.applied) == (COUNT, [])
    assert (await status(empty_dsn)).pending == []


async def test_many_at_once_apply_each_file_once(empty_dsn: PostgresDsn) -> None:
    reports = await asyncio.gather(*(migrate(empty_dsn) for _ in range(4)))
    assert sorted(len(report.applied) for report in reports) == [0, 0, 0, COUNT]


async def test_a_newer_schema_is_refused(empty_dsn: PostgresDsn, files: Path) -> None:
    (files / f"{COUNT + 1:03}_more.sql").write_text("create table more (x int);")
    assert (await migrate(empty_dsn, directory=files)).version == COUNT + 1
    for call in (migrate, status):
        with pytest.raises(DatabaseError, match="newer than this program"):
            await call(empty_dsn)


async def test_a_changed_file_is_refused(empty_dsn: PostgresDsn, files: Path) -> None:
    await migrate(empty_dsn, directory=files)
    with (files / "001_core.sql").open("a") as file:
        file.write("-- changed\n")
    with pytest.raises(DatabaseError, match="changed after it was applied"):
        await migrate(empty_dsn, directory=files)


async def test_a_failing_file_leaves_nothing_of_itself(empty_dsn: PostgresDsn, files: Path) -> None:
    bad = f"{COUNT + 1:03}_bad.sql"
    (files / bad).write_text("create table half (x int); select 1/0;")
    with pytest.raises(DatabaseError, match="undone"):
        await migrate(empty_dsn, directory=files)
    assert (await status(empty_dsn, directory=files)).pending == [bad]
    connection = await asyncpg.connect(empty_dsn)
    try:
        assert await connection.fetchval("select to_regclass('half')") is None
    finally:
        await connection.close()


async def test_a_login_that_may_not_make_roles_can_migrate(
    postgres: RealPostgres, empty_dsn: PostgresDsn
) -> None:
    name = empty_dsn.split("/")[3].split("?")[0]
    postgres.execute(
        f"create role {name}_owner login password '{PASSWORD}'",
        f"alter database {name} owner to {name}_owner",
    )
    dsn = postgres.server.dsn(name, user=f"{name}_owner", password=PASSWORD)
    assert (await migrate(dsn)).version == COUNT


def test_a_gap_in_the_numbers_is_refused(files: Path) -> None:
    (files / "001_core.sql").unlink()
    with pytest.raises(DatabaseError):
        load_migrations(files)


@pytest.mark.parametrize("block", ["wrong password", "no database", "no server"])
async def test_an_address_that_does_not_work_is_named(
    postgres: RealPostgres, tmp_path: Path, block: str
) -> None:
    dsn = {
        "wrong password": postgres.server.dsn("postgres", password="wrong"),
        "no database": postgres.server.dsn("nothing"),
        "no server": f"postgresql://u:p@/x?host={tmp_path}",
    }[block]
    with pytest.raises(DatabaseError):
        await migrate(dsn)


async def test_schema_check_names_an_older_and_a_newer_database(
    postgres_dsn: PostgresDsn, empty_dsn: PostgresDsn
) -> None:
    async with await Database.connect(str(postgres_dsn)) as db:
        await db.check_schema()
        async with db.connection() as connection:
            await connection.execute(
                "insert into slate_schema_migrations (number, name, sha256) "
                "values (999, '999_later.sql', 'x')"
            )
        with pytest.raises(DatabaseError, match="newer than this program"):
            await db.check_schema()
    async with await Database.connect(str(empty_dsn)) as db:
        with pytest.raises(DatabaseError, match="has schema 0"):
            await db.check_schema()
