"""The sessions that live on this agent: at most one life per session, changed under its lock."""

from __future__ import annotations

import asyncio
import logging
from weakref import WeakValueDictionary

from slate_desktop.agent.drivers.base import Driver, Handle, RuntimeState
from slate_desktop.agent.planning import StartPlan
from slate_desktop.agent.services import Services
from slate_desktop.agent.statspump import StatsPump
from slate_desktop.agent.supervisor import Life
from slate_desktop.domain.session import RuntimeSession
from slate_desktop.errors import SlateError

_log = logging.getLogger(__name__)


class Roster:
    """Lives by session id.

    Args:
        services: what every life uses.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._lives: dict[str, Life] = {}
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @property
    def stats(self) -> StatsPump:
        """The samples of the sessions that run."""
        return self._services.stats

    def __len__(self) -> int:
        return len(self._lives)

    def get(self, session_id: str) -> Life | None:
        """Return the life of a session, None when it has none here."""
        return self._lives.get(session_id)

    def all(self) -> list[Life]:
        """Return every life."""
        return list(self._lives.values())

    def memory_held(self) -> list[tuple[str, int]]:
        """Return the sessions that hold memory here, with bytes.

        A container holds its limit; a local process, which has none, what it was seen to use.
        """
        held: list[tuple[str, int]] = []
        for session_id, life in self._lives.items():
            sample = self.stats.newest(session_id)
            used = sample[0].memory_usage if sample is not None else 0
            size = life.memory_limit or used
            if size:
                held.append((f"session {session_id[:8]}", size))
        return held

    def lock(self, session_id: str) -> asyncio.Lock:
        """Return the lock under which a session's life begins or is told something."""
        lock = self._locks.get(session_id)
        if lock is None:
            lock = self._locks[session_id] = asyncio.Lock()
        return lock

    def begin(
        self,
        row: RuntimeSession,
        driver: Driver,
        plan: StartPlan,
        *,
        handle: Handle | None = None,
        state: RuntimeState = RuntimeState.CREATED,
    ) -> Life:
        """Start a session's life; the caller holds its lock and has written the claim."""
        life = Life(self._services, row, driver, plan, handle=handle, state=state)
        self._lives[row.id] = life
        self._services.tasks.spawn(self._run(life), f"life.{row.id}")
        return life

    async def _run(self, life: Life) -> None:
        try:
            await life.run()
        except SlateError as error:
            # Nobody awaits a life; what it left undone is the reconciler's.
            _log.warning(
                "a session's life broke off",
                extra={"session": life.row.id, "reason": str(error)},
            )
        finally:
            if self._lives.get(life.row.id) is life:
                del self._lives[life.row.id]
