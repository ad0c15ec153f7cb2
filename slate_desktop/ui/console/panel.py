"""The Console pane: a tab for each open session, its filters, search and tools.

Puts the parts of the console together and is its door. The lines belong to the sessions' buffers.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QMenu, QStackedLayout, QVBoxLayout, QWidget

from slate_desktop.ui.actions import ActionRegistry
from slate_desktop.ui.console import ansi
from slate_desktop.ui.console.columns import Columns
from slate_desktop.ui.console.density import DensityStrip
from slate_desktop.ui.console.filter_state import FilterState
from slate_desktop.ui.console.filters import FilterBar
from slate_desktop.ui.console.links import Links
from slate_desktop.ui.console.marks import Marks
from slate_desktop.ui.console.memory import Memories
from slate_desktop.ui.console.merging import MERGED_ID, Merging
from slate_desktop.ui.console.narrowing import Narrowing
from slate_desktop.ui.console.news import NewsButton
from slate_desktop.ui.console.problem_strip import ProblemStrip
from slate_desktop.ui.console.search import SearchBar
from slate_desktop.ui.console.shown import LogSource, OpenLog, Shown
from slate_desktop.ui.console.side import SideBySide
from slate_desktop.ui.console.steps import Steps
from slate_desktop.ui.console.tabs import LogTabs
from slate_desktop.ui.console.taking import Taking
from slate_desktop.ui.console.times import Times
from slate_desktop.ui.console.tool_row import ToolRow
from slate_desktop.ui.console.view import ConsoleView
from slate_desktop.ui.empty import EmptyState
from slate_desktop.ui.tasks import TaskGroupOwner
from slate_desktop.ui.theme import Theme

if TYPE_CHECKING:
    from collections.abc import Callable

    from slate_desktop.control.console import LogBuffer
    from slate_desktop.control.console_chunks import LogRow
    from slate_desktop.control.stored_log import StoredLog

_MENU = (
    ("copy", "copy_messages", "save"),
    ("mark", "hide", "open_place"),
    ("search", "marks", "columns", "clear"),
)

# In pixels, of the pane.
_LEAST_HEIGHT = 136


class ConsolePanel(QWidget):
    """The pane. ``open_log`` shows a session's log, ``close_log`` takes it away.

    ``selection_span`` tells the first and last selected moment (UTC nanoseconds), twice None when
    nothing is selected; ``place_wanted`` a file and a line that a log line names. ``find_file``
    finds it: ``(session, path)``.
    """

    session_selected = Signal(str)
    session_closed = Signal(str)
    older_wanted = Signal(str)
    selection_span = Signal(object, object)
    place_wanted = Signal(object, int)

    def __init__(
        self,
        theme: Theme,
        actions: ActionRegistry,
        tasks: TaskGroupOwner,
        empty: EmptyState,
        *,
        kept: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        # The same with and without a log: what is around it stays where it is.
        self.setMinimumHeight(_LEAST_HEIGHT)
        self.setObjectName("pane")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._actions = actions
        self.memories = Memories(kept or {})
        self.find_file: Callable[[str, str], Path | None] = lambda _session, _path: None
        self._logs: dict[str, OpenLog] = {}
        self._shown = Shown()
        self.empty = empty
        # Stands in the title bar of the dock.
        self.tabs = LogTabs(theme)
        self._body = QWidget(self)
        self.view = ConsoleView(theme, self._body)
        self.strip = DensityStrip(theme, self._body)
        self.filters = FilterBar(theme, self._body)
        self.filter_state = FilterState(theme, self._body)
        self.tools = ToolRow(self.filters, actions, self._body)
        self.search = SearchBar(theme, self._body)
        self.more = NewsButton(self.view)
        self.merging = Merging(self._logs, self.tabs, self.view)
        self.narrowing = Narrowing(
            self._shown, self.filters, self.filter_state, self.view, self.merging.members
        )
        self.problems = ProblemStrip(self._shown, self.strip, self.view, tasks, self)
        self.steps = Steps(self._shown, self.search, self.strip, self.view, tasks)
        self.marks = Marks(self._shown, self.view, self.steps)
        self.times = Times(self._shown, self.view, tasks)
        self.columns = Columns(self._shown, self.view, theme)
        self.side = SideBySide(self._logs, self.tabs, self.view, theme, tasks)
        self.links = Links(self.view, self._find_file)
        self._taking = Taking(self._shown, self.view, tasks)
        self._lay_out()
        self._connect()
        self._show_current()

    # -- logs ------------------------------------------------------------------------------

    @property
    def current_id(self) -> str | None:
        """The session whose log is shown, None also for merged logs."""
        return self._shown.log.id if self._shown.log is not None else None

    @property
    def current_buffer(self) -> LogBuffer | None:
        """The buffer that is shown."""
        return self._shown.buffer

    @property
    def current_log(self) -> StoredLog | None:
        """All lines of the session that is shown."""
        return self._shown.stored

    @property
    def has_lines(self) -> bool:
        """Whether any log is shown, one or several merged."""
        return self.tabs.current_id is not None

    def open_log(self, session_id: str, title: str, source: LogSource) -> None:
        """Show a session's log in a tab of its own, and make it the current one."""
        if session_id not in self._logs:
            memory = self.memories.of(session_id)
            self._logs[session_id] = OpenLog(session_id, source, title, memory)
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
            self._logs.pop(session_id, None)
            self.tabs.removeTab(index)
            if not self._logs and (index := self.tabs.index_of(MERGED_ID)) >= 0:
                self.tabs.removeTab(index)
            self._show_current()

    def apply_theme(self) -> None:
        """Take the look of the theme."""
        for part in (self.view, self.filters, self.filter_state, self.search, self.tabs):
            part.apply_theme()
        self.columns.header.show_names()
        self.side.apply_theme()
        self.strip.update()

    # -- tools -----------------------------------------------------------------------------

    def open_search(self) -> None:
        """Open the search field."""
        self.search.open_search()

    def clear(self) -> None:
        """Empty what is shown; what is stored stays stored."""
        logs = self.merging.members() if self.merging.is_shown else []
        if self._shown.log is not None:
            logs = [self._shown.log]
        for log in logs:
            log.source.log.clear()

    def copy(self, *, messages_only: bool = False) -> None:
        """Copy the selection, or everything that is shown when nothing is selected."""
        self._taking.copy(messages_only=messages_only)

    def hide_like_this(self) -> None:
        """Hide lines that contain what is selected, or the whole text of the chosen line."""
        text = self.view.selected_text() if self.view.has_selection else ""
        row = self.view.row_of(self.view.chosen_seq or self.view.bottom_seq)
        if (not text or "\n" in text) and row is not None:
            # Between colours the stored line has more than its text: its longest piece is hidden.
            runs = ansi.parse(self.view.painting.rows.message(row))
            text = max((run.text for run in runs), key=len, default="")
        hidden = self.filters.choice.hidden
        if text.strip() and text not in hidden:
            self.view.selection.clear()
            self.filters.set_hidden((*hidden, text))

    def expand_stack(self) -> None:
        """Show every line of the chosen stack of repeated ones, or one for all."""
        rows = [row for row in self.view.visible_rows() if row.repeats]
        chosen = [row for row in rows if row.seq == self.view.chosen_seq]
        for row in (chosen or rows)[-1:]:
            self.narrowing.toggle_stack(row.seq)

    def set_stacking(self, is_on: bool) -> None:
        """Show lines that repeat as one row with their number."""
        self.narrowing.set_stacking(is_on)
        self._narrow(keep_place=True)

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
        body = QVBoxLayout(self._body)
        body.setContentsMargins(0, 0, 0, 0)
        body.setSpacing(0)
        for part in (self.tools, self.filter_state, self.search):
            body.addWidget(part)
        leading = QWidget()
        lines = QHBoxLayout(leading)
        lines.setContentsMargins(0, 0, 0, 0)
        lines.setSpacing(0)
        lines.addWidget(self.view, 1)
        lines.addWidget(self.strip)
        below = QWidget()
        column = QVBoxLayout(below)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.side.head)
        column.addWidget(leading, 1)
        self.side.splitter.addWidget(below)
        body.addWidget(self.side.splitter, 1)
        self._stack = QStackedLayout(self)
        self._stack.addWidget(self.empty)
        self._stack.addWidget(self._body)

    def _connect(self) -> None:
        self.tabs.currentChanged.connect(self._on_tab_changed)
        self.tabs.close_wanted.connect(self._on_close_wanted)
        self.filters.changed.connect(self._on_filter_changed)
        self.filter_state.all_wanted.connect(self.filters.clear)
        self.filter_state.shown_again.connect(self._on_shown_again)
        self.merging.changed.connect(self._show_current)
        self.side.chosen.connect(self.select)
        self.links.wanted.connect(self.place_wanted)
        self.view.follow_changed.connect(self._on_follow_changed)
        self.view.menu_wanted.connect(self._on_menu_wanted)
        self.view.top_reached.connect(self._on_top_reached)
        self.view.copy_wanted.connect(self.copy)
        self.view.pill_clicked.connect(self.narrowing.toggle_stack)
        self.view.selection_changed.connect(self._on_selection_changed)

    def _set_watched(self, is_on: bool) -> None:
        self.narrowing.set_watched(is_on)
        self.problems.set_watched(is_on)

    def _show_current(self) -> None:
        shown = self._shown
        shown.log = self._logs.get(self.tabs.current_id or "")
        shown.memory = shown.log.memory if shown.log is not None else self.merging.memory
        self._stack.setCurrentWidget(self._body if self.has_lines else self.empty)
        self.tabs.setVisible(self.has_lines)
        self.filters.show_choice(shown.memory.filter)
        self._narrow(keep_place=False)
        self.merging.show_members()
        self.side.refresh()
        self.columns.show_columns()
        self.marks.show_marks()
        self.times.show_times()
        self.problems.begin()

    def _narrow(self, *, keep_place: bool) -> None:
        self.narrowing.apply(keep_place=keep_place, is_merged=self.merging.is_shown)
        self.problems.refresh()
        self.steps.begin()

    def _find_file(self, row: LogRow, path: str) -> Path | None:
        logs = self.merging.members() if self._shown.log is None else [self._shown.log]
        return self.find_file(logs[row.source].id, path) if row.source < len(logs) else None

    def _on_filter_changed(self) -> None:
        self._shown.memory.filter = self.filters.choice
        self._narrow(keep_place=True)

    def _on_shown_again(self, text: str) -> None:
        hidden = self.filters.choice.hidden
        self.filters.set_hidden(tuple(other for other in hidden if other != text))

    def _on_tab_changed(self, _index: int) -> None:
        session_id = self.tabs.current_id
        if session_id in self._logs or session_id == MERGED_ID:
            self._show_current()
        if session_id in self._logs:
            self.session_selected.emit(session_id)

    def _on_close_wanted(self, session_id: str) -> None:
        self.close_log(session_id)
        if session_id != MERGED_ID:
            self.session_closed.emit(session_id)

    def _on_follow_changed(self, is_on: bool) -> None:
        self._actions["console.follow"].setChecked(is_on)

    def _on_selection_changed(self) -> None:
        first, last = self.view.selected_span or (0, 0)
        rows = [row for seq in (first, last) if (row := self.view.row_of(seq)) is not None]
        times = [row.timestamp_ns for row in rows if row.timestamp_ns]
        self.selection_span.emit(min(times, default=None), max(times, default=None))

    def _on_menu_wanted(self, position: QPoint) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for group in _MENU:
            for name in group:
                menu.addAction(self._actions[f"console.{name}"])
            menu.addSeparator()
        if self.merging.is_shown:
            menu.addAction(self.tr("Logs that are merged…"), self.merging.open_menu)
        menu.popup(position)

    def _on_top_reached(self) -> None:
        # Without a filter every line is there already; a filter looks at the kept ones.
        logs = self.merging.members() if self.merging.is_shown else []
        if self._shown.log is not None and self._shown.filtered is not None:
            logs = [self._shown.log]
        for log in logs:
            self.older_wanted.emit(log.id)
