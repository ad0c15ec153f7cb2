"""The Console pane: a tab for each open session, its filters, search and tools.

Owns which log is shown and how it is narrowed. The lines belong to the sessions' buffers.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

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

from slate_desktop.domain.logs import LogLevel
from slate_desktop.errors import CommandError, SlateError
from slate_desktop.ui import icons
from slate_desktop.ui.actions import ActionRegistry
from slate_desktop.ui.console import ansi
from slate_desktop.ui.console.density import BUCKETS, DensityStrip
from slate_desktop.ui.console.filters import FilterBar
from slate_desktop.ui.console.finder import Finder
from slate_desktop.ui.console.search import Match, SearchBar, find
from slate_desktop.ui.console.view import MAX_COPY_ROWS, ConsoleView
from slate_desktop.ui.empty import EmptyState
from slate_desktop.ui.tasks import TaskGroupOwner
from slate_desktop.ui.theme import Theme

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from slate_desktop.control.console import LogBuffer, LogView
    from slate_desktop.control.console_chunks import LogRow
    from slate_desktop.control.log_search import LogSearch, SearchPattern
    from slate_desktop.control.stored_log import StoredLog

_COUNTS_MS = 250
_STRIP_MS = 2_000


class LogSource(Protocol):
    """What a session's log is read from: the live model, or something like it."""

    logs: LogBuffer
    log: StoredLog

    def search_logs(self, pattern: SearchPattern, near: int) -> LogSearch:
        """Return a search over every line."""
        ...

    async def find_error(self, seq: int, direction: int) -> int | None:
        """Return the number of the next error line after or before a number."""
        ...

    async def problem_density(self, buckets: int) -> dict[LogLevel, dict[int, int]]:
        """Return how many warnings and errors lie in each equal part of the log."""
        ...


@dataclass
class _Log:
    source: LogSource
    title: str


