"""Keeping a server: backup and restore, new keys, the doctor, and upgrades."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import signal
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from slate_desktop.bus.nats_bus import NatsBus
from slate_desktop.bus.nats_objects import NatsObjects
from slate_desktop.errors import AgentOfflineError, EnvironmentFaultError, StackError
from slate_desktop.server.config import ServerFiles
from slate_desktop.server.upgrade import upgrade
from slate_desktop.settings import joined, paths
from slate_desktop.stack.postgres_home import ROOT_BASE
from slate_desktop.store.migrate import load_migrations
from tests.e2e.commands import Cli
from tests.e2e.studio import Studio
from tests.services.ports import free_port

# With the start of the server, and its backup, in the first test of all.
pytestmark = [pytest.mark.postgres, pytest.mark.nats, pytest.mark.timeout(300)]
CONTENT = os.urandom(900_000)


def checks(cli: Cli, *, code: int = 0) -> dict[str, tuple[str, str]]:
    """What the doctor finds: state and how to mend it, by name."""
    found = cli("server", "doctor", "--json", code=code).json["checks"]
    return {row["name"]: (row["state"], row["fix"]) for row in found}


async def annas_objects(studio: Studio, url: str) -> tuple[NatsBus, NatsObjects]:
    context = ssl.create_default_context(cafile=studio.joined(studio.anna).ca_file)
    bus = await NatsBus.connect(
        url, seed=studio.seed(studio.anna), name="objects", tls=context, is_tls_first=True
    )
    return bus, NatsObjects(bus)


@pytest.fixture(scope="module")
def kept(studio: Studio, annas: dict[str, Any]) -> Iterator[Path]:
    """A backup of the running server, with an object in its store."""
    assert annas

    async def put() -> None:
        bus, objects = await annas_objects(studio, studio.joined(studio.anna).server.nats_url)
        try:
            async with asyncio.timeout(90):
                while True:
                    # The agent makes the store a moment after it has come up.
                    try:
                        await objects.put(CONTENT)
                        return
                    except (AgentOfflineError, EnvironmentFaultError):
                        await asyncio.sleep(0.5)
        finally:
            await bus.aclose()

    asyncio.run(put())
    file = studio.directory.parent / "sbx01.slate-backup"
    told = studio.server.json("server", "backup", str(file), timeout_s=120)
    assert told["server"] == "sbx01"
    assert "OBJ_slate" in told["streams"]
    assert told["bytes"] > len(CONTENT)
    yield file
    file.unlink()


def test_a_backup_is_private_whole_and_checked(studio: Studio, kept: Path, tmp_path: Path) -> None:
    assert kept.stat().st_mode & 0o077 == 0
    assert list(kept.parent.glob("*.partial")) == []
    assert list(ServerFiles(studio.directory).operators.iterdir()) == []
    whole = studio.server.json("server", "restore", str(kept), "--check")
    assert whole["schema"] == len(load_migrations())
    data = bytearray(kept.read_bytes())
    data[len(data) // 2] ^= 1
    damaged = tmp_path / "damaged"
    damaged.write_bytes(data)
    for source in (damaged, tmp_path / "absent", Path(__file__)):
        target = tmp_path / "new"
        done = studio.server("server", "restore", str(source), "--dir", str(target), "--json")
        assert done.json["error"]["code"] == "settings", done
        assert not target.exists()


@pytest.mark.usefixtures("kept")
def test_what_nobody_names_is_counted_and_stays_for_its_grace(studio: Studio) -> None:
    for more in ((), ("--apply",)):
        told = studio.server.json("server", "prune", *more, timeout_s=120)
        assert (told["due"], told["removed"]) == (0, 0)
        assert told["waiting"] >= 1
        assert told["size_bytes"] >= len(CONTENT)


def test_a_backup_is_restored_over_nothing_that_is_there(studio: Studio, kept: Path) -> None:
    before = sorted(path.name for path in studio.directory.iterdir())
    done = studio.server("server", "restore", str(kept), "--json")
    assert done.json["error"]["code"] == "settings"
    assert "not empty" in done.json["error"]["message"]
    assert sorted(path.name for path in studio.directory.iterdir()) == before


def test_the_doctor_finds_a_sound_server_and_names_what_is_not(studio: Studio) -> None:
    found = checks(studio.server)
    fine = ("configuration", "server", "keys", "certificate", "authority", "PostgreSQL", "schema",
            "broker port", "database port", "connections")  # fmt: skip
    assert {name: found[name][0] for name in fine} == dict.fromkeys(fine, "ok")
    assert any(name.startswith("agent ") and row[0] == "ok" for name, row in found.items())
    tested = studio.anna.json("profile", "test", "sbx01")["checks"]
    names = ["name", "address", "TLS", "key", "database", "clock", "schema", "person", "agents"]
    assert [(row["name"], row["state"]) for row in tested] == [(name, "ok") for name in names]
    secret = ServerFiles(studio.directory).secrets
    secret.chmod(0o644)
    try:
        state, fix = checks(studio.server, code=5)["keys"]
    finally:
        secret.chmod(0o600)
    assert state == "failed"
    assert "chmod 600" in fix
    absent = studio.server("server", "doctor", "--dir", "/nonexistent/server", "--json")
    assert absent.json["checks"][0]["fix"] == "Make one: slate server init"


def test_new_keys_are_used_at_once_and_what_runs_goes_on(
    studio: Studio, annas: dict[str, Any]
) -> None:
    session_id = annas["session"]["id"]
    own = ServerFiles(studio.directory)
    seed, certificate = (own.agent / joined.SEED_FILE).read_bytes(), own.certificate.read_bytes()
    port = studio.nats_port
    ca = str(own.authority_certificate)
    done = studio.server.json("server", "rotate", timeout_s=90)
    assert done == {"certificate": True, "agent": True, "reloaded": True}
    assert (own.agent / joined.SEED_FILE).read_bytes() != seed
    assert own.certificate.read_bytes() != certificate
    deadline = time.monotonic() + 90
    while True:
        # The agent comes back with its new key, and answers with it.
        ran = studio.anna("session", "exec", session_id, "--json", "--", "echo", "still here")
        if ran.code == 0:
            break
        assert time.monotonic() < deadline, ran
        time.sleep(0.5)
    assert studio.anna.json("session", "show", session_id)["status"] == "running"
    shown = ssl.get_server_certificate(("localhost", port), ca_certs=ca)
    assert shown.split() == own.certificate.read_text().split()
    assert studio.server("server", "upgrade", "--json").json["error"]["code"] == "stack"


@pytest.fixture
def second(studio: Studio, kept: Path, tmp_path: Path) -> Iterator[tuple[Cli, Path, int, int]]:
    """The backup as a second server, on other ports of this host."""
    directory = tmp_path / "second"
    server = Cli(tmp_path / "admin", {"SLATE_SERVER_DIR": str(directory)})
    nats_port, database_port = free_port(), free_port()
    try:
        server.json(
            "server", "restore", str(kept), "--nats-port", str(nats_port),
            "--database-port", str(database_port), timeout_s=120,
        )  # fmt: skip
        yield server, directory, nats_port, database_port
    finally:
        token = directory / "postgres" / "cluster"
        if os.geteuid() == 0 and token.exists():
            for root in ROOT_BASE.glob("*/cluster"):
                if root.read_bytes() == token.read_bytes():
                    shutil.rmtree(root.parent)


async def test_a_restored_server_has_everything_and_an_upgrade_backs_it_up(
    studio: Studio,
    second: tuple[Cli, Path, int, int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server, directory, nats_port, database_port = second
    anna = moved(studio.anna, tmp_path / "moved", nats_port, database_port)
    log = (tmp_path / "second.log").open("wb")
    process = await asyncio.to_thread(
        subprocess.Popen, server.command(["server", "run"]), env=server.environment(),
        stdout=log, stderr=log,
    )  # fmt: skip
    try:
        async with asyncio.timeout(90):
            while (await asyncio.to_thread(anna, "project", "list", "--json")).code:  # noqa: ASYNC110
                await asyncio.sleep(0.5)
        listed = await asyncio.to_thread(anna.json, "project", "list")
        assert [row["name"] for row in listed["projects"]] == ["annas"]
        trail = await asyncio.to_thread(anna.json, "audit", "list")
        assert "session.start" in {row["action"] for row in trail["entries"]}
        bus, objects = await annas_objects(studio, f"tls://localhost:{nats_port}")
        try:
            sha256 = hashlib.sha256(CONTENT).hexdigest()
            await objects.get(sha256, len(CONTENT), tmp_path / "object")
        finally:
            await bus.aclose()
        assert (tmp_path / "object").read_bytes() == CONTENT
    finally:
        process.send_signal(signal.SIGTERM)
        await asyncio.to_thread(process.wait, 60)
        log.close()
    await upgraded(ServerFiles(directory), tmp_path, monkeypatch)


async def upgraded(own: ServerFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Upgrade a stopped server: without need, by one migration, and by one that fails."""
    assert (await upgrade(own)).backup is None
    known = len(load_migrations())
    files = Path(shutil.copytree(paths.migrations_path(), tmp_path / "migrations"))
    for module in ("slate_desktop.store.migrate", "slate_desktop.settings.paths"):
        monkeypatch.setattr(f"{module}.migrations_path", lambda: files)
    bad = files / f"{known + 1:03}_next.sql"
    bad.write_text("create table slate_next (id text primary key);\nselect nothing();\n")
    with pytest.raises(StackError, match="failed and was undone"):
        await upgrade(own)
    bad.write_text("create table slate_next (id text primary key);\n")
    done = await upgrade(own)
    assert (done.before, done.after) == (known, known + 1)
    assert done.backup is not None
    assert done.backup.stat().st_mode & 0o077 == 0
    assert len(list(own.backups.iterdir())) == 2


def moved(person: Cli, place: Path, nats_port: int, database_port: int) -> Cli:
    """A workstation whose server is reached at other ports."""
    copy = Cli(shutil.copytree(person.data_dir, place))
    file = copy.data_dir / "config" / "servers" / "sbx01" / "server.json"
    server = json.loads(file.read_text())
    server["nats_url"] = f"tls://localhost:{nats_port}"
    server["database_port"] = database_port
    file.write_text(json.dumps(server))
    return copy
