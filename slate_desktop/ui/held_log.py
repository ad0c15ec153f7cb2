"""Keeps what is logged while the window starts, until the log file is open.

What writes the log is slow to import and waits until the window is connected.
"""

from __future__ import annotations

import logging
from collections import deque

_MAX_RECORDS = 1000


class HeldLog(logging.Handler):
    """Holds the newest records of the root logger from its making until ``pass_on``."""

    def __init__(self) -> None:
        super().__init__()
        self._records: deque[logging.LogRecord] = deque(maxlen=_MAX_RECORDS)
        root = logging.getLogger()
        self._level = root.level
        root.addHandler(self)
        root.setLevel(logging.INFO)

    def emit(self, record: logging.LogRecord) -> None:
        """Hold a record."""
        self._records.append(record)

    def pass_on(self) -> None:
        """Pass everything on to the handlers that are there now; does nothing a second time."""
        root = logging.getLogger()
        if self not in root.handlers:
            return
        root.removeHandler(self)
        if not root.handlers:
            root.setLevel(self._level)  # logging was never set up
        while self._records:
            record = self._records.popleft()
            logger = logging.getLogger(record.name)
            if logger.isEnabledFor(record.levelno):
                logger.handle(record)
