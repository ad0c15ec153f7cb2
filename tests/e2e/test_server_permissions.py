"""The table of permissions, asked from outside: plain NATS and PostgreSQL clients, each role.

A row that is added to the schema without a line here fails the test that names every table.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import nats
import pytest
from nats.aio.client import Client

from slate_desktop.bus.permissions import inbox_prefix
from slate_desktop.wire.keys import SigningKey
from tests.e2e.commands import Cli
from tests.e2e.studio import Studio

# With the start of the server, and its backup, in the first test of all.
pytestmark = [pytest.mark.postgres, pytest.mark.nats, pytest.mark.timeout(300)]

# Want of a right, or a guard of ours; anything else is a mistake in the statement.
_REFUSALS = ("42501", "23514", "P0001", "23505")
ROLES = ("owner", "developer", "artist", "viewer", "none")
MEMBERS = ("owner", "developer", "artist", "viewer")
MAKERS = ("owner", "developer", "artist")
OWNER = ("owner",)
NOBODY: tuple[str, ...] = ()

# Who sees rows of Anna's project in a table that has some.
SEES = {
    "slate_projects": MEMBERS,
    "slate_project_members": MEMBERS,
    "slate_runtime_sessions": MEMBERS,
    "slate_runtime_logs": MEMBERS,
    "slate_runs": MEMBERS,
    "slate_log_volumes": MEMBERS,
    "slate_log_positions": MEMBERS,
    "slate_audit": MEMBERS,
    "slate_quotas": MEMBERS,
}
# Tables with rows that are no project's, or none of this project.
OTHERS = {
    "slate_schema_migrations", "slate_agents", "slate_users", "slate_requests",
    "slate_runtime_stats", "slate_build_jobs", "slate_asset_results", "slate_asset_jobs",
    "slate_assets", "slate_asset_products", "slate_asset_presets", "slate_asset_pauses",
    "slate_build_artifacts", "slate_build_logs", "slate_build_presets", "slate_log_policies",
    "slate_project_trees", "slate_project_origins", "slate_alert_rules", "slate_alerts",
    "slate_brokers",
}  # fmt: skip
# Statements with :project, :session and :anna; who has an effect by them.
WRITES = {
    "insert into slate_runtime_sessions (id, project_id, user_id, runtime_type)"
    " values ('w1', :project, (select slate_me()), 'custom')": OWNER,
    "insert into slate_runtime_sessions (id, project_id, user_id, runtime_type)"
    " values ('w2', :project, :anna, 'custom')": OWNER,
    "insert into slate_build_jobs (id, project_id, user_id, build_type, target_platform)"
    " values ('w3', :project, (select slate_me()), 'staging', 'webgl')": MAKERS,
    "insert into slate_asset_jobs (id, project_id, user_id, kind, path, inputs, key)"
    " values ('w4', :project, (select slate_me()), 'audio', 'a', '[]', repeat('0', 64))": MAKERS,
    "insert into slate_asset_presets (project_id, id, preset) values (:project, 'w', '{}')": MAKERS,
    "insert into slate_build_presets (project_id, name, preset)"
    " values (:project, 'w', '{}')": MAKERS,
    "insert into slate_log_policies (project_id, max_age_days) values (:project, 30)": MAKERS,
    "insert into slate_runtime_logs (session_id, seq, container_id, stream, ts_ns, ord, level,"
    " message, metadata) values (:session, 99999999, '', 'api', 1, 0, 'info', 'x', '{}')": MAKERS,
    "update slate_projects set name = 'renamed' where id = :project": OWNER,
    "update slate_runtime_sessions set container_config = '{}' where id = 'none such'": NOBODY,
    "update slate_project_members set role = 'owner' where project_id = :project"
    " and user_id <> :anna": OWNER,
    "insert into slate_project_members (project_id, user_id, role)"
    " values (:project, (select slate_me()), 'owner')": NOBODY,
    "insert into slate_quotas (scope, subject_id, level, builds)"
    " values ('project', :project, 'owner', 1)"
    " on conflict (scope, subject_id, level) do update set builds = 2": OWNER,
    "update slate_quotas set sessions = null where subject_id = :project": OWNER,
    "update slate_quotas set level = 'administrator' where subject_id = :project": NOBODY,
    "insert into slate_quotas (scope, subject_id, level, builds)"
    " values ('project', :project, 'administrator', 1)": NOBODY,
    "insert into slate_quotas (scope, subject_id, level, builds)"
    " values ('person', (select slate_me()), 'administrator', 1)": NOBODY,
    "select * from slate_quota_state('person', :anna) where slate_me() <> :anna": NOBODY,
    "select slate_quota_enforce(:project, :anna, '{}')": NOBODY,
    "update slate_agents set cordoned_at = now()": NOBODY,
    "update slate_agents set pubkey = null": NOBODY,
    "update slate_users set is_admin = true": NOBODY,
    "update slate_brokers set url = 'tls://elsewhere:4222'": NOBODY,
    "insert into slate_brokers values ('w', 'tls://elsewhere:4222', 9)": NOBODY,
    "update slate_users set revoked_at = now()": NOBODY,
    "insert into slate_audit (project_id, user_name, signer, idem, agent_id, action, target,"
    " asked_at) values (:project, 'x', '', '', '', 'x.y', 'z', now())": NOBODY,
    "update slate_audit set code = 'ok'": NOBODY,
    "insert into slate_requests (signer, idem, subject, body_sha, epoch)"
    " values ('a', 'b', 'c', 'd', 1)": NOBODY,
    "update slate_runtime_sessions set status = 'running' where id = :session": NOBODY,
    "insert into slate_users (id, name, pubkey) values ('w', 'w', 'U')": NOBODY,
    "insert into slate_agents (id, name) values ('w', 'w')": NOBODY,
    "set role slate_agent": NOBODY,
    "set session authorization slate_admin": NOBODY,
    "create table public.w (x int)": NOBODY,
    "select pg_read_file('/etc/passwd')": NOBODY,
    "copy slate_users to program 'cat'": NOBODY,
    "select slate_note(null, 'x.y', 'z', '')": NOBODY,
}
PUBLISHES = {
    "slate.container.start.x": True,
    "slate.container.stats.x": True,
    "slate.asset.process.audio": True,
    "slate.build.submit.webgl": True,
    "slate.job.cancel.x": True,
    "slate.agent.sbx01.request": True,
    "$JS.API.INFO": True,
    "$O.slate.C.x": True,
    "$JS.API.STREAM.MSG.GET.OBJ_slate": True,
    "$JS.API.STREAM.MSG.GET.ASSETS": False,
    "slate.broker.state": False,
    "slate.runtime.{project}.x.status": False,
    "slate.build.{project}.x.status": False,
    "slate.job.{project}.x.status": False,
    "slate.agent.sbx01.heartbeat": False,
    "slate.join.x": False,
    "slate.other": False,
    "_INBOX.x": False,
    "$JS.API.STREAM.CREATE.OBJ_slate": False,
    "$JS.API.STREAM.UPDATE.OBJ_slate": False,
    "$JS.API.STREAM.DELETE.OBJ_slate": False,
    "$JS.API.STREAM.PURGE.OBJ_slate": False,
    "$JS.API.STREAM.SNAPSHOT.OBJ_slate": False,
    "$JS.API.STREAM.MSG.DELETE.OBJ_slate": False,
    "$JS.API.CONSUMER.CREATE.ASSETS.x": False,
    "$JS.API.CONSUMER.MSG.NEXT.ASSETS.x": False,
    "$JS.ACK.ASSETS.x": False,
    "$SYS.REQ.SERVER.PING": False,
    "$O.other.C.x": False,
}
# True for everybody, False for nobody, "members" for those of the project.
SUBSCRIBES: dict[str, bool | str] = {
    "{inbox}.x": True,
    "slate.agent.*.heartbeat": True,
    "slate.runtime.{project}.*.logs": "members",
    "slate.build.{project}.*.status": "members",
    "slate.job.{project}.*.*": "members",
    "slate.runtime.*.*.status": False,
    "slate.>": False,
    ">": False,
    "_INBOX.>": False,
    "slate.container.*.*": False,
    "slate.asset.process.*": False,
    "slate.agent.*.request": False,
    "slate.join.*": False,
    "$JS.>": False,
    "$SYS.>": False,
    "$O.slate.>": False,
}


@asynccontextmanager
async def plain_nats(studio: Studio, person: Cli) -> AsyncIterator[tuple[Client, set[str]]]:
    """A client of nats-py itself, and what the broker refused it."""
    found, seed = studio.joined(person), studio.seed(person)
    refused: set[str] = set()

    async def on_error(error: Exception) -> None:
        words = str(error).lower()
        if "permissions violation" in words:
            refused.add(words.split('"')[1])

    deadline = time.monotonic() + 30
    while True:
        try:
            client = await nats.connect(
                found.server.nats_url,
                tls=ssl.create_default_context(cafile=found.ca_file),
                tls_handshake_first=True,
                nkeys_seed_str=seed,
                inbox_prefix=inbox_prefix(SigningKey.from_seed(seed).public).encode(),
                error_cb=on_error,
                allow_reconnect=False,
            )
        except (OSError, nats.errors.Error):
            # The broker drops who has not signed in yet when it reads its users anew.
            assert time.monotonic() < deadline
            continue
        if client.is_connected:
            break
        await client.close()
    try:
        yield client, refused
    finally:
        await client.close()


async def outcome(connection: asyncpg.Connection, statement: str, values: dict[str, str]) -> bool:
    """Tell whether a statement has an effect; whatever it has is undone."""
    for name, value in values.items():
        statement = statement.replace(f":{name}", f"'{value}'")
    transaction = connection.transaction()
    await transaction.start()
    try:
        return not (await connection.execute(statement)).endswith(" 0")
    except asyncpg.PostgresError as error:
        if error.sqlstate in _REFUSALS:
            return False
        raise
    finally:
        await transaction.rollback()


async def as_role(studio: Studio, role: str, project: str) -> Cli:
    """Somebody with this role in Anna's project: Bert, or Anna herself; the broker knows it."""
    if role == "owner":
        # With somebody in the project whom an owner may change.
        await asyncio.to_thread(studio.server.json, "server", "grant", "Bert", "annas", "viewer")
        return studio.anna
    await asyncio.to_thread(studio.server.json, "server", "grant", "Bert", "annas", role)
    subject = f"slate.runtime.{project}.*.logs"
    deadline = time.monotonic() + 30
    while True:
        async with plain_nats(studio, studio.bert) as (client, refused):
            await client.subscribe(subject)
            await client.flush()
            if (subject in refused) == (role == "none"):
                return studio.bert
        assert time.monotonic() < deadline, role
        await asyncio.sleep(0.3)


