"""Drives the window of a workstation that joins a server of another host; prints what it saw.

Modes: ``join FILE`` (with no server: join, and want the window on it) and ``work PULSE ART IMAGE
HOST`` (open a project, run it on a host, build it in a container there, have assets processed).
Pictures go into ``SLATE_PICTURES`` if that is set.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

# Run as a program: its folder is on the path, the project's root is not.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from slate_desktop.domain.session import SessionStatus
from slate_desktop.ui import app
from tests.e2e import drive_window
from tests.e2e.drive_window import lines_of, until

SIZE = (1520, 920)


async def take(window: Any, name: str) -> None:
    """Write a picture, where pictures are wanted."""
    folder = os.environ.get("SLATE_PICTURES")
    if folder:
        window.toasts.clear()
        await asyncio.sleep(0.5)
        if not window.grab().save(str(Path(folder) / f"{name}.png")):
            raise RuntimeError(f"{name} cannot be written")


def top(kind: type) -> Any:
    """Return the visible dialog of a kind, None while there is none."""
    from PySide6.QtWidgets import QApplication

    found = [w for w in QApplication.topLevelWidgets() if isinstance(w, kind) and w.isVisible()]
    return found[0] if found else None


def press(dialog: Any, words: str) -> None:
    """Press the button with these words."""
    from PySide6.QtWidgets import QPushButton

    (button,) = [b for b in dialog.findChildren(QPushButton) if words in b.text()]
    button.click()


async def join(window: Any) -> dict[str, Any]:
    """File ▸ Join a server…, the file, and the question whether to use it."""
    from PySide6.QtWidgets import QFileDialog, QLineEdit

    from slate_desktop.ui.dialogs import Question

    window.registry["server.join"].trigger()
    chooser = await until(lambda: top(QFileDialog), "the file dialog")
    chooser.findChild(QLineEdit).setText(sys.argv[2])
    press(chooser, "Open")
    question = await until(lambda: top(Question), "the question")
    press(question, "Use")
    await until(lambda: window.next_profile, "the wish for the server")
    return {"profile": window.next_profile}


async def add_project(window: Any, folder: Path, command: str = "") -> Any:
    """File ▸ Add project…: the folder's name, and the button."""
    from slate_desktop.ui.add_project import AddProjectDialog

    work = window.workspace
    window.registry["project.add"].trigger()
    dialog = await until(lambda: top(AddProjectDialog), "the dialog of a project")
    dialog.folder.setText(str(folder))
    await until(lambda: dialog.finding.text(), "what is in the folder")
    if command:
        dialog.command.setText(command)
    await until(dialog.add_button.isEnabled, "Add")
    dialog.add_button.click()
    project = await until(
        lambda: next((p for p in work.projects if p.root == str(folder)), None), "the project"
    )
    work.choose_project(project.id)
    await until(lambda: window.binding.config.key == project.id, "the configuration")
    return project


async def work(window: Any) -> dict[str, Any]:
    window.resize(*SIZE)
    pulse, art, image, host = Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4], sys.argv[5]
    await until(lambda: "2 online" in window.status_row.lamps.buttons["agent"].text(), "two agents")
    try:
        project = await add_project(window, pulse)
        seen = await session(window, image, host)
        seen |= await build(window, project)
        return seen | await batch(window, art)
    except BaseException:
        await take(window, "failed")
        raise


async def session(window: Any, image: str, host: str) -> dict[str, Any]:
    form, space = window.details.form, window.workspace
    name, _, tag = image.partition(":")
    form.driver.setCurrentIndex(form.driver.findData("docker"))
    form.image.setText(name)
    form.tag.setText(tag)
    form.memory.setText("512m")
    await until(lambda: form.host.is_needed, "the choice of a host")
    form.host.setCurrentIndex(form.host.findData(host))
    form.check()
    await until(window.registry["session.start"].isEnabled, "Start")
    window.registry["session.start"].trigger()
    await until(
        lambda: space.session and space.session.status is SessionStatus.RUNNING, "running", 120
    )
    running = space.session
    await until(lambda: lines_of(window) > 5, "log lines")
    lines = lines_of(window)
    await until(lambda: lines_of(window) > lines, "more of them, as they come")
    graphs = await until(lambda: window.performance.graphs, "the graphs")
    await until(lambda: graphs.cpu.figure.text() != "–", "a figure in the graph")
    history = space.models[running.id].stats_history
    # As a click on the session does.
    window.binding.leave_start()
    await until(lambda: len(history) > 8, "samples")
    await take(window, "hosts-session")
    window.docks.docks["performance"].raise_()
    window.performance.tools.hosts.click()
    hosts = window.performance.hosts
    await until(lambda: hosts.tree.topLevelItemCount() == 2, "the hosts")
    await take(window, "hosts-table")
    window.performance.tools.hosts.click()
    window.registry["session.stop"].trigger()
    await until(lambda: space.find_session(running.id).is_final, "the stop", 120)
    return {
        "ran_on": running.agent_id,
        "lines": lines,
        "figure": graphs.cpu.figure.text(),
        "session": space.find_session(running.id).status.value,
    }


async def build(window: Any, project: Any) -> dict[str, Any]:
    panel, pane = window.build_panel, window.builds
    window.workspace.choose_project(project.id)
    for name in ("build", "builds"):
        window.docks.docks[name].show()
        window.docks.docks[name].raise_()
    panel.form.driver.setCurrentIndex(panel.form.driver.findData("docker"))
    await until(lambda: panel.command.toPlainText(), "the commands of the build")
    start = window.registry["build.start"]
    await until(start.isEnabled, "Build")
    start.trigger()
    await until(lambda: pane.model.builds, "the build")
    await until(lambda: pane.model.builds[0].is_final, "its end", 180)
    done = pane.model.builds[0]
    pane.select(done.id)
    pane.result.tabs.setCurrentIndex(1)
    await until(lambda: pane.result.files.topLevelItemCount() > 0, "its artifacts")
    await take(window, "hosts-build")
    return {"build": done.id, "verdict": done.verdict, "driver": done.driver}


async def batch(window: Any, folder: Path) -> dict[str, Any]:
    project = await add_project(window, folder, "true")
    window.tasks.spawn(window.job_commands.submit([folder]), "batch", window)
    slate = window.workspace.slate

    async def ended() -> list[Any]:
        while True:
            jobs = await slate.list_asset_jobs(project.id)
            if len(jobs) >= 8 and all(job.is_final for job in jobs):
                return jobs
            await asyncio.sleep(0.2)

    async with asyncio.timeout(120):
        jobs = await ended()
    window.docks.docks["jobs"].show()
    window.docks.docks["jobs"].raise_()
    await take(window, "hosts-jobs")
    return {
        "jobs": sorted({job.status.value for job in jobs}),
        "workers": sorted({(job.lease_owner or "").rpartition(".")[0] for job in jobs}),
    }


if __name__ == "__main__":
    mode = {"join": join, "work": work}[sys.argv[1]]
    if mode is join:
        # The test opens the next window itself.
        app.open_anew = lambda profile: None
    code = drive_window.run_driven_by(mode)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
