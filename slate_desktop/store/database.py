"""The connection pool: every call bounded, every error translated, healed after a restart."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from functools import cache
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import asyncpg
import msgspec

from slate_desktop.errors import DatabaseError, SlateError
from slate_desktop.store.blocks import Block, load_blocks
from slate_desktop.store.errors import AWAY, REPEATABLE, translate
from slate_desktop.store.migrate import load_migrations

if TYPE_CHECKING:
    from slate_desktop.store.agents import Agents
    from slate_desktop.store.alerts import Alerts
    from slate_desktop.store.asset_jobs import AssetJobs
    from slate_desktop.store.assets import Assets
    from slate_desktop.store.audit import Audit
    from slate_desktop.store.brokers import Brokers
    from slate_desktop.store.build_leases import BuildLeases
    from slate_desktop.store.build_presets import BuildPresets
    from slate_desktop.store.builds import Builds
    from slate_desktop.store.logs import Logs
    from slate_desktop.store.objects import NamedByRows
    from slate_desktop.store.projects import Projects
    from slate_desktop.store.quotas import Quotas
    from slate_desktop.store.requests import Requests
    from slate_desktop.store.retention import Retention
    from slate_desktop.store.runs import Runs
    from slate_desktop.store.sessions import Sessions
    from slate_desktop.store.stats import Stats
    from slate_desktop.store.trees import Trees
    from slate_desktop.store.users import Users

Connection = Any  # asyncpg's pool proxy: it has the methods of a connection, but not its type.
Row = Mapping[str, Any]

CONNECT_TIMEOUT_S = 3.0
COMMAND_TIMEOUT_S = 5.0
CALL_TIMEOUT_S = 10.0
CLOSE_TIMEOUT_S = 2.0
READ_ATTEMPTS = 3
_log = logging.getLogger(__name__)
# A module's name, which is the attribute's too, and its class.
_REPOSITORIES = {
    "agents": "Agents",
    "alerts": "Alerts",
    "asset_jobs": "AssetJobs",
    "assets": "Assets",
    "audit": "Audit",
    "brokers": "Brokers",
    "build_leases": "BuildLeases",
    "build_presets": "BuildPresets",
    "builds": "Builds",
    "logs": "Logs",
    "objects": "NamedByRows",
    "projects": "Projects",
    "quotas": "Quotas",
    "requests": "Requests",
    "retention": "Retention",
    "runs": "Runs",
    "sessions": "Sessions",
    "stats": "Stats",
    "trees": "Trees",
    "users": "Users",
}


@cache
def load_queries() -> dict[str, Block]:
    """Read the named blocks of ``queries/*.sql`` once."""
    return load_blocks(Path(__file__).parent / "queries")


class Database:
    """PostgreSQL as the rest of the program sees it: repositories of plain values.

    Attributes:
        users, projects, agents, sessions, logs, builds, build_leases, build_presets, assets,
            asset_jobs, requests, stats, runs, retention, alerts, quotas: one per kind of row.
    """

    agents: Agents
    alerts: Alerts
    asset_jobs: AssetJobs
    assets: Assets
    audit: Audit
    brokers: Brokers
    build_leases: BuildLeases
    build_presets: BuildPresets
    builds: Builds
    logs: Logs
    projects: Projects
    quotas: Quotas
    requests: Requests
    retention: Retention
    runs: Runs
    sessions: Sessions
    stats: Stats
    trees: Trees
    users: Users
    objects: NamedByRows

    def __init__(self, pool: asyncpg.Pool) -> None:
        """Use ``Database.connect``."""
        self._pool = pool
        self._queries = load_queries()
        self._is_available = True

    def __getattr__(self, name: str) -> Any:
        """Make a repository when it is first asked for: a client needs four of them to begin."""
        home = _REPOSITORIES.get(name)
        if home is None:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        module = import_module(f"slate_desktop.store.{name}")
        repository = getattr(module, home)(self)
        setattr(self, name, repository)
        return repository

    @classmethod
    async def connect(
        cls,
        dsn: str,
        *,
        application_name: str = "slate",
        min_size: int = 1,
        max_size: int = 4,
    ) -> Self:
        """Open a pool.

        Args:
            dsn: ``postgresql://…``; a Unix socket directory stands in ``?host=``.
            application_name: shown in ``pg_stat_activity``.
            min_size: connections that are kept open.
            max_size: connections at most.

        Raises:
            DatabaseError: the server is away, or refuses the login.
        """
        try:
            pool = await asyncio.wait_for(
                asyncpg.create_pool(
                    dsn,
                    min_size=min_size,
                    max_size=max_size,
                    timeout=CONNECT_TIMEOUT_S,
                    command_timeout=COMMAND_TIMEOUT_S,
                    max_inactive_connection_lifetime=60,
                    init=prepare_connection,
                    reset=_leave_as_it_is,
                    server_settings={
                        "application_name": application_name[:63],
                        "statement_timeout": "5000",
                        "lock_timeout": "2000",
                        "idle_in_transaction_session_timeout": "15000",
                    },
                ),
                CALL_TIMEOUT_S,
            )
        except (*AWAY, asyncpg.PostgresError, ValueError, OverflowError) as exc:
            raise _as_database_error(translate(exc)) from exc
        return cls(pool)

    @property
    def is_available(self) -> bool:
        """Whether the last call reached the server."""
        return self._is_available

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the pool; bounded, since a server that hangs would hold it for ever."""
        try:
            await asyncio.wait_for(self._pool.close(), CLOSE_TIMEOUT_S)
        except (*AWAY, asyncpg.PostgresError):
            self._pool.terminate()

    async def ping(self) -> float:
        """Return the seconds that a trivial query takes; raises ``DatabaseError``."""
        begin = asyncio.get_running_loop().time()
        async with self.connection() as connection:
            await connection.fetchval("select 1")
        return asyncio.get_running_loop().time() - begin

    async def clock(self) -> datetime:
        """Return the server's time; raises ``DatabaseError``."""
        async with self.connection() as connection:
            return await connection.fetchval("select clock_timestamp()")

    async def check_schema(self) -> None:
        """Make sure that the database has this program's schema.

        Raises:
            DatabaseError: it is older or newer; the message says which and what to do.
        """
        wanted = len(load_migrations())
        try:
            found = await self.value("get_schema_version")
        except DatabaseError as error:
            if not isinstance(error.__cause__, asyncpg.UndefinedTableError):
                raise
            found = 0
        if found < wanted:
            raise DatabaseError(
                f"The database has schema {found}; this program needs {wanted}.",
                hint="Run: slate migrate",
            )
        if found > wanted:
            raise DatabaseError(
                f"The database has schema {found}, newer than this program's {wanted}.",
                hint="Update SLATE on this machine.",
            )

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Lend a connection; what it raises is translated, and the whole use is bounded."""
        try:
            async with asyncio.timeout(CALL_TIMEOUT_S):
                async with self._pool.acquire(timeout=CONNECT_TIMEOUT_S) as connection:
                    yield connection
        except SlateError:
            raise
        except (*AWAY, asyncpg.PostgresError, ValueError, TypeError, OverflowError) as exc:
            error = translate(exc)
            self._note(is_available=not isinstance(exc, AWAY))
            raise error from exc
        self._note(is_available=True)

    async def one(self, query: str, **params: Any) -> Row | None:
        """Run a block that gives one row or none; a read is repeated after a lost connection."""
        return await self._call(query, params)

    async def many(self, query: str, **params: Any) -> list[Row]:
        """Run a block that gives rows."""
        return await self._call(query, params, is_many=True)

    async def value(self, query: str, **params: Any) -> Any:
        """Run a block that gives one value or None."""
        return await self._call(query, params)

    async def run(self, query: str, **params: Any) -> None:
        """Run a block that gives nothing."""
        await self._call(query, params)

    async def on(self, connection: Connection, query: str, **params: Any) -> Any:
        """Run a block on a connection that ``connection()`` lent: inside a transaction."""
        return await self._queries[query].run(connection, params)

    async def _call(self, query: str, params: dict[str, Any], *, is_many: bool = False) -> Any:
        is_read = query.startswith(
            ("get_", "find_", "list_", "active_", "count_", "page_", "role_")
        )
        attempts = READ_ATTEMPTS if is_read else 1
        for attempt in range(1, attempts + 1):
            try:
                async with self.connection() as connection:
                    result = await self.on(connection, query, **params)
                    return list(result) if is_many else result
            except DatabaseError as error:
                # A pool has one stale connection per slot after the server was restarted.
                if attempt == attempts or not isinstance(error.__cause__, REPEATABLE):
                    raise
                await asyncio.sleep(random.uniform(0, 0.05 * 2**attempt))  # noqa: S311 — jitter
        raise AssertionError("unreachable")

    def _note(self, *, is_available: bool) -> None:
        if is_available != self._is_available:
            self._is_available = is_available
            if is_available:
                _log.info("the database answers again")
            else:
                _log.warning("the database does not answer")


async def _leave_as_it_is(_connection: Connection) -> None:
    """Send nothing when a connection goes back; asyncpg itself has rolled back what was open.

    No query of ours changes a setting, takes a session's lock or listens, and the usual RESET ALL
    would cost every call another way to the server.
    """


async def prepare_connection(connection: Connection) -> None:
    """Read and write jsonb as Python values, in the binary form that COPY wants too.

    Its first byte is the version of the form, 1.
    Source: https://www.postgresql.org/docs/current/protocol.html, jsonb_recv in jsonb.c
    """
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        encoder=lambda value: b"\x01" + msgspec.json.encode(value),
        decoder=lambda data: msgspec.json.decode(data[1:]),
        format="binary",
    )


def _as_database_error(error: SlateError) -> DatabaseError:
    if isinstance(error, DatabaseError):
        return error
    return DatabaseError(f"The database cannot be used: {error}", hint="Check its address.")
