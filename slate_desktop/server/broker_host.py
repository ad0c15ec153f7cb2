"""The one process of a further broker: nats-server, kept up and told whom to admit.

::

    <directory>/server.json ca.pem certificate.pem key.pem seed broker.json     from joining
                state.json        what the server said last
                nats/ logs/       data

It asks the server for the cluster's state every second. While the server is away, the state that it
wrote down holds: whom it admits then is who was admitted last.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import ssl
from pathlib import Path

import msgspec

from slate_desktop.bus.nats_bus import NatsBus
from slate_desktop.domain.joining import BrokerPlace, Joiner
from slate_desktop.errors import CommandError, SettingsError, SlateError, StackError
from slate_desktop.server.cluster_members import (
    STATE_SUBJECT,
    ClusterState,
    StatePage,
    cluster_listen,
    join_pages,
)
from slate_desktop.settings import files, joined
from slate_desktop.stack import locks
from slate_desktop.stack.nats_server import ClusterListen, Listen, NatsServer
from slate_desktop.stack.restarts import RestartPolicy
from slate_desktop.wire import codec
from slate_desktop.wire.errors import reply_or_raise

logger = logging.getLogger(__name__)

_LOOK_S = 1.0
_ASK_TIMEOUT_S = 5.0
_MAX_CONNECTIONS = 4096


class Binding(msgspec.Struct, frozen=True, kw_only=True):
    """Where a further broker listens, when that is not where others reach it."""

    host: str = "0.0.0.0"  # noqa: S104 - a server for other machines; every login is checked
    nats_port: int | None = None
    cluster_port: int | None = None


async def run_broker(directory: Path, binding: Binding = Binding()) -> int:  # noqa: B008 - frozen
    """Be a further broker until a signal ends it; returns the exit code.

    Raises:
        SettingsError: no broker has joined in the directory, or its files are damaged.
        StackError: it runs already, or nats-server does not start again and again.
    """
    host = BrokerHost(directory, binding)
    lock = locks.FileLock.acquire(directory / "broker.lock")
    if lock is None:
        raise StackError(f"The broker in {directory} runs already.")
    try:
        await host.run()
    finally:
        lock.release()
    return 0


class BrokerHost:
    """A further broker's process."""

    def __init__(self, directory: Path, binding: Binding) -> None:
        found = joined.read(directory)
        if found.server.kind != Joiner.BROKER.value:
            raise SettingsError(f"What {directory} holds was not joined by a broker.")
        self._joined = found
        self._place = read_place(directory)
        self._binding = binding
        self._seed = files.read_private(directory / joined.SEED_FILE).decode()
        self._state_file = directory / "state.json"
        self._state: ClusterState | None = None
        self._digest = ""
        self._nats: NatsServer | None = None
        self._bus: NatsBus | None = None
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Run until a signal comes; raises like ``run_broker``."""
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, self._stopping.set)
        work = [
            asyncio.create_task(self._follow(), name="follow-server"),
            asyncio.create_task(self._keep_up(), name="keep-nats"),
            asyncio.create_task(self._stopping.wait(), name="stopping"),
        ]
        try:
            self._read_kept()
            done, _ = await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in work:
                task.cancel()
            await asyncio.wait(work, timeout=5)
            if self._bus is not None:
                await self._bus.aclose()
            if self._nats is not None:
                await self._nats.stop()
            logger.info("broker ended", extra={"pid": os.getpid()})

    # -- what the server says --------------------------------------------------------------------

    def _read_kept(self) -> None:
        with contextlib.suppress(SettingsError, OSError, msgspec.MsgspecError):
            data = files.read_private(self._state_file)
            self._state = msgspec.json.decode(data, type=ClusterState)

    async def _follow(self) -> None:
        is_told = False
        while True:
            try:
                state = await self._ask()
                if state is not None:
                    self._state = state
                    await asyncio.to_thread(
                        files.write_private, self._state_file, msgspec.json.encode(state)
                    )
                    self._apply(state)
                is_told = False
            except (SlateError, TimeoutError) as exc:
                if not is_told:
                    logger.warning("the server does not answer", extra={"reason": str(exc)})
                    is_told = True
            await asyncio.sleep(_LOOK_S)

    async def _ask(self) -> ClusterState | None:
        """Return the server's state, or None where it is the one that is known."""
        bus = await self._connected()
        pages: list[StatePage] = []
        while not pages or len(pages) < pages[0].pages:
            page = await self._page(bus, len(pages))
            if page.pages == 0:
                return None
            if pages and page.digest != pages[0].digest:
                pages.clear()  # it changed meanwhile
                continue
            pages.append(page)
        state = await asyncio.to_thread(join_pages, pages)
        self._digest = pages[0].digest
        return state

    async def _page(self, bus: NatsBus, number: int) -> StatePage:
        body = codec.encode({"digest": self._digest, "page": number})
        reply = await bus.request(STATE_SUBJECT, body, timeout_s=_ASK_TIMEOUT_S)
        try:
            return reply_or_raise(reply.data, StatePage)
        except CommandError:
            if number == 0:
                raise
            # The state has fewer pages by now.
            return await self._page(bus, 0)

    async def _connected(self) -> NatsBus:
        """Return a connection to the server's own broker, which is the one that knows."""
        if self._bus is None:
            url = self._joined.server.nats_url.split(",")[0]
            self._bus = await NatsBus.connect(
                url,
                seed=self._seed,
                name=f"slate-broker-{self._place.name}",
                tls=ssl.create_default_context(cafile=self._joined.ca_file),
                is_tls_first=True,
            )
        return self._bus

    # -- nats-server -----------------------------------------------------------------------------

    def _apply(self, state: ClusterState) -> None:
        if self._nats is None:
            return
        self._nats.cluster = self._cluster(state)
        self._nats.set_users(list(state.users))

    async def _keep_up(self) -> None:
        policy = RestartPolicy()
        is_told = False
        while True:
            state = self._state
            if state is None or not state.is_begun or not self._is_member(state):
                if not is_told:
                    logger.warning("waiting until the server begins the cluster")
                    is_told = True
                await asyncio.sleep(_LOOK_S)
                continue
            self._nats = nats = self._make(state)
            try:
                await nats.start()
                logger.info("broker is up", extra={"address": self._place.address})
                code = -1 if nats.process is None else await nats.process.wait()
                logger.error("nats-server ended", extra={"code": code})
            except StackError:
                logger.exception("nats-server cannot be started")
            delay_s = policy.next_delay_s()
            if delay_s is None:
                raise StackError("nats-server died too often; see its log.")
            await asyncio.sleep(delay_s)

    def _make(self, state: ClusterState) -> NatsServer:
        directory = self._joined.directory
        nats = NatsServer(
            directory / "nats",
            list(state.users),
            log_file=files.ensure_private_dir(directory / "logs") / "nats-server.log",
            listen=Listen(
                server_name=self._place.name,
                host=self._binding.host,
                port=self._binding.nats_port or self._place.nats_port,
                max_connections=_MAX_CONNECTIONS,
                certificate=directory / "certificate.pem",
                key=directory / "key.pem",
            ),
        )
        nats.cluster = self._cluster(state)
        return nats

    def _cluster(self, state: ClusterState) -> ClusterListen:
        directory = self._joined.directory
        return cluster_listen(
            state.cluster,
            self._place,
            state.peers,
            host=self._binding.host,
            port=self._binding.cluster_port or self._place.cluster_port,
            certificate=directory / "certificate.pem",
            key=directory / "key.pem",
            authority=directory / "ca.pem",
        )

    def _is_member(self, state: ClusterState) -> bool:
        return any(peer.place.name == self._place.name for peer in state.peers)


def read_place(directory: Path) -> BrokerPlace:
    """Return where the broker of a directory is reached.

    Raises:
        SettingsError: no broker has joined there.
    """
    try:
        data = files.read_private(directory / joined.BROKER_FILE)
        return msgspec.json.decode(data, type=BrokerPlace)
    except (FileNotFoundError, msgspec.MsgspecError) as exc:
        raise SettingsError(
            f"No broker has joined in {directory}.", hint="slate connect --broker DIR FILE"
        ) from exc
