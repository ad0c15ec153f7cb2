"""A stack's database on a machine that is too busy to answer at once."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from slate_desktop.errors import DatabaseError
from slate_desktop.stack import credentials
from slate_desktop.stack.database import StackDatabase
from slate_desktop.stack.state import StackFiles
from slate_desktop.store import Database
from slate_desktop.store.creation import until_it_answers
from slate_desktop.store.database import CONNECT_TIMEOUT_S
from tests.services.stack import require_stack

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.skipif(os.name == "nt", reason="not on this platform"),
]


@pytest.fixture
async def started(tmp_path: Path) -> AsyncIterator[StackDatabase]:
    require_stack()
    stack_files = StackFiles(tmp_path)
    stack_files.logs.mkdir()
    database = StackDatabase(stack_files, credentials.load_or_create(stack_files.keys))
    await database.start()
    yield database
    await database.stop()
    shutil.rmtree(database._server.home.root, ignore_errors=True)


async def test_a_server_that_is_slow_to_let_anybody_in_is_prepared_all_the_same(
    started: StackDatabase,
) -> None:
    assert started.process is not None
    pid = started.process.pid
    os.kill(pid, signal.SIGSTOP)
    loop = asyncio.get_running_loop()
    loop.call_later(CONNECT_TIMEOUT_S + 1.5, os.kill, pid, signal.SIGCONT)
    await started.prepare()
    async with await Database.connect(started.user_url) as database:
        await database.check_schema()


def away(cause: Exception) -> DatabaseError:
    error = DatabaseError("The database does not answer.")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize("cause", [TimeoutError(), asyncpg.QueryCanceledError("too long")])
async def test_what_took_too_long_is_tried_again_for_a_while(cause: Exception) -> None:
    tries = 0

    async def call() -> str:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise away(cause)
        return "done"

    assert await until_it_answers(call) == "done"
    tries = -999
    with pytest.raises(DatabaseError):
        await until_it_answers(call, within_s=0.3)


async def test_what_the_database_refuses_is_told_at_once() -> None:
    tries = 0

    async def call() -> None:
        nonlocal tries
        tries += 1
        raise away(asyncpg.InvalidPasswordError("no"))

    with pytest.raises(DatabaseError):
        await until_it_answers(call)
    assert tries == 1
