"""Reads that are kept for 30 s: in this process, or in Redis where several share them.

A cache holds bytes. One that is away costs speed and nothing else: its calls come back quickly and
empty, and it is left alone for a while before it is asked again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from typing import Protocol

from cachetools import TTLCache

TTL_S = 30.0
MAX_ENTRIES = 10_000
REDIS_TIMEOUT_S = 0.25
LEAVE_ALONE_S = 5.0
_log = logging.getLogger(__name__)


class Cache(Protocol):
    """Bytes by key, for at most ``TTL_S``. Nothing here raises for a cache that is away."""

    async def get(self, key: str) -> bytes | None:
        """Return what is kept, or None."""
        ...

    async def put(self, key: str, value: bytes) -> None:
        """Keep a value."""
        ...

    async def drop(self, keys: Iterable[str]) -> None:
        """Forget values."""
        ...

    async def aclose(self) -> None:
        """Release connections."""
        ...


class MemoryCache:
    """A cache of this process.

    Args:
        ttl_s: how long a value is kept.
        clock: monotonic seconds, for tests.
    """

    def __init__(
        self, *, ttl_s: float = TTL_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._entries: TTLCache[str, bytes] = TTLCache(MAX_ENTRIES, ttl_s, timer=clock)

    async def get(self, key: str) -> bytes | None:
        """Return what is kept, or None."""
        return self._entries.get(key)

    async def put(self, key: str, value: bytes) -> None:
        """Keep a value."""
        self._entries[key] = value

    async def drop(self, keys: Iterable[str]) -> None:
        """Forget values."""
        for key in keys:
            self._entries.pop(key, None)

    async def aclose(self) -> None:
        """Forget everything."""
        self._entries.clear()


class RedisCache:
    """A cache in Redis.

    Args:
        url: ``redis://…``, ``rediss://…`` or ``unix://…``.
        prefix: in front of every key.
        ttl_s: how long a value is kept.
        clock: monotonic seconds, for tests.
    """

    def __init__(
        self,
        url: str,
        *,
        prefix: str = "slate:",
        ttl_s: float = TTL_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        # Two tenths of a second, for the few profiles that share a cache.
        from redis.asyncio import Redis
        from redis.exceptions import RedisError

        self._failures = (RedisError, OSError, TimeoutError)
        self._client = Redis.from_url(
            url, socket_timeout=REDIS_TIMEOUT_S, socket_connect_timeout=REDIS_TIMEOUT_S
        )
        self._prefix = prefix
        self._ttl_ms = int(ttl_s * 1000)
        self._clock = clock
        self._asleep_until = 0.0
        self._is_away = False

    async def get(self, key: str) -> bytes | None:
        """Return what is kept, or None."""
        if self._is_asleep():
            return None
        try:
            async with asyncio.timeout(REDIS_TIMEOUT_S * 2):
                value = await self._client.get(self._prefix + key)
        except self._failures as exc:
            self._fell_asleep(exc)
            return None
        self._woke_up()
        return value if isinstance(value, bytes) else None

    async def put(self, key: str, value: bytes) -> None:
        """Keep a value."""
        if self._is_asleep():
            return
        try:
            async with asyncio.timeout(REDIS_TIMEOUT_S * 2):
                await self._client.set(self._prefix + key, value, px=self._ttl_ms)
        except self._failures as exc:
            self._fell_asleep(exc)

    async def drop(self, keys: Iterable[str]) -> None:
        """Forget values; tried even while the cache is left alone, since a stale row would show."""
        names = [self._prefix + key for key in keys]
        if not names:
            return
        try:
            async with asyncio.timeout(REDIS_TIMEOUT_S * 2):
                await self._client.delete(*names)
        except self._failures as exc:
            self._fell_asleep(exc)

    async def aclose(self) -> None:
        """Close the connections."""
        try:
            async with asyncio.timeout(REDIS_TIMEOUT_S * 2):
                await self._client.aclose()
        except self._failures as exc:
            _log.debug("closing the cache", extra={"reason": str(exc)})

    def _is_asleep(self) -> bool:
        return self._clock() < self._asleep_until

    def _fell_asleep(self, exc: BaseException) -> None:
        self._asleep_until = self._clock() + LEAVE_ALONE_S
        if not self._is_away:
            self._is_away = True
            _log.warning("the cache does not answer: reads go to the database", exc_info=exc)

    def _woke_up(self) -> None:
        if self._is_away:
            self._is_away = False
            _log.info("the cache answers again")


def make_cache(redis_url: str | None) -> Cache:
    """Return the cache that the settings ask for."""
    return RedisCache(redis_url) if redis_url else MemoryCache()
