"""What a log's pump is given: its sizes and times, where lines go, and who looks at them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from slate_desktop.agent.numbering import ResumePoint
from slate_desktop.domain.logs import LogLevel, LogRecord
from slate_desktop.domain.retention import DEFAULT_LINES_PER_S, DEFAULT_RUN_BYTES


class FloodLimits(msgspec.Struct, frozen=True):
    """What one runtime may log; None is without limit. What is beyond is dropped and counted.

    ``lines_per_s`` is by the lines' own times; ``run_bytes`` counts a run's text.
    """

    lines_per_s: int | None = DEFAULT_LINES_PER_S
    run_bytes: int | None = DEFAULT_RUN_BYTES


class PumpLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Sizes and times of a pump; the defaults fit a window and a database on the same host.

    ``behind_bytes`` may wait in memory while the database merely takes its time, for the engine's
    log holds the rest as well; ``buffer_bytes`` while it is away, so that windows still get lines.
    """

    delay_s: float = 0.016
    batch_bytes: int = 64 * 1024
    behind_bytes: int = 8 * 1024 * 1024
    buffer_bytes: int = 32 * 1024 * 1024
    store_interval_s: float = 0.05
    store_rows: int = 10_000
    flood: FloodLimits = FloodLimits()
    retry_s: float = 0.5
    max_retry_s: float = 5.0
    last_read_s: float = 10.0
    last_tries: int = 5


class LineNote(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the agent's own on its way into a log."""

    ts_ns: int
    level: LogLevel
    text: str
    metadata: dict[str, Any] = {}


class LogSink(Protocol):
    """Where a session's lines go."""

    async def resume_point(self, container_id: str) -> ResumePoint:
        """Return what is stored of that runtime's log; raises ``DatabaseError`` when away."""
        ...

    async def publish_logs(self, records: list[LogRecord]) -> None:
        """Show the lines to whoever watches; never raises for a broker that is away."""
        ...

    async def append_logs(self, records: list[LogRecord]) -> int:
        """Store the lines and return the next free number.

        Raises:
            DatabaseError: try again.
            StaleWriteError: the session is another agent process's now.
        """
        ...


class LogObserver(Protocol):
    """Looks at new lines on their way; it must be quick and must not raise."""

    def lines(self, records: Sequence[LogRecord]) -> list[LineNote]:
        """Return what goes into the log behind these lines."""
        ...
