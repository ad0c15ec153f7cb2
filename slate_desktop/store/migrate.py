"""Applies ``migrations/NNN_name.sql``: in order, each in one transaction, under one lock.

Twice is harmless; a database that knows migrations of a later version is refused, and so is a file
that was changed after it was applied.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from pathlib import Path

import asyncpg
import msgspec

from slate_desktop.errors import DatabaseError
from slate_desktop.settings.paths import migrations_path
from slate_desktop.store.errors import AWAY, translate

# The key of the advisory lock; any constant will do that nobody else uses.
LOCK_KEY = 0x51A7E
LOCK_TIMEOUT_S = 60.0
_NAME = re.compile(r"(\d{3})_[a-z0-9_]+\.sql")
_TABLE = """
create table if not exists slate_schema_migrations (
    number integer primary key,
    name text not null,
    sha256 text not null,
    applied_at timestamptz not null default now()
)"""


class Migration(msgspec.Struct, frozen=True, kw_only=True):
    """One file."""

    number: int
    name: str
    sql: str
    sha256: str


class MigrationReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a database has: ``applied`` just now, ``pending`` still to come, ``version`` reached."""

    version: int
    applied: list[str] = []
    pending: list[str] = []


def load_migrations(directory: Path | None = None) -> list[Migration]:
    """Read the files in order; raises ``DatabaseError`` for a gap or a wrong name."""
    found = []
    for path in sorted((directory or migrations_path()).glob("*.sql")):
        match = _NAME.fullmatch(path.name)
        if match is None or int(match[1]) != len(found) + 1:
            raise DatabaseError(f"{path.name} does not follow migration {len(found):03}.")
        sql = path.read_text(encoding="utf-8")
        digest = hashlib.sha256(sql.encode()).hexdigest()
        found.append(Migration(number=int(match[1]), name=path.name, sql=sql, sha256=digest))
    return found


async def migrate(dsn: str, *, directory: Path | None = None) -> MigrationReport:
    """Bring a database to this program's schema.

    Args:
        dsn: of a login that may create tables.
        directory: of the files; the program's own by default.

    Raises:
        DatabaseError: away, login refused, newer schema, changed file, or a statement failed.
    """
    wanted = load_migrations(directory)
    connection = await _connect(dsn)
    try:
        await _lock(connection)
        await connection.execute(_TABLE)
        known = await _known(connection)
        _check(wanted, known)
        applied = []
        for migration in wanted[len(known) :]:
            await _apply(connection, migration)
            applied.append(migration.name)
        return MigrationReport(version=len(wanted), applied=applied)
    except (*AWAY, asyncpg.PostgresError) as exc:
        raise _failed(exc) from exc
    finally:
        await _close(connection)


async def status(dsn: str, *, directory: Path | None = None) -> MigrationReport:
    """Tell what a database has; raises like ``migrate`` and changes nothing."""
    wanted = load_migrations(directory)
    connection = await _connect(dsn)
    try:
        has_table = await connection.fetchval("select to_regclass('slate_schema_migrations')")
        known = await _known(connection) if has_table else []
        _check(wanted, known)
        return MigrationReport(version=len(known), pending=[m.name for m in wanted[len(known) :]])
    except (*AWAY, asyncpg.PostgresError) as exc:
        error = translate(exc)
        raise DatabaseError(str(error), hint=error.hint) from exc
    finally:
        await _close(connection)


async def _connect(dsn: str) -> asyncpg.Connection:
    try:
        return await asyncio.wait_for(asyncpg.connect(dsn, timeout=5), 10)
    except (*AWAY, asyncpg.PostgresError, ValueError) as exc:
        error = translate(exc)
        raise DatabaseError(str(error), hint=error.hint) from exc


async def _close(connection: asyncpg.Connection) -> None:
    try:
        await asyncio.wait_for(connection.close(), 2)
    except (*AWAY, asyncpg.PostgresError):
        connection.terminate()


async def _lock(connection: asyncpg.Connection) -> None:
    """Wait until nobody else migrates; the lock goes with the connection."""
    deadline = asyncio.get_running_loop().time() + LOCK_TIMEOUT_S
    while not await connection.fetchval("select pg_try_advisory_lock($1)", LOCK_KEY):
        if asyncio.get_running_loop().time() > deadline:
            raise DatabaseError("Somebody else has been migrating this database for a minute.")
        await asyncio.sleep(0.1)


async def _known(connection: asyncpg.Connection) -> list[tuple[int, str, str]]:
    rows = await connection.fetch(
        "select number, name, sha256 from slate_schema_migrations order by number"
    )
    return [(row["number"], row["name"], row["sha256"]) for row in rows]


def _check(wanted: list[Migration], known: list[tuple[int, str, str]]) -> None:
    if len(known) > len(wanted):
        raise DatabaseError(
            f"The database has schema {known[-1][0]}, newer than this program's {len(wanted)}.",
            hint="Update SLATE on this machine.",
        )
    for migration, (number, name, sha256) in zip(wanted, known, strict=False):
        if number != migration.number or sha256 != migration.sha256:
            raise DatabaseError(
                f"Migration {name} was changed after it was applied to this database.",
                hint="Restore the file, and put the change into a new migration.",
            )


async def _apply(connection: asyncpg.Connection, migration: Migration) -> None:
    async with connection.transaction():
        await connection.execute(migration.sql)
        await connection.execute(
            "insert into slate_schema_migrations (number, name, sha256) values ($1, $2, $3)",
            migration.number,
            migration.name,
            migration.sha256,
        )


def _failed(exc: BaseException) -> DatabaseError:
    if isinstance(exc, AWAY):
        return DatabaseError("The database went away while it was being migrated.")
    return DatabaseError(f"The migration failed and was undone: {exc}")
