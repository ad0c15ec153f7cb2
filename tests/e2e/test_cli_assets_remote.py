"""``slate asset`` through a worker of a running stack: what scripts rely on."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import asyncpg
import numpy as np
import pytest
import soundfile
from PIL import Image

from tests.e2e.conftest import Cli

pytestmark = [pytest.mark.nats, pytest.mark.postgres, pytest.mark.timeout(180)]

CUBE = "\n".join(
    [f"v {x} {y} {z}" for x in (0, 1) for y in (0, 1) for z in (0, 1)]
    + ["f 1 2 4 3", "f 5 7 8 6", "f 1 5 6 2", "f 3 4 8 7", "f 1 3 7 5", "f 2 6 8 4"]
)


def _wave(hz: float, seconds: float = 0.5) -> bytes:
    file = io.BytesIO()
    wave = 0.3 * np.sin(2 * np.pi * hz * np.arange(int(22_050 * seconds)) / 22_050)
    soundfile.write(file, wave, 22_050, format="WAV")
    return file.getvalue()


def _picture() -> bytes:
    file = io.BytesIO()
    rows = np.arange(64 * 64 * 3, dtype=np.uint32).reshape(64, 64, 3) % 251
    Image.fromarray(rows.astype(np.uint8)).save(file, "PNG")
    return file.getvalue()


def _files(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


@pytest.fixture(scope="module")
def stack_env(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return {"SLATE_CACHE_DIR": str(tmp_path_factory.mktemp("cache"))}


@pytest.fixture(scope="module")
def art(slate: Cli, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a texture, a model, a sound and a file that is none."""
    root = tmp_path_factory.mktemp("art")
    (root / "props").mkdir()
    (root / "rock.png").write_bytes(_picture())
    (root / "props" / "cube.obj").write_text(CUBE)
    (root / "hit.wav").write_bytes(_wave(440))
    (root / "bad.wav").write_bytes(b"<html>")
    slate.json("project", "add", str(root), "--name", "art", "--command", "true")
    return root


def _asset(slate: Cli, *arguments: object, code: int = 0) -> dict[str, Any]:
    return slate("asset", *map(str, arguments), "--json", code=code).json


async def _execute(slate: Cli, statement: str) -> None:
    connection = await asyncpg.connect(slate.json("stack", "status")["database_url"])
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def test_workers_process_and_the_folder_gets_the_products(
    slate: Cli, art: Path, tmp_path: Path
) -> None:
    named = [art / "rock.png", art / "props" / "cube.obj", art / "hit.wav", art / "bad.wav"]
    made = tmp_path / "made"
    # Without --local or --remote: the stack runs, and the files lie in a project.
    first = _asset(slate, "process", *named, "--out", made, code=1)
    *good, bad = first["jobs"]
    assert [job["input"] for job in first["jobs"]] == [str(path) for path in named]
    assert [(job["state"], job["cached"], job["error"]) for job in good] == [
        ("completed", False, None)
    ] * 3
    assert [job["report"]["kind"] for job in good] == ["texture", "model", "audio"]
    assert (bad["state"], bad["outputs"], bad["report"]) == ("failed", [], None)
    assert bad["error"]["code"] == "asset_invalid"
    outputs = [output for job in good for output in job["outputs"]]
    for output in outputs:
        data = Path(output["path"]).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (output["size"], output["sha256"])
    # What was named and nothing else: neither a half file, nor anything of the failed one.
    assert _files(made) == sorted(Path(output["path"]).name for output in outputs)
    assert not (art / "processed").exists()
    rows = slate.json("asset", "jobs", "--project", "art")["jobs"]
    assert {row["input"]: row["state"] for row in rows} == {
        "rock.png": "completed",
        "props/cube.obj": "completed",
        "hit.wav": "completed",
        "bad.wav": "failed",
    }

    Path(outputs[0]["path"]).unlink()
    again = _asset(slate, "process", *named, "--out", made, "--remote", code=1)
    assert [job["cached"] for job in again["jobs"]] == [True] * 4
    assert [job["outputs"] for job in again["jobs"]] == [job["outputs"] for job in first["jobs"]]
    assert Path(outputs[0]["path"]).exists()