@pytest.fixture
def project(studio: Studio, annas: dict[str, Any]) -> Any:
    yield annas["project"]["id"]
    studio.server.json("server", "grant", "Bert", "annas", "none")


@pytest.mark.parametrize("role", ROLES)
async def test_the_table_of_permissions_holds(
    studio: Studio, annas: dict[str, Any], project: str, role: str
) -> None:
    person = await as_role(studio, role, project)
    anna = studio.joined(studio.anna).server.id
    connection = await asyncpg.connect(studio.joined(person).database_url)
    try:
        values = {"project": project, "session": annas["session"]["id"], "anna": anna}
        wrong = [
            f"{statement}: {not role_may}"
            for statement, roles in WRITES.items()
            if await outcome(connection, statement, values) is not (role_may := role in roles)
        ]
        assert wrong == []
        seen = {
            table: bool(await connection.fetchval(f'select count(*) from "{table}"'))
            for table in SEES
            if table != "slate_audit"
        }
        assert seen == {table: role in SEES[table] for table in seen}
        # Rows of the trail that concern hosts are everybody's.
        count = "select count(*) from slate_audit where project_id = $1"
        assert bool(await connection.fetchval(count, project)) is (role in SEES["slate_audit"])
        names = await connection.fetch(
            "select relname::text as name from pg_class c join pg_namespace n"
            " on n.oid = c.relnamespace where n.nspname = 'public' and c.relkind in ('r', 'p')"
        )
        known = {row["name"] for row in names}
        assert known == SEES.keys() | OTHERS, "each table has its place in this test"
        for table in known - {"slate_asset_pauses"}:
            for attack in (f'delete from "{table}"', f'truncate "{table}"'):
                assert not await outcome(connection, attack, {}), attack
    finally:
        await connection.close()
    await broker_agrees(studio, person, project, role)


