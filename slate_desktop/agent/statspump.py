"""Samples every running session once a second: the newest in memory, all in the database."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable

from slate_desktop.agent.drivers.base import Driver, Handle
from slate_desktop.domain.session import RuntimeSession
from slate_desktop.domain.stats import ContainerStats
from slate_desktop.errors import CommandError, DatabaseError, ErrorCode, SlateError

_log = logging.getLogger(__name__)
PERIOD_S = 1.0
STORE_EVERY = 10
# Samples of a session that wait for a database that is away: an hour of them.
MAX_WAITING = 3600
SAMPLE_TIMEOUT_S = 5.0

# Samples that were taken together, of each session one.
StatsHandler = Callable[[list[tuple[RuntimeSession, ContainerStats]]], Awaitable[None]]
# Samples of one session, each session once.
Taken = tuple[RuntimeSession, list[ContainerStats]]
StoreHandler = Callable[[list[Taken]], Awaitable[None]]


class _Watched:
    """One running session: where to ask, what was seen."""

    def __init__(self, row: RuntimeSession, driver: Driver, handle: Handle) -> None:
        self.row = row
        self.driver = driver
        self.handle = handle
        self.newest: ContainerStats | None = None
        self.taken_at_s = 0.0
        self.waiting: list[ContainerStats] = []
        self.is_busy = False
        self.is_failing = False


# A sample that was taken and not yet published.
_Shown = tuple[_Watched, ContainerStats]


class StatsPump:
    """The samples of all running sessions of this agent.

    Args:
        publish: called with each sample, those that were taken together at once; must not raise.
        store: called with every sample: those of all sessions every tenth period, and the rest of
            one that is forgotten; while the database is away, an hour of them waits.
        period_s: seconds between samples.
    """

    def __init__(
        self, publish: StatsHandler, store: StoreHandler, *, period_s: float = PERIOD_S
    ) -> None:
        self._publish = publish
        self._store = store
        self._period_s = period_s
        self._watched: dict[str, _Watched] = {}
        self._left: list[_Watched] = []
        self._has_work = asyncio.Event()
        self._is_storing = False

    def watch(self, row: RuntimeSession, driver: Driver, handle: Handle) -> None:
        """Begin to sample a session's runtime; harmless when it is sampled already."""
        known = self._watched.get(row.id)
        if known is not None and known.handle == handle:
            return
        self._watched[row.id] = _Watched(row, driver, handle)
        self._has_work.set()

    def forget(self, session_id: str, handle: Handle | None = None) -> None:
        """Stop sampling a session; harmless when it is not sampled.

        With ``handle`` only that runtime is meant: the session's next one may be watched already.
        """
        watched = self._watched.get(session_id)
        if watched is not None and handle is not None and watched.handle != handle:
            return
        self._watched.pop(session_id, None)
        if watched is not None and watched.waiting:
            self._left.append(watched)
            self._has_work.set()

    def newest(self, session_id: str) -> tuple[ContainerStats, int] | None:
        """Return the newest sample and its age in milliseconds, None when there is none yet."""
        watched = self._watched.get(session_id)
        if watched is None or watched.newest is None:
            return None
        return watched.newest, int((time.monotonic() - watched.taken_at_s) * 1000)

    async def sample(self, session_id: str) -> tuple[ContainerStats, int] | None:
        """Return the newest sample, taking the first one now when there is none yet."""
        found = self.newest(session_id)
        watched = self._watched.get(session_id)
        if found is not None or watched is None:
            return found
        await self._sample(session_id, watched)
        return self.newest(session_id)

    async def run(self) -> None:
        """Sample until cancelled; sleeps without waking while nothing runs."""
        rounds = 0
        async with asyncio.TaskGroup() as group:
            while True:
                await self._has_work.wait()
                started_s = time.monotonic()
                left, self._left = self._left, []
                for watched in left:
                    group.create_task(self._store_rest(watched), name=f"stats.{watched.row.id}")
                ready = self._take_at_once(group)
                if ready:
                    group.create_task(self._show_all(ready), name="stats.show")
                rounds += 1
                if rounds % STORE_EVERY == 0 and not self._is_storing:
                    # One statement for all: one for each costs more than taking the samples.
                    group.create_task(self._store_all(), name="stats.store")
                # What could not be stored is tried again a period later, not at once.
                if not self._watched and not left and not self._left:
                    self._has_work.clear()
                    continue
                await asyncio.sleep(max(0.05, self._period_s - (time.monotonic() - started_s)))

    async def flush(self, timeout_s: float = 2.0) -> None:
        """Store what waits, once, before the agent ends: nobody else has these samples."""
        waiting = [w for w in (*self._watched.values(), *self._left) if w.waiting]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                # Alone: of one session there may be two, and one statement takes each once.
                await asyncio.gather(*(self._store_waiting([watched]) for watched in waiting))

    def _take_at_once(self, group: asyncio.TaskGroup) -> list[_Shown]:
        """Sample all that need no waiting; the others get a task each, since one may hang.

        A task with a time limit takes longer than most samples.
        """
        ready: list[_Shown] = []
        for session_id, watched in list(self._watched.items()):
            if watched.is_busy:
                continue
            try:
                stats = watched.driver.stats_at_once(watched.handle)
            except Exception as error:  # noqa: BLE001 - one runtime must not end everybody's samples
                self._note_failure(session_id, watched, error)
                continue
            if stats is None:
                group.create_task(self._sample(session_id, watched), name=f"stats.{session_id}")
                continue
            watched.is_busy = True
            self._note(watched, stats)
            ready.append((watched, stats))
        return ready

    async def _show_all(self, ready: list[_Shown]) -> None:
        """Publish what was taken just now: it leaves in one packet, with one signature."""
        try:
            await self._publish([(watched.row, stats) for watched, stats in ready])
        except Exception as error:  # noqa: BLE001 - one round must not end all samples
            for watched, _ in ready:
                self._note_failure(watched.row.id, watched, error)
        finally:
            for watched, _ in ready:
                watched.is_busy = False

    def _note(self, watched: _Watched, stats: ContainerStats) -> None:
        watched.is_failing = False
        watched.newest, watched.taken_at_s = stats, time.monotonic()
        watched.waiting.append(stats)

    async def _sample(self, session_id: str, watched: _Watched) -> None:
        watched.is_busy = True
        try:
            async with asyncio.timeout(SAMPLE_TIMEOUT_S):
                stats = await watched.driver.stats(watched.handle)
        except (SlateError, TimeoutError) as error:
            self._note_failure(session_id, watched, error)
            return
        except Exception as error:  # noqa: BLE001 - one runtime must not end everybody's samples
            self._note_failure(session_id, watched, error)
            return
        finally:
            watched.is_busy = False
        if self._watched.get(session_id) is not watched:
            return
        self._note(watched, stats)
        await self._show_all([(watched, stats)])

    async def _store_all(self) -> None:
        self._is_storing = True
        due = [watched for watched in self._watched.values() if watched.waiting]
        try:
            await self._store_waiting(due)
        finally:
            self._is_storing = False
        for watched in due:
            # Forgotten meanwhile, and the database was away.
            if watched.waiting and self._watched.get(watched.row.id) is not watched:
                self._left.append(watched)
                self._has_work.set()

    async def _store_waiting(self, due: list[_Watched]) -> None:
        """Store what waits; it waits on while the database is away, and is dropped if refused."""
        if not due:
            return
        taken = [(watched.row, watched.waiting) for watched in due]
        for watched in due:
            watched.waiting = []
        try:
            await self._store(taken)
        except DatabaseError as error:
            for watched, (_, samples) in zip(due, taken, strict=True):
                watched.waiting = [*samples, *watched.waiting][-MAX_WAITING:]
                self._note_failure(watched.row.id, watched, error)
        except Exception as error:  # noqa: BLE001 - it will be refused the next time too
            if len(due) == 1:
                self._note_failure(due[0].row.id, due[0], error)
                return
            # One session's must not cost the others theirs.
            for watched, (_, samples) in zip(due, taken, strict=True):
                watched.waiting = [*samples, *watched.waiting]
                await self._store_waiting([watched])

    async def _store_rest(self, watched: _Watched) -> None:
        """Store the last samples of a session that is over, once the database answers."""
        await self._store_waiting([watched])
        if watched.waiting:
            self._left.append(watched)
            self._has_work.set()

    def _note_failure(self, session_id: str, watched: _Watched, error: Exception) -> None:
        """Log once per change of state; a runtime that has just ended is no failure."""
        has_ended = isinstance(error, CommandError) and error.code is ErrorCode.NOT_RUNNING
        if not watched.is_failing and not has_ended:
            watched.is_failing = True
            _log.warning("no stats", extra={"session": session_id, "reason": str(error)})
