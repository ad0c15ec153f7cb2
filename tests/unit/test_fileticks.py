"""Logs that are silent cost one look at all of them; what is written is seen at the next look."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from slate_desktop.agent.drivers import fileticks
from slate_desktop.agent.drivers.fileticks import FileTicks, stamps_of


@pytest.mark.parametrize("with_watch", [False, True])
async def test_whoever_waits_for_a_file_hears_when_it_grows_or_is_replaced(
    tmp_path: Path, with_watch: bool
) -> None:
    ticks = FileTicks(0.001, with_watch=with_watch)
    paths = [tmp_path / name for name in ("grows", "comes", "rotated", "silent")]
    for path in (paths[0], paths[2], paths[3]):
        path.write_text("a line\n")
    waits = [asyncio.create_task(ticks.changed(stamps_of([path]))) for path in paths]
    await asyncio.sleep(0)
    with paths[0].open("a") as file:
        file.write("another\n")
    paths[1].write_text("")
    paths[2].rename(tmp_path / "rotated.1")
    paths[2].write_text("a line\n")
    async with asyncio.timeout(20):
        await asyncio.gather(*waits[:3])
    assert not waits[3].done()
    waits[3].cancel()
    await asyncio.gather(*waits, return_exceptions=True)
    ticks.close()


@pytest.mark.skipif(sys.platform != "linux", reason="not on this platform: inotify")
async def test_kernel_tells_without_a_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fileticks, "SAFE_PERIOD_S", 3600.0)
    ticks = FileTicks(3600.0)
    paths = [tmp_path / name for name in ("grows", "same", "rotated", "gone", "folder")]
    for path in paths[:4]:
        path.write_text("a line\n")
    paths[4].mkdir()
    waits = [asyncio.create_task(ticks.changed(stamps_of([path]))) for path in paths]
    second = asyncio.create_task(ticks.changed(stamps_of([paths[0]])))
    silent = asyncio.create_task(ticks.changed(stamps_of([paths[1]])))
    for _ in range(3):
        await asyncio.sleep(0)
    assert not any(wait.done() for wait in [*waits, second])
    with paths[0].open("a") as file:
        file.write("another\n")
    paths[2].rename(tmp_path / "rotated.1")
    paths[3].unlink()
    (paths[4] / "spool").write_text("x")
    async with asyncio.timeout(10):
        await asyncio.gather(waits[0], *waits[2:], second)
    assert not silent.done()
    assert not waits[1].done()
    with paths[1].open("a") as file:
        file.write("another\n")
    async with asyncio.timeout(10):
        await asyncio.gather(silent, waits[1])
    # Nothing is left behind, so that a file can be waited for again.
    assert ticks._watch is not None
    assert not ticks._watch._waiting
    known = stamps_of([paths[0]])
    again = asyncio.create_task(ticks.changed(known))
    await asyncio.sleep(0)
    with paths[0].open("a") as file:
        file.write("third\n")
    async with asyncio.timeout(10):
        await again
    ticks.close()


async def test_file_that_is_not_there_yet_is_looked_for(tmp_path: Path) -> None:
    ticks, path = FileTicks(0.001), tmp_path / "later"
    wait = asyncio.create_task(ticks.changed(stamps_of([path, tmp_path])))
    await asyncio.sleep(0)
    path.write_text("x")
    async with asyncio.timeout(10):
        await wait
    ticks.close()


async def test_what_was_written_before_the_wait_is_no_news_to_wait_for(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("a line\n")
    known = stamps_of([path])
    path.write_text("a line\nanother\n")
    async with asyncio.timeout(20):
        await FileTicks(0.001).changed(known)


async def test_a_wait_ends_with_the_runtime_and_in_time(tmp_path: Path) -> None:
    ticks = FileTicks(60.0)
    over: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    wait = asyncio.create_task(ticks.changed(stamps_of([tmp_path / "log"]), over))
    await asyncio.sleep(0)
    over.set_result(0)
    async with asyncio.timeout(20):
        await wait
        await ticks.changed(stamps_of([tmp_path / "log"]), timeout_s=0.001)


async def test_nothing_is_looked_at_while_nobody_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0

    def look(path: Path | str) -> None:
        nonlocal looks
        looks += 1

    path = tmp_path / "log"
    ticks, known = FileTicks(0.001, with_watch=False), {str(path): (1, 1, 1)}
    monkeypatch.setattr(fileticks, "stamp_of", look)
    async with asyncio.timeout(20):
        await ticks.changed(known)
    assert looks == 1
    assert ticks._timer is None
