"""A server whose broker becomes one of three: joined as a person would, then one is killed."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from slate_desktop.errors import StackError
from slate_desktop.server.programs import find_system_postgres
from slate_desktop.settings import joined
from tests.conftest import require_service
from tests.e2e.commands import Cli
from tests.e2e.studio import forget_cluster, join
from tests.services.ports import free_port

pytestmark = [pytest.mark.postgres, pytest.mark.nats, pytest.mark.timeout(480)]

SAMPLES = Path(__file__).parents[2] / "resources" / "samples"


@dataclass
class Broker:
    """A further broker: its directory, and the process that keeps it up."""

    name: str
    directory: Path
    process: subprocess.Popen[bytes]

    def kill(self) -> None:
        """Kill the whole host's part at once."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class Hosts:
    """The server and what was joined to it."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.directory = base / "server"
        self.cli = Cli(base / "admin", {"SLATE_SERVER_DIR": str(self.directory)})
        self.running: list[subprocess.Popen[bytes]] = []

    def spawn(self, name: str, *command: str) -> subprocess.Popen[bytes]:
        with (self.base / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                self.cli.command(command),
                env=self.cli.environment(),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.running.append(process)
        return process

    def add_broker(self, name: str) -> Broker:
        """Invite a broker, join it, and start it."""
        file, place = self.base / f"{name}.slate-join", self.base / name
        self.cli.json(
            "server", "add-broker", name, "--host", "localhost", "--nats-port", str(free_port()),
            "--cluster-port", str(free_port()), "--out", str(file),
        )  # fmt: skip
        connect = ("connect", "--broker", str(place), str(file), "--json")
        until(lambda: self.cli(*connect).code == 0, f"{name} has joined")
        return Broker(name, place, self.start_broker(place))

    def start_broker(self, place: Path) -> subprocess.Popen[bytes]:
        return self.spawn(
            place.name, "server", "broker", "--joined", str(place), "--listen", "127.0.0.1"
        )

    def doctor(self, check: str) -> dict[str, str]:
        done = self.cli("server", "doctor", "--json")
        found = {row["name"]: row for row in done.json["checks"]}
        return found.get(check, {"state": "", "detail": ""})


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[Hosts]:
    try:
        find_system_postgres()
    except StackError as exc:
        require_service("postgres", str(exc))
    found = Hosts(tmp_path)
    try:
        yield found
    finally:
        for process in reversed(found.running):
            stop(process)
        forget_cluster(found.directory)


def stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(60)
        process.kill()


def until(is_true: Callable[[], bool], what: str, timeout_s: float = 120) -> None:
    deadline = time.monotonic() + timeout_s
    while not is_true():
        assert time.monotonic() < deadline, f"not in time: {what}"
        time.sleep(0.2)


def test_a_server_becomes_a_cluster_and_goes_on_without_one(hosts: Hosts) -> None:
    cli = hosts.cli
    cli.json(
        "server", "init", "--name", "sbx01", "--host", "localhost", "--listen", "127.0.0.1",
        "--nats-port", str(free_port()), "--database-port", str(free_port()),
        "--cluster-port", str(free_port()),
    )  # fmt: skip
    server = hosts.spawn("server", "server", "run")
    anna = join(cli, hosts.base, "Anna", server)
    place = joined.read(anna.data_dir / "config" / "servers" / "sbx01")
    assert "," not in place.server.nats_url
    project(anna, hosts.base)
    until(lambda: hosts_of(anna) == 1, "the server's own agent is there")
    before = build(anna)

    second, third = hosts.add_broker("sbx02"), hosts.add_broker("sbx03")
    assert cli.json("server", "brokers")["is_cluster"] is False
    assert hosts.doctor("cluster")["state"] == "note"
    stop(server)
    server = hosts.spawn("server", "server", "run")
    until(lambda: hosts.doctor("cluster")["state"] == "ok", "the cluster is whole")
    assert cli.json("server", "brokers")["is_cluster"] is True
    until(lambda: anna("hosts", "--json").code == 0, "the server answers again")

    # What the streams held before is there, and clients know all addresses now.
    assert artifact(anna, before, hosts.base / "before")
    urls = joined.read(place.directory).server.nats_url.split(",")
    assert len(set(urls)) == 3

    third.kill()
    until(lambda: misses(hosts, "sbx03"), "the doctor misses one")
    after = build(anna)
    assert artifact(anna, after, hosts.base / "after")
    third.process = hosts.start_broker(third.directory)
    until(lambda: hosts.doctor("cluster")["state"] == "ok", "it is whole again")

    # Somebody who is let in now is let in everywhere, and who is removed nowhere.
    bert = join(cli, hosts.base, "Bert", server)
    only(bert, second)
    until(lambda: bert("hosts", "--json").code == 0, "the second broker knows Bert")
    cli.json("server", "remove-user", "Bert")
    until(lambda: bert("profile", "test", "--json").code != 0, "no broker knows Bert")

    # A broker whose host is lost for good is replaced by another one.
    refused = cli("server", "remove-broker", "sbx03", "--json")
    assert refused.code != 0
    assert "three" in refused.err
    third.kill()
    hosts.add_broker("sbx04")
    cli.json("server", "remove-broker", "sbx03")
    until(lambda: hosts.doctor("cluster")["state"] == "ok", "the fourth has taken over")
    names = [row["name"] for row in cli.json("server", "brokers")["brokers"]]
    assert names == ["sbx01", "sbx02", "sbx04"]
    assert artifact(anna, before, hosts.base / "last")


def hosts_of(anna: Cli) -> int:
    """Return how many hosts are known; 0 while nobody answers."""
    done = anna("hosts", "--json")
    return len(done.json["hosts"]) if done.code == 0 else 0


def misses(hosts: Hosts, name: str) -> bool:
    """Tell whether the doctor says which broker is away; nobody can while a leader is chosen."""
    found = hosts.doctor("cluster")
    return found["state"] == "warning" and name in found["detail"]


def project(anna: Cli, base: Path) -> None:
    root = base / "hello"
    shutil.copytree(SAMPLES / "hello-build", root)
    anna.json("project", "add", str(root), "--name", "hello")


def build(anna: Cli) -> str:
    """Have a build done, and return its id."""
    row = anna.json(
        "build", "start", "hello", "--platform", "linux", "--type", "production", "--driver",
        "process", "--wait", timeout_s=150,
    )  # fmt: skip
    assert (row["status"], row["verdict"], row["attempt"]) == ("completed", "passed", 1), row
    return row["id"]


def artifact(anna: Cli, build_id: str, out: Path) -> bool:
    """Fetch what a build made, and compare its digests."""
    got = anna.json("build", "artifacts", build_id, "--download", str(out))["artifacts"]
    return bool(got) and all(
        hashlib.sha256(Path(item["path"]).read_bytes()).hexdigest() == item["sha256"]
        for item in got
    )


def only(person: Cli, broker: Broker) -> None:
    """Leave a person the way to one broker alone."""
    path = person.data_dir / "config" / "servers" / "sbx01" / "server.json"
    known = json.loads(path.read_text())
    place = json.loads((broker.directory / "broker.json").read_text())
    known["nats_url"] = f"tls://{place['hosts'][0]}:{place['nats_port']}"
    path.write_text(json.dumps(known))
