"""Every command of the guide is run as it stands there, by a shell, on a stack and a server."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from slate_desktop.errors import StackError
from slate_desktop.server.programs import find_system_postgres
from slate_desktop.stack.postgres_home import ROOT_BASE
from tests.conftest import require_service
from tests.e2e.commands import Cli
from tests.e2e.guide_plan import DESK, SERVER, Step
from tests.guide import ROOT
from tests.services.ports import free_port
from tests.services.stack import OwnStack, require_stack

pytestmark = [pytest.mark.nats, pytest.mark.postgres, pytest.mark.timeout(600)]
_LONG_S = 180


class Shell:
    """A shell with ``slate`` in its path, in a folder of one person's own."""

    def __init__(self, base: Path, variables: dict[str, str] | None = None) -> None:
        self.cli = Cli(base / "data", variables or {})
        self.home = base / "home"
        self.folder = base / "desk"
        for folder in (base / "bin", self.home, self.folder):
            folder.mkdir(parents=True)
        program = base / "bin" / "slate"
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m slate_desktop "$@"\n')
        program.chmod(0o755)
        self.env = self.cli.environment() | {
            "HOME": str(self.home),
            "PATH": f"{program.parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "XDG_CACHE_HOME": str(base / "cache"),
            "SLATE_CACHE_DIR": str(base / "cache" / "slate"),
            # No engine: what is shown is the same with local processes.
            "DOCKER_HOST": "tcp://127.0.0.1:9",
        }

    def start(
        self, command: str, out: int = subprocess.PIPE, folder: str = "."
    ) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["/bin/sh", "-c", command],
            cwd=self.folder / folder,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, command: str, codes: tuple[int, ...] = (0,), folder: str = ".") -> str:
        process = self.start(command, folder=folder)
        try:
            said, _ = process.communicate(timeout=_LONG_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            said, _ = process.communicate()
            pytest.fail(f"{command} did not end; it said:\n{said}")
        assert process.returncode in codes, f"{command} ended with {process.returncode}:\n{said}"
        return said

    def run_until(self, command: str, pattern: str) -> None:
        """Run what goes on by itself until it has said something, and end it as Ctrl-C does."""
        process = self.start(command)
        try:
            assert process.stdout is not None
            for line in process.stdout:
                if re.search(pattern, line):
                    break
            else:
                pytest.fail(f"{command} ended with {process.wait()}")
        finally:
            self.end(process)
        assert process.returncode in (0, 130, -signal.SIGINT), command

    @staticmethod
    def end(process: subprocess.Popen[str]) -> None:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)
        try:
            process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def run(step: Step, shell: Shell, known: dict[str, str]) -> None:
    command = (step.run or step.shown).format(**known) if step.run else step.shown
    if step.until:
        shell.run_until(command, step.until)
    else:
        shell.run(command, step.codes, step.folder)


# -- a desk ----------------------------------------------------------------------------------------


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Shell]:
    require_stack()
    shell = Shell(tmp_path)
    _put_files(shell)
    try:
        yield shell
    finally:
        listed = shell.cli("session", "list", "--active", "--json")
        for session in listed.json.get("sessions", []) if listed.code == 0 else []:
            shell.cli("session", "stop", session["id"], "--wait")
        shell.cli("stack", "down", timeout_s=90)
        OwnStack(shell.cli.data_dir).remove_root_cluster()


