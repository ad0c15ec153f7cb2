"""The server's PostgreSQL: encrypted, one login per person and agent, each row seen by its members.

A login has no password: it is admitted by the certificate whose common name is its own, signed by
the server's authority. The administrator comes through the private socket of this host.
Source: https://www.postgresql.org/docs/current/auth-pg-hba-conf.html, "cert"
"""

from __future__ import annotations

import asyncio
import hashlib
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from slate_desktop.domain.joining import BrokerPlace
from slate_desktop.domain.project import AgentRow, Member, Project, User
from slate_desktop.domain.roles import Role
from slate_desktop.errors import CommandError, ErrorCode, SlateError, StackError
from slate_desktop.server.config import DATABASE_NAME, ServerConfig, ServerFiles
from slate_desktop.server.programs import find_system_postgres
from slate_desktop.settings import files, paths
from slate_desktop.stack.postgres_server import PostgresServer
from slate_desktop.store import Database
from slate_desktop.store.creation import create_database, until_it_answers
from slate_desktop.store.migrate import migrate

_MAINTENANCE_NAME = "postgres"
_CONNECTIONS_OF_A_LOGIN = 16
_HBA = """\
# Written by SLATE at each start.
local   all    all                      scram-sha-256
hostssl slate  +slate_user   all        cert
hostssl slate  +slate_agent  all        cert
"""


