"""Qt in a benchmark: one application, and a clock that notices when its loop stands still."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

from PySide6.QtCore import QEventLoop, Qt, QTimer
from PySide6.QtWidgets import QApplication

from slate_desktop.ui.garbage import calm_collector
from tests.bench import turns

_BEAT_MS = 1
_LOOK_MS = 4


def application() -> QApplication:
    """Return the process's application, with the garbage collector as the program sets it."""
    existing = QApplication.instance()
    if isinstance(existing, QApplication):
        return existing
    calm_collector()
    return QApplication(["slate-bench"])


def settle(seconds: float = 0.3) -> None:
    """Let Qt finish what it has begun, and collect garbage of what ran before."""
    gc.collect()
    spin(lambda: False, seconds)


def spin(is_done: Callable[[], bool], timeout_s: float) -> None:
    """Handle Qt's events until something is true, or the time is over."""
    deadline = time.perf_counter() + timeout_s
    loop, timer = QEventLoop(), QTimer()
    timer.timeout.connect(
        lambda: loop.quit() if is_done() or time.perf_counter() >= deadline else None
    )
    timer.start(_LOOK_MS)
    loop.exec()
    timer.stop()


class Heart:
    """Beats every millisecond on Qt's loop; a late beat is a stall.

    Two clocks look at it: wall time, which other programs of the machine lengthen too, and the
    processor time of this thread, which is only what was done here.
    """

    def __init__(self) -> None:
        self.wall_ms: list[float] = []
        self.cpu_ms: list[float] = []
        self._last = (0.0, 0.0)
        self._watch: turns.StackWatch | None = None
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(_BEAT_MS)
        self._timer.timeout.connect(self._beat)

    def __enter__(self) -> Heart:
        self._last = (time.perf_counter(), time.thread_time())
        self._watch = turns.StackWatch() if turns.LIMIT_MS else None
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._beat()
        self._timer.stop()
        if self._watch is not None:
            self._watch.stop()
            self._watch = None

    def _beat(self) -> None:
        now = (time.perf_counter(), time.thread_time())
        self.wall_ms.append((now[0] - self._last[0]) * 1e3 - _BEAT_MS)
        self.cpu_ms.append((now[1] - self._last[1]) * 1e3)
        self._last = now
        if self._watch is not None:
            self._watch.turn_ended(self.cpu_ms[-1])

    @property
    def longest_wall_ms(self) -> float:
        """The longest stall as a clock on the wall sees it."""
        return max(self.wall_ms)

    @property
    def longest_cpu_ms(self) -> float:
        """The most that this thread did between two beats."""
        return max(self.cpu_ms)

    @property
    def p999_cpu_ms(self) -> float:
        """The processor time that one beat in a thousand exceeds."""
        return sorted(self.cpu_ms)[int(len(self.cpu_ms) * 0.999)]

    @property
    def p999_wall_ms(self) -> float:
        """The stall that one beat in a thousand exceeds."""
        return sorted(self.wall_ms)[int(len(self.wall_ms) * 0.999)]
