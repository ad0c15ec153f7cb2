from __future__ import annotations

import asyncio

import pytest

from slate_desktop.control import history
from slate_desktop.control.console import LogBuffer, RowKind
from slate_desktop.control.history import LogHistory
from slate_desktop.domain.logs import LogLevel, LogLine, LogPage
from slate_desktop.errors import DatabaseError
from slate_desktop.wire.log_batch import LogBatch, batches_of


class Stored:
    """A session's stored lines, as pages."""

    def __init__(self, *seqs: int) -> None:
        self.seqs = sorted(seqs)
        self.is_away = False
        self.reads = 0

    async def page(self, before: int | None, after: int | None, limit: int) -> LogPage:
        self.reads += 1
        await asyncio.sleep(0)
        if self.is_away:
            raise DatabaseError("away")
        if after is not None:
            found = [seq for seq in self.seqs if seq > after]
            part, has_newer = found[:limit], len(found) > limit
            return LogPage(lines=lines(*part), has_older=True, has_newer=has_newer)
        found = [seq for seq in self.seqs if before is None or seq < before]
        part = found[-limit:]
        return LogPage(
            lines=lines(*part), has_older=len(found) > limit, has_newer=before is not None
        )


def lines(*seqs: int) -> list[LogLine]:
    return [
        LogLine(seq=seq, timestamp_ns=seq, level=LogLevel.INFO, message=f"line {seq}")
        for seq in seqs
    ]


def batch(first: int, last: int) -> LogBatch:
    return batches_of(lines(*range(first, last + 1)))[0]


@pytest.fixture
async def world(monkeypatch):
    monkeypatch.setattr(history, "_LOOKS_S", (0.0, 0.01))
    monkeypatch.setattr(history, "_GAP_RETRY_S", 0.01)
    stored, buffer = Stored(), LogBuffer()
    feed = LogHistory(buffer, stored.page)
    yield stored, buffer, feed
    await feed.aclose()


def seqs(buffer: LogBuffer) -> list[int]:
    return [row.seq for row in buffer.rows(0, len(buffer))]


async def test_live_lines_follow_the_newest_page(world):
    stored, buffer, feed = world
    stored.seqs = list(range(1, 101))
    feed.offer(batch(99, 103))  # while the page is being read
    await feed.open(page=10)
    feed.offer(batch(104, 105))
    await feed.settled()
    assert seqs(buffer) == list(range(91, 106))
    assert feed.has_older
    assert await feed.load_older(50) == 50
    assert seqs(buffer)[0] == 41


async def test_a_hole_is_refetched_in_order(world):
    stored, buffer, feed = world
    await feed.open()
    feed.offer(batch(1, 3))
    stored.seqs = list(range(1, 9))
    feed.offer(batch(7, 8))
    feed.offer(batch(9, 9))
    await feed.settled()
    assert seqs(buffer) == list(range(1, 10))
    assert buffer.gaps == []


async def test_a_hole_that_is_not_stored_becomes_a_row_and_is_filled_later(world):
    stored, buffer, feed = world
    await feed.open()
    feed.offer(batch(1, 3))
    stored.is_away = True
    feed.offer(batch(7, 8))
    await feed.settled()
    assert buffer.gaps == [(4, 6)]
    assert buffer.row(3).kind is RowKind.GAP
    filled = asyncio.Event()
    buffer.reset.connect(lambda: filled.set())
    stored.is_away = False
    stored.seqs = list(range(1, 9))
    async with asyncio.timeout(20):
        await filled.wait()
    assert buffer.gaps == []
    assert seqs(buffer) == list(range(1, 9))


async def test_catch_up_reads_what_was_missed(world):
    stored, buffer, feed = world
    stored.seqs = [1, 2]
    await feed.open()
    stored.seqs = list(range(1, 12_001))
    feed.catch_up()
    await feed.settled()
    assert seqs(buffer) == list(range(1, 12_001))


async def test_doubled_batches_change_nothing(world):
    _, buffer, feed = world
    await feed.open()
    for _ in range(3):
        feed.offer(batch(1, 5))
        feed.offer(batch(3, 6))
    await feed.settled()
    assert seqs(buffer) == list(range(1, 7))


async def test_live_lines_show_although_history_cannot_be_read(world):
    stored, buffer, feed = world
    stored.is_away = True
    with pytest.raises(DatabaseError):
        await feed.open()
    feed.offer(batch(1, 2))
    assert seqs(buffer) == [1, 2]


async def test_history_that_could_not_be_read_comes_once_the_database_answers(world, monkeypatch):
    monkeypatch.setattr(history, "_RETRY_S", 0.01)
    monkeypatch.setattr(history, "PAGE_LINES", 10)
    stored, buffer, feed = world
    stored.seqs, stored.is_away = list(range(1, 101)), True
    with pytest.raises(DatabaseError):
        await feed.open()
    feed.catch_up()
    reads = stored.reads
    async with asyncio.timeout(10):
        while stored.reads < reads + 2:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    stored.is_away = False
    await feed.settled()
    # The newest page, not the whole log from its first line on.
    assert seqs(buffer) == list(range(91, 101))
    assert feed.has_older
    feed.offer(batch(101, 102))
    assert await feed.load_older(20) == 20
    assert seqs(buffer) == list(range(71, 103))
