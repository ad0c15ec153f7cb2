"""Floods of lines, and what numbers and batches them."""

from __future__ import annotations

import asyncio

from slate_desktop.agent.logbatches import split_batches
from slate_desktop.agent.logdoors import FloodLimits, PumpLimits
from slate_desktop.agent.numbering import Numberer, ResumePoint
from slate_desktop.agent.rategate import RateGate
from slate_desktop.domain.logs import LogLevel, LogRecord
from tests.unit.fake_runtime import FakeLogDriver, FakeSink, frame
from tests.unit.pumping import S, make_pump, run_to_end, until


async def test_run_counts_what_a_flood_drops() -> None:
    driver, sink = FakeLogDriver(), FakeSink()
    driver.write(*(frame(i, f"{i}") for i in range(100)))
    limits = PumpLimits(delay_s=0.001, store_interval_s=0.0, flood=FloodLimits(lines_per_s=40))
    pump = make_pump(driver, sink, limits)
    driver.end()
    pump.end_with()
    await asyncio.wait_for(pump.run(), 10)
    notes = [r for r in sink.rows.values() if r.stream == "slate"]
    kept = [r for r in sink.rows.values() if r.stream != "slate"]
    assert sum(r.metadata["dropped"] for r in notes) + len(kept) >= 100
    assert len(kept) < 100


def test_gate_announces_the_size_limit_once() -> None:
    gate = RateGate(FloodLimits(1000, 10))
    assert len(gate.admit([frame(1, "x" * 20)])) == 1
    assert gate.admit([frame(2, "y")]) == []
    first = gate.take_marker()
    assert first is not None
    assert "limit" in first.text
    assert gate.admit([frame(3, "z")]) == []
    assert gate.take_marker() is None
    last = gate.take_marker(is_final=True)
    assert last is not None
    assert last.count == 2


