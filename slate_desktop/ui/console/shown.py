"""Which log the console shows, and how it is narrowed; what every part of the console looks at.

Owns no line and no widget.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec

from slate_desktop.ui.console.memory import LogMemory

if TYPE_CHECKING:
    from slate_desktop.control.console import LogBuffer, LogView
    from slate_desktop.control.log_search import LogSearch, SearchPattern
    from slate_desktop.control.merged_log import MergedLog
    from slate_desktop.control.stored_log import StoredLog
    from slate_desktop.domain.logs import LogLevel


class LogSource(Protocol):
    """What a session's log is read from: the live model, or something like it."""

    logs: LogBuffer
    log: StoredLog

    def search_logs(self, pattern: SearchPattern, near: int) -> LogSearch:
        """Return a search over every line."""
        ...

    async def find_error(self, seq: int, direction: int) -> int | None:
        """Return the number of the next error line after or before a number."""
        ...

    async def find_moment(self, timestamp_ns: int) -> int | None:
        """Return the number of the first line at or after a moment, the newest one behind the end.

        Raises:
            SlateError: the log cannot be read.
        """
        ...

    async def problem_density(self, buckets: int) -> dict[LogLevel, dict[int, int]]:
        """Return how many warnings and errors lie in each equal part of the log."""
        ...


class OpenLog(msgspec.Struct):
    """A log that has a tab, and what is kept of it."""

    id: str
    source: LogSource
    title: str
    memory: LogMemory


class Shown(msgspec.Struct):
    """What the current tab shows.

    Attributes:
        log: the log of the tab, None for the tab of merged ones.
        filtered: the view of it that a filter or stacking made, if any.
        merged: several logs as one, if that is shown.
        memory: what is kept of the tab.
    """

    log: OpenLog | None = None
    filtered: LogView | None = None
    merged: MergedLog | None = None
    memory: LogMemory = msgspec.field(default_factory=LogMemory)

    @property
    def is_whole(self) -> bool:
        """Whether every stored line is shown, and not only some of those in memory."""
        return self.log is not None and self.filtered is None

    @property
    def source(self) -> LogSource | None:
        """Where the shown log is read from."""
        return self.log.source if self.log is not None else None

    @property
    def buffer(self) -> LogBuffer | None:
        """Its lines in memory."""
        return self.log.source.logs if self.log is not None else None

    @property
    def stored(self) -> StoredLog | None:
        """All its lines."""
        return self.log.source.log if self.log is not None else None
