"""The window of the gallery: a scripted client with projects, sessions, builds and jobs."""

from __future__ import annotations

import asyncio
import math
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from slate_desktop.domain.assets.kinds import AssetJobStatus, AssetKind
from slate_desktop.domain.assets.options import options_to_json, parse_options
from slate_desktop.domain.assets.report import result_to_json
from slate_desktop.domain.build import BuildStatus, BuildType, TargetPlatform
from slate_desktop.domain.engine import Engine
from slate_desktop.domain.hosts import Host, HostLoad
from slate_desktop.domain.logs import LogLevel
from slate_desktop.domain.session import SessionStatus
from slate_desktop.domain.stats import ContainerStats
from slate_desktop.pipeline import run
from slate_desktop.ui.theme import Theme
from slate_desktop.ui.window import MainWindow
from slate_desktop.ui.window_state import WindowState
from slate_desktop.wire import codec
from tests.gui.fakes import FakeSlate

LONG = "the-return-of-the-lighthouse-keeper-of-cape-finisterre-remastered-2"
ARABIC = "\u0645\u0634\u0631\u0648\u0639-\u0627\u0644\u0645\u0646\u0627\u0631\u0629"
GIB = 2**30


async def open_window(app: Any, folder: Path) -> MainWindow:
    """Return a connected window in which every panel has something to show."""
    slate = FakeSlate()
    await slate.events.open()
    projects = [_project(slate, folder, name) for name in ("harbour", LONG, ARABIC)]
    harbour = projects[0].id
    over = slate.put_session(
        harbour, SessionStatus.FAILED, error_code="oom", error_message="It used 2 GB of memory"
    )
    running = slate.put_session(
        harbour, SessionStatus.RUNNING, started_at=datetime.now(UTC) - timedelta(minutes=12),
        driver="docker", container_name="slate-harbour-1", attempt=1, agent_id="sbx01",
    )  # fmt: skip
    _builds(slate, harbour)
    _jobs(slate, harbour, folder / "harbour" / "art" / "crate.png")
    slate.hosts = _hosts()

    async def connect(_on_step: object) -> FakeSlate:
        return slate

    theme = Theme(app, has_sheet=False)
    state = WindowState(has_samples=True, recent=[p.id for p in projects], pinned=[harbour])
    window = MainWindow(theme, state, connect)  # type: ignore[arg-type]
    window.build()
    window.show()
    window.tasks.spawn(window.workspace.run(), "workspace", window)
    await window.workspace.answered.wait()
    for pane in (window.jobs, window.builds, window.build_panel):
        assert pane
    failed = next(b for b in slate.builds.values() if b.status is BuildStatus.FAILED)
    window.performance.make_graphs()
    window.workspace.choose_session(running.id)
    await asyncio.sleep(0.5)
    rows = window.jobs.rows
    window.jobs.view.setCurrentIndex(rows.index(rows.rowCount() - 1, 0))
    window.builds.select(failed.id)
    await _talk(slate, running.id)
    window.tasks.spawn(_live(slate, running.id), "what hosts tell", window)
    await slate.log(over.id, "out of memory", level=LogLevel.ERROR)
    for dock in window.docks.docks.values():
        dock.show()
    window.docks.reset()
    await asyncio.sleep(1.0)
    window.toasts.clear()
    return window


def _project(slate: FakeSlate, folder: Path, name: str) -> Any:
    root = folder / name
    (root / "art").mkdir(parents=True)
    (root / "project.godot").write_text("config_version=4\n", encoding="utf-8")
    (root / "Main.gd").write_text("extends Node\n", encoding="utf-8")
    for number, asset in enumerate(
        (
            "crate.png",
            "lamp_with_a_long_name_of_its_own.png",
            "sea.png",
            "harbour_wall.png",
            "keeper_face.png",
            "moss.png",
            "planks.png",
            "rope.png",
            "sand.png",
            "tower.png",
        )
    ):
        _picture(root / "art" / asset, number)
    return slate.put_project(name, str(root), Engine.GODOT)


def _picture(path: Path, number: int) -> None:
    from PIL import Image

    tints = ((180, 140, 90), (230, 200, 90), (90, 140, 180), (150, 150, 150), (200, 150, 130),
             (120, 160, 120), (140, 100, 70))  # fmt: skip
    tint = tints[number % len(tints)]
    Image.radial_gradient("L").convert("RGB").point(lambda v: v).resize((128, 128)).save(path)
    with Image.open(path) as made:
        Image.blend(made.convert("RGB"), Image.new("RGB", made.size, tint), 0.6).save(path)


async def _talk(slate: FakeSlate, session_id: str) -> None:
    await slate.log(
        session_id,
        "Godot Engine v3.5 - https://godotengine.org",
        "Arena is ready: 64 players, map harbour, tick 60",
        *[f"[tick {n}] players={n % 64} entities={400 + n} ms={14 + n % 5}" for n in range(40)],
    )
    await slate.log(
        session_id,
        "A path over the bridge takes longer than 250 ms; the way along the river is used instead,"
        " which is longer than it may be for players who carry something",
        level=LogLevel.WARN,
    )
    await slate.log(
        session_id, "Path of bot 17 is blocked, at res://Main.gd:24", level=LogLevel.ERROR
    )
    await slate.log(
        session_id, f"{ARABIC}: \u062a\u0645 \u0627\u0644\u062a\u062d\u0645\u064a\u0644 (64 / 64)"
    )
    now = time.time_ns()
    for second in range(60):
        await _sample(slate, session_id, now - (60 - second) * 1_000_000_000)


