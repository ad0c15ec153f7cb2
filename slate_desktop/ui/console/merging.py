"""The tab that shows several open logs as one, by time.

Owns which logs take part: every open one, until the user leaves one out.
"""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QObject, QPoint, Signal
from PySide6.QtWidgets import QMenu

from slate_desktop.ui.console.memory import LogMemory
from slate_desktop.ui.console.shown import OpenLog
from slate_desktop.ui.console.tabs import LogTabs
from slate_desktop.ui.console.view import ConsoleView

MERGED_ID = "merged"


class Merging(QObject):
    """Emits ``changed`` when the merged log has other members."""

    changed = Signal()

    def __init__(self, logs: Mapping[str, OpenLog], tabs: LogTabs, view: ConsoleView) -> None:
        super().__init__(view)
        self._logs, self._tabs, self._view = logs, tabs, view
        self._left_out: set[str] = set()
        self.memory = LogMemory()

    @property
    def is_shown(self) -> bool:
        """Whether the merged log is the current tab."""
        return self._tabs.current_id == MERGED_ID

    def members(self) -> list[OpenLog]:
        """Return the logs that take part."""
        return [log for log in self._logs.values() if log.id not in self._left_out]

    def show_members(self) -> None:
        """Name the source of each line while the merged log is shown."""
        names = _short([log.title for log in self.members()]) if self.is_shown else ()
        if names != self._view.painting.rows.names:
            self._view.painting.rows.names = names
            self._view.change_text()

    def open(self) -> None:
        """Go to the tab, which is made the first time."""
        if self._tabs.index_of(MERGED_ID) < 0:
            self._tabs.add(MERGED_ID, self.tr("All logs by time"))
        self._tabs.setCurrentIndex(self._tabs.index_of(MERGED_ID))

    def toggle(self, log_id: str) -> None:
        """Leave a log out, or take it back in; one at least stays."""
        if log_id in self._left_out or len(self.members()) > 1:
            self._left_out ^= {log_id}
            self.changed.emit()

    def open_menu(self) -> None:
        """Let the user choose which logs take part."""
        menu = QMenu(self._view)
        menu.setAccessibleName(self.tr("Logs that are merged"))
        menu.aboutToHide.connect(menu.deleteLater)
        for log in self._logs.values():
            action = menu.addAction(log.title.replace("&", "&&"))
            action.setCheckable(True)
            action.setChecked(log.id not in self._left_out)
            action.triggered.connect(lambda *_, log_id=log.id: self.toggle(log_id))
        menu.popup(self._view.viewport().mapToGlobal(QPoint(20, 10)))


def _short(titles: list[str]) -> tuple[str, ...]:
    """Return titles without the session's id, where they can be told apart without it."""
    names = tuple(title.split(" · ")[0] for title in titles)
    return names if len(set(names)) == len(names) else tuple(titles)
