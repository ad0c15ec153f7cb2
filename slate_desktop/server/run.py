"""The one process of a server: broker, database, registrar and this host's agent, kept up.

::

    lock → nats-server and PostgreSQL → schema, rules of rows → registrar → agent
         → who may join, come and go is looked at every second → (signal) → stop in reverse
                                        └ SIGHUP: certificates and the agent's key are read anew

Meant to run under systemd, or by hand in a terminal; it logs to standard error.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal

from slate_desktop.bus.nats_bus import NatsBus
from slate_desktop.errors import SlateError, StackError
from slate_desktop.server import cluster_members, cluster_upkeep, invitations
from slate_desktop.server.authority import Authority
from slate_desktop.server.broker import broker_users, make_broker, own_listen
from slate_desktop.server.cluster_members import Broker, ClusterState, StatePages
from slate_desktop.server.config import ServerFiles
from slate_desktop.server.database import ServerDatabase
from slate_desktop.server.host_agent import HostAgent
from slate_desktop.server.registrar import Registrar
from slate_desktop.server.standing import operator_users, read_operators
from slate_desktop.settings import files, paths
from slate_desktop.stack import locks, process
from slate_desktop.stack.nats_server import NatsUser
from slate_desktop.stack.restarts import RestartPolicy
from slate_desktop.stack.upkeep import Upkeep, exit_of
from slate_desktop.store.creation import until_it_answers
from slate_desktop.wire.keys import SigningKey

logger = logging.getLogger(__name__)

_LOOK_S = 1.0
_RELOAD_S = 0.3
_REPLICATE_S = 5.0
_FIRST_PRUNE_S, _PRUNE_S = 15 * 60.0, 6 * 3600.0


async def run(server_files: ServerFiles) -> int:
    """Be the server until a signal ends it; returns the exit code.

    Raises:
        SettingsError: there is no server in the directory, or its files are damaged.
        StackError: it runs already, or a part does not start.
    """
    server = _Server(server_files)
    lock = locks.FileLock.acquire(server_files.lock)
    if lock is None:
        raise StackError(f"The server in {server_files.directory} runs already.")
    files.write_private(server_files.pid, str(os.getpid()).encode())
    try:
        await server.run()
    finally:
        files.remove(server_files.pid)
        lock.release()
    return 0


class _Server:
    def __init__(self, server_files: ServerFiles) -> None:
        self._files = server_files
        self._config = server_files.read_config()
        self._authority = Authority.load(
            files.read_private(server_files.authority_key),
            files.read_private(server_files.authority_certificate),
        )
        self._database = ServerDatabase(
            server_files, self._config, server_files.read_secrets().database_password
        )
        self._key = SigningKey.generate()
        self._users: list[NatsUser] = broker_users(self._key.public, (), (), (), ())
        self._told: tuple[list[NatsUser], list[Broker]] | None = None
        self._broker = make_broker(server_files, self._config, self._users)
        self._system_key = SigningKey.generate()
        self._renewing = asyncio.Lock()
        self._registrar = Registrar(
            server_files,
            self._config,
            self._authority,
            self._database,
            self._renew,
            self._renewing,
        )
        self._bus: NatsBus | None = None
        self._agent: HostAgent | None = None
        self._stopping = asyncio.Event()
        self._failure: SlateError | None = None
        self._upkeep = Upkeep(self._fail)
        self._is_agent_renewed = False

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, self._stopping.set)
        loop.add_signal_handler(signal.SIGHUP, self._on_reload)
        try:
            # A cluster's first start waits for the others, and can be given up.
            starting = asyncio.create_task(self._start(), name="start")
            stopping = asyncio.create_task(self._stopping.wait(), name="stopping")
            await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not starting.done():
                starting.cancel()
                await asyncio.wait({starting})
            else:
                starting.result()
                logger.info("server is up", extra={"address": self._config.nats_url})
            await stopping
        finally:
            await self._stop()
        if self._failure is not None:
            raise self._failure

    async def _start(self) -> None:
        if cluster_upkeep.wants_to_begin(self._files):
            await cluster_upkeep.begin(self._files, self._config)
            self._broker = make_broker(self._files, self._config, self._users)
        self._broker.system_users = (cluster_upkeep.system_user(self._system_key),)
        await asyncio.gather(self._broker.start(), self._database.start())
        await self._database.prepare()
        self._upkeep.keep("nats", self._broker)
        self._upkeep.keep("database", self._database)
        await until_it_answers(self._renew)
        self._bus = await cluster_upkeep.connect(
            self._files, self._config, self._key, "slate-registrar"
        )
        await self._registrar.serve(self._bus)
        self._upkeep.own(self._watch(), "watch-members")
        if cluster_upkeep.is_moving(self._files):
            await cluster_upkeep.finish_moving(self._files, self._bus)
            await until_it_answers(self._renew)
        if cluster_members.is_begun(self._files):
            self._upkeep.own(self._keep_replicated(self._bus), "keep-replicated")
        self._upkeep.own(self._prune_now_and_then(), "prune")
        if self._config.agent:
            self._agent = await until_it_answers(
                lambda: HostAgent.make(self._files, self._config, self._authority, self._database)
            )
            await until_it_answers(self._renew)
            self._upkeep.own(self._keep_agent(self._agent), "keep-agent")

    # -- who is admitted -------------------------------------------------------------------------

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_S)
            with contextlib.suppress(SlateError):
                await self._renew()

    async def _renew(self) -> None:
        """Let the broker admit exactly those whom database and invitations name now."""
        async with self._renewing:
            known = await asyncio.to_thread(cluster_members.read_brokers, self._files.brokers)
            brokers = cluster_members.present(known)
            if cluster_upkeep.is_moving(self._files):
                # Streams that agents made meanwhile would be in the way of those that come back.
                users = broker_users(self._key.public, (), (), (), (), brokers)
            else:
                users = await self._everybody(brokers)
            listen = None
            if cluster_members.is_begun(self._files):
                listen = own_listen(self._files, self._config, known)
            if users != self._users or listen != self._broker.cluster:
                # Until it is written: where it cannot be, the next look tries again.
                self._users = []
                self._broker.cluster = listen
                self._broker.set_users(users)
                self._users = users
                # It reads its file on a signal and says nothing when it has.
                await asyncio.sleep(_RELOAD_S)
            if self._told != (users, known):
                await self._tell_brokers(users, known)
                self._told = (users, known)

    async def _everybody(self, brokers: list[Broker]) -> list[NatsUser]:
        users = broker_users(
            self._key.public,
            await self._database.people(),
            await self._database.members(),
            await self._database.agents(),
            await asyncio.to_thread(invitations.read_all, self._files.invitations),
            brokers,
        )
        return users + operator_users(
            await asyncio.to_thread(read_operators, self._files.operators)
        )

    async def _tell_brokers(self, users: list[NatsUser], known: list[Broker]) -> None:
        """Make what further brokers ask for, and note in the database where all of them are."""
        peers = await asyncio.to_thread(
            cluster_members.make_peers, self._files, self._config, known
        )
        is_begun = cluster_members.is_begun(self._files)
        state = ClusterState(
            cluster=self._config.name, is_begun=is_begun, peers=peers, users=tuple(users)
        )
        if known:
            self._registrar.pages = await asyncio.to_thread(StatePages, state)
        shown = peers if is_begun else peers[:1]
        await self._database.set_brokers([peer.place for peer in shown])

    async def _keep_replicated(self, bus: NatsBus) -> None:
        while True:
            try:
                await cluster_upkeep.make_streams(bus)
                if changed := await cluster_upkeep.replicate(bus):
                    logger.info("replicated now", extra={"streams": changed})
                known = await asyncio.to_thread(cluster_members.read_brokers, self._files.brokers)
                if gone := [one for one in known if one.is_removed]:
                    system = await cluster_upkeep.connect(
                        self._files, self._config, self._system_key, "slate-system"
                    )
                    try:
                        for one in gone:
                            await cluster_upkeep.let_go(system, self._files, one)
                    finally:
                        await system.aclose()
            except SlateError as exc:
                logger.warning("the cluster cannot be looked after", extra={"reason": str(exc)})
            await asyncio.sleep(_REPLICATE_S)

    async def _prune_now_and_then(self) -> None:
        """Remove what nobody names; by a process of its own, which reads every manifest."""
        wait_s = _FIRST_PRUNE_S
        while True:
            await asyncio.sleep(wait_s)
            wait_s = _PRUNE_S
            try:
                reason = await _prune(self._files)
            except OSError as exc:
                reason = str(exc)
            if reason:
                logger.warning("objects were not pruned", extra={"reason": reason})

    def _on_reload(self) -> None:
        self._upkeep.own(self._reload(), "reload")

    async def _reload(self) -> None:
        """Take new certificates and keys into use; connections that are there go on."""
        logger.info("certificates and keys are read anew")
        try:
            await self._database.reload()
            self._told = None
            async with self._renewing:
                self._broker.reload()
            await self._renew()
            if self._agent is not None and await asyncio.to_thread(self._agent.has_new_key):
                self._is_agent_renewed = True
                await self._agent.stop()
        except SlateError:
            # What runs has its old ones, and goes on.
            logger.exception("certificates and keys are not all in use")

    # -- keeping up ------------------------------------------------------------------------------

    async def _keep_agent(self, agent: HostAgent) -> None:
        policy = RestartPolicy()
        while True:
            await agent.start()
            code = await exit_of(agent)
            if self._is_agent_renewed:
                self._is_agent_renewed = False
                continue
            logger.error("agent ended", extra={"code": code})
            delay_s = policy.next_delay_s()
            if delay_s is None:
                logger.error(
                    "agent died too often; it is not started again",
                    extra={"log": process.log_tail(agent.log_file)},
                )
                return
            await asyncio.sleep(delay_s)

    def _fail(self, exc: SlateError) -> None:
        self._failure = exc
        self._stopping.set()

    async def _stop(self) -> None:
        await self._upkeep.aclose()
        if self._agent is not None:
            await self._agent.stop()
        if self._bus is not None:
            await self._bus.aclose()
        await asyncio.gather(self._broker.stop(), self._database.stop(), return_exceptions=True)
        logger.info("server ended", extra={"pid": os.getpid()})


async def _prune(server_files: ServerFiles) -> str:
    """Have a process prune the objects; returns why it could not, or an empty text."""
    command = [paths.python_program(), "-m", "slate_desktop", "server", "prune", "--apply"]
    pruning = await asyncio.create_subprocess_exec(
        *command, "--dir", str(server_files.directory),
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        _, errors = await pruning.communicate()
    except asyncio.CancelledError:
        pruning.terminate()
        await pruning.wait()
        raise
    return errors.decode(errors="replace").strip()[-500:] if pruning.returncode else ""
