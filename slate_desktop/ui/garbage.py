"""Python's garbage collector, run on the window's thread alone and in small steps.

A collection may end Qt objects, and Python runs it in whichever thread happens to allocate: a
worker that reads a large folder would take widgets apart, which crashes now and then. So automatic
collection is off in the window's process, and a timer collects on Qt's own thread.

A full collection looks at every object of the program: some 60 ms here. What is loaded at the start
stays, so it is left out, and the old are looked at rarely.
"""

from __future__ import annotations

import gc

from PySide6.QtCore import QObject, QTimer

_PERIOD_MS = 500
# Nothing is looked at while the window starts: what it makes then, it keeps.
_START_MS = 5_000
# New objects before the young are looked at; young rounds before the middle-aged; rounds of those
# before all: cycles die young here, and what grows old is freed by its references.
_THRESHOLDS = (10_000, 10, 50)


def calm_collector() -> None:
    """Leave out what is loaded now, and collect in larger, rarer steps."""
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)


class Collector(QObject):
    """Collects on the thread that owns it, from now until it is destroyed or stopped."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        gc.disable()
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._on_timer)
        self._timer.start(_START_MS)

    def look(self) -> None:
        """Collect the oldest generation that is due, as the interpreter itself would."""
        counts = gc.get_count()
        for generation in (2, 1, 0):
            if counts[generation] > gc.get_threshold()[generation]:
                gc.collect(generation)
                return

    def stop(self) -> None:
        """Leave collection to the interpreter again."""
        self._timer.stop()
        gc.enable()

    def _on_timer(self) -> None:
        if self._timer.interval() == _START_MS:
            calm_collector()
            self._timer.setInterval(_PERIOD_MS)
        else:
            self.look()
