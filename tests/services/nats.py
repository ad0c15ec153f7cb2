"""A real nats-server for tests: the same configuration as the embedded stack's."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from slate_desktop.bus import permissions
from slate_desktop.bus.permissions import Permissions
from slate_desktop.errors import StackError
from slate_desktop.settings import files
from slate_desktop.stack import nats_server
from slate_desktop.stack.nats_server import NatsUser
from slate_desktop.wire.keys import SigningKey
from tests.services.ports import free_port

# Agents clear away what carries their name, so suites that run side by side have other names.
AGENT_ID = f"agent-test-{os.getpid()}"
OTHER_AGENT_ID = f"agent-other-{os.getpid()}"
EVERYTHING = Permissions(publish=(">",), subscribe=(">",))


class RealNats:
    """One nats-server with a few users; it can be killed and started again on its port."""

    def __init__(self, directory: Path) -> None:
        self.directory = files.ensure_private_dir(directory)
        self.user = SigningKey.generate()
        self.other_user = SigningKey.generate()
        self.agent = SigningKey.generate()
        self.other_agent = SigningKey.generate()
        self.anyone = SigningKey.generate()
        # Of its own, so that it finds it free again after it was killed.
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    def users(self) -> list[NatsUser]:
        return [
            NatsUser(public_key=key.public, permissions=permissions.user(key.public))
            for key in (self.user, self.other_user)
        ] + [
            NatsUser(
                public_key=self.agent.public,
                permissions=permissions.agent(AGENT_ID, self.agent.public),
            ),
            NatsUser(
                public_key=self.other_agent.public,
                permissions=permissions.agent(OTHER_AGENT_ID, self.other_agent.public),
            ),
            NatsUser(public_key=self.anyone.public, permissions=EVERYTHING),
        ]

    def start(self) -> None:
        ports = files.ensure_private_dir(self.directory / "ports")
        self.write_config(self.users())
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [nats_server.find_binary(), "-c", self.directory / "nats-server.conf"],
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self.process.poll() is None:
            port = nats_server.read_port(ports, self.process.pid)
            if port is not None and _greets(port):
                self.port = port
                return
            time.sleep(0.01)
        raise AssertionError(f"nats-server did not start: {(self.directory / 'log').read_text()}")

    def write_config(self, users: list[NatsUser]) -> None:
        text = nats_server.render_config(self.directory, users, port=self.port)
        files.write_private(self.directory / "nats-server.conf", text.encode())

    def reload(self, users: list[NatsUser]) -> None:
        """Change the users of the running server."""
        self.write_config(users)
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGHUP)

    def kill(self) -> None:
        """Kill it as a crash would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()


def _greets(port: int) -> bool:
    where = ("127.0.0.1", port)
    with contextlib.suppress(OSError), socket.create_connection(where, timeout=5) as sock:
        return sock.recv(5) == b"INFO "
    return False


class Stranger(asyncio.Protocol):
    """Whoever has a broker's port meanwhile: closes each connection without a word."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


async def take_port(port: int, timeout_s: float = 40.0) -> asyncio.Server:
    """Listen on a port of the loopback as a stranger.

    A connection that a client made to nobody there may hold it for a moment: asked for often
    enough, the kernel joins both of its ends.
    """
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(timeout_s):
        while True:
            try:
                return await loop.create_server(Stranger, "127.0.0.1", port)
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
            await asyncio.sleep(0.05)


def _make(directory: Path) -> RealNats:
    from tests.conftest import require_service

    try:
        nats_server.find_binary()
    except StackError as exc:
        require_service("nats", str(exc))
    server = RealNats(directory)
    server.start()
    return server


@pytest.fixture(scope="session")
def nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealNats]:
    """A broker that all tests share: do not kill it."""
    server = _make(tmp_path_factory.mktemp("nats-shared"))
    yield server
    server.stop()


@pytest.fixture
def own_nats(tmp_path: Path) -> Iterator[RealNats]:
    """A broker of this test alone, to be killed and restarted."""
    server = _make(tmp_path / "nats")
    yield server
    server.stop()
