"""The agent process: connects, registers, serves, and ends cleanly with its runtimes left alone.

::

    broker → commands are heard (db_unavailable) → database → epoch + 1 → lock → reconcile → serve
                                                                     └ superseded, signal → end

Raising the epoch before waiting for the lock is what lets a new process take over: the running one
sees the newer epoch at its next heartbeat and ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import ssl
import sys
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from slate_desktop.agent import placement
from slate_desktop.agent.audit import AuditTrail
from slate_desktop.agent.authorize import Authorizer
from slate_desktop.agent.builds.host import add_builds, build_capabilities, build_settings
from slate_desktop.agent.callers import Gate
from slate_desktop.agent.commands import CommandServer, Core
from slate_desktop.agent.drivers.docker import DockerDriver
from slate_desktop.agent.drivers.process import ProcessDriver
from slate_desktop.agent.duty import Duty
from slate_desktop.agent.fleet import Fleet
from slate_desktop.agent.heartbeat import Pulse, SupersededError
from slate_desktop.agent.hostload import HostMeter
from slate_desktop.agent.idempotency import Idempotency
from slate_desktop.agent.jobs.asset_host import add_assets, default_slots
from slate_desktop.agent.jobs.host import JobHost
from slate_desktop.agent.keeper import LogKeeper
from slate_desktop.agent.lines import LineServer
from slate_desktop.agent.lock import AgentLock
from slate_desktop.agent.neighbours import Neighbours
from slate_desktop.agent.openfiles import allow_open_files
from slate_desktop.agent.operations import Operations
from slate_desktop.agent.options import AgentOptions
from slate_desktop.agent.reconcile import Reconciler
from slate_desktop.agent.recorder import Recorder
from slate_desktop.agent.retry import until_database_answers
from slate_desktop.agent.roster import Roster
from slate_desktop.agent.services import Services
from slate_desktop.agent.statspump import StatsPump
from slate_desktop.agent.tasks import TaskOwner
from slate_desktop.agent.trees.places import ProjectPlaces
from slate_desktop.agent.trees.server import TreeRequests
from slate_desktop.agent.watching import WatchHost
from slate_desktop.bus.attested import SigningBus
from slate_desktop.bus.nats_bus import NatsBus
from slate_desktop.bus.nats_object_care import ObjectCare
from slate_desktop.domain.container import DriverName
from slate_desktop.errors import ClientError, SlateError
from slate_desktop.pipeline.sandbox.parent import Sandbox
from slate_desktop.settings import joined
from slate_desktop.settings.secrets import get_secret
from slate_desktop.store import Database
from slate_desktop.wire.keys import SigningKey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from slate_desktop.agent.drivers.base import Driver
    from slate_desktop.domain.session import RuntimeSession
    from slate_desktop.domain.stats import ContainerStats

_log = logging.getLogger(__name__)
EXIT_OK = 0
# EX_TEMPFAIL: a newer process has this agent's id.
EXIT_SUPERSEDED = 75
CONNECT_RETRY_S = 1.0
# As windows count it: an agent that was not seen for so long is away.
_SEEN_WITHIN_S = 15.0
PASSWORD_ENV, PASSWORD_SECRET = "SLATE_REGISTRY_PASSWORD", "registry_password"


def run_agent(options: AgentOptions) -> int:
    """Run an agent until it is told to end (SIGTERM, SIGINT) or superseded; returns the exit code.

    Raises:
        SlateError: it cannot start: a setting is wrong, or another process keeps the lock.
    """
    allow_open_files()
    with asyncio.Runner() as runner:
        return runner.run(Agent(options).run())


class Agent:
    """One agent process.

    Args:
        options: addresses, keys and limits.
        drivers: instead of the ones that the options name.
    """

    def __init__(
        self, options: AgentOptions, *, drivers: Mapping[DriverName, Driver] | None = None
    ) -> None:
        self.options = options
        self.is_serving = asyncio.Event()
        self._drivers = drivers
        self._stop = asyncio.Event()
        self._neighbours = Neighbours(options.agent_id)
        self._lock = AgentLock(options.data_dir, options.agent_id)

    def stop(self) -> None:
        """Ask the agent to end; runtimes go on."""
        self._stop.set()

    async def run(self) -> int:
        """Serve until ``stop``, a signal, or a newer process; returns the exit code."""
        with _signals(self.stop):
            async with contextlib.AsyncExitStack() as stack:
                serving = asyncio.create_task(self._serve(stack), name="agent.serve")
                stopping = asyncio.create_task(self._stop.wait(), name="agent.stop")
                try:
                    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
                    if serving.done():
                        serving.result()
                except SupersededError:
                    _log.warning(
                        "a newer process is this agent now", extra={"agent": self.options.agent_id}
                    )
                    return EXIT_SUPERSEDED
                finally:
                    for task in (serving, stopping):
                        task.cancel()
                    await asyncio.gather(serving, stopping, return_exceptions=True)
        _log.info("agent ended; runtimes go on", extra={"agent": self.options.agent_id})
        return EXIT_OK

    async def _serve(self, stack: contextlib.AsyncExitStack) -> None:
        # Ended in reverse: first the work, then the database and the broker, last the lock.
        stack.callback(self._lock.release)
        options = self.options
        drivers = self._drivers if self._drivers is not None else build_drivers(options)
        fleet = Fleet(drivers, _registries(options))
        stack.push_async_callback(fleet.aclose)
        fleet.builds = build_capabilities(build_settings(options))
        tasks = TaskOwner(f"agent-{options.agent_id}")
        key = SigningKey.from_seed(options.nats_seed)
        bus = SigningBus(await _connect_bus(options), key)
        stack.push_async_callback(bus.aclose)
        gate = Gate(options.agent_id, allow_unsigned=options.allow_unsigned)
        server = CommandServer(bus, gate, self._neighbours, tasks)
        await server.subscribe()
        lines = LineServer(bus, gate, tasks)
        await lines.subscribe()
        db = await until_database_answers(lambda: _connect_database(options))
        stack.push_async_callback(db.aclose)
        await _note_brokers(db, options)
        self._neighbours.open(lambda: _ids_of_agents(db))
        # After the tasks: what they read is read in it.
        sandbox = Sandbox()
        stack.push_async_callback(sandbox.aclose)
        stack.push_async_callback(tasks.aclose)
        await fleet.refresh()
        epoch = await until_database_answers(lambda: self._register(db, fleet))
        bus.epoch = epoch
        await self._lock.acquire()
        recorder = Recorder(db, bus, options.agent_id, epoch)
        watches = WatchHost(db, bus, tasks)

        async def on_samples(taken: list[tuple[RuntimeSession, ContainerStats]]) -> None:
            await recorder.publish_stats(taken)
            for row, sample in taken:
                watches.note_stats(row, sample)

        stats = StatsPump(on_samples, recorder.store_stats)
        roster = Roster(Services(recorder, stats, tasks, watches=watches))
        fleet.holders = roster.memory_held
        objects = ObjectCare(bus)
        places = ProjectPlaces(
            db,
            objects,
            options.data_dir / "projects",
            agent_id=options.agent_id,
            takes_any_root=options.takes_any_root,
        )
        reconciler = Reconciler(db, recorder, roster, fleet, places)
        await reconciler.run_once()
        operations = Operations(db, recorder, roster, fleet, places)
        core = Core(
            Authorizer(db),
            Idempotency(db, options.agent_id, epoch, tasks),
            operations,
            AuditTrail(db, options.agent_id, tasks),
            lambda: _is_other_in_service(db, options.agent_id),
        )
        await until_database_answers(lambda: db.audit.end_left(options.agent_id))
        tasks.spawn(core.audit.settle(), "audit.settle")
        server.open(core)
        lines.trees = TreeRequests(db, core.authorizer, core.audit, places, tasks)
        lines.open(core)
        jobs = JobHost(
            db,
            bus,
            tasks,
            agent_id=options.agent_id,
            epoch=epoch,
            directory=options.data_dir / "jobs",
        )
        duty = Duty(server, jobs, roster, tasks)
        # Before anything is taken: it may be out of service.
        await until_database_answers(lambda: self._look_at_duty(db, duty))
        add_builds(
            jobs,
            options,
            db=db,
            bus=bus,
            fleet=fleet,
            objects=objects,
            places=places,
            tasks=tasks,
        )
        add_assets(
            jobs,
            sandbox,
            db=db,
            objects=objects,
            tasks=tasks,
            directory=options.data_dir / "jobs" / "deliveries",
            slots=default_slots() if options.asset_slots is None else options.asset_slots,
            find_root=places.own_root,
        )
        await jobs.serve_cancellations()
        pulse = Pulse(
            db,
            bus,
            fleet,
            roster,
            agent_id=options.agent_id,
            epoch=epoch,
            neighbours=self._neighbours,
            meter=HostMeter(options.data_dir),
            jobs=lambda: jobs.running,
            on_row=duty.look,
        )
        stack.push_async_callback(stats.flush)
        stack.push_async_callback(watches.flush)
        tasks.spawn(stats.run(), "stats")
        tasks.spawn(reconciler.run(), "reconcile")
        tasks.spawn(LogKeeper(db).run(), "logs.keep")
        tasks.spawn(watches.run(), "watches")
        self.is_serving.set()
        _log.info("agent serves", extra={"agent": options.agent_id, "epoch": epoch})
        await pulse.run()

    async def _look_at_duty(self, db: Database, duty: Duty) -> None:
        await duty.look(await db.agents.get(self.options.agent_id))

    async def _register(self, db: Database, fleet: Fleet) -> int:
        options = self.options
        row = await db.agents.register(
            options.agent_id,
            name=options.title,
            pubkey=SigningKey.from_seed(options.nats_seed).public,
            capabilities=placement.capabilities(fleet.infos, builds=fleet.advertised_builds()),
        )
        return row.epoch


async def _ids_of_agents(db: Database) -> list[str]:
    return [row.id for row in await db.agents.list()]


def build_drivers(options: AgentOptions) -> dict[DriverName, Driver]:
    """Return the drivers that the options name."""
    drivers: dict[DriverName, Driver] = {}
    for name in options.drivers:
        if name is DriverName.DOCKER:
            drivers[name] = DockerDriver(
                options.docker_host, credentials=_credentials(options), servers=_servers(options)
            )
        elif name is DriverName.PROCESS:
            drivers[name] = ProcessDriver(options.data_dir / "runtimes")
    return drivers


def _servers(options: AgentOptions) -> set[str]:
    """Return the hosts of broker and database; a name for each address of a cluster."""
    places = [*options.nats_url.split(","), options.database_url]
    return {host for place in places if (host := urlsplit(place.strip()).hostname)}


def _registries(options: AgentOptions) -> set[str]:
    own = urlsplit(options.registry_url).netloc if options.registry_url else ""
    return {name for name in (own, *options.allowed_registries) if name}


def _credentials(options: AgentOptions) -> Callable[[str], tuple[str, str] | None]:
    """Return what logs in at a registry: the configured user, and a password from the keyring."""
    host = urlsplit(options.registry_url).netloc if options.registry_url else ""

    def login(registry: str) -> tuple[str, str] | None:
        if not host or registry != host or options.registry_user is None:
            return None
        password = os.environ.get(PASSWORD_ENV) or get_secret(PASSWORD_SECRET)
        return None if password is None else (options.registry_user, password)

    return login


async def _connect_bus(options: AgentOptions) -> NatsBus:
    """Connect to the broker, however long it takes to come up."""
    tls = None
    if options.nats_ca_file is not None:
        tls = ssl.create_default_context(cafile=options.nats_ca_file)
    is_waiting = False
    while True:
        try:
            return await NatsBus.connect(
                options.nats_url,
                seed=options.nats_seed,
                name=f"slate-agent-{options.agent_id}",
                tls=tls,
                is_tls_first=options.is_tls_first,
                allow_plaintext=options.allow_plaintext,
            )
        except ClientError as error:
            if not is_waiting:
                is_waiting = True
                _log.warning("waiting for the broker", extra={"reason": str(error)})
            await asyncio.sleep(CONNECT_RETRY_S)


async def _connect_database(options: AgentOptions) -> Database:
    return await Database.connect(
        options.database_url, application_name=f"slate-agent-{options.agent_id}", max_size=10
    )


async def _is_other_in_service(db: Database, agent_id: str) -> bool:
    return any(
        agent.id != agent_id
        and agent.cordoned_at is None
        and agent.seen_ago_s is not None
        and agent.seen_ago_s < _SEEN_WITHIN_S
        for agent in await db.agents.list()
    )


async def _note_brokers(db: Database, options: AgentOptions) -> None:
    """Keep where all of the server's brokers are, for a start while one of them is away."""
    if options.joined_dir is not None:
        with contextlib.suppress(SlateError):
            urls = await db.brokers.urls()
            await asyncio.to_thread(joined.note_brokers, options.joined_dir, urls)


@contextlib.contextmanager
def _signals(stop: Callable[[], None]) -> Iterator[None]:
    """Call ``stop`` on SIGTERM and SIGINT while this runs in the main thread of a Unix process."""
    loop = asyncio.get_running_loop()
    taken: list[signal.Signals] = []
    if sys.platform != "win32":
        for number in (signal.SIGTERM, signal.SIGINT):
            with contextlib.suppress(ValueError, RuntimeError):
                loop.add_signal_handler(number, stop)
                taken.append(number)
    try:
        yield
    finally:
        for number in taken:
            loop.remove_signal_handler(number)
