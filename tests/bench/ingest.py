"""Log ingest into PostgreSQL against ``executemany``; a page and a search among many rows."""

from __future__ import annotations

import asyncio
import functools
import json
import os
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg

from slate_desktop.control.log_search import LogSearch, SearchPattern
from slate_desktop.domain.logs import LogLevel, LogPage, LogRecord
from slate_desktop.stack.postgres_server import PostgresServer
from slate_desktop.store import Database
from slate_desktop.store.migrate import migrate
from tests.bench.harness import Result, alternate

BATCHES = 40
ROWS = 500
# SLATE_BENCH_HISTORY_ROWS=10000000 takes some minutes and 7 GB.
HISTORY_ROWS = int(os.environ.get("SLATE_BENCH_HISTORY_ROWS", "1000000"))
COPIED_ROWS = 200_000
SEARCHED_ROWS = 1_000_000
NEEDLE = "a needle in the haystack"
PAGES = 300
TEXT = "[12:01:49.833][  42] LogShaders: Display: Shader Standard/49 compiled in 15 ms, 3 variants"
_INSERT = """insert into slate_runtime_logs
    (session_id, seq, container_id, stream, ts_ns, ord, level, message, partial, metadata)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, null) on conflict do nothing"""

_FILL = """insert into slate_runtime_logs
    (session_id, seq, container_id, stream, ts_ns, level, message)
    select $1, n, 'bench', 'stdout', 1700000000000000000 + n::bigint, 'info', $4
    from generate_series($2::bigint, $3::bigint) n"""
_EXPLAIN = """explain (analyze, timing off, format json)
    select seq, ts_ns, level, message, stream, partial, metadata from slate_runtime_logs
    where session_id = $1 and seq < $2 and deleted_at is null order by seq desc limit 201"""


@asynccontextmanager
async def real_database() -> AsyncIterator[tuple[Database, str]]:
    """A PostgreSQL of our own with the schema, and one owned session's id."""
    with TemporaryDirectory() as directory:
        place = Path(directory)
        server = PostgresServer(place / "pg", password="bench", log_file=place / "pg.log")
        await server.start()
        try:
            dsn = server.dsn("postgres")
            await migrate(dsn)
            async with await Database.connect(dsn) as db:
                yield db, dsn
        finally:
            await server.stop()


async def new_session(db: Database) -> tuple[str, int]:
    """Insert and claim a session; returns its id and the owner's epoch."""
    user = await db.users.create("bench", "U" + "A" * 55)
    project = await db.projects.add(
        name="bench", owner_id=user.id, root=f"/bench/{time.time_ns()}", engine="custom"
    )
    row = await db.sessions.create(
        project_id=project.id, user_id=user.id, runtime_type="custom", container_config={}
    )
    agent = await db.agents.register("bench", name="bench", pubkey=None, capabilities={})
    row = await db.sessions.claim(
        row.id,
        version=row.version,
        agent_id="bench",
        epoch=agent.epoch,
        driver="process",
        container_name="bench",
    )
    return row.id, agent.epoch


def _records(first: int, count: int) -> list[LogRecord]:
    return [
        LogRecord(
            seq=seq,
            container_id="bench",
            stream="stdout",
            ts_ns=1_700_000_000_000_000_000 + seq,
            ord=0,
            level=LogLevel.INFO,
            message=TEXT,
        )
        for seq in range(first, first + count)
    ]


async def _peer(db: Database, dsn: str) -> float:
    session_id, _ = await new_session(db)
    connection = await asyncpg.connect(dsn)
    begin = time.perf_counter()
    for batch in range(BATCHES):
        rows = [
            (session_id, r.seq, r.container_id, r.stream, r.ts_ns, r.ord, r.level.value, r.message,
             r.partial)
            for r in _records(batch * ROWS + 1, ROWS)
        ]  # fmt: skip
        async with connection.transaction():
            await connection.executemany(_INSERT, rows)
    elapsed = time.perf_counter() - begin
    await connection.close()
    return BATCHES * ROWS / elapsed


async def _ours(db: Database) -> float:
    session_id, epoch = await new_session(db)
    begin = time.perf_counter()
    for batch in range(BATCHES):
        await db.logs.append(session_id, _records(batch * ROWS + 1, ROWS), epoch=epoch)
    return BATCHES * ROWS / (time.perf_counter() - begin)


async def _offset_ms(dsn: str, session_id: str) -> float:
    connection = await asyncpg.connect(dsn)
    times = []
    for index in range(5):
        begin = time.perf_counter()
        await connection.fetch(
            "select seq, message from slate_runtime_logs where session_id = $1 "
            "order by seq limit 200 offset $2",
            session_id,
            HISTORY_ROWS // 2 + index,
        )
        times.append((time.perf_counter() - begin) * 1e3)
    await connection.close()
    return statistics.median(times)


