"""A small studio that is hurt at random: agents, workers, broker, database, clocks and a disk.

What goes wrong and when follows from a seed; what the machine makes of it does not, so that a seed
names a kind of trouble and no exact run.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

import psutil

from slate_desktop.control import Slate
from slate_desktop.control.profiles import Endpoint
from slate_desktop.domain.project import Project
from slate_desktop.domain.session import RuntimeSession
from slate_desktop.errors import SlateError
from tests.fault.agent_main import CLOCK_VARIABLE
from tests.fault.agent_process import AgentProcess
from tests.fault.counting import check_counted, counting_program
from tests.fault.fleet import Fleet
from tests.fault.job_worker_main import LEASE_S
from tests.integration.agent_world import AgentWorld, python_project
from tests.services.nats import AGENT_ID, OTHER_AGENT_ID
from tests.services.postgres import RealPostgres
from tests.services.proxy import CutProxy

_DISK_MB = 96
SHORT = """
import time
print("begun", flush=True)
time.sleep(1.5)
print("done", flush=True)
"""


class Disk:
    """A file system in memory that can be full, in a directory that every user can reach."""

    def __init__(self) -> None:
        self.place = place = Path(tempfile.mkdtemp(prefix="slate-disk-"))
        place.chmod(0o711)
        try:
            subprocess.run(
                ["mount", "-t", "tmpfs", "-o", f"size={_DISK_MB}m", "slate-test", str(place)],
                check=True,
            )
        except subprocess.CalledProcessError:
            place.rmdir()
            raise

    async def fill(self, seconds: float) -> None:
        """Leave no byte for a while."""
        balloon = self.place / "balloon"

        def blow() -> None:
            with contextlib.suppress(OSError), balloon.open("wb", buffering=0) as file:
                while file.write(bytes(64 * 1024)):
                    pass

        await asyncio.to_thread(blow)
        await asyncio.sleep(seconds)
        balloon.unlink()

    def close(self) -> None:
        """Take it away, once nobody uses it."""
        subprocess.run(["umount", str(self.place)], check=True)
        self.place.rmdir()


class Chaos:
    """The studio, and what can be done to it.

    Args:
        world: broker, database, a person.
        postgres: the server of its database.
        fleet: workers of asset jobs.
        proxy: the agents' way to the broker.
        disk: where the database's tables are; None where it never fills.
        seed: of what goes wrong.
    """

    def __init__(
        self,
        world: AgentWorld,
        postgres: RealPostgres,
        fleet: Fleet,
        proxy: CutProxy,
        disk: Disk | None,
        seed: int,
    ) -> None:
        self.world, self.nats, self.postgres = world, world.nats, postgres
        self.fleet, self.proxy, self.disk = fleet, proxy, disk
        self.chance = random.Random(seed)
        self.done: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.counters: list[tuple[Project, str]] = []
        self.shorts: list[str] = []
        self.agents: list[AgentProcess] = []
        self._clocks: list[Path] = []
        self._busy: dict[AgentProcess, asyncio.Lock] = {}
        # A paused process of the database holds its shared memory, also when the others are dead.
        self._database, self._broker = asyncio.Lock(), asyncio.Lock()
        self._full = asyncio.Lock()
        self.slate: Slate

    async def open(self) -> None:
        """Start two agents and two workers, and connect as the person."""
        seeds = {AGENT_ID: self.nats.agent.seed, OTHER_AGENT_ID: self.nats.other_agent.seed}
        for agent_id, seed in seeds.items():
            agent = AgentProcess(
                self.world,
                agent_id=agent_id,
                nats_seed=seed,
                nats_url=f"nats://127.0.0.1:{self.proxy.port}",
                data_dir=str(self.world.directory / f"data-{agent_id}"),
                asset_slots=0,
            )
            clock = self.world.directory / f"clock-{agent_id}"
            _set_clock(clock, 0)
            agent.environment = {CLOCK_VARIABLE: str(clock)}
            self.agents.append(agent)
            self._clocks.append(clock)
            self._busy[agent] = asyncio.Lock()
            await agent.start()
        for _ in range(2):
            self.fleet.start()
        self.slate = await Slate.connect_to(
            Endpoint(
                profile="chaos",
                nats_url=self.nats.url,
                seed=self.nats.user.seed,
                database_url=self.world.dsn.user,
            )
        )

    async def aclose(self) -> None:
        """End everything that was started."""
        with contextlib.suppress(AttributeError):
            await self.slate.aclose()
        for agent in self.agents:
            await agent.aclose()

    # -- what people do --------------------------------------------------------------------

    async def start_counters(self, count: int) -> None:
        """Start sessions that number their lines until they are told to end."""
        command = python_project(counting_program(10, 0.05))
        for _ in range(count):
            project = await self.world.add_project(self.world.user, command=command)
            session = await self.slate.create_runtime_session(project.id, {"driver": "process"})
            await self.slate.start_container(session.id, wait=True, timeout_s=30)
            self.counters.append((project, session.id))

    async def work(self) -> None:
        """Start, restart and stop short sessions for ever; what is refused is counted."""
        project = await self.world.add_project(self.world.user, command=python_project(SHORT))
        while True:
            await asyncio.sleep(self.chance.uniform(0.1, 0.5))
            try:
                async with asyncio.timeout(15):
                    await self._act(project)
            except (SlateError, TimeoutError) as error:
                self.refused[type(error).__name__] += 1

    async def _act(self, project: Project) -> None:
        chance, slate = self.chance, self.slate
        if len(self.shorts) < 4 or chance.random() < 0.3:
            row = await slate.create_runtime_session(project.id, {"driver": "process"})
            self.shorts.append(row.id)
            await slate.start_container(row.id)
            return
        session_id = chance.choice(self.shorts)
        act: Callable[[str], Awaitable[object]] = chance.choice(
            (slate.start_container, slate.stop_container, slate.restart_container)
        )
        await act(session_id)

    # -- what goes wrong -------------------------------------------------------------------

    async def hurt(self, seconds: float) -> None:
        """Let things go wrong for a while, then wait for the last of them to be over.

        The while is longer where people, on a slow machine, have hardly begun.
        """
        loop = asyncio.get_running_loop()
        end, running = loop.time() + seconds, set[asyncio.Task[None]]()
        faults = [
            *((self.kill_agent, 3), (self.pause_agent, 2), (self.cut, 2), (self.step, 2)),
            *((self.kill_worker, 3), (self.pause_worker, 1)),
            *((self.kill_broker, 1), (self.kill_database, 1), (self.pause_database, 1)),
            *(((self.fill, 1),) if self.disk is not None else ()),
        ]
        # Each kind at least once, in the seed's order; then as it comes.
        order = [fault for fault, _ in faults]
        self.chance.shuffle(order)
        weights = [weight for _, weight in faults]
        while loop.time() < end or len(self.shorts) < 4:
            fault = order.pop() if order else self.chance.choices(faults, weights)[0][0]
            self.done[fault.__name__] += 1
            task = asyncio.create_task(fault(), name=fault.__name__)
            running.add(task)
            task.add_done_callback(running.discard)
            await asyncio.sleep(self.chance.uniform(0.4, 1.4))
        await asyncio.gather(*running)
        self.reset_clocks()

    def reset_clocks(self) -> None:
        """Let every agent's clock be right again."""
        for clock in self._clocks:
            _set_clock(clock, 0)

    async def heal(self) -> None:
        """Start what is down, and wait until every agent answers."""
        for agent in self.agents:
            assert agent.process is not None
            if agent.process.poll() is not None:
                agent.spawn()
        for agent in self.agents:
            try:
                async with asyncio.timeout(90):
                    while not await agent.is_serving():  # noqa: ASYNC110
                        await asyncio.sleep(0.2)
            except TimeoutError:
                raise AssertionError(f"does not serve again: {agent.log_tail()}") from None

    async def kill_agent(self) -> None:
        """Kill an agent, and start it again soon."""
        agent = self.chance.choice(self.agents)
        async with self._busy[agent]:
            agent.kill()
            await asyncio.sleep(self.chance.uniform(0, 1.5))
            agent.spawn()

    async def pause_agent(self) -> None:
        """Stop an agent for seconds, as a swapping machine would."""
        agent = self.chance.choice(self.agents)
        async with self._busy[agent]:
            assert agent.process is not None
            agent.process.send_signal(signal.SIGSTOP)
            await asyncio.sleep(self.chance.uniform(1, 4))
            agent.process.send_signal(signal.SIGCONT)

    async def cut(self) -> None:
        """Take the broker away from agents and workers."""
        await self.proxy.cut(self.chance.uniform(0.5, 4))

    async def step(self) -> None:
        """Set an agent's clock forward or back."""
        clock = self.chance.choice(self._clocks)
        _set_clock(clock, self.chance.choice((-8, -2, 2, 8)))

    async def kill_worker(self) -> None:
        """Kill a worker of asset jobs, and start another."""
        await asyncio.to_thread(self.fleet.kill_one, self.chance)

    async def pause_worker(self) -> None:
        """Stop a worker for longer than its lease."""
        await self.fleet.pause_one(self.chance, LEASE_S + 1)

    async def kill_broker(self) -> None:
        """Kill the broker, and start it again."""
        async with self._broker:
            await asyncio.to_thread(self.nats.kill)
            await asyncio.to_thread(self.nats.start)

    async def kill_database(self) -> None:
        """Kill the database, and start it again."""
        async with self._database:
            await asyncio.to_thread(self.postgres.kill)
            await asyncio.to_thread(self.postgres.start)

    async def pause_database(self) -> None:
        """Stop the database for a moment."""
        async with self._database:
            await self._stand_still()

    async def _stand_still(self) -> None:
        child = self.postgres.server.process
        if child is None or child.returncode is not None:
            return
        stopped: list[psutil.Process] = []
        with contextlib.suppress(psutil.NoSuchProcess):
            server = psutil.Process(child.pid)
            for process in (server, *server.children()):
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.suspend()
                    stopped.append(process)
        await asyncio.sleep(self.chance.uniform(0.5, 2))
        for process in stopped:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()

    async def fill(self) -> None:
        """Fill the disk of the database's tables."""
        assert self.disk is not None
        # On a slow machine the next one may be due before this one is over.
        async with self._full:
            await self.disk.fill(self.chance.uniform(1, 3))

    # -- what must hold --------------------------------------------------------------------

    async def end_counters(self) -> list[RuntimeSession]:
        """Tell the counters to end and return their rows once they have."""
        for project, _ in self.counters:
            (Path(project.root) / "enough").touch()
        return [await self.until_final(session_id) for _, session_id in self.counters]

    async def until_final(self, session_id: str, timeout_s: float = 60) -> RuntimeSession:
        """Return the row of a session that has ended, and whose log is whole."""
        async with asyncio.timeout(timeout_s):
            while True:
                row = await self.slate.db.sessions.get(session_id)
                if row.is_final and row.log_complete:
                    return row
                await asyncio.sleep(0.1)

    async def check_lines(self, session_id: str) -> int:
        """Check that each number is stored once and none is missing; returns how many there are."""
        return await check_counted(self.slate.db, session_id)

    async def runtimes(self) -> int:
        """Return how many runtimes the agents still have."""
        return sum([await agent.runtimes() for agent in self.agents])


def can_mount() -> bool:
    """Whether this process may mount a file system."""
    return sys.platform == "linux" and os.geteuid() == 0


def _set_clock(file: Path, offset_s: int) -> None:
    new = file.with_suffix(".new")
    new.write_text(f"{offset_s}\n")
    new.replace(file)
