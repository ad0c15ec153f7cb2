"""Does what was chosen in the panes: tells the workspace, opens documents, dialogs and menus."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from slate_desktop.errors import SlateError
from slate_desktop.translation import sentence
from slate_desktop.ui.builds.words import LOG_PREFIX
from slate_desktop.ui.moments import show_moment
from slate_desktop.ui.problems import Problem

if TYPE_CHECKING:
    from slate_desktop.domain.container import Mount
    from slate_desktop.ui.binding import Binding
    from slate_desktop.ui.window import MainWindow


class PaneEvents:
    """Connects the signals of a window's panes, once."""

    def __init__(self, window: MainWindow, binding: Binding) -> None:
        self._window, self._binding = window, binding
        self._work = window.workspace
        self._connect()

    def _connect(self) -> None:
        window, work = self._window, self._work
        window.projects.project_selected.connect(work.choose_project)
        window.projects.place_selected.connect(work.visit_project)
        window.projects.session_selected.connect(work.choose_session)
        window.projects.session_selected.connect(lambda _id: window.documents.show_overview())
        for chosen in (
            window.projects.project_selected,
            window.projects.place_selected,
            window.projects.session_selected,
            window.projects.view.clicked,
            window.sessions.session_selected,
            window.sessions.view.clicked,
            window.console.session_selected,
        ):
            chosen.connect(lambda *_: self._binding.leave_start())
        window.projects.file_wanted.connect(window.documents.open_path)
        window.assets.open_wanted.connect(window.documents.open_path)
        window.assets.failed.connect(window.show_error)
        window.documents.current_document_changed.connect(self._binding.availability.show_documents)
        window.documents.menu_wanted.connect(window.show_document_menu)
        window.projects.menu_wanted.connect(window.show_menu)
        window.sessions.session_selected.connect(work.choose_session)
        window.sessions.menu_wanted.connect(window.show_menu)
        window.console.session_selected.connect(work.choose_session)
        window.console.session_closed.connect(self._on_log_closed)
        window.performance.moment_chosen.connect(self._on_moment_chosen)
        window.console.older_wanted.connect(self._on_older_wanted)
        window.console.find_file = self._find_file
        window.console.place_wanted.connect(self._on_place_wanted)
        window.details.form_changed.connect(self._on_form_changed)
        window.details.banner.details_wanted.connect(window.open_problem)
        window.details.banner.dismissed.connect(self._binding.dismiss_problem)
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
        window.theme.changed.connect(self._binding.show_theme)

    def _on_moment_chosen(self, timestamp_ns: int) -> None:
        """Show the log of a moment that was pressed in the graphs."""
        window, model = self._window, self._work.model
        if model is not None:
            showing = show_moment(window, model.session_id, timestamp_ns)
            window.tasks.spawn(showing, "moment", window)

    def _on_log_closed(self, session_id: str) -> None:
        window, work = self._window, self._work
        window.tasks.spawn(window.offline.close_log(session_id), "close kept log", window)
        if session_id.startswith(LOG_PREFIX):
            window.build_binding.close_log(session_id)
            return
        window.tasks.spawn(work.close_model(session_id), "close session", window)
        self._binding.availability.show()

    def _find_file(self, log_id: str, path: str) -> Path | None:
        """Return the file of a session's or a build's project that a line of its log names."""
        from slate_desktop.control.configs import effective_config
        from slate_desktop.control.source_files import SourceFiles

        session = self._work.find_session(log_id)
        builds = self._window.build_binding.builds
        build = next((build for build in builds if LOG_PREFIX + build.id == log_id), None)
        row = session or build
        project = self._work.find_project(row.project_id) if row is not None else None
        if project is None:
            return None
        mounts: list[Mount] = []
        if session is not None:
            # A configuration that is no longer accepted has no mounts; paths may fit all the same.
            with contextlib.suppress(SlateError):
                mounts = effective_config(project, session.container_config).volumes
        return SourceFiles(Path(project.root), mounts).find(path)

    def _on_place_wanted(self, path: Path, line: int) -> None:
        document = self._window.documents.open_path(path)
        from slate_desktop.ui.documents.text_document import TextDocument

        if isinstance(document, TextDocument):
            document.go_to_line(line)

    def _on_older_wanted(self, session_id: str) -> None:
        window = self._window
        window.tasks.spawn(window.commands.load_older(session_id), "older lines", window)

    def _on_form_changed(self) -> None:
        self._binding.config.keep_draft()
        self._binding.availability.show()

    def _on_lamp_clicked(self, name: str) -> None:
        window = self._window
        lamp = window.status_row.lamps.lamps.get(name)
        button = window.status_row.lamps.buttons[name]
        why = (
            sentence(lamp.detail) if lamp is not None else window.tr("SLATE is not connected yet.")
        )
        problem = Problem(what=button.text().strip(), why=why)
        window.open_problem(problem)
