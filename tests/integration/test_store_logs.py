"""Log lines on a real PostgreSQL: stored once each, fenced, and read in pages."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest

from slate_desktop.agent.drivers.base import LogFrame
from slate_desktop.agent.numbering import Numberer, ResumePoint, floor_of
from slate_desktop.domain.logs import LogLevel
from slate_desktop.errors import CommandError, ErrorCode, StaleWriteError
from slate_desktop.store import log_writing
from slate_desktop.store.database import Database
from slate_desktop.store.log_writing import COPY_ABOVE_ROWS
from tests.integration.store_rows import claim, make_session, record
from tests.services.postgres import PostgresDsn

pytestmark = pytest.mark.postgres


async def make_live(db: Database) -> tuple[str, int]:
    session_id = await make_session(db)
    row = await claim(db, session_id)
    return session_id, row.agent_epoch or 0


@pytest.mark.parametrize("count", [1, 50, COPY_ABOVE_ROWS + 1])
async def test_append_twice_stores_each_line_once(database: Database, count: int) -> None:
    session_id, epoch = await make_live(database)
    lines = [record(seq, f"line {seq}") for seq in range(1, count + 1)]
    for _ in range(2):
        await database.logs.append(session_id, lines, epoch=epoch)
    overlapping = [*lines[-1:], record(count + 1, "next")]
    await database.logs.append(session_id, overlapping, epoch=epoch)
    page = await database.logs.page(session_id, limit=5_000)
    assert [line.seq for line in page.lines] == list(range(1, count + 2))
    assert page.lines[-1].message == "next"


async def test_append_is_refused_for_an_older_epoch(database: Database) -> None:
    session_id, epoch = await make_live(database)
    newer = await database.agents.register("a1", name="h", pubkey=None, capabilities={})
    await database.sessions.adopt(session_id, agent_id="a1", old_epoch=epoch, epoch=newer.epoch)
    with pytest.raises(StaleWriteError):
        await database.logs.append(session_id, [record(1)], epoch=epoch)
    assert (await database.logs.page(session_id)).lines == []


async def test_a_line_of_a_person_takes_the_next_number_and_costs_none(database: Database) -> None:
    session_id, epoch = await make_live(database)
    await database.logs.append(session_id, [record(1), record(2)], epoch=epoch)
    added = await database.logs.add(session_id, "warn", "by hand", metadata={"who": "ann"})
    assert (added.seq, added.level, added.metadata) == (3, LogLevel.WARN, {"who": "ann"})
    following = await database.logs.append(
        session_id, [record(3, "three"), record(4, "four")], epoch=epoch
    )
    page = await database.logs.page(session_id)
    assert [line.message for line in page.lines] == ["line", "line", "by hand", "three", "four"]
    assert [line.seq for line in page.lines] == [1, 2, 3, 4, 5]
    assert following == 6


async def test_many_lines_of_people_get_distinct_numbers(database: Database) -> None:
    session_id, _ = await make_live(database)
    await asyncio.gather(*(database.logs.add(session_id, "info", f"{i}") for i in range(12)))
    page = await database.logs.page(session_id)
    assert [line.seq for line in page.lines] == list(range(1, 13))


async def test_add_is_refused_for_an_unknown_session_level_and_nul(database: Database) -> None:
    session_id, _ = await make_live(database)
    for args, code in (
        (("nothing", "info", "x"), ErrorCode.NOT_FOUND),
        ((session_id, "loud", "x"), ErrorCode.BAD_REQUEST),
        ((session_id, "info", "a\0b"), ErrorCode.BAD_REQUEST),
        ((session_id, "info", "\ud800"), ErrorCode.BAD_REQUEST),
    ):
        with pytest.raises(CommandError) as info:
            await database.logs.add(*args)
        assert info.value.code is code, args
    assert database.is_available


async def test_the_resume_point_names_what_is_stored(database: Database) -> None:
    session_id, epoch = await make_live(database)
    assert await database.logs.resume_point(session_id, "c1", overlap_ns=5) == (1, {}, set())
    lines = [record(1, ts_ns=100), record(2, ts_ns=200), record(3, ts_ns=200, ord_=1)]
    await database.logs.append(session_id, lines, epoch=epoch)
    point = await database.logs.resume_point(session_id, "c1", overlap_ns=50)
    assert point == (4, {"stdout": 200}, {("stdout", 200, 0), ("stdout", 200, 1)})
    assert await database.logs.resume_point(session_id, "c2", overlap_ns=50) == (4, {}, set())


async def test_each_stream_goes_on_from_its_own_newest_line(database: Database) -> None:
    session_id, epoch = await make_live(database)
    silent = [record(1, ts_ns=100, stream="stderr"), record(2, ts_ns=100)]
    count = COPY_ABOVE_ROWS + 5
    many = [record(n, ts_ns=100 + n) for n in range(3, count + 1)]
    note = record(count + 1, ts_ns=7, stream="slate")
    for lines in (silent, many, [note], silent):
        await database.logs.append(session_id, lines, epoch=epoch)
    next_seq, newest, known = await database.logs.resume_point(session_id, "c1", overlap_ns=1)
    assert (next_seq, newest) == (count + 2, {"stdout": 100 + count, "stderr": 100, "slate": 7})
    # One that fell silent long ago does not bring all that the others wrote since.
    assert known == {
        ("stderr", 100, 0),
        ("slate", 7, 0),
        ("stdout", 100 + count, 0),
        ("stdout", 99 + count, 0),
    }


async def test_no_more_lines_are_known_than_a_reading_needs(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_writing, "KNOWN_LINES", 3)
    session_id, epoch = await make_live(database)
    lines = [record(n, ts_ns=100, ord_=n) for n in range(1, 6)]
    lines += [record(n, ts_ns=n, stream="stderr") for n in (6, 7)]
    await database.logs.append(session_id, lines, epoch=epoch)
    _, newest, known = await database.logs.resume_point(session_id, "c1", overlap_ns=50)
    assert known == {("stdout", 100, n) for n in (3, 4, 5)} | {("stderr", n, 0) for n in (6, 7)}
    # What is not older than the cut is known too: 1 and 2 have the stamp of 3.
    assert floor_of(known, 3) == {"stdout": 101}
    point = ResumePoint(
        next_seq=8, last_ts_ns=newest, known=frozenset(known), floor=floor_of(known, 3)
    )
    numberer = Numberer("c1", point)
    again = [
        LogFrame(stream=row.stream, ts_ns=row.ts_ns, ord=row.ord, data=b"x")
        for row in [*lines, record(8, ts_ns=101), record(9, ts_ns=8, stream="stderr")]
    ]
    assert [(r.seq, r.stream, r.ts_ns) for r in numberer.number(again)] == [
        (8, "stdout", 101),
        (9, "stderr", 8),
    ]


async def test_positions_are_stored_with_their_lines_or_not_at_all(database: Database) -> None:
    session_id, epoch = await make_live(database)
    await database.logs.append(session_id, [record(1, ts_ns=100)], epoch=epoch)
    with pytest.raises(CommandError):
        await database.logs.append(
            session_id, [record(2, ts_ns=200), record(3, "a\0b", ts_ns=300)], epoch=epoch
        )
    assert (await database.logs.resume_point(session_id, "c1", overlap_ns=5))[:2] == (
        2,
        {"stdout": 100},
    )


async def test_a_session_with_lines_stays(database: Database, postgres_dsn: PostgresDsn) -> None:
    session_id, epoch = await make_live(database)
    await database.logs.append(session_id, [record(1)], epoch=epoch)
    connection = await asyncpg.connect(postgres_dsn)
    try:
        await connection.execute("delete from slate_log_positions")
        await connection.execute("delete from slate_log_volumes")
        with pytest.raises(asyncpg.ForeignKeyViolationError):
            await connection.execute("delete from slate_runtime_sessions where id = $1", session_id)
        await connection.execute("delete from slate_runtime_logs")
        await connection.execute("delete from slate_runtime_sessions where id = $1", session_id)
    finally:
        await connection.close()


async def test_lines_of_no_session_are_refused(database: Database) -> None:
    with pytest.raises(StaleWriteError):
        await database.logs.append("none", [record(1)], epoch=1)


async def test_big_batches_are_stored_once_where_rules_for_rows_forbid_copies(
    database: Database, postgres_dsn: PostgresDsn
) -> None:
    session_id, epoch = await make_live(database)
    rows = [record(n, f"line {n}") for n in range(1, COPY_ABOVE_ROWS + 2)]
    connection = await asyncpg.connect(postgres_dsn)
    await connection.execute("""
        alter table slate_runtime_logs enable row level security;
        create policy all_rows on slate_runtime_logs to slate_agent using (true) with check (true);
    """)
    await connection.close()
    async with await Database.connect(postgres_dsn.agent, application_name="test") as agent:
        for _ in range(2):
            assert await agent.logs.append(session_id, rows, epoch=epoch) == len(rows) + 1
    page = await database.logs.page(session_id, limit=5_000)
    assert [line.seq for line in page.lines] == list(range(1, len(rows) + 1))


async def test_what_a_run_stored_is_counted_once(database: Database) -> None:
    session_id, epoch = await make_live(database)
    assert await database.logs.run_volume(session_id, "c1") == (0, [])
    lines = [record(n, ts_ns=n, message="é" * 50) for n in range(1, 4)]
    await database.logs.append(session_id, lines, epoch=epoch)
    await database.logs.append(session_id, lines, epoch=epoch)  # nobody knew whether it was stored
    own: dict[str, Any] = {"stream": "slate", "message": "x" * 99}
    notes = [
        record(4, ts_ns=3, metadata={"dropped": 0, "limit": 300}, **own),
        record(5, ts_ns=4, ord_=2, metadata={"dropped": 7}, **own),
        record(6, ts_ns=5, **own),
    ]
    await database.logs.append(session_id, notes, epoch=epoch)
    many = [record(n, ts_ns=n, message="x") for n in range(10, COPY_ABOVE_ROWS + 11)]
    await database.logs.append(session_id, many, epoch=epoch)
    assert await database.logs.run_volume(session_id, "c1") == (
        300 + len(many),
        [(2, {"dropped": 7}), (0, {"dropped": 0, "limit": 300})],
    )
    assert (await database.logs.run_volume(session_id, "c2"))[1] == []


async def test_pages_go_back_and_forth_without_gap_or_double(database: Database) -> None:
    session_id, epoch = await make_live(database)
    await database.logs.append(session_id, [record(i) for i in range(1, 26)], epoch=epoch)
    newest = await database.logs.page(session_id, limit=10)
    assert [line.seq for line in newest.lines] == list(range(16, 26))
    assert (newest.has_older, newest.has_newer) == (True, False)
    older = await database.logs.page(session_id, before_seq=16, limit=10)
    oldest = await database.logs.page(session_id, before_seq=older.lines[0].seq, limit=10)
    assert [line.seq for line in oldest.lines + older.lines] == list(range(1, 16))
    assert not oldest.has_older
    after = await database.logs.page(session_id, after_seq=5, limit=10)
    assert [line.seq for line in after.lines] == list(range(6, 16))
    assert after.has_newer


async def test_pages_filter_by_level_text_and_time(database: Database) -> None:
    session_id, epoch = await make_live(database)
    levels = list(LogLevel)
    lines = [record(i, f"100% of_{i}", level=levels[i % 4]) for i in range(1, 21)]
    await database.logs.append(session_id, lines, epoch=epoch)

    async def seqs(**filters: object) -> list[int]:
        page = await database.logs.page(session_id, **filters)  # pyright: ignore[reportArgumentType]
        return [line.seq for line in page.lines]

    assert await seqs(level="error") == [3, 7, 11, 15, 19]
    assert await seqs(level="warn", after_seq=10) == [11, 14, 15, 18, 19]
    assert await seqs(grep="OF_7") == [7]
    assert await seqs(grep="100% OF_1") == [1, *range(10, 20)]
    assert await seqs(grep="of.7") == []
    assert await seqs(grep="OF.7$", is_regex=True) == [7]
    assert await seqs(grep=r"\bof_1\d\b", is_regex=True) == list(range(10, 20))
    assert await seqs(grep=r"of_(?P<n>[12])$", is_regex=True, level="error") == await seqs(
        grep="of_[12]$", is_regex=True, level="error"
    )
    with pytest.raises(CommandError) as refused:
        await seqs(grep="(?P=none)(", is_regex=True)
    assert refused.value.code is ErrorCode.BAD_REQUEST
    assert await seqs(since_ns=5_000_000, until_ns=8_000_000) == [5, 6, 7]
    with pytest.raises(CommandError):
        await seqs(level="loud")


@pytest.mark.parametrize("filters", [{"level": "info"}, {"level": "warn"}, {"grep": "Odd"}])
async def test_filtered_pages_reach_lines_far_away(
    database: Database, monkeypatch: pytest.MonkeyPatch, filters: dict[str, str]
) -> None:
    monkeypatch.setattr("slate_desktop.store.logs.WINDOW_LINES", 3)
    session_id, epoch = await make_live(database)
    levels = [LogLevel.WARN, LogLevel.DEBUG, LogLevel.DEBUG, LogLevel.ERROR]
    lines = [
        record(seq, "odd" if seq % 2 else "even", level=levels[seq % 4]) for seq in range(1, 31)
    ]
    await database.logs.append(session_id, lines, epoch=epoch)
    wanted = [
        line.seq
        for line in lines
        if ("grep" in filters and line.message == "odd")
        or ("level" in filters and line.level is not LogLevel.DEBUG)
    ]
    found: list[int] = []
    before = None
    while True:
        page = await database.logs.page(session_id, before_seq=before, limit=4, **filters)  # pyright: ignore[reportArgumentType]
        found[:0] = [line.seq for line in page.lines]
        before = page.lines[0].seq
        if not page.has_older:
            break
    assert found == wanted
    found, after, has_newer = [], 0, True
    while has_newer:
        page = await database.logs.page(session_id, after_seq=after, limit=4, **filters)  # pyright: ignore[reportArgumentType]
        found += [line.seq for line in page.lines]
        after, has_newer = page.lines[-1].seq, page.has_newer
    assert found == wanted


async def test_search_finds_texts_and_expressions_in_any_case(database: Database) -> None:
    session_id, epoch = await make_live(database)
    texts = ["Größe 10%", "GRÖSSE", "GRÖßE 10", "a_b", "\x1b[31mred", "word1 word"]
    await database.logs.append(
        session_id, [record(seq, text) for seq, text in enumerate(texts, 1)], epoch=epoch
    )

    async def found(pattern: str, *, is_regex: bool = False) -> list[int]:
        rows = await database.logs.search(session_id, 1, 99, pattern, is_regex=is_regex)
        assert (5, "\x1b[31mred") in rows
        return [seq for seq, text in rows if text is None]

    assert await found("größe") == [1, 3]
    assert await found("10%") == [1]
    assert await found("A_B") == [4]
    assert await found(r"\bword\b", is_regex=True) == [6]
    assert await found(r"(?P<what>ORD)\d", is_regex=True) == [6]
    assert await found(r"WORD\d w", is_regex=True) == [6]
    assert await found(r"WORD\d word x", is_regex=True) == []
    with pytest.raises(CommandError):
        await database.logs.search(session_id, 1, 99, "(", is_regex=True)


async def test_density_counts_problems_by_place(database: Database) -> None:
    session_id, epoch = await make_live(database)
    levels = {3: LogLevel.ERROR, 4: LogLevel.WARN, 98: LogLevel.ERROR, 100: LogLevel.ERROR}
    lines = [record(seq, level=levels.get(seq, LogLevel.INFO)) for seq in range(1, 101)]
    await database.logs.append(session_id, lines, epoch=epoch)
    counts = await database.logs.problem_density(session_id, 1, 100, 10)
    assert counts == {LogLevel.ERROR: {0: 1, 9: 2}, LogLevel.WARN: {0: 1}}
    assert await database.logs.problem_density(session_id, 5, 97, 10) == {
        LogLevel.ERROR: {},
        LogLevel.WARN: {},
    }


async def test_line_of_a_moment_is_found(database: Database) -> None:
    session_id, epoch = await make_live(database)
    await database.logs.append(
        session_id, [record(seq, ts_ns=seq * 100) for seq in range(1, 11)], epoch=epoch
    )
    assert await database.logs.find_at(session_id, 0) == 1
    assert await database.logs.find_at(session_id, 301) == 4
    assert await database.logs.find_at(session_id, 1_001) is None
