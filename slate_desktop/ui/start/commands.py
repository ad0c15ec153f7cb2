"""Fills the start page, remembers what was used last, and does the first steps."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from slate_desktop.domain.session import SessionStatus
from slate_desktop.errors import SlateError
from slate_desktop.ui import status
from slate_desktop.ui.project_memory import MOST_SHOWN
from slate_desktop.ui.start.guide import steps
from slate_desktop.ui.start.places import PlaceRow
from slate_desktop.ui.start.welcome import Welcome

if TYPE_CHECKING:
    from PySide6.QtGui import QAction

    from slate_desktop.domain.project import Project
    from slate_desktop.domain.session import RuntimeSession
    from slate_desktop.ui.window import MainWindow

_READY_S = 20.0
SAMPLE_ASSET = Path("art", "crate_albedo.png")


class StartPageCommands:
    """One per window, made when the page is first shown after the connection."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self._busy = ""
        self.welcome = Welcome(window.theme, window.registry)
        self.welcome.recent.wanted.connect(self._on_project)
        self.welcome.recent.pin_wanted.connect(self._on_pin)
        self.welcome.running.wanted.connect(self._on_session)
        self.welcome.guide.step_wanted.connect(
            lambda name: window.tasks.spawn(self.do(name), f"first step {name}", window)
        )
        self.welcome.guide.hide_wanted.connect(self._on_hide)
        work = window.workspace
        for signal in (work.projects_changed, work.sessions_changed):
            signal.connect(self.fill)
        work.session_changed.connect(self._on_session_changed)
        work.succeeded.connect(self._on_succeeded)
        window.recent.cleared.connect(self.fill)
        window.start_page.show_welcome(self.welcome)
        self.fill()

    def fill(self) -> None:
        """Show what there is now."""
        work, state = self._window.workspace, self._window.state
        by_id = {project.id: project for project in work.projects}
        order = [*state.pinned, *state.recent, *by_id]
        ids = [name for name in dict.fromkeys(order) if name in by_id][:MOST_SHOWN]
        self.welcome.recent.show_rows([self._project_row(by_id[name]) for name in ids])
        live = [session for session in work.sessions if session.is_live][:MOST_SHOWN]
        self.welcome.running.show_rows([self._session_row(session) for session in live])
        if any(session.status is SessionStatus.RUNNING for session in live):
            self._note_done("session")
        self.welcome.guide.show_done(state.guide_done, self._busy)
        is_local = work.slate is not None and work.slate.profile == "local"
        self.welcome.guide.setVisible(is_local and not state.has_hidden_guide)

    async def do(self, name: str) -> None:
        """Do one of the first steps with the samples."""
        self._busy = name
        self.fill()
        window = self._window
        try:
            await {"session": self._run, "asset": self._process, "build": self._build}[name]()
        except SlateError as error:
            window.show_error(error, window.tr("This step could not be done."))
            window.binding.leave_start()
        finally:
            self._busy = ""
            self.fill()

    async def _run(self) -> None:
        from slate_desktop.ui.samples import HELLO

        window = self._window
        window.workspace.choose_project((await self._sample(HELLO)).id)
        await window.reload_config()
        self._raise("console", "performance")
        await window.commands.start()

    async def _process(self) -> None:
        from slate_desktop.ui.samples import HELLO, restore_file

        window = self._window
        project = await self._sample(HELLO)
        await asyncio.to_thread(restore_file, Path(project.root), HELLO, SAMPLE_ASSET)
        window.workspace.choose_project(project.id)
        self._raise("jobs")
        await window.job_commands.submit([Path(project.root) / SAMPLE_ASSET])

    async def _build(self) -> None:
        from slate_desktop.ui.samples import BUILD

        window = self._window
        window.workspace.choose_project((await self._sample(BUILD)).id)
        self._raise("build", "builds")
        # What could be built before was said of another project.
        await window.build_binding.panel.check_now()
        await _until_enabled(window.registry["build.start"])
        await window.build_binding.start()

    async def _sample(self, name: str) -> Project:
        """Return a sample project; one that was removed is added again."""
        from slate_desktop.ui.samples import add_sample, is_sample

        work = self._window.workspace
        known = next((p for p in work.projects if p.name == name and is_sample(p)), None)
        if known is not None:
            return known
        if work.slate is None:
            raise SlateError(self._window.tr("SLATE is not connected yet."))
        added = await add_sample(work.slate, name)
        await work.refresh_projects()
        return added

    def _raise(self, *names: str) -> None:
        for name in names:
            dock = self._window.docks.docks[name]
            dock.show()
            dock.raise_()

    def _project_row(self, project: Project) -> PlaceRow:
        is_pinned = project.id in self._window.state.pinned
        return PlaceRow(
            project.id, project.name, project.root, "gamepad-2", can_pin=True, is_pinned=is_pinned
        )

    def _session_row(self, session: RuntimeSession) -> PlaceRow:
        icon, role = status.status_look(session.status)
        title = self._window.session_title(session)
        return PlaceRow(session.id, title, status.status_words(session.status), icon, role)

    def _on_project(self, project_id: str) -> None:
        self._window.binding.leave_start()
        self._window.workspace.choose_project(project_id)
        self._window.projects.expand_project(project_id)

    def _on_session(self, session_id: str) -> None:
        self._window.binding.leave_start()
        self._window.workspace.choose_session(session_id)

    def _on_session_changed(self, session: RuntimeSession) -> None:
        if session.status is SessionStatus.RUNNING:
            self._note_done("session")
        self.fill()

    def _on_succeeded(self, what: str) -> None:
        self._note_done(what)
        self.welcome.guide.show_done(self._window.state.guide_done, self._busy)

    def _note_done(self, name: str) -> None:
        window, done = self._window, self._window.state.guide_done
        if name in done or name not in {step.name for step in steps()}:
            return
        done.append(name)
        following = next((step.title for step in steps() if step.name not in done), "")
        words = window.tr("Done. Next: {step}.").format(step=following)
        window.say(words if following else window.tr("Done: these were the first steps."))

    def _on_pin(self, project_id: str) -> None:
        pinned = self._window.state.pinned
        if project_id in pinned:
            pinned.remove(project_id)
        else:
            pinned.insert(0, project_id)
        self.fill()

    def _on_hide(self) -> None:
        self._window.state.has_hidden_guide = True
        self.fill()


async def _until_enabled(action: QAction) -> None:
    """Wait until an action can be used.

    Raises:
        SlateError: it cannot; the message is the reason that the action itself gives.
    """
    changed = asyncio.Event()
    connection = action.changed.connect(changed.set)
    try:
        async with asyncio.timeout(_READY_S):
            while not action.isEnabled():
                changed.clear()
                await changed.wait()
    except TimeoutError as exc:
        raise SlateError(action.toolTip()) from exc
    finally:
        action.disconnect(connection)
