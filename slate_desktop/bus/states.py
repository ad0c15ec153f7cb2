"""The state of a connection, and who is told when it changes."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable

from slate_desktop.bus.port import ConnectionState

logger = logging.getLogger(__name__)


class ConnectionStates:
    """The state now, with the reason where the broker is away.

    Args:
        now: the state at first.
    """

    def __init__(self, now: ConnectionState = ConnectionState.RECONNECTING) -> None:
        self.now = now
        self.reason = ""
        self._listeners: list[Callable[[ConnectionState], None]] = []

    def listen(self, callback: Callable[[ConnectionState], None]) -> Callable[[], None]:
        """Call ``callback`` at every change; returns a function that ends it."""
        self._listeners.append(callback)

        def end() -> None:
            with contextlib.suppress(ValueError):
                self._listeners.remove(callback)

        return end

    def set(self, state: ConnectionState) -> None:
        """Tell all listeners, whatever one of them raises, unless nothing has changed."""
        if state is ConnectionState.CONNECTED:
            self.reason = ""
        if state is self.now:
            return
        self.now = state
        logger.info("broker %s", state, extra={"reason": self.reason})
        for listener in list(self._listeners):
            try:
                listener(state)
            except Exception:
                logger.exception("connection listener failed")
