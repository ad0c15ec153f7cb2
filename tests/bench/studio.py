"""A simulated studio: hosts with scripted engines, sessions that write, windows that look.

``SLATE_BENCH_STUDIO=50,1000,100`` names hosts, sessions and windows of one size alone; without it
three sizes run. What is simulated takes most of this machine's processor time, so that the
latencies of the largest size are those of a machine that is full; what one session, one host and
one window cost broker and database is what docs/scale.md extrapolates from.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import asyncpg
import psutil

from slate_desktop.bus import permissions
from slate_desktop.control import Slate
from slate_desktop.control.profiles import Endpoint
from slate_desktop.domain.session import SessionStatus
from slate_desktop.errors import CommandError, OutcomeUnknownError
from slate_desktop.stack.nats_server import NatsUser
from slate_desktop.store import Database
from slate_desktop.wire.keys import SigningKey
from tests.bench.harness import Result
from tests.services.nats import RealNats
from tests.services.postgres import PostgresDsn, RealPostgres

SIZES = ((5, 100, 10), (15, 300, 30), (50, 1000, 100))
MEASURE_S = float(os.environ.get("SLATE_BENCH_STUDIO_S", "30"))
_SETTLE_S = 5.0
_LIMIT_MS = 1000.0
_PER_PROCESS = 25
_STARTS_AT_ONCE = int(os.environ.get("SLATE_BENCH_STUDIO_STARTS", "6"))
_INSERTS_AT_ONCE = 8
# Everything comes up on a machine that may be full of other work.
_UP_S = float(os.environ.get("SLATE_BENCH_STUDIO_UP_S", "1800"))
_START_S = 600.0
# As `slate server init` writes it, but for the number of connections, which is to be found out.
_POSTGRES = {"max_connections": "1500", "shared_buffers": "256MB"}


class StudioNats(RealNats):
    """A broker that knows a studio's agents."""

    def __init__(self, directory: Path, count: int) -> None:
        super().__init__(directory)
        self.agents = {f"host-{n}": SigningKey.generate() for n in range(count)}

    def users(self) -> list[NatsUser]:
        return super().users() + [
            NatsUser(public_key=key.public, permissions=permissions.agent(name, key.public))
            for name, key in self.agents.items()
        ]


@dataclass
class Load:
    """What a size costs while it is measured; shares are of one core."""

    hosts: int
    sessions: int
    windows: int
    broker_cpu: float = 0.0
    database_cpu: float = 0.0
    hosts_cpu: float = 0.0
    windows_cpu: float = 0.0
    commits_a_second: float = 0.0
    connections: int = 0
    broker_mb: float = 0.0
    start_ms: list[float] = field(default_factory=list[float])
    lines_ms: list[float] = field(default_factory=list[float])
    requests_ms: list[float] = field(default_factory=list[float])
    pages_ms: list[float] = field(default_factory=list[float])
    problems: list[str] = field(default_factory=list[str])
    begun_s: float = field(default_factory=time.monotonic)

    def note(self, text: str) -> None:
        """Say how far it has come, and when: the largest sizes take minutes."""
        print(f"  {time.monotonic() - self.begun_s:6.1f} s  {text}", flush=True)


async def run() -> list[Result]:
    """Measure each size; the figures of all of them are in the notes."""
    results: list[Result] = []
    for hosts, sessions, windows in _sizes():
        load = await _measure(hosts, sessions, windows)
        results += _results(load)
    return results


def _sizes() -> Iterable[tuple[int, int, int]]:
    given = os.environ.get("SLATE_BENCH_STUDIO")
    if given is None:
        return SIZES
    hosts, sessions, windows = (int(part) for part in given.split(","))
    return ((hosts, sessions, windows),)


