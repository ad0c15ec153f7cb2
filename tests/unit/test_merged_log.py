"""Several logs as one by time: order, places, filters, lines that come late."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from slate_desktop.control.console import LogBuffer
from slate_desktop.control.merged_log import MergedLog
from slate_desktop.domain.logs import LogLevel, LogLine


def put(buffer: LogBuffer, times: list[int], level: LogLevel = LogLevel.INFO) -> None:
    first = buffer.last_seq + 1
    buffer.append(
        [
            LogLine(seq=first + at, timestamp_ns=time, level=level, message=f"at {time}")
            for at, time in enumerate(times)
        ]
    )


def merged(*times: list[int]) -> tuple[MergedLog, list[LogBuffer]]:
    buffers = [LogBuffer(max_lines=4096) for _ in times]
    for buffer, stamps in zip(buffers, times, strict=True):
        put(buffer, stamps)
    return MergedLog([(buffer, buffer) for buffer in buffers]), buffers


def test_lines_stand_in_the_order_of_time() -> None:
    log, buffers = merged([1, 4, 9], [2, 3, 4, 5])
    rows = log.rows(0, 99)
    assert [(row.source, row.timestamp_ns) for row in rows] == [
        (0, 1), (1, 2), (1, 3), (0, 4), (1, 4), (1, 5), (0, 9),
    ]  # fmt: skip
    put(buffers[1], [7])
    assert [row.timestamp_ns for row in log.rows(4, 99)] == [4, 5, 7, 9]


def test_a_place_stays_true_while_lines_come_and_leave() -> None:
    log, buffers = merged(list(range(0, 3000, 3)), list(range(1, 3000, 3)))
    place = log.row(1500)
    put(buffers[1], [3000, 3001])
    assert log.row(log.index_of_seq(place.seq)) == place
    for first in range(4000, 20_000, 1000):
        put(buffers[0], list(range(first, first + 1000)))
        rows = [row.timestamp_ns for row in log.rows(0, len(log))]
        assert rows == sorted(rows)
    assert log.index_of_seq(log.row(77).seq) == 77


@given(st.integers(0, 10_000), st.lists(st.lists(st.integers(0, 50), max_size=30), min_size=1))
def test_every_row_is_found_again(seed: int, stamps: list[list[int]]) -> None:
    log, _ = merged(*stamps)
    rows = log.rows(0, len(log))
    assert len(rows) == sum(map(len, stamps))
    # The order within each log is its own, whatever its stamps say.
    for number, own in enumerate(stamps):
        assert [row.timestamp_ns for row in rows if row.source == number] == own
    assert [row.seq for row in rows] == sorted({row.seq for row in rows})
    if rows:
        at = random.Random(seed).randrange(len(rows))
        assert log.row(at) == rows[at]
        assert log.index_of_seq(rows[at].seq) == at


def test_filtered_logs_are_merged_and_news_are_told() -> None:
    buffers = [LogBuffer(), LogBuffer()]
    put(buffers[0], [1, 5])
    put(buffers[0], [7], LogLevel.ERROR)
    put(buffers[1], [6], LogLevel.ERROR)
    views = [buffer.view([LogLevel.ERROR]) for buffer in buffers]
    log = MergedLog(list(zip(buffers, views, strict=True)))
    told: list[int] = []
    log.appended.connect(told.append)
    for view in views:
        view.advance(5.0)
    assert [row.timestamp_ns for row in log.rows(0, 9)] == [6, 7]
    put(buffers[1], [8], LogLevel.ERROR)
    put(buffers[1], [9])
    assert told == [1]
    assert [row.timestamp_ns for row in log.rows(0, 9)] == [6, 7, 8]
    log.close()
    put(buffers[1], [10], LogLevel.ERROR)
    assert told == [1]
