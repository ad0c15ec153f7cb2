"""The real program on the real embedded stack: Start, log, graph, Stop, a second window."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("PySide6", reason="not on this platform: Qt is not installed")

from tests.services.stack import require_stack

pytestmark = [pytest.mark.gui, pytest.mark.timeout(180)]
HERE = Path(__file__).resolve().parent


@pytest.fixture
def environment(tmp_path: Path):
    """Directories of the test's own; the stack in them ends with the test."""
    require_stack()
    environment = os.environ | {"QT_QPA_PLATFORM": "offscreen"}
    for name in ("DATA", "CONFIG", "CACHE"):
        environment[f"SLATE_{name}_DIR"] = str(tmp_path / name.lower())
    yield environment
    slate = [sys.executable, "-m", "slate_desktop"]
    # A runtime outlives its stack, so one that a window left running is ended first.
    listing = [*slate, "session", "list", "--active", "--json"]
    found = subprocess.run(listing, env=environment, check=True, capture_output=True, timeout=60)
    for session in json.loads(found.stdout)["sessions"]:
        stop = [*slate, "session", "stop", session["id"], "--wait", "--json"]
        subprocess.run(stop, env=environment, check=True, capture_output=True, timeout=60)
    down = [*slate, "stack", "down"]
    subprocess.run(down, env=environment, check=False, capture_output=True, timeout=60)


def drive(environment: dict[str, str], steps: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(HERE / "drive_window.py"), steps]
    return subprocess.run(
        command, env=environment, check=False, capture_output=True, text=True, timeout=150
    )


def test_sample_starts_logs_draws_and_stops_in_the_window(environment: dict[str, str]) -> None:
    done = drive(environment, "sample")
    assert done.returncode == 0, done.stderr[-4000:]
    seen = json.loads(done.stdout.splitlines()[-1])
    assert seen["projects"] == ["godot-pulse", "hello-build", "hello-runtime"]
    assert seen["lines"] > 0
    assert seen["points"] > 1
    assert seen["figure"].endswith("%")
    assert seen["status"] == "stopped"


def test_first_day_from_the_first_start_to_session_asset_and_build(
    environment: dict[str, str],
) -> None:
    """A fresh machine: the start page's own buttons lead to a session, an asset and a build."""
    done = drive(environment, "first_day")
    assert done.returncode == 0, done.stderr[-4000:]
    seen = json.loads(done.stdout.splitlines()[-1])
    assert seen["asset"] == [["art/crate_albedo.png", "completed"]]
    assert len(seen["products"]) > 1
    assert (seen["build"], seen["verdict"]) == ("completed", "passed")
    assert len(seen["running"]) == 1
    state = json.loads(Path(environment["SLATE_CONFIG_DIR"], "window.json").read_text())
    assert state["guide_done"] == ["session", "asset", "build"]


def test_second_window_attaches_and_sees_the_first_ones_session(
    environment: dict[str, str],
) -> None:
    command = [sys.executable, str(HERE / "drive_window.py"), "hold"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as first:
        assert first.stdout is not None
        session_id = json.loads(first.stdout.readline())["session"]
        second = drive(
            environment | {"SLATE_CONFIG_DIR": environment["SLATE_CONFIG_DIR"] + "2"}, "look"
        )
        assert second.returncode == 0, second.stderr[-4000:]
        seen = json.loads(second.stdout.splitlines()[-1])
        assert seen["session"] == session_id
        assert seen["lines"] > 0
        first.send_signal(signal.SIGTERM)
        assert first.wait(10) == 0
        assert first.stderr is not None
        assert "was destroyed" not in first.stderr.read()
