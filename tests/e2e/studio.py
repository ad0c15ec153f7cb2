"""A running server with two people who have joined it, for all tests of servers together."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from slate_desktop.errors import StackError
from slate_desktop.server.programs import find_system_postgres
from slate_desktop.settings import joined
from slate_desktop.stack.postgres_home import ROOT_BASE
from tests.conftest import require_service
from tests.e2e.commands import LOOP, Cli
from tests.services.ports import free_port


@dataclass
class Studio:
    """A running server, and the workstations of two people."""

    server: Cli
    directory: Path
    anna: Cli
    bert: Cli
    nats_port: int
    process: subprocess.Popen[bytes]

    def joined(self, person: Cli) -> joined.Joined:
        return joined.read(person.data_dir / "config" / "servers" / "sbx01")

    def seed(self, person: Cli) -> str:
        place = person.data_dir / "keys" / "secrets" / "user_seed.sbx01"
        return place.read_text()


@pytest.fixture(scope="session")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    try:
        find_system_postgres()
    except StackError as exc:
        require_service("postgres", str(exc))
    base = tmp_path_factory.mktemp("studio")
    directory = base / "server"
    server = Cli(base / "admin", {"SLATE_SERVER_DIR": str(directory)})
    nats_port, database_port = free_port(), free_port()
    server.json(
        "server", "init", "--name", "sbx01", "--host", "localhost", "--listen", "127.0.0.1",
        "--nats-port", str(nats_port), "--database-port", str(database_port),
    )  # fmt: skip
    log = (base / "server.log").open("wb")
    process = subprocess.Popen(
        server.command(["server", "run"]),
        env=server.environment(),
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    try:
        people = {}
        for name in ("Anna", "Bert"):
            people[name] = join(server, base, name, process)
        yield Studio(server, directory, people["Anna"], people["Bert"], nats_port, process)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(60)
        finally:
            process.kill()
            log.close()
            forget_cluster(directory)


def forget_cluster(directory: Path) -> None:
    """Remove the database cluster that root's server keeps outside its directory."""
    token = directory / "postgres" / "cluster"
    if os.geteuid() == 0 and token.exists():
        for root in ROOT_BASE.glob("*/cluster"):
            if root.read_bytes() == token.read_bytes():
                shutil.rmtree(root.parent)


def join(server: Cli, base: Path, name: str, process: subprocess.Popen[bytes]) -> Cli:
    """Let one person in; the server may still be starting."""
    file = base / f"{name}.slate-join"
    server.json("server", "add-user", name, "--out", str(file))
    person = Cli(base / name / "data")
    person.data_dir.parent.mkdir()
    deadline = time.monotonic() + 180
    while True:
        done = person("connect", str(file), "--json")
        if done.code == 0:
            return person
        assert process.poll() is None, "the server ended"
        assert time.monotonic() < deadline, done
        time.sleep(1)


@pytest.fixture(scope="session")
def annas(studio: Studio, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """A project of Anna's with a session that runs on the server's own agent."""
    root = tmp_path_factory.mktemp("annas")
    (root / "loop.py").write_text(LOOP)
    project = studio.anna.json(
        "project", "add", str(root), "--name", "annas", "--command", "{python} {root}/loop.py"
    )
    studio.anna.json("quota", "set", "annas", "--builds", "90")
    start = ("session", "start", "annas", "--driver", "process", "--wait", "--json")
    # The server answers before its own agent has come up.
    deadline = time.monotonic() + 120
    while (done := studio.anna(*start)).code != 0:
        assert time.monotonic() < deadline, done
        time.sleep(0.5)
    session = done.json
    assert session["status"] == "running"
    yield {"project": project, "session": session}
    studio.anna.json("session", "stop", session["id"], "--wait")
