"""What the window and the agent take of a core while nothing happens, and with ten sessions open.

The ten are containers that run and say nothing; each has its log open in the window, and the graph
of one of them is drawn. Their figures come every second.
"""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

import psutil

from slate_desktop.control import Slate
from slate_desktop.domain.session import SessionStatus
from slate_desktop.stack.state import StackFiles
from slate_desktop.ui import app as app_module
from slate_desktop.ui.loop import Loop
from slate_desktop.ui.theme import Theme
from slate_desktop.ui.window import MainWindow
from slate_desktop.ui.window_state import WindowState
from tests.bench.display import virtual_display
from tests.bench.engine import BenchEngine
from tests.bench.harness import Result
from tests.bench.program import own_stack, window
from tests.bench.qt import application
from tests.services import docker as service

SETTLE_S = 10.0
# A window stays open all day: what the last minute shows are no starts any more.
SETTLE_OPEN_S = 70.0
WATCH_S = 20.0
SESSIONS = 10
_START_S = 120.0


def _used_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def _agent() -> psutil.Process:
    return psutil.Process(
        StackFiles(Path(os.environ["SLATE_DATA_DIR"])).read_children().processes["agent"].pid
    )


def _without_sessions(environment: dict[str, str]) -> dict[str, float]:
    """Return what the real program and the agent take, in percent of a core."""
    with window(environment) as (process, marks):
        marks.wait_ms("usable")
        time.sleep(SETTLE_S)
        programs = {"window": psutil.Process(process.pid), "agent": _agent()}
        before = {name: _used_s(program) for name, program in programs.items()}
        time.sleep(WATCH_S)
        return {
            name: (_used_s(program) - before[name]) / WATCH_S * 100
            for name, program in programs.items()
        }


async def _with_sessions(folder: Path) -> dict[str, float]:
    """Return the same for a window in this process, and what both hold in memory, in MB."""

    async def connect(_on_step: object) -> Slate:
        return await Slate.connect("local")

    theme = Theme(application())
    main = MainWindow(theme, WindowState(has_samples=True), connect)  # type: ignore[arg-type]
    main.build()
    main.resize(1400, 900)
    main.show()
    main.tasks.spawn(main.workspace.run(), "workspace", main)
    try:
        async with asyncio.timeout(_START_S):
            await main.workspace.answered.wait()
            main.performance.make_graphs()
            await _open_sessions(main, folder)
            while not _is_drawn(main):  # noqa: ASYNC110
                await asyncio.sleep(0.2)
        await asyncio.sleep(SETTLE_OPEN_S)
        programs = {"window": psutil.Process(), "agent": _agent()}
        before = {name: _used_s(program) for name, program in programs.items()}
        await asyncio.sleep(WATCH_S)
        used = {
            name: (_used_s(program) - before[name]) / WATCH_S * 100
            for name, program in programs.items()
        }
        for name, program in programs.items():
            used[f"{name}_mb"] = program.memory_full_info().uss / 1e6
        for model in list(main.workspace.models.values()):
            await model.stop()
    finally:
        await app_module.shut_down(main)
        main.close_for_good()
    return used


def _is_drawn(main: MainWindow) -> bool:
    """Tell whether somebody sees the graph of the shown session, with what it uses now."""
    graphs = main.performance.graphs
    return graphs is not None and graphs.cpu.isVisible() and graphs.cpu.figure.text() != "–"


async def _open_sessions(main: MainWindow, folder: Path) -> None:
    work, slate = main.workspace, main.workspace.slate
    assert slate is not None
    project = await slate.add_project(
        folder, name="idle", engine="custom", command=["sleep", "600"]
    )
    image, _, tag = service.BASE_IMAGE.partition(":")
    config = {"driver": "docker", "image": image, "tag": tag, "memory": "64m"}
    for _ in range(SESSIONS):
        row = await slate.create_runtime_session(project.id, config | {"networkMode": "none"})
        model = await work.open_model(row.id)
        if model is None or await model.start() is None:
            raise SystemExit(f"a session does not start: {model and model.error}")
    while {s.status for s in work.sessions} != {SessionStatus.RUNNING}:  # noqa: ASYNC110
        await asyncio.sleep(0.2)
    for session in work.sessions:
        work.choose_session(session.id)
        while main.console.current_id != session.id:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


def run() -> list[Result]:
    """Watch both for twenty seconds, without sessions and with ten."""
    with (
        TemporaryDirectory() as directory,
        virtual_display(),
        own_stack() as environment,
        mock.patch.dict(os.environ, environment),
    ):
        place = Path(directory)
        place.chmod(0o755)
        # Makes the image.
        asyncio.run(BenchEngine(place / "engine").aclose())
        (folder := place / "idle").mkdir()
        folder.chmod(0o755)
        alone = _without_sessions(environment)
        app = application()
        with asyncio.Runner(loop_factory=lambda: Loop(app)) as runner:
            ten = runner.run(_with_sessions(folder))
    results = []
    for title, shares, note in (
        ("Idle", alone, ""),
        (f"Idle with {SESSIONS} sessions open", ten, "it holds {:.0f} MB"),
    ):
        for name in ("window", "agent"):
            result = Result(f"{title}, {name}", "limit", "% of a core", higher_is_better=False)
            result.peer_values, result.our_values = [1.0], [shares[name]]
            result.note = note.format(shares.get(f"{name}_mb", 0.0))
            result.show()
            results.append(result)
    return results


if __name__ == "__main__":
    run()
