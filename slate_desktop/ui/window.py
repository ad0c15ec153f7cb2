"""The main window: paints itself at once, is built afterwards, and answers what the actions ask.

What is in it is made by ``window_build``, what the workspace tells is shown by ``binding``, what
takes time is done by ``commands``. This module imports next to nothing, because it paints first.
"""

from __future__ import annotations

import logging
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPoint, QSize, Qt, Signal
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDragLeaveEvent, QDropEvent, QPalette
from PySide6.QtWidgets import QMainWindow, QMenu

from slate_desktop.ui.text import beside, plain_label
from slate_desktop.ui.theme import Theme
from slate_desktop.ui.window_state import WindowState, from_text

if TYPE_CHECKING:
    from PySide6.QtWidgets import QPushButton, QStackedWidget

    from slate_desktop.domain.container import ContainerConfig
    from slate_desktop.domain.session import RuntimeSession
    from slate_desktop.ui.actions import ActionRegistry
    from slate_desktop.ui.alerts.binding import AlertBinding
    from slate_desktop.ui.assets.pane import AssetPane
    from slate_desktop.ui.binding import Binding
    from slate_desktop.ui.builds.binding import BuildBinding
    from slate_desktop.ui.builds.pane import BuildsPane
    from slate_desktop.ui.builds.panel import BuildPanel
    from slate_desktop.ui.command_palette import CommandPalette
    from slate_desktop.ui.commands import Commands
    from slate_desktop.ui.console.panel import ConsolePanel
    from slate_desktop.ui.details_pane import DetailsPane
    from slate_desktop.ui.document_commands import DocumentCommands
    from slate_desktop.ui.documents.area import DocumentArea
    from slate_desktop.ui.documents.document import Document
    from slate_desktop.ui.documents.model.pool import ModelPool
    from slate_desktop.ui.documents.reader import Reader
    from slate_desktop.ui.drop_hint import DropHint
    from slate_desktop.ui.held_log import HeldLog
    from slate_desktop.ui.jobs.commands import JobCommands
    from slate_desktop.ui.jobs.pane import JobsPane
    from slate_desktop.ui.late_panes import LatePanes
    from slate_desktop.ui.monitor.binding import MonitorBinding
    from slate_desktop.ui.motion import Motion
    from slate_desktop.ui.offline import Offline
    from slate_desktop.ui.performance_pane import PerformancePane
    from slate_desktop.ui.problems import Problem
    from slate_desktop.ui.project_nodes import Node
    from slate_desktop.ui.project_pane import ProjectPane
    from slate_desktop.ui.recent import RecentMenu
    from slate_desktop.ui.servers import ServerCommands
    from slate_desktop.ui.sessions_pane import SessionsPane
    from slate_desktop.ui.start_page import StartPage
    from slate_desktop.ui.sync.binding import SyncBinding
    from slate_desktop.ui.tasks import TaskGroupOwner
    from slate_desktop.ui.toasts import NoticeHistory, ToastStack
    from slate_desktop.ui.tray import Tray
    from slate_desktop.ui.window_layout import Docks, StatusRow
    from slate_desktop.ui.workspace import Connect, Workspace

log = logging.getLogger(__name__)
# As high as title bars are on the systems that have them, in pixels.
_TITLE_BAR = 48


def first_size(room: QSize) -> QSize:
    """Return the size of a window that was never moved.

    A high scale factor leaves less room than it wants; its title bar has to fit, too, or the
    status row stands below the screen.
    """
    return QSize(1440, 900).boundedTo(room - QSize(0, _TITLE_BAR))


