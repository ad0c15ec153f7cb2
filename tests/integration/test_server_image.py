"""The server's image and the compose file: what is in them works, and what they keep is kept."""

from __future__ import annotations

import configparser
import contextlib
import importlib.util
import json
import shlex
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.commands import Cli
from tests.services.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "packaging" / "server" / "compose.yaml"


def services() -> dict[str, dict[str, Any]]:
    return yaml.safe_load(COMPOSE.read_text())["services"]


def test_every_command_of_the_compose_file_is_one_of_slates(tmp_path: Path) -> None:
    cli = Cli(tmp_path / "data")
    ours = {name: one for name, one in services().items() if one["image"] == "slate/server:latest"}
    assert set(ours) == {"server", "agent", "broker"}
    for one in ours.values():
        words = [word for word in one.get("command", ["server", "run"]) if not word.startswith("-")]
        known = [word for word in words if not word.startswith("/")]
        assert cli(*known, "--help").code == 0, words
    check = services()["server"]["healthcheck"]["test"]
    assert check[:2] == ["CMD", "slate"]
    assert cli(*check[2:], "--help").code == 0


def test_every_unit_of_systemd_starts_a_command_of_slates(tmp_path: Path) -> None:
    cli = Cli(tmp_path / "data")
    units = sorted(COMPOSE.parent.glob("*.service"))
    assert [unit.stem for unit in units] == ["slate-agent", "slate-broker", "slate-server"]
    for unit in units:
        parsed = configparser.ConfigParser(strict=False, interpolation=None)
        parsed.optionxform = str  # type: ignore[method-assign,assignment]
        parsed.read(unit)
        program, *words = shlex.split(parsed["Service"]["ExecStart"])
        assert program == "/usr/bin/slate"
        known = [word for word in words if not word.startswith(("-", "/"))]
        assert cli(*known, "--help").code == 0, unit
        assert parsed["Service"]["Restart"] == "on-failure"
        assert parsed["Service"]["UMask"] == "0077"
        assert parsed["Install"]["WantedBy"] == "multi-user.target"


def test_what_must_last_lies_on_the_host_under_its_own_path() -> None:
    for name, one in services().items():
        assert one["restart"] == "unless-stopped", name
        binds = {bind.split(":")[1]: bind.split(":")[0] for bind in one["volumes"]}
        for inside, outside in binds.items():
            # The agent has containers mount what lies there, by the path that it knows.
            assert inside == outside or name == "registry", (name, inside)
    needed = {"/var/lib/slate-server", "/var/lib/slate-desktop", "/var/run/docker.sock"}
    assert needed == {bind.split(":")[1] for bind in services()["server"]["volumes"]}
    registry = services()["registry"]["environment"]
    assert registry["REGISTRY_AUTH"] == "htpasswd"
    assert registry["REGISTRY_HTTP_TLS_CERTIFICATE"].endswith("certificate.pem")


@pytest.fixture(scope="module")
def image(docker_engine: str, base_image: str) -> str:
    if sys.version_info[:2] != (3, 11):
        pytest.skip("the image's wheels are of Python 3.11: not on this platform")
    path = ROOT / "packaging" / "server" / "build_image.py"
    spec = importlib.util.spec_from_file_location("build_image", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    # Without codecs: what is tried here needs none of them.
    return module.build("test", "server", docker_engine)


class Container:
    """One server in a container, whose data outlives it."""

    def __init__(self, engine: str, image: str, base: Path, ports: tuple[int, int]) -> None:
        self._docker = ["docker", "--host", engine]
        self._image = image
        self._ports = ports
        self._binds: list[str] = []
        for name in ("slate-server", "slate-desktop"):
            (base / name).mkdir()
            self._binds += ["--volume", f"{base / name}:/var/lib/{name}"]
        self.name = f"slate-test-{uuid.uuid4().hex[:12]}"

    def once(self, *arguments: str) -> str:
        return self._run("run", "--rm", *self._binds, self._image, *arguments)

    def start(self) -> None:
        publish = [word for port in self._ports for word in ("--publish", f"{port}:{port}")]
        self._run("run", "--detach", "--name", self.name, *publish, *self._binds, self._image)

    def execute(self, *arguments: str) -> str:
        return self._run("exec", self.name, *arguments)

    def remove(self) -> None:
        with contextlib.suppress(subprocess.CalledProcessError):
            self._run("stop", "--time", "60", self.name)
        with contextlib.suppress(subprocess.CalledProcessError):
            self._run("rm", "--force", self.name)

    def _run(self, *arguments: str) -> str:
        done = subprocess.run(
            [*self._docker, *arguments], check=True, capture_output=True, text=True, timeout=180
        )
        return done.stdout


@pytest.fixture
def container(docker_engine: str, image: str, tmp_path: Path) -> Iterator[Container]:
    made = Container(docker_engine, image, tmp_path, (free_port(), free_port()))
    try:
        yield made
    finally:
        made.remove()


def until(is_true: Callable[[], bool], what: str, timeout_s: float = 150) -> None:
    deadline = time.monotonic() + timeout_s
    while not is_true():
        assert time.monotonic() < deadline, f"not in time: {what}"
        time.sleep(0.5)


@pytest.mark.docker
@pytest.mark.timeout(900)
def test_a_server_in_a_container_is_joined_and_keeps_what_it_knew(
    container: Container, tmp_path: Path
) -> None:
    nats_port, database_port = container._ports
    container.once(
        "server", "init", "--name", "sbx01", "--host", "localhost",
        "--nats-port", str(nats_port), "--database-port", str(database_port),
    )  # fmt: skip
    container.start()
    kept = "/var/lib/slate-server/anna.slate-join"
    container.execute("slate", "server", "add-user", "Anna", "--out", kept)
    anna = Cli(tmp_path / "anna")
    file = tmp_path / "slate-server" / "anna.slate-join"
    until(lambda: anna("connect", str(file), "--json").code == 0, "Anna has joined")

    def has_agent() -> bool:
        # A broker that reads its users anew may turn somebody away for the moment.
        found = anna("hosts", "--json")
        return found.code == 0 and [h["is_online"] for h in found.json["hosts"]] == [True]

    until(has_agent, "its agent is there")
    found = json.loads(container.execute("slate", "server", "users", "--json"))
    assert [person["name"] for person in found["people"]] == ["Anna"]
    root = tmp_path / "game"
    root.mkdir()
    anna.json("project", "add", str(root), "--name", "game", "--command", "true")
    container.remove()
    container.start()
    until(lambda: anna("project", "list", "--json").code == 0, "it is back")
    assert [row["name"] for row in anna.json("project", "list")["projects"]] == ["game"]
