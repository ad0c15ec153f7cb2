"""Fills a console: a page of history up to line N, then live from N+1, holes refetched."""

from __future__ import annotations

from typing import Any

from slate_desktop.control.client import Slate
from slate_desktop.control.console import LogBuffer


class LogHistory:
    """Feeds one session's lines into a buffer, in order and without doubles."""

    has_older: bool

    def __init__(self, slate: Slate, session_id: str, buffer: LogBuffer) -> None:
        raise NotImplementedError

    async def open(self, page: int = 2000) -> None:
        """Load the newest page; events offered meanwhile are applied after it."""
        raise NotImplementedError

    def offer(self, data: dict[str, Any]) -> int:
        """Take the data of a ``logs`` event; returns the number of rows that were appended."""
        raise NotImplementedError

    async def load_older(self, limit: int = 1000) -> int:
        """Put an older page in front; returns the number of lines."""
        raise NotImplementedError

    async def catch_up(self) -> int:
        """Read what is stored beyond the newest line, after a loss of connection."""
        raise NotImplementedError

    async def aclose(self) -> None:
        """End refetching."""
        raise NotImplementedError
