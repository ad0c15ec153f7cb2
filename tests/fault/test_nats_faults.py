"""The bus when the broker dies, forgets the key, sends rubbish, or offers no encryption."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from slate_desktop.bus import nats_client, permissions
from slate_desktop.bus.nats_bus import NatsBus
from slate_desktop.bus.nats_objects import NatsObjects
from slate_desktop.bus.port import ConnectionState, Message
from slate_desktop.control import requests
from slate_desktop.control.requests import Requester
from slate_desktop.errors import (
    ClientError,
    CommandError,
    DeniedError,
    NotConnectedError,
    SettingsError,
)
from slate_desktop.stack.nats_server import NatsUser
from slate_desktop.wire.agent_messages import LineReply
from slate_desktop.wire.envelope import H_IDEM
from slate_desktop.wire.keys import SigningKey
from slate_desktop.wire.subjects import agent_request
from tests.services.listening import stop_listening
from tests.services.nats import AGENT_ID, RealNats, take_port
from tests.services.proxy import CutProxy

pytestmark = [pytest.mark.nats, pytest.mark.fault]


@pytest.fixture
async def bus(own_nats: RealNats) -> AsyncIterator[NatsBus]:
    bus = await NatsBus.connect(own_nats.url, seed=own_nats.anyone.seed, name="test")
    yield bus
    await bus.aclose()


async def until(condition: Callable[[], bool], timeout_s: float = 40.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_subscriptions_are_back_after_the_broker_was_killed(
    own_nats: RealNats, bus: NatsBus
) -> None:
    got: list[bytes] = []
    states: list[ConnectionState] = []
    bus.on_state(states.append)

    async def handle(message: Message) -> None:
        got.append(message.data)
        await bus.respond(message, b"pong")

    await bus.subscribe("t.x", handle)
    for round_number in range(2):
        own_nats.kill()
        await until(lambda: bus.state is ConnectionState.RECONNECTING)
        began = time.monotonic()
        with pytest.raises(NotConnectedError):
            await bus.request("t.x", b"stale", timeout_s=30)
        with pytest.raises(NotConnectedError):
            await bus.publish("t.x", b"stale")
        assert time.monotonic() - began < 10
        own_nats.start()
        await until(lambda: bus.state is ConnectionState.CONNECTED)
        answer = await bus.request("t.x", str(round_number).encode())
        assert answer.data == b"pong"
    assert got == [b"0", b"1"]
    assert states == [ConnectionState.RECONNECTING, ConnectionState.CONNECTED] * 2


async def test_subscribe_while_disconnected_works_once_the_broker_is_back(
    own_nats: RealNats, bus: NatsBus
) -> None:
    got: list[bytes] = []

    async def handle(message: Message) -> None:
        got.append(message.data)

    own_nats.kill()
    await until(lambda: bus.state is ConnectionState.RECONNECTING)
    await bus.subscribe("t.late", handle)
    own_nats.start()
    await until(lambda: bus.state is ConnectionState.CONNECTED)
    await bus.publish("t.late", b"x")
    await until(lambda: got == [b"x"])


async def test_client_that_closed_itself_is_rebuilt_with_its_subscriptions(
    own_nats: RealNats, bus: NatsBus
) -> None:
    got: list[bytes] = []

    async def handle(message: Message) -> None:
        got.append(message.data)

    await bus.subscribe("t.x", handle, queue="q")
    inner = bus._client
    assert inner is not None
    await inner._process_err("'unknown protocol operation'")  # nats-py closes for good
    await until(lambda: bus.state is ConnectionState.RECONNECTING)
    await until(lambda: bus.state is ConnectionState.CONNECTED)
    assert bus._client is not inner
    await bus.publish("t.x", b"x")
    await until(lambda: got == [b"x"])
    assert (await _echo(bus)) == b"echo"


async def test_broker_that_moved_is_found_where_it_is_now(own_nats: RealNats) -> None:
    there = own_nats.url
    bus = await NatsBus.connect(
        there, seed=own_nats.anyone.seed, name="test", find_url=lambda: there
    )
    got = asyncio.Event()

    async def handle(_message: Message) -> None:
        got.set()

    await bus.subscribe("t.x", handle)
    own_nats.kill()
    # Somebody else has the port now, and says nothing that a broker would.
    stranger = await take_port(own_nats.port)
    try:
        await until(lambda: bus.state is ConnectionState.RECONNECTING)
        own_nats.port = -1
        own_nats.start()
        there = own_nats.url
        await until(lambda: bus.state is ConnectionState.CONNECTED)
        assert bus.url == there
        await bus.publish("t.x", b"")
        async with asyncio.timeout(40):
            await got.wait()
    finally:
        stranger.close()
        await bus.aclose()


@pytest.mark.parametrize("url", [None, "", "http://x", "nats://192.0.2.1:4222"])
async def test_address_that_cannot_be_the_brokers_is_not_followed(
    own_nats: RealNats, url: str | None
) -> None:
    asked = asyncio.Event()

    def find() -> str | None:
        asked.set()
        return url

    bus = await NatsBus.connect(own_nats.url, seed=own_nats.anyone.seed, name="test", find_url=find)
    own_nats.kill()
    async with asyncio.timeout(40):
        await asked.wait()
    own_nats.start()
    await until(lambda: bus.state is ConnectionState.CONNECTED)
    assert bus.url == own_nats.url
    await bus.aclose()


async def test_answer_that_a_reload_of_the_brokers_users_lost_comes_again(
    own_nats: RealNats, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "_ASK_AGAIN_S", 0.1)
    key, joined = SigningKey.from_seed(own_nats.user.seed), SigningKey.generate()
    keys: list[str] = []
    asked, is_reloaded = asyncio.Event(), asyncio.Event()
    async with contextlib.AsyncExitStack() as stack:

        async def connect(seed: str) -> NatsBus:
            bus = await NatsBus.connect(own_nats.url, seed=seed, name="test")
            stack.push_async_callback(bus.aclose)
            return bus

        async def handle(message: Message) -> None:
            keys.append(message.headers[H_IDEM])
            asked.set()
            await is_reloaded.wait()
            await agent.respond(message, b'{"seq":1,"timestamp_ns":2,"stream":"api"}')

        client, agent = await connect(key.seed), await connect(own_nats.agent.seed)
        request = client.request

        async def request_after_reload(*args: Any, **more: Any) -> Message:
            if asked.is_set():
                await is_reloaded.wait()
            return await request(*args, **more)

        # However slow the machine is, the second question comes after the reload.
        monkeypatch.setattr(client, "request", request_after_reload)
        await agent.subscribe(agent_request(AGENT_ID), handle)
        asking = asyncio.create_task(
            Requester(client, key).send(
                agent_request(AGENT_ID), b"{}", LineReply, AGENT_ID, "key", timeout_s=25
            )
        )
        await asked.wait()
        # Somebody joins, and is let in once the broker has read its users.
        guest = NatsUser(public_key=joined.public, permissions=permissions.user(joined.public))
        own_nats.reload([*own_nats.users(), guest])
        async with asyncio.timeout(20):
            while True:
                with contextlib.suppress(ClientError):
                    await connect(joined.seed)
                    break
        is_reloaded.set()
        assert (await asking).seq == 1
        assert keys == ["key", "key"]


async def test_objects_are_brought_while_the_broker_reads_its_users_anew(
    own_nats: RealNats, bus: NatsBus, tmp_path: Path
) -> None:
    objects = NatsObjects(bus)
    await objects.ensure()
    stored = await objects.put(b"a texture")
    is_over = False

    async def fetch(number: int) -> int:
        count = 0
        while not is_over:
            await objects.get(stored.sha256, stored.size, tmp_path / f"{number}.{count}")
            count += 1
        return count

    fetching = [asyncio.create_task(fetch(number)) for number in range(6)]
    for _ in range(30):
        key = SigningKey.generate()
        guest = NatsUser(public_key=key.public, permissions=permissions.user(key.public))
        own_nats.reload([*own_nats.users(), guest])
        await asyncio.sleep(0.05)
    is_over = True
    assert all([await task > 0 for task in fetching])


async def test_who_signs_in_while_the_broker_reads_its_users_anew_is_let_in(
    own_nats: RealNats,
) -> None:
    is_over = False

    async def come_and_go() -> int:
        count = 0
        while not is_over:
            bus = await NatsBus.connect(own_nats.url, seed=own_nats.user.seed, name="test")
            await bus.aclose()
            count += 1
        return count

    coming = [asyncio.create_task(come_and_go()) for _ in range(3)]
    for _ in range(20):
        key = SigningKey.generate()
        guest = NatsUser(public_key=key.public, permissions=permissions.user(key.public))
        own_nats.reload([*own_nats.users(), guest])
        # So far apart that who takes long to sign in is not turned away by each of them.
        await asyncio.sleep(0.25)
    is_over = True
    assert all([await task > 0 for task in coming])


async def test_connection_that_is_dropped_at_once_is_made_again(own_nats: RealNats) -> None:
    proxy = CutProxy(own_nats.port)
    await proxy.start()
    try:
        proxy.drops = 3
        url = f"nats://127.0.0.1:{proxy.port}"
        bus = await NatsBus.connect(url, seed=own_nats.anyone.seed, name="test")
        assert proxy.drops == 0
        await bus.aclose()
        proxy.drops = 99
        began = time.monotonic()
        with pytest.raises(NotConnectedError):
            await NatsBus.connect(url, seed=own_nats.anyone.seed, name="test")
        assert 0 < proxy.drops < 99
        assert time.monotonic() - began < 15
    finally:
        await proxy.aclose()


async def test_revoked_key_is_refused_and_admitted_again(own_nats: RealNats, bus: NatsBus) -> None:
    users = own_nats.users()
    own_nats.reload([user for user in users if user.public_key != own_nats.anyone.public])
    await until(lambda: "key" in bus.reason)
    assert bus.state is ConnectionState.RECONNECTING
    with pytest.raises(NotConnectedError, match="key"):
        await bus.publish("t.x", b"")
    own_nats.reload(users)
    await until(lambda: bus.state is ConnectionState.CONNECTED, timeout_s=30)
    assert (await _echo(bus)) == b"echo"


async def test_reader_that_died_is_noticed(own_nats: RealNats, bus: NatsBus) -> None:
    inner = bus._client
    assert inner is not None
    assert inner._reading_task is not None
    states: list[ConnectionState] = []
    bus.on_state(states.append)
    inner._reading_task.cancel()
    await until(lambda: states == [ConnectionState.RECONNECTING, ConnectionState.CONNECTED])
    assert (await _echo(bus)) == b"echo"


@pytest.mark.parametrize(
    "frame",
    [
        b"PUB t.\xff\xfe 1\r\nx\r\n",
        b"HPUB t.x 16 17\r\nNATS/1.0 \xff\xff\xff\r\n\r\nx\r\n",
        b"HPUB t.x 19 20\r\nNATS/1.0\r\n\xff\xfe: b\r\n\r\nx\r\n",
    ],
    ids=["subject", "status", "header"],
)
async def test_bytes_that_are_no_text_do_not_end_the_reader(
    own_nats: RealNats, bus: NatsBus, frame: bytes
) -> None:
    got: list[bytes] = []

    async def handle(message: Message) -> None:
        got.append(message.data)

    await bus.subscribe("t.>", handle)
    other = await NatsBus.connect(own_nats.url, seed=own_nats.anyone.seed, name="bad")
    assert other._client is not None
    await other._client._send_command(frame)
    await other._client._flush_pending()
    await other.publish("t.good", b"good")
    await until(lambda: b"good" in got)
    assert bus.state is ConnectionState.CONNECTED
    await other.aclose()


async def test_unknown_key_is_denied_at_once(own_nats: RealNats) -> None:
    began = time.monotonic()
    with pytest.raises(DeniedError):
        await NatsBus.connect(own_nats.url, seed=SigningKey.generate().seed, name="x")
    assert time.monotonic() - began < 15


async def test_first_connect_to_nobody_fails_within_five_seconds(unused_tcp_port: int) -> None:
    began = time.monotonic()
    with pytest.raises(NotConnectedError):
        await NatsBus.connect(
            f"nats://127.0.0.1:{unused_tcp_port}", seed=SigningKey.generate().seed, name="x"
        )
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("greeting", [b"", b"SSH-2.0-OpenSSH\r\n", b"INFO {bad\r\n"])
async def test_another_service_on_the_port_is_refused_in_time(greeting: bytes) -> None:
    writers: list[asyncio.StreamWriter] = []

    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        writer.write(greeting)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    began = time.monotonic()
    with pytest.raises(NotConnectedError):
        await NatsBus.connect(f"nats://127.0.0.1:{port}", seed=SigningKey.generate().seed, name="x")
    assert time.monotonic() - began < 15
    for writer in writers:
        writer.close()
    await stop_listening(server)


async def test_plaintext_server_is_refused_where_tls_was_asked(own_nats: RealNats) -> None:
    for url, tls in (
        (own_nats.url.replace("nats://", "tls://"), None),
        (own_nats.url, ssl.create_default_context()),
    ):
        with pytest.raises(NotConnectedError, match="encryption"):
            await NatsBus.connect(url, seed=own_nats.anyone.seed, name="x", tls=tls)


@pytest.mark.parametrize(
    "url",
    [
        "nats://192.0.2.1:4222",
        "nats://broker.example:4222",
        "192.0.2.1:4222",
        "ws://127.0.0.1:4222",
        "http://127.0.0.1:4222",
        "nats://[::1:4222",
        "nats://127.0.0.1:0",
        "nats://127.0.0.1:99999",
        "nats://",
        "",
        "nats://127.0.0.1:4222,nats://192.0.2.1:4222",
    ],
)
async def test_address_that_cannot_be_used_is_refused_before_connecting(url: str) -> None:
    with pytest.raises(SettingsError):
        await NatsBus.connect(url, seed=SigningKey.generate().seed, name="x")


def test_plaintext_to_another_machine_is_possible_where_the_profile_allows_it() -> None:
    address = nats_client.parse_address(
        "nats://192.0.2.1:4222", has_tls=False, allow_plaintext=True
    )
    assert not address.must_encrypt


async def test_seed_with_a_typing_error_is_refused(own_nats: RealNats) -> None:
    seed = own_nats.anyone.seed
    typo = seed[:20] + ("A" if seed[20] != "A" else "B") + seed[21:]
    with pytest.raises(CommandError) as caught:
        await NatsBus.connect(own_nats.url, seed=typo, name="x")
    assert caught.value.code == "bad_key"


async def test_close_is_bounded_while_the_broker_hangs(own_nats: RealNats) -> None:
    import signal

    bus = await NatsBus.connect(own_nats.url, seed=own_nats.anyone.seed, name="x")
    assert own_nats.process is not None
    own_nats.process.send_signal(signal.SIGSTOP)
    try:
        began = time.monotonic()
        await bus.aclose()
        assert time.monotonic() - began < 15
    finally:
        own_nats.process.send_signal(signal.SIGCONT)


async def _echo(bus: NatsBus) -> bytes:
    async def handle(message: Message) -> None:
        await bus.respond(message, message.data)

    subscription = await bus.subscribe("t.echo", handle)
    answer = await bus.request("t.echo", b"echo")
    await subscription.unsubscribe()
    return answer.data


async def test_connection_is_rebuilt_although_an_attempt_breaks_off(
    own_nats: RealNats,
    bus: NatsBus,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    is_broken = [True]

    def find() -> str | None:
        if is_broken:
            is_broken.clear()
            raise RuntimeError("a bug")
        return None

    monkeypatch.setattr(bus._place, "_find_url", find)
    inner = bus._client
    assert inner is not None
    await inner._process_err("'unknown protocol operation'")
    await until(lambda: not is_broken)
    await until(lambda: bus.state is ConnectionState.CONNECTED)
    assert "could not be" in caplog.text
    await bus.flush()


async def test_answer_to_a_flush_that_was_given_up_harms_nothing(
    bus: NatsBus, caplog: pytest.LogCaptureFixture
) -> None:
    inner = bus._client
    assert inner is not None
    for _ in range(3):
        given_up = asyncio.get_running_loop().create_future()
        given_up.cancel()
        await inner._send_ping(given_up)
    await bus.flush()
    assert not inner.is_deaf
    assert inner._pings_outstanding == 0
    assert "invalid state" not in caplog.text
