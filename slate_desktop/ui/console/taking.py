"""Takes lines out of the console: to the clipboard and to files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from slate_desktop.ui.console.shown import Shown
from slate_desktop.ui.console.view import MAX_COPY_ROWS, ConsoleView
from slate_desktop.ui.tasks import TaskGroupOwner

if TYPE_CHECKING:
    from slate_desktop.control.console_chunks import LogRow
    from slate_desktop.control.stored_log import StoredLog


class Taking(QObject):
    """Copies and saves what is shown, reading what is not in memory."""

    def __init__(self, shown: Shown, view: ConsoleView, tasks: TaskGroupOwner) -> None:
        super().__init__(view)
        self._shown, self._view, self._tasks = shown, view, tasks

    def copy(self) -> None:
        """Copy the selection, or everything that is shown when nothing is selected."""
        if not self._view.has_selection:
            self._view.select_all()
        log, span = self._shown.stored, self._view.selected_span
        if (
            log is None
            or span is None
            or self._shown.filtered is not None
            or 0 < log.buffer.first_seq <= span[0]
        ):
            self._view.copy()
        else:
            self._tasks.spawn(self._copy_stored(log, *span), "copy", self)

    async def save(self, path: Path) -> int:
        """Write the lines that are shown now to a file; returns how many.

        Raises:
            OSError: the file cannot be written.
            SlateError: stored lines cannot be read now.
        """
        from slate_desktop.control.log_export import export

        log, filtered = self._shown.stored, self._shown.filtered
        if log is None:
            return 0
        # What is shown now: the log goes on meanwhile.
        return await export(
            log.read(log.first_seq, log.last_seq),
            path,
            accepts=filtered.accepts if filtered is not None else None,
            as_text=self._view.painting.text,
        )

    async def _copy_stored(self, log: StoredLog, first: int, last: int) -> None:
        rows: list[LogRow] = []
        async for page in log.read(first, min(last, first + MAX_COPY_ROWS - 1)):
            rows += page
        self._view.copy(rows)
