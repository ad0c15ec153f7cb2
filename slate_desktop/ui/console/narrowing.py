"""Narrows the shown log by the filter bar: makes the filtered view, lets it look at old lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer

from slate_desktop.errors import CommandError
from slate_desktop.ui.console.filters import FilterBar
from slate_desktop.ui.console.shown import Shown
from slate_desktop.ui.console.view import ConsoleView

if TYPE_CHECKING:
    from slate_desktop.control.console import LogView
    from slate_desktop.control.stored_log import StoredLog

_COUNTS_MS = 250


class Narrowing(QObject):
    """Keeps ``shown.filtered`` as the bar says, and the bar's counts true while it is seen."""

    def __init__(
        self, shown: Shown, filters: FilterBar, view: ConsoleView, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._shown, self._filters, self._view = shown, filters, view
        self._scan = QTimer(self)
        self._scan.setInterval(0)
        self._scan.timeout.connect(self._on_scan)
        self._counts = QTimer(self)
        self._counts.setInterval(_COUNTS_MS)
        self._counts.timeout.connect(self.show_counts)

    def set_watched(self, is_on: bool) -> None:
        """Count only while somebody looks."""
        (self._counts.start if is_on else self._counts.stop)()

    def apply(self, *, keep_place: bool) -> None:
        """Show the log through the filter, or whole."""
        shown, filters = self._shown, self._filters
        old, shown.filtered = shown.filtered, None
        filters.show_problem("")
        rows: StoredLog | LogView | None = shown.stored
        if shown.buffer is not None and filters.is_filtering:
            try:
                rows = shown.filtered = shown.buffer.view(
                    filters.levels,
                    filters.field.text(),
                    is_regex=filters.regex.isChecked(),
                    is_case_sensitive=filters.case.isChecked(),
                )
            except CommandError as error:
                # A half-typed expression hides nothing.
                filters.show_problem(str(error))
        self._view.set_rows(rows, keep_place=keep_place)
        if old is not None:
            old.close()
        if shown.filtered is not None:
            self._scan.start()

    def show_counts(self) -> None:
        """Write how many lines there are."""
        buffer = self._shown.buffer
        self._filters.show_counts(buffer.level_counts if buffer is not None else {})

    def _on_scan(self) -> None:
        filtered = self._shown.filtered
        if filtered is None or filtered.advance():
            self._scan.stop()
        self._view.touch()