async def _sample(slate: FakeSlate, session_id: str, at_ns: int) -> None:
    second = at_ns / 1e9
    traffic = int(second % 100_000)
    await slate.sample(
        session_id,
        ContainerStats(
            cpu_percent=60 + 30 * math.sin(second / 6),
            memory_usage=int(GIB * (0.8 + 0.1 * math.sin(second / 17))),
            memory_limit=2 * GIB,
            network_rx_bytes=traffic * 120_000,
            network_tx_bytes=traffic * 40_000,
            disk_read_bytes=traffic * 90_000,
            disk_write_bytes=traffic * 20_000,
            sampled_at_ns=at_ns,
            pids=14,
        ),
    )


async def _live(slate: FakeSlate, session_id: str) -> None:
    """Go on telling, so that no picture shows a graph that ended, or a host that is away."""
    docker = {"name": "docker", "is_available": True, "version": "27.3.1"}
    beat = {"agent_id": "sbx01", "epoch": 1, "engines": {"docker": docker}, "sessions": 2}
    while True:
        await slate.agent_bus.publish("slate.agent.sbx01.heartbeat", codec.encode(beat))
        await asyncio.sleep(1.0)
        await _sample(slate, session_id, time.time_ns())


def _builds(slate: FakeSlate, project_id: str) -> None:
    now = datetime.now(UTC)
    trouble = [
        {"severity": "error", "message": "Parse error: expected an indented block",
         "file": "Main.gd", "line": 24},
        {"severity": "error", "message": "Cannot load art/keeper.glb: no such file"},
    ]  # fmt: skip
    hint = {"severity": "warning", "message": "The variable bot is never used", "file": "Main.gd"}
    common = {"engine": "godot", "engine_version": "3.5", "driver": "docker"}
    kinds: tuple[tuple[int, dict[str, Any]], ...] = (
        (95, {"status": BuildStatus.COMPLETED, "verdict": "passed", "took_s": 14,
              "verdict_reason": "Exit code, error lines and artifact agree."}),
        (61, {"status": BuildStatus.COMPLETED, "verdict": "suspect", "took_s": 9,
              "build_type": BuildType.STAGING, "warnings": [hint],
              "verdict_reason": "The exit code is 0, but no artifact was made."}),
        (34, {"status": BuildStatus.CANCELLED, "target_platform": TargetPlatform.MACOS,
              "took_s": 3}),
        (12, {"status": BuildStatus.FAILED, "verdict": "failed", "took_s": 6, "errors": trouble,
              "warnings": [hint], "target_platform": TargetPlatform.WINDOWS,
              "verdict_reason": "The export ended with code 1."}),
        (1, {"status": BuildStatus.BUILDING, "progress": 42, "progress_message": "Importing art",
             "build_type": BuildType.DEVELOPMENT, "took_s": None}),
        (0, {"build_type": BuildType.DEVELOPMENT, "target_platform": TargetPlatform.MACOS}),
    )  # fmt: skip
    for ago, fields in kinds:
        made = now - timedelta(minutes=ago)
        if "took_s" in fields:
            took_s = fields.pop("took_s")
            fields["started_at"] = made
            if took_s is not None:
                fields["completed_at"] = made + timedelta(seconds=took_s)
        for kind in ("errors", "warnings"):
            fields[f"{kind[:-1]}_count"] = len(fields.get(kind, ()))
        slate.put_build(project_id, created_at=made, **common, **fields)


def _jobs(slate: FakeSlate, project_id: str, picture: Path) -> None:
    """Put a job of every state; the report of the one that has ended is a real one."""
    options = parse_options(AssetKind.TEXTURE, {"format": "webp", "compression": "bc1"})
    with tempfile.TemporaryDirectory() as made:
        result = run.process(
            AssetKind.TEXTURE, picture, Path(made), options, progress=lambda *_: None
        )
    more = {"result": result_to_json(result), "options": options_to_json(options)}
    kinds = (
        ("art/crate.png", AssetKind.TEXTURE, AssetJobStatus.COMPLETED),
        ("art/lamp_with_a_long_name_of_its_own.png", AssetKind.TEXTURE, AssetJobStatus.PROCESSING),
        ("art/keeper.glb", AssetKind.MODEL, AssetJobStatus.QUEUED),
        ("sound/surf.wav", AssetKind.AUDIO, AssetJobStatus.FAILED),
    )
    for path, kind, status in kinds:
        fields = more if status is AssetJobStatus.COMPLETED else {}
        slate.put_asset_job(project_id, path, kind, status, **fields)


def _hosts() -> list[Host]:
    load = HostLoad(
        cpu_percent=37.0, cpus=16, memory_used=20 * GIB, memory_total=64 * GIB,
        disk_free=300 * GIB, disk_total=900 * GIB,
    )  # fmt: skip
    return [
        Host(
            id=name, name=name, is_online=is_online, seen_ago_s=2.0, drivers=("docker", "process"),
            cpus=16, memory_bytes=64 * GIB, has_gpu=is_online, sessions=2, memory_held=6 * GIB,
            load=load if is_online else None,
        )
        for name, is_online in (("sbx01", True), ("sbx02-in-the-basement", False))
    ]  # fmt: skip
