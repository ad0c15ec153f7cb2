"""The loop of the window: qasync's, which here runs what is ready in one turn.

qasync makes a Qt timer for each callback that is to run soon. Ten samples that come at once are
thirty such callbacks, and making, firing and ending a timer takes longer than most of them.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextvars import Context
from typing import Any

import qasync
from PySide6.QtCore import QObject, QTimerEvent


class Loop(qasync.QEventLoop):
    """Runs callbacks in the order in which they came, those of one turn without Qt between them.

    Qt did the same with a timer for each: all that are due fire before it looks at anything else,
    and what they ask for comes in its next turn.
    """

    def __init__(self, app: object) -> None:
        self._turns = _Turns()
        super().__init__(app)

    def call_soon(
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        """See ``asyncio``."""
        if self.get_debug():
            # It tells of slow callbacks one by one.
            return super().call_soon(callback, *args, context=context)
        handle = asyncio.Handle(callback, args, self, context)
        self._turns.add(handle)
        return handle

    def close(self) -> None:
        """See ``asyncio``; what was to run soon does not run any more."""
        super().close()
        self._turns.stop()


class _Turns(QObject):
    """What is ready, and the timer for it."""

    def __init__(self) -> None:
        super().__init__()
        self._ready: deque[asyncio.Handle] = deque()
        self._timer = 0
        self._is_running = self._is_stopped = False

    def add(self, handle: asyncio.Handle) -> None:
        """Run a handle in the next turn."""
        self._ready.append(handle)
        self._arm()

    def stop(self) -> None:
        """Run nothing any more."""
        self._is_stopped = True
        self._ready.clear()
        self._disarm()

    def timerEvent(self, _event: QTimerEvent) -> None:
        """Run what was ready when the turn began."""
        self._disarm()
        self._is_running = True
        try:
            for _ in range(len(self._ready)):
                # A callback may have looked at Qt's events itself, and closed the loop there.
                if not self._ready:
                    break
                handle = self._ready.popleft()
                if not handle.cancelled():
                    handle._run()  # noqa: SLF001 - as each loop of asyncio does
        finally:
            self._is_running = False
            if self._ready:
                self._arm()

    def _arm(self) -> None:
        if not self._timer and not self._is_running and not self._is_stopped:
            self._timer = self.startTimer(0)

    def _disarm(self) -> None:
        if self._timer:
            self.killTimer(self._timer)
            self._timer = 0
