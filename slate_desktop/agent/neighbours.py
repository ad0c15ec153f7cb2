"""Which agents there are: each hears the commands of all, and is silent on those of another."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable

from slate_desktop.errors import DatabaseError

_log = logging.getLogger(__name__)
# A stranger may name whom it likes; the database is not asked for each of them.
_LOOK_EVERY_S = 1.0


class Neighbours:
    """The ids of all agents; for one that nobody has heard of the database is asked.

    An agent that has just joined is in the database before its neighbours' next heartbeat.

    Args:
        own_id: this agent.
        clock_s: for tests.
    """

    def __init__(self, own_id: str, *, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._ids = {own_id}
        self._clock_s = clock_s
        self._looked_at: float | None = None
        self._looking = asyncio.Lock()
        self._read: Callable[[], Awaitable[Iterable[str]]] | None = None

    def open(self, read: Callable[[], Awaitable[Iterable[str]]]) -> None:
        """Ask the database from now on."""
        self._read = read

    def add(self, ids: Iterable[str]) -> None:
        """Note agents; one that was removed is not forgotten, and answers for itself or not."""
        self._ids.update(ids)

    async def has(self, agent_id: str) -> bool:
        """Tell whether there is such an agent, as far as can be told now."""
        if agent_id in self._ids or self._read is None:
            return agent_id in self._ids
        # Whoever asks meanwhile waits for the same look.
        async with self._looking:
            now_s = self._clock_s()
            is_due = self._looked_at is None or now_s - self._looked_at >= _LOOK_EVERY_S
            if is_due and agent_id not in self._ids:
                self._looked_at = now_s
                try:
                    self.add(await self._read())
                except DatabaseError as error:
                    _log.debug("agents cannot be looked up", extra={"reason": str(error)})
        return agent_id in self._ids