class ConsolePanel(QWidget):
    """The pane. ``open_log`` shows a session's log, ``close_log`` takes it away."""

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
        self._finder = Finder(tasks, self._newest_seq, self)
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
        self.strip = DensityStrip(theme, self)
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
        self._strip_span: tuple[str | None, int, int] | None = None
        self._strip_task: asyncio.Task[object] | None = None
        self._strip_timer = QTimer(self)
        self._strip_timer.setInterval(_STRIP_MS)
        self._strip_timer.timeout.connect(self._refresh_strip)
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
        return self._logs[session_id].source.logs if session_id in self._logs else None

    @property
    def current_log(self) -> StoredLog | None:
        """All lines of the session that is shown."""
        session_id = self.current_id
        return self._logs[session_id].source.log if session_id in self._logs else None

    def open_log(self, session_id: str, title: str, source: LogSource) -> None:
        """Show a session's log in a tab of its own, and make it the current one."""
        if session_id not in self._logs:
            self._logs[session_id] = _Log(source, title)
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
        self.strip.update()
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
        if self.current_log is not None:
            self.current_log.clear()

    def copy(self) -> None:
        """Copy the selection, or everything that is shown when nothing is selected."""
        if not self.view.has_selection:
            self.view.select_all()
        log, span = self.current_log, self.view.selected_span
        if (
            log is None
            or span is None
            or self._filtered is not None
            or 0 < log.buffer.first_seq <= span[0]
        ):
            self.view.copy()
        else:
            self._tasks.spawn(self._copy_stored(log, *span), "copy", self)

    def step_error(self, direction: int) -> None:
        """Go to the next or previous error line."""
        if self._filtered is not None:
            self._spawn_find(re.compile(r".+"), direction, errors_only=True)
        else:
            self._replace_search(self._step_error(direction))

    def reveal_seq(self, seq: int) -> None:
        """Go to a line of the current log."""
        self._replace_search(self._go_to(seq, None))

    async def save(self, path: Path) -> int:
        """Write the lines that are shown now to a file; returns how many.

        Raises:
            OSError: the file cannot be written.
            SlateError: stored lines cannot be read now.
        """
        from slate_desktop.control.log_export import export

        log = self.current_log
        if log is None:
            return 0
        accepts = None
        if self._filtered is not None:
            accepts = self._filtered.accepts
        # What is shown now: the log goes on meanwhile.
        return await export(
            log.read(log.first_seq, log.last_seq),
            path,
            accepts=accepts,
            as_text=self.view.painting.text,
        )

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
        self._strip_timer.start()

    def hideEvent(self, event: object) -> None:
        """Stop counting."""
        super().hideEvent(event)  # type: ignore[arg-type]
        self._counts.stop()
        self._strip_timer.stop()

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
        lines = QHBoxLayout()
        lines.setSpacing(0)
        lines.addWidget(self.view, 1)
        lines.addWidget(self.strip)
        body.addLayout(lines, 1)
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
        self.view.copy_wanted.connect(self.copy)
        self._finder.changed.connect(self._show_search_state)
        self.strip.clicked.connect(self._on_strip_clicked)
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
        self.strip.show_counts({})
        self._strip_span = None
        self._refresh_strip()

    def _apply_filter(self, *, keep_place: bool) -> None:
        buffer = self.current_buffer
        old, self._filtered = self._filtered, None
        self._finder.end()
        self.filters.show_problem("")
        rows: StoredLog | LogView | None = self.current_log
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
                rows = self.current_log
        self.view.set_rows(rows, keep_place=keep_place)
        if old is not None:
            old.close()
        if self._filtered is not None:
            self._scan.start()
        self.strip.setVisible(self._filtered is None)
        self._begin_search()

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
        # Without a filter every line is there already; a filter looks at the kept ones.
        if self.current_id is not None and self._filtered is not None:
            self.older_wanted.emit(self.current_id)

    def _on_pattern_changed(self, pattern: re.Pattern[str] | None) -> None:
        self._match = None
        self.view.set_search(pattern)
        self._begin_search()

    def _begin_search(self) -> None:
        """Search everything that is stored, where no filter hides lines."""
        log = self._logs.get(self.current_id or "")
        text = self.search.field.text()
        if (
            log is None
            or self._filtered is not None
            or not self.search.isVisibleTo(self)
            or self.search.pattern() is None
        ):
            self._finder.end()
            self.search.state.setText("")
            return
        is_regex = self.search.regex.isChecked()

        def make() -> LogSearch:
            from slate_desktop.control.log_search import SearchPattern

            return log.source.search_logs(SearchPattern(text, is_regex), self.view.bottom_seq)

        self._finder.begin(make)

    def _show_search_state(self) -> None:
        self.search.state.setText(self._finder.state(self._match.seq if self._match else None))
        search = self._finder.search
        if search is None:
            self.strip.show_hits((), 1, 0)
        else:
            self.strip.show_hits(search.hits, search.first, search.last)

    def _on_strip_clicked(self, share: float) -> None:
        bar = self.view.verticalScrollBar()
        if share < 1.0:
            self.view.set_following(False)
        # Lines that came since the last picture count too.
        self.view.sync()
        # The strip is the whole log: the place that was clicked comes to the middle.
        total = bar.maximum() + bar.pageStep()
        bar.setValue(round(share * total) - bar.pageStep() // 2)

    def _refresh_strip(self) -> None:
        """Count problems again where lines have come; what cannot be read is left as it was."""
        self.strip.setVisible(self._filtered is None)
        log = self._logs.get(self.current_id or "")
        if log is None or self._filtered is not None:
            return
        span = (self.current_id, log.source.log.first_seq, log.source.log.last_seq)
        if span != self._strip_span and (self._strip_task is None or self._strip_task.done()):
            self._strip_span = span
            self._strip_task = self._tasks.spawn(self._count_problems(log.source), "density", self)

    async def _count_problems(self, source: LogSource) -> None:
        with contextlib.suppress(SlateError):
            counts = await source.problem_density(BUCKETS)
            log = self._logs.get(self.current_id or "")
            if log is not None and log.source is source:
                self.strip.show_counts(counts)

    def _newest_seq(self) -> int:
        return self.current_log.last_seq if self.current_log is not None else 0

    def _on_search_step(self, direction: int) -> None:
        pattern = self.search.pattern()
        if pattern is None:
            return
        if self._filtered is not None:
            self._spawn_find(pattern, direction)
        else:
            self._replace_search(self._step_match(pattern, direction))

    def _spawn_find(
        self, pattern: re.Pattern[str], direction: int, *, errors_only: bool = False
    ) -> None:
        self._replace_search(self._find(pattern, direction, errors_only))

    def _replace_search(self, work: Coroutine[object, object, None]) -> None:
        if self._search_task is not None:
            self._search_task.cancel()
        self._search_task = self._tasks.spawn(work, "console step", self)

    def _place(self, direction: int) -> int:
        """Return the line that a step starts from."""
        if self._match is not None:
            return self._match.seq
        return self.view.top_seq - 1 if direction > 0 else self.view.bottom_seq + 1

    async def _step_match(self, pattern: re.Pattern[str], direction: int) -> None:
        seq = await self._finder.step(self._place(direction), direction)
        if seq is not None:
            await self._go_to(seq, pattern)
        elif self._finder.search is not None and self._finder.search.error is not None:
            # The newest lines are here, whatever is away.
            await self._find(pattern, direction, False, rows=self.current_buffer)
            return
        self._show_search_state()

    async def _step_error(self, direction: int) -> None:
        log = self._logs.get(self.current_id or "")
        if log is None:
            return
        seq = await log.source.find_error(self._place(direction), direction)
        if seq is None:
            # Around the end: from the other one.
            end = log.source.log.first_seq - 1 if direction > 0 else log.source.log.last_seq + 1
            seq = await log.source.find_error(max(0, end), direction)
        if seq is not None and seq >= log.source.log.first_seq:
            await self._go_to(seq, None)

    async def _go_to(self, seq: int, pattern: re.Pattern[str] | None) -> None:
        """Show a line in the middle, its match marked."""
        log = self.current_log
        if log is None or self._filtered is not None:
            return
        async for rows in log.read(seq, seq):
            text = ansi.strip(rows[0].message)
            found = pattern.search(text) if pattern is not None else None
            start, end = found.span() if found else (0, len(text))
            index = log.index_of_seq(seq)
            self._match = Match(index, seq, start, end)
            self.view.show_match(index, seq, start, end)

    async def _copy_stored(self, log: StoredLog, first: int, last: int) -> None:
        rows: list[LogRow] = []
        pages: AsyncIterator[list[LogRow]] = log.read(first, min(last, first + MAX_COPY_ROWS - 1))
        async for page in pages:
            rows += page
        self.view.copy(rows)

    async def _find(
        self,
        pattern: re.Pattern[str],
        direction: int,
        errors_only: bool,
        *,
        rows: LogBuffer | None = None,
    ) -> None:
        """Step through the rows that are kept in memory."""
        shown = self.view.rows
        rows = rows or shown  # type: ignore[assignment]
        if rows is None or shown is None:
            return
        match = await find(rows, pattern, self._match, direction, errors_only=errors_only)
        self._match = match
        self.search.state.setText("" if match else self.tr("No match"))
        if match is not None:
            with contextlib.suppress(IndexError):
                index = shown.index_of_seq(match.seq)
                self.view.show_match(index, match.seq, match.start, match.end)
