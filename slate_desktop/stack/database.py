"""The embedded stack's database: the server, its schema, its logins and the local user."""

from __future__ import annotations

import asyncio
import contextlib
import getpass

from slate_desktop.domain.project import AgentRow
from slate_desktop.errors import CommandError, SlateError, StackError
from slate_desktop.stack.credentials import Credentials
from slate_desktop.stack.postgres_server import PostgresServer
from slate_desktop.stack.state import StackFiles
from slate_desktop.store import Database
from slate_desktop.store.creation import create_database, until_it_answers
from slate_desktop.store.migrate import migrate

DATABASE_NAME = "slate"
USER_ROLE = "slate_user"
AGENT_ROLE = "slate_agent"
_MAINTENANCE_NAME = "postgres"


class StackDatabase:
    """PostgreSQL of one data directory, as the supervisor needs it."""

    def __init__(self, stack_files: StackFiles, credentials: Credentials) -> None:
        self._credentials = credentials
        self._server = PostgresServer(
            stack_files.postgres,
            password=credentials.db_admin_password,
            log_file=stack_files.logs / "postgres.log",
        )
        self._database: Database | None = None

    @property
    def process(self) -> asyncio.subprocess.Process | None:
        """The server's process."""
        return self._server.process

    @property
    def user_url(self) -> str:
        """The address for windows and commands; valid once started."""
        password = self._credentials.db_user_password
        return self._server.dsn(DATABASE_NAME, user=USER_ROLE, password=password)

    @property
    def agent_url(self) -> str:
        """The address for the agent; valid once started."""
        password = self._credentials.db_agent_password
        return self._server.dsn(DATABASE_NAME, user=AGENT_ROLE, password=password)

    async def start(self) -> None:
        """Start the server and wait until it answers; raises ``StackError``."""
        await self._server.start()

    async def prepare(self) -> None:
        """Bring schema, logins and the local user to what this program expects.

        Raises:
            StackError: a newer schema, or a statement that failed.
        """
        try:
            await create_database(self._server.dsn(_MAINTENANCE_NAME), DATABASE_NAME)
            admin_url = self._server.dsn(DATABASE_NAME)
            await until_it_answers(lambda: migrate(admin_url))
            self._database = database = await Database.connect(
                admin_url, application_name="slate-supervisor", min_size=0, max_size=2
            )
            await until_it_answers(lambda: self._set_passwords(database))
            await until_it_answers(lambda: self._register_user(database))
        except StackError:
            raise
        except SlateError as exc:
            raise StackError(f"The database cannot be prepared: {exc}", hint=exc.hint) from exc

    async def stop(self) -> None:
        """End the server; bounded."""
        if self._database is not None:
            await self._database.aclose()
            self._database = None
        await self._server.stop()

    async def count_live_sessions(self) -> int:
        """How many sessions have, or may have, a runtime; raises ``DatabaseError``."""
        return await self._connected().sessions.count_live()

    async def is_agent_seen(self, agent_id: str, since: float) -> bool:
        """Tell whether the agent has registered or sent a heartbeat after ``since`` (Unix time)."""
        try:
            row = await self._connected().agents.get(agent_id)
        except CommandError:
            return False
        return row.last_seen is not None and row.last_seen.timestamp() >= since

    @staticmethod
    async def list_agents(user_url: str) -> list[AgentRow]:
        """All agents that the database knows; raises ``DatabaseError``."""
        async with await Database.connect(
            user_url, application_name="slate-status", min_size=0, max_size=1
        ) as database:
            return await database.agents.list()

    def _connected(self) -> Database:
        if self._database is None:
            raise StackError("The database was not started.")
        return self._database

    async def _set_passwords(self, database: Database) -> None:
        logins = {
            USER_ROLE: self._credentials.db_user_password,
            AGENT_ROLE: self._credentials.db_agent_password,
        }
        async with database.connection() as connection:
            for role, password in logins.items():
                # A utility statement takes no parameters; the server quotes them itself.
                statement = await connection.fetchval(
                    "select format('alter role %I login password %L', $1::text, $2::text)",
                    role,
                    password,
                )
                await connection.execute(statement)

    async def _register_user(self, database: Database) -> None:
        mine = self._credentials
        known = await database.users.get_by_pubkey(mine.user_public)
        if known is None:
            await database.users.create(_user_name(), mine.user_public, user_id=mine.user_id)


def _user_name() -> str:
    with contextlib.suppress(OSError, KeyError, ImportError):
        return getpass.getuser()[:200] or "local user"
    return "local user"
