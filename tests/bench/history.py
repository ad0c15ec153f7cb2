"""A month of one session's figures among other sessions', read as 600 points."""

from __future__ import annotations

import asyncio
import statistics
import time
from datetime import UTC, datetime, timedelta

import asyncpg

from slate_desktop.domain.stats import choose_step
from slate_desktop.store import Database
from tests.bench.harness import Result
from tests.bench.ingest import new_session, real_database

SESSIONS = 20
MINUTES = 30 * 1440
READS = 15
_FILL = """insert into slate_runtime_stats (session_id, step_s, bucket, samples, cpu_percent,
    cpu_percent_min, cpu_percent_max, memory_usage, memory_usage_min, memory_usage_max,
    memory_limit, network_rx_bytes, network_tx_bytes)
    select $1, 60, date_trunc('minute', now()) - make_interval(mins => n), 60, n % 100, 0, 100,
        n * 1000, 0, n * 2000, 1 << 30, n, n
    from generate_series(1, $2) n"""


async def _read_ms(db: Database, session_id: str, span: timedelta) -> float:
    end = datetime.now(UTC)
    start = end - span
    start_ns, end_ns = (int(at.timestamp() * 1e9) for at in (start, end))
    step_s = choose_step(start_ns, end_ns, end_ns, 600)
    width_s = step_s * max(1, int(span.total_seconds() / 600 / step_s))
    begin = time.perf_counter()
    rows = await db.stats.list(session_id, step_s=step_s, start=start, end=end, width_s=width_s)
    elapsed_ms = (time.perf_counter() - begin) * 1e3
    assert 500 < len(rows) <= 800, len(rows)
    return elapsed_ms


async def _peer_ms(dsn: str, session_id: str) -> float:
    """What a client without down-sampling in the server does: fetch the rows."""
    connection = await asyncpg.connect(dsn)
    begin = time.perf_counter()
    rows = await connection.fetch(
        "select * from slate_runtime_stats where session_id = $1 and step_s = 60 order by bucket",
        session_id,
    )
    elapsed_ms = (time.perf_counter() - begin) * 1e3
    assert len(rows) == MINUTES
    await connection.close()
    return elapsed_ms


async def run() -> list[Result]:
    """Read 30 days of one of many sessions."""
    async with real_database() as (db, dsn):
        connection = await asyncpg.connect(dsn)
        session_id = ""
        for _ in range(SESSIONS):
            session_id, _epoch = await new_session(db)
            await connection.execute(_FILL, session_id, MINUTES, timeout=120)
        await connection.execute("analyze slate_runtime_stats")
        await connection.close()
        result = Result(
            f"30 days of figures as 600 points, {SESSIONS * MINUTES:,} rows in all",
            "fetching the minutes",
            "ms",
            goal=0.5,
            higher_is_better=False,
        )
        for _ in range(READS):
            result.peer_values.append(await _peer_ms(dsn, session_id))
            result.our_values.append(await _read_ms(db, session_id, timedelta(days=30)))
        result.note = f"median {statistics.median(result.our_values):.1f} ms"
        result.show()
        return [result]


if __name__ == "__main__":
    asyncio.run(run())