def test_known_content_comes_under_its_own_name(slate: Cli, art: Path, tmp_path: Path) -> None:
    (art / "boom.wav").write_bytes(_wave(300))
    (art / "bang.wav").write_bytes(_wave(300))
    _asset(slate, "process", art / "boom.wav", "--out", tmp_path)
    job = _asset(slate, "process", art / "bang.wav", "--out", tmp_path)["jobs"][0]
    assert job["cached"]
    assert _files(tmp_path) == ["bang.ogg", "boom.ogg"]


def test_source_is_never_replaced(slate: Cli, art: Path) -> None:
    before = (art / "hit.wav").read_bytes()
    command = ("process", art / "hit.wav", "--remote", "--format", "wav", "--out", art)
    error = _asset(slate, *command, code=1)["jobs"][0]["error"]
    assert (error["code"], error["field"]) == ("bad_request", "out")
    assert (art / "hit.wav").read_bytes() == before


def test_files_of_no_project_stay_here_unless_one_is_named(
    slate: Cli, art: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside.wav"
    outside.write_bytes(_wave(600))
    error = _asset(slate, "process", outside, "--remote", "--out", tmp_path / "a", code=2)["error"]
    assert (error["code"], error["field"]) == ("bad_request", "project")
    here = slate("asset", "process", str(outside), "--out", str(tmp_path / "b"), "--json", code=0)
    assert here.json["jobs"][0]["state"] == "completed"
    assert "this machine" in here.err
    command = ("process", outside, "--project", "art", "--out", tmp_path / "c")
    assert not _asset(slate, *command)["jobs"][0]["cached"]
    assert _files(tmp_path / "c") == _files(tmp_path / "b") == ["outside.ogg"]
    slate("asset", "process", str(outside), "--project", "art", "--local", code=2)


def test_presets_that_members_share_are_found_by_name_and_rule(
    slate: Cli, art: Path, tmp_path: Path
) -> None:
    (art / "phone").mkdir()
    (art / "phone" / "call.wav").write_bytes(_wave(900))
    keep = ("presets", "save", "phone", "--project", "art", "--title", "Phone")
    rules = ("--set", "audio.format=flac", "--rule", "audio:**/phone/**")
    assert _asset(slate, *keep, *rules)["place"] == "the project"
    listed = _asset(slate, "presets", "--project", "art")["presets"]
    assert "phone" in {preset["id"] for preset in listed}
    named = ("--preset", "phone", "--out", tmp_path / "named")
    _asset(slate, "process", art / "phone" / "call.wav", "--remote", *named)
    _asset(slate, "batch", art, "--remote", "--out", tmp_path / "ruled", code=1)
    assert _files(tmp_path / "named") == ["call.flac"]
    assert "phone/call.flac" in _files(tmp_path / "ruled")
    _asset(slate, "presets", "remove", "phone", "--project", "art")
    _asset(slate, "presets", "show", "phone", "--project", "art", code=3)


def test_batch_goes_on_where_it_was(slate: Cli, art: Path, tmp_path: Path) -> None:
    folder = art / "sounds"
    (folder / "voice").mkdir(parents=True)
    for number, name in enumerate(("one.wav", "two.wav", "voice/hello.wav")):
        (folder / name).write_bytes(_wave(500 + number))
    (folder / "broken.ogg").write_bytes(b"OggS" + bytes(40))
    (folder / "three.flac").write_bytes(b"")
    # As if a first run had been interrupted after one of them.
    _asset(slate, "process", folder / "one.wav", "--preset", "auto", "--out", tmp_path / "m")
    first = _asset(slate, "batch", folder, "--remote", "--out", tmp_path / "m", code=1)
    assert {Path(job["input"]).name: job["state"] for job in first["jobs"]} == {
        "broken.ogg": "failed",
        "one.wav": "completed",
        "three.flac": "failed",
        "two.wav": "completed",
        "hello.wav": "completed",
    }
    assert _files(tmp_path / "m") == ["one.ogg", "two.ogg", "voice/hello.opus"]
    again = _asset(slate, "batch", folder, "--remote", "--out", tmp_path / "m", code=1)
    assert (again["summary"]["completed"], again["summary"]["cached"]) == (3, 5)
    retried = _asset(
        slate, "batch", folder, "--remote", "--retry-failed", "--out", tmp_path / "m", code=1
    )
    assert retried["summary"]["cached"] == 3


@pytest.mark.parametrize(
    ("name", "arguments", "field"),
    [
        ("rock.png", ("--compression", "bc9"), "compression"),
        ("hit.wav", ("--preset", "nobody"), "preset"),
        ("gone.wav", (), "path"),
    ],
)
def test_bad_option_is_named(
    slate: Cli, art: Path, tmp_path: Path, name: str, arguments: tuple[str, ...], field: str
) -> None:
    command = ("process", art / name, *arguments, "--remote", "--out", tmp_path)
    error = _asset(slate, *command, code=1)["jobs"][0]["error"]
    assert error["code"] == ("not_found" if field == "path" else "bad_request")
    assert error["field"] == field
    assert _files(tmp_path) == []


@pytest.mark.skipif(sys.platform == "win32", reason="no such terminals: not on this platform")
def test_terminal_shows_a_bar_for_each_asset_that_workers_get_on_with(
    slate: Cli, art: Path, tmp_path: Path
) -> None:
    import pty

    (art / "long.wav").write_bytes(_wave(431, seconds=120))
    own, other = pty.openpty()
    command = ("asset", "process", str(art / "long.wav"), "--remote", "--out", str(tmp_path / "o"))
    with subprocess.Popen(
        slate.command(command),
        env=slate.environment() | {"TERM": "xterm", "COLUMNS": "120"},
        stdout=subprocess.PIPE,
        stderr=other,
    ) as process:
        os.close(other)
        shown = b""
        with contextlib.suppress(OSError):  # how Linux tells that nobody writes any more
            while data := os.read(own, 65536):
                shown += data
        out, _ = process.communicate(timeout=90)
    os.close(own)
    assert process.returncode == 0
    assert b"completed" in out
    assert b"1 asset" in shown
    assert b"1 assets" not in shown
    assert re.search(rb"long\.wav [a-z]", shown), shown
    # A person reads bars instead of lines.
    assert b"1/1" not in shown


def test_jobs_are_listed_cancelled_and_tried_again(slate: Cli, art: Path, tmp_path: Path) -> None:
    (art / "slow.wav").write_bytes(_wave(700))
    pause = (
        "insert into slate_asset_pauses (project_id, kind, user_id) "
        "select id, 'audio', owner_id from slate_projects where name = 'art'"
    )
    asyncio.run(_execute(slate, pause))
    command = ("asset", "process", str(art / "slow.wav"), "--remote", "--json")
    with subprocess.Popen(
        slate.command((*command, "--out", str(tmp_path / "made"))),
        env=slate.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        rows: list[dict[str, Any]] = []
        # Each look is a command of its own, which takes its time.
        for _ in range(30):
            if rows := slate.json("asset", "jobs", "--active", "--project", "art")["jobs"]:
                break
        assert [(row["input"], row["state"]) for row in rows] == [("slow.wav", "queued")]
        assert rows[0]["is_paused"]
        assert "audio jobs are paused" in slate("asset", "jobs", "--active", code=0).out
        job_id = rows[0]["id"]
        assert slate.json("asset", "cancel", job_id[:12])["status"] == "cancelled"
        out, said = process.communicate(timeout=90)
    assert b"Audio jobs are paused in this project" in said
    assert json.loads(out)["summary"]["cancelled"] == 1
    ended = json.loads(out)["jobs"][0]
    assert (process.returncode, ended["state"], ended["outputs"]) == (1, "cancelled", [])
    assert not (tmp_path / "made").exists()
    assert slate.json("asset", "jobs", "--active")["jobs"] == []

    asyncio.run(_execute(slate, "delete from slate_asset_pauses"))
    retried = slate.json("asset", "retry", job_id, "--out", str(tmp_path / "again"))
    assert (retried["input"], retried["state"], retried["error"]) == ("slow.wav", "completed", None)
    assert retried["id"] != job_id
    assert [Path(output["path"]).exists() for output in retried["outputs"]] == [True]
    assert slate("asset", "cancel", retried["id"], "--json").code == 4
    assert slate("asset", "retry", "nobody", "--json").code == 3
    assert "slow.wav" in slate("asset", "jobs", code=0).out
