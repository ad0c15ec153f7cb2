"""Cached reads of sessions, builds and lists: at most 30 s old, forgotten at once by an event.

Lists carry a generation in their key: a change raises it, so that no list of before is found again,
without knowing which lists there are. A read that began before a change is not kept after it.
While no events come, and until what was kept before is over, the rows themselves are read.
"""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

import msgspec

from slate_desktop.domain.build import BuildJob, BuildStatistics, BuildStatus
from slate_desktop.domain.ids import new_id
from slate_desktop.domain.session import RuntimeSession, SessionStatus
from slate_desktop.store.cache import TTL_S, Cache
from slate_desktop.store.database import Database

T = TypeVar("T")


class CachedReads:
    """Reads through a cache. The recorder never uses this: it reads the rows themselves.

    Args:
        db: where a miss is read from.
        cache: where answers are kept; several programs may share one.
        clock: monotonic seconds, for tests.
    """

    def __init__(
        self, db: Database, cache: Cache, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._db = db
        self._cache = cache
        self._clock = clock
        self._changes = 0
        # Until then what is kept may have changed without anybody's word.
        self._trusted_from_s = -math.inf

    def note_hearing(self, is_hearing: bool) -> None:
        """Say whether events come now; they are not sent again to who was away."""
        self._changes += 1
        self._trusted_from_s = self._clock() + TTL_S if is_hearing else math.inf

    async def get_session(self, session_id: str) -> RuntimeSession:
        """Return a session; raises ``not_found``."""
        return await self._read(
            f"session:{session_id}", RuntimeSession, lambda: self._db.sessions.get(session_id)
        )

    async def list_sessions(
        self,
        *,
        project_id: str | None = None,
        member: str | None = None,
        statuses: Iterable[SessionStatus] | None = None,
        limit: int = 100,
    ) -> list[RuntimeSession]:
        """Return the newest sessions."""
        names = None if statuses is None else sorted(SessionStatus(s).value for s in statuses)
        return await self._read_list(
            "sessions",
            (project_id, member, names, limit),
            list[RuntimeSession],
            lambda: self._db.sessions.list(
                project_id=project_id, member=member, statuses=statuses, limit=limit
            ),
        )

    async def active_sessions(self, *, project_id: str | None = None) -> list[RuntimeSession]:
        """Return sessions that are not over yet."""
        return await self._read_list(
            "sessions",
            ("active", project_id),
            list[RuntimeSession],
            lambda: self._db.sessions.active(project_id=project_id),
        )

    async def get_build(self, build_id: str) -> BuildJob:
        """Return a build; raises ``not_found``."""
        return await self._read(
            f"build:{build_id}", BuildJob, lambda: self._db.builds.get(build_id)
        )

    async def list_builds(
        self,
        *,
        project_id: str | None = None,
        statuses: Iterable[BuildStatus] | None = None,
        limit: int = 100,
    ) -> list[BuildJob]:
        """Return the newest builds."""
        names = None if statuses is None else sorted(BuildStatus(s).value for s in statuses)
        return await self._read_list(
            "builds",
            (project_id, names, limit),
            list[BuildJob],
            lambda: self._db.builds.list(project_id=project_id, statuses=statuses, limit=limit),
        )

    async def active_builds(self, *, project_id: str | None = None) -> list[BuildJob]:
        """Return builds that are queued or running."""
        return await self._read_list(
            "builds",
            ("active", project_id),
            list[BuildJob],
            lambda: self._db.builds.active(project_id=project_id),
        )

    async def build_statistics(self, *, project_id: str | None = None) -> BuildStatistics:
        """Return figures over builds."""
        return await self._read_list(
            "builds",
            ("statistics", project_id),
            BuildStatistics,
            lambda: self._db.builds.statistics(project_id=project_id),
        )

    async def invalidate_session(self, session_id: str) -> None:
        """Forget a session, and every list of sessions."""
        await self._invalidate(f"session:{session_id}", "sessions")

    async def invalidate_build(self, build_id: str) -> None:
        """Forget a build, and every list of builds."""
        await self._invalidate(f"build:{build_id}", "builds")

    async def _invalidate(self, key: str, kind: str) -> None:
        self._changes += 1
        await self._cache.drop([key, f"generation:{kind}"])

    async def _read_list(
        self, kind: str, key: tuple[Any, ...], as_type: type[T], read: Callable[[], Awaitable[T]]
    ) -> T:
        generation = await self._cache.get(f"generation:{kind}")
        if generation is None:
            generation = new_id().encode()
            await self._cache.put(f"generation:{kind}", generation)
        text = msgspec.json.encode(key).decode()
        return await self._read(f"{kind}:{generation.decode()}:{text}", as_type, read)

    async def _read(self, key: str, as_type: type[T], read: Callable[[], Awaitable[T]]) -> T:
        kept = await self._cache.get(key) if self._clock() >= self._trusted_from_s else None
        if kept is not None:
            try:
                return msgspec.json.decode(kept, type=as_type)
            except msgspec.MsgspecError:
                await self._cache.drop([key])  # written by a program of another version
        changes = self._changes
        value = await read()
        if changes == self._changes and self._trusted_from_s < math.inf:
            await self._cache.put(key, msgspec.json.encode(value))
        return value
