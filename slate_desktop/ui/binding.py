"""Shows in the panes what the workspace says. What is chosen in panes is ``pane_events``'."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from slate_desktop.domain.session import RuntimeSession, SessionStatus
from slate_desktop.errors import SlateError
from slate_desktop.translation import sentence
from slate_desktop.ui import status
from slate_desktop.ui.availability import Availability
from slate_desktop.ui.commands import can_edit
from slate_desktop.ui.config_binding import ConfigBinding
from slate_desktop.ui.details_pane import failure_of
from slate_desktop.ui.pane_events import PaneEvents
from slate_desktop.ui.problems import Problem, describe
from slate_desktop.ui.project_trees import ProjectTrees
from slate_desktop.ui.watched import watched_model

if TYPE_CHECKING:
    from slate_desktop.control.notices import Notice
    from slate_desktop.ui.start.commands import StartPageCommands
    from slate_desktop.ui.start.welcome import Welcome
    from slate_desktop.ui.window import MainWindow

_REFRESH_S = 3.0


class Binding:
    """One per window."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self._work = window.workspace
        self.availability = Availability(window)
        self.config = ConfigBinding(window)
        self._trees = ProjectTrees(window)
        self._own_problem: tuple[str, Problem] | None = None
        self._told_refusal: BaseException | None = None
        self._refreshed_at = 0.0
        self._start: StartPageCommands | None = None
        self._is_start_shown = False
        self._is_connected = False
        self._connect_workspace()
        self._panes = PaneEvents(window, self)

    # -- all at once -----------------------------------------------------------------------

    def show_all(self) -> None:
        """Show what is known before anything is connected."""
        self._show_projects()
        self._show_sessions()
        self.availability.show()
        self.availability.show_documents()

    def open_remembered(self) -> None:
        """Open the last project's folder; its files show without broker and database."""
        work = self._work
        if work.projects:
            wanted = work.find_project(self._window.state.project_id) or work.projects[0]
            self._window.projects.expand_project(wanted.id)

    async def aclose(self) -> None:
        """Stop watching folders."""
        await self._trees.aclose()

    async def load_config(self) -> None:
        """Fill the form with what the chosen session or project starts with."""
        if await self.config.load():
            self._show_details()

    def show_start(self) -> None:
        """Show the start page until something is chosen."""
        window = self._window
        if self._work.slate is not None and self._start is None:
            from slate_desktop.ui.start.commands import StartPageCommands

            self._start = StartPageCommands(window)
        self._is_start_shown = self._work.slate is not None
        window.centre.setCurrentWidget(window.start_page)
        window.documents.show_overview()

    @property
    def start_page(self) -> Welcome | None:
        """What the start page shows since it was first shown with a connection."""
        return self._start.welcome if self._start is not None else None

    def leave_start(self) -> None:
        """Show what is chosen again."""
        if self._is_start_shown:
            self._is_start_shown = False
            self._show_details()

    def set_creating(self, is_on: bool) -> None:
        """Say that a session is being created, which takes Start away at once."""
        self.availability.is_creating = is_on
        if is_on:
            self._own_problem = None
            self._window.say(self._window.tr("Starting…"))
        self.availability.show()

    def show_problem(self, problem: Problem) -> None:
        """Show a problem that no session's model knows."""
        self._own_problem = (self.config.chosen_key, problem)
        self._show_banner()
        self._tell_behind(problem)

    def dismiss_problem(self) -> None:
        """Forget the problem that was shown."""
        self._own_problem = None

    def show_theme(self) -> None:
        """Draw what has colours of its own anew."""
        self._window.console.apply_theme()
        for session in self._work.sessions:
            self._show_tab(session)
        self._show_details()

    def on_activated(self) -> None:
        """Read the projects again, but not at every blink of the focus."""
        now = time.monotonic()
        if now - self._refreshed_at > _REFRESH_S and self._work.slate is not None:
            self._refreshed_at = now
            self._window.tasks.spawn(self._refresh(), "refresh", self._window)
            self._window.job_commands.look_again()

    # -- showing ---------------------------------------------------------------------------

    def _show_projects(self) -> None:
        window, work = self._window, self._work
        gone = window.projects.set_projects(work.projects)
        for item in gone:
            self._trees.close(item.project.id)
        window.projects.set_sessions(work.sessions)
        if work.slate is not None and not work.projects:
            self.show_start()

    def _show_sessions(self) -> None:
        window, work = self._window, self._work
        names = {project.id: project.name for project in work.projects}
        window.projects.set_sessions(work.sessions)
        window.sessions.set_sessions(work.sessions, names)
        window.sessions.select_session(work.current_session_id)
        self.availability.show()

    def _show_details(self) -> None:
        window, work = self._window, self._work
        session, project = work.session, work.project
        if session is not None:
            note = sentence(work.model.note if work.model is not None else window.offline.note)
            window.details.show_session(session, project, note)
        elif project is not None:
            engine = project.engine.value.title()
            version = project.engine_version
            window.details.show_project(project, f"{engine} {version}" if version else engine)
        else:
            return
        if (work.slate is not None or session is not None) and not self._is_start_shown:
            window.centre.setCurrentWidget(window.details)
        name = project.name if project is not None else ""
        where = work.slate.profile if work.slate is not None else "local"
        parts = [name, "" if where == "local" else where, "SLATE"]
        window.setWindowTitle(" – ".join(part for part in parts if part))
        self._show_banner()
        self.availability.show()

    def _show_banner(self) -> None:
        window, model, session = self._window, self._work.model, self._work.session
        problem = None
        if self._own_problem is not None and self._own_problem[0] == self.config.chosen_key:
            problem = self._own_problem[1]
        elif model is not None and model.error is not None:
            problem = describe(model.error, window.last_command.get(model.session_id, ""))
        elif session is not None:
            problem = failure_of(session)
        if problem != window.details.banner.problem:
            window.details.banner.show_problem(problem)
            if problem is not None:
                # Whatever stands in front of it: this is to be read.
                self.leave_start()

    def _tell_behind(self, problem: Problem) -> None:
        """Tell a problem in a notice where a document stands in front of the banner."""
        window = self._window
        if not window.details.banner.isVisible():
            text = " ".join(part for part in (problem.why, problem.next_step) if part)
            window.workspace.notify("error", problem.what, text, raw=problem.raw)

    # -- events of the workspace -----------------------------------------------------------

    def _connect_workspace(self) -> None:
        window, work = self._window, self._work
        work.step_changed.connect(window.start_page.set_step)
        work.connected.connect(self._on_connected)
        work.connect_failed.connect(self._on_connect_failed)
        work.projects_changed.connect(self._on_projects_changed)
        work.sessions_changed.connect(self._on_sessions_changed)
        work.session_changed.connect(self._on_session_changed)
        work.current_changed.connect(self._on_current_changed)
        work.model_opened.connect(self._on_model_opened)
        work.session_removed.connect(self._window.console.close_log)
        work.model_changed.connect(self._on_model_changed)
        work.lamp_changed.connect(window.status_row.lamps.show_lamp)
        work.failed.connect(window.show_error)
        work.notice_added.connect(self._on_notice)
        work.unread_changed.connect(window.status_row.show_unread)

    @property
    def _is_reading(self) -> bool:
        """Whether everything is being read for the first time; it is shown at once after that."""
        return self._work.slate is not None and not self._is_connected

    def _on_connected(self) -> None:
        window, work = self._window, self._work
        self._is_connected = True
        window.start_page.banner.show_problem(None)
        self._show_projects()
        self._show_sessions()
        if work.current_project_id is not None:
            window.projects.expand_project(work.current_project_id)
        self._on_current_changed()
        live = next((s for s in work.sessions if s.is_live), None)
        if live is not None and work.current_session_id is None:
            work.choose_session(live.id)
        if work.is_first_start:
            self.show_start()

    def _on_connect_failed(self, error: SlateError) -> None:
        window = self._window
        for name, (state, _words) in list(window.start_page.steps.items()):
            if state == "working":
                window.start_page.set_step(name, "failed", window.tr("failed"))
        problem = describe(error, window.tr("SLATE could not connect. It keeps trying."))
        window.start_page.banner.show_problem(problem, action=window.tr("Try now"))
        if self._work.session is None:
            # Whoever reads what was last seen of a session is left in peace.
            window.centre.setCurrentWidget(window.start_page)
        self.availability.show()

    def _on_projects_changed(self) -> None:
        if not self._is_reading:
            self._show_projects()
            self._show_sessions()
            self._show_details()

    def _on_sessions_changed(self) -> None:
        if not self._is_reading:
            self._show_sessions()

    def _on_session_changed(self, session: RuntimeSession) -> None:
        window, work = self._window, self._work
        window.projects.model.touch_session(session)
        window.sessions.model.touch_session(session)
        self._show_tab(session)
        if session.id == work.current_session_id:
            if not can_edit(session.status):
                # What runs is what the row says, whatever was being edited.
                window.drafts.pop(session.id, None)
                window.tasks.spawn(self.load_config(), "configuration", window)
            self._show_details()
        elif work.current_session_id is None:
            self._show_history()  # it may have been the one that is drawn

    def _on_current_changed(self) -> None:
        window, work = self._window, self._work
        if self._is_reading:
            return
        if work.current_session_id is not None:
            window.projects.select_session(work.current_session_id)
            window.console.select(work.current_session_id)
        elif work.current_project_id is not None:
            window.projects.select_project(work.current_project_id)
        window.sessions.select_session(work.current_session_id)
        self._show_assets()
        self._show_history()
        self._show_details()
        window.tasks.spawn(self.load_config(), "configuration", window)

    def _show_assets(self) -> None:
        project = self._work.project
        self._window.assets.set_root(Path(project.root) if project is not None else None)

    def _on_model_opened(self, session_id: str) -> None:
        window, work = self._window, self._work
        session = work.find_session(session_id)
        if session is not None:
            window.console.open_log(
                session_id, window.session_title(session), work.models[session_id]
            )
            self._show_tab(session)
        self._show_history()
        self._show_details()

    def _on_model_changed(self, session_id: str) -> None:
        if session_id == self._work.current_session_id:
            self._own_problem = None
            self._show_history()
            self._show_details()
            self._tell_refusal()

    def _tell_refusal(self) -> None:
        """Tell once why a command was refused; of failed sessions and lost servers others tell."""
        model, session = self._work.model, self._work.session
        error = model.error if model is not None else None
        if error is self._told_refusal:
            return
        self._told_refusal = error
        is_failed = session is not None and session.status is SessionStatus.FAILED
        what = self._window.last_command.get(model.session_id, "") if model is not None else ""
        if error is not None and what and not is_failed:
            self._tell_behind(describe(error, what))

    def _on_notice(self, notice: Notice) -> None:
        window = self._window
        if notice.level == "info":
            window.say(sentence(notice.title))
        else:
            window.toasts.show_notice(notice)

    def _show_history(self) -> None:
        model = watched_model(self._work)
        session = self._work.find_session(model.session_id) if model is not None else None
        title = self._window.session_title(session) if session is not None else ""
        self._window.performance.set_history(model.stats_history if model else None, title)

    def _show_tab(self, session: RuntimeSession) -> None:
        icon, role = status.status_look(session.status)
        words = status.status_words(session.status)
        self._window.console.set_status(session.id, icon, role, words)

    # -- private ---------------------------------------------------------------------------

    async def _refresh(self) -> None:
        try:
            await self._work.refresh_projects()
        except SlateError as error:
            # The lamps say that something is away; the old list stays.
            self._window.say(sentence(str(error)))
