"""Log transport: batches of lines against one NATS message per line, broker to decoded lines."""

from __future__ import annotations

import asyncio
import statistics
import time
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import nats

from slate_desktop.agent.logsink import SessionLog
from slate_desktop.bus.nats_bus import NatsBus
from slate_desktop.domain.logs import LogLevel, LogRecord
from slate_desktop.domain.session import RuntimeSession, SessionStatus
from slate_desktop.wire import messages, subjects
from tests.bench.harness import Result, alternate
from tests.services.nats import RealNats

LINES = 60_000
# Rates are compared; a run of ours must be long enough to be more than its first few messages.
OUR_LINES = 600_000
LINES_PER_BATCH = 400
TEXT = "[12:01:49.833][  42] LogShaders: Display: Shader Standard/49 compiled in 15 ms, 3 variants"
LATENCY_LINES = 200
BATCH_DELAY_S = 0.016


async def _peer(server: RealNats) -> float:
    """One publish per line, as the original client's worker did."""
    seed = server.anyone.seed
    publisher = await nats.connect(server.url, nkeys_seed_str=seed)
    reader = await nats.connect(server.url, nkeys_seed_str=seed)
    done = asyncio.Event()
    seen = 0

    async def on_line(_message: object) -> None:
        nonlocal seen
        seen += 1
        if seen == LINES:
            done.set()

    await reader.subscribe("bench.lines", cb=on_line, pending_bytes_limit=-1, pending_msgs_limit=-1)
    await reader.flush()
    payload = TEXT.encode()
    begin = time.perf_counter()
    for index in range(LINES):
        await publisher.publish("bench.lines", payload)
        if index % 500 == 0:
            await publisher.flush()
    await publisher.flush()
    await asyncio.wait_for(done.wait(), 120)
    elapsed = time.perf_counter() - begin
    await publisher.close()
    await reader.close()
    return LINES / elapsed


def _records(first: int, count: int) -> list[LogRecord]:
    now = time.time_ns()
    return [
        LogRecord(
            seq=first + i,
            container_id="c1",
            stream="stdout",
            ts_ns=now + i,
            ord=0,
            level=LogLevel.INFO,
            message=TEXT,
        )
        for i in range(count)
    ]


def _sink(bus: NatsBus) -> SessionLog:
    """The very object that the agent's log pump sends through; it needs no database for that."""
    now = datetime.now(UTC)
    row = RuntimeSession(
        id="s1",
        project_id="p1",
        user_id="u1",
        runtime_type="custom",
        status=SessionStatus.RUNNING,
        container_config={},
        attempt=1,
        created_at=now,
        updated_at=now,
    )
    return SessionLog(None, bus, row, 1)  # type: ignore[arg-type]


async def _ours(server: RealNats) -> float:
    """The event that the agent's log pump sends, through the real bus, as the console takes it."""
    subject = subjects.runtime("p1", "s1", "logs")
    publisher = await NatsBus.connect(server.url, seed=server.anyone.seed, name="bench-agent")
    reader = await NatsBus.connect(server.url, seed=server.user.seed, name="bench-window")
    done = asyncio.Event()
    seen = 0

    async def on_batch(message: object) -> None:
        nonlocal seen
        event = messages.read_event(message.data)  # type: ignore[attr-defined]
        seen += len(event.data)  # type: ignore[union-attr]
        if seen == OUR_LINES:
            done.set()

    await reader.subscribe(subject, on_batch)
    await asyncio.sleep(0.05)
    sink = _sink(publisher)
    starts = range(1, OUR_LINES + 1, LINES_PER_BATCH)
    batches = [_records(first, LINES_PER_BATCH) for first in starts]
    begin = time.perf_counter()
    for batch in batches:
        await sink.publish_logs(batch)
    await asyncio.wait_for(done.wait(), 120)
    elapsed = time.perf_counter() - begin
    await publisher.aclose()
    await reader.aclose()
    return OUR_LINES / elapsed


async def _latency_ms(server: RealNats, delay_s: float) -> float:
    """Median time from a line's birth to its arrival, with lines waiting ``delay_s`` in a batch."""
    subject = subjects.runtime("p1", "s1", "logs")
    publisher = await NatsBus.connect(server.url, seed=server.anyone.seed, name="bench-agent")
    reader = await NatsBus.connect(server.url, seed=server.user.seed, name="bench-window")
    born: dict[int, float] = {}
    late: list[float] = []
    done = asyncio.Event()

    async def on_batch(message: object) -> None:
        now = time.perf_counter()
        event = messages.read_event(message.data)  # type: ignore[attr-defined]
        late.extend((now - born[line.seq]) * 1e3 for line in event.data.lines())  # type: ignore[union-attr]
        if len(late) == LATENCY_LINES:
            done.set()

    await reader.subscribe(subject, on_batch)
    await asyncio.sleep(0.05)
    sink = _sink(publisher)
    for seq in range(1, LATENCY_LINES + 1):
        born[seq] = time.perf_counter()
        await asyncio.sleep(delay_s)
        await sink.publish_logs(_records(seq, 1))
    await asyncio.wait_for(done.wait(), 60)
    await publisher.aclose()
    await reader.aclose()
    return statistics.median(late)


async def run() -> list[Result]:
    """Start a broker of our own and compare."""
    with TemporaryDirectory() as directory:
        server = RealNats(Path(directory) / "nats")
        server.start()
        try:
            result = Result(
                "Log transport, lines/s", "one NATS message per line", "lines/s", goal=8.0
            )
            await alternate(result, lambda: _peer(server), lambda: _ours(server), 5)
            plain = await _latency_ms(server, 0.0)
            batched = await _latency_ms(server, BATCH_DELAY_S)
            result.note = (
                f"added latency with 16 ms batches: {batched - plain:.1f} ms (goal ≤ 20 ms)"
            )
        finally:
            server.stop()
    result.show()
    return [result]