async def broker_agrees(studio: Studio, person: Cli, project: str, role: str) -> None:
    """Ask for every subject, as a plain client."""
    async with plain_nats(studio, person) as (client, refused):
        inbox = inbox_prefix(SigningKey.from_seed(studio.seed(person)).public)
        places = {"project": project, "inbox": inbox}
        for pattern in PUBLISHES:
            await client.publish(pattern.format(**places), b"{}")
        await agrees(client, refused, PUBLISHES, places)
        wanted = {
            pattern: role in MEMBERS if who == "members" else bool(who)
            for pattern, who in SUBSCRIBES.items()
        }
        for is_last in (False, False, True):
            # The broker hears within a second who is a member now, and judges once.
            refused.clear()
            for pattern in SUBSCRIBES:
                await client.subscribe(pattern.format(**places))
            try:
                await agrees(client, refused, wanted, places)
                return
            except AssertionError:
                if is_last:
                    raise


async def agrees(
    client: Client, refused: set[str], wanted: dict[str, bool], places: dict[str, str]
) -> None:
    """Wait until the broker has refused what it should; refusals come just after its answer."""

    def taken() -> dict[str, bool]:
        return {pattern: pattern.format(**places).lower() not in refused for pattern in wanted}

    await client.flush()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(20):
            while taken() != wanted:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    assert taken() == wanted
