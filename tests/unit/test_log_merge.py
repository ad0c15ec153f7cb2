"""Lines of several sessions by time, and in columns."""

from __future__ import annotations

from typing import Any, cast

import pytest

from slate_desktop.cli.log_columns import LogColumns
from slate_desktop.control import log_merge
from slate_desktop.control.client import Slate
from slate_desktop.control.log_merge import LogFilter, merge, merge_all, newest_merged
from slate_desktop.domain.logs import LogLevel, LogLine, LogPage

MS = 1_000_000


def line(seq: int, at_ms: int, text: str = "", level: LogLevel = LogLevel.INFO) -> LogLine:
    return LogLine(
        seq=seq,
        timestamp_ns=at_ms * MS,
        level=level,
        message=text or f"{seq} at {at_ms}",
        stream="stdout",
        partial=False,
        metadata={},
    )


class StoredLogs:
    """Answers as the database does, two lines a page at most."""

    def __init__(self, **logs: list[LogLine]) -> None:
        self.logs = logs

    async def get_runtime_logs(
        self,
        session_id: str,
        *,
        limit: int,
        before: int | None = None,
        after: int | None = None,
        text: str | None = None,
        **_: Any,
    ) -> LogPage:
        lines = [one for one in self.logs[session_id] if text is None or text in one.message]
        limit = min(limit, 2)
        if after is not None:
            rest = [one for one in lines if one.seq > after]
            return LogPage(lines=rest[:limit], has_older=after > 0, has_newer=len(rest) > limit)
        rest = [one for one in lines if before is None or one.seq < before]
        return LogPage(lines=rest[-limit:], has_older=len(rest) > limit, has_newer=False)


def stored(**logs: list[LogLine]) -> Slate:
    return cast("Slate", StoredLogs(**logs))


def test_lines_come_by_time_and_keep_the_order_of_their_session() -> None:
    first = [line(1, 10), line(2, 30), line(3, 20)]  # the clock went back
    second = [line(1, 10), line(2, 25), line(3, 31)]
    assert [(number, one.seq) for number, one in merge([first, second])] == [
        (0, 1),
        (1, 1),
        (1, 2),
        (0, 2),
        (0, 3),
        (1, 3),
    ]


async def test_all_pages_of_uneven_sessions_are_merged_once_each() -> None:
    fast = [line(n, n) for n in range(1, 40)]
    slow = [line(n, n * 10) for n in range(1, 5)]
    slate = stored(fast=fast, slow=slow, silent=[])
    found = [
        placed
        async for batch in merge_all(slate, ["fast", "slow", "silent"], LogFilter(), [38, 4, 0])
        for placed in batch
    ]
    assert found == merge([fast[:38], slow, []])


async def test_a_clock_that_goes_back_over_a_page_moves_no_line() -> None:
    odd = [line(1, 10), line(2, 90), line(3, 20), line(4, 30)]
    even = [line(n, n * 20) for n in range(1, 6)]
    slate = stored(odd=odd, even=even)
    found = [
        placed
        async for batch in merge_all(slate, ["odd", "even"], LogFilter(), [4, 5])
        for placed in batch
    ]
    assert found == merge([odd, even])


async def test_the_newest_of_all_together_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_merge, "_PAGE_LINES", 2)
    slate = stored(a=[line(n, n * 2) for n in range(1, 9)], b=[line(n, n * 3) for n in range(1, 6)])
    found = await newest_merged(slate, ["a", "b"], LogFilter(), 3)
    assert [(number, one.timestamp_ns // MS) for number, one in found] == [
        (0, 14),
        (1, 15),
        (0, 16),
    ]


def test_what_was_written_at_once_stands_in_one_row() -> None:
    columns = LogColumns(["server", "client"], 100)
    rows = list(
        columns.rows(
            [
                (0, line(1, 1000, "listening")),
                (1, line(1, 1050, "connecting\tto \x1b[31mserver\x1b[0m")),
                (0, line(2, 1060, "a client", LogLevel.WARN)),
                (1, line(2, 3000, "x" * 200, LogLevel.ERROR)),
            ]
        )
    )
    assert [[cell.strip() for cell in row[25:].split("│")] for row in rows[:2]] == [
        ["listening", "connecting  to server"],
        ["W a client", ""],
    ]
    left, right = rows[2][25:].split("│")
    assert not left.strip()
    assert right.strip().startswith("E xxx")
    assert right.endswith("…")
    assert all(len(row) <= 100 for row in [*columns.head(), *rows])
    assert rows[0].startswith("1970-01-01T00:00:01.000Z ")


def test_many_columns_keep_a_width_that_can_be_read() -> None:
    names = [f"session {n}" for n in range(9)]
    rows = list(LogColumns(names, 80).rows([(8, line(1, 0, "the ninth says this"))]))
    assert "the ninth says" in rows[0]
