"""One text for both buses: what holds on the in-memory bus holds on a real nats-server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from slate_desktop.bus import permissions
from slate_desktop.bus.memory_bus import MemoryBroker, MemoryBus
from slate_desktop.bus.nats_bus import NatsBus
from slate_desktop.bus.port import Bus, ConnectionState, Message
from slate_desktop.errors import AgentOfflineError, CommandError, DeniedError, NotConnectedError
from tests.services.nats import AGENT_ID, RealNats

# Connects as one of: anyone, user, other_user, agent.
Connect = Callable[[str], Awaitable[Bus]]


@pytest.fixture(params=["memory", pytest.param("nats", marks=pytest.mark.nats)])
async def connect(request: pytest.FixtureRequest) -> AsyncIterator[Connect]:
    buses: list[Bus] = []
    if request.param == "memory":
        broker = MemoryBroker()

        async def open_bus(who: str) -> Bus:
            key = f"U{who.upper().replace('_', '')}"
            allowed = {
                "anyone": None,
                "agent": permissions.agent(AGENT_ID, key),
            }.get(who, permissions.user(key))
            return MemoryBus(broker, public_key=key, permissions=allowed)
    else:
        server: RealNats = request.getfixturevalue("nats")

        async def open_bus(who: str) -> Bus:
            return await NatsBus.connect(server.url, seed=getattr(server, who).seed, name=who)

    async def connect(who: str) -> Bus:
        bus = await open_bus(who)
        buses.append(bus)
        return bus

    yield connect
    for bus in buses:
        await bus.aclose()


def collect(into: list[Message]) -> Callable[[Message], Awaitable[None]]:
    async def handle(message: Message) -> None:
        into.append(message)

    return handle


async def until(condition: Callable[[], bool], timeout_s: float = 20.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def test_message_arrives_with_headers_and_bytes(connect: Connect) -> None:
    bus, got = await connect("anyone"), []
    await bus.subscribe("t.a.*", collect(got))
    await bus.publish("t.a.b", b"\x00\xff", headers={"X-Y": "a b: ü"})
    await until(lambda: len(got) == 1)
    assert got[0] == Message(subject="t.a.b", data=b"\x00\xff", headers={"X-Y": "a b: ü"})


async def test_several_messages_are_sent_at_once_in_order(connect: Connect) -> None:
    bus, got = await connect("anyone"), []
    await bus.subscribe("t.a.*", collect(got))
    await bus.publish_all([(f"t.a.{number}", str(number).encode()) for number in range(40)])
    await bus.publish_all([])
    await until(lambda: len(got) == 40)
    assert [message.data for message in got] == [str(number).encode() for number in range(40)]
    with pytest.raises(CommandError):
        await bus.publish_all([("t.a.good", b""), ("t.a.*", b"")])


async def test_order_is_kept_with_concurrency_one(connect: Connect) -> None:
    bus, got = await connect("anyone"), []

    async def handle(message: Message) -> None:
        await asyncio.sleep(0)
        got.append(message.data)

    await bus.subscribe("t.order", handle)
    for number in range(200):
        await bus.publish("t.order", str(number).encode())
    await until(lambda: len(got) == 200)
    assert got == [str(number).encode() for number in range(200)]


async def test_handlers_run_at_once_up_to_the_limit(connect: Connect) -> None:
    bus = await connect("anyone")
    running, peak, gate = 0, 0, asyncio.Event()

    async def handle(message: Message) -> None:
        nonlocal running, peak
        running += 1
        peak = max(peak, running)
        await gate.wait()
        running -= 1

    await bus.subscribe("t.many", handle, concurrency=3)
    for _ in range(6):
        await bus.publish("t.many", b"")
    await until(lambda: running == 3)
    gate.set()
    await until(lambda: running == 0)
    assert peak == 3


async def test_queue_group_gives_each_message_to_one_member(connect: Connect) -> None:
    first, second, sender = [await connect("anyone") for _ in range(3)]
    got: list[Message] = []
    await first.subscribe("t.q", collect(got), queue="workers")
    await second.subscribe("t.q", collect(got), queue="workers")
    for _ in range(20):
        await sender.publish("t.q", b"x")
    await sender.publish("t.q", b"last")
    await until(lambda: len(got) >= 21)
    assert len(got) == 21


async def test_request_is_answered(connect: Connect) -> None:
    agent, user = await connect("agent"), await connect("user")

    async def handle(message: Message) -> None:
        assert message.reply.startswith(user.inbox_prefix + ".")
        await agent.respond(message, b"re:" + message.data, headers={"A": "b"})

    await agent.subscribe("slate.container.*.*", handle, concurrency=8)
    replies = await asyncio.gather(
        *(
            user.request("slate.container.stats.s1", str(n).encode(), timeout_s=20)
            for n in range(20)
        )
    )
    assert [reply.data for reply in replies] == [f"re:{n}".encode() for n in range(20)]
    assert replies[0].headers == {"A": "b"}


async def test_request_without_subscriber_is_agent_offline_at_once(connect: Connect) -> None:
    user = await connect("user")
    with pytest.raises(AgentOfflineError):
        async with asyncio.timeout(10):
            await user.request("slate.container.start.nobody", b"{}", timeout_s=30)


async def test_request_without_answer_times_out(connect: Connect) -> None:
    agent, user = await connect("agent"), await connect("user")
    await agent.subscribe("slate.container.*.*", collect([]))
    with pytest.raises(TimeoutError):
        await user.request("slate.container.stop.s1", b"{}", timeout_s=0.2)


async def test_forbidden_request_is_denied_promptly(connect: Connect) -> None:
    user, anyone = await connect("user"), await connect("anyone")
    got: list[Message] = []
    await anyone.subscribe("slate.runtime.p.S.status", collect(got))
    with pytest.raises(DeniedError):
        async with asyncio.timeout(10):
            await user.request("slate.runtime.p.S.status", b"{}", timeout_s=30)
    assert got == []


@pytest.mark.parametrize("subject", [">", "_INBOX_UOTHER.>", "slate.container.*.*", "slate.>"])
async def test_forbidden_subscription_is_denied(connect: Connect, subject: str) -> None:
    user = await connect("user")
    with pytest.raises(DeniedError):
        await user.subscribe(subject, collect([]))
    # The connection is alive.
    await user.subscribe("slate.agent.*.heartbeat", collect([]))


async def test_forbidden_publish_reaches_nobody(connect: Connect) -> None:
    user, anyone = await connect("user"), await connect("anyone")
    got: list[Message] = []
    await anyone.subscribe("slate.>", collect(got))
    await user.publish("slate.runtime.p1.s1.status", b"forged")
    await user.publish("slate.container.stats.s1", b"fine")
    await until(lambda: len(got) == 1)
    assert got[0].data == b"fine"


async def test_raising_handler_does_not_end_the_subscription(
    connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    bus, got = await connect("anyone"), []

    async def handle(message: Message) -> None:
        if message.data == b"bad":
            raise ValueError("handler failed")
        got.append(message.data)

    await bus.subscribe("t.raise", handle)
    await bus.publish("t.raise", b"bad")
    await bus.publish("t.raise", b"good")
    await until(lambda: got == [b"good"])
    assert "message handler failed" in caplog.text


async def test_unsubscribe_ends_delivery(connect: Connect) -> None:
    bus, got, other = await connect("anyone"), [], []
    subscription = await bus.subscribe("t.end", collect(got))
    await bus.subscribe("t.end", collect(other))
    await subscription.unsubscribe()
    await bus.publish("t.end", b"x")
    await until(lambda: len(other) == 1)
    assert got == []


@pytest.mark.parametrize("extra", [0, 5_000_000])
async def test_oversized_message_is_refused_and_the_client_lives(
    connect: Connect, extra: int
) -> None:
    bus, got = await connect("anyone"), []
    await bus.subscribe("t.big", collect(got))
    with pytest.raises(CommandError) as caught:
        await bus.publish("t.big", bytes(1_048_576 - 10 + extra), headers={"A": "b" * 100})
    assert caught.value.code == "too_large"
    await bus.publish("t.big", bytes(1_000_000))
    await until(lambda: len(got) == 1)
    assert bus.state is ConnectionState.CONNECTED


@pytest.mark.parametrize(
    "subject", ["", "a b", "a..b", ".a", "a.", "a\n", "a.*", "a.>", "x" * 5000, "a.é"]
)
async def test_bad_subject_is_refused_before_it_is_sent(connect: Connect, subject: str) -> None:
    bus = await connect("anyone")
    with pytest.raises(CommandError) as caught:
        await bus.publish(subject, b"")
    assert caught.value.code == "bad_request"
    assert bus.state is ConnectionState.CONNECTED


@pytest.mark.parametrize("headers", [{"A": " x"}, {"A": "x\ny"}, {"": "x"}, {"A": 1}, {"A:": "x"}])
async def test_header_that_would_change_on_the_way_is_refused(
    connect: Connect, headers: dict[str, str]
) -> None:
    bus = await connect("anyone")
    with pytest.raises(CommandError):
        await bus.publish("t.h", b"", headers=headers)


async def test_closed_bus_refuses_and_says_so(connect: Connect) -> None:
    bus, states = await connect("anyone"), []
    bus.on_state(states.append)
    await bus.aclose()
    assert bus.state is ConnectionState.CLOSED
    assert states[-1] is ConnectionState.CLOSED
    with pytest.raises(NotConnectedError):
        await bus.publish("t.x", b"")
    with pytest.raises(NotConnectedError):
        await bus.request("t.x", b"")


async def test_inbox_prefix_is_named_after_the_key(connect: Connect) -> None:
    user, other = await connect("user"), await connect("other_user")
    assert user.inbox_prefix.startswith("_INBOX_U")
    assert user.inbox_prefix != other.inbox_prefix
