"""Goes through the shown log: to the next match, the next error, to a line by its number.

Owns where the search stands. Without a filter every stored line counts; with one, the lines that it
shows.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Coroutine
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from slate_desktop.ui.console.density import DensityStrip
from slate_desktop.ui.console.finder import Finder
from slate_desktop.ui.console.search import Match, SearchBar, find
from slate_desktop.ui.console.shown import Shown
from slate_desktop.ui.console.view import ConsoleView
from slate_desktop.ui.tasks import TaskGroupOwner

if TYPE_CHECKING:
    from slate_desktop.control.console import LogBuffer
    from slate_desktop.control.log_search import LogSearch


class Steps(QObject):
    """Connects the search bar with the log."""

    def __init__(
        self,
        shown: Shown,
        search: SearchBar,
        strip: DensityStrip,
        view: ConsoleView,
        tasks: TaskGroupOwner,
    ) -> None:
        super().__init__(view)
        self._shown, self._search, self._strip, self._view = shown, search, strip, view
        self._tasks = tasks
        self._task: asyncio.Task[object] | None = None
        self._match: Match | None = None
        self._finder = Finder(tasks, self._newest_seq, self)
        self._finder.changed.connect(self._show_state)
        search.pattern_changed.connect(self._on_pattern_changed)
        search.step_wanted.connect(self._on_step)
        search.closed.connect(view.setFocus)

    def begin(self) -> None:
        """Search again from the start: another log is shown, or another part of it."""
        self._match = None
        self._finder.end()
        log, pattern = self._shown.log, self._search.pattern()
        if log is None or not self._shown.is_whole or self._search.isHidden() or pattern is None:
            self._search.state.setText("")
            return
        text, is_regex = self._search.field.text(), self._search.regex.isChecked()

        def make() -> LogSearch:
            from slate_desktop.control.log_search import SearchPattern

            return log.source.search_logs(SearchPattern(text, is_regex), self._view.bottom_seq)

        self._finder.begin(make)

    def step_error(self, direction: int) -> None:
        """Go to the next (1) or previous (-1) error line."""
        if not self._shown.is_whole:
            self._do(self._find(re.compile(r".+"), direction, errors_only=True))
        else:
            self._do(self._step_error(direction))

    def reveal_seq(self, seq: int) -> None:
        """Go to a line by its number."""
        self._do(self._go_to(seq, None))

    # -- private ---------------------------------------------------------------------------

    def _do(self, work: Coroutine[object, object, None]) -> None:
        if self._task is not None:
            self._task.cancel()
        self._task = self._tasks.spawn(work, "console step", self)

    def _newest_seq(self) -> int:
        return self._shown.stored.last_seq if self._shown.stored is not None else 0

    def _on_pattern_changed(self, pattern: re.Pattern[str] | None) -> None:
        self._view.set_search(pattern)
        self.begin()

    def _on_step(self, direction: int) -> None:
        pattern = self._search.pattern()
        if pattern is None:
            return
        if not self._shown.is_whole:
            self._do(self._find(pattern, direction))
        else:
            self._do(self._step_match(pattern, direction))

    def _show_state(self) -> None:
        self._search.state.setText(self._finder.state(self._match.seq if self._match else None))
        search = self._finder.search
        if search is None:
            self._strip.show_hits((), 1, 0)
        else:
            self._strip.show_hits(search.hits, search.first, search.last)

    def _place(self, direction: int) -> int:
        """Return the line that a step starts from."""
        if self._match is not None:
            return self._match.seq
        return self._view.top_seq - 1 if direction > 0 else self._view.bottom_seq + 1

    async def _step_match(self, pattern: re.Pattern[str], direction: int) -> None:
        seq = await self._finder.step(self._place(direction), direction)
        if seq is not None:
            await self._go_to(seq, pattern)
        elif self._finder.search is not None and self._finder.search.error is not None:
            # The newest lines are here, whatever is away.
            await self._find(pattern, direction, rows=self._shown.buffer)
            return
        self._show_state()

    async def _step_error(self, direction: int) -> None:
        source = self._shown.source
        if source is None:
            return
        seq = await source.find_error(self._place(direction), direction)
        if seq is None:
            # Around the end: from the other one.
            end = source.log.first_seq - 1 if direction > 0 else source.log.last_seq + 1
            seq = await source.find_error(max(0, end), direction)
        if seq is not None and seq >= source.log.first_seq:
            await self._go_to(seq, None)

    async def _go_to(self, seq: int, pattern: re.Pattern[str] | None) -> None:
        """Show a line in the middle, its match marked."""
        log = self._shown.stored
        if log is None or not self._shown.is_whole:
            self._go_to_shown(seq)
            return
        async for rows in log.read(seq, seq):
            text = self._view.painting.rows.plain(rows[0])
            found = pattern.search(text) if pattern is not None else None
            start, end = found.span() if found else (0, len(text))
            index = log.index_of_seq(seq)
            self._match = Match(index, seq, start, end)
            self._view.show_match(index, seq, start, end)

    def _go_to_shown(self, seq: int) -> None:
        """Show a line among those that are shown, the next one where it is hidden."""
        rows = self._view.rows
        if rows is None or not len(rows):
            return
        index = min(rows.index_of_seq(seq), len(rows) - 1)
        row = rows.row(index)
        text = self._view.painting.rows.plain(row)
        self._match = Match(index, row.seq, 0, len(text))
        self._view.show_match(index, row.seq, 0, len(text))

    async def _find(
        self,
        pattern: re.Pattern[str],
        direction: int,
        *,
        errors_only: bool = False,
        rows: LogBuffer | None = None,
    ) -> None:
        """Step through the rows that are kept in memory."""
        shown = self._view.rows
        if shown is None:
            return
        match = await find(
            rows or shown,
            pattern,
            self._match,
            direction,
            errors_only=errors_only,
            text_of=self._view.painting.rows.plain,
        )
        self._match = match
        self._search.state.setText("" if match else self.tr("No match"))
        if match is not None:
            with contextlib.suppress(IndexError):
                index = shown.index_of_seq(match.seq)
                self._view.show_match(index, match.seq, match.start, match.end)
