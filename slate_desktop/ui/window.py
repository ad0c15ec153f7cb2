"""The main window: makes the panes, actions and bars, and answers what the actions ask.

What the workspace tells is shown by ``binding``; what takes time is done by ``commands``.
"""

from __future__ import annotations

import logging
from pathlib import Path

from PySide6.QtCore import QEvent, QPoint, Signal
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QMainWindow, QMenu, QStackedWidget

from slate_desktop.domain.container import ContainerConfig
from slate_desktop.domain.session import RuntimeSession
from slate_desktop.ui import status, window_layout
from slate_desktop.ui.actions import ActionRegistry
from slate_desktop.ui.binding import Binding
from slate_desktop.ui.command_palette import CommandPalette
from slate_desktop.ui.commands import Commands
from slate_desktop.ui.console.panel import ConsolePanel
from slate_desktop.ui.details_pane import DetailsPane
from slate_desktop.ui.empty import EmptyState
from slate_desktop.ui.help_dialogs import show_about, show_keys
from slate_desktop.ui.performance_pane import PerformancePane
from slate_desktop.ui.problems import Problem, describe
from slate_desktop.ui.project_model import Node, ProjectItem, SessionItem
from slate_desktop.ui.project_pane import ProjectPane
from slate_desktop.ui.sessions_pane import SessionsPane
from slate_desktop.ui.start_page import StartPage
from slate_desktop.ui.tasks import TaskGroupOwner
from slate_desktop.ui.theme import CHOICES, Theme
from slate_desktop.ui.toasts import NoticeHistory, ToastStack
from slate_desktop.ui.window_actions import build_specs, menu_titles
from slate_desktop.ui.window_layout import DEFAULT_SIZE, Docks, StatusRow
from slate_desktop.ui.window_state import WindowState
from slate_desktop.ui.workspace import Connect, Workspace

log = logging.getLogger(__name__)


