"""One agent per id and data directory."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from slate_desktop.agent.lock import AgentLock
from slate_desktop.errors import EnvironmentFaultError


async def test_acquire_is_refused_while_another_holds_it(tmp_path: Path) -> None:
    first, second = AgentLock(tmp_path, "local"), AgentLock(tmp_path, "local")
    await first.acquire()
    with pytest.raises(EnvironmentFaultError):
        await second.acquire(timeout_s=0.15)
    first.release()


async def test_acquire_waits_until_the_holder_lets_go(tmp_path: Path) -> None:
    first, second = AgentLock(tmp_path, "local"), AgentLock(tmp_path, "local")
    await first.acquire()
    waiting = asyncio.create_task(second.acquire(timeout_s=20))
    await asyncio.sleep(0)
    assert not waiting.done()
    first.release()
    await waiting
    second.release()


async def test_acquire_of_another_id_is_free(tmp_path: Path) -> None:
    first, second = AgentLock(tmp_path, "a"), AgentLock(tmp_path, "b")
    await first.acquire()
    await second.acquire(timeout_s=0.1)
    first.release()
    second.release()
