"""Writes docs/images/*.png: the real window on the real embedded stack, with a Godot session.

Runs itself under Xvfb where there is no display. Uses the Docker engine of DOCKER_HOST,
SLATE_TEST_DOCKER_HOST or the usual socket; the Godot image is built as packaging/images does.
With ``--previews`` it takes those of the asset browser and the previews alone, with no server;
with ``--builds`` those of the builds alone, with ``--console`` those of the console, with
``--jobs`` those of asset jobs, ``--dialogs`` those of dialogs and ``--german`` one in German, which
need no engine.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
SIZE = (1520, 920)
_LIVE_S = 45.0


async def until(condition: Callable[[], object], what: str, timeout_s: float = 90.0) -> None:
    """Wait for the real program; say what did not happen."""
    try:
        async with asyncio.timeout(timeout_s):
            while not condition():  # noqa: ASYNC110 - the condition is the world's
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise SystemExit(f"screenshots: {what} did not happen within {timeout_s:.0f} s") from None


async def take(window, name: str) -> None:
    """Write one picture of the window as it is."""
    await asyncio.sleep(0.4)
    IMAGES.mkdir(parents=True, exist_ok=True)
    path = IMAGES / f"{name}.png"
    if not window.grab().save(str(path)):
        raise SystemExit(f"screenshots: {path} cannot be written")
    print(path.relative_to(ROOT))


async def session_of(window, name: str, driver: str | None = None) -> str:
    """Choose a project, press Start and wait until it runs; returns the session's id."""
    work = window.workspace
    project = next(p for p in work.projects if p.name == name)
    work.choose_project(project.id)
    form = window.details.form
    await until(lambda: window.binding.config.key == project.id, f"the details of {name}")
    if driver is not None:
        form.driver.setCurrentIndex(form.driver.findData(driver))
        form.check()
    start = window.registry["session.start"]
    await until(start.isEnabled, f"Start for {name}")
    start.trigger()
    await until(
        lambda: work.session is not None and work.session.status.value in ("running", "failed"),
        f"the start of {name}",
    )
    if work.session.status.value == "failed":
        raise SystemExit(f"screenshots: {name} failed: {work.session.error_message}")
    return work.session.id


async def pictures(window) -> None:
    """Drive the window as a user does."""
    await until(lambda: window.is_built, "the window")
    window.resize(*SIZE)
    await until(lambda: window.workspace.answered.is_set(), "the connection")
    await until(lambda: "online" in window.status_row.lamps.buttons["agent"].text(), "an agent")
    await until(lambda: window.details.form.image.text() or True, "the details")
    await asyncio.sleep(0.6)
    await take(window, "window-ready")
    if "--monitor" not in sys.argv:
        await build_pictures(window)
    if "--builds" in sys.argv:
        return
    hello = await session_of(window, "hello-runtime", "process")
    godot = await session_of(window, "godot-pulse", "docker")
    await asyncio.sleep(_LIVE_S)  # the graphs fill
    await monitor_pictures(window, hello)
    window.docks.reset()
    await take(window, "window-dark")
    window.theme.set_choice("light")
    await take(window, "window-light")
    window.theme.set_choice("dark")
    await _console(window)
    window.workspace.choose_session(hello)
    window.palette_.open_commands()
    window.palette_.field.setText("log")
    await take(window, "command-palette")
    window.palette_.close_palette()
    for session_id in (hello, godot):
        window.workspace.choose_session(session_id)
        await until(window.registry["session.stop"].isEnabled, "Stop")
        window.registry["session.stop"].trigger()
        await until(
            lambda session_id=session_id: window.workspace.find_session(session_id).is_final,
            "the stop",
        )


async def monitor_pictures(window, other: str) -> None:
    """Draw two sessions over five minutes with what happened, in both themes, and the hosts."""
    from PySide6.QtCore import Qt

    pane = window.performance
    await until(lambda: pane.graphs is not None, "the graphs")
    for name in ("build", "builds", "jobs", "assets"):
        window.docks.docks[name].hide()
    window.docks.docks["performance"].show()
    window.docks.docks["performance"].raise_()
    window.resizeDocks([window.docks.docks["performance"]], [640], Qt.Orientation.Horizontal)
    session = window.workspace.session
    window.registry["session.restart"].trigger()
    await until(
        lambda: (
            window.workspace.session.attempt > session.attempt
            and window.workspace.session.status.value == "running"
        ),
        "the restart",
    )
    await asyncio.sleep(_LIVE_S / 2)
    pane.set_span(300)
    await until(lambda: len(pane.graphs.strip.marks) >= 2, "marks")
    await asyncio.sleep(1.2)
    window.toasts.clear()
    await take(window, "monitor-one")
    actions = pane.tools.compare.menu().actions()
    next(action for action in actions if action.data() == other).trigger()
    await until(lambda: pane.graphs.legend.isVisible(), "the second session")
    await asyncio.sleep(1.2)
    await take(window, "monitor-several")
    window.theme.set_choice("light")
    await take(window, "monitor-several-light")
    window.theme.set_choice("dark")
    pane.tools.hosts.click()
    await until(lambda: pane.hosts.tree.topLevelItemCount() > 0, "the hosts")
    await take(window, "monitor-hosts")
    pane.tools.hosts.click()
    next(a for a in pane.tools.compare.menu().actions() if a.data() == other).trigger()
    pane.set_span(60)


