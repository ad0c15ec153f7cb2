"""Hosts or windows of the simulated studio, many in one process.

    python -m tests.bench.studio_part hosts|windows

Reads where broker and database are as one line of JSON, says ``ready``, and works until its
standard input ends; windows then print what they measured as one line of JSON. Hosts are real
agents whose engine is scripted: every session writes a line a second, which carries the time.
Windows are what a window has without its widgets: the list of sessions, one open session with its
log and figures, a request each five seconds and a page of history each ten.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

from slate_desktop.agent.drivers.scripted import ScriptedDriver
from slate_desktop.agent.drivers.scripted_engine import Hold, Script, ScriptedEngine, Use
from slate_desktop.agent.options import AgentOptions
from slate_desktop.agent.service import Agent
from slate_desktop.control import Slate
from slate_desktop.control.models_list import SessionListModel
from slate_desktop.control.models_session import RuntimeSessionModel
from slate_desktop.control.profiles import Endpoint
from slate_desktop.domain.container import DriverName
from slate_desktop.errors import SlateError
from slate_desktop.wire.log_batch import LogBatch

LINE_S, ASK_S, PAGE_S = 1.0, 5.0, 10.0
_GIB = 1024**3
_HOST_GIB, _HOST_CPUS = 256, 64.0
_READY_S = 900.0
_HOSTS_AT_ONCE = 5


class Host(NamedTuple):
    """One simulated host."""

    engine: ScriptedEngine
    agent: Agent
    task: asyncio.Task[int]


async def hosts(told: dict[str, Any]) -> None:
    """Run agents until the input ends."""
    gate = asyncio.Semaphore(_HOSTS_AT_ONCE)

    async def begin(entry: dict[str, str]) -> Host:
        async with gate:
            return await _host(told, entry)

    made = await asyncio.gather(*(begin(entry) for entry in told["agents"]))
    _say("ready")
    ended = asyncio.create_task(_until_input_ends())
    while not ended.done():
        begin = time.monotonic()
        for engine in (host.engine for host in made):
            for runtime in engine.runtimes():
                if runtime.exit_code is None and runtime.started_ns is not None:
                    engine.say(runtime.handle.runtime_id, f"{time.time_ns()} one step further")
            await asyncio.sleep(0)
        await asyncio.wait({ended}, timeout=max(0.0, begin + LINE_S - time.monotonic()))
    for host in made:
        host.agent.stop()
    await asyncio.wait({host.task for host in made}, timeout=60)


async def _host(told: dict[str, Any], entry: dict[str, str]) -> Host:
    engine = ScriptedEngine({"hold": Script((Use(64 * 1024**2, 5.0), Hold()))})
    engine.memory_bytes, engine.cpus = _HOST_GIB * _GIB, _HOST_CPUS
    options = AgentOptions(
        agent_id=entry["id"],
        nats_url=told["nats"],
        nats_seed=entry["seed"],
        database_url=told["dsn"],
        data_dir=Path(told["directory"]) / entry["id"],
        build_slots=0,
        asset_slots=0,
    )
    agent = Agent(options, drivers={DriverName.SCRIPTED: ScriptedDriver(engine)})
    task = asyncio.create_task(agent.run(), name=entry["id"])
    serving = asyncio.create_task(agent.is_serving.wait())
    await asyncio.wait({task, serving}, timeout=_READY_S, return_when=asyncio.FIRST_COMPLETED)
    if not serving.done():
        raise SystemExit(f"{entry['id']} does not serve")
    return Host(engine, agent, task)


class Window:
    """One window's share of a person's work, measured."""

    def __init__(self, told: dict[str, Any], session_id: str) -> None:
        self._told, self._session_id = told, session_id
        self.lines_ms: list[float] = []
        self.requests_ms: list[float] = []
        self.pages_ms: list[float] = []
        self.problems: list[str] = []

    async def open(self) -> None:
        """Connect, and follow the list and one session."""
        self.slate = await Slate.connect_to(
            Endpoint(
                profile="studio",
                nats_url=self._told["nats"],
                seed=self._told["seed"],
                database_url=self._told["dsn"],
            )
        )
        self.list = SessionListModel(self.slate)
        await self.list.open()
        self.model = RuntimeSessionModel(self.slate, self._session_id, max_lines=10_000)
        take = self.model._history.offer

        def offer(batch: LogBatch) -> None:
            now_ns = time.time_ns()
            self.lines_ms += [
                (now_ns - int(line.message.split(" ", 1)[0])) / 1e6
                for line in batch.lines()
                if line.message[:1].isdigit()
            ]
            take(batch)

        self.model._history.offer = offer
        await self.model.open()

    async def work(self, ended: asyncio.Task[None], number: int) -> None:
        """Ask and read now and then, until the input ends."""
        await asyncio.sleep(ASK_S * (number % 50) / 50)
        turn = 0
        while not ended.done():
            begin = time.perf_counter()
            try:
                await self.slate.get_container_stats(self._session_id)
                self.requests_ms.append((time.perf_counter() - begin) * 1e3)
                if turn % round(PAGE_S / ASK_S) == 0:
                    begin_page = time.perf_counter()
                    await self.slate.get_runtime_logs(self._session_id, limit=200)
                    self.pages_ms.append((time.perf_counter() - begin_page) * 1e3)
            except (SlateError, TimeoutError) as error:
                self.problems.append(f"{type(error).__name__}: {error}")
            turn += 1
            await asyncio.wait({ended}, timeout=max(0.0, ASK_S - (time.perf_counter() - begin)))

    async def aclose(self) -> None:
        """Leave."""
        await self.model.aclose()
        await self.list.aclose()
        await self.slate.aclose()


async def windows(told: dict[str, Any]) -> None:
    """Run windows until the input ends, and print what they measured."""
    made = [Window(told, session_id) for session_id in told["sessions"]]
    for window in made:
        await window.open()
    _say("ready")
    ended = asyncio.create_task(_until_input_ends())
    await asyncio.gather(*(window.work(ended, n) for n, window in enumerate(made)))
    found: dict[str, list[Any]] = {}
    for name in ("lines_ms", "requests_ms", "pages_ms", "problems"):
        found[name] = [value for window in made for value in getattr(window, name)]
    _say(json.dumps(found))
    await asyncio.gather(*(window.aclose() for window in made))


async def _until_input_ends() -> None:
    await asyncio.to_thread(sys.stdin.read)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run({"hosts": hosts, "windows": windows}[sys.argv[1]](json.loads(sys.stdin.readline())))
