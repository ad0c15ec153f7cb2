"""Three real nats-servers as one cluster, each pair of which can be parted."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from slate_desktop.bus import permissions
from slate_desktop.errors import StackError
from slate_desktop.server.authority import Authority
from slate_desktop.server.certificates import key_pin
from slate_desktop.settings import files
from slate_desktop.stack import nats_server
from slate_desktop.stack.nats_server import ClusterListen, Listen, NatsServer, NatsUser
from slate_desktop.wire.keys import SigningKey
from tests.services.nats import AGENT_ID, EVERYTHING
from tests.services.ports import free_port
from tests.services.proxy import CutProxy

NAMES = ("one", "two", "three")


class Trio:
    """Three brokers; each reaches another by a proxy of that pair alone."""

    def __init__(self, directory: Path) -> None:
        self.directory = files.ensure_private_dir(directory)
        self.agent = SigningKey.generate()
        self.anyone = SigningKey.generate()
        self.authority = Authority.generate("trio")
        self.servers: dict[str, NatsServer] = {}
        self._proxies: dict[tuple[str, str], CutProxy] = {}

    async def start(self) -> None:
        ca = self.directory / "ca.pem"
        files.write_private(ca, self.authority.certificate_pem)
        ports = {name: free_port() for name in NAMES}
        for pair in itertools.permutations(NAMES, 2):
            self._proxies[pair] = CutProxy(ports[pair[1]])
            await self._proxies[pair].start()
        pins = []
        for name in NAMES:
            key, certificate = self.authority.server_certificate(["127.0.0.1"])
            files.write_private(self.directory / f"{name}.key", key)
            files.write_private(self.directory / f"{name}.pem", certificate)
            pins.append(key_pin(certificate))
        users = [
            NatsUser(
                public_key=self.agent.public,
                permissions=permissions.agent(AGENT_ID, self.agent.public),
            ),
            NatsUser(public_key=self.anyone.public, permissions=EVERYTHING),
        ]
        for name in NAMES:
            server = NatsServer(
                self.directory / name,
                users,
                log_file=self.directory / f"{name}.log",
                listen=Listen(server_name=name),
            )
            others = [other for other in NAMES if other != name]
            server.cluster = ClusterListen(
                name="trio",
                host="127.0.0.1",
                port=ports[name],
                # What the others hear of it leads to a proxy too; nobody comes by another way.
                advertise=f"127.0.0.1:{self._proxies[others[0], name].port}",
                client_advertise="",
                routes=tuple(
                    f"tls://127.0.0.1:{self._proxies[name, other].port}" for other in others
                ),
                certificate=self.directory / f"{name}.pem",
                key=self.directory / f"{name}.key",
                authority=ca,
                pins=tuple(pins),
            )
            self.servers[name] = server
        await asyncio.gather(*(server.start() for server in self.servers.values()))

    @property
    def urls(self) -> str:
        return ",".join(server.url for server in self.servers.values())

    async def kill(self, name: str) -> None:
        """Kill one as a crash would."""
        process = self.servers[name].process
        assert process is not None
        process.kill()
        await process.wait()

    def part(self, name: str) -> None:
        """Let no other broker reach this one, nor the other way round; clients still do."""
        first, second = (other for other in NAMES if other != name)
        between = {(first, second), (second, first)}
        for pair, proxy in self._proxies.items():
            # By what they heard of each other, the others may talk over a proxy of the parted one.
            if pair not in between:
                proxy.close_gate()

    def heal(self) -> None:
        for proxy in self._proxies.values():
            proxy.open_gate()

    async def aclose(self) -> None:
        await asyncio.gather(*(server.stop() for server in self.servers.values()))
        for proxy in self._proxies.values():
            await proxy.aclose()


@pytest.fixture
async def trio(tmp_path: Path) -> AsyncIterator[Trio]:
    from tests.conftest import require_service

    try:
        nats_server.find_binary()
    except StackError as exc:
        require_service("nats", str(exc))
    found = Trio(tmp_path / "trio")
    try:
        await found.start()
        yield found
    finally:
        await found.aclose()
