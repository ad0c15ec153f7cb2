"""Calls that are repeated until the database has taken them."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from slate_desktop.errors import DatabaseError

_log = logging.getLogger(__name__)
T = TypeVar("T")


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
    delay = first_s
    is_waiting = False
    while True:
        try:
            result = await call()
        except DatabaseError as error:
            if not is_waiting:
                is_waiting = True
                _log.warning("waiting for the database", extra={"reason": str(error)})
            await asyncio.sleep(delay * (0.5 + random.random() / 2))  # noqa: S311
            delay = min(delay * 2, max_s)
            continue
        if is_waiting:
            _log.info("the database is back")
        return result
