"""Calls that are repeated until the database or the broker has taken them."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from slate_desktop.errors import (
    AgentOfflineError,
    DatabaseError,
    EnvironmentFaultError,
    NotConnectedError,
)

_log = logging.getLogger(__name__)
T = TypeVar("T")


# How a broker is away: gone, restarting without its streams yet, or slow to say so.
_BROKER_AWAY = (NotConnectedError, AgentOfflineError, TimeoutError)
# A broker that has just started may know its object store only after this time, seconds.
_STORE_WITHIN_S = 15.0


async def until_database_answers(
    call: Callable[[], Awaitable[T]], *, first_s: float = 0.2, max_s: float = 5.0
) -> T:
    """Repeat ``call`` while the database is away, for as long as that takes.

    Args:
        call: makes one attempt; it must be harmless to do it again after an unknown outcome.
        first_s: the first delay in seconds; it doubles, with jitter, up to ``max_s``.
        max_s: the longest delay in seconds.

    Raises:
        SlateError: any other error of ``call``, at once.
    """
    return await _repeat(call, (DatabaseError,), "the database", first_s, max_s)


async def until_store_answers(
    call: Callable[[], Awaitable[T]], *, first_s: float = 0.2, max_s: float = 2.0
) -> T:
    """Repeat ``call`` to the object store while the broker is away, for as long as that takes.

    Args:
        call: as in ``until_database_answers``.
        first_s: the first delay in seconds; it doubles, with jitter, up to ``max_s``.
        max_s: the longest delay in seconds.

    Raises:
        SlateError: any other error of ``call``, at once; a broker without a store after a while.
    """
    loop = asyncio.get_running_loop()
    end_s = loop.time() + _STORE_WITHIN_S
    while True:
        try:
            return await _repeat(call, _BROKER_AWAY, "the broker", first_s, max_s)
        except EnvironmentFaultError:
            if loop.time() > end_s:
                raise
            await asyncio.sleep(first_s)


async def _repeat(
    call: Callable[[], Awaitable[T]],
    away: tuple[type[Exception], ...],
    who: str,
    first_s: float,
    max_s: float,
) -> T:
    delay = first_s
    is_waiting = False
    while True:
        try:
            result = await call()
        except away as error:
            if not is_waiting:
                is_waiting = True
                _log.warning("waiting for a server", extra={"who": who, "reason": str(error)})
            await asyncio.sleep(delay * (0.5 + random.random() / 2))  # noqa: S311
            delay = min(delay * 2, max_s)
            continue
        if is_waiting:
            _log.info("a server is back", extra={"who": who})
        return result
