"""How the console writes times: of the day, since the log began, or from the line chosen last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from slate_desktop.errors import SlateError
from slate_desktop.ui.console.row_text import TimeStyle
from slate_desktop.ui.console.shown import Shown
from slate_desktop.ui.console.view import ConsoleView
from slate_desktop.ui.tasks import TaskGroupOwner

if TYPE_CHECKING:
    from slate_desktop.control.console_chunks import LogRow


class Times(QObject):
    """Finds the moment that the chosen style counts from."""

    def __init__(self, shown: Shown, view: ConsoleView, tasks: TaskGroupOwner) -> None:
        super().__init__(view)
        self._shown, self._view, self._tasks = shown, view, tasks

    @property
    def style(self) -> TimeStyle:
        """How times are written."""
        return self._view.painting.rows.style

    def set_style(self, style: TimeStyle) -> None:
        """Write times in another style."""
        self._view.set_time_style(style, self._view.painting.rows.base_ns)
        self.show_times()

    def next_style(self) -> TimeStyle:
        """Go on to the next style, and return it."""
        styles = list(TimeStyle)
        self.set_style(styles[(styles.index(self.style) + 1) % len(styles)])
        return self.style

    def show_times(self) -> None:
        """Count from where the shown log counts."""
        if self.style is TimeStyle.START:
            self._tasks.spawn(self._count_from_start(), "log start", self)
        elif self.style is TimeStyle.RELATIVE:
            row = self._view.row_of(self._view.chosen_seq or self._view.bottom_seq)
            self._view.set_time_style(self.style, row.timestamp_ns if row is not None else 0)

    async def _count_from_start(self) -> None:
        log, stored = self._shown.log, self._shown.stored
        rows = self._view.rows
        first: LogRow | None = rows.row(0) if rows is not None and len(rows) else None
        if stored is not None and len(stored):
            try:
                async for page in stored.read(stored.first_seq, stored.first_seq):
                    first = page[0]
            except SlateError:
                # The database is away: the first line that is here will do.
                first = stored.buffer.row(0) if len(stored.buffer) else first
        if first is not None and first.timestamp_ns and log is self._shown.log:
            self._view.set_time_style(self.style, first.timestamp_ns)
