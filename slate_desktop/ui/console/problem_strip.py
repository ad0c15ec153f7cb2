"""Fills the strip beside the log with the places of errors, warnings and matches."""

from __future__ import annotations

import asyncio
import contextlib

from PySide6.QtCore import QObject, QTimer

from slate_desktop.errors import SlateError
from slate_desktop.ui.console.density import BUCKETS, DensityStrip
from slate_desktop.ui.console.shown import LogSource, Shown
from slate_desktop.ui.console.view import ConsoleView
from slate_desktop.ui.tasks import TaskGroupOwner

_REFRESH_MS = 2_000


class ProblemStrip(QObject):
    """Counts the shown log again now and then, and goes to the place that was clicked."""

    def __init__(
        self,
        shown: Shown,
        strip: DensityStrip,
        view: ConsoleView,
        tasks: TaskGroupOwner,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._shown, self._strip, self._view, self._tasks = shown, strip, view, tasks
        self._span: tuple[str, int, int] | None = None
        self._task: asyncio.Task[object] | None = None
        self.timer = QTimer(self)
        self.timer.setInterval(_REFRESH_MS)
        self.timer.timeout.connect(self.refresh)
        strip.clicked.connect(self._on_clicked)

    def set_watched(self, is_on: bool) -> None:
        """Count only while somebody looks."""
        (self.timer.start if is_on else self.timer.stop)()

    def begin(self) -> None:
        """Forget the counts: another log is shown."""
        self._strip.show_counts({})
        self._span = None
        self.refresh()

    def refresh(self) -> None:
        """Count problems again where lines have come; what cannot be read is left as it was."""
        log = self._shown.log
        # The strip is the whole log: beside a part of it its places would be wrong.
        self._strip.setVisible(self._shown.is_whole)
        if log is None or not self._shown.is_whole:
            return
        span = (log.id, log.source.log.first_seq, log.source.log.last_seq)
        if span != self._span and (self._task is None or self._task.done()):
            self._span = span
            self._task = self._tasks.spawn(self._count(log.source), "density", self)

    async def _count(self, source: LogSource) -> None:
        with contextlib.suppress(SlateError):
            counts = await source.problem_density(BUCKETS)
            if self._shown.source is source:
                self._strip.show_counts(counts)

    def _on_clicked(self, share: float) -> None:
        view, bar = self._view, self._view.verticalScrollBar()
        if share < 1.0:
            view.set_following(False)
        # Lines that came since the last picture count too.
        view.sync()
        # The place that was clicked comes to the middle.
        total = bar.maximum() + bar.pageStep()
        bar.setValue(round(share * total) - bar.pageStep() // 2)
