"""The real program on the real embedded stack: Start, log, graph, Stop, a second window."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

pytest.importorskip("PySide6", reason="not on this platform: Qt is not installed")

from tests.e2e.mixed_assets import CORRUPT, mixed_assets
from tests.services.stack import require_stack

pytestmark = [pytest.mark.gui, pytest.mark.timeout(300)]
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


def drive(
    environment: dict[str, str], steps: str, timeout_s: float = 150
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(HERE / "drive_window.py"), steps]
    return subprocess.run(
        command, env=environment, check=False, capture_output=True, text=True, timeout=timeout_s
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


@pytest.mark.timeout(400)
def test_folder_of_fifty_mixed_assets_is_dropped_watched_and_read(
    environment: dict[str, str], tmp_path: Path
) -> None:
    root, corrupt = tmp_path / "game", f"art/{CORRUPT}"
    folder = root / "art"
    count = mixed_assets(folder)
    add = [sys.executable, "-m", "slate_desktop", "project", "add", str(root), "--json"]
    subprocess.run(add, env=environment, check=True, capture_output=True, timeout=120)
    more = {"SLATE_TEST_DROP": str(folder), "SLATE_TEST_COUNT": str(count)}
    done = drive(environment | more, "drop", timeout_s=360)
    assert done.returncode == 0, done.stderr[-4000:]
    seen = json.loads(done.stdout.splitlines()[-1])
    states: dict[str, list[str]] = seen["states"]
    assert len(states) == count == 50
    assert {name for name, (state, _) in states.items() if state != "done"} == {corrupt}
    # Progress of single assets, and of all of them, was on the screen.
    shares = {int(text.split()[1]) for text in seen["progress"]}
    assert any(0 < share < 100 for share in shares), seen["progress"]
    assert any("waiting" in text for text in seen["summaries"])
    assert len(seen["summaries"]) > 3
    # The corrupt one says in plain words what is wrong.
    state, reason = states[corrupt]
    assert state == "failed"
    assert reason.endswith(".")
    assert "PNG" in reason
    assert not any(word in reason for word in ("Error", "Exception", "Traceback", "asset_invalid"))
    assert reason in seen["reports"][corrupt]
    for name, report in seen["reports"].items():
        if name == corrupt:
            continue
        wanted = {"textures": " dB PSNR", "sounds": " LUFS", "models": "Triangles"}
        word = wanted["textures" if name.endswith(".png") else name.split("/")[1]]
        assert word in report, report
        assert "How it was made" in report
    products = [path for path in (root / "processed").rglob("*") if path.is_file()]
    assert len(products) >= count - 1
    assert not [path for path in products if path.name.startswith((".", "broken"))]


def test_second_window_attaches_and_sees_the_first_ones_session(
    environment: dict[str, str],
) -> None:
    command = [sys.executable, str(HERE / "drive_window.py"), "hold"]
    with (
        # A file: nobody reads a pipe meanwhile, and a full one would hold the window up.
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True
        ) as first,
    ):
        assert first.stdout is not None
        told = first.stdout.readline()
        errors.seek(0)
        assert told, errors.read()[-4000:]
        errors.seek(0, 2)
        session_id = json.loads(told)["session"]
        second = drive(
            environment | {"SLATE_CONFIG_DIR": environment["SLATE_CONFIG_DIR"] + "2"}, "look"
        )
        assert second.returncode == 0, second.stderr[-4000:]
        seen = json.loads(second.stdout.splitlines()[-1])
        assert seen["session"] == session_id
        assert seen["lines"] > 0
        first.send_signal(signal.SIGTERM)
        assert first.wait(60) == 0
        errors.seek(0)
        assert "was destroyed" not in errors.read()