async def _page_p99_ms(db: Database, session_id: str) -> tuple[float, float, float]:
    """Return 99th percentiles: the wait for a page, our processor's part, the server's part."""
    waits, ours, servers = [], [], []
    for index in range(PAGES):
        before = HISTORY_ROWS - index * (HISTORY_ROWS // PAGES)
        begin, cpu = time.perf_counter(), time.process_time()
        page = await db.logs.page(session_id, before_seq=before, limit=200)
        waits.append((time.perf_counter() - begin) * 1e3)
        ours.append((time.process_time() - cpu) * 1e3)
        assert page.lines
    async with db.connection() as connection:
        for index in range(PAGES):
            before = HISTORY_ROWS - index * (HISTORY_ROWS // PAGES)
            plan = await connection.fetchval(_EXPLAIN, session_id, before)
            servers.append(json.loads(plan)[0]["Execution Time"])
    return _p99(waits), _p99(ours), _p99(servers)


def _p99(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.99)]


async def _fill(dsn: str, session_id: str, first: int, last: int) -> None:
    """Let the server itself write lines."""
    connection = await asyncpg.connect(dsn)
    for start in range(first, last + 1, 1_000_000):
        stop = min(last, start + 999_999)
        await connection.execute(_FILL, session_id, start, stop, TEXT, timeout=600)
    await connection.execute("analyze slate_runtime_logs")
    await connection.close()


async def _search_ms(db: Database, session_id: str, pattern: SearchPattern) -> float:
    """Return the time until the only hit, as far from where one looks as it can be."""
    last = (await db.logs.page(session_id, limit=1)).lines[-1].seq

    async def page(before: int | None, after: int | None, limit: int) -> LogPage:
        return await db.logs.page(session_id, before_seq=before, after_seq=after, limit=limit)

    find = functools.partial(db.logs.search, session_id)
    first = max(1, last - SEARCHED_ROWS + 1)
    search = LogSearch(pattern, find, page, first=first, last=last, near=first)
    begin = time.perf_counter()
    await search.run()
    elapsed = time.perf_counter() - begin
    assert list(search.hits) == [last], search.error
    return elapsed * 1e3


async def _searches(db: Database, session_id: str) -> Result:
    await db.logs.add(session_id, "info", NEEDLE)
    search = Result(
        f"First hit of a search over {SEARCHED_ROWS:,} stored lines, the farthest one",
        "limit",
        "ms",
        goal=1.0,
        higher_is_better=False,
    )
    search.peer_values.append(1e3)
    for _ in range(3):
        search.our_values.append(await _search_ms(db, session_id, SearchPattern(NEEDLE, False)))
    expression = SearchPattern(r"needle in the \w+stack", True)
    elapsed_ms = await _search_ms(db, session_id, expression)
    search.note = f"a regular expression: {elapsed_ms:,.0f} ms"
    return search


async def run() -> list[Result]:
    """Compare inserts, then pages."""
    async with real_database() as (db, dsn):
        ingest = Result(f"Log ingest, {ROWS} rows a batch", "executemany", "rows/s", goal=1.5)
        await alternate(ingest, lambda: _peer(db, dsn), lambda: _ours(db), 5)
        ingest.show()
        session_id, epoch = await new_session(db)
        begin = time.perf_counter()
        for first in range(1, COPIED_ROWS + 1, 20_000):
            await db.logs.append(session_id, _records(first, 20_000), epoch=epoch)
        rate = COPIED_ROWS / (time.perf_counter() - begin)
        await _fill(dsn, session_id, COPIED_ROWS + 1, HISTORY_ROWS)
        page = Result(
            f"A page of history among {HISTORY_ROWS:,} rows",
            "OFFSET from the middle",
            "ms (ours: p99)",
            goal=0.1,
            higher_is_better=False,
        )
        page.peer_values.append(await _offset_ms(dsn, session_id))
        wait_ms, our_ms, server_ms = await _page_p99_ms(db, session_id)
        page.our_values.append(wait_ms)
        page.note = (
            f"goal ≤ 2 ms p99; of it processor time of ours {our_ms:.2f} ms, execution in the "
            f"server {server_ms:.2f} ms; COPY of 20,000 rows: {rate:,.0f} rows/s"
        )
        page.show()
        search = await _searches(db, session_id)
        search.show()
    return [ingest, page, search]


if __name__ == "__main__":
    asyncio.run(run())
