"""Runs the real window and presses what a user presses; prints what it saw as JSON.

Modes: ``sample`` (start, look, stop, close), ``first_day`` (the first steps of the start page),
``drop`` (drop the folder SLATE_TEST_DROP of a project, and read the report of every asset),
``hold`` (start and stay until SIGTERM), ``look`` (attach and read what another window started).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent

from slate_desktop.domain.session import SessionStatus
from slate_desktop.ui import app


async def until(condition: Callable[[], Any], what: str, timeout_s: float = 60.0) -> Any:
    try:
        async with asyncio.timeout(timeout_s):
            while not (value := condition()):  # noqa: ASYNC110 - the condition is the world's
                await asyncio.sleep(0.05)
            return value
    except TimeoutError:
        raise RuntimeError(f"{what} did not happen") from None


def tell(seen: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(seen) + "\n")
    sys.stdout.flush()


def lines_of(window) -> int:
    buffer = window.console.current_buffer
    return len(buffer) if buffer is not None else 0


def points_of(window) -> int:
    """Return how many points are drawn of the processor."""
    graphs = window.performance.graphs
    # Empty until something was drawn.
    data = graphs.cpu.plot.data if graphs is not None else []
    return len(data[0][0]) if data else 0


async def start_sample(window) -> str:
    work = window.workspace
    await until(lambda: "online" in window.status_row.lamps.buttons["agent"].text(), "an agent")
    project = next(p for p in work.projects if p.name == "hello-runtime")
    work.choose_project(project.id)
    await until(lambda: window.binding.config.key == project.id, "the configuration")
    await until(window.registry["session.start"].isEnabled, "Start")
    window.registry["session.start"].trigger()
    await until(lambda: work.session and work.session.status is SessionStatus.RUNNING, "running")
    await until(lambda: lines_of(window) > 0, "log lines")
    return work.session.id


async def sample(window) -> dict[str, Any]:
    session_id = await start_sample(window)
    work = window.workspace
    history = work.models[session_id].stats_history
    await until(lambda: len(history) > 2, "samples")
    graphs = await until(lambda: window.performance.graphs, "the graphs")
    await until(lambda: graphs.cpu.figure.text() != "–", "a figure in the graph")
    # Drawn once a second: what has come may not be among them yet.
    await until(lambda: points_of(window) > 1, "points in the graph")
    seen = {
        "projects": sorted(project.name for project in work.projects),
        "lines": lines_of(window),
        "points": points_of(window),
        "figure": graphs.cpu.figure.text(),
    }
    window.registry["session.stop"].trigger()
    await until(lambda: work.find_session(session_id).is_final, "the stop")
    return seen | {"status": work.find_session(session_id).status.value}


def _found(root: Path, pattern: str, least: int) -> list[str]:
    """Return so many files at least: products come into the folder just after their job's end."""
    names = sorted(path.name for path in root.rglob(pattern) if path.is_file())
    return names if len(names) >= least else []


async def first_day(window) -> dict[str, Any]:
    """Go through the first steps by their buttons, as the start page shows them."""
    assert window.centre.currentWidget() is window.start_page
    steps = window.start_page.steps
    assert {state for state, _words in steps.values()} == {"done"}, steps
    await until(lambda: "online" in window.status_row.lamps.buttons["agent"].text(), "an agent")
    guide = window.binding.start_page.guide
    done = window.state.guide_done
    seen: dict[str, Any] = {}
    for name in ("session", "asset", "build"):
        button = guide.buttons[name]
        await until(button.isEnabled, f"the button of {name}")
        button.click()
        await until(lambda name=name: name in done, name, 90)
    work = window.workspace
    session = next(s for s in work.sessions if s.status is SessionStatus.RUNNING)
    project = next(p for p in work.projects if p.name == "hello-runtime")
    jobs = await work.slate.list_asset_jobs(project.id)
    seen["asset"] = [(job.path, job.status.value) for job in jobs]
    root = Path(project.root)
    seen["products"] = await until(lambda: _found(root, "crate_albedo*", 2), "the products")
    build = window.build_binding.builds[0]
    seen["build"], seen["verdict"] = build.status.value, build.verdict
    rows = await until(lambda: window.binding.start_page.running.rows, "what runs")
    seen["running"] = [row.title for row in rows]
    work.choose_session(session.id)
    await until(window.registry["session.stop"].isEnabled, "Stop")
    window.registry["session.stop"].trigger()
    await until(lambda: work.find_session(session.id).is_final, "the stop")
    return seen


