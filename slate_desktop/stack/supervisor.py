"""The one process that owns the embedded stack: starts it, keeps it up, ends it.

::

    lock → sweep what a crash left → nats-server and PostgreSQL → schema, logins, local user
         → endpoint file → agent → watch → (signal, request, nobody left) → stop in reverse

It is plain asyncio in the process's main thread, which matters: the kernel sends the children's
death signal when the thread that started them ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import time
from collections.abc import Coroutine
from typing import Any

from slate_desktop.bus import permissions
from slate_desktop.errors import SlateError, StackError
from slate_desktop.log.setup import configure
from slate_desktop.settings import files
from slate_desktop.settings.model import log_level
from slate_desktop.stack import agent_process, credentials, locks, process
from slate_desktop.stack.agent_process import AgentProcess
from slate_desktop.stack.database import StackDatabase
from slate_desktop.stack.nats_server import NatsServer, NatsUser
from slate_desktop.stack.options import Options
from slate_desktop.stack.restarts import RestartPolicy
from slate_desktop.stack.state import (
    EXIT_LOCKED,
    NATS_USER,
    Children,
    StackFiles,
    StackState,
    Steps,
    StepState,
)
from slate_desktop.stack.upkeep import Service, Upkeep, exit_of

logger = logging.getLogger(__name__)

EXIT_OK = 0
EXIT_FAILED = 1
_WATCH_INTERVAL_S = 1.0
_AGENT_READY_TIMEOUT_S = 30.0
_SWEEP_GRACE_S = 20.0


async def run(options: Options) -> int:
    """Be the supervisor of ``options.data_dir`` until the stack ends; returns the exit code.

    Raises:
        SettingsError: the data directory cannot be used.
    """
    files.ensure_private_dir(options.data_dir)
    stack_files = StackFiles(options.data_dir)
    files.ensure_private_dir(stack_files.logs)
    files.ensure_private_dir(stack_files.clients)
    lock = locks.FileLock.acquire(stack_files.lock)
    if lock is None:
        return EXIT_LOCKED
    configure(log_level(), file=stack_files.logs / "supervisor.log", is_stream_on=False)
    try:
        return await _Supervisor(options, stack_files).run()
    finally:
        lock.release()


class _Supervisor:
    def __init__(self, options: Options, stack_files: StackFiles) -> None:
        self._options = options
        self._files = stack_files
        self._is_lingering = options.linger
        self._stopping = asyncio.Event()
        self._wake = asyncio.Event()
        self._is_agent_restarting = False
        self._failure: SlateError | None = None
        self._upkeep = Upkeep(self._fail)
        identity = process.identify(os.getpid())
        if identity is None:
            raise StackError("This process cannot be seen in the process list.")
        self._steps = Steps(supervisor=identity)
        self._children: dict[str, process.Identity] = {}
        self._credentials = credentials.load_or_create(stack_files.keys)
        self._nats = NatsServer(
            stack_files.nats, self._nats_users(), log_file=stack_files.logs / "nats-server.log"
        )
        self._database = StackDatabase(stack_files, self._credentials)
        self._agent: AgentProcess | None = None
        if options.agent_command:
            self._agent = AgentProcess(
                stack_files,
                self._credentials.agent_id,
                options.agent_command,
                log_file=stack_files.logs / "agent.log",
            )
            self._agent.allow_unsigned = options.allow_unsigned
        self._started_at = time.time()

    async def run(self) -> int:
        self._handle_signals()
        files.remove(self._files.endpoint)
        files.remove(self._files.request)
        try:
            await self._sweep()
            await self._until_stopping(self._start())
            if not self._stopping.is_set():
                await self._serve()
        except SlateError as exc:
            self._fail(exc)
        except OSError as exc:
            self._fail(StackError(f"The embedded services cannot be started: {exc}."))
        except Exception as exc:
            logger.exception("supervisor failed")
            self._fail(StackError(f"The embedded services cannot be started: {exc!r}."))
        finally:
            await self._stop()
        return EXIT_OK if self._failure is None else EXIT_FAILED

    # -- start -----------------------------------------------------------------------------------

    async def _start(self) -> None:
        await self._together(self._start_nats(), self._start_database())
        self._publish_endpoint()
        self._upkeep.keep("nats", self._nats, self._on_nats_back)
        self._upkeep.keep("database", self._database, self._on_database_back)
        if self._agent is None:
            self._step("agent", "off")
        else:
            self._upkeep.own(self._keep_agent(self._agent), "keep-agent")
        self._upkeep.own(self._watch_clients(), "watch-clients")
        logger.info("stack is up", extra={"nats_url": self._nats.url})

    async def _together(self, *coros: Coroutine[Any, Any, None]) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for coro in coros:
                    group.create_task(coro)
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None

    async def _start_nats(self) -> None:
        self._step("nats", "starting")
        try:
            await self._nats.start()
        except SlateError:
            self._step("nats", "failed")
            raise
        self._remember("nats", self._nats)
        self._step("nats", "ready")

    async def _start_database(self) -> None:
        self._step("database", "starting")
        try:
            await self._database.start()
            self._remember("database", self._database)
            await self._database.prepare()
        except SlateError:
            self._step("database", "failed")
            raise
        self._step("database", "ready")

    def _nats_users(self) -> list[NatsUser]:
        mine = self._credentials
        as_user = permissions.user(mine.user_public)
        return [
            NatsUser(public_key=mine.user_public, permissions=as_user),
            NatsUser(name=NATS_USER, password=mine.nats_password, permissions=as_user),
            NatsUser(
                public_key=mine.agent_public,
                permissions=permissions.agent(mine.agent_id, mine.agent_public),
            ),
        ]

    async def _sweep(self) -> None:
        """End what a supervisor that was killed left behind; never a process that is not ours."""
        left = self._files.read_children().processes
        for name, identity in left.items():
            # On Linux the kernel has killed them; elsewhere they are still there.
            if await identity.wait_gone(1.0):
                continue
            logger.warning("ending a leftover process", extra={"role": name, "pid": identity.pid})
            identity.send_signal(signal.SIGINT if name == "database" else signal.SIGTERM)
            if not await identity.wait_gone(_SWEEP_GRACE_S):
                identity.send_signal(getattr(signal, "SIGKILL", signal.SIGTERM))
                if not await identity.wait_gone(5.0):
                    raise StackError(f"The leftover process {identity.pid} ({name}) does not end.")
        files.remove(self._files.children)

    # -- keeping up ------------------------------------------------------------------------------

    async def _serve(self) -> None:
        await self._stopping.wait()

    def _on_nats_back(self) -> None:
        self._remember("nats", self._nats)
        self._publish_endpoint()

    def _on_database_back(self) -> None:
        self._remember("database", self._database)

    async def _keep_agent(self, agent: AgentProcess) -> None:
        """Keep the agent up; a stack without one still serves reads, so giving up ends nothing."""
        policy = RestartPolicy()
        while True:
            self._step("agent", "starting")
            await agent.start()
            self._remember("agent", agent)
            ready = asyncio.create_task(self._await_agent(), name="agent-ready")
            code = await exit_of(agent)
            ready.cancel()
            if self._is_agent_restarting:
                self._is_agent_restarting = False
                continue
            self._step("agent", "failed")
            if code == agent_process.EXIT_SUPERSEDED:
                logger.info("another agent took over; waiting for its end")
                await agent.wait_superseding_agent()
                continue
            logger.error("agent ended", extra={"code": code})
            delay_s = policy.next_delay_s()
            if delay_s is None:
                logger.error("agent died too often; it is not started again")
                self._steps.error = f"The agent died too often: {process.log_tail(agent.log_file)}"
                self._step("agent", "failed")
                return
            await asyncio.sleep(delay_s)

    async def _await_agent(self) -> None:
        asked_at = time.time()
        deadline = asked_at + _AGENT_READY_TIMEOUT_S
        while time.time() < deadline:
            with contextlib.suppress(SlateError):
                if await self._database.is_agent_seen(self._credentials.agent_id, asked_at):
                    self._step("agent", "ready")
                    return
            await asyncio.sleep(0.2)

    # -- who uses it -----------------------------------------------------------------------------

    async def _watch_clients(self) -> None:
        idle_since: float | None = None
        loop = asyncio.get_running_loop()
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_WATCH_INTERVAL_S):
                    await self._wake.wait()
            self._wake.clear()
            await self._take_request()
            if self._is_lingering or locks.count_clients(self._files.clients):
                idle_since = None
                continue
            idle_since = idle_since if idle_since is not None else loop.time()
            if loop.time() - idle_since >= self._options.idle_s and await self._end_if_idle():
                return

    async def _end_if_idle(self) -> bool:
        try:
            if await self._database.count_live_sessions():
                return False
        except SlateError:
            return False  # nobody knows, so nothing is ended
        # A client locks its file before it reads the endpoint: from here on it finds none, and
        # one that was quicker is counted.
        files.remove(self._files.endpoint)
        if locks.count_clients(self._files.clients):
            self._publish_endpoint()
            return False
        logger.info("nobody uses the stack; ending it")
        self._stopping.set()
        return True

    async def _take_request(self) -> None:
        request = self._files.take_request()
        if request is None:
            return
        if request.stop:
            self._stopping.set()
        if request.linger is not None:
            self._is_lingering = request.linger
        agent = self._agent
        if agent is not None and request.allow_unsigned not in (None, agent.allow_unsigned):
            agent.allow_unsigned = bool(request.allow_unsigned)
            logger.warning("agent restarts", extra={"allow_unsigned": agent.allow_unsigned})
            self._step("agent", "starting")
            self._is_agent_restarting = True
            await agent.stop()  # `_keep_agent` starts it with the new option
        self._publish_endpoint()

    # -- files -----------------------------------------------------------------------------------

    def _publish_endpoint(self) -> None:
        mine = self._credentials
        state = StackState(
            supervisor=self._steps.supervisor,
            started_at=self._started_at,
            is_lingering=self._is_lingering,
            allow_unsigned=self._agent is not None and self._agent.allow_unsigned,
            has_agent=self._agent is not None,
            nats_url=self._nats.url,
            nats_password=mine.nats_password,
            user_id=mine.user_id,
            user_seed=mine.user_seed,
            database_url=self._database.user_url,
            agent_id=mine.agent_id,
            agent_seed=mine.agent_seed,
            agent_database_url=self._database.agent_url,
        )
        self._files.write(self._files.endpoint, state)

    def _step(self, name: str, state: StepState) -> None:
        self._steps.steps[name] = state
        self._files.write(self._files.steps, self._steps)

    def _remember(self, name: str, service: Service) -> None:
        child = service.process
        identity = process.identify(child.pid) if child is not None else None
        if identity is not None:
            self._children[name] = identity
            self._files.write(self._files.children, Children(processes=self._children))

    def _fail(self, exc: SlateError) -> None:
        logger.error("stack failed", extra={"reason": str(exc)})
        self._failure = exc
        self._steps.error, self._steps.hint = str(exc), exc.hint
        with contextlib.suppress(SlateError):
            self._files.write(self._files.steps, self._steps)
        self._stopping.set()

    # -- end -------------------------------------------------------------------------------------

    def _handle_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for name in ("SIGTERM", "SIGINT"):
            with contextlib.suppress(NotImplementedError, AttributeError):
                loop.add_signal_handler(getattr(signal, name), self._stopping.set)
        with contextlib.suppress(NotImplementedError, AttributeError):
            loop.add_signal_handler(signal.SIGHUP, self._wake.set)

    async def _until_stopping(self, coro: Coroutine[Any, Any, None]) -> None:
        """Run ``coro``, but give up on it as soon as the stack is told to end."""
        work = asyncio.create_task(coro, name="start")
        stop = asyncio.create_task(self._stopping.wait())
        await asyncio.wait({work, stop}, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if not work.done():
            work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work

    async def _stop(self) -> None:
        files.remove(self._files.endpoint)
        await self._upkeep.aclose()
        if self._agent is not None:
            await self._agent.stop()
        await asyncio.gather(self._nats.stop(), self._database.stop(), return_exceptions=True)
        files.remove(self._files.children)
        if self._failure is None:
            files.remove(self._files.steps)
        logger.info("stack ended")