def _results(load: Load) -> list[Result]:
    size = f"{load.hosts} hosts, {load.sessions} sessions, {load.windows} windows"
    results: list[Result] = []
    for name, values in (
        ("a line on its way to a window", load.lines_ms),
        ("a request and its answer", load.requests_ms),
        ("a page of history", load.pages_ms),
        ("a start", load.start_ms),
    ):
        result = Result(f"{size}: {name}, p99", "limit", "ms", [_LIMIT_MS])
        result.higher_is_better = False
        result.our_values = [_percentile(values, 99)]
        result.note = f"median {statistics.median(values):.1f} ms of {len(values):,}"
        results.append(result)
    results[0].note += (
        f"; of one core: broker {load.broker_cpu:.0%}, database {load.database_cpu:.0%},"
        f" simulated hosts {load.hosts_cpu:.0%}, simulated windows {load.windows_cpu:.0%};"
        f" {load.commits_a_second:.0f} transactions a second, {load.connections} connections,"
        f" broker {load.broker_mb:.0f} MB"
    )
    if load.problems:
        results[1].note += f"; {len(load.problems)} failed, the first: {load.problems[0]}"
    for result in results:
        result.show()
    return results


def _percentile(values: list[float], share: int) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * share // 100)]


async def _measure(hosts: int, sessions: int, windows: int) -> Load:
    load = Load(hosts, sessions, windows)
    with TemporaryDirectory() as folder:
        place = Path(folder)
        nats, postgres = StudioNats(place / "nats", hosts), RealPostgres(place, _POSTGRES)
        nats.start()
        try:
            postgres.start()
            postgres.make_template()
            dsn = PostgresDsn.of(postgres.server, postgres.create())
            await _studio(load, place, nats, dsn)
        finally:
            postgres.close()
            nats.stop()
    return load


