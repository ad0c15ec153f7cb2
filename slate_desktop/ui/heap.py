"""Gives freed memory back to the system, where the C library would keep it.

glibc keeps a heap for each thread that ever allocated, and gives back only what lies at its end: a
hundred previews left 35 MB behind that nothing used. Other systems' libraries need no such call.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer

from slate_desktop.ui.tasks import TaskGroupOwner

_CALM_MS = 1_000


class HeapTrimmer(QObject):
    """Trims the heaps once nothing was let go for a moment. One per area of documents.

    Args:
        tasks: runs the call, which takes some milliseconds and holds one heap at a time.
    """

    def __init__(self, tasks: TaskGroupOwner, parent: QObject) -> None:
        super().__init__(parent)
        self._tasks = tasks
        self._trim: Callable[[], object] | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_CALM_MS)
        self._timer.timeout.connect(self._on_calm)

    def let_go(self) -> None:
        """Something large was let go."""
        self._timer.start()

    def _on_calm(self) -> None:
        self._trim = self._trim or _trim_call()
        if self._trim is not None:
            self._tasks.spawn(asyncio.to_thread(self._trim), "trim heaps", self)


def _trim_call() -> Callable[[], object] | None:
    """Return glibc's ``malloc_trim`` that keeps nothing, None for other libraries."""
    if sys.platform != "linux":
        return None
    import ctypes  # not at the top: nothing is let go while the window starts

    try:
        trim = ctypes.CDLL(None).malloc_trim
    except AttributeError:
        return None
    trim.argtypes, trim.restype = [ctypes.c_size_t], ctypes.c_int
    return lambda: trim(0)
