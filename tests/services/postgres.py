"""A real PostgreSQL for tests: one server, one migrated template, and a database per test."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import pytest

from slate_desktop.errors import StackError
from slate_desktop.stack.postgres_server import PostgresServer
from slate_desktop.store.database import Database
from slate_desktop.store.migrate import migrate

T = TypeVar("T")
TEMPLATE = "slate_template"
USER_LOGIN = "test_user"
AGENT_LOGIN = "test_agent"
PASSWORD = "only for tests"
PUBKEY = "U" + "A" * 55
# Tests make and drop many small databases; they have to outlive the server, not the machine.
FAST = {
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
}
_numbers = itertools.count(1)


class RealPostgres:
    """A server that lives in a thread of its own, so that synchronous fixtures can hold it."""

    def __init__(self, directory: Path, options: Mapping[str, str] | None = None) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="postgres")
        self._thread.start()
        self.server = PostgresServer(
            directory / "pg",
            password=PASSWORD,
            log_file=directory / "postgres.log",
            options=FAST if options is None else options,
        )

    def run(self, coro: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coro, self._loop).result(180)

    def start(self) -> None:
        self.run(self.server.start())

    def stop(self) -> None:
        self.run(self.server.stop())

    def kill(self) -> None:
        """Kill the postmaster as a crash would; its children notice and end."""
        child = self.server.process
        assert child is not None
        child.kill()
        self.run(child.wait())

    def close(self) -> None:
        try:
            self.stop()
            shutil.rmtree(self.server.home.root, ignore_errors=True)
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def execute(self, *statements: str, database: str = "postgres") -> None:
        self.run(self._execute(statements, database))

    async def _execute(self, statements: tuple[str, ...], database: str) -> None:
        connection = await asyncpg.connect(self.server.dsn(database), timeout=60)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    def make_template(self) -> None:
        self.execute(f"create database {TEMPLATE}")
        self.run(migrate(self.server.dsn(TEMPLATE)))
        self.execute(
            f"create role {USER_LOGIN} login password '{PASSWORD}' in role slate_user",
            f"create role {AGENT_LOGIN} login password '{PASSWORD}' in role slate_agent",
        )

    def create(self, template: str = TEMPLATE) -> str:
        name = f"t{next(_numbers)}"
        self.execute(f"create database {name} template {template}")
        return name

    def drop(self, name: str) -> None:
        self.execute(f"drop database if exists {name} with (force)")


class PostgresDsn(str):
    """The address of a test's own database as its administrator; and as the two roles."""

    user: str
    agent: str

    @classmethod
    def of(cls, server: PostgresServer, name: str) -> PostgresDsn:
        dsn = cls(server.dsn(name))
        dsn.user = server.dsn(name, user=USER_LOGIN, password=PASSWORD)
        dsn.agent = server.dsn(name, user=AGENT_LOGIN, password=PASSWORD)
        return dsn


def _make(directory: Path) -> RealPostgres:
    from tests.conftest import require_service

    real = RealPostgres(directory)
    try:
        real.start()
    except StackError as exc:
        real._loop.call_soon_threadsafe(real._loop.stop)
        real._thread.join()
        require_service("postgres", str(exc))
    return real


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealPostgres]:
    """The server that all tests share: do not stop it."""
    real = _make(tmp_path_factory.mktemp("postgres-shared"))
    try:
        real.make_template()
        yield real
    finally:
        real.close()


@pytest.fixture
def own_postgres(tmp_path: Path) -> Iterator[RealPostgres]:
    """A server of this test alone, migrated, to be killed and restarted."""
    real = _make(tmp_path)
    try:
        real.make_template()
        yield real
    finally:
        real.close()


@pytest.fixture
def postgres_dsn(postgres: RealPostgres) -> Iterator[PostgresDsn]:
    """A migrated database of this test's own (``.user`` and ``.agent``: the two roles)."""
    name = postgres.create()
    yield PostgresDsn.of(postgres.server, name)
    postgres.drop(name)


@pytest.fixture
def empty_dsn(postgres: RealPostgres) -> Iterator[PostgresDsn]:
    """A database of this test's own without any table."""
    name = postgres.create("template0")
    yield PostgresDsn.of(postgres.server, name)
    postgres.drop(name)


@pytest.fixture
async def database(postgres_dsn: PostgresDsn) -> AsyncIterator[Database]:
    """The test's own database as its administrator."""
    async with await Database.connect(postgres_dsn, application_name="test") as db:
        yield db
