"""Which keys are agents': read from the database, never from what arrives."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from slate_desktop.errors import DatabaseError

if TYPE_CHECKING:
    from slate_desktop.store import Database

# A key that was withdrawn counts this long at most.
KEEP_S = 30.0
# An unknown key may be a new agent's: it is looked for, but not for everyone who makes one up.
_LOOK_AGAIN_S = 1.0


class DatabaseAgentKeys:
    """Agents by key.

    While the database is away what is known goes on to count.

    Args:
        db: the database.
        clock: monotonic seconds, for tests.
    """

    def __init__(self, db: Database, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._db = db
        self._clock = clock
        self._agents: dict[str, str] = {}
        self._read_at = -1e9
        self._reading = asyncio.Lock()

    async def agent_of(self, key: str) -> str | None:
        """Return the agent with this key, None where there is none."""
        age_s = self._clock() - self._read_at
        is_known = key in self._agents
        if age_s > KEEP_S or (not is_known and age_s > _LOOK_AGAIN_S):
            await self._read()
        return self._agents.get(key)

    async def _read(self) -> None:
        asked_at = self._clock()
        async with self._reading:
            if self._read_at >= asked_at:
                return
            try:
                rows = await self._db.agents.list()
            except DatabaseError:
                rows = None
            self._read_at = self._clock()
            if rows is not None:
                self._agents = {row.pubkey: row.id for row in rows if row.pubkey is not None}
