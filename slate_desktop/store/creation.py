"""What a server does to its database just after it has started, however slow the machine is.

The limits of everyday calls are seconds, so that a database that hangs is noticed. On a machine
that is busy starting, a login or a new database takes longer than that and means nothing: what is
harmless twice is tried again.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TypeVar

import asyncpg

from slate_desktop.errors import DatabaseError
from slate_desktop.store.errors import AWAY, translate

# Both together stay below what clients wait for a stack that starts.
_WITHIN_S = 40.0
_PAUSE_S = 0.2
_LOGIN_S = 15
_CREATE_S = 60.0
_CLOSE_S = 2.0
T = TypeVar("T")


async def until_it_answers(call: Callable[[], Awaitable[T]], *, within_s: float = _WITHIN_S) -> T:
    """Repeat ``call``, which must be harmless twice, while the server is too busy to answer it.

    Raises:
        SlateError: any other error of ``call`` at once, and this one after ``within_s``.
    """
    loop = asyncio.get_running_loop()
    end_s = loop.time() + within_s
    while True:
        try:
            return await call()
        except DatabaseError as error:
            is_slow = isinstance(error.__cause__, (*AWAY, asyncpg.QueryCanceledError))
            if not is_slow or loop.time() >= end_s:
                raise
        await asyncio.sleep(_PAUSE_S)


async def create_database(maintenance_dsn: str, name: str) -> None:
    """Make a database, unless it is there.

    Args:
        maintenance_dsn: another database of the same server, as a login that may make some.
        name: a plain identifier.

    Raises:
        DatabaseError: the server does not answer, or refuses.
    """
    await until_it_answers(lambda: _create(maintenance_dsn, name))


async def _create(dsn: str, name: str) -> None:
    try:
        connection = await asyncio.wait_for(asyncpg.connect(dsn, timeout=_LOGIN_S), _LOGIN_S)
        try:
            known = await connection.fetchval(
                "select 1 from pg_database where datname = $1", name, timeout=_LOGIN_S
            )
            if known is None:
                await connection.execute(f"create database {name}", timeout=_CREATE_S)
        finally:
            with contextlib.suppress(*AWAY):
                await connection.close(timeout=_CLOSE_S)
    except (*AWAY, asyncpg.PostgresError, ValueError) as exc:
        error = translate(exc)
        raise DatabaseError(str(error), hint=error.hint) from exc
