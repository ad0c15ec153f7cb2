"""When a server that died is started again: 1, 2, 4 … 30 s apart, and not without end."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

MIN_DELAY_S = 1.0
MAX_DELAY_S = 30.0
MAX_RESTARTS = 5
WINDOW_S = 120.0


class RestartPolicy:
    """Counts the deaths of one server."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._deaths: deque[float] = deque()

    def next_delay_s(self) -> float | None:
        """Record a death; return how long to wait, or None to give up."""
        now = self._clock()
        while self._deaths and now - self._deaths[0] > WINDOW_S:
            self._deaths.popleft()
        if len(self._deaths) >= MAX_RESTARTS:
            return None
        self._deaths.append(now)
        return min(MAX_DELAY_S, MIN_DELAY_S * 2 ** (len(self._deaths) - 1))
