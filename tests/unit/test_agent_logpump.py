"""The log pump: every line once, in order, whatever breaks."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec
import pytest

from slate_desktop.agent.logdoors import FloodLimits, LineNote, PumpLimits
from slate_desktop.agent.logpump import LogPump
from slate_desktop.domain.logs import LogLevel, LogRecord
from slate_desktop.errors import StaleWriteError
from tests.unit.fake_runtime import HANDLE, FakeLogDriver, FakeSink, frame
from tests.unit.pumping import LIMITS, S, make_pump, run_to_end, until, until_calls


async def test_run_stores_and_publishes_every_line_when_the_runtime_ends() -> None:
    driver, sink = FakeLogDriver(), FakeSink()
    driver.write(*(frame(i * S, f"line {i}") for i in range(100)))
    await run_to_end(driver, sink)
    assert sink.messages() == [f"line {i}" for i in range(100)]
    assert sorted(sink.rows) == list(range(1, 101))
    assert [r.seq for r in sink.published] == list(range(1, 101))


async def test_run_ends_only_after_the_end_was_told() -> None:
    driver, sink = FakeLogDriver(), FakeSink()
    driver.write(frame(1, "a"))
    task = asyncio.create_task(make_pump(driver, sink).run())
    await until(sink, 1)
    assert not task.done()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_run_numbers_on_without_doubles_when_another_pump_was_killed() -> None:
    driver, sink = FakeLogDriver(), FakeSink()
    total = 0
    for round_ in range(10):
        pump = asyncio.create_task(make_pump(driver, sink).run())
        driver.write(*(frame(S + total + i, f"line {total + i}") for i in range(50)))
        total += 50
        await until(sink, total - 37)
        pump.cancel()
        await asyncio.gather(pump, return_exceptions=True)
        assert round_ >= 0
    await run_to_end(driver, sink)
    assert sink.messages() == [f"line {i}" for i in range(total)]
    assert sorted(sink.rows) == list(range(1, total + 1))


async def test_run_reads_again_when_the_follower_ends_early() -> None:
    driver, sink = FakeLogDriver(), FakeSink()
    driver.write(*(frame(i, f"{i}") for i in range(20)))
    driver.breaks_after = 7
    pump = make_pump(driver, sink)
    task = asyncio.create_task(pump.run())
    await until(sink, 20)
    driver.end()
    pump.end_with()
    await asyncio.wait_for(task, 30)
    assert sink.messages() == [str(i) for i in range(20)]


async def test_run_loses_nothing_when_the_database_is_away_for_a_while() -> None:
    driver, sink = FakeLogDriver(), FakeSink()
    pump = make_pump(driver, sink)
    task = asyncio.create_task(pump.run())
    driver.write(frame(1, "before"))
    await until(sink, 1)
    sink.is_away = True
    driver.write(*(frame(2, f"{i}", ord_=i) for i in range(10)))
    await until_calls(sink, sink.calls + 3)
    assert len(sink.published) == 11
    sink.is_away = False
    driver.end()
    pump.end_with()
    await asyncio.wait_for(task, 30)
    assert sink.messages() == ["before", *(str(i) for i in range(10))]


async def test_run_stops_reading_when_the_buffer_is_full() -> None:
    driver, sink = FakeLogDriver(), FakeSink()
    limits = PumpLimits(
        delay_s=0.001, store_interval_s=0.0, retry_s=0.005, buffer_bytes=20_000, batch_bytes=4_000
    )
    pump = make_pump(driver, sink, limits)
    task = asyncio.create_task(pump.run())
    await asyncio.wait_for(driver.was_read.wait(), 30)
    sink.is_away = True
    for i in range(50):
        driver.write(*(frame(i * 100 + j, "x" * 60) for j in range(10)))
        await asyncio.sleep(0.001)
    assert pump.buffered_bytes < 40_000
    sink.is_away = False
    driver.end()
    pump.end_with()
    await asyncio.wait_for(task, 30)
    assert len(sink.rows) == 500


async def test_run_keeps_less_in_memory_while_the_database_is_slow_than_while_it_is_away() -> None:
    driver, sink = FakeLogDriver(), FakeSink()
    limits = PumpLimits(
        delay_s=0.001, store_interval_s=0.0, retry_s=0.005, batch_bytes=4_000,
        behind_bytes=20_000, buffer_bytes=100_000,
    )  # fmt: skip
    pump = make_pump(driver, sink, limits)
    task = asyncio.create_task(pump.run())
    await asyncio.wait_for(driver.was_read.wait(), 30)
    most: list[int] = []
    for is_away in (False, True):
        begin = len(sink.rows)
        sink.is_away = is_away
        if not is_away:
            sink.may_store.clear()
        for i in range(100):
            driver.write(*(frame((begin + i) * 100 + j, "x" * 60) for j in range(10)))
            await asyncio.sleep(0.001)
        async with asyncio.timeout(30):
            while pump.buffered_bytes < (100_000 if is_away else 20_000):  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        most.append(pump.buffered_bytes)
        sink.is_away = False
        sink.may_store.set()
        await until(sink, begin + 1_000)
    assert 20_000 <= most[0] < 40_000
    assert 100_000 <= most[1] < 120_000
    driver.end()
    pump.end_with()
    await asyncio.wait_for(task, 30)


async def test_log_is_not_called_complete_when_the_engine_stays_away_at_the_last_read() -> None:
    driver, sink = FakeLogDriver(), FakeSink()
    driver.write(frame(1, "a"))
    driver.away_for = 100
    pump = make_pump(driver, sink)
    driver.end()
    pump.end_with()
    await asyncio.wait_for(pump.run(), 30)
    assert not pump.is_complete
    assert sink.messages() == ["a"]


async def test_last_read_is_tried_again_when_the_engine_comes_back() -> None:
    driver, sink = FakeLogDriver(), FakeSink()
    driver.write(frame(1, "a"))
    driver.away_for = 2
    pump = make_pump(driver, sink)
    driver.end()
    pump.end_with()
    await asyncio.wait_for(pump.run(), 30)
    assert pump.is_complete
    assert driver.away_for == 0


async def test_lines_that_were_rotated_away_are_counted_in_the_log() -> None:
    driver, sink = FakeLogDriver(), FakeSink()
    driver.write(frame(1 * S, "a"), frame(2 * S, "b"))
    pump = make_pump(driver, sink)
    task = asyncio.create_task(pump.run())
    await until(sink, 2)
    driver.write(msgspec.structs.replace(frame(9 * S, "c"), lost_lines=1_234_567))
    await until(sink, 4)
    driver.write(msgspec.structs.replace(frame(30 * S, "d"), is_after_gap=True))
    driver.end()
    pump.end_with()
    await asyncio.wait_for(task, 30)
    rows = [sink.rows[seq] for seq in sorted(sink.rows)]
    assert [row.message for row in rows] == [
        "a",
        "b",
        "log gap: 1,234,567 lines rotated away before being read",
        "c",
        "log gap: the engine replaced its log unread; lines of 21.000 s may be missing",
        "d",
    ]
    assert [row.metadata for row in rows if row.stream == "slate"] == [
        {"rotated": 1_234_567},
        {"span_ns": 21 * S},
    ]


async def test_gap_that_a_reading_found_stands_in_the_log_once() -> None:
    driver, sink = FakeLogDriver(), FakeSink()
    lost = msgspec.structs.replace(frame(9 * S, "b"), is_after_gap=True)
    driver.write(frame(1, "a"), frame(2, "a2"))
    task = asyncio.create_task(make_pump(driver, sink).run())
    await until(sink, 2)
    driver.write(lost)
    await until(sink, 4)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await run_to_end(driver, sink)
    assert [text.partition(":")[0] for text in sink.messages()] == ["a", "a2", "log gap", "b"]


async def test_run_adds_the_last_note_when_there_is_one() -> None:
    driver, sink = FakeLogDriver(), FakeSink()
    driver.write(frame(1, "a"))
    driver.end()
    pump = make_pump(driver, sink)
    pump.end_with("the child was killed")
    await asyncio.wait_for(pump.run(), 30)
    assert sink.messages() == ["a", "the child was killed"]
    assert sink.rows[2].level is LogLevel.WARN


class Watcher:
    """Notes every line with a word."""

    def lines(self, records: Sequence[LogRecord]) -> list[LineNote]:
        return [
            LineNote(ts_ns=r.ts_ns, level=LogLevel.WARN, text=f"alert: {r.message}")
            for r in records
            if "boom" in r.message
        ]


async def test_notes_stand_behind_their_lines_once_whatever_is_read_again() -> None:
    driver, sink = FakeLogDriver(), FakeSink()
    driver.write(frame(1 * S, "boom"), frame(2 * S, "b"))
    pump = LogPump(driver, HANDLE, sink, LIMITS, Watcher())
    task = asyncio.create_task(pump.run())
    await until(sink, 3)
    await pump.note(LineNote(ts_ns=3 * S, level=LogLevel.WARN, text="alert: CPU"))
    await until(sink, 4)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await pump.note(LineNote(ts_ns=4 * S, level=LogLevel.WARN, text="too late"))
    again = LogPump(driver, HANDLE, sink, LIMITS, Watcher())
    driver.end()
    again.end_with(None, [LineNote(ts_ns=5 * S, level=LogLevel.WARN, text="alert: ended")])
    await asyncio.wait_for(again.run(), 30)
    assert sink.messages() == ["boom", "b", "alert: boom", "alert: CPU", "alert: ended"]


async def test_limits_of_floods_may_change_while_a_log_runs() -> None:
    driver, sink = FakeLogDriver(), FakeSink()
    flood = FloodLimits(lines_per_s=None, run_bytes=None)
    pump = make_pump(driver, sink, PumpLimits(delay_s=0.001, store_interval_s=0.0, flood=flood))
    driver.write(*(frame(i, f"{i}") for i in range(100)))
    task = asyncio.create_task(pump.run())
    await until(sink, 100)
    pump.set_flood_limits(FloodLimits(lines_per_s=10, run_bytes=None))
    driver.write(*(frame(5 * S + i, f"{i}") for i in range(100)))
    driver.write(frame(9 * S, "last"))
    await until(sink, 112)
    driver.end()
    pump.end_with()
    await asyncio.wait_for(task, 30)
    assert sink.messages()[-2:] == [
        "90 lines dropped: more than the limit of 10 lines a second",
        "last",
    ]


async def test_run_says_log_gap_when_the_engine_dropped_lines() -> None:
    driver, sink = FakeLogDriver(), FakeSink()
    driver.write(frame(10 * S, "a"), frame(11 * S, "b"))
    task = asyncio.create_task(make_pump(driver, sink).run())
    await until(sink, 2)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    driver.frames = [frame(30 * S, "z")]
    await run_to_end(driver, sink)
    assert [m.split(":")[0] for m in sink.messages()] == ["a", "b", "log gap", "z"]


async def test_person_s_line_is_numbered_among_lines_that_are_not_stored_yet() -> None:
    driver, sink = FakeLogDriver(), FakeSink()
    pump = make_pump(driver, sink)
    task = asyncio.create_task(pump.run())
    driver.write(frame(S, "stored"))
    await until(sink, 1)
    sink.is_away = True
    driver.write(*(frame(2 * S + i, f"{i}") for i in range(5)))
    await until_calls(sink, sink.calls + 2)
    adding = asyncio.create_task(pump.add(LogLevel.WARN, "mine", {"by": "me"}))
    await until_calls(sink, sink.calls + 2)
    assert [r.message for r in sink.published][-1] == "mine"
    assert not adding.done()  # shown, and answered only when it is stored
    sink.is_away = False
    record = await asyncio.wait_for(adding, 30)
    assert record is not None
    assert sink.rows[record.seq] == record
    assert record.metadata == {"by": "me"}
    driver.write(frame(9 * S, "after"))
    driver.end()
    pump.end_with()
    await asyncio.wait_for(task, 30)
    assert sink.messages() == ["stored", *"01234", "mine", "after"]
    assert [r.seq for r in sink.published] == list(range(1, 9))


async def test_person_s_line_waits_for_the_first_look_at_the_database() -> None:
    driver, sink = FakeLogDriver(), FakeSink()
    await run_to_end(driver, sink)
    driver = FakeLogDriver()
    sink.rows = {7: numbered(7)}
    pump = make_pump(driver, sink)
    adding = asyncio.create_task(pump.add(LogLevel.INFO, "early", {}))
    task = asyncio.create_task(pump.run())
    record = await asyncio.wait_for(adding, 30)
    assert record is not None
    assert record.seq == 8
    driver.end()
    pump.end_with()
    await asyncio.wait_for(task, 30)
    assert await pump.add(LogLevel.INFO, "late", {}) is None


async def test_person_s_line_is_refused_when_the_pump_breaks_off() -> None:
    driver, sink = FakeLogDriver(), FakeSink()
    pump = make_pump(driver, sink)
    task = asyncio.create_task(pump.run())
    driver.write(frame(S, "a"))
    await until(sink, 1)
    sink.is_away = True
    adding = asyncio.create_task(pump.add(LogLevel.INFO, "lost?", {}))
    await until_calls(sink, sink.calls + 1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    with pytest.raises(StaleWriteError):
        await asyncio.wait_for(adding, 30)


def numbered(seq: int) -> LogRecord:
    return LogRecord(
        seq=seq, container_id="old", stream="stdout", ts_ns=seq, ord=0,
        level=LogLevel.INFO, message="old",
    )  # fmt: skip
