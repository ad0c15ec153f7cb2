"""What containers reach by the network: never their host's services or each other, and the world
only where their project has a way out.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import pytest

from slate_desktop.agent.drivers.base import Handle, RuntimeSpec
from slate_desktop.agent.drivers.docker import DockerDriver, guard, networks
from slate_desktop.agent.drivers.docker.guard import Guard
from tests.conftest import require_service
from tests.integration.docker_runtimes import Make, greeting_service, make, ready, sh
from tests.services.docker import TEST_AGENT

pytestmark = [pytest.mark.docker, pytest.mark.timeout(180)]
__all__ = ["make"]

WORLD, SERVER, METADATA = "198.51.100.2", "198.51.100.3", "169.254.169.254"
_HERE = "198.51.100.1"
# The kernel takes a moment to let a name go.
_numbers = itertools.count()
_LISTEN = (
    "import socket,sys\n"
    "with socket.create_server(('0.0.0.0', 7000)) as s:\n"
    "    print('up', flush=True)\n"
    "    while True:\n"
    "        c, _ = s.accept(); c.sendall(b'hello'); c.close()\n"
)
# The image has no tool for sockets but the shell itself.
_REACH = (
    "timeout 3 bash -c 'exec 3<>/dev/tcp/{host}/{port} && head -c 5 <&3' 2>/dev/null || echo no"
)


@dataclass(frozen=True)
class Host:
    """A service on all of this host's addresses, as a careless one listens."""

    port: int


@pytest.fixture
def host() -> Iterator[Host]:
    with greeting_service("0.0.0.0", b"hello") as port:
        yield Host(port)