class MainWindow(QMainWindow):
    """The window. ``close_wanted`` is what a close button or Quit leads to."""

    close_wanted = Signal()

    def __init__(self, theme: Theme, state: WindowState, connect: Connect) -> None:
        super().__init__()
        self.theme, self.state = theme, state
        self.tasks = TaskGroupOwner(self._on_task_failed)
        self.workspace = Workspace(connect, state, self.tasks, self)
        self.commands = Commands(self)
        self.registry = ActionRegistry(self, theme)
        self.drafts: dict[str, ContainerConfig] = {}
        self.last_command: dict[str, str] = {}
        self._is_closing = False
        self.setWindowTitle("SLATE")
        self.setAcceptDrops(True)
        self._make_actions()
        self._make_panes()
        self.registry.fill_menu_bar(self.menuBar(), menu_titles())
        self.search_button = window_layout.make_tool_bar(self, self.registry)
        self.status_row = StatusRow(theme, self.registry)
        self.statusBar().setSizeGripEnabled(False)
        self.statusBar().addPermanentWidget(self.status_row, 1)
        self.toasts = ToastStack(theme, self)
        self.history = NoticeHistory(theme, self)
        self.binding = Binding(self)
        self.palette_ = CommandPalette(self, theme, self.registry, self.binding.places)
        self.resize(DEFAULT_SIZE)
        self.docks.reset()
        window_layout.restore(self, state)
        window_layout.group_themes(self, self.registry, theme)
        self.binding.show_all()

    # -- asked by commands and bindings ----------------------------------------------------

    def session_title(self, session: RuntimeSession) -> str:
        """Return a session's name with its project's."""
        project = self.workspace.find_project(session.project_id)
        return f"{project.name} · {session.id[:8]}" if project else status.session_title(session)

    def say(self, text: str) -> None:
        """Show a small message in the status bar."""
        self.status_row.message.setText(text)

    def show_error(self, error: BaseException, what: str = "") -> None:
        """Show an error over the details, where the user is looking."""
        problem = describe(error, what)
        if problem.is_bug:
            log.error("a command failed", exc_info=error)
        self.binding.show_problem(problem)

    def open_problem(self, problem: Problem) -> None:
        """Open the dialog with the raw text."""
        self.tasks.spawn(self.commands.show_problem(problem), "problem dialog", self)

    async def reload_config(self) -> None:
        """Fill the form anew."""
        await self.binding.load_config()

    # -- Qt --------------------------------------------------------------------------------

    def closeEvent(self, event: QCloseEvent) -> None:
        """Ignore the first close and ask for an orderly end; close for good when told to."""
        if self._is_closing:
            event.accept()
            return
        event.ignore()
        self.close_wanted.emit()

    def close_for_good(self) -> None:
        """Close after everything has ended."""
        self._is_closing = True
        self.close()

    def remember(self) -> None:
        """Write what is remembered into the state."""
        window_layout.remember(self, self.state)
        self.state.theme, self.state.zoom = self.theme.choice, self.theme.zoom
        self.state.has_times = self.console.view.painting.has_times
        self.state.span_s = float(self.performance.span_s)

    def changeEvent(self, event: QEvent) -> None:
        """Look for news of other windows when this one becomes active."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.ActivationChange and self.isActiveWindow():
            self.binding.on_activated()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take one folder."""
        if _dropped_folder(event) is not None:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Offer to add the folder."""
        folder = _dropped_folder(event)
        if folder is not None:
            event.acceptProposedAction()
            self.tasks.spawn(self.commands.add_project(folder), "add project", self)

    # -- making ----------------------------------------------------------------------------

    def _make_actions(self) -> None:
        slots = {
            "project.add": self._spawner("add_project"),
            "project.remove": self._spawner("remove_project"),
            "app.quit": self.close,
            "session.start": self._spawner("start"),
            "session.stop": self._spawner("stop"),
            "session.restart": self._spawner("restart"),
            "session.execute": self._spawner("execute"),
            "session.new": self._on_new_session,
            "session.remove": self._spawner("remove_session"),
            "console.search": lambda: self._in_console(self.console.open_search),
            "console.next_error": lambda: self.console.step_error(1),
            "console.previous_error": lambda: self.console.step_error(-1),
            "console.filter": lambda: self._in_console(self.console.filters.field.setFocus),
            "console.follow": lambda is_on: self.console.view.set_following(is_on),
            "console.times": lambda is_on: self.console.view.set_times(is_on),
            "console.copy": lambda: self.console.copy(),
            "console.save": self._spawner("save_log"),
            "console.clear": lambda: self.console.clear(),
            "palette.commands": lambda: self.palette_.open_commands(),
            "palette.places": lambda: self.palette_.open_places(),
            "view.reset": lambda: self.docks.reset(),
            "zoom.in": lambda: self.theme.step_zoom(1),
            "zoom.out": lambda: self.theme.step_zoom(-1),
            "zoom.reset": lambda: self.theme.step_zoom(0),
            "view.full_screen": self._on_full_screen,
            "help.keys": lambda: self.tasks.spawn(show_keys(self), "keys", self),
            "help.notices": self._on_bell,
            "help.about": lambda: self.tasks.spawn(show_about(self), "about", self),
        }
        for choice in CHOICES:
            slots[f"theme.{choice}"] = lambda is_on, choice=choice: (
                self.theme.set_choice(choice) if is_on else None
            )
        for spec in build_specs():
            # The switches of the docks are bound by the docks themselves.
            self.registry.add(spec, slots.get(spec.id, lambda *_: None))

    def _make_panes(self) -> None:
        theme, actions = self.theme, self.registry
        add, start = actions["project.add"], actions["session.start"]
        self.projects = ProjectPane(
            theme, EmptyState(theme, "folder", self.tr("No project has been added yet."), add)
        )
        self.sessions = SessionsPane(
            theme, EmptyState(theme, "list", self.tr("Nothing has been started yet."), start)
        )
        self.performance = PerformancePane(
            theme,
            EmptyState(
                theme, "activity", self.tr("CPU, memory and network of a session draw here."), start
            ),
        )
        self.console = ConsolePanel(
            theme,
            actions,
            self.tasks,
            EmptyState(theme, "terminal", self.tr("The log of a session streams in here."), start),
        )
        self.start_page = StartPage(theme, actions)
        self.details = DetailsPane(theme)
        self.centre = QStackedWidget(self)
        self.centre.addWidget(self.start_page)
        self.centre.addWidget(self.details)
        self.setCentralWidget(self.centre)
        panes = {
            "project": self.projects,
            "sessions": self.sessions,
            "performance": self.performance,
            "console": self.console,
        }
        self.docks = Docks(self, theme, actions, panes)
        self.docks.docks["performance"].add_title_widget(self.performance.spans)
        actions["console.follow"].setChecked(True)
        actions["console.times"].setChecked(True)
        actions["console.times"].setChecked(self.state.has_times)
        self.performance.set_span(int(self.state.span_s))

    def _spawner(self, name: str) -> object:
        return lambda: self.tasks.spawn(getattr(self.commands, name)(), name, self)

    # -- answers to actions ----------------------------------------------------------------

    def show_menu(self, node: Node | RuntimeSession | None, position: QPoint) -> None:
        """Open the menu of a row of the tree or of the session list."""
        ids = ["project.add"]
        if isinstance(node, SessionItem | RuntimeSession):
            ids = [
                "session.start",
                "session.stop",
                "session.restart",
                "session.execute",
                "",
                "session.new",
                "session.remove",
            ]
        elif isinstance(node, ProjectItem):
            ids = ["session.start", "session.new", "", "project.remove"]
        menu = QMenu(self)
        for action_id in ids:
            if action_id:
                menu.addAction(self.registry[action_id])
            else:
                menu.addSeparator()
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(position)

    def _in_console(self, then: object) -> None:
        self.docks.docks["console"].show()
        self.docks.docks["console"].raise_()
        if self.console.current_id is not None and callable(then):
            then()

    def _on_new_session(self) -> None:
        if self.workspace.current_project_id is not None:
            self.workspace.choose_project(self.workspace.current_project_id)

    def _on_full_screen(self, is_on: bool) -> None:
        if is_on:
            self.showFullScreen()
        else:
            self.showNormal()

    def _on_bell(self) -> None:
        self.toasts.clear()
        bell = self.status_row.bell
        corner = bell.mapToGlobal(QPoint(bell.width(), -6))
        notices = self.workspace.notices
        self.history.open_at(corner, notices.items if notices is not None else ())
        if notices is not None:
            notices.mark_read()

    def _on_task_failed(self, error: BaseException, name: str) -> None:
        log.error("a task of the window failed", exc_info=error, extra={"task": name})
        self.binding.show_problem(describe(error))


def _dropped_folder(event: QDropEvent) -> str | None:
    urls = event.mimeData().urls()
    if len(urls) != 1 or not urls[0].isLocalFile():
        return None
    path = Path(urls[0].toLocalFile())
    return str(path) if path.is_dir() else None
