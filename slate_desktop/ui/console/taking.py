"""Takes lines out of the console: to the clipboard and to files."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from slate_desktop.ui.console.shown import Shown
from slate_desktop.ui.console.view import MAX_COPY_ROWS, ConsoleView
from slate_desktop.ui.tasks import TaskGroupOwner

if TYPE_CHECKING:
    from slate_desktop.control.console_chunks import LogRow
    from slate_desktop.control.merged_log import MergedLog
    from slate_desktop.control.stored_log import StoredLog

_PAGE_ROWS = 5_000


class Taking(QObject):
    """Copies and saves what is shown, reading what is not in memory."""

    def __init__(self, shown: Shown, view: ConsoleView, tasks: TaskGroupOwner) -> None:
        super().__init__(view)
        self._shown, self._view, self._tasks = shown, view, tasks

    def copy(self, *, messages_only: bool = False) -> None:
        """Copy the selection, or everything that is shown when nothing is selected.

        Args:
            messages_only: whether whole messages are copied, without time, level and columns.
        """
        if not self._view.has_selection:
            self._view.select_all()
        log, span = self._shown.stored, self._view.selected_span
        if (
            log is None
            or span is None
            or not self._shown.is_whole
            or 0 < log.buffer.first_seq <= span[0]
        ):
            self._view.copy(messages_only=messages_only)
        else:
            self._tasks.spawn(self._copy_stored(log, *span, messages_only), "copy", self)

    async def save(self, path: Path) -> int:
        """Write the lines that are shown now to a file; returns how many.

        Repeated lines are written each, also while they are shown as one.

        Raises:
            OSError: the file cannot be written.
            SlateError: stored lines cannot be read now.
        """
        from slate_desktop.control.log_export import export

        log, filtered, merged = self._shown.stored, self._shown.filtered, self._shown.merged
        as_text = self._view.painting.rows.text
        if merged is not None:
            return await export(_pages(merged), path, as_text=as_text)
        if log is None:
            return 0
        # What is shown now: the log goes on meanwhile.
        return await export(
            log.read(log.first_seq, log.last_seq),
            path,
            accepts=filtered.accepts if filtered is not None else None,
            as_text=as_text,
        )

    async def _copy_stored(
        self, log: StoredLog, first: int, last: int, messages_only: bool
    ) -> None:
        rows: list[LogRow] = []
        async for page in log.read(first, min(last, first + MAX_COPY_ROWS - 1)):
            rows += page
        self._view.copy(rows, messages_only=messages_only)


async def _pages(merged: MergedLog) -> AsyncIterator[list[LogRow]]:
    """Yield the rows up to the newest of now, each once, while lines come and leave."""
    if not len(merged):
        return
    last = merged.row(len(merged) - 1).seq
    seq = 0
    while rows := merged.rows(start := merged.index_of_seq(seq), start + _PAGE_ROWS):
        yield [row for row in rows if row.seq <= last]
        seq = rows[-1].seq + 1
        if seq > last:
            return