@pytest.fixture
def world(docker_engine: str) -> Iterator[None]:
    """Another machine, with the addresses of the world, of a server and of a cloud's metadata."""
    if not is_guarded(docker_engine):
        require_service("docker", "the engine has no bridge in this network namespace")
    name = f"slw{os.getpid() % 100_000}-{next(_numbers)}"
    serving: subprocess.Popen[str] | None = None
    try:
        ip("netns", "add", name)
        ip("link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name)
        ip("addr", "add", f"{_HERE}/24", "dev", name)
        ip("link", "set", name, "up")
        for address in (f"{WORLD}/24", f"{SERVER}/24", f"{METADATA}/32"):
            ip("-n", name, "addr", "add", address, "dev", "eth0")
        ip("-n", name, "link", "set", "eth0", "up")
        ip("-n", name, "route", "add", "default", "via", _HERE)
        ip("route", "replace", METADATA, "via", WORLD, "dev", name)
        serving = subprocess.Popen(
            ["ip", "netns", "exec", name, sys.executable, "-c", _LISTEN],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert serving.stdout is not None
        assert serving.stdout.readline() == "up\n"
        yield
    finally:
        if serving is not None:
            with serving:
                serving.kill()
        # Both ends of the link go at once; with its namespace alone they take the kernel a while.
        subprocess.run(["ip", "link", "del", name], check=False, capture_output=True)
        subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


def is_guarded(url: str) -> bool:
    return url.startswith("unix://") and not asyncio.run(Guard().why_not())


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)


@pytest.fixture
async def driver(docker_engine: str) -> AsyncIterator[DockerDriver]:
    made = DockerDriver(docker_engine, servers=[SERVER, "127.0.0.1"])
    yield made
    for handle, _ in await made.list_runtimes(TEST_AGENT):
        await made.remove(handle)
    await made.aclose()


async def reaches(driver: DockerDriver, handle: Handle, address: str, port: int) -> bool:
    return await sh(driver, handle, _REACH.format(host=address, port=port)) == "hello"


async def until_reached(driver: DockerDriver, handle: Handle, address: str, port: int) -> None:
    """Wait until a container reaches a service: on a busy machine its tool may be too slow."""
    async with asyncio.timeout(30):
        while not await reaches(driver, handle, address, port):  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def gateway(driver: DockerDriver, handle: Handle) -> str:
    """The address of the host on the session's bridge, wherever the container's route leads."""
    own = await sh(driver, handle, "hostname -i | cut -d' ' -f1")
    return own.rpartition(".")[0] + ".1"


def addresses_of_this_host() -> list[str]:
    out = subprocess.run(
        ["ip", "-4", "-o", "addr", "show", "up"], check=True, capture_output=True, text=True
    ).stdout
    return [line.split()[3].partition("/")[0] for line in out.splitlines()]


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize(
    "config",
    [{}, {"ports": {7777: 0}}, {"network_mode": "internet"}],
    ids=["bridge", "ports", "internet"],
)
async def test_only_the_world_and_only_where_it_is_allowed(
    driver: DockerDriver, make: Make, host: Host, config: dict[str, object]
) -> None:
    spec = make(**config)
    notes: list[str] = []
    handle = await driver.create(spec, on_progress=notes.append)
    await driver.start(handle)
    assert notes == []
    if "network_mode" in config:
        await until_reached(driver, handle, WORLD, 7000)
    else:
        assert not await reaches(driver, handle, WORLD, 7000)
    for address in {*addresses_of_this_host(), await gateway(driver, handle), "127.0.0.1"}:
        assert not await reaches(driver, handle, address, host.port), address
    for address in (SERVER, METADATA):
        assert not await reaches(driver, handle, address, 7000), address


@pytest.mark.usefixtures("world")
async def test_sessions_with_a_way_out_do_not_meet(driver: DockerDriver, make: Make) -> None:
    listen = (
        "perl -MIO::Socket::INET -e 'my $s = IO::Socket::INET->new(LocalPort => 7777, Listen => 5);"
        ' while (my $c = $s->accept) { print $c "hello"; close $c }\' >/dev/null 2>&1 &'
    )
    one = await ready(driver, make(network_mode="internet", ports={7777: 0}))
    two = await ready(driver, make(network_mode="internet"))
    await sh(driver, one, listen)
    address = await sh(driver, one, "hostname -i | cut -d' ' -f1")
    await until_reached(driver, one, address, 7777)
    assert not await reaches(driver, two, address, 7777)
    # The host itself and its people come in by the published port, also against the rules' stream.
    published = int(await published_port(driver, one))
    for own in addresses_of_this_host():
        assert not await reaches(driver, two, own, published), own
    reader, writer = await asyncio.open_connection("127.0.0.1", published)
    assert await reader.read(5) == b"hello"
    writer.close()


async def published_port(driver: DockerDriver, handle: Handle) -> str:
    found = await driver._inspect_raw(handle)
    assert found is not None
    return found["NetworkSettings"]["Ports"]["7777/tcp"][0]["HostPort"]


@pytest.mark.usefixtures("world")
async def test_way_out_ends_with_the_configuration_that_had_it(
    driver: DockerDriver, make: Make
) -> None:
    allowed = make(network_mode="internet")
    first = await ready(driver, allowed)
    await until_reached(driver, first, WORLD, 7000)
    bridge = networks.bridge_name(allowed.labels)
    assert guard._has_rule("SLATE-WAY-OUT", "-i", bridge, "-j", "RETURN")
    await driver.remove(first)
    assert not guard._has_rule("SLATE-WAY-OUT", "-i", bridge, "-j", "RETURN")
    again = await ready(driver, second_attempt(allowed, make(ports={7777: 0})))
    assert not await reaches(driver, again, WORLD, 7000)


def second_attempt(first: RuntimeSpec, other: RuntimeSpec) -> RuntimeSpec:
    """The same session, with another configuration."""
    labels = type(first.labels)(
        agent=first.labels.agent, session=first.labels.session, project=first.labels.project,
        attempt=2, epoch=first.labels.epoch,
    )  # fmt: skip
    return type(first)(
        name=f"slate-{labels.session}-2", labels=labels, config=other.config,
        project_root=first.project_root, argv=first.argv,
    )  # fmt: skip


@pytest.mark.usefixtures("world")
async def test_rules_that_somebody_removed_are_there_for_the_next_start(
    driver: DockerDriver, make: Make, host: Host
) -> None:
    await ready(driver, make(ports={7777: 0}))
    guard._run("-D", "INPUT", "-i", "sl-+", "-j", "SLATE-HOST")
    guard._run("-D", "SLATE-FORWARD", "1")
    handle = await ready(driver, make(network_mode="internet"))
    assert not await reaches(driver, handle, await gateway(driver, handle), host.port)
    await until_reached(driver, handle, WORLD, 7000)
    assert not await reaches(driver, handle, METADATA, 7000)


async def test_agent_without_rights_says_so_and_closes_what_needs_no_rule(
    driver: DockerDriver, make: Make, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def why_not(_self: Guard) -> str:
        return "it takes the rights of root"

    monkeypatch.setattr(Guard, "why_not", why_not)
    assert any("can reach this host" in text for text in (await driver.fingerprint()).warnings)
    notes: list[str] = []
    closed = await driver.create(make(), on_progress=notes.append)
    await driver.start(closed)
    assert notes == []
    for address in {*addresses_of_this_host(), await gateway(driver, closed)}:
        assert not await reaches(driver, closed, address, host.port), address
    await driver.create(make(ports={7777: 0}), on_progress=notes.append)
    assert notes == [
        "Network: the runtime can reach services of its host and the internet, since it takes the"
        " rights of root."
    ]


async def test_a_start_asks_the_filter_once_while_the_rules_stand(
    docker_engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, commands = Guard(), []
    if not docker_engine.startswith("unix://") or await found.why_not():
        require_service("docker", "the engine has no bridge in this network namespace")
    call = guard._call

    def counted(command: list[str], text: str = "") -> str:
        commands.append(command)
        return call(command, text)

    monkeypatch.setattr(guard, "_call", counted)
    await found.open("sl-0123456789ab", has_way_out=False)
    for _ in range(5):  # agents of other tests may change the rules in between
        commands.clear()
        await found.open("sl-0123456789ab", has_way_out=False)
        if len(commands) == 1:
            break
    assert len(commands) == 1
    await found.open("sl-0123456789ab", has_way_out=True)
    await found.open("sl-0123456789ab", has_way_out=False)
    assert guard._way_out_of("sl-0123456789ab") not in guard._rules()
    guard._run("-D", guard._FORWARD, "-d", guard._LINK_LOCAL, "-j", "REJECT")
    await found.open("sl-0123456789ab", has_way_out=False)
    assert any(guard._LINK_LOCAL in rule for rule in guard._rules())
