"""Shows what the workspace says in the panes, and tells the workspace what was chosen in them."""

from __future__ import annotations

import asyncio
import importlib
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from slate_desktop.domain.container import ContainerConfig, parse_container_config
from slate_desktop.domain.engine import default_container_config
from slate_desktop.domain.session import RuntimeSession, SessionStatus
from slate_desktop.errors import SlateError
from slate_desktop.ui import folders, status
from slate_desktop.ui.builds.words import LOG_PREFIX
from slate_desktop.ui.command_palette import Command
from slate_desktop.ui.commands import can_edit, can_start, can_stop
from slate_desktop.ui.details_pane import failure_of
from slate_desktop.ui.problems import Problem, describe

if TYPE_CHECKING:
    from slate_desktop.control.notices import Notice
    from slate_desktop.control.tree import ProjectTree, TreeNode
    from slate_desktop.ui.window import MainWindow

_REFRESH_S = 3.0


class Binding:
    """One per window."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self._work = window.workspace
        self._trees: dict[str, ProjectTree] = {}
        self.config_key = ""
        self._own_problem: tuple[str, Problem] | None = None
        self._is_creating = False
        self._refreshed_at = 0.0
        self._connect_workspace()
        self._connect_panes()

    # -- all at once -----------------------------------------------------------------------

    def show_all(self) -> None:
        """Show what is known before anything is connected."""
        self._show_projects()
        self._show_sessions()
        self.show_availability()
        self.show_documents()

    def open_remembered(self) -> None:
        """Open the last project's folder; its files show without broker and database."""
        work = self._work
        if work.projects:
            wanted = work.find_project(self._window.state.project_id) or work.projects[0]
            self._window.projects.expand_project(wanted.id)

    async def aclose(self) -> None:
        """Stop watching folders."""
        trees, self._trees = list(self._trees.values()), {}
        for tree in trees:
            await tree.aclose()

    def places(self) -> Iterable[Command]:
        """Yield sessions and projects for the palette."""
        window, work = self._window, self._work
        for session in work.sessions[:50]:
            yield Command(
                title=window.session_title(session),
                run=lambda session_id=session.id: work.choose_session(session_id),
                group=window.tr("Session"),
                hint=status.session_words(session),
                icon="terminal",
            )
        for document in window.documents.documents:
            yield Command(
                title=document.title,
                run=lambda path=document.path: window.documents.open_path(path),
                group=window.tr("Document"),
                hint=str(document.path),
                icon="file",
            )
        for project in work.projects:
            yield Command(
                title=project.name,
                run=lambda project_id=project.id: work.choose_project(project_id),
                group=window.tr("Project"),
                hint=project.root,
                icon="gamepad-2",
            )

    def set_creating(self, is_on: bool) -> None:
        """Say that a session is being created, which takes Start away at once."""
        self._is_creating = is_on
        if is_on:
            self._own_problem = None
            self._window.say(self._window.tr("Starting…"))
        self.show_availability()

    def show_problem(self, problem: Problem) -> None:
        """Show a problem that no session's model knows."""
        self._own_problem = (self._key(), problem)
        self._show_banner()

    def on_activated(self) -> None:
        """Read the projects again, but not at every blink of the focus."""
        now = time.monotonic()
        if now - self._refreshed_at > _REFRESH_S and self._work.slate is not None:
            self._refreshed_at = now
            self._window.tasks.spawn(self._refresh(), "refresh", self._window)
            self._window.job_commands.look_again()

    def show_documents(self) -> None:
        """Switch the actions of documents on and off."""
        registry, area = self._window.registry, self._window.documents
        document = area.current
        why = self._window.tr("No document is open.")
        for name in ("close", "close_others", "pin", "reload", "reveal", "external", "copy_path"):
            registry.set_enabled(f"document.{name}", document is not None, why)
        can_save = document is not None and document.can_save
        registry.set_enabled("document.save", can_save, self._window.tr("Nothing to save here."))
        pin = registry["document.pin"]
        pin.blockSignals(True)
        pin.setChecked(document is not None and area.is_pinned(document))
        pin.blockSignals(False)

    # -- configuration ---------------------------------------------------------------------

    async def load_config(self) -> None:
        """Fill the form with what the chosen session or project starts with."""
        window, work = self._window, self._work
        key = self._key()
        try:
            base = await self._base_config()
        except SlateError as error:
            window.show_error(error, window.tr("The configuration could not be read."))
            return
        if base is None or key != self._key():
            return
        self.config_key = key
        draft = window.drafts.get(key)
        window.details.set_config(draft or base, base=base)
        if work.session is not None and not can_edit(work.session.status):
            window.drafts.pop(key, None)
        self._show_details()

    async def _base_config(self) -> ContainerConfig | None:
        work = self._work
        if work.session is not None:
            if work.slate is None:
                return parse_container_config(work.session.container_config)
            return await work.slate.effective_config(work.session)
        if work.project is None:
            return None
        if work.slate is not None and not folders.is_folder(work.project):
            return await work.slate.default_container_config(work.project.id)
        return default_container_config(work.project.engine, work.project.engine_version)

    # -- showing ---------------------------------------------------------------------------

    def show_availability(self) -> None:
        """Switch actions on and off, each with its reason."""
        window, work = self._window, self._work
        registry, session, model = window.registry, work.session, work.model
        is_on, is_busy = work.slate is not None, self._is_creating
        if model is not None and model.is_loading:
            is_busy = True
        state = session.status if session is not None else None
        no_link = "" if is_on else window.tr("SLATE is not connected yet.")
        why = no_link
        if work.project is None and session is None:
            why = why or window.tr("Choose a project first.")
        elif folders.is_folder(work.project):
            why = why or window.tr("This folder is no project yet: add it first (Ctrl+O).")
        elif not window.details.form.is_valid:
            why = why or window.tr("Correct the marked fields first.")
        elif not can_start(state):
            why = why or window.tr("It is already running.")
        registry.set_enabled("session.start", not why and not is_busy, why)
        not_running = no_link or window.tr("Nothing is running.")
        is_running = state is SessionStatus.RUNNING
        registry.set_enabled("session.stop", is_on and can_stop(state), not_running)
        registry.set_enabled("session.restart", is_on and is_running and not is_busy, not_running)
        registry.set_enabled("session.execute", is_on and is_running, not_running)
        registry.set_enabled("session.new", session is not None, no_link)
        has_ended = session is not None and can_edit(state)
        registry.set_enabled("session.remove", is_on and has_ended and not is_busy, no_link)
        registry.set_enabled("project.add", is_on, no_link)
        is_folder = folders.is_folder(work.project)
        can_remove = is_folder or (is_on and work.project is not None)
        registry.set_enabled("project.remove", can_remove, no_link)
        has_log = window.console.current_id is not None
        for name in ("search", "next_error", "previous_error", "filter", "copy", "save", "clear"):
            registry.set_enabled(f"console.{name}", has_log, window.tr("No log is open."))

    def _show_projects(self) -> None:
        window, work = self._window, self._work
        gone = window.projects.set_projects(work.projects)
        for item in gone:
            tree = self._trees.pop(item.project.id, None)
            if tree is not None:
                window.tasks.spawn(tree.aclose(), "close tree", window)
        window.projects.set_sessions(work.sessions)
        if work.slate is not None and not work.projects:
            window.start_page.show_empty()
            window.centre.setCurrentWidget(window.start_page)

    def _show_sessions(self) -> None:
        window, work = self._window, self._work
        names = {project.id: project.name for project in work.projects}
        window.projects.set_sessions(work.sessions)
        window.sessions.set_sessions(work.sessions, names)
        window.sessions.select_session(work.current_session_id)
        self.show_availability()

    def _show_details(self) -> None:
        window, work = self._window, self._work
        session, project = work.session, work.project
        if session is not None:
            note = work.model.note if work.model is not None else ""
            window.details.show_session(session, project, note)
        elif project is not None:
            engine = project.engine.value.title()
            version = project.engine_version
            window.details.show_project(project, f"{engine} {version}" if version else engine)
        else:
            return
        if work.slate is not None:
            window.centre.setCurrentWidget(window.details)
        name = project.name if project is not None else ""
        window.setWindowTitle(f"{name} – SLATE" if name else "SLATE")
        self._show_banner()
        self.show_availability()

    def _show_banner(self) -> None:
        window, model, session = self._window, self._work.model, self._work.session
        problem = None
        if self._own_problem is not None and self._own_problem[0] == self._key():
            problem = self._own_problem[1]
        elif model is not None and model.error is not None:
            problem = describe(model.error, window.last_command.get(model.session_id, ""))
        elif session is not None:
            problem = failure_of(session)
        if problem != window.details.banner.problem:
            window.details.banner.show_problem(problem)

    # -- events of the workspace -----------------------------------------------------------

    def _connect_workspace(self) -> None:
        window, work = self._window, self._work
        work.step_changed.connect(window.start_page.set_step)
        work.connected.connect(self._on_connected)
        work.connect_failed.connect(self._on_connect_failed)
        work.projects_changed.connect(self._on_projects_changed)
        work.sessions_changed.connect(self._show_sessions)
        work.session_changed.connect(self._on_session_changed)
        work.current_changed.connect(self._on_current_changed)
        work.model_opened.connect(self._on_model_opened)
        work.session_removed.connect(self._window.console.close_log)
        work.model_changed.connect(self._on_model_changed)
        work.lamp_changed.connect(window.status_row.lamps.show_lamp)
        work.failed.connect(window.show_error)
        work.notice_added.connect(self._on_notice)
        work.unread_changed.connect(window.status_row.show_unread)

    def _on_connected(self) -> None:
        window, work = self._window, self._work
        window.start_page.banner.show_problem(None)
        self._show_projects()
        if work.current_project_id is not None:
            window.projects.expand_project(work.current_project_id)
        self._on_current_changed()
        live = next((s for s in work.sessions if s.is_live), None)
        if live is not None and work.current_session_id is None:
            work.choose_session(live.id)

    def _on_connect_failed(self, error: SlateError) -> None:
        window = self._window
        for name, (state, _words) in list(window.start_page.steps.items()):
            if state == "working":
                window.start_page.set_step(name, "failed", window.tr("failed"))
        problem = describe(error, window.tr("SLATE could not connect. It keeps trying."))
        window.start_page.banner.show_problem(problem, action=window.tr("Try now"))
        window.centre.setCurrentWidget(window.start_page)
        self.show_availability()

    def _on_projects_changed(self) -> None:
        self._show_projects()
        self._show_sessions()
        self._show_details()

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

    def _on_current_changed(self) -> None:
        window, work = self._window, self._work
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

    def _on_notice(self, notice: Notice) -> None:
        window = self._window
        if notice.level == "info":
            window.say(notice.title)
        else:
            window.toasts.show_notice(notice)

    def _show_history(self) -> None:
        model = self._work.model
        self._window.performance.set_history(model.stats_history if model else None)

    def _show_tab(self, session: RuntimeSession) -> None:
        icon, role = status.status_look(session.status)
        words = status.status_words(session.status)
        self._window.console.set_status(session.id, icon, role, words)

    # -- events of the panes ---------------------------------------------------------------

    def _connect_panes(self) -> None:
        window, work = self._window, self._work
        window.projects.project_selected.connect(work.choose_project)
        window.projects.session_selected.connect(work.choose_session)
        window.projects.session_selected.connect(lambda _id: window.documents.show_overview())
        window.projects.file_wanted.connect(window.documents.open_path)
        window.assets.open_wanted.connect(window.documents.open_path)
        window.assets.failed.connect(window.show_error)
        window.documents.current_document_changed.connect(self.show_documents)
        window.documents.menu_wanted.connect(window.show_document_menu)
        window.projects.tree_wanted.connect(self._on_tree_wanted)
        window.projects.load_wanted.connect(self._on_load_wanted)
        window.projects.menu_wanted.connect(window.show_menu)
        window.sessions.session_selected.connect(work.choose_session)
        window.sessions.menu_wanted.connect(window.show_menu)
        window.console.session_selected.connect(work.choose_session)
        window.console.session_closed.connect(self._on_log_closed)
        window.performance.moment_chosen.connect(self._on_moment_chosen)
        window.console.older_wanted.connect(self._on_older_wanted)
        window.details.form.changed.connect(self._on_form_changed)
        window.details.banner.details_wanted.connect(window.open_problem)
        window.details.banner.dismissed.connect(self._on_banner_dismissed)
        window.details.defaults_wanted.connect(
            lambda: window.tasks.spawn(window.commands.reset_config(), "reset", window)
        )
        window.details.keep_wanted.connect(
            lambda: window.tasks.spawn(window.commands.keep_for_project(), "keep", window)
        )
        window.start_page.retry_wanted.connect(work.retry_now)
        window.start_page.details_wanted.connect(window.open_problem)
        window.status_row.lamps.clicked.connect(self._on_lamp_clicked)
        for source in (window.toasts, window.history):
            source.session_wanted.connect(work.choose_session)
            source.details_wanted.connect(window.open_problem)
        window.theme.changed.connect(self._on_theme_changed)

    def _on_moment_chosen(self, timestamp_ns: int) -> None:
        self._window.tasks.spawn(self._show_moment(timestamp_ns), "moment", self._window)

    async def _show_moment(self, timestamp_ns: int) -> None:
        """Show the log of a moment that was pressed in the graphs."""
        window, model = self._window, self._work.model
        if model is None:
            return
        try:
            seq = await model.find_moment(timestamp_ns)
        except SlateError as error:
            window.show_error(error, window.tr("The log of that moment cannot be shown."))
            return
        if seq is not None and model is self._work.model:
            window.console.select(model.session_id)
            window.console.filters.clear()
            window.in_console(lambda: window.console.reveal_seq(seq))

    def _on_tree_wanted(self, project_id: str) -> None:
        self._window.tasks.spawn(self._open_tree(project_id), "open tree", self._window)

    async def _open_tree(self, project_id: str) -> None:
        window = self._window
        item = window.projects.item(project_id)
        if item is None or item.tree is not None:
            return
        await asyncio.to_thread(importlib.import_module, "slate_desktop.control.tree")
        from slate_desktop.control.tree import ProjectTree

        if item.tree is not None:
            return
        tree = ProjectTree(Path(item.project.root))
        self._trees[project_id] = tree
        window.projects.model.attach_tree(item, tree)
        await tree.open()

    def _on_load_wanted(self, tree: ProjectTree, node: TreeNode) -> None:
        self._window.tasks.spawn(tree.load(node), "load folder", self._window)

    def _on_log_closed(self, session_id: str) -> None:
        window, work = self._window, self._work
        if session_id.startswith(LOG_PREFIX):
            window.build_binding.close_log(session_id)
            return
        window.tasks.spawn(work.close_model(session_id), "close session", window)
        self.show_availability()

    def _on_older_wanted(self, session_id: str) -> None:
        window = self._window
        window.tasks.spawn(window.commands.load_older(session_id), "older lines", window)

    def _on_form_changed(self) -> None:
        window, key = self._window, self._key()
        if key == self.config_key and window.details.form.is_valid:
            if window.details.form.is_changed:
                window.drafts[key] = window.details.form.config()
            else:
                window.drafts.pop(key, None)
        self.show_availability()

    def _on_banner_dismissed(self) -> None:
        self._own_problem = None

    def _on_lamp_clicked(self, name: str) -> None:
        window = self._window
        lamp = window.status_row.lamps.lamps.get(name)
        button = window.status_row.lamps.buttons[name]
        why = lamp.detail if lamp is not None else window.tr("SLATE is not connected yet.")
        problem = Problem(what=button.text().strip(), why=why)
        window.open_problem(problem)

    def _on_theme_changed(self) -> None:
        window = self._window
        window.console.apply_theme()
        for session in self._work.sessions:
            self._show_tab(session)
        self._show_details()

    # -- private ---------------------------------------------------------------------------

    def _key(self) -> str:
        return self._work.current_session_id or self._work.current_project_id or ""

    async def _refresh(self) -> None:
        try:
            await self._work.refresh_projects()
        except SlateError as error:
            # The lamps say that something is away; the old list stays.
            self._window.say(str(error))
