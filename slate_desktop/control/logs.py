"""Operations on stored log lines."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from slate_desktop.domain.logs import LogLevel, LogLine, LogPage


class LogOperations:
    """The part of ``Slate`` that reads and adds log lines."""

    async def add_runtime_log(
        self,
        session_id: str,
        message: str,
        *,
        level: LogLevel | str = LogLevel.INFO,
        metadata: dict[str, Any] | None = None,
    ) -> LogLine:
        """Store a line of one's own in a session's log; it is streamed at once."""
        raise NotImplementedError

    async def get_runtime_logs(
        self,
        session_id: str,
        *,
        limit: int = 1000,
        before: int | None = None,
        after: int | None = None,
        min_level: LogLevel | str | None = None,
        text: str | None = None,
    ) -> LogPage:
        """Return a page of stored lines in rising ``seq``.

        Args:
            session_id: the session.
            limit: lines at most, up to 10,000.
            before: only lines with a smaller ``seq`` (the newest of them).
            after: only lines with a larger ``seq`` (the oldest of them).
            min_level: this level and heavier ones.
            text: only lines that contain it, in any case.
        """
        raise NotImplementedError

    def follow_runtime_logs(
        self,
        session_id: str,
        *,
        after: int = 0,
        min_level: LogLevel | str | None = None,
        text: str | None = None,
    ) -> AsyncIterator[list[LogLine]]:
        """Yield batches of lines with ``seq`` above ``after``, without holes, until the end.

        The iterator ends when the session has ended and its log is complete.
        """
        raise NotImplementedError