def drop_on(window, folder: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(folder))])
    action, button = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    modifier = Qt.KeyboardModifier.NoModifier
    window.dropEvent(QDropEvent(QPointF(5, 5), action, data, button, modifier))


async def drop(window) -> dict[str, Any]:
    """Drop a folder, watch the Jobs pane until all has ended, and read every report there."""
    from slate_desktop.ui.jobs.rows import ASSET, DETAIL, PROGRESS, STATE, WORKER

    folder, count = Path(os.environ["SLATE_TEST_DROP"]), int(os.environ["SLATE_TEST_COUNT"])
    work, pane = window.workspace, window.jobs
    await until(lambda: "online" in window.status_row.lamps.buttons["agent"].text(), "an agent")
    work.choose_project(next(p.id for p in work.projects if folder.is_relative_to(p.root)))
    await until(window.registry["jobs.add"].isEnabled, "the project's jobs")
    progress: set[str] = set()
    summaries: set[str] = set()

    def cells(row: int) -> list[str]:
        columns = (ASSET, STATE, PROGRESS, WORKER, DETAIL)
        return [str(pane.rows.data(pane.rows.index(row, column)) or "") for column in columns]

    def look() -> list[list[str]]:
        """Return what the rows say now; the first may be through before the last has come."""
        rows = [cells(row) for row in range(pane.rows.rowCount())]
        progress.update(f"{state} {share}" for _, state, share, *_ in rows if state == "processing")
        summaries.add(pane.summary.text())
        return rows

    def have_ended() -> bool:
        return all(state in ("done", "failed") for _, state, *_ in look())

    drop_on(window, folder)
    try:
        await until(lambda: len(look()) == count, "all jobs in the pane")
    except RuntimeError as error:
        told = [notice.text for notice in work.notices.items]
        raise RuntimeError(f"{error}: {pane.rows.rowCount()} of {count}, {told}") from None
    await until(have_ended, "the end of all jobs", 240)
    # One of them is corrupt.
    made = folder.parent / "processed"
    await until(lambda: _found(made, "[!.]*", count - 1), "the products in the folder")
    reports: dict[str, str] = {}
    for row in range(count):
        pane.view.setCurrentIndex(pane.rows.index(row, 0))
        reports[cells(row)[0]] = pane.report.text()
    return {
        "progress": sorted(progress),
        "summaries": sorted(summaries),
        "states": {cells(row)[0]: [*cells(row)[1:2], cells(row)[4]] for row in range(count)},
        "reports": reports,
    }


async def hold(window) -> None:
    session_id = await start_sample(window)
    tell({"session": session_id})


async def look(window) -> dict[str, Any]:
    await until(lambda: lines_of(window) > 0, "the other window's log")
    return {"session": window.console.current_id, "lines": lines_of(window)}


def run_driven_by(mode: Callable[[Any], Awaitable[Any]], *, is_offline: bool = False) -> int:
    """Run the program and ``mode`` in it; what that returns is told, and the window closed."""
    failures: list[BaseException] = []
    run = app.run

    async def run_driven(window) -> int:
        async def drive() -> None:
            try:
                await until(lambda: window.is_built, "the window")
                if not is_offline:
                    await until(window.workspace.answered.is_set, "the connection")
                seen = await mode(window)
            except BaseException as error:
                failures.append(error)
                window.close()
                raise
            if seen is not None:
                tell(seen)
                window.close()

        task = asyncio.create_task(drive(), name="driver")
        code = await run(window)
        with contextlib.suppress(BaseException):
            await task
        return code

    app.run = run_driven
    code = app.main([])
    for error in failures:
        sys.stderr.write(f"{error!r}\n")
    return 1 if failures else code


if __name__ == "__main__":
    modes = {
        "sample": sample,
        "first_day": first_day,
        "drop": drop,
        "hold": hold,
        "look": look,
    }
    code = run_driven_by(modes[sys.argv[1]])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # as the program's own entry point does
