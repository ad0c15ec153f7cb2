"""Log lines of a runtime: levels, the stored row, and the batch that travels.

A line's *identity* is ``(container_id, stream, ts_ns, ord)``: an agent that adopts a container can
recompute it from the runtime's own log alone, so storing a line twice is harmless. ``seq`` is the
line's number in its session, from 1, without holes once the log is complete.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec


class LogLevel(StrEnum):
    """Levels in rising order of weight."""

    DEBUG = "debug"
    INFO = "info"
    WARN = "warn"
    ERROR = "error"


LEVEL_ORDER: dict[LogLevel, int] = {level: index for index, level in enumerate(LogLevel)}
# gc=False below: lines hold no cycles, and following hundreds of thousands of them halves the rate.
# Lines are shown up to this length; the rest is kept in the runtime's own log only.
MAX_LINE_BYTES = 64 * 1024
DEFAULT_STREAM = "stdout"


class LogLine(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One row of ``slate_runtime_logs`` as readers see it.

    ``timestamp_ns`` is UTC nanoseconds since the epoch, as the runtime stamped it; ``partial``
    marks a piece of a line that goes on in the next row of the same stream.
    """

    seq: int
    timestamp_ns: int
    level: LogLevel
    message: str
    stream: str = DEFAULT_STREAM
    partial: bool = False
    metadata: dict[str, Any] = {}


class LogRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A numbered line on its way to the database: what readers see, and its identity."""

    seq: int
    container_id: str
    stream: str
    ts_ns: int
    ord: int
    level: LogLevel
    message: str
    partial: bool = False
    metadata: dict[str, Any] = {}


class LogPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of history: lines in rising ``seq``, and whether older or newer ones exist."""

    lines: list[LogLine]
    has_older: bool
    has_newer: bool