async def build_pictures(window) -> None:
    """Build the Godot sample twice with others waiting behind, and look at what came of it."""
    from PySide6.QtCore import Qt

    work, panel, pane = window.workspace, window.build_panel, window.builds
    project = next(p for p in work.projects if p.name == "godot-pulse")
    work.choose_project(project.id)
    for name in ("build", "builds"):
        window.docks.docks[name].show()
        window.docks.docks[name].raise_()
    form = panel.form
    form.driver.setCurrentIndex(form.driver.findData("docker"))
    await until(lambda: panel.command.toPlainText(), "the commands of the build")
    await work.slate.save_build_preset(
        project.id, "Nightly", form.kind, "linux", options=form.options()
    )
    await window.build_binding.panel.read_presets("Nightly")
    window.toasts.clear()
    window.resizeDocks([window.docks.docks["builds"]], [150], Qt.Orientation.Vertical)
    await take(window, "build-panel")
    window.docks.spread()
    first = await _build(window, "production")
    kinds = ("development", "staging", "production", "staging", "development")
    later = [await _build(window, kind) for kind in kinds]

    def is_told() -> bool:
        row = next((b for b in pane.model.builds if b.status.value == "building"), None)
        if row is None:
            return False
        if [build.id for build in pane.selected] != [row.id]:
            pane.select(row.id)
        return row.progress >= 10 and f"{row.progress} %" in pane.result.head.text()

    await until(is_told, "its progress")
    await asyncio.sleep(0.2)
    window.toasts.clear()
    await take(window, "build-running")
    pane.select(later[-1])
    await until(lambda: "in the queue" in pane.result.reason.text(), "what it waits for")
    window.registry["build.first"].trigger()
    await until(lambda: pane.model.places[later[-1]].position == 1, "its new place")
    await until(lambda: "1 of" in pane.result.reason.text(), "its new place in words")
    window.toasts.clear()
    await take(window, "build-queue")
    pane.select(later[3])
    pane.select(later[2], is_added=True)
    window.registry["build.cancel"].trigger()
    await until(lambda: all(b.is_final for b in pane.model.builds), "the end of all builds")
    pane.select(later[0])
    pane.result.tabs.setCurrentIndex(1)
    await until(lambda: pane.result.files.topLevelItemCount() > 0, "its artifacts")
    window.toasts.clear()
    await take(window, "build-history")
    pane.tabs.setCurrentIndex(1)
    await until(lambda: pane.plots is not None and pane.plots.summary.text(), "the figures")
    await take(window, "build-statistics")
    pane.tabs.setCurrentIndex(0)
    pane.select(first, is_added=True)
    await until(window.registry["build.compare"].isEnabled, "Compare")
    window.registry["build.compare"].trigger()
    from slate_desktop.ui.builds.comparison import ComparisonDialog

    await until(lambda: window.findChild(ComparisonDialog) is not None, "the comparison")
    dialog = window.findChild(ComparisonDialog)
    await take(dialog, "build-compare")
    dialog.reject()
    window.docks.reset()


async def _build(window, kind: str) -> str:
    """Press Build for a type; returns the new build's id."""
    form, model = window.build_panel.form, window.builds.model
    form.build_type.setCurrentIndex(form.build_type.findData(kind))
    start, known = window.registry["build.start"], {build.id for build in model.builds}
    await until(start.isEnabled, "Build")
    start.trigger()
    await until(lambda: len(model.builds) > len(known), "the queued build")
    return next(build.id for build in model.builds if build.id not in known)


def main() -> int:
    """Take the pictures in directories of their own."""
    if "--inside" not in sys.argv:
        return _outside()
    from slate_desktop.ui import app

    failures: list[BaseException] = []
    run = app.run

    async def run_and_take(window) -> int:
        async def drive() -> None:
            try:
                if "--previews" in sys.argv:
                    await _previews(window)
                elif "--console" in sys.argv:
                    await _console(window)
                elif "--dialogs" in sys.argv:
                    await _dialogs(window)
                elif "--jobs" in sys.argv:
                    await _jobs(window)
                elif "--german" in sys.argv:
                    await _german(window)
                else:
                    await pictures(window)
            except BaseException as error:
                failures.append(error)
                raise
            finally:
                window.close()

        task = asyncio.create_task(drive(), name="pictures")
        code = await run(window)
        with contextlib.suppress(BaseException):
            await task
        return code

    app.run = run_and_take
    code = app.main([])
    for error in failures:
        if isinstance(error, SystemExit):
            print(error, file=sys.stderr)
        else:
            traceback.print_exception(error)
    return 1 if failures else code


async def _console(window) -> None:
    from console_pictures import console_pictures

    await until(lambda: window.is_built, "the window")
    await until(lambda: window.workspace.answered.is_set(), "the connection")
    await until(lambda: "online" in window.status_row.lamps.buttons["agent"].text(), "an agent")
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)  # noqa: PTH101 - the container is another user
        await console_pictures(window, Path(folder), session_of, take, until)


async def _previews(window) -> None:
    from preview_pictures import make_assets, preview_pictures

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "harbour"
        await asyncio.to_thread(make_assets, root)
        await preview_pictures(window, root, take, until)


async def _dialogs(window) -> None:
    from dialog_pictures import dialog_pictures

    await dialog_pictures(window, take, until)


async def _german(window) -> None:
    from german_pictures import german_pictures

    await german_pictures(window, session_of, take, until)


async def _jobs(window) -> None:
    from job_pictures import job_pictures

    await job_pictures(window, take, until)


def _outside() -> int:
    from picture_world import directories, display, end_sessions, remove_cluster, slate

    is_offline = "--previews" in sys.argv
    with directories(is_offline=is_offline) as environment, display() as screen:
        environment |= screen
        command = [sys.executable, __file__, "--inside", *sys.argv[1:]]
        try:
            return subprocess.run(command, env=environment, check=False, timeout=400).returncode
        finally:
            if not is_offline:
                end_sessions(environment)
            slate(environment, "stack", "down")
            if not is_offline:
                remove_cluster(Path(environment["SLATE_DATA_DIR"]))


if __name__ == "__main__":
    raise SystemExit(main())
