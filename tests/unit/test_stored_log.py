"""A whole log as rows, its search and its export, over pages in memory."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
from pathlib import Path

import pytest

from slate_desktop.control import log_search, stored_log
from slate_desktop.control.console import LogBuffer, RowKind
from slate_desktop.control.log_export import export
from slate_desktop.control.log_search import LogSearch, SearchPattern
from slate_desktop.control.stored_log import StoredLog
from slate_desktop.domain.logs import LogLevel, LogLine, LogPage
from slate_desktop.errors import CommandError, DatabaseError, ErrorCode


def line(seq: int, message: str = "") -> LogLine:
    return LogLine(seq=seq, timestamp_ns=seq, level=LogLevel.INFO, message=message or f"line {seq}")


class Stored:
    """A database of one log."""

    def __init__(self, *seqs: int) -> None:
        self.lines = [line(seq) for seq in seqs]
        self.reads: list[tuple[int | None, int]] = []
        self.is_away = False
        self.knows_expressions = True
        self.searched: list[tuple[int, int]] = []

    async def page(self, before: int | None, after: int | None, limit: int) -> LogPage:
        self.reads.append((after, limit))
        await asyncio.sleep(0)
        if self.is_away:
            raise DatabaseError("away")
        found = [x for x in self.lines if after is None or x.seq > after]
        return LogPage(lines=found[:limit], has_older=False, has_newer=False)

    async def search(
        self, first: int, last: int, pattern: str, *, is_regex: bool
    ) -> list[tuple[int, str | None]]:
        self.searched.append((first, last))
        await asyncio.sleep(0)
        if self.is_away:
            raise DatabaseError("away")
        if is_regex and not self.knows_expressions:
            raise CommandError(ErrorCode.BAD_REQUEST, "not an expression")
        found = re.compile(pattern if is_regex else re.escape(pattern), re.IGNORECASE)
        lines = [x for x in self.lines if first <= x.seq <= last]
        return [
            (x.seq, x.message if "\x1b" in x.message else None)
            for x in lines
            if "\x1b" in x.message or found.search(x.message)
        ]


def make(stored: Stored, kept: range) -> StoredLog:
    buffer = LogBuffer(max_lines=len(kept) + 16)
    buffer.append([line(seq) for seq in kept])
    tasks: list[asyncio.Task[None]] = []

    def spawn(coro: object, name: str) -> None:
        tasks.append(asyncio.ensure_future(coro))  # type: ignore[arg-type]

    log = StoredLog(buffer, stored.page, spawn)  # type: ignore[arg-type]
    log.tasks = tasks  # type: ignore[attr-defined]
    return log


def names_in(directory: Path) -> list[str]:
    return [entry.name for entry in directory.iterdir()]


async def settle(log: StoredLog) -> None:
    await asyncio.gather(*log.tasks)  # type: ignore[attr-defined]


async def test_scrolling_to_the_first_line_reads_one_page() -> None:
    stored = Stored(*range(1, 20_001))
    log = make(stored, range(19_001, 20_001))
    await log.open()
    assert len(log) == 20_000
    assert log.row(19_999).message == "line 20000"
    stored.reads.clear()
    resets: list[int] = []
    log.reset.connect(lambda: resets.append(1))
    assert {row.kind for row in log.rows(0, 40)} == {RowKind.WAITING}
    await settle(log)
    assert [row.message for row in log.rows(0, 3)] == ["line 1", "line 2", "line 3"]
    assert stored.reads == [(0, stored_log.PAGE_ROWS)]
    assert resets == [1]
    assert log.index_of_seq(500) == 499


async def test_rows_stay_where_they_are_while_lines_come_and_leave() -> None:
    stored = Stored(*range(1, 2_001))
    log = make(stored, range(1_001, 2_001))
    place = log.index_of_seq(1_200)
    log.buffer.append([line(seq) for seq in range(2_001, 3_201)])
    stored.lines = [line(seq) for seq in range(1, 3_201)]
    assert log.buffer.first_seq > 1_200
    log.row(place)
    await settle(log)
    assert log.row(place).message == "line 1200"


async def test_numbers_without_a_line_say_so_and_a_failure_is_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stored_log, "_RETRY_S", 0.0)
    stored = Stored(*range(1, 50), *range(60, 101))
    log = make(stored, range(101, 201))
    stored.is_away = True
    log.row(54)
    await settle(log)
    assert log.row(54).kind is RowKind.WAITING
    stored.is_away = False
    await settle(log)
    log.row(54)
    await settle(log)
    assert (log.row(54).kind, log.row(54).message) == (RowKind.GAP, stored_log.NEVER_STORED)
    assert log.row(48).message == "line 49"


async def test_only_the_last_pages_that_were_passed_are_read() -> None:
    stored = Stored(*range(1, 50_001))
    log = make(stored, range(49_001, 50_001))
    for index in range(0, 45_000, 1_000):
        log.row(index)
    await settle(log)
    assert len(stored.reads) <= 5
    assert log.row(44_000).message == "line 44001"


async def test_cleared_log_begins_with_what_comes() -> None:
    log = make(Stored(*range(1, 101)), range(51, 101))
    log.clear()
    assert len(log) == 0
    log.buffer.append([line(101)])
    assert [row.seq for row in log.rows(0, 9)] == [101]


@pytest.mark.parametrize("name", ["a.log", "a.jsonl", "a.log.gz", "a.jsonl.gz"])
async def test_export_writes_every_line_once(tmp_path: Path, name: str) -> None:
    log = make(Stored(*range(1, 101)), range(61, 101))
    path = tmp_path / name
    written = await export(
        log.read(5, 98), path, accepts=lambda row: row.seq % 2 == 0, as_text=lambda r: r.message
    )
    data = path.read_bytes()
    text = (gzip.decompress(data) if name.endswith(".gz") else data).decode()
    numbers = [
        json.loads(x)["seq"] if "jsonl" in name else int(x.split()[1]) for x in text.splitlines()
    ]
    assert numbers == list(range(6, 99, 2))
    assert written == len(numbers)
    assert names_in(tmp_path) == [name]


async def test_failed_export_keeps_what_was_there(tmp_path: Path) -> None:
    stored = Stored(*range(1, 101))
    log = make(stored, range(61, 101))
    path = tmp_path / "a.log"
    path.write_text("old")
    stored.is_away = True
    with pytest.raises(DatabaseError):
        await export(log.read(1, 100), path)
    assert path.read_text() == "old"
    assert names_in(tmp_path) == ["a.log"]


def search_of(stored: Stored, text: str, *, is_regex: bool = False, near: int = 1) -> LogSearch:
    return LogSearch(
        SearchPattern(text, is_regex),
        stored.search,
        stored.page,
        first=1,
        last=stored.lines[-1].seq,
        near=near,
    )


@pytest.mark.parametrize("knows", [True, False])
async def test_search_finds_every_line_and_steps_around(
    monkeypatch: pytest.MonkeyPatch, knows: bool
) -> None:
    monkeypatch.setattr(log_search, "WINDOW_LINES", 300)
    monkeypatch.setattr(log_search, "_FIRST_LINES", 50)
    stored = Stored(*range(1, 2_001))
    stored.knows_expressions = knows
    search = search_of(stored, r"LINE \d*77\b", is_regex=True, near=1_000)
    await search.run()
    expected = [seq for seq in range(1, 2_001) if str(seq).endswith("77")]
    assert list(search.hits) == expected
    assert (search.count, search.progress, search.is_done) == (len(expected), 1.0, True)
    assert search.next(100, 1) == 177
    assert search.next(177, -1) == 77
    assert search.next(77, -1) == 1977
    assert search.next(1977, 1) == 77
    assert search.position(177) == 2
    assert 1_000 in range(stored.searched[0][0] - 50, stored.searched[0][1] + 51)
    assert sum(last - first + 1 for first, last in stored.searched) >= 2_000 or not knows


async def test_search_looks_under_colours_and_at_new_lines() -> None:
    stored = Stored(1, 2)
    stored.lines += [line(3, "\x1b[31mfa\x1b[0mil"), line(4, "\x1b[31mother")]
    search = search_of(stored, "fail")
    await search.run()
    assert list(search.hits) == [3]
    stored.lines.append(line(5, "it failed"))
    await search.extend(5)
    assert list(search.hits) == [3, 5]


async def test_search_says_that_the_database_is_away() -> None:
    stored = Stored(*range(1, 10))
    stored.is_away = True
    search = search_of(stored, "x")
    await search.run()
    assert search.is_done
    assert isinstance(search.error, DatabaseError)