class MainWindow(QMainWindow):
    """The window. ``close_wanted`` is what a close button or Quit leads to."""

    close_wanted = Signal()

    # Made by ``build``.
    tasks: TaskGroupOwner
    workspace: Workspace
    commands: Commands
    document_commands: DocumentCommands
    job_commands: JobCommands
    server_commands: ServerCommands
    registry: ActionRegistry
    projects: ProjectPane
    sessions: SessionsPane
    performance: PerformancePane
    monitor: MonitorBinding
    alerts: AlertBinding
    console: ConsolePanel
    start_page: StartPage
    details: DetailsPane
    centre: QStackedWidget
    documents: DocumentArea
    assets: AssetPane
    reader: Reader
    models: ModelPool
    docks: Docks
    recent: RecentMenu
    search_button: QPushButton
    status_row: StatusRow
    toasts: ToastStack
    history: NoticeHistory
    binding: Binding
    sync: SyncBinding
    late: LatePanes
    offline: Offline

    def __init__(self, theme: Theme, state: WindowState, connect: Connect) -> None:
        super().__init__()
        self.theme, self.state, self.connect_ = theme, state, connect
        self.is_built = False
        self.drafts: dict[str, ContainerConfig] = {}
        self.last_command: dict[str, str] = {}
        self.wanted = ""
        self.profile = ""
        self.next_profile: str | None = None
        self.held_log: HeldLog | None = None
        self.tray: Tray | None = None  # where the system has one
        self._is_closing = False
        self._palette: CommandPalette | None = None
        self.setWindowTitle("SLATE")
        self.setAcceptDrops(True)
        self.resize(first_size(self.screen().availableGeometry().size()))
        geometry = from_text(state.geometry)
        if geometry:
            self.restoreGeometry(geometry)
        waiting = plain_label(self.tr("SLATE"))
        faint = waiting.palette()  # there is no style sheet yet
        faint.setColor(QPalette.ColorRole.WindowText, theme.tokens.color("text.faint"))
        faint.setColor(QPalette.ColorRole.Window, theme.tokens.color("surface.window"))
        waiting.setPalette(faint)
        waiting.setAutoFillBackground(True)
        waiting.setFont(theme.ui_font(scale=2.0, is_bold=True))
        waiting.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setCentralWidget(waiting)

    @cached_property
    def motion(self) -> Motion:
        """What moves by itself; most people leave it alone."""
        from slate_desktop.ui.motion import Motion

        return Motion(self)

    def build(self) -> None:
        """Make everything in the window; its modules are imported here, after the first paint."""
        from slate_desktop.light_imports import import_msgspec

        import_msgspec()  # which half of them import
        from slate_desktop.ui.window_build import build

        build(self)
        self.is_built = True

    # -- panes that may not be made yet: asking makes them ---------------------------------

    @property
    def jobs(self) -> JobsPane:
        """The queue of assets."""
        return self.late.jobs

    @property
    def build_panel(self) -> BuildPanel:
        """The form of the next build."""
        return self.late.build_panel

    @property
    def builds(self) -> BuildsPane:
        """The builds."""
        return self.late.builds

    @property
    def build_binding(self) -> BuildBinding:
        """What connects the panes of builds with the workspace."""
        return self.late.build_binding

    @property
    def palette_(self) -> CommandPalette:
        """The palette of commands and places."""
        from slate_desktop.ui.command_palette import CommandPalette
        from slate_desktop.ui.palette_places import PalettePlaces

        if self._palette is None:
            places = PalettePlaces(self)
            self._palette = CommandPalette(
                self, self.theme, self.registry, places.places, places.search
            )
        return self._palette

    # -- asked by commands and bindings ----------------------------------------------------

    def session_title(self, session: RuntimeSession) -> str:
        """Return a session's name with its project's."""
        from slate_desktop.ui import status

        project = self.workspace.find_project(session.project_id)
        return beside(project.name, session.id[:8]) if project else status.session_title(session)

    def say(self, text: str) -> None:
        """Show a small message in the status bar."""
        self.status_row.say(text)

    @cached_property
    def drop_hint(self) -> DropHint:
        """What is said while files are dragged over the window."""
        from slate_desktop.ui.drop_hint import DropHint

        return DropHint(self)

    def show_error(self, error: BaseException, what: str = "") -> None:
        """Show an error over the details, where the user is looking."""
        from slate_desktop.ui.problems import describe

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
        if self.tray is None or not self.tray.hide_window():
            self.quit()

    def quit(self) -> None:
        """Ask for an orderly end, whatever closing the window means."""
        self.close_wanted.emit()

    def close_for_good(self) -> None:
        """Close after everything has ended."""
        self._is_closing = True
        self.close()

    def remember(self) -> None:
        """Write what is remembered into the state."""
        from slate_desktop.ui import window_layout

        window_layout.remember(self, self.state)
        self.state.theme, self.state.zoom = self.theme.choice, self.theme.zoom
        self.state.has_times = self.console.view.painting.rows.has_times
        self.state.time_style = self.console.times.style.value
        self.state.wraps_lines = self.console.view.is_wrapping
        self.state.stacks_lines = self.console.narrowing.is_stacking
        self.state.shows_logs_beside = self.console.side.is_on
        self.state.console = self.console.memories.to_json()
        self.late.remember(self.state.tables)
        self.assets.remember(self.state.tables)
        self.state.span_s = float(self.performance.span_s)
        self.state.documents = self.documents.remember()

    def changeEvent(self, event: QEvent) -> None:
        """Look for news of other windows when this one becomes active."""
        super().changeEvent(event)
        is_active = event.type() == QEvent.Type.ActivationChange and self.isActiveWindow()
        if self.is_built and is_active:
            self.binding.on_activated()
            self.sync.look_again()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take files and folders, and say what becomes of them."""
        paths = _dropped_paths(event)
        if self.is_built and paths:
            event.acceptProposedAction()
            self.drop_hint.show_for(paths)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """Say no more about what is taken elsewhere."""
        super().dragLeaveEvent(event)
        if self.is_built:
            self.drop_hint.hide()

    def dropEvent(self, event: QDropEvent) -> None:
        """Process assets; offer to add another folder as a project; open other files."""
        paths = _dropped_paths(event)
        self.drop_hint.hide()
        if not paths:
            return
        event.acceptProposedAction()
        if self.job_commands.takes(paths):
            self.tasks.spawn(self.job_commands.submit(paths), "submit assets", self)
        elif len(paths) == 1 and paths[0].is_dir():
            self.tasks.spawn(self.commands.add_project(str(paths[0])), "add project", self)
        else:
            for path in paths:
                if path.is_file():
                    self.documents.open_path(path)

    # -- answers to actions ----------------------------------------------------------------

    def show_menu(self, node: Node | RuntimeSession | None, position: QPoint) -> None:
        """Open the menu of a row of the tree or of the session list."""
        from slate_desktop.domain.session import RuntimeSession
        from slate_desktop.ui.project_nodes import ProjectItem, SessionItem, is_file

        if not isinstance(node, RuntimeSession) and is_file(node):
            from slate_desktop.ui.file_menu import open_file_menu

            open_file_menu(self, node.path, position, is_dir=node.is_dir)
            return
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
            ids = ["session.start", "session.new", "", "project.add", "project.remove"]
        menu = QMenu(self)
        for action_id in ids:
            if action_id:
                menu.addAction(self.registry[action_id])
            else:
                menu.addSeparator()
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(position)

    def show_document_menu(self, _document: Document, position: QPoint) -> None:
        """Open the menu of a document's tab."""
        menu = QMenu(self)
        for name in ("pin", "save", "reload", "", "reveal", "external", "copy_path", ""):
            if name:
                menu.addAction(self.registry[f"document.{name}"])
            else:
                menu.addSeparator()
        menu.addAction(self.registry["document.close"])
        menu.addAction(self.registry["document.close_others"])
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(position)

    def in_console(self, then: object) -> None:
        """Show the console and do something in it."""
        self.docks.docks["console"].show()
        self.docks.docks["console"].raise_()
        if self.console.current_id is not None and callable(then):
            then()

    def new_session(self) -> None:
        """Look at the project again, whose next session can be prepared."""
        if self.workspace.current_project_id is not None:
            self.workspace.choose_project(self.workspace.current_project_id)

    def set_full_screen(self, is_on: bool) -> None:
        """Fill the screen, or not."""
        if is_on:
            self.showFullScreen()
        else:
            self.showNormal()

    def open_notices(self) -> None:
        """Open the list under the bell."""
        self.toasts.clear()
        bell = self.status_row.bell
        corner = bell.mapToGlobal(QPoint(bell.width(), -6))
        notices = self.workspace.notices
        self.history.open_at(corner, notices.items if notices is not None else ())
        if notices is not None:
            notices.mark_read()

    def report_failure(self, error: BaseException, name: str) -> None:
        """Log and show what a task did not handle."""
        log.error("a task of the window failed", exc_info=error, extra={"task": name})
        self.show_error(error)


def _dropped_paths(event: QDropEvent) -> list[Path]:
    return [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
