"""Marked lines of the shown log: marking, going from one to the next, the list of them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from PySide6.QtCore import QObject, QPoint
from PySide6.QtWidgets import QMenu

from slate_desktop.ui.console.row_text import is_gap
from slate_desktop.ui.console.shown import Shown
from slate_desktop.ui.console.steps import Steps
from slate_desktop.ui.console.view import ConsoleView

_MAX_LISTED = 50


class Marks(QObject):
    """Keeps the marks of the shown log in its memory, and shows them in the gutter."""

    def __init__(self, shown: Shown, view: ConsoleView, steps: Steps) -> None:
        super().__init__(view)
        self._shown, self._view, self._steps = shown, view, steps
        view.gutter_clicked.connect(self.toggle)

    def show_marks(self) -> None:
        """Show those of the log that is shown."""
        self._view.painting.marks = self._shown.memory.marks.keys()
        self._view.viewport().update()

    def toggle(self, seq: int | None = None) -> None:
        """Mark a line or unmark it: the given one, the chosen one, or the last on the screen."""
        seq = seq or self._view.chosen_seq or self._view.bottom_seq
        row = self._view.row_of(seq)
        if row is not None and not is_gap(row):
            self._shown.memory.mark(seq, self._view.painting.rows.plain(row))
            self.show_marks()

    def step(self, direction: int) -> None:
        """Go to the next (1) or the previous mark (-1), around the end."""
        marks = sorted(self._shown.memory.marks)
        if not marks:
            return
        chosen = self._view.chosen_seq
        if direction > 0:
            place = bisect_right(marks, chosen or self._view.top_seq - 1)
        else:
            place = bisect_left(marks, chosen or self._view.bottom_seq + 1) - 1
        self._steps.reveal_seq(marks[place % len(marks)])

    def open_list(self) -> None:
        """Open the list of marked lines; a choice goes there."""
        menu = QMenu(self._view)
        menu.setAccessibleName(self.tr("Marked lines"))
        menu.aboutToHide.connect(menu.deleteLater)
        marks = sorted(self._shown.memory.marks.items())
        for seq, text in marks[:_MAX_LISTED]:
            action = menu.addAction(text.replace("&", "&&") or self.tr("(empty line)"))
            action.triggered.connect(lambda *_, seq=seq: self._steps.reveal_seq(seq))
        if not marks:
            menu.addAction(self.tr("No line is marked yet: Ctrl+F2 marks one")).setEnabled(False)
        else:
            menu.addSeparator()
            menu.addAction(self.tr("Remove every mark")).triggered.connect(self._clear)
        menu.popup(self._view.viewport().mapToGlobal(QPoint(20, 10)))

    def _clear(self) -> None:
        self._shown.memory.marks.clear()
        self.show_marks()
