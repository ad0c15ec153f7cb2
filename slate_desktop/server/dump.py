"""The database of a server out of it and into another one, by the system's own programs.

Logins are no part of a dump: they are made anew from the people and agents in it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Iterable
from typing import TypeVar

from slate_desktop.errors import StackError
from slate_desktop.server.config import DATABASE_NAME
from slate_desktop.server.database import ServerDatabase
from slate_desktop.server.programs import find_system_postgres
from slate_desktop.stack.postgres_server import SUPERUSER

_BLOCK = 256 * 1024
# Neither program is silent for so long, seconds.
_STALL_S = 600.0
T = TypeVar("T")
_KEEP = ("PATH", "LD_LIBRARY_PATH", "TMPDIR")


async def dump(database: ServerDatabase, password: str) -> AsyncIterator[bytes]:
    """Yield a dump of a running database, consistent in itself.

    Raises:
        StackError: pg_dump is missing or fails; the message carries what it says.
    """
    child = await _start(
        database, password, "pg_dump", "--format=custom", "--no-owner", DATABASE_NAME
    )
    output = _pipe(child.stdout)
    telling = asyncio.create_task(_said(child))
    try:
        while True:
            async with asyncio.timeout(_STALL_S):
                block = await output.read(_BLOCK)
            if not block:
                break
            yield block
        await _ended(child, telling, "pg_dump")
    except TimeoutError as exc:
        raise StackError("pg_dump does not go on.") from exc
    finally:
        await _end(child, telling)


async def load(database: ServerDatabase, password: str, blocks: Iterable[bytes]) -> None:
    """Fill an empty database with a dump, all or nothing.

    Raises:
        StackError: pg_restore is missing or fails.
    """
    child = await _start(
        database, password, "pg_restore", "--exit-on-error", "--single-transaction", "--no-owner",
        f"--dbname={DATABASE_NAME}",
    )  # fmt: skip
    target = _pipe(child.stdin)
    telling = asyncio.create_task(_said(child))
    try:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for block in blocks:
                target.write(block)
                async with asyncio.timeout(_STALL_S):
                    await target.drain()
            target.close()
        async with asyncio.timeout(_STALL_S):
            await _ended(child, telling, "pg_restore")
    except TimeoutError as exc:
        raise StackError("pg_restore does not go on.") from exc
    finally:
        await _end(child, telling)


async def _start(
    database: ServerDatabase, password: str, program: str, *arguments: str
) -> asyncio.subprocess.Process:
    path = find_system_postgres() / program
    if not path.is_file():
        raise StackError(
            f"{path} is missing.", hint="Install it, for example: apt-get install postgresql-client"
        )
    environment = {name: os.environ[name] for name in _KEEP if name in os.environ}
    return await asyncio.create_subprocess_exec(
        str(path),
        f"--host={database.socket_dir}",
        f"--port={database.port}",
        f"--username={SUPERUSER}",
        "--no-password",
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**environment, "PGPASSWORD": password, "LC_ALL": "C"},
    )


async def _said(child: asyncio.subprocess.Process) -> str:
    said = _pipe(child.stderr)
    tail = b""
    while block := await said.read(_BLOCK):
        tail = (tail + block)[-2000:]
    return tail.decode("utf-8", "replace").strip()


def _pipe(stream: T | None) -> T:
    if stream is None:
        raise StackError("The program has no pipe.")
    return stream


async def _ended(
    child: asyncio.subprocess.Process, telling: asyncio.Task[str], program: str
) -> None:
    code = await child.wait()
    if code != 0:
        raise StackError(f"{program} failed with code {code}: {await telling}")


async def _end(child: asyncio.subprocess.Process, telling: asyncio.Task[str]) -> None:
    if child.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        await child.wait()
    telling.cancel()
    await asyncio.gather(telling, return_exceptions=True)
