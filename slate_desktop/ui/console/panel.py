"""The Console pane: a tab for each open session, its filters, search and tools.

Puts the parts of the console together and is its door. The lines belong to the sessions' buffers.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QMenu, QStackedLayout, QToolButton, QVBoxLayout, QWidget

from slate_desktop.ui.actions import ActionRegistry
from slate_desktop.ui.console.density import DensityStrip
from slate_desktop.ui.console.filters import FilterBar
from slate_desktop.ui.console.narrowing import Narrowing
from slate_desktop.ui.console.news import NewsButton
from slate_desktop.ui.console.problem_strip import ProblemStrip
from slate_desktop.ui.console.search import SearchBar
from slate_desktop.ui.console.shown import LogSource, OpenLog, Shown
from slate_desktop.ui.console.steps import Steps
from slate_desktop.ui.console.tabs import LogTabs
from slate_desktop.ui.console.taking import Taking
from slate_desktop.ui.console.view import ConsoleView
from slate_desktop.ui.empty import EmptyState
from slate_desktop.ui.tasks import TaskGroupOwner
from slate_desktop.ui.theme import Theme

if TYPE_CHECKING:
    from slate_desktop.control.console import LogBuffer
    from slate_desktop.control.stored_log import StoredLog

_TOOLS = ("search", "follow", "times", "copy", "save", "clear")
_MENU = ("copy", "save", "search", "clear")


class ConsolePanel(QWidget):
    """The pane. ``open_log`` shows a session's log, ``close_log`` takes it away."""

    session_selected = Signal(str)
    session_closed = Signal(str)
    older_wanted = Signal(str)

    def __init__(
        self, theme: Theme, actions: ActionRegistry, tasks: TaskGroupOwner, empty: EmptyState
    ) -> None:
        super().__init__()
        self.setObjectName("pane")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._actions = actions
        self._logs: dict[str, OpenLog] = {}
        self._shown = Shown()
        self.empty = empty
        self.tabs = LogTabs(theme, self)
        self._body = QWidget(self)
        self.view = ConsoleView(theme, self._body)
        self.strip = DensityStrip(theme, self._body)
        self.filters = FilterBar(theme, self._body)
        self.search = SearchBar(theme, self._body)
        self.more = NewsButton(self.view)
        self.narrowing = Narrowing(self._shown, self.filters, self.view, self)
        self.problems = ProblemStrip(self._shown, self.strip, self.view, tasks, self)
        self.steps = Steps(self._shown, self.search, self.strip, self.view, tasks)
        self._taking = Taking(self._shown, self.view, tasks)
        self._lay_out()
        self._connect()
        self._show_current()

    # -- logs ------------------------------------------------------------------------------

    @property
    def current_id(self) -> str | None:
        """The session whose log is shown."""
        return self.tabs.current_id

    @property
    def current_buffer(self) -> LogBuffer | None:
        """The buffer that is shown."""
        return self._shown.buffer

    @property
    def current_log(self) -> StoredLog | None:
        """All lines of the session that is shown."""
        return self._shown.stored

    def open_log(self, session_id: str, title: str, source: LogSource) -> None:
        """Show a session's log in a tab of its own, and make it the current one."""
        if session_id not in self._logs:
            self._logs[session_id] = OpenLog(session_id, source, title)
            self.tabs.add(session_id, title)
        self.select(session_id)
        self._show_current()

    def select(self, session_id: str) -> None:
        """Make a session's log the current one, when it is open."""
        index = self.tabs.index_of(session_id)
        if index >= 0:
            self.tabs.setCurrentIndex(index)

    def set_status(self, session_id: str, icon: str, role: str, words: str) -> None:
        """Show a session's state on its tab."""
        log = self._logs.get(session_id)
        if log is not None:
            self.tabs.set_state(session_id, icon, role, f"{log.title} · {words}")

    def close_log(self, session_id: str) -> None:
        """Take a session's tab away."""
        index = self.tabs.index_of(session_id)
        if index >= 0:
            del self._logs[session_id]
            self.tabs.removeTab(index)
            self._show_current()

    def apply_theme(self) -> None:
        """Take the look of the theme."""
        for part in (self.view, self.filters, self.search, self.tabs):
            part.apply_theme()
        self.strip.update()

    # -- tools -----------------------------------------------------------------------------

    def open_search(self) -> None:
        """Open the search field."""
        self.search.open_search()

    def clear(self) -> None:
        """Empty the shown log; what is stored stays stored."""
        if self.current_log is not None:
            self.current_log.clear()

    def copy(self) -> None:
        """Copy the selection, or everything that is shown when nothing is selected."""
        self._taking.copy()

    def step_error(self, direction: int) -> None:
        """Go to the next or previous error line."""
        self.steps.step_error(direction)

    def reveal_seq(self, seq: int) -> None:
        """Go to a line of the current log."""
        self.steps.reveal_seq(seq)

    async def save(self, path: Path) -> int:
        """Write the lines that are shown now to a file; returns how many.

        Raises:
            OSError: the file cannot be written.
            SlateError: stored lines cannot be read now.
        """
        return await self._taking.save(path)

    # -- events ----------------------------------------------------------------------------

    def showEvent(self, event: object) -> None:
        """Count only while somebody looks."""
        super().showEvent(event)  # type: ignore[arg-type]
        self._set_watched(True)

    def hideEvent(self, event: object) -> None:
        """Stop counting."""
        super().hideEvent(event)  # type: ignore[arg-type]
        self._set_watched(False)

    # -- private ---------------------------------------------------------------------------

    def _lay_out(self) -> None:
        top = QWidget(self._body)
        top.setObjectName("paneBar")
        top.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        bar = QHBoxLayout(top)
        bar.setContentsMargins(10, 3, 8, 3)
        bar.setSpacing(4)
        bar.addWidget(self.filters)
        bar.addStretch(1)
        for name in _TOOLS:
            action = self._actions[f"console.{name}"]
            button = QToolButton(top)
            button.setDefaultAction(action)
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
            button.setAccessibleName(action.toolTip())
            bar.addWidget(button)
        body = QVBoxLayout(self._body)
        body.setContentsMargins(0, 0, 0, 0)
        body.setSpacing(0)
        body.addWidget(self.tabs)
        body.addWidget(top)
        body.addWidget(self.search)
        lines = QHBoxLayout()
        lines.setSpacing(0)
        lines.addWidget(self.view, 1)
        lines.addWidget(self.strip)
        body.addLayout(lines, 1)
        self._stack = QStackedLayout(self)
        self._stack.addWidget(self.empty)
        self._stack.addWidget(self._body)

    def _connect(self) -> None:
        self.tabs.currentChanged.connect(self._on_tab_changed)
        self.tabs.close_wanted.connect(self._on_close_wanted)
        self.filters.changed.connect(lambda: self._narrow(keep_place=True))
        self.view.follow_changed.connect(self._on_follow_changed)
        self.view.menu_wanted.connect(self._on_menu_wanted)
        self.view.top_reached.connect(self._on_top_reached)
        self.view.copy_wanted.connect(self.copy)

    def _set_watched(self, is_on: bool) -> None:
        self.narrowing.set_watched(is_on)
        self.problems.set_watched(is_on)

    def _show_current(self) -> None:
        self._shown.log = self._logs.get(self.current_id or "")
        self._stack.setCurrentWidget(self.empty if self._shown.log is None else self._body)
        self._narrow(keep_place=False)
        self.narrowing.show_counts()
        self.problems.begin()

    def _narrow(self, *, keep_place: bool) -> None:
        self.narrowing.apply(keep_place=keep_place)
        self.problems.refresh()
        self.steps.begin()

    def _on_tab_changed(self, _index: int) -> None:
        session_id = self.current_id
        if session_id in self._logs:
            self._show_current()
            self.session_selected.emit(session_id)

    def _on_close_wanted(self, session_id: str) -> None:
        self.close_log(session_id)
        self.session_closed.emit(session_id)

    def _on_follow_changed(self, is_on: bool) -> None:
        self._actions["console.follow"].setChecked(is_on)

    def _on_menu_wanted(self, position: QPoint) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for name in _MENU:
            menu.addAction(self._actions[f"console.{name}"])
        menu.popup(position)

    def _on_top_reached(self) -> None:
        # Without a filter every line is there already; a filter looks at the kept ones.
        if self._shown.log is not None and self._shown.filtered is not None:
            self.older_wanted.emit(self._shown.log.id)
