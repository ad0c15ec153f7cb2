"""Narrows what is shown by the filter bar: makes filtered views, lets them look at old lines.

With stacking every log has such a view, because only lines in memory can be stacked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer

from slate_desktop.domain.logs import LogLevel
from slate_desktop.errors import CommandError
from slate_desktop.translation import sentence
from slate_desktop.ui.console.filter_state import FilterState
from slate_desktop.ui.console.filters import FilterBar
from slate_desktop.ui.console.shown import OpenLog, Shown
from slate_desktop.ui.console.view import ConsoleView

if TYPE_CHECKING:
    from slate_desktop.control.console import LogBuffer, LogView
    from slate_desktop.ui.console.scrolling import Rows

_COUNTS_MS = 250


class Narrowing(QObject):
    """Keeps ``shown`` as the bar says, and counts true while they are seen.

    Args:
        shown: what is shown.
        filters: the bar.
        state: says how much is shown.
        view: gets the rows.
        members: the logs that a merged one has.
    """

    def __init__(
        self,
        shown: Shown,
        filters: FilterBar,
        state: FilterState,
        view: ConsoleView,
        members: Callable[[], list[OpenLog]],
    ) -> None:
        super().__init__(view)
        self._shown, self._filters, self._state, self._view = shown, filters, state, view
        self._members = members
        self._is_stacking = False
        self._views: list[LogView] = []
        self._counted: object = None
        self._scan = QTimer(self)
        self._scan.setInterval(0)
        self._scan.timeout.connect(self._on_scan)
        self._counts = QTimer(self)
        self._counts.setInterval(_COUNTS_MS)
        self._counts.timeout.connect(self._count_news)

    @property
    def is_stacking(self) -> bool:
        """Whether repeated lines are one row."""
        return self._is_stacking

    def set_watched(self, is_on: bool) -> None:
        """Count only while somebody looks."""
        (self._counts.start if is_on else self._counts.stop)()

    def set_stacking(self, is_on: bool) -> None:
        """Show repeated lines as one row; ``apply`` makes it so."""
        self._is_stacking = is_on

    def apply(self, *, keep_place: bool, is_merged: bool) -> None:
        """Show the log, or several merged, through the filter or whole."""
        shown, old, was_merged = self._shown, self._views, self._shown.merged
        self._views = []
        shown.filtered = shown.merged = None
        self._filters.show_problem("")
        rows: Rows | None = shown.stored
        if is_merged:
            rows = self._merge()
        elif shown.buffer is not None and (filtered := self._view_of(shown.buffer)) is not None:
            rows = shown.filtered = filtered
        self._view.set_rows(rows, keep_place=keep_place)
        if was_merged is not None:
            was_merged.close()
        for view in old:
            view.close()
        if self._views:
            self._scan.start()
        self.show_counts()

    def toggle_stack(self, seq: int) -> None:
        """Show every line of a stack, or one for all."""
        if self._shown.filtered is not None:
            self._shown.filtered.toggle_stack(seq)
        elif self._shown.merged is not None:
            self._shown.merged.toggle_stack(seq)

    def show_counts(self) -> None:
        """Write how many lines there are, and how many of them are shown."""
        self._counted = self._countable()
        buffers = self._buffers()
        counts: dict[LogLevel, int] = {}
        for buffer in buffers:
            for level, count in buffer.level_counts.items():
                counts[level] = counts.get(level, 0) + count
        self._filters.show_counts(counts)
        self._state.show_state(
            self._filters.choice,
            shown=sum(map(len, self._views)) if self._views else None,
            total=sum(map(len, buffers)),
            is_looking=self._scan.isActive(),
            is_stacking=self._is_stacking,
        )

    def _buffers(self) -> list[LogBuffer]:
        if self._shown.merged is not None:
            return [log.source.logs for log in self._members()]
        return [self._shown.buffer] if self._shown.buffer is not None else []

    def _countable(self) -> object:
        """Return what counts depend on, but for what is chosen: that is counted at once."""
        logs = [(id(buffer), buffer.revision) for buffer in self._buffers()]
        return logs, [len(view) for view in self._views], self._scan.isActive()

    def _count_news(self) -> None:
        if self._countable() != self._counted:
            self.show_counts()

    def _view_of(self, buffer: LogBuffer) -> LogView | None:
        """Return a view of the lines that show, None where all do."""
        choice = self._filters.choice
        if not (choice.is_filtering or self._is_stacking):
            return None
        try:
            view = buffer.view(
                choice.levels,
                choice.text,
                is_regex=choice.is_regex,
                is_case_sensitive=choice.is_case_sensitive,
                hidden=choice.hidden,
                is_stacked=self._is_stacking,
            )
        except CommandError as error:
            # A half-typed expression hides nothing.
            self._filters.show_problem(sentence(str(error)))
            return None
        self._views.append(view)
        return view

    def _merge(self) -> Rows:
        from slate_desktop.control.merged_log import MergedLog

        logs: list[tuple[LogBuffer, LogBuffer | LogView]] = []
        for log in self._members():
            view = self._view_of(log.source.logs)
            logs.append((log.source.logs, log.source.logs if view is None else view))
        merged = MergedLog(logs)
        self._shown.merged = merged
        return merged

    def _on_scan(self) -> None:
        if all(view.advance() for view in self._views):
            self._scan.stop()
            self.show_counts()
        self._view.touch()
