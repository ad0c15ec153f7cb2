"""What answers requests, from the moment when the agent has it.

An agent hears requests before it has read its rows, so that nobody finds it absent.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Generic, TypeVar

from slate_desktop.agent.answers import database_away

T = TypeVar("T")
# A start takes about a second once its database answers; an answer leaves within two.
WAIT_S = 1.2


class Opening(Generic[T]):
    """Something that requests need and that a start makes last."""

    def __init__(self) -> None:
        self.value: T | None = None
        self._is_open = asyncio.Event()
        self._is_late = False

    def open(self, value: T) -> None:
        """Have it; whoever waits goes on."""
        self.value = value
        self._is_open.set()

    async def get(self) -> T:
        """Return it, after a short wait where the agent has just started.

        Where one request waited in vain the database is away, and others are told so at once.

        Raises:
            CommandError: ``db_unavailable``.
        """
        if self.value is None and not self._is_late:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(WAIT_S):
                    await self._is_open.wait()
        if self.value is None:
            self._is_late = True
            raise database_away()
        return self.value
