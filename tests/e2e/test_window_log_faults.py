"""A container's log, graph, configuration and verdict in the real window, whatever is killed.

The window is closed and opened, agent, broker and database die while lines come, the container is
removed with its session's end, and at last no server is there at all.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

pytest.importorskip("PySide6", reason="not on this platform: Qt is not installed")

from slate_desktop.stack import locks
from slate_desktop.stack.state import StackFiles
from tests.e2e.test_window_real_stack import environment
from tests.services.stack import OwnStack

pytestmark = [
    pytest.mark.gui,
    pytest.mark.docker,
    pytest.mark.fault,
    pytest.mark.timeout(480),
]
ROOT = Path(__file__).resolve().parents[2]
__all__ = ["environment"]
# Some thousand lines a second, by the small Perl of base images.
LOOP = r"""
$| = 1;
my $n = 0;
while (1) {
    my $text = "";
    for (1 .. 30) { $n++; $text .= "line $n of a match that goes on\n"; }
    print $text;
    select(undef, undef, undef, 0.01);
}
"""


@pytest.fixture
def docker_environment(
    environment: dict[str, str], docker_engine: str, base_image: str, tmp_path: Path
) -> dict[str, str]:
    root = tmp_path / "flood"
    root.mkdir(mode=0o755)
    (root / "loop.pl").write_text(LOOP)
    tmp_path.chmod(0o755)
    return environment | {
        "DOCKER_HOST": docker_engine,
        "TEST_PROJECT": str(root),
        "TEST_IMAGE": base_image,
    }


def _command(step: str) -> list[str]:
    return [sys.executable, "-m", "tests.e2e.drive_log_window", step]


def _see(environment: dict[str, str], step: str) -> dict[str, Any]:
    done = subprocess.run(
        _command(step),
        env=environment,
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=150,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


@contextlib.contextmanager
def _window_with_a_container(environment: dict[str, str]) -> Iterator[str]:
    """Start a session in a window; closes the window at the end, and the session runs on."""
    with (
        # A file: nobody reads a pipe meanwhile, and a full one would hold the window up.
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(
            _command("begin"),
            env=environment,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as window,
    ):

        def said() -> str:
            errors.seek(0)
            return errors.read()[-4000:]

        assert window.stdout is not None
        told = window.stdout.readline()
        assert told, said()
        try:
            yield json.loads(told)["session"]
        finally:
            window.send_signal(signal.SIGTERM)
            assert window.wait(60) == 0, said()


def _until(condition: Callable[[], object], timeout_s: float = 90.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        time.sleep(0.05)


def _kill(stack: OwnStack, name: str) -> None:
    """Kill a part of the stack and wait until it was started again."""
    _until(lambda: name in stack.children())
    victim = stack.children()[name].pid
    # It may have ended by itself when the part before it did.
    with contextlib.suppress(ProcessLookupError):
        os.kill(victim, signal.SIGKILL)
    _until(lambda: name in stack.children() and stack.children()[name].pid != victim)


def test_a_containers_log_is_whole_and_stays_whatever_is_killed(
    docker_environment: dict[str, str],
) -> None:
    data_dir = Path(docker_environment["SLATE_DATA_DIR"])
    stack = OwnStack(data_dir)
    with _window_with_a_container(docker_environment) as session_id:
        for name in ("agent", "nats", "database"):
            _kill(stack, name)
    # Nobody looks while the agent dies again.
    _kill(stack, "agent")
    seen = _see(docker_environment | {"TEST_SESSION": session_id}, "end")
    assert (seen["seqs"], seen["numbers"], seen["shown"]) == (True, True, True)
    assert seen["lines"] > 2_000
    assert seen["status"] == "stopped"
    assert seen["memory"] == 96 * 1024**2
    client = docker.APIClient(base_url=docker_environment["DOCKER_HOST"], version="auto")
    try:
        labelled = {"label": f"slate.session={session_id}"}
        _until(lambda: not client.containers(all=True, filters=labelled))
    finally:
        client.close()
    slate = [sys.executable, "-m", "slate_desktop", "stack", "down"]
    subprocess.run(slate, env=docker_environment, check=True, capture_output=True, timeout=90)
    # Nobody can start the stack while somebody else seems to.
    lock = locks.FileLock.acquire(StackFiles(data_dir).lock)
    assert lock is not None
    try:
        kept = _see(docker_environment | {"TEST_SESSION": session_id}, "offline")
    finally:
        lock.release()
    assert not kept["connected"]
    assert kept["kept"] > 0
    for name in ("last", "status", "memory"):
        assert kept[name] == seen[name], name
    assert kept["points"] > 1