class ServerDatabase:
    """PostgreSQL of one server directory, for its process and for its administrator."""

    def __init__(self, server_files: ServerFiles, config: ServerConfig, password: str) -> None:
        self._files = server_files
        self._config = config
        self._server = PostgresServer(
            server_files.postgres,
            password=password,
            log_file=server_files.logs / "postgres.log",
            programs=find_system_postgres(),
            options={
                "listen_addresses": config.listen,
                "max_connections": str(config.connections),
            },
            port=config.database_port,
        )
        self._database: Database | None = None

    @property
    def process(self) -> asyncio.subprocess.Process | None:
        """The server's process."""
        return self._server.process

    @property
    def socket_dir(self) -> Path:
        """Where its private socket is; valid once started or opened."""
        return self._server.home.socket_dir

    @property
    def port(self) -> int:
        """Its port, which names the socket too."""
        return self._config.database_port

    async def start(self) -> None:
        """Start the server and wait until it answers; raises ``StackError``."""
        await asyncio.to_thread(self._lay_out)
        await self._server.start()

    async def prepare(self) -> None:
        """Bring schema, rights and rules of rows to what this program expects.

        Raises:
            StackError: a newer schema, or a statement that failed.
        """
        try:
            await create_database(self._server.dsn(_MAINTENANCE_NAME), DATABASE_NAME)
            await until_it_answers(lambda: migrate(self._server.dsn(DATABASE_NAME)))
            await self.open()
            await until_it_answers(self._set_row_rules)
        except StackError:
            raise
        except SlateError as exc:
            raise StackError(f"The database cannot be prepared: {exc}", hint=exc.hint) from exc

    async def make_empty(self) -> None:
        """Make the database and its groups, with nothing in it; raises ``StackError``."""
        try:
            await create_database(self._server.dsn(_MAINTENANCE_NAME), DATABASE_NAME)
            async with (
                await self._connect(_MAINTENANCE_NAME) as database,
                database.connection() as connection,
            ):
                for group in ("slate_user", "slate_agent"):
                    await _execute(connection, "create role %I nologin", group)
        except SlateError as exc:
            raise StackError(f"The database cannot be made: {exc}", hint=exc.hint) from exc

    async def _set_row_rules(self) -> None:
        async with self.database.connection() as connection:
            await connection.execute(_row_rules())

    async def make_logins(self) -> None:
        """Make the logins of everybody whom the tables name."""
        for person in await self.people():
            await self._create_login(person_login(person.id), "slate_user")
        for agent in await self.agents():
            await self._create_login(agent_login(agent.id), "slate_agent")

    async def schema_number(self) -> int:
        """Return the number of the newest migration that was applied, 0 for none."""
        await self.open()
        async with self.database.connection() as connection:
            if await connection.fetchval("select to_regclass('slate_schema_migrations')") is None:
                return 0
            return int(
                await connection.fetchval(
                    "select coalesce(max(number), 0) from slate_schema_migrations"
                )
            )

    async def connection_counts(self) -> tuple[int, int]:
        """Return how many connections are there, and how many are allowed."""
        await self.open()
        async with self.database.connection() as connection:
            row = await connection.fetchrow(
                "select count(*) filter (where backend_type = 'client backend') as used,"
                " current_setting('max_connections')::integer as allowed from pg_stat_activity"
            )
        return int(row["used"]), int(row["allowed"])

    async def size_bytes(self) -> int:
        """Return what the database takes on the disk, in bytes."""
        await self.open()
        async with self.database.connection() as connection:
            return int(await connection.fetchval(f"select pg_database_size('{DATABASE_NAME}')"))

    async def reload(self) -> None:
        """Have a running server read its certificate anew."""
        await asyncio.to_thread(self._lay_out)
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(signal.SIGHUP)

    async def open(self) -> None:
        """Connect to a server that runs; raises ``StackError`` where none does."""
        if self._database is not None:
            return
        await asyncio.to_thread(self._server.find)
        try:
            self._database = await self._connect(DATABASE_NAME)
        except SlateError as exc:
            raise StackError(
                f"The server's database does not answer: {exc}",
                hint="Start the server: slate server run",
            ) from exc

    async def aclose(self) -> None:
        """Close the administrator's connections; the server goes on."""
        if self._database is not None:
            await self._database.aclose()
            self._database = None

    async def stop(self) -> None:
        """End the server; bounded."""
        await self.aclose()
        await self._server.stop()

    @property
    def database(self) -> Database:
        """The administrator's connection; raises ``StackError`` before ``open``."""
        if self._database is None:
            raise StackError("The database was not started.")
        return self._database

    async def set_brokers(self, places: Sequence[BrokerPlace]) -> None:
        """Note where the brokers are, for everybody who connects."""
        await self.database.brokers.replace(
            [(place.name, f"tls://{place.address}") for place in places]
        )

    # -- people and agents -----------------------------------------------------------------------

    async def people(self) -> list[User]:
        """Everybody who may sign in."""
        async with self.database.connection() as connection:
            ids = await connection.fetch(
                "select id from slate_users where revoked_at is null and deleted_at is null"
                " order by name, id"
            )
        return [await self.database.users.get(row["id"]) for row in ids]

    async def agents(self) -> list[AgentRow]:
        """Every agent that may sign in."""
        return [agent for agent in await self.database.agents.list() if agent.pubkey]

    async def add_person(
        self, name: str, public_key: str, grants: dict[str, Role], is_admin: bool = False
    ) -> User:
        """Register a person with a login of their own, and the roles of their invitation."""
        user = await self.database.users.create(name, public_key)
        if user.revoked_at is not None:
            raise CommandError(ErrorCode.FORBIDDEN, "This key was withdrawn; make a new one.")
        await self._create_login(person_login(user.id), "slate_user")
        for project_id, role in grants.items():
            await self.database.projects.set_member(project_id, user.id, role)
        if is_admin:
            await self._set_admin(user.id, is_admin=True)
        return user

    async def set_admin(self, text: str, *, is_admin: bool) -> User:
        """Let a person take hosts out of service, or no longer; raises like ``find_person``."""
        user = await self.find_person(text)
        await self._set_admin(user.id, is_admin=is_admin)
        return user

    async def _set_admin(self, user_id: str, *, is_admin: bool) -> None:
        async with self.database.connection() as connection:
            await connection.execute(
                "update slate_users set is_admin = $2 where id = $1", user_id, is_admin
            )

    async def add_agent(self, agent_id: str, public_key: str) -> None:
        """Register an agent's key and login; a new key takes the place of the old one."""
        async with self.database.connection() as connection:
            await connection.execute(
                "insert into slate_agents (id, name, pubkey) values ($1, $1, $2)"
                " on conflict (id) do update set pubkey = excluded.pubkey",
                agent_id,
                public_key,
            )
        await self._create_login(agent_login(agent_id), "slate_agent")

    async def remove_person(self, text: str) -> User:
        """Withdraw a person's key and login, and end their connections.

        Raises:
            CommandError: ``not_found``, or ``bad_request`` where the name fits several.
        """
        user = await self.find_person(text)
        await self.database.users.revoke(user.id)
        await self._drop_login(person_login(user.id))
        return user

    async def remove_agent(self, agent_id: str) -> None:
        """Withdraw an agent's key and login; its sessions become lost.

        Raises:
            CommandError: ``not_found``.
        """
        async with self.database.connection() as connection:
            found = await connection.fetchval(
                "update slate_agents set pubkey = null where id = $1 and pubkey is not null"
                " returning id",
                agent_id,
            )
        if found is None:
            raise CommandError(ErrorCode.NOT_FOUND, f"There is no agent {agent_id!r}.")
        await self._drop_login(agent_login(agent_id))

    async def find_person(self, text: str) -> User:
        """Return the one person with this id or name; raises like ``remove_person``."""
        people = await self.people()
        found = [p for p in people if p.id == text] or [
            p for p in people if p.name.casefold() == text.casefold()
        ]
        if not found:
            raise CommandError(ErrorCode.NOT_FOUND, f"There is nobody called {text!r}.")
        if len(found) > 1:
            raise CommandError(
                ErrorCode.BAD_REQUEST,
                f"Several people are called {text!r}.",
                hint="Name one by id: " + ", ".join(p.id for p in found),
            )
        return found[0]

    async def grant(self, person: str, project: str, role: Role | None) -> tuple[User, Project]:
        """Give a person a role in a project, or with None take them out of it."""
        user = await self.find_person(person)
        found = await self.database.projects.find(project)
        if not found:
            raise CommandError(ErrorCode.NOT_FOUND, f"There is no project {project!r}.")
        if role is None:
            await self.database.projects.remove_member(found[0].id, user.id)
        else:
            await self.database.projects.set_member(found[0].id, user.id, role)
        return user, found[0]

    async def members(self) -> list[Member]:
        """Who is in which project."""
        async with self.database.connection() as connection:
            rows = await connection.fetch(
                "select project_id, user_id, role from slate_project_members"
                " where deleted_at is null order by project_id, user_id"
            )
        return [
            Member(project_id=row["project_id"], user_id=row["user_id"], role=Role(row["role"]))
            for row in rows
        ]

    # -- inside ----------------------------------------------------------------------------------

    async def _connect(self, name: str) -> Database:
        return await Database.connect(
            self._server.dsn(name), application_name="slate-server", min_size=0, max_size=3
        )

    async def _create_login(self, login: str, group: str) -> None:
        async with self.database.connection() as connection:
            if await connection.fetchval("select 1 from pg_roles where rolname = $1", login):
                await _execute(connection, "alter role %I login", login)
            else:
                await _execute(
                    connection, f"create role %I login connection limit {_CONNECTIONS_OF_A_LOGIN}",
                    login,
                )  # fmt: skip
            await _execute(connection, "grant %I to %I", group, login)

    async def _drop_login(self, login: str) -> None:
        async with self.database.connection() as connection:
            if await connection.fetchval("select 1 from pg_roles where rolname = $1", login):
                await _execute(connection, "alter role %I nologin", login)
            await connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where usename = $1", login
            )

    def _lay_out(self) -> None:
        """Put what PostgreSQL reads where its own user can."""
        self._server.find()
        home = self._server.home
        options = {"hba_file": _HBA.encode()}
        options["ssl_ca_file"] = files.read_private(self._files.authority_certificate)
        options["ssl_cert_file"] = files.read_private(self._files.certificate)
        options["ssl_key_file"] = files.read_private(self._files.key)
        self._server.options["ssl"] = "on"
        self._server.options["ssl_min_protocol_version"] = "TLSv1.3"
        for option, data in options.items():
            path = home.root / f"{option}.{'conf' if option == 'hba_file' else 'pem'}"
            files.remove(path)
            home.write_new(path, data)
            self._server.options[option] = str(path)


def person_login(user_id: str) -> str:
    """The login of a person at the database; see ``row_level_security.sql``."""
    return f"slate_p_{user_id.replace('-', '')}"


def agent_login(agent_id: str) -> str:
    """The login of an agent at the database; any id gives a name that PostgreSQL takes."""
    return f"slate_a_{hashlib.sha256(agent_id.encode()).hexdigest()[:32]}"


def _row_rules() -> str:
    path = paths.migrations_path() / "server" / "row_level_security.sql"
    return path.read_text(encoding="utf-8")


async def _execute(connection: Any, statement: str, *names: str) -> None:
    # Utility statements take no parameters; the server quotes the names itself.
    places = ", ".join(f"${index}::text" for index in range(2, len(names) + 2))
    await connection.execute(
        await connection.fetchval(f"select format($1::text, {places})", statement, *names)
    )
