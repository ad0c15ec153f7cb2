"""Makes what is in the main window: actions, panes, docks and bars, in the order of their needs."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QStackedWidget

from slate_desktop.errors import SlateError
from slate_desktop.settings.shortcuts import load_shortcuts
from slate_desktop.ui import icons, window_layout
from slate_desktop.ui.actions import ActionRegistry
from slate_desktop.ui.alerts.binding import AlertBinding
from slate_desktop.ui.assets.pane import AssetPane
from slate_desktop.ui.binding import Binding
from slate_desktop.ui.builds.actions import build_action_specs
from slate_desktop.ui.commands import Commands
from slate_desktop.ui.console.commands import console_slots
from slate_desktop.ui.console.panel import ConsolePanel
from slate_desktop.ui.console.row_text import read_style
from slate_desktop.ui.details_pane import DetailsPane
from slate_desktop.ui.document_commands import DocumentCommands
from slate_desktop.ui.documents.area import DocumentArea
from slate_desktop.ui.documents.document import DocumentContext
from slate_desktop.ui.documents.model.pool import ModelPool
from slate_desktop.ui.documents.reader import Reader
from slate_desktop.ui.empty import EmptyState
from slate_desktop.ui.jobs.commands import JobCommands
from slate_desktop.ui.late_panes import LatePanes
from slate_desktop.ui.monitor.binding import MonitorBinding
from slate_desktop.ui.offline import Offline
from slate_desktop.ui.performance_pane import PerformancePane
from slate_desktop.ui.project_pane import ProjectPane
from slate_desktop.ui.recent import RecentMenu
from slate_desktop.ui.servers import ServerCommands
from slate_desktop.ui.sessions_pane import SessionsPane
from slate_desktop.ui.start_page import StartPage
from slate_desktop.ui.sync.binding import SyncBinding
from slate_desktop.ui.tasks import TaskGroupOwner
from slate_desktop.ui.theme import CHOICES
from slate_desktop.ui.toasts import NoticeHistory, ToastStack
from slate_desktop.ui.window_actions import build_specs, menu_titles
from slate_desktop.ui.window_layout import Docks, StatusRow
from slate_desktop.ui.workspace import Workspace

if TYPE_CHECKING:
    from slate_desktop.ui.window import MainWindow

log = logging.getLogger(__name__)
# How long the first picture waits for the connection.
_PATIENCE_MS = 200


def build(window: MainWindow) -> None:
    """Fill ``window``."""
    theme, state = window.theme, window.state
    # Nothing of it is painted before it stands where it belongs: that would be seen to jump, and
    # painting everything takes as long as laying it out.
    window.setUpdatesEnabled(False)
    window.setWindowIcon(icons.application_icon())
    window.tasks = TaskGroupOwner(window.report_failure)
    window.workspace = Workspace(window.connect_, state, window.tasks, window)
    window.commands = Commands(window)
    window.document_commands = DocumentCommands(window)
    window.server_commands = ServerCommands(window)
    window.job_commands = JobCommands(window)
    window.registry = ActionRegistry(window, theme)
    _make_actions(window)
    _make_panes(window)
    window.registry.fill_menu_bar(window.menuBar(), menu_titles())
    window.recent = RecentMenu(window)
    window.registry.set_menu("project.recent", window.recent)
    window.search_button = window_layout.make_tool_bar(window, window.registry)
    window.status_row = StatusRow(theme, window.registry)
    window.statusBar().setSizeGripEnabled(False)
    window.statusBar().addPermanentWidget(window.status_row, 1)
    window.toasts = ToastStack(theme, window)
    for dock in window.docks.docks.values():
        dock.came_up.connect(window.toasts.raise_)
    window.history = NoticeHistory(theme, window)
    window.binding = Binding(window)
    window.monitor = MonitorBinding(window)
    window.alerts = AlertBinding(window)
    window.sync = SyncBinding(window)
    window.offline = Offline(window)
    theme.add_sheet()
    window_layout.place(window.docks, state)
    # The window may be on the screen already: sizes count from its next layout on.
    QTimer.singleShot(0, window, lambda: _settle(window))
    for answered in (window.workspace.connected, window.workspace.connect_failed):
        answered.connect(lambda *_: window.setUpdatesEnabled(True))
    window_layout.group_themes(window, window.registry, theme)
    window.binding.show_all()


def _settle(window: MainWindow) -> None:
    window_layout.restore(window, window.docks, window.state)
    # Attaching to a stack that runs takes less: what it brings is in the first picture then.
    QTimer.singleShot(_PATIENCE_MS, window, lambda: window.setUpdatesEnabled(True))


def _make_actions(window: MainWindow) -> None:
    slots: dict[str, Callable[..., Any]] = {
        "project.add": _spawner(window, "add_project"),
        "project.recent": lambda: window.recent.open_by_itself(),
        "project.remove": _spawner(window, "remove_project"),
        "project.alerts": lambda: window.alerts.open(),
        "project.logs": _later(window, "monitor.retention", "edit_retention"),
        "project.members": _later(window, "members", "edit_members"),
        "audit.show": _later(window, "audit.commands", "show_audit"),
        "sync.push": lambda: window.sync.push(),
        "sync.pull": lambda: window.sync.pull(),
        "sync.decide": lambda: window.sync.decide(),
        "app.quit": window.quit,
        "session.start": _spawner(window, "start"),
        "session.stop": _spawner(window, "stop"),
        "session.restart": _spawner(window, "restart"),
        "session.execute": _spawner(window, "execute"),
        "session.new": window.new_session,
        "session.remove": _spawner(window, "remove_session"),
        **console_slots(window),
        "console.save": _spawner(window, "save_log"),
        "palette.commands": lambda: window.palette_.open_commands(),
        "palette.places": lambda: window.palette_.open_places(),
        "view.reset": lambda: window.docks.reset(),
        "zoom.in": lambda: window.theme.step_zoom(1),
        "zoom.out": lambda: window.theme.step_zoom(-1),
        "zoom.reset": lambda: window.theme.step_zoom(0),
        "view.full_screen": window.set_full_screen,
        "view.start": lambda: window.binding.show_start(),
        "settings.open": _later(window, "settings.commands", "open_settings"),
        "settings.file": _later(window, "settings.commands", "open_settings_file"),
        "link.copy": lambda: _copy_link(window),
        "help.support": _later(window, "support.commands", "open_support"),
        "help.page": _later(window, "help.commands", "open_page"),
        "help.what": _later(window, "help.commands", "ask_what"),
        "help.guide": _later(window, "help.commands", "open_guide"),
        "help.keys": _later(window, "settings.commands", "open_shortcuts"),
        "help.notices": window.open_notices,
        "help.news": _later(window, "help_dialogs", "show_news"),
        "help.about": _later(window, "help_dialogs", "show_about"),
    }
    slots |= window.document_commands.slots()
    slots |= window.server_commands.slots()
    for spec in build_action_specs(""):
        slots[spec.id] = _build_slot(window, spec.id.removeprefix("build."))
    slots |= window.job_commands.slots()
    for choice in CHOICES:
        slots[f"theme.{choice}"] = lambda is_on, choice=choice: (
            window.theme.set_choice(choice) if is_on else None
        )
    for spec in build_specs():
        # The switches of the docks are bound by the docks themselves.
        window.registry.add(spec, slots.get(spec.id, lambda *_: None))
    keys, note = load_shortcuts()
    window.registry.take_keys(keys)
    if note:
        log.warning("the shortcuts' file cannot be used", extra={"reason": note})


def _make_panes(window: MainWindow) -> None:
    theme, actions = window.theme, window.registry
    add, start = actions["project.add"], actions["session.start"]
    window.projects = ProjectPane(
        theme, EmptyState(theme, "folder", window.tr("No project has been added yet."), add)
    )
    window.sessions = SessionsPane(
        theme, EmptyState(theme, "list", window.tr("Nothing has been started yet."), start)
    )
    window.performance = PerformancePane(
        theme,
        EmptyState(
            theme, "activity", window.tr("CPU, memory and network of a session draw here."), start
        ),
    )
    window.console = ConsolePanel(
        theme,
        actions,
        window.tasks,
        EmptyState(theme, "terminal", window.tr("The log of a session streams in here."), start),
        kept=window.state.console,
    )
    window.start_page = StartPage(theme)
    window.details = DetailsPane(theme)
    window.centre = QStackedWidget(window)
    window.centre.addWidget(window.start_page)
    window.centre.addWidget(window.details)
    window.documents = _make_documents(window)
    window.assets = AssetPane(
        window.documents.context,
        EmptyState(theme, "layout-grid", window.tr("The assets of a project show here."), add),
        kept=window.state.tables.get("assets"),
    )
    window.setCentralWidget(window.documents)
    window.late = LatePanes(window)
    panes = {
        "assets": window.assets,
        "project": window.projects,
        "sessions": window.sessions,
        "performance": window.performance,
        "console": window.console,
        **window.late.places,
    }
    tools = {"performance": window.performance.spans, "console": window.console.tabs}
    window.docks = Docks(window, theme, actions, panes, tools)
    window.assets.bar_made.connect(window.docks.docks["assets"].set_tools)
    actions["console.follow"].setChecked(True)
    actions["console.times"].setChecked(True)
    actions["console.times"].setChecked(window.state.has_times)
    actions["console.wrap"].setChecked(window.state.wraps_lines)
    actions["console.stack"].setChecked(window.state.stacks_lines)
    actions["console.side"].setChecked(window.state.shows_logs_beside)
    window.console.times.set_style(read_style(window.state.time_style))
    window.performance.set_span(int(window.state.span_s))


def _make_documents(window: MainWindow) -> DocumentArea:
    window.reader, window.models = Reader(), ModelPool()
    context = DocumentContext(
        theme=window.theme,
        tasks=window.tasks,
        say=window.say,
        open_path=lambda path: window.documents.open_path(path),
        reader=window.reader,
        models=window.models,
    )
    return DocumentArea(window.centre, context, window)


def _build_slot(window: MainWindow, name: str) -> Callable[[], object]:
    async def work() -> None:
        try:
            await getattr(window.build_binding, name)()
        except SlateError as error:
            window.show_error(error, window.tr("The build could not be changed."))

    return lambda: window.tasks.spawn(work(), f"build {name}", window)


def _spawner(window: MainWindow, name: str) -> Callable[[], object]:
    return lambda: window.tasks.spawn(getattr(window.commands, name)(), name, window)


def _copy_link(window: MainWindow) -> None:
    from slate_desktop.ui.links import copy_link

    copy_link(window)


def _later(window: MainWindow, module_name: str, name: str) -> Callable[[], object]:
    """Return what spawns a coroutine of ``ui.<module_name>``, imported when it is wanted."""

    async def work() -> None:
        module = importlib.import_module(f"slate_desktop.ui.{module_name}")
        await getattr(module, name)(window)

    return lambda: window.tasks.spawn(work(), name, window)
