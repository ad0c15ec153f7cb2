"""Several wait for one end, and a wait that nobody wants any more is given up."""

from __future__ import annotations

import asyncio

import pytest

from slate_desktop.agent.drivers.docker.waits import SharedWaits


async def test_all_who_join_get_what_one_wait_finds() -> None:
    waits, begun, end = SharedWaits[int](), 0, asyncio.Event()

    async def wait() -> int:
        nonlocal begun
        begun += 1
        await end.wait()
        return 7

    joined = [asyncio.create_task(waits.join("a", wait)) for _ in range(3)]
    await asyncio.sleep(0)
    joined[0].cancel()
    await asyncio.gather(joined[0], return_exceptions=True)
    end.set()
    assert await asyncio.gather(*joined[1:]) == [7, 7]
    assert begun == 1
    assert await waits.join("a", wait) == 7
    assert begun == 2


async def test_an_error_reaches_all_and_the_next_wait_begins_anew() -> None:
    waits = SharedWaits[int]()

    async def fail() -> int:
        await asyncio.sleep(0)
        raise ValueError("no engine")

    async def succeed() -> int:
        return 1

    joined = [asyncio.create_task(waits.join("a", fail)) for _ in range(2)]
    for task in joined:
        with pytest.raises(ValueError, match="no engine"):
            await task
    assert await waits.join("a", succeed) == 1


async def test_a_wait_that_nobody_joins_any_more_is_cancelled() -> None:
    waits, ended = SharedWaits[None](), asyncio.Event()

    async def wait() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    joined = [asyncio.create_task(waits.join("a", wait)) for _ in range(2)]
    await asyncio.sleep(0)
    joined[0].cancel()
    await asyncio.gather(joined[0], return_exceptions=True)
    assert not ended.is_set()
    joined[1].cancel()
    await asyncio.gather(joined[1], return_exceptions=True)
    async with asyncio.timeout(20):
        await ended.wait()
