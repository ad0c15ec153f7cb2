"""The Console pane: a tab for each open session, its filters, search and tools.

Owns which log is shown and how it is narrowed. The lines belong to the sessions' buffers.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QPoint, Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QHBoxLayout,
    QMenu,
    QPushButton,
    QStackedLayout,
    QTabBar,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from slate_desktop.errors import CommandError
from slate_desktop.ui import icons
from slate_desktop.ui.actions import ActionRegistry
from slate_desktop.ui.console.filters import FilterBar
from slate_desktop.ui.console.search import Match, SearchBar, find
from slate_desktop.ui.console.view import ConsoleView
from slate_desktop.ui.empty import EmptyState
from slate_desktop.ui.tasks import TaskGroupOwner
from slate_desktop.ui.theme import Theme

if TYPE_CHECKING:
    from slate_desktop.control.console import LogBuffer, LogView

_COUNTS_MS = 250
_SAVE_ROWS = 2000


@dataclass
class _Log:
    buffer: LogBuffer
    title: str


class ConsolePanel(QWidget):
    """The pane. ``open_log`` shows a session's buffer, ``close_log`` takes it away."""

    session_selected = Signal(str)
    session_closed = Signal(str)
    older_wanted = Signal(str)
    problem = Signal(object, str)

    def __init__(
        self, theme: Theme, actions: ActionRegistry, tasks: TaskGroupOwner, empty: EmptyState
    ) -> None:
        super().__init__()
        self.setObjectName("pane")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._theme, self._actions, self._tasks = theme, actions, tasks
        self._logs: dict[str, _Log] = {}
        self._filtered: LogView | None = None
        self._search_task: asyncio.Task[object] | None = None
        self._match: Match | None = None
        self.empty = empty
        self.tabs = QTabBar(self)
        self.tabs.setTabsClosable(True)
        self.tabs.setExpanding(False)
        self.tabs.setElideMode(Qt.TextElideMode.ElideMiddle)
        self.tabs.setUsesScrollButtons(True)
        self.tabs.setAccessibleName(self.tr("Logs of sessions"))
        self.tabs.currentChanged.connect(self._on_tab_changed)
        self.tabs.tabCloseRequested.connect(self._on_tab_close)
        self.view = ConsoleView(theme, self)
        self.filters = FilterBar(theme, self)
        self.search = SearchBar(theme, self)
        self.more = QPushButton(self.view.viewport())
        self.more.setProperty("primary", True)
        self.more.hide()
        self._buttons: dict[str, QToolButton] = {}
        self._lay_out()
        self._connect()
        self._counts = QTimer(self)
        self._counts.setInterval(_COUNTS_MS)
        self._counts.timeout.connect(self._on_counts)
        self._scan = QTimer(self)
        self._scan.setInterval(0)
        self._scan.timeout.connect(self._on_scan)
        self._show_current()

    # -- logs ------------------------------------------------------------------------------

    @property
    def current_id(self) -> str | None:
        """The session whose log is shown."""
        return self.tabs.tabData(self.tabs.currentIndex()) if self.tabs.count() else None

    @property
    def current_buffer(self) -> LogBuffer | None:
        """The buffer that is shown."""
        session_id = self.current_id
        return self._logs[session_id].buffer if session_id in self._logs else None

    def open_log(self, session_id: str, title: str, buffer: LogBuffer) -> None:
        """Show a session's log in a tab of its own, and make it the current one."""
        if session_id not in self._logs:
            self._logs[session_id] = _Log(buffer, title)
            index = self.tabs.addTab(title)
            self.tabs.setTabData(index, session_id)
            self._add_close_button(index)
        self.select(session_id)
        self._show_current()

    def select(self, session_id: str) -> None:
        """Make a session's log the current one, when it is open."""
        index = self._index_of(session_id)
        if index >= 0:
            self.tabs.setCurrentIndex(index)

    def set_status(self, session_id: str, icon: str, role: str, words: str) -> None:
        """Show a session's state on its tab."""
        index = self._index_of(session_id)
        if index >= 0:
            self.tabs.setTabIcon(index, icons.icon(icon, self._theme.tokens, role))
            self.tabs.setTabToolTip(index, f"{self._logs[session_id].title} · {words}")

    def close_log(self, session_id: str) -> None:
        """Take a session's tab away."""
        index = self._index_of(session_id)
        if index >= 0:
            del self._logs[session_id]
            self.tabs.removeTab(index)
            self._show_current()

    def apply_theme(self) -> None:
        """Take the look of the theme."""
        self.view.apply_theme()
        self.filters.apply_theme()
        self.search.apply_theme()
        for index in range(self.tabs.count()):
            button = self.tabs.tabButton(index, QTabBar.ButtonPosition.RightSide)
            if isinstance(button, QToolButton):
                button.setIcon(icons.icon("x", self._theme.tokens))

    # -- tools -----------------------------------------------------------------------------

    def open_search(self) -> None:
        """Open the search field."""
        self.search.open_search()

    def clear(self) -> None:
        """Empty the shown log; what is stored stays stored."""
        if self.current_buffer is not None:
            self.current_buffer.clear()

    def copy(self) -> None:
        """Copy the selection, or everything that is shown when nothing is selected."""
        if not self.view.has_selection:
            self.view.select_all()
        self.view.copy()

    def step_error(self, direction: int) -> None:
        """Go to the next or previous error line."""
        self._spawn_find(re.compile(r".+"), direction, errors_only=True)

    async def save(self, path: Path) -> int:
        """Write the lines that are shown now to a file; returns how many.

        Raises:
            OSError: the file cannot be written.
        """
        from slate_desktop.control.console_snapshot import pages

        rows = self.view.rows
        if rows is None:
            return 0
        written = 0
        # The log goes on meanwhile: its old lines leave, and a filter finds more.
        shown = rows.snapshot()
        with await asyncio.to_thread(path.open, "w", encoding="utf-8") as file:
            for page in pages(shown, _SAVE_ROWS):
                text = "".join(f"{self.view.painting.text(row)}\n" for row in page)
                await asyncio.to_thread(file.write, text)
                written += len(page)
        return written

    # -- events ----------------------------------------------------------------------------

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keep the "new lines" button in its corner."""
        if event.type() == QEvent.Type.Resize:
            self._place_more()
        return super().eventFilter(watched, event)

    def showEvent(self, event: object) -> None:
        """Count only while somebody looks."""
        super().showEvent(event)  # type: ignore[arg-type]
        self._counts.start()

    def hideEvent(self, event: object) -> None:
        """Stop counting."""
        super().hideEvent(event)  # type: ignore[arg-type]
        self._counts.stop()

    # -- private ---------------------------------------------------------------------------

    def _lay_out(self) -> None:
        top = QWidget(self)
        top.setObjectName("paneBar")
        top.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        bar = QHBoxLayout(top)
        bar.setContentsMargins(10, 3, 8, 3)
        bar.setSpacing(4)
        bar.addWidget(self.filters)
        bar.addStretch(1)
        for action_id in (
            "console.search",
            "console.follow",
            "console.times",
            "console.copy",
            "console.save",
            "console.clear",
        ):
            button = QToolButton(top)
            button.setDefaultAction(self._actions[action_id])
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
            button.setAccessibleName(self._actions[action_id].toolTip())
            bar.addWidget(button)
            self._buttons[action_id] = button
        self._body = QWidget(self)
        body = QVBoxLayout(self._body)
        body.setContentsMargins(0, 0, 0, 0)
        body.setSpacing(0)
        body.addWidget(self.tabs)
        body.addWidget(top)
        body.addWidget(self.search)
        body.addWidget(self.view, 1)
        self._stack = QStackedLayout(self)
        self._stack.addWidget(self.empty)
        self._stack.addWidget(self._body)

    def _connect(self) -> None:
        self.filters.changed.connect(self._on_filter_changed)
        self.search.pattern_changed.connect(self._on_pattern_changed)
        self.search.step_wanted.connect(self._on_search_step)
        self.search.closed.connect(self.view.setFocus)
        self.view.follow_changed.connect(self._on_follow_changed)
        self.view.pending_changed.connect(self._on_pending_changed)
        self.view.menu_wanted.connect(self._on_menu_wanted)
        self.view.top_reached.connect(self._on_top_reached)
        self.view.viewport().installEventFilter(self)
        self.more.clicked.connect(lambda: self.view.set_following(True))

    def _index_of(self, session_id: str) -> int:
        for index in range(self.tabs.count()):
            if self.tabs.tabData(index) == session_id:
                return index
        return -1

    def _add_close_button(self, index: int) -> None:
        session_id = self.tabs.tabData(index)
        button = QToolButton(self.tabs)
        button.setIcon(icons.icon("x", self._theme.tokens))
        button.setToolTip(self.tr("Close this log; the session goes on"))
        button.setAccessibleName(self.tr("Close this log"))
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        button.clicked.connect(lambda: self._on_tab_close(self._index_of(session_id)))
        self.tabs.setTabButton(index, QTabBar.ButtonPosition.RightSide, button)

    def _show_current(self) -> None:
        buffer = self.current_buffer
        self._stack.setCurrentWidget(self.empty if buffer is None else self._body)
        self._match = None
        self._apply_filter(keep_place=False)
        self._on_counts()

    def _apply_filter(self, *, keep_place: bool) -> None:
        buffer = self.current_buffer
        old, self._filtered = self._filtered, None
        self.filters.show_problem("")
        rows: LogBuffer | LogView | None = buffer
        if buffer is not None and self.filters.is_filtering:
            try:
                rows = self._filtered = buffer.view(
                    self.filters.levels,
                    self.filters.field.text(),
                    is_regex=self.filters.regex.isChecked(),
                    is_case_sensitive=self.filters.case.isChecked(),
                )
            except CommandError as error:
                self.filters.show_problem(str(error))
                # A half-typed expression hides nothing.
                rows = buffer
        self.view.set_rows(rows, keep_place=keep_place)
        if old is not None:
            old.close()
        if self._filtered is not None:
            self._scan.start()

    def _on_scan(self) -> None:
        if self._filtered is None or self._filtered.advance():
            self._scan.stop()
        self.view.touch()

    def _on_counts(self) -> None:
        buffer = self.current_buffer
        self.filters.show_counts(buffer.level_counts if buffer is not None else {})

    def _on_filter_changed(self) -> None:
        self._match = None
        self._apply_filter(keep_place=True)

    def _on_tab_changed(self, _index: int) -> None:
        session_id = self.current_id
        if session_id in self._logs:
            self._show_current()
            self.session_selected.emit(session_id)

    def _on_tab_close(self, index: int) -> None:
        if index >= 0:
            session_id = self.tabs.tabData(index)
            self.close_log(session_id)
            self.session_closed.emit(session_id)

    def _on_follow_changed(self, is_on: bool) -> None:
        action = self._actions["console.follow"]
        if action.isChecked() != is_on:
            action.setChecked(is_on)

    def _on_pending_changed(self, count: int) -> None:
        self.more.setVisible(count > 0)
        if count:
            self.more.setText(self.tr("%n new line(s)", "", count))
            self._place_more()

    def _place_more(self) -> None:
        size = self.more.sizeHint()
        port = self.view.viewport()
        self.more.setGeometry(
            (port.width() - size.width()) // 2,
            port.height() - size.height() - 10,
            size.width(),
            size.height(),
        )

    def _on_menu_wanted(self, position: QPoint) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for action_id in ("console.copy", "console.save", "console.search", "console.clear"):
            menu.addAction(self._actions[action_id])
        menu.popup(position)

    def _on_top_reached(self) -> None:
        if self.current_id is not None:
            self.older_wanted.emit(self.current_id)

    def _on_pattern_changed(self, pattern: re.Pattern[str] | None) -> None:
        self._match = None
        self.view.set_search(pattern)

    def _on_search_step(self, direction: int) -> None:
        pattern = self.search.pattern()
        if pattern is not None:
            self._spawn_find(pattern, direction)

    def _spawn_find(
        self, pattern: re.Pattern[str], direction: int, *, errors_only: bool = False
    ) -> None:
        if self._search_task is not None:
            self._search_task.cancel()
        self._search_task = self._tasks.spawn(
            self._find(pattern, direction, errors_only), "console search", self
        )

    async def _find(self, pattern: re.Pattern[str], direction: int, errors_only: bool) -> None:
        rows = self.view.rows
        if rows is None:
            return
        match = await find(rows, pattern, self._match, direction, errors_only=errors_only)
        self._match = match
        self.search.state.setText("" if match else self.tr("No match"))
        if match is not None:
            with contextlib.suppress(IndexError):
                index = rows.index_of_seq(match.seq)
                self.view.show_match(index, match.seq, match.start, match.end)
