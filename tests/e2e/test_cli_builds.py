"""``slate build`` as scripts use it, on a real stack: builds that pass, fail, and are refused."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = [
    pytest.mark.nats,
    pytest.mark.postgres,
    pytest.mark.timeout(240),
    pytest.mark.skipif(sys.platform == "win32", reason="Debian's Godot: not on this platform"),
]
SAMPLES = Path(__file__).parents[2] / "resources" / "samples"


def add(slate, root: Path, sample: str, name: str) -> dict[str, Any]:
    shutil.copytree(SAMPLES / sample, root / name)
    return slate.json("project", "add", str(root / name), "--name", name)


@pytest.fixture(scope="module")
def pulse(slate, tmp_path_factory):
    return add(slate, tmp_path_factory.mktemp("pulse"), "godot-pulse", "pulse")


@pytest.fixture(scope="module")
def hello(slate, tmp_path_factory):
    return add(slate, tmp_path_factory.mktemp("hello"), "hello-build", "hello")


def build(slate, project: str, *more: str) -> dict[str, Any]:
    return slate.json(
        "build", "start", project, "--platform", "linux", "--type", "production",
        "--driver", "process", "--wait", *more, timeout_s=120,
    )  # fmt: skip


def test_the_godot_sample_is_built_downloaded_and_runs(slate, pulse, tmp_path):
    row = build(slate, "pulse")
    assert (row["status"], row["verdict"], row["progress"]) == ("completed", "passed", 100), row
    assert row["errors"] == []
    got = slate.json("build", "artifacts", row["id"], "--download", str(tmp_path / "out"))
    files = {item["name"]: item for item in got["artifacts"]}
    assert set(files) == {"pulse.x86_64", "pulse.pck"}
    for item in files.values():
        data = Path(item["path"]).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (item["size"], item["sha256"])
    assert os.access(files["pulse.x86_64"]["path"], os.X_OK)
    env = {**os.environ, "PULSE_SECONDS": "0.3", "HOME": str(tmp_path)}
    for command in (
        ["godot3-server", "--main-pack", files["pulse.pck"]["path"]],
        ["xvfb-run", "-a", files["pulse.x86_64"]["path"]],
    ):
        ran = subprocess.run(
            command, env=env, capture_output=True, text=True, timeout=90, check=False,
            cwd=tmp_path / "out",
        )  # fmt: skip
        assert "Pulse is ready" in ran.stdout, ran.stderr
    log = slate("build", "logs", row["id"], "--json", code=0).lines
    assert [line["seq"] for line in log] == list(range(1, len(log) + 1))
    assert any("savepack: end" in line["message"] for line in log)


def test_a_script_error_is_told_with_file_and_line(slate, tmp_path):
    add(slate, tmp_path, "godot-pulse", "broken")
    script = tmp_path / "broken" / "Pulse.gd"
    script.write_text(script.read_text().replace("func far_out():", "func far_out()"))
    result = slate(
        "build", "start", "broken", "--platform", "linux", "--type", "production",
        "--driver", "process", "--wait", "--json", timeout_s=120,
    )  # fmt: skip
    assert result.code == 1
    row = result.json
    assert row["verdict"] in ("failed", "suspect")
    assert (row["errors"][0]["file"], row["errors"][0]["line"]) == ("Pulse.gd", 82)


def test_a_preset_that_does_not_exist_is_refused(slate, pulse):
    before = len(slate.json("build", "list")["builds"])
    result = slate(
        "build", "start", "pulse", "--platform", "linux", "--preset", "Steam", "--wait", "--json"
    )
    assert result.code == 2
    assert result.json["error"]["field"] == "preset"
    assert "'Linux'" in result.json["error"]["message"]
    result = slate("build", "start", "pulse", "--platform", "ps5", "--json")
    assert (result.code, result.json["error"]["field"]) == (2, "target_platform")
    assert len(slate.json("build", "list")["builds"]) == before


def test_a_custom_project_is_built_and_runs(slate, hello, tmp_path):
    row = build(slate, "hello", "--jobs", "3", "--env", "NOTE=x")
    assert row["verdict"] == "passed"
    assert row["options"]["parallel_jobs"] == 3
    got = slate.json("build", "artifacts", row["id"], "--download", str(tmp_path))
    (item,) = got["artifacts"]
    ran = subprocess.run([sys.executable, item["path"]], capture_output=True, text=True, check=True)
    assert ran.stdout == "hello from hello-build\n"


def test_builds_are_listed_shown_compared_and_counted(slate, hello):
    one = build(slate, "hello")
    two = slate.json("build", "retry", one["id"], "--wait", timeout_s=90)
    assert two["id"] != one["id"]
    assert two["source"]["copied"] == 0
    rows = slate.json("build", "list", "--project", "hello")["builds"]
    assert [row["id"] for row in rows[:2]] == [two["id"], one["id"]]
    assert slate.json("build", "show", two["id"][:8])["verdict"] == "passed"
    found = slate.json("build", "compare", one["id"], two["id"])
    assert [(file["left"] - file["right"], file["is_same_content"]) for file in found["files"]] == [
        (0, True)
    ]
    figures = slate.json("build", "stats", "--project", "hello")
    assert figures["success_rate"] == 1.0
    assert figures["median_duration_s"] > 0
    assert figures["by_target"][0]["platform"] == "linux"
    # They are of two days where midnight lies between them.
    assert sum(day["completed"] for day in figures["by_day"]) == figures["completed"]
    words = slate("build", "stats", "--project", "hello", code=0).out
    assert re.search(r"^passed +100%$", words, re.MULTILINE)
    assert re.search(r"^median +\d+\.\d s$", words, re.MULTILINE)
    # Where nobody watches, a row is one line, however long.
    listed = slate("build", "list", code=0).out.splitlines()
    assert len(listed) == 1 + len(slate.json("build", "list")["builds"])


def test_a_cancelled_build_leaves_nothing_running(slate, tmp_path):
    root = tmp_path / "slow"
    root.mkdir()
    (root / "slow.py").write_text("import time\nprint('[1/2] slow', flush=True)\ntime.sleep(300)\n")
    (root / "slate.toml").write_text('[build]\ncommand = "{python} slow.py"\n')
    slate.json("project", "add", str(root), "--name", "slow", "--engine", "custom")
    row = slate.json("build", "start", "slow", "--platform", "linux", "--driver", "process")
    assert row["status"] in ("queued", "building")
    second = slate.json("build", "start", "slow", "--platform", "linux", "--driver", "process")
    shown = slate.json("build", "show", second["id"])
    if shown["status"] == "queued":
        assert shown["waiting"]["reason"]
    ended = slate.json("build", "cancel", second["id"], "--wait", timeout_s=60)
    assert ended["status"] == "cancelled"
    ended = slate.json("build", "cancel", row["id"], "--wait", timeout_s=60)
    assert ended["status"] == "cancelled"
    assert not list((slate.data_dir / "runtimes").glob("slate-build-*"))


async def test_waiting_builds_are_moved(slate, tmp_path, monkeypatch):
    from slate_desktop.control import Slate

    root = tmp_path / "queue"
    root.mkdir()
    (root / "slow.py").write_text("import time\nprint('[1/2] slow', flush=True)\ntime.sleep(300)\n")
    (root / "slate.toml").write_text('[build]\ncommand = "{python} slow.py"\n')
    slate.json("project", "add", str(root), "--name", "queue", "--engine", "custom")
    for name, value in slate.environment().items():
        monkeypatch.setenv(name, value)
    async with await Slate.connect() as client:
        project = await client.find_project("queue")
        ids = [
            (
                await client.submit_build(
                    project.id, "staging", "linux", options={"driver": "process"}
                )
            ).id
            for _ in range(4)
        ]
        try:
            # The first is begun before anything is moved: the last three wait for certain.
            begun, first, second, third = ids
            async with asyncio.timeout(60):
                while (await client.db.builds.get(begun)).status.value == "queued":  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
            slate.json("build", "move", third, "--before", second)
            slate.json("build", "move", first, "--last")
            waiting = [job.id for job in await client.db.builds.queue() if job.id in ids[1:]]
            assert waiting == [third, second, first]
            assert slate.json("build", "move", second, "--priority", "5")["priority"] == 5
            assert slate.json("build", "show", second)["waiting"]["position"] == 1
            assert slate("build", "move", second, "--first", "--last", "--json").code == 2
        finally:
            for build_id in reversed(ids):
                await client.cancel_build(build_id)
            for build_id in ids:
                await client.wait_for_build(build_id, timeout_s=60)
    refused = slate("build", "move", second, "--first", "--json")
    assert (refused.code, refused.json["error"]["code"]) == (4, "illegal_state")


def test_a_project_keeps_presets(slate, hello):
    save = ("build", "save-preset", "hello", "Nightly")
    kept = slate.json(*save, "--platform", "linux", "--type", "staging", "--driver", "process",
                      "--jobs", "2", "--env", "NOTE=x")  # fmt: skip
    assert (kept["platform"], kept["type"], kept["options"]["parallel_jobs"]) == (
        "linux", "staging", 2,
    )  # fmt: skip
    assert slate.json("build", "presets", "hello")["presets"] == [kept]
    again = slate(*save, "--platform", "linux", "--json")
    assert (again.code, again.json["error"]["field"]) == (2, "name")
    row = slate.json(
        "build", "start", "hello", "--preset", "Nightly", "--jobs", "3", "--wait", timeout_s=90
    )
    assert (row["verdict"], row["build_type"]) == ("passed", "staging")
    assert row["options"] == {
        "driver": "process", "parallel_jobs": 3, "environment": {"NOTE": "x"},
    }  # fmt: skip
    other = slate.json("build", "save-preset", "hello", "Copy", "--from", row["id"], "--clean")
    assert other["options"] == {**row["options"], "clean": True}
    slate.json("build", "remove-preset", "hello", "Nightly")
    names = [preset["name"] for preset in slate.json("build", "presets", "hello")["presets"]]
    assert names == ["Copy"]
    refused = slate("build", "start", "hello", "--json")
    assert (refused.code, refused.json["error"]["field"]) == (2, "target_platform")


def test_targets_give_a_command_or_a_reason(slate, pulse):
    rows = slate.json("build", "targets", "pulse")["targets"]
    by_name = {row["platform"]: row for row in rows}
    assert len(rows) == 9
    assert by_name["linux"]["available"]
    assert "third parties" in by_name["switch"]["reason"]


async def test_python_calls_of_the_original_system(slate, hello, monkeypatch):
    from slate_desktop.control import Slate

    for name, value in slate.environment().items():
        monkeypatch.setenv(name, value)
    async with await Slate.connect() as client:
        own = await client.create_build_job(
            hello["id"], "staging", "linux", options={"clean": True, "parallelJobs": 8}
        )
        await client.update_build_progress(own.id, 40, "linking")
        done = await client.complete_build(own.id, "/out", [{"name": "game"}])
        assert (done.status.value, done.progress) == ("completed", 100)
        job = await client.create_build_job(hello["id"], "staging", "linux")
        await client.start_build(job.id, {"clean": True, "driver": "process"})
        ended = await client.wait_for_build(job.id, timeout_s=90)
        assert (ended.verdict, ended.options) == ("passed", {"clean": True, "driver": "process"})
        assert json.dumps(ended.artifacts)
