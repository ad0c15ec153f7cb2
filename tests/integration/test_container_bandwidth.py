"""Limits of bandwidth: measured through real containers, whatever becomes of the agent."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import time
from collections.abc import AsyncIterator

import pytest

from slate_desktop.agent.drivers.base import Handle
from slate_desktop.agent.drivers.docker import DockerDriver, bandwidth, networks
from slate_desktop.domain.quotas import Limit
from slate_desktop.domain.session import SessionStatus
from slate_desktop.errors import CommandError, ErrorCode
from tests.conftest import require_service
from tests.integration.docker_runtimes import Make, make, ready
from tests.integration.docker_world import DockerWorld, docker_world
from tests.integration.test_container_network import is_guarded, second_attempt
from tests.services.docker import TEST_AGENT
from tests.services.nats import AGENT_ID

pytestmark = [pytest.mark.docker, pytest.mark.timeout(180), pytest.mark.usefixtures("engine")]
__all__ = ["docker_world", "make"]  # the fixtures ``world`` and ``make``

S = SessionStatus
MBIT = 1_000_000
LIMIT = 8 * MBIT
_MEASURE_S = 2
# Sends for ever to who asks with "s"; to who asks with "r" it says what it read in the time.
SERVE = (
    "$SIG{PIPE} = 'IGNORE'; my $s = IO::Socket::INET->new(LocalPort => 7777, Listen => 5); "
    'print "up\\n"; while (my $c = $s->accept) { sysread($c, my $kind, 1); '
    "if ($kind eq 's') { my $b = 'x' x 65536; while (syswrite($c, $b)) {} } "
    f"else {{ my ($n, $x, $on) = (0, '', 1); $SIG{{ALRM}} = sub {{ $on = 0 }}; alarm {_MEASURE_S}; "
    "while ($on) { $n += sysread($c, $x, 65536) || 0 } "
    'syswrite($c, "$n\\n") } close $c }'
)
ARGV = ["perl", "-MIO::Socket::INET", "-e", "$| = 1; " + SERVE]


@pytest.fixture
def engine(docker_engine: str) -> str:
    if not is_guarded(docker_engine):
        require_service("docker", "the engine has no bridge in this network namespace")
    return docker_engine


@pytest.fixture
async def driver(engine: str) -> AsyncIterator[DockerDriver]:
    made = DockerDriver(engine)
    yield made
    for handle, _ in await made.list_runtimes(TEST_AGENT):
        await made.remove(handle)
    await made.aclose()


async def port_of(driver: DockerDriver, handle: Handle) -> int:
    found = await driver._inspect_raw(handle)
    assert found is not None
    return int(found["NetworkSettings"]["Ports"]["7777/tcp"][0]["HostPort"])


async def sent(port: int) -> float:
    """Bits per second that the container sends, after what its buffers held at first."""
    return await asyncio.to_thread(_sent, port)


def _sent(port: int) -> float:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(b"s")
        end_s = time.monotonic() + 0.3
        while time.monotonic() < end_s:
            client.recv(65536)
        begin_s, count = time.monotonic(), 0
        while time.monotonic() < begin_s + _MEASURE_S:
            count += len(client.recv(65536))
        return count * 8 / (time.monotonic() - begin_s)


async def received(port: int) -> float:
    """Bits per second that reach the container."""
    return await asyncio.to_thread(_received, port)


def _received(port: int) -> float:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(b"r")
        with contextlib.suppress(OSError):
            client.settimeout(0.1)
            end_s = time.monotonic() + _MEASURE_S + 0.3
            while time.monotonic() < end_s:
                with contextlib.suppress(TimeoutError):
                    client.sendall(bytes(65536))
        client.settimeout(10)
        return int(client.makefile().readline()) * 8 / _MEASURE_S


async def assert_limited(port: int) -> None:
    for rate in (await sent(port), await received(port)):
        # A queue that is never empty gives what it may; buffers at first a little more.
        assert 0.4 * LIMIT < rate < 1.4 * LIMIT, f"{rate / MBIT:.1f} Mbit/s"


async def assert_unlimited(port: int) -> None:
    for rate in (await sent(port), await received(port)):
        assert rate > 5 * LIMIT, f"{rate / MBIT:.1f} Mbit/s"


def run(*argv: str) -> None:
    subprocess.run(argv, check=True)


def devices() -> set[str]:
    return {name for _, name in socket.if_nameindex()}


async def test_what_a_container_sends_and_receives_stays_within_its_limit(
    driver: DockerDriver, make: Make
) -> None:
    limited = make(ARGV, ports={7777: 0}, bandwidth_bits=LIMIT)
    handle = await ready(driver, limited)
    await assert_limited(await port_of(driver, handle))
    free = await ready(driver, make(ARGV, ports={7777: 0}))
    await assert_unlimited(await port_of(driver, free))
    # The next attempt is asked for without: nothing of the limit stays.
    await driver.remove(handle)
    device = bandwidth.device_of(networks.bridge_name(limited.labels))
    assert device not in devices()
    again = await ready(driver, second_attempt(limited, make(ARGV, ports={7777: 0})))
    await assert_unlimited(await port_of(driver, again))


async def test_limit_that_somebody_removed_is_there_again_with_the_next_agent(
    driver: DockerDriver, make: Make, engine: str
) -> None:
    spec = make(ARGV, ports={7777: 0}, bandwidth_bits=LIMIT)
    port = await port_of(driver, await ready(driver, spec))
    bridge = networks.bridge_name(spec.labels)
    # An agent that was killed between the start and the limit leaves the same behind.
    run("ip", "link", "del", bandwidth.device_of(bridge))
    run("tc", "qdisc", "del", "dev", bridge, "root")
    other = DockerDriver(engine)
    await other.list_runtimes(TEST_AGENT)
    await other.aclose()
    await assert_limited(port)


async def test_leftovers_of_an_agent_that_was_killed_go_with_the_next_limit(
    driver: DockerDriver, make: Make
) -> None:
    left = bandwidth.DEVICE_PREFIX + "0123456789ab"
    run("ip", "link", "add", left, "type", "ifb")
    await ready(driver, make(ARGV, ports={7777: 0}, bandwidth_bits=LIMIT))
    assert left not in devices()


async def test_host_that_cannot_limit_refuses_and_says_why(
    driver: DockerDriver, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bandwidth.shutil, "which", lambda _: None)
    assert any("bandwidth" in text for text in (await driver.fingerprint()).warnings)
    with pytest.raises(CommandError, match="tc is not installed") as caught:
        await driver.check(make(ARGV, ports={7777: 0}, bandwidth_bits=LIMIT))
    assert (caught.value.code, caught.value.field) == (ErrorCode.LIMIT_DENIED, "bandwidth")
    # Where nothing is sent there is nothing to limit.
    await driver.check(make(ARGV, network_mode="none", bandwidth_bits=LIMIT))
    await driver.check(make(ARGV, ports={7777: 0}))


async def test_limit_that_the_kernel_refuses_leaves_nothing_running(
    driver: DockerDriver, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise bandwidth.LimitError("Operation not supported")

    spec = make(ARGV, ports={7777: 0}, bandwidth_bits=LIMIT)
    with monkeypatch.context() as patch:
        patch.setattr(bandwidth, "_prepare", refuse)
        with pytest.raises(CommandError, match="Operation not supported"):
            await driver.create(spec)
    assert networks.bridge_name(spec.labels) not in devices()
    handle = await driver.create(spec)
    monkeypatch.setattr(bandwidth, "_hold", refuse)
    with pytest.raises(CommandError, match="Operation not supported"):
        await driver.start(handle)
    assert await driver.list_runtimes(TEST_AGENT) == []
    assert networks.bridge_name(spec.labels) not in devices()


async def test_session_keeps_its_limit_over_agents_and_restarts(world: DockerWorld) -> None:
    await world.start_docker_agent()
    session = await world.new_container(
        "", command=ARGV, ports={"7777": "auto"}, bandwidth="8mbit", networkMode="bridge"
    )

    async def port() -> int:
        driver = DockerDriver(world.url)
        try:
            ((handle, _),) = await driver.list_runtimes(AGENT_ID)
            return await port_of(driver, handle)
        finally:
            await driver.aclose()

    await world.run(session.id)
    await world.end_agent()
    await assert_limited(await port())
    await world.start_docker_agent()
    await assert_limited(await port())
    await world.ask("restart", session.id, {"grace": 0})
    await world.until(session.id, lambda r: r.attempt == 2 and r.status is S.RUNNING, 30)
    await assert_limited(await port())


async def test_container_gets_no_more_than_quotas_give_each_one(world: DockerWorld) -> None:
    await world.start_docker_agent()
    slate = await world.connect_slate()
    async with slate:
        session = await world.new_container(
            "", command=ARGV, ports={"7777": "auto"}, networkMode="bridge", bandwidth="1gbit"
        )
        await slate.set_quotas("project", session.project_id, {Limit.BANDWIDTH: 20 * MBIT})
        await slate.set_quotas("person", session.user_id, {Limit.BANDWIDTH: LIMIT})
        outcome = await slate.start_container(session.id, wait=True, timeout_s=30)
        assert any("8 Mbit/s; a quota allows no more" in note for note in outcome.notes)
        driver = DockerDriver(world.url)
        try:
            ((handle, _),) = await driver.list_runtimes(AGENT_ID)
            await assert_limited(await port_of(driver, handle))
        finally:
            await driver.aclose()
        line = (await slate.get_quotas("person", session.user_id))[-1]
        assert (line.limit, line.most) == (Limit.BANDWIDTH, LIMIT)
