"""Twenty minutes with a fault each fifteen seconds: memory, descriptors and tasks stay flat.

``SLATE_BENCH_SOAK_MIN=5`` makes it shorter. Four sessions write 200 lines a second, a job a second
is submitted, a person asks and restarts; the broker and the database are killed, cut off and held
in turn. Neither agents nor the client are restarted: it is them who must not grow.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import statistics
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil

from slate_desktop.bus.nats_bus import NatsBus
from slate_desktop.domain.assets.kinds import AssetJobStatus
from slate_desktop.errors import SlateError
from slate_desktop.store import Database
from tests.bench.harness import Result
from tests.fault.chaos import Chaos
from tests.fault.fleet import Fleet
from tests.fault.jobs_world import FaultWorld, check_effects, counts, repair
from tests.integration.agent_world import AgentWorld
from tests.services.nats import RealNats
from tests.services.postgres import FAST, PostgresDsn, RealPostgres
from tests.services.proxy import CutProxy

MINUTES = float(os.environ.get("SLATE_BENCH_SOAK_MIN", "20"))
_SESSIONS, _FAULT_EVERY_S, _SAMPLE_S, _ASK_S = 4, 15.0, 5.0, 1.0
_MAX_DRIFT, _MAX_COMMAND_MS = 1.05, 1000.0
_CALM_S = 10.0


async def run() -> list[Result]:
    """Run it; every job and every line is checked at the end."""
    with TemporaryDirectory() as folder:
        place = Path(folder)
        nats, postgres = RealNats(place / "nats"), RealPostgres(place, FAST)
        nats.start()
        try:
            postgres.start()
            postgres.make_template()
            name = postgres.create()
            postgres.execute(f"alter database {name} set synchronous_commit = on")
            return await _soak(place, nats, postgres, PostgresDsn.of(postgres.server, name))
        finally:
            postgres.close()
            nats.stop()


class Meter:
    """Samples of the agents and of the client's own process, between faults."""

    def __init__(self, chaos: Chaos) -> None:
        self._processes = [
            psutil.Process(agent.process.pid) for agent in chaos.agents if agent.process is not None
        ]
        self.agents_mb: list[float] = []
        self.agents_files: list[int] = []
        self.agents_threads: list[int] = []
        self.client_tasks: list[int] = []

    def sample(self) -> None:
        """Take one of each."""
        self.agents_mb.append(sum(p.memory_info().rss for p in self._processes) / 1e6)
        self.agents_files.append(sum(p.num_fds() for p in self._processes))
        self.agents_threads.append(sum(p.num_threads() for p in self._processes))
        self.client_tasks.append(len(asyncio.all_tasks()))


async def _soak(
    place: Path, nats: RealNats, postgres: RealPostgres, dsn: PostgresDsn
) -> list[Result]:
    proxy = CutProxy(nats.port)
    await proxy.start()
    world = AgentWorld(nats, dsn, place)
    await world.open()
    bus = await NatsBus.connect(nats.url, seed=nats.agent.seed, name="soak")
    db = await Database.connect(dsn, application_name="soak")
    (place / "jobs").mkdir()
    jobs = FaultWorld(db, place / "jobs", bus)
    await jobs.open()
    fleet = Fleet(
        {
            "nats": f"nats://127.0.0.1:{proxy.port}",
            "seed": nats.other_agent.seed,
            "database": dsn.agent,
            "root": jobs.project.root,
        },
        place,
        proxy,
    )
    chaos = Chaos(world, postgres, fleet, proxy, None, 1)
    try:
        await chaos.open()
        await jobs.queue.ensure()
        await chaos.start_counters(_SESSIONS)
        return await _work(chaos, jobs)
    finally:
        await chaos.aclose()
        fleet.close()
        await proxy.aclose()
        for closing in (jobs.close, bus.aclose, db.aclose, world.close):
            await closing()