def _put_files(shell: Shell) -> None:
    image = pytest.importorskip("PIL.Image", reason="the codecs are not installed")
    samples = ROOT / "resources" / "samples"
    shutil.copytree(samples, shell.folder / "resources" / "samples")
    shutil.copytree(samples / "hello-build", shell.home / "games" / "helios")
    toml = shell.home / "games" / "helios" / "slate.toml"
    text = toml.read_text().replace('"hello-build"', '"helios"', 1)
    command = "\"{python} -c 'import time; print(1, flush=True); time.sleep(600)'\""
    toml.write_text(re.sub(r"(?m)^command = .*$", f"command = {command}", text, count=1))
    pictures = (
        "wool.png",
        "rock.png",
        "Art/stone.png",
        "art/rock.png",
        "pong/slate.toml",
    )
    for number, name in enumerate(pictures):
        target = shell.folder / name
        target.parent.mkdir(exist_ok=True)
        if name.endswith(".png"):
            image.new("RGB", (64, 64), (90 + number, 120, 150)).save(target)
    (shell.folder / "pong" / "slate.toml").write_text('name = "pong"\ncommand = "{python} -V"\n')
    shutil.copytree(shell.folder / "art", shell.folder / "pong" / "art")
    _model(shell.folder / "hero.glb")
    with wave.open(str(shell.folder / "theme.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(44_100)
        file.writeframes(b"".join((n % 200 * 100).to_bytes(2, "little") for n in range(44_100)))


def _model(target: Path) -> None:
    trimesh = pytest.importorskip("trimesh", reason="the codecs are not installed")
    target.write_bytes(trimesh.creation.icosphere(subdivisions=2).export(file_type="glb"))


def test_every_command_of_a_desk_runs(desk: Shell) -> None:
    known: dict[str, str] = {}
    for step in DESK:
        if step.after == "pong":
            desk.run("slate project add pong")
        if "{one}" in step.run:
            sessions = desk.cli.json("session", "list")["sessions"]
            known |= {"one": sessions[0]["id"], "two": sessions[1]["id"]}
        if "{job}" in step.run:
            jobs = desk.cli.json("asset", "jobs")["jobs"]
            known["job"] = jobs[0]["id"]
        run(step, desk, known)
    assert any(desk.folder.glob("out/*"))
    assert any(desk.folder.glob("processed/*"))


# -- a studio --------------------------------------------------------------------------------------


class Studio:
    """The folders of a server, of two people and of one more host; and what goes on there."""

    def __init__(self, base: Path) -> None:
        try:
            find_system_postgres()
        except StackError as exc:
            require_service("postgres", str(exc))
        self.directory, self.restored = base / "server", base / "restored"
        self.shells = {
            "": Shell(base / "admin", {"SLATE_SERVER_DIR": str(self.directory)}),
            "anna": Shell(base / "anna"),
            "bert": Shell(base / "bert"),
            "host": Shell(base / "host"),
        }
        (base / "backup").mkdir()
        self.known = {
            "nats": str(free_port()),
            "database": str(free_port()),
            "other_nats": str(free_port()),
            "other_database": str(free_port()),
            "agent": str(base / "agent"),
            "backup": str(base / "backup"),
            "restored": str(self.restored),
        }
        self.going: dict[str, subprocess.Popen[str]] = {}
        self.told = base / "going.log"
        self.log = self.told.open("w")
        self.conflicts = 0

    def close(self) -> None:
        for name in reversed(list(self.going)):
            self.stop(name)
        self.log.close()
        for place in (self.directory, self.restored):
            token = place / "postgres" / "cluster"
            if os.geteuid() == 0 and token.exists():
                for root in ROOT_BASE.glob("*/cluster"):
                    if root.read_bytes() == token.read_bytes():
                        shutil.rmtree(root.parent)

    def stop(self, name: str) -> None:
        process = self.going.pop(name)
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def until(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + 90
        while not condition():
            assert time.monotonic() < deadline, what
            time.sleep(0.5)

    def let_in(self, shell: Shell, command: str) -> None:
        """The server looks at its invitations now and then."""

        def is_in() -> bool:
            process = shell.start(command)
            process.communicate(timeout=_LONG_S)
            return process.returncode == 0

        self.until(is_in, f"{command} is not let in")

    # What is done before a step.

    def answers(self) -> None:
        self.until(lambda: "server is up" in self.told.read_text(), "no server answers")

    def invitations(self) -> None:
        """What people send each other."""
        for file in self.shells[""].folder.glob("*.slate-join"):
            for name in ("anna", "bert", "host"):
                shutil.copy2(file, self.shells[name].folder)
            file.unlink()

    def pulse(self) -> None:
        anna = self.shells["anna"]
        root = anna.folder / "pulse"
        (root / "save").mkdir(parents=True)
        (root / "save" / "game.dat").write_text("first")
        (root / "loop.py").write_text("import time\nprint('on', flush=True)\ntime.sleep(600)\n")
        anna.run("slate project add pulse --name pulse --command '{python} {root}/loop.py'")

    def online(self) -> None:
        anna = self.shells["anna"]

        def is_there() -> bool:
            done = anna.cli("hosts", "--json")
            hosts = done.json["hosts"] if done.code == 0 else []
            return any(host["id"] == "sbx02" and host["is_online"] for host in hosts)

        self.until(is_there, "the second host's agent does not come up")

    def conflict(self) -> None:
        """Both change the same file; Bert was quicker."""
        self.conflicts += 1
        anna, bert = self.shells["anna"], self.shells["bert"]
        anna.run("slate sync pull pulse", (0, 1))
        anna.run("slate sync push pulse", (0, 1))
        bert.run("slate sync pull pulse")
        theirs = bert.home / "work" / "pulse" / "save" / "game.dat"
        theirs.write_text(f"Bert's {self.conflicts}")
        bert.run("slate sync push pulse")
        mine = anna.folder / "pulse" / "save" / "game.dat"
        mine.write_text(f"Anna's own {self.conflicts}")
        said = anna.run("slate sync pull pulse", (1,))
        assert "game.dat" in said

    def stopped(self) -> None:
        self.stop("host")
        self.stop("server")


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    with contextlib.closing(Studio(tmp_path)) as world:
        yield world


def test_every_command_of_a_studio_runs(studio: Studio) -> None:
    for step in SERVER:
        who, _, text = step.shown.rpartition(": ")
        shell = studio.shells[who]
        if step.after in ("server", "host"):
            command = (step.run or text).format(**studio.known)
            studio.going[step.after] = shell.start(f"exec {command}", studio.log.fileno())
            continue
        if step.after:
            getattr(studio, step.after)()
        command = step.run.format(**studio.known) if step.run else text
        if "watch" in command:
            process = shell.start(command)
            (studio.shells["anna"].folder / "pulse" / "new.txt").write_text(command)
            try:
                assert process.stdout is not None
                assert process.stdout.readline()
            finally:
                Shell.end(process)
        elif command.startswith("slate connect"):
            studio.let_in(shell, command)
        else:
            shell.run(command, step.codes)