async def kill(driver: FakeLogDriver, sink: FakeSink, flood: FloodLimits, rows: int) -> None:
    """Run a pump until so many lines are stored and all was read, and kill it."""
    pump = make_pump(driver, sink, PumpLimits(delay_s=0.001, store_interval_s=0.0, flood=flood))
    task = asyncio.create_task(pump.run())
    await until(sink, rows)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_the_size_limit_of_a_run_holds_across_agents() -> None:
    driver, sink = FakeLogDriver(), FakeSink()
    flood = FloodLimits(None, 1_000)
    driver.write(*(frame(n * S, "x" * 100) for n in range(6)))
    await kill(driver, sink, flood, 6)
    driver.write(*(frame(n * S, "x" * 100) for n in range(6, 12)))
    # Four more fit, and the line that says so comes once, however many agents follow.
    for _ in range(3):
        await kill(driver, sink, flood, 11)
    driver.write(*(frame(n * S, "x" * 100) for n in range(12, 20)))
    await run_to_end(driver, sink, PumpLimits(delay_s=0.001, store_interval_s=0.0, flood=flood))
    own = [r for r in sink.rows.values() if r.stream == "slate"]
    assert [(r.message, r.metadata["dropped"]) for r in own] == [
        ("the log reached its limit of 1000 B; the rest is dropped", 0),
        ("10 lines dropped: the log's limit of 1000 B was reached", 10),
    ]
    assert [r.ts_ns // S for r in sink.rows.values() if r.stream != "slate"] == list(range(10))
    assert sorted(sink.rows) == list(range(1, len(sink.rows) + 1))


async def test_a_flood_that_the_next_agent_reads_again_is_dropped_again() -> None:
    driver, sink = FakeLogDriver(), FakeSink()
    flood = FloodLimits(10, None)
    driver.write(*(frame(20 * S + n, f"{n}") for n in range(30)))
    driver.write(frame(21 * S, "after"))
    await kill(driver, sink, flood, 12)
    driver.write(frame(22 * S, "later"))
    await run_to_end(driver, sink, PumpLimits(delay_s=0.001, store_interval_s=0.0, flood=flood))
    assert [m for m in sink.messages() if not m.isdecimal()] == [
        "20 lines dropped: more than the limit of 10 lines a second",
        "after",
        "later",
    ]


async def test_a_flood_that_was_not_told_of_is_told_of_by_the_next_agent() -> None:
    driver, sink = FakeLogDriver(), FakeSink()
    flood = FloodLimits(10, None)
    driver.write(*(frame(20 * S + n, f"{n}") for n in range(30)))
    await kill(driver, sink, flood, 10)  # the flood goes on: nothing is said yet
    driver.write(frame(21 * S, "after"))
    await run_to_end(driver, sink, PumpLimits(delay_s=0.001, store_interval_s=0.0, flood=flood))
    assert sink.messages() == [
        *(f"{n}" for n in range(10)),
        "20 lines dropped: more than the limit of 10 lines a second",
        "after",
    ]


def test_gate_counts_nothing_twice_and_loses_nothing_when_a_log_is_read_again() -> None:
    gate = RateGate(FloodLimits(10, None))
    flood = [frame(20 * S + n, f"{n}") for n in range(30)]
    assert len(gate.admit(flood)) == 10
    after = [frame(40 * S, "after")]
    assert gate.admit(after) == after
    marker = gate.take_marker()
    assert marker is not None
    assert marker.count == 20
    gate.begin_again()
    # What is stored does not come here again; a clock that was set back loses no line.
    again = gate.admit([*flood[10:], frame(39 * S, "the clock went back")])
    assert [f.data for f in again] == [b"the clock went back"]
    assert gate.take_marker() is None


def test_gate_counts_by_the_time_of_the_lines() -> None:
    gate = RateGate(FloodLimits(10, 1_000_000))
    # Eight lines a second for a minute, read at once: nothing is a flood.
    lines = [frame(at * S // 8, "x") for at in range(480)]
    assert gate.admit(lines) == lines
    assert gate.take_marker(is_final=True) is None
    # Twenty within a second are one, also when they come in two readings.
    assert len(gate.admit([frame(61 * S + at, "x") for at in range(8)])) == 8
    assert len(gate.admit([frame(61 * S + at, "x") for at in range(8, 20)])) == 2
    assert gate.take_marker() is None  # it goes on
    assert len(gate.admit([frame(62 * S, "x")])) == 1
    marker = gate.take_marker()
    assert marker is not None
    assert (marker.count, marker.ts_ns) == (10, 61 * S + 10)


def test_number_gives_the_pieces_of_a_line_one_level() -> None:
    numberer = Numberer("c", ResumePoint())
    records = numberer.number(
        [frame(1, "ERROR: a", partial=True), frame(1, "b", ord_=1), frame(2, "c")]
    )
    assert [r.level for r in records] == [LogLevel.ERROR, LogLevel.ERROR, LogLevel.INFO]


def test_number_keeps_a_late_stream_when_the_other_is_ahead() -> None:
    point = ResumePoint(
        next_seq=5, last_ts_ns={"stdout": 100 * S}, known=frozenset({("stdout", 100 * S, 0)})
    )
    frames = [
        frame(1 * S, "old"),
        frame(99 * S, "e", stream="stderr"),
        frame(100 * S, "known"),
        frame(100 * S, "new", ord_=1),
    ]
    records = Numberer("c", point).number(frames)
    assert [(r.seq, r.message) for r in records] == [(5, "e"), (6, "new")]


def test_split_batches_keeps_order_and_size() -> None:
    lines = [
        LogRecord(
            seq=i, container_id="c", stream="stdout", ts_ns=i, ord=0,
            level=LogLevel.INFO, message="x" * 100,
        )
        for i in range(1, 101)
    ]  # fmt: skip
    batches = split_batches(lines, 1000)
    assert [r.seq for b in batches for r in b] == list(range(1, 101))
    assert all(len(b) <= 6 for b in batches)