async def _work(chaos: Chaos, jobs: FaultWorld) -> list[Result]:
    asked_ms: list[float] = []
    meter = Meter(chaos)
    helping = [
        asyncio.create_task(repair(jobs), name="repair"),
        asyncio.create_task(_ask(chaos, asked_ms), name="person"),
        asyncio.create_task(_submit(jobs), name="jobs"),
    ]
    faults: list[Callable[[], Any]] = [
        chaos.cut, chaos.kill_broker, chaos.kill_database, chaos.pause_database,
        chaos.pause_agent, chaos.kill_worker, chaos.step,
    ]  # fmt: skip
    end, turn = time.monotonic() + MINUTES * 60, 0
    while time.monotonic() < end:
        await asyncio.sleep(_FAULT_EVERY_S - _SAMPLE_S)
        meter.sample()
        fault = faults[turn % len(faults)]
        chaos.done[fault.__name__] += 1
        await fault()
        turn += 1
        await asyncio.sleep(_SAMPLE_S)
    for task in helping[1:]:
        task.cancel()
    await asyncio.gather(*helping[1:], return_exceptions=True)
    chaos.reset_clocks()
    await chaos.heal()
    # A submission that failed may have left its row, which is done as well.
    async with jobs.db.connection() as connection:
        ids = [row["id"] for row in await connection.fetch("select id from slate_asset_jobs")]
    async with asyncio.timeout(120):
        while (await counts(jobs)).get(AssetJobStatus.COMPLETED, 0) < len(ids):  # noqa: ASYNC110
            await asyncio.sleep(0.5)
    helping[0].cancel()
    await asyncio.gather(helping[0], return_exceptions=True)
    await check_effects(jobs, ids, Path(jobs.project.root) / "out")
    lines = 0
    for row in await chaos.end_counters():
        assert (row.status.value, row.attempt) == ("stopped", 1), row
        lines += await chaos.check_lines(row.id)
    return _results(meter, asked_ms, chaos.done, len(ids), lines)


async def _ask(chaos: Chaos, asked_ms: list[float]) -> None:
    turn = 0
    while True:
        await asyncio.sleep(_ASK_S)
        _, session_id = chaos.counters[turn % len(chaos.counters)]
        turn += 1
        begin = time.perf_counter()
        try:
            await chaos.slate.get_container_stats(session_id)
        except (SlateError, TimeoutError) as error:
            chaos.refused[type(error).__name__] += 1
        else:
            asked_ms.append((time.perf_counter() - begin) * 1e3)


async def _submit(jobs: FaultWorld) -> None:
    while True:
        await asyncio.sleep(1)
        with contextlib.suppress(SlateError, TimeoutError):
            await jobs.submit()


def _results(
    meter: Meter, asked_ms: list[float], faults: Counter[str], jobs: int, lines: int
) -> list[Result]:
    results: list[Result] = []
    for name, unit, values in (
        ("memory of two agents", "MB", meter.agents_mb),
        ("their open files", "files", meter.agents_files),
        ("their threads", "threads", meter.agents_threads),
        ("tasks of the client", "tasks", meter.client_tasks),
    ):
        # The first fifth is warming up; then the last third is compared with the one before.
        warm = values[len(values) // 5 :]
        third = max(1, len(warm) // 3)
        result = Result(f"Soak of {MINUTES:g} min: {name}", "the first third", unit)
        result.higher_is_better, result.goal = False, _MAX_DRIFT
        result.peer_values = [float(value) for value in warm[:third]]
        result.our_values = [float(value) for value in warm[-third:]]
        if values is meter.agents_threads:
            # Python's pool makes a thread whenever none is free, up to its bound, and keeps it.
            bound = 2.0 * (1 + min(32, (os.cpu_count() or 1) + 4))
            result.peer, result.goal, result.peer_values = "their pools' bound", 1.0, [bound]
        result.note = f"from {min(values):.0f} to {max(values):.0f} over {len(values)} samples"
        results.append(result)
    asked = Result(f"Soak of {MINUTES:g} min: a request, p99", "limit", "ms", [_MAX_COMMAND_MS])
    asked.higher_is_better = False
    asked.our_values = [sorted(asked_ms)[len(asked_ms) * 99 // 100]]
    asked.note = (
        f"median {statistics.median(asked_ms):.1f} ms of {len(asked_ms)} answered;"
        f" {sum(faults.values())} faults, {jobs} jobs each done once, {lines:,} lines each once"
    )
    results.append(asked)
    for result in results:
        result.show()
    return results
