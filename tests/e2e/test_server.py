"""A server of one's own: two people join it over TLS, and neither sees what is the other's."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shutil
import ssl
import time
from pathlib import Path
from typing import Any, NoReturn

import asyncpg
import pytest

from slate_desktop.bus.nats_bus import NatsBus
from slate_desktop.bus.port import Message
from slate_desktop.control import joining
from slate_desktop.errors import ClientError, CommandError, DeniedError, SettingsError
from slate_desktop.server.config import ServerFiles
from slate_desktop.server.database import ServerDatabase
from slate_desktop.settings import joined
from slate_desktop.settings.files import write_private
from slate_desktop.wire.keys import SigningKey
from tests.e2e.commands import Cli
from tests.e2e.studio import Studio

# With the start of the server, and its backup, in the first test of all.
pytestmark = [pytest.mark.postgres, pytest.mark.nats, pytest.mark.timeout(300)]


def test_an_invitation_is_good_for_one_use(studio: Studio) -> None:
    again = studio.server.json("server", "users")
    assert sorted(person["name"] for person in again["people"]) == ["Anna", "Bert"]
    assert again["invited"] == []
    file = studio.directory.parent / "Anna.slate-join"
    done = studio.bert("connect", str(file), "--no-use", "--json")
    assert done.code != 0
    assert done.json["error"]["code"] == "forbidden"
    assert done.json["error"]["message"] == "The invitation was used already."


async def test_an_answer_that_was_lost_is_given_again_to_the_same_keys(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "box.slate-join"
    studio.server.json("server", "add-agent", "lost-answer", "--out", str(file))
    invitation, place = joining.load_join_file(file), tmp_path / "box"
    with monkeypatch.context() as patch:
        patch.setattr(joined, "write", full_disk)
        with pytest.raises(SettingsError, match="full"):
            await joining.join(invitation, directory=place)
    assert studio.server.json("server", "users")["invited"] == []
    with pytest.raises(CommandError, match="used already"):
        await joining.join(invitation, directory=tmp_path / "other")
    keys = place / "joining.json"
    kept = keys.read_bytes()
    assert keys.stat().st_mode & 0o077 == 0
    found = await joining.join(invitation, directory=place)
    assert found.server.id == "lost-answer"
    assert not keys.exists()
    studio.server.json("server", "remove-agent", "lost-answer")
    # Who was removed stays out, also with the old keys and their answer.
    write_private(keys, kept)
    with pytest.raises(DeniedError):
        await joining.join(invitation, directory=place)
    assert "lost-answer" not in studio.server.json("server", "users")["agents"]


def full_disk(*_: object, **__: object) -> NoReturn:
    raise SettingsError("The disk is full.")


async def test_many_who_join_at_once_are_all_admitted(studio: Studio, tmp_path: Path) -> None:
    # Each one who comes makes the broker read its users anew, while others wait for their answer.
    names = [f"together-{number}" for number in range(5)]
    files = [tmp_path / f"{name}.slate-join" for name in names]
    for name, file in zip(names, files, strict=True):
        studio.server.json("server", "add-agent", name, "--out", str(file))
    found = await asyncio.gather(
        *(joining.join(joining.load_join_file(f), directory=tmp_path / f.stem) for f in files)
    )
    assert [one.server.id for one in found] == names
    for name in names:
        studio.server.json("server", "remove-agent", name)


def test_a_session_runs_on_the_server_and_only_its_members_see_it(
    studio: Studio, annas: dict[str, Any]
) -> None:
    session_id = annas["session"]["id"]
    assert studio.anna("session", "logs", session_id, "--limit", "3", "--json", code=0).lines
    assert studio.bert.json("project", "list")["projects"] == []
    assert studio.bert.json("session", "list")["sessions"] == []
    assert studio.bert("session", "stop", session_id, "--json").json["error"]["code"] == "not_found"
    assert studio.bert("session", "logs", session_id, "--json").code != 0


async def test_every_table_is_empty_for_a_stranger_at_the_database_itself(
    studio: Studio, annas: dict[str, Any]
) -> None:
    assert annas
    seen = await asyncpg.connect(studio.joined(studio.bert).database_url)
    try:
        tables = await seen.fetch(
            "select c.relname as name, c.relrowsecurity as guarded from pg_class c"
            " where c.relkind in ('r', 'p') and c.relname like 'slate\\_%'"
        )
        assert len(tables) > 12
        assert [row["name"] for row in tables if not row["guarded"]] == []
        open_to_all = {"slate_schema_migrations", "slate_agents", "slate_users", "slate_brokers"}
        for row in tables:
            with contextlib.suppress(asyncpg.InsufficientPrivilegeError):
                count = await seen.fetchval(f'select count(*) from "{row["name"]}"')
                assert count == 0 or row["name"] in open_to_all, row["name"]
        assert await seen.fetch("select name from slate_users") == [("Bert",)]
    finally:
        await seen.close()


async def test_the_database_refuses_what_is_not_the_persons_own(
    studio: Studio, annas: dict[str, Any]
) -> None:
    project, session = annas["project"]["id"], annas["session"]["id"]
    anna = next(
        person["id"]
        for person in studio.server.json("server", "users")["people"]
        if person["name"] == "Anna"
    )
    session_row = "insert into slate_runtime_sessions (id, project_id, user_id, runtime_type)"
    attacks = [
        f"{session_row} values ('x1', '{project}', '{anna}', 'custom')",
        f"{session_row} values ('x2', '{project}', (select slate_me()), 'custom')",
        "insert into slate_projects (id, name, owner_id, root, engine)"
        f" values ('x3', 'x', '{anna}', '/x', 'custom')",
        f"insert into slate_project_members values ('{project}', (select slate_me()), 'owner')",
        "insert into slate_runtime_logs (session_id, seq, container_id, stream, ts_ns, ord, level,"
        f" message, metadata) values ('{session}', 999999, '', 'api', 1, 0, 'info', 'x', '{{}}')",
        "set role slate_agent",
        "set role slate_admin",
        "set session authorization slate_admin",
        "drop policy slate_people_see on slate_projects",
        "alter table slate_projects disable row level security",
        "create table public.evil (x int)",
        "select pg_read_file('/etc/passwd')",
        "copy slate_users to program 'cat'",
    ]
    connection = await asyncpg.connect(studio.joined(studio.bert).database_url)
    try:
        for attack in attacks:
            with pytest.raises(asyncpg.PostgresError) as caught:
                await connection.execute(attack)
            assert caught.value.sqlstate in ("42501", "23514", "P0001"), (attack, caught.value)
        changed = await connection.execute(
            "update slate_runtime_sessions set deleted_at = now() where id = $1", session
        )
        assert changed == "UPDATE 0"
    finally:
        await connection.close()


async def test_servers_answer_nobody_without_the_right_key(studio: Studio) -> None:
    found = studio.joined(studio.anna)
    trusting = ssl.create_default_context(cafile=found.ca_file)
    server = found.server
    for wrong in (None, trusting):
        # Without encryption, and encrypted without a certificate of one's own.
        with pytest.raises((asyncpg.PostgresError, OSError)):
            await asyncpg.connect(
                host=server.database_host, port=server.database_port, database="slate",
                user=server.database_user, ssl=wrong or False,
            )  # fmt: skip
    other = studio.joined(studio.bert)
    as_somebody_else = found.database_url.replace(
        server.database_user, other.server.database_user, 1
    )
    with pytest.raises(asyncpg.PostgresError):
        await asyncpg.connect(as_somebody_else)
    with pytest.raises(ClientError):
        await NatsBus.connect(
            server.nats_url, seed=SigningKey.generate().seed, name="stranger", tls=trusting,
            is_tls_first=True,
        )  # fmt: skip
    with pytest.raises(ClientError):
        await NatsBus.connect(
            server.nats_url, seed=studio.seed(studio.anna), name="trusting nobody",
            tls=ssl.create_default_context(), is_tls_first=True,
        )  # fmt: skip
    reader, writer = await asyncio.open_connection("127.0.0.1", studio.nats_port)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(1):
            assert await reader.read(1) == b"", "the broker says nothing in plaintext"
    writer.close()


async def test_the_broker_lets_each_person_hear_their_own_projects(
    studio: Studio, annas: dict[str, Any]
) -> None:
    project = annas["project"]["id"]
    heard: list[bytes] = []

    async def on_message(message: Message) -> None:
        heard.append(message.data)

    async def connect(person: Cli) -> NatsBus:
        found = studio.joined(person)
        return await NatsBus.connect(
            found.server.nats_url,
            seed=studio.seed(person),
            name="plain client",
            tls=ssl.create_default_context(cafile=found.ca_file),
            is_tls_first=True,
        )

    bert = await connect(studio.bert)
    try:
        for subject in (
            ">", "slate.runtime.*.*.*", f"slate.runtime.{project}.*.logs", "slate.build.*.*.status",
            f"slate.job.{project}.*.*", "_INBOX.>", "slate.container.*.*", "$JS.>",
        ):  # fmt: skip
            with pytest.raises(DeniedError):
                await bert.subscribe(subject, on_message)
    finally:
        await bert.aclose()
    anna = await connect(studio.anna)
    try:
        await anna.subscribe(f"slate.runtime.{project}.*.logs", on_message)
        async with asyncio.timeout(30):
            while not heard:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        for subject in ("slate.runtime.x.y.status", "$JS.API.STREAM.DELETE.OBJ_slate", "slate.x"):
            with pytest.raises(DeniedError):
                await anna.request(subject, b"{}", timeout_s=20)
    finally:
        await anna.aclose()


def test_roles_count_at_once_and_are_withdrawn_at_once(
    studio: Studio, annas: dict[str, Any]
) -> None:
    session_id = annas["session"]["id"]
    studio.server.json("server", "grant", "Bert", "annas", "viewer")
    assert [p["name"] for p in studio.bert.json("project", "list")["projects"]] == ["annas"]
    assert studio.bert.json("session", "stats", session_id)["memory_usage"] > 0
    stopped = studio.bert("session", "stop", session_id, "--json")
    assert stopped.json["error"]["code"] == "forbidden"
    # A viewer reads the trail of the project, with what was refused; a stranger reads none of it.
    trail = studio.bert.json("audit", "list", "--since", "1h")["entries"]
    assert ("Bert", "session.stop", "forbidden") in [
        (row["user_name"], row["action"], row["result"]) for row in trail
    ]
    assert ("Anna", "session.start", "ok") in [
        (row["user_name"], row["action"], row["result"]) for row in trail
    ]
    studio.server.json("server", "grant", "Bert", "annas", "none")
    assert studio.bert.json("project", "list")["projects"] == []
    assert studio.bert.json("audit", "list")["entries"] == []


def test_an_owner_decides_who_is_in_a_project(studio: Studio, annas: dict[str, Any]) -> None:
    project = annas["project"]["id"]
    assert studio.anna.json("project", "grant", "annas", "bert", "artist")["role"] == "artist"
    listed = studio.bert.json("project", "members", "annas")["members"]
    assert [(row["name"], row["role"]) for row in listed] == [("Anna", "owner"), ("Bert", "artist")]
    for refused, code in (
        (studio.bert("project", "grant", "annas", "Bert", "owner", "--json"), "forbidden"),
        (studio.bert("project", "revoke", "annas", "Anna", "--json"), "forbidden"),
        (studio.anna("project", "grant", "annas", "Anna", "viewer", "--json"), "illegal_state"),
        (studio.anna("project", "revoke", "annas", "Anna", "--json"), "illegal_state"),
        (studio.anna("project", "grant", "annas", "Nobody", "viewer", "--json"), "not_found"),
    ):
        assert refused.json["error"]["code"] == code, refused
    studio.anna.json("project", "revoke", "annas", "Bert")
    assert studio.bert.json("project", "list")["projects"] == []
    trail = studio.anna.json("audit", "list", "--project", project, "--limit", "200")["entries"]
    noted = [(r["user_name"], r["detail"]) for r in trail if r["action"].startswith("member.")]
    assert noted[:2] == [("Anna", "Bert"), ("Anna", "Bert: artist")]


def test_an_administrator_limits_what_an_owner_cannot_raise(
    studio: Studio, annas: dict[str, Any]
) -> None:
    project = annas["project"]["id"]
    assert studio.bert("quota", "show", project).code != 0
    assert studio.bert("quota", "set", project, "--sessions", "1").code != 0
    assert studio.anna("quota", "set", "--person", "me", "--sessions", "9").code != 0
    studio.server.json("server", "admin", "Bert")
    try:
        # Bert is not in the project.
        studio.bert.json("quota", "set", project, "--sessions", "1")
        studio.anna.json("quota", "set", "annas", "--sessions", "7")
        shown = studio.anna.json("quota", "show", "annas")["quotas"]["sessions"]
        assert shown == {"used": 1.0, "limit": 1.0, "level": "administrator", "set_by": "Bert"}
        refused = studio.anna("session", "start", "annas", "--driver", "process", "--wait")
        assert refused.code != 0
        assert "annas may run 1 session at once, and 1 runs." in refused.err
        assert "An administrator of the server can raise this quota." in refused.err
    finally:
        studio.bert.json("quota", "set", project, "--sessions", "none")
        studio.anna.json("quota", "set", "annas", "--sessions", "none")
        studio.server.json("server", "admin", "Bert", "--off")


def test_a_removed_person_is_out(studio: Studio, annas: dict[str, Any]) -> None:
    assert annas
    file = studio.directory.parent / "Cleo.slate-join"
    studio.server.json("server", "add-user", "Cleo", "--grant", "annas=viewer", "--out", str(file))
    cleo = Cli(studio.directory.parent / "Cleo" / "data")
    cleo.data_dir.parent.mkdir()
    # The broker learns of an invitation within a second.
    deadline = time.monotonic() + 90
    while cleo("connect", str(file)).code:
        assert time.monotonic() < deadline
        time.sleep(0.5)
    assert [p["name"] for p in cleo.json("project", "list")["projects"]] == ["annas"]
    studio.server.json("server", "remove-user", "Cleo")
    done = cleo("project", "list", "--json")
    assert done.code != 0
    assert done.json["error"]["code"] in ("denied", "db_unavailable", "not_connected")
    assert "Cleo" not in [p["name"] for p in studio.server.json("server", "users")["people"]]


def test_secrets_are_nobody_elses(studio: Studio) -> None:
    server_files = ServerFiles(studio.directory)
    places = [server_files.secrets, server_files.authority_key, server_files.key]
    places += [studio.joined(studio.anna).directory / "key.pem"]
    for path in places:
        assert path.stat().st_mode & 0o077 == 0, path
    log = (studio.directory.parent / "server.log").read_text()
    assert studio.seed(studio.anna) not in log
    assert server_files.read_secrets().database_password not in log


def test_profiles_are_chosen_and_forgotten(studio: Studio, tmp_path: Path) -> None:
    # Bert's workstation itself stays for other tests.
    bert = Cli(shutil.copytree(studio.bert.data_dir, tmp_path / "data"))
    listed = bert.json("profile", "list")["profiles"]
    assert [(row["name"], row["used"]) for row in listed] == [("local", False), ("sbx01", True)]
    assert bert("profile", "use", "nowhere", "--json").json["error"]["code"] == "settings"
    bert.json("profile", "use", "local")
    listed = bert.json("profile", "list")["profiles"]
    assert [row["used"] for row in listed] == [True, False]
    bert.json("profile", "use", "sbx01")
    bert.json("profile", "remove", "sbx01")
    assert [row["name"] for row in bert.json("profile", "list")["profiles"]] == ["local"]
    assert not (bert.data_dir / "config" / "servers" / "sbx01").exists()


def test_no_log_and_no_row_holds_a_secret(studio: Studio, annas: dict[str, Any]) -> None:
    """After everything above has run: seeds, passwords and keys are where they belong, only."""
    secret = json.loads((studio.directory / "secrets.json").read_text())["database_password"]
    seeds = [studio.seed(studio.anna), studio.seed(studio.bert)]
    seeds.append((studio.directory / "agent" / joined.SEED_FILE).read_text())
    looks_like_one = re.compile(r"S[UAO][A-Z2-7]{56}|PRIVATE KEY-----|Authorization: ")
    places = [*(studio.directory / "logs").iterdir(), studio.directory.parent / "server.log"]
    # The agent works on meanwhile; os.walk passes over folders that it takes away.
    for folder, _, names in os.walk(studio.directory / "agent" / "data"):
        places += [Path(folder, name) for name in names]
    places = [place for place in places if place.is_file()]
    read = 0
    for place in places:
        try:
            text = place.read_text(errors="replace")
        except FileNotFoundError:
            continue  # the agent works on, and took it away
        read += len(text)
        assert looks_like_one.search(text) is None, place
        assert not any(one in text for one in (secret, *seeds)), place
    assert read > 1000, "there were logs to look at"
    rows = asyncio.run(everything_in_the_database(studio))
    assert annas["session"]["id"] in rows
    assert looks_like_one.search(rows) is None
    assert not any(one in rows for one in (secret, *seeds))


async def everything_in_the_database(studio: Studio) -> str:
    """Return all rows of all tables as text, as the administrator sees them."""
    files = ServerFiles(studio.directory)
    database = ServerDatabase(files, files.read_config(), files.read_secrets().database_password)
    await database.open()
    try:
        async with database.database.connection() as connection:
            names = await connection.fetch(
                "select relname::text as name from pg_class where relname like 'slate\\_%'"
                " and relkind = 'r'"
            )
            texts = [
                await connection.fetch(f'select t::text as row from "{name["name"]}" t')
                for name in names
            ]
    finally:
        await database.aclose()
    return "\n".join(row["row"] for rows in texts for row in rows)


def test_a_flood_of_notifications_and_logins_hurts_nobody_else(studio: Studio) -> None:
    """Any login may notify and hold advisory locks: nothing here listens to them or waits."""

    async def attack() -> tuple[float, int]:
        dsn = studio.joined(studio.bert).database_url
        connections: list[asyncpg.Connection] = []
        refused = 0
        try:
            for _ in range(20):
                try:
                    connections.append(await asyncpg.connect(dsn, timeout=60))
                except asyncpg.TooManyConnectionsError:
                    refused += 1
            # Someone else's session is "told" of, a thousand times, and every lock is taken.
            for number in range(1000):
                await connections[0].execute("select pg_notify($1, $2)", "slate", str(number))
            await connections[0].execute(
                "select pg_advisory_lock(n) from generate_series(0, 2000) n"
            )
            begun = time.monotonic()
            done = await asyncio.to_thread(studio.anna, "session", "list", "--json")
            assert done.code == 0
            return time.monotonic() - begun, refused
        finally:
            for connection in connections:
                await connection.close()

    took_s, refused = asyncio.run(attack())
    assert refused > 0, "a login has so many connections and no more"
    assert took_s < 40