async def _studio(load: Load, place: Path, nats: StudioNats, dsn: PostgresDsn) -> None:
    db = await Database.connect(dsn, application_name="studio")
    person = await db.users.create("person", nats.user.public)
    told = {"nats": nats.url, "directory": str(place), "dsn": dsn.agent}
    entries = [{"id": name, "seed": key.seed} for name, key in nats.agents.items()]
    parts: list[asyncio.subprocess.Process] = []
    try:
        hosts = [await _part("hosts", told | {"agents": part}) for part in _split(entries)]
        parts += hosts
        await asyncio.gather(*(_ready(part) for part in hosts))
        load.note("hosts serve")
        ids = await _start_sessions(load, place, nats, dsn, db, person.id)
        told = {"nats": nats.url, "seed": nats.user.seed, "dsn": dsn.user}
        looked_at = [ids[n * len(ids) // load.windows] for n in range(load.windows)]
        windows = [await _part("windows", told | {"sessions": part}) for part in _split(looked_at)]
        parts += windows
        await asyncio.gather(*(_ready(part) for part in windows))
        load.note("windows are open")
        await asyncio.sleep(_SETTLE_S)
        connection = await asyncpg.connect(dsn)
        try:
            await _watch(load, nats, connection, hosts, windows)
        finally:
            await connection.close()
        for found in await asyncio.gather(*(_end(part) for part in windows)):
            for name, values in found.items():
                setattr(load, name, getattr(load, name) + values)
    finally:
        for part in parts:
            if part.returncode is None:
                assert part.stdin is not None
                part.stdin.close()
        for part in parts:
            try:
                await asyncio.wait_for(part.wait(), 60)
            except TimeoutError:
                part.kill()
                await part.wait()
        await db.aclose()


def _split(items: list[Any]) -> list[list[Any]]:
    return [items[n : n + _PER_PROCESS] for n in range(0, len(items), _PER_PROCESS)]


async def _part(kind: str, told: dict[str, Any]) -> asyncio.subprocess.Process:
    part = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.studio_part", kind,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=2**26,
    )  # fmt: skip
    assert part.stdin is not None
    part.stdin.write(json.dumps(told).encode() + b"\n")
    await part.stdin.drain()
    return part


async def _ready(part: asyncio.subprocess.Process) -> None:
    assert part.stdout is not None
    async with asyncio.timeout(_UP_S):
        while (line := await part.stdout.readline()) != b"ready\n":
            if not line:
                raise SystemExit("a part of the studio ended before it was ready")


async def _end(part: asyncio.subprocess.Process) -> dict[str, list[Any]]:
    assert part.stdin is not None
    assert part.stdout is not None
    part.stdin.close()
    async with asyncio.timeout(120):
        while not (line := await part.stdout.readline()).startswith(b"{"):
            if not line:
                raise SystemExit("a part of the studio ended without its figures")
    return json.loads(line)


async def _start_sessions(
    load: Load, place: Path, nats: StudioNats, dsn: PostgresDsn, db: Database, owner: str
) -> list[str]:
    endpoint = Endpoint(
        profile="studio", nats_url=nats.url, seed=nats.user.seed, database_url=dsn.user
    )
    gate = asyncio.Semaphore(_STARTS_AT_ONCE)
    async with await Slate.connect_to(endpoint) as slate:
        ids: list[str] = []
        for number in range(load.hosts):
            root = place / f"project-{number}"
            root.mkdir()
            project = await db.projects.add(
                name=f"project {number}", owner_id=owner, root=str(root),
                engine="custom", command=["hold"],
            )  # fmt: skip
            ids += await _sessions(slate, project.id, load.sessions // load.hosts)
        load.note("sessions are there")

        async def start(session_id: str, host: str) -> None:
            async with gate:
                begin = time.perf_counter()
                await _start(slate, db, session_id, host)
                load.start_ms.append((time.perf_counter() - begin) * 1e3)
                if len(load.start_ms) % 100 == 0:
                    load.note(f"{len(load.start_ms)} sessions run")

        # Named, for the hosts are one machine, whose free memory tells nothing.
        names = list(nats.agents)
        await asyncio.gather(*(start(row, names[n % len(names)]) for n, row in enumerate(ids)))
    return ids


async def _start(slate: Slate, db: Database, session_id: str, host: str) -> None:
    """Start a session; a machine that is full answers late, or when the command has expired."""
    async with asyncio.timeout(_START_S):
        while (await db.sessions.get(session_id)).status is not SessionStatus.RUNNING:
            try:
                await slate.start_container(session_id, host=host, wait=True, timeout_s=_START_S)
            except (OutcomeUnknownError, CommandError):
                await asyncio.sleep(1)


async def _sessions(slate: Slate, project_id: str, count: int) -> list[str]:
    gate = asyncio.Semaphore(_INSERTS_AT_ONCE)

    async def make() -> str:
        async with gate:
            config = {"memory": "64m", "cpus": 0.1, "network_mode": "none"}
            return (await slate.create_runtime_session(project_id, config)).id

    return await asyncio.gather(*(make() for _ in range(count)))


async def _watch(
    load: Load,
    nats: StudioNats,
    connection: asyncpg.Connection,
    hosts: list[asyncio.subprocess.Process],
    windows: list[asyncio.subprocess.Process],
) -> None:
    assert nats.process is not None
    broker = psutil.Process(nats.process.pid)
    postmaster = await connection.fetchval("select pg_backend_pid()")
    server = psutil.Process(postmaster).parent()
    assert server is not None

    def spent() -> tuple[float, float, float, float]:
        database = sum(_cpu_s(process) for process in [server, *server.children()])
        return (
            _cpu_s(broker),
            database,
            sum(_cpu_s(psutil.Process(part.pid)) for part in hosts),
            sum(_cpu_s(psutil.Process(part.pid)) for part in windows),
        )

    async def commits() -> int:
        return await connection.fetchval(
            "select xact_commit from pg_stat_database where datname = current_database()"
        )

    count, before, begin = await commits(), spent(), time.monotonic()
    await asyncio.sleep(MEASURE_S)
    passed = time.monotonic() - begin
    shares = [(now - then) / passed for now, then in zip(spent(), before, strict=True)]
    load.broker_cpu, load.database_cpu, load.hosts_cpu, load.windows_cpu = shares
    load.commits_a_second = (await commits() - count) / passed
    load.connections = await connection.fetchval(
        "select count(*) from pg_stat_activity where datname = current_database()"
    )
    load.broker_mb = broker.memory_info().rss / 1e6


def _cpu_s(process: psutil.Process) -> float:
    """Return the processor time of a process, with that of children that have ended."""
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return times.user + times.system + times.children_user + times.children_system
