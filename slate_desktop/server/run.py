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
import ssl
from collections.abc import Coroutine
from typing import Any

from slate_desktop.bus.nats_bus import NatsBus
from slate_desktop.errors import SlateError, StackError
from slate_desktop.server import invitations
from slate_desktop.server.authority import Authority
from slate_desktop.server.broker import broker_users, make_broker
from slate_desktop.server.config import ServerFiles, bracketed
from slate_desktop.server.database import ServerDatabase
from slate_desktop.server.host_agent import HostAgent
from slate_desktop.server.registrar import Registrar
from slate_desktop.server.standing import operator_users, read_operators
from slate_desktop.settings import files
from slate_desktop.stack import locks, process
from slate_desktop.stack.nats_server import NatsUser
from slate_desktop.stack.restarts import RestartPolicy
from slate_desktop.stack.supervisor import Service
from slate_desktop.wire.keys import SigningKey

logger = logging.getLogger(__name__)

_LOOK_S = 1.0
_RELOAD_S = 0.3
_CONNECT_ATTEMPTS = 20


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
        self._broker = make_broker(server_files, self._config, self._users)
        self._bus: NatsBus | None = None
        self._agent: HostAgent | None = None
        self._stopping = asyncio.Event()
        self._failure: SlateError | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._renewing = asyncio.Lock()
        self._is_agent_renewed = False

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, self._stopping.set)
        loop.add_signal_handler(signal.SIGHUP, self._on_reload)
        try:
            await self._start()
            logger.info("server is up", extra={"address": self._config.nats_url})
            await self._stopping.wait()
        finally:
            await self._stop()
        if self._failure is not None:
            raise self._failure

    async def _start(self) -> None:
        await asyncio.gather(self._broker.start(), self._database.start())
        await self._database.prepare()
        self._own(self._keep_up("nats", self._broker), "keep-nats")
        self._own(self._keep_up("database", self._database), "keep-database")
        await self._renew()
        self._bus = await self._connect()
        registrar = Registrar(
            self._files, self._config, self._authority, self._database, self._renew
        )
        await registrar.serve(self._bus)
        self._own(self._watch(), "watch-members")
        if self._config.agent:
            self._agent = await HostAgent.make(
                self._files, self._config, self._authority, self._database
            )
            await self._renew()
            self._own(self._keep_agent(self._agent), "keep-agent")

    async def _connect(self) -> NatsBus:
        context = ssl.create_default_context(cadata=self._authority.certificate_pem.decode("ascii"))
        url = f"tls://{bracketed(self._config.hosts[0])}:{self._config.nats_port}"
        for attempt in range(_CONNECT_ATTEMPTS):
            try:
                return await NatsBus.connect(
                    url, seed=self._key.seed, name="slate-registrar", tls=context, is_tls_first=True
                )
            except SlateError:
                # The name may not lead here yet, as it does just after a host has started.
                if attempt == _CONNECT_ATTEMPTS - 1:
                    raise
                await asyncio.sleep(0.5)
        raise AssertionError("unreachable")

    # -- who is admitted -------------------------------------------------------------------------

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_S)
            with contextlib.suppress(SlateError):
                await self._renew()

    async def _renew(self) -> None:
        """Let the broker admit exactly those whom database and invitations name now."""
        async with self._renewing:
            users = broker_users(
                self._key.public,
                await self._database.people(),
                await self._database.members(),
                await self._database.agents(),
                await asyncio.to_thread(invitations.read_all, self._files.invitations),
            )
            users += operator_users(await asyncio.to_thread(read_operators, self._files.operators))
            if users == self._users:
                return
            self._users = users
            self._broker.set_users(users)
            # It reads its file on a signal and says nothing when it has.
            await asyncio.sleep(_RELOAD_S)

    def _on_reload(self) -> None:
        self._own(self._reload(), "reload")

    async def _reload(self) -> None:
        """Take new certificates and keys into use; connections that are there go on."""
        logger.info("certificates and keys are read anew")
        await self._database.reload()
        self._broker.set_users(self._users)
        await self._renew()
        if self._agent is not None and await asyncio.to_thread(self._agent.has_new_key):
            self._is_agent_renewed = True
            await self._agent.stop()

    # -- keeping up ------------------------------------------------------------------------------

    async def _keep_up(self, name: str, service: Service) -> None:
        policy = RestartPolicy()
        while True:
            code = await _exit_of(service)
            logger.error("server ended", extra={"role": name, "code": code})
            while True:
                delay_s = policy.next_delay_s()
                if delay_s is None:
                    raise StackError(f"The {name} server died too often; see its log.")
                await asyncio.sleep(delay_s)
                try:
                    await service.start()
                except StackError:
                    logger.exception("server cannot be started", extra={"role": name})
                    continue
                break

    async def _keep_agent(self, agent: HostAgent) -> None:
        policy = RestartPolicy()
        while True:
            await agent.start()
            code = await _exit_of(agent)
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

    def _own(self, coro: Coroutine[Any, Any, None], name: str) -> None:
        def on_done(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            if not task.cancelled() and (exc := task.exception()) is not None:
                logger.error("server task failed", exc_info=exc, extra={"task": name})
                is_ours = isinstance(exc, SlateError)
                self._failure = exc if is_ours else StackError(f"{name}: {exc!r}")
                self._stopping.set()

        task = asyncio.create_task(coro, name=name)
        self._tasks.add(task)
        task.add_done_callback(on_done)

    async def _stop(self) -> None:
        tasks = set(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=5)
        if self._agent is not None:
            await self._agent.stop()
        if self._bus is not None:
            await self._bus.aclose()
        await asyncio.gather(self._broker.stop(), self._database.stop(), return_exceptions=True)
        logger.info("server ended", extra={"pid": os.getpid()})


async def _exit_of(service: Service) -> int:
    return -1 if service.process is None else await service.process.wait()
