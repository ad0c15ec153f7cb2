"""A workstation, SBX01 and a second host: real addresses, TLS, and no disk that two of them see."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from slate_desktop.errors import StackError
from slate_desktop.server.programs import find_system_postgres
from slate_desktop.stack.postgres_home import ROOT_BASE
from tests.conftest import require_service
from tests.e2e.commands import Cli
from tests.services.namespaces import Host, hosts, require_namespaces
from tests.services.screen import screen

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.nats,
    pytest.mark.docker,
    pytest.mark.timeout(420),
]
SAMPLES = Path(__file__).parents[2] / "resources" / "samples"


class HostCli(Cli):
    """The command line on one of the hosts."""

    host: Host

    def command(self, arguments: Any) -> list[str]:
        return self.host.command(super().command(arguments))


def cli_on(host: Host, name: str, **env: str) -> HostCli:
    cli = HostCli(host.directory / name, env)
    cli.host = host
    return cli


@dataclass
class Studio:
    """Everything that runs."""

    server: HostCli
    anna: HostCli
    workstation: Host
    log: Path


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory, docker_engine: str) -> Iterator[Studio]:
    require_namespaces()
    try:
        find_system_postgres()
    except StackError as exc:
        require_service("postgres", str(exc))
    base = tmp_path_factory.mktemp("hosts")
    with hosts(base, ("workstation", "sbx01", "sbx02")) as found, contextlib.ExitStack() as stack:
        first, second = found["sbx01"], found["sbx02"]
        directory = first.directory / "server"
        token = directory / "postgres" / "cluster"
        stack.callback(_remove_root_cluster, token)
        server = cli_on(
            first, "admin", SLATE_SERVER_DIR=str(directory), SLATE_DOCKER_HOST=docker_engine
        )
        server.json("server", "init", "--name", "sbx01", "--host", first.address)
        log = base / "server.log"
        running = stack.enter_context(_process(server, ["server", "run"], log))
        anna = cli_on(found["workstation"], "data")
        _join(server, running, "add-user", "Anna", anna, found["workstation"])
        other = cli_on(second, "data", SLATE_DOCKER_HOST=docker_engine)
        place = second.directory / "agent"
        _join(server, running, "add-agent", "sbx02", other, second, "--agent", str(place))
        stack.enter_context(_process(other, ["agent", "--joined", str(place)], base / "agent.log"))
        online: list[str] = []

        def are_there() -> bool:
            online[:] = _online(anna)
            return len(online) == 2

        _until(are_there, 90, "two agents are online")
        assert "sbx02" in online, "a host is called what its invitation calls it"
        yield Studio(server, anna, found["workstation"], log)


def test_a_session_of_the_workstations_project_runs_on_a_host(
    studio: Studio, godot_image: str
) -> None:
    anna = studio.anna
    root = studio.workstation.directory / "pulse"
    shutil.copytree(SAMPLES / "godot-pulse", root)
    (root / ".godot").mkdir()
    (root / ".godot" / "cache").write_text("stays here")
    anna.json("project", "add", str(root), "--name", "pulse")
    image, _, tag = godot_image.partition(":")
    session = anna.json(
        "session", "start", "pulse", "--driver", "docker", "--image", image, "--tag", tag,
        "--memory", "512m", "--cpus", "1", "--wait", timeout_s=120,
    )  # fmt: skip
    try:
        assert session["status"] == "running", session
        status = anna.json("sync", "status", "pulse")
        assert status["in_sync"]
        assert [host["shared"] for host in status["hosts"]] == [False, False]
        inside = anna.json("session", "exec", session["id"], "--", "ls", "-A", "/app/project")
        assert {"project.godot", "Pulse.gd"} <= set(inside["stdout"].split())
        assert ".godot" not in inside["stdout"].split()
        assert anna.json("session", "stats", session["id"])["memory_limit"] == 512 * 1024**2
        _change_reaches_the_container(studio, session["id"], root)
        wrote = ("touch", "/app/project/made-there.txt")
        assert anna.json("session", "exec", session["id"], "--", *wrote)["exit_code"] == 0
        lines = anna("session", "logs", session["id"], "--limit", "0", "--json", code=0).lines
        assert any("Godot" in line["message"] for line in lines)
    finally:
        stopped = anna.json("session", "stop", session["id"], "--wait", timeout_s=120)
    assert stopped["status"] == "stopped"
    assert (root / "made-there.txt").exists(), "what the runtime wrote came back"


def _change_reaches_the_container(studio: Studio, session_id: str, root: Path) -> None:
    """A file that is saved on the workstation is in the running container."""
    out = studio.workstation.directory / "watch.jsonl"
    with _process(studio.anna, ["sync", "watch", "pulse", "--json"], out):
        _until(lambda: _passes(out), 60, "the folder is watched")
        (root / "live.txt").write_text("saved just now")
        _until(lambda: any(one["hosts"] for one in _passes(out)[1:]), 60, "it is brought")

        def is_there() -> bool:
            # A pass may have come between the file's making and its content.
            cat = ("session", "exec", session_id, "--json", "--", "cat", "/app/project/live.txt")
            found = studio.anna(*cat)
            return found.code == 0 and found.json["stdout"] == "saved just now"

        _until(is_there, 60, "it is in the container")
    print("a saved file was on the host after", _passes(out)[-1]["took_s"], "s")  # noqa: T201


def _passes(out: Path) -> list[dict[str, Any]]:
    """What was told so far; the last line may not be whole yet."""
    lines = out.read_text().splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("\n")]


def test_a_local_project_is_built_there_and_its_artifact_comes_back(studio: Studio) -> None:
    root = studio.workstation.directory / "hello"
    shutil.copytree(SAMPLES / "hello-build", root)
    studio.anna.json("project", "add", str(root), "--name", "hello")
    row = studio.anna.json(
        "build", "start", "hello", "--platform", "linux", "--type", "production", "--driver",
        "process", "--wait", timeout_s=120,
    )  # fmt: skip
    assert (row["status"], row["verdict"]) == ("completed", "passed"), row
    assert _downloaded(studio.anna, row["id"], studio.workstation.directory / "out")
    log = studio.anna("build", "logs", row["id"], "--json", code=0).lines
    assert log


def test_the_godot_sample_is_built_in_a_container_there(studio: Studio, godot_image: str) -> None:
    root = studio.workstation.directory / "exported"
    shutil.copytree(SAMPLES / "godot-pulse", root)
    studio.anna.json("project", "add", str(root), "--name", "exported")
    row = studio.anna.json(
        "build", "start", "exported", "--platform", "linux", "--type", "production", "--driver",
        "docker", "--wait", timeout_s=180,
    )  # fmt: skip
    assert (row["status"], row["verdict"], row["driver"]) == ("completed", "passed", "docker"), row
    out = studio.workstation.directory / "exported-out"
    files = _downloaded(studio.anna, row["id"], out)
    assert set(files) == {"pulse.x86_64", "pulse.pck"}
    assert files["pulse.x86_64"].read_bytes().startswith(b"\x7fELF")
    assert files["pulse.pck"].read_bytes().startswith(b"GDPC")


def _downloaded(anna: HostCli, build_id: str, out: Path) -> dict[str, Path]:
    """Fetch the artifacts of a build; each has the size and digest that its row says."""
    got = anna.json("build", "artifacts", build_id, "--download", str(out), timeout_s=120)
    found: dict[str, Path] = {}
    for item in got["artifacts"]:
        path = Path(item["path"])
        data = path.read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (item["size"], item["sha256"])
        found[path.name] = path
    return found


def test_a_batch_of_assets_is_spread_over_both_hosts(studio: Studio) -> None:
    root = _textures(studio.workstation.directory / "art", seed=7)
    studio.anna.json("project", "add", str(root), "--name", "art", "--command", "true")
    out = studio.workstation.directory / "made"
    done = studio.anna.json(
        "asset", "batch", str(root), "--remote", "--out", str(out), timeout_s=120
    )
    assert {job["state"] for job in done["jobs"]} == {"completed"}
    assert len(list(out.rglob("*"))) >= 8
    rows = studio.anna.json("asset", "jobs", "--project", "art")["jobs"]
    workers = {row["worker"].rsplit(".", 1)[0] for row in rows}
    assert len(workers) == 2, workers


def _textures(root: Path, *, seed: int) -> Path:
    root.mkdir()
    rng = np.random.default_rng(seed)
    for number in range(8):
        pixels = rng.integers(0, 255, (256, 256, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(root / f"t{number}.png")
    return root


@pytest.mark.gui
def test_the_window_joins_runs_builds_and_processes_there(studio: Studio, godot_image: str) -> None:
    pytest.importorskip("PySide6", reason="not on this platform: Qt is not installed")
    here = studio.workstation.directory
    bert = cli_on(studio.workstation, "bert", SLATE_CACHE_DIR=str(here / "bert" / "cache"))
    invitation = studio.server.host.directory / "Bert.slate-join"
    studio.server.json("server", "add-user", "Bert", "--out", str(invitation))
    carried = here / invitation.name
    shutil.copy(invitation, carried)
    # Nobody listens there: the window that joins is a workstation's that knows no server yet.
    alone = {
        "SLATE_NATS_URL": "nats://127.0.0.1:9",
        "SLATE_DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none",
    }
    assert _driven(bert, ["join", str(carried)], alone) == {"profile": "sbx01"}
    pulse = here / "window-pulse"
    shutil.copytree(SAMPLES / "godot-pulse", pulse)
    art = _textures(here / "window-art", seed=8)
    seen = _driven(bert, ["work", str(pulse), str(art), godot_image, "sbx02"], {})
    assert (seen["ran_on"], seen["session"]) == ("sbx02", "stopped")
    assert seen["lines"] > 5
    assert seen["figure"].endswith("%")
    assert (seen["verdict"], seen["driver"]) == ("passed", "docker")
    files = _downloaded(bert, seen["build"], here / "window-out")
    assert set(files) == {"pulse.x86_64", "pulse.pck"}
    assert seen["jobs"] == ["completed"]
    assert len(seen["workers"]) == 2, seen["workers"]


def _driven(person: HostCli, arguments: list[str], env: dict[str, str]) -> dict[str, Any]:
    """Drive the window of a workstation, on a screen of its own, and return what it saw."""
    if folder := os.environ.get("SLATE_PICTURES"):
        env = env | {"SLATE_PICTURES": folder}
    driver = [sys.executable, str(Path(__file__).with_name("drive_hosts.py")), *arguments]
    with screen() as display:
        done = subprocess.run(
            person.host.command(driver),
            env=person.environment() | display | env,
            check=False,
            capture_output=True,
            text=True,
            timeout=400,
        )
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


def _join(
    server: HostCli,
    running: subprocess.Popen[bytes],
    what: str,
    name: str,
    who: HostCli,
    host: Host,
    *more: str,
) -> None:
    """Invite, carry the file over, and join; the server may still be starting."""
    # Both sides see it only here, as a person carries it.
    file = server.host.directory / f"{name}.slate-join"
    server.json("server", what, name, "--out", str(file))
    carried = host.directory / file.name
    shutil.copy(file, carried)
    deadline = time.monotonic() + 180
    while (done := who("connect", *more, str(carried), "--json")).code != 0:
        assert running.poll() is None, "the server ended"
        assert time.monotonic() < deadline, done
        time.sleep(0.5)


def _online(anna: HostCli) -> list[str]:
    done = anna("hosts", "--json")
    if done.code != 0:
        return []
    return [host["name"] for host in done.json["hosts"] if host["is_online"]]


def _until(is_true: Any, timeout_s: float, what: str) -> None:
    deadline = time.monotonic() + timeout_s
    while not is_true():
        assert time.monotonic() < deadline, f"not in time: {what}"
        time.sleep(0.05)


@contextlib.contextmanager
def _process(cli: HostCli, arguments: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as file:
        process = subprocess.Popen(
            cli.command(arguments),
            env=cli.environment(),
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(60)
        finally:
            process.kill()


def _remove_root_cluster(token: Path) -> None:
    if os.geteuid() == 0 and token.exists():
        for root in ROOT_BASE.glob("*/cluster"):
            if root.read_bytes() == token.read_bytes():
                shutil.rmtree(root.parent)
