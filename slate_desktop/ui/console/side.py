"""Other open logs beside the current one, which leads them through time.

Owns which logs stand there, and that they show the moment that the leading view shows. Each is seen
through the filter of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

import shiboken6
from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QSplitter, QToolButton, QVBoxLayout, QWidget

from slate_desktop.control.console_moment import seq_at
from slate_desktop.errors import CommandError, SlateError
from slate_desktop.ui import icons
from slate_desktop.ui.console.news import NewsButton
from slate_desktop.ui.console.shown import OpenLog
from slate_desktop.ui.console.tabs import LogTabs
from slate_desktop.ui.console.view import ConsoleView
from slate_desktop.ui.tasks import TaskGroupOwner
from slate_desktop.ui.text import ElidedLabel
from slate_desktop.ui.theme import Theme

if TYPE_CHECKING:
    from slate_desktop.control.console import LogView

# Narrower views show no whole line.
MAX_BESIDE = 3
_LEAD_MS = 60


class LogHead(QWidget):
    """The bar over one of several logs: its title, and room for buttons."""

    def __init__(self, title: str = "") -> None:
        super().__init__()
        self.setObjectName("paneBar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._title = ElidedLabel(role="muted")
        self.row = QHBoxLayout(self)
        self.row.setContentsMargins(10, 2, 6, 2)
        self.row.addWidget(self._title, 1)
        self.set_title(title)

    def set_title(self, title: str) -> None:
        """Say whose lines stand below."""
        self._title.setText(title)


class SidePane(QWidget):
    """One log beside the current one: its title, and its lines."""

    chosen = Signal(str)
    left_out = Signal(str)

    def __init__(self, theme: Theme, log: OpenLog) -> None:
        super().__init__()
        self.log = log
        self.view = ConsoleView(theme, self)
        self.view.setAccessibleName(self.tr("Lines of {name}").format(name=log.title))
        self.more = NewsButton(self.view)
        self._filtered: LogView | None = None
        self._scan = QTimer(self)
        self._scan.setInterval(0)
        self._scan.timeout.connect(self._on_scan)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        self.head = self._head()
        layout.addWidget(self.head)
        layout.addWidget(self.view, 1)
        self.apply_theme(theme)

    def show_lines(self) -> None:
        """Show the log through its own filter, from its end."""
        choice, source, old = self.log.memory.filter, self.log.source, self._filtered
        self._filtered = None
        if choice.is_filtering:
            try:
                self._filtered = source.logs.view(
                    choice.levels,
                    choice.text,
                    is_regex=choice.is_regex,
                    is_case_sensitive=choice.is_case_sensitive,
                    hidden=choice.hidden,
                )
            except CommandError:
                # A half-typed expression hides nothing.
                self._filtered = None
        self.view.set_rows(self._filtered if self._filtered is not None else source.log)
        if old is not None:
            old.close()
        if self._filtered is not None:
            self._scan.start()

    def show_seq(self, seq: int) -> None:
        """Put a line, or the next one that shows, at the top."""
        rows = self.view.rows
        if rows is not None and len(rows):
            self.view.set_following(False)
            self.view.verticalScrollBar().setValue(rows.index_of_seq(seq))

    def close_lines(self) -> None:
        """Follow the log no longer."""
        self._scan.stop()
        self.view.set_rows(None)
        if self._filtered is not None:
            self._filtered.close()
            self._filtered = None

    def _head(self) -> LogHead:
        head = LogHead(self.log.title)
        self.choose = QToolButton()
        self.choose.setToolTip(self.tr("Make it the log that leads"))
        self.choose.setAccessibleName(self.tr("Let {name} lead").format(name=self.log.title))
        self.choose.clicked.connect(lambda: self.chosen.emit(self.log.id))
        self.leave = QToolButton()
        self.leave.setToolTip(self.tr("Do not show it beside the others"))
        self.leave.setAccessibleName(
            self.tr("Do not show {name} beside the others").format(name=self.log.title)
        )
        self.leave.clicked.connect(lambda: self.left_out.emit(self.log.id))
        head.row.addWidget(self.choose)
        head.row.addWidget(self.leave)
        return head

    def apply_theme(self, theme: Theme) -> None:
        """Take fonts, colours and icons of the theme."""
        self.view.apply_theme()
        for button, name in ((self.choose, "maximize"), (self.leave, "x")):
            button.setIcon(icons.icon(name, theme.tokens))

    def _on_scan(self) -> None:
        if self._filtered is None or self._filtered.advance():
            self._scan.stop()
        self.view.touch()


class SideBySide(QObject):
    """The panes beside the leading view. ``chosen`` names the log that is to lead."""

    chosen = Signal(str)

    def __init__(
        self,
        logs: Mapping[str, OpenLog],
        tabs: LogTabs,
        leader: ConsoleView,
        theme: Theme,
        tasks: TaskGroupOwner,
    ) -> None:
        super().__init__(leader)
        self._logs, self._tabs, self._leader = logs, tabs, leader
        self._theme, self._tasks = theme, tasks
        self._left_out: set[str] = set()
        self._leading: asyncio.Task[object] | None = None
        self.is_on = False
        self.panes: dict[str, SidePane] = {}
        self.splitter = QSplitter(Qt.Orientation.Horizontal)
        self.splitter.setObjectName("panes")
        self.splitter.setChildrenCollapsible(False)
        # Over the leading view, where others stand beside it.
        self.head = LogHead()
        self.head.hide()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_LEAD_MS)
        self._timer.timeout.connect(self._lead)
        leader.verticalScrollBar().valueChanged.connect(lambda _value: self._lead_soon())
        leader.selection_changed.connect(self._lead_soon)
        leader.follow_changed.connect(self._on_follow_changed)
        leader.look_changed.connect(self._take_look)

    def set_on(self, is_on: bool) -> None:
        """Show other logs beside the current one, or this alone; what was left out comes back."""
        self.is_on = is_on
        self._left_out.clear()
        self.refresh()

    def refresh(self) -> None:
        """Show the other open logs, as they are now; merged logs stand alone."""
        current = self._tabs.current_id
        wanted: list[str] = []
        if self.is_on and current in self._logs:
            others = (self._tabs.tabData(place) for place in range(self._tabs.count()))
            wanted = [
                log_id
                for log_id in others
                if log_id in self._logs and log_id != current and log_id not in self._left_out
            ][:MAX_BESIDE]
        changed = list(self.panes) != wanted
        for log_id in [log_id for log_id in self.panes if log_id not in wanted]:
            pane = self.panes.pop(log_id)
            pane.close_lines()
            pane.hide()
            pane.deleteLater()
        for place, log_id in enumerate(wanted, 1):
            if log_id not in self.panes:
                self._add(self._logs[log_id])
            self.splitter.insertWidget(place, self.panes[log_id])
        self.panes = {log_id: self.panes[log_id] for log_id in wanted}
        self.head.setVisible(bool(wanted))
        if wanted and current is not None:
            self.head.set_title(self._logs[current].title)
            # As high as those with buttons, so that lines of one moment stand on one height.
            self.head.setFixedHeight(self.panes[wanted[0]].head.sizeHint().height())
        self._take_look()
        if changed:
            self.splitter.setSizes([1000] * self.splitter.count())
            self._lead_soon()

    def apply_theme(self) -> None:
        """Take fonts and colours of the theme."""
        for pane in self.panes.values():
            pane.apply_theme(self._theme)

    def _add(self, log: OpenLog) -> None:
        pane = SidePane(self._theme, log)
        pane.chosen.connect(self.chosen)
        pane.left_out.connect(self._on_left_out)
        self.panes[log.id] = pane
        pane.show_lines()

    def _on_left_out(self, log_id: str) -> None:
        self._left_out.add(log_id)
        self.refresh()

    def _on_follow_changed(self, is_on: bool) -> None:
        if is_on:
            for pane in self.panes.values():
                pane.view.set_following(True)

    def _take_look(self) -> None:
        """Write times and wrap lines as the leading view does."""
        lead = self._leader.painting.rows
        for pane in self.panes.values():
            rows, view = pane.view.painting.rows, pane.view
            rows.has_times = lead.has_times
            view.set_time_style(lead.style, lead.base_ns)
            if view.is_wrapping != self._leader.is_wrapping:
                view.set_wrapping(self._leader.is_wrapping)
            view.change_text()

    # -- leading ---------------------------------------------------------------------------

    def _lead_soon(self) -> None:
        if self.panes and not self._leader.is_following and not self._timer.isActive():
            self._timer.start()

    def _lead(self) -> None:
        """Bring the other logs to the moment of the first line on the screen, or the chosen one."""
        leader = self._leader
        if leader.is_following or not self.panes:
            return
        row = leader.row_of(leader.chosen_seq or leader.top_seq)
        on_screen = leader.visible_rows()
        if row is None or all(row.seq != shown.seq for shown in on_screen):
            row = on_screen[0] if on_screen else None
        if row is None or not row.timestamp_ns:
            return
        if self._leading is not None:
            self._leading.cancel()
        work = self._bring(row.timestamp_ns)
        self._leading = self._tasks.spawn(work, "logs beside", self)

    async def _bring(self, at_ns: int) -> None:
        for pane in list(self.panes.values()):
            seq = seq_at(pane.log.source.logs, at_ns)
            if seq is None:
                try:
                    seq = await pane.log.source.find_moment(at_ns)
                except SlateError:
                    # What is stored cannot be asked now; the lines in memory begin later.
                    seq = pane.log.source.logs.first_seq
            if seq is not None and shiboken6.isValid(pane) and pane.log.id in self.panes:
                pane.show_seq(seq)
