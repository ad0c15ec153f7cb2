"""Whom a broker admits, when that changes while it starts or cannot be written down."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Collection
from pathlib import Path
from typing import Any

import pytest

from slate_desktop.bus import permissions
from slate_desktop.bus.nats_bus import NatsBus
from slate_desktop.bus.port import Message
from slate_desktop.errors import DeniedError, SettingsError, StackError
from slate_desktop.stack import nats_server, process
from slate_desktop.stack.nats_server import NatsServer, NatsUser
from slate_desktop.wire.keys import SigningKey
from tests.conftest import require_service

pytestmark = pytest.mark.nats


def as_user(key: SigningKey, projects: Collection[str] = ("*",)) -> NatsUser:
    return NatsUser(public_key=key.public, permissions=permissions.user(key.public, projects))


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[NatsServer]:
    try:
        nats_server.find_binary()
    except StackError as exc:
        require_service("nats", str(exc))
    broker = NatsServer(tmp_path, [as_user(SigningKey.generate())], log_file=tmp_path / "log")
    yield broker
    await broker.stop()


async def until_admitted(broker: NatsServer, key: SigningKey) -> None:
    async with asyncio.timeout(40):
        while True:
            try:
                bus = await NatsBus.connect(broker.url, seed=key.seed, name="test")
            except DeniedError:
                continue
            await bus.aclose()
            return


@pytest.mark.parametrize("is_known", [False, True], ids=["spawning", "answering"])
async def test_who_comes_while_the_broker_starts_is_admitted(
    broker: NatsServer, monkeypatch: pytest.MonkeyPatch, is_known: bool
) -> None:
    key = SigningKey.generate()
    spawn = process.spawn

    async def spawn_while_somebody_comes(*args: Any, **more: Any) -> asyncio.subprocess.Process:
        child = await spawn(*args, **more)
        if is_known:
            # It runs, and does not take signals yet: this one would end it.
            asyncio.get_running_loop().call_soon(broker.set_users, [as_user(key)])
        else:
            broker.set_users([as_user(key)])
        return child

    monkeypatch.setattr(process, "spawn", spawn_while_somebody_comes)
    await broker.start()
    await until_admitted(broker, key)


async def test_who_comes_while_the_broker_is_down_is_admitted(broker: NatsServer) -> None:
    await broker.start()
    assert broker.process is not None
    broker.process.kill()
    await broker.process.wait()
    key = SigningKey.generate()
    broker.set_users([as_user(key)])
    await broker.start()
    await until_admitted(broker, key)


async def test_users_that_could_not_be_written_are_written_by_the_next_try(
    broker: NatsServer, tmp_path: Path
) -> None:
    await broker.start()
    config = tmp_path / "nats-server.conf"
    config.unlink()
    config.mkdir()
    key = SigningKey.generate()
    with pytest.raises(SettingsError):
        broker.set_users([as_user(key)])
    config.rmdir()
    broker.set_users([as_user(key)])
    await until_admitted(broker, key)


async def test_who_is_taken_out_of_a_project_and_put_back_hears_it_again(
    broker: NatsServer,
) -> None:
    teller, member = SigningKey.generate(), SigningKey.generate()
    agent = NatsUser(
        public_key=teller.public, permissions=permissions.agent("agent-1", teller.public)
    )
    broker.set_users([agent, as_user(member, ["tower"])])
    await broker.start()
    heard: list[bytes] = []

    async def hear(message: Message) -> None:
        heard.append(message.data)

    told = await NatsBus.connect(broker.url, seed=teller.seed, name="agent")
    bus = await NatsBus.connect(broker.url, seed=member.seed, name="member")
    try:
        await bus.subscribe("slate.runtime.tower.*.*", hear)
        other = await bus.subscribe("slate.build.tower.*.*", hear)
        await until_heard(told, heard, b"before")
        broker.set_users([agent, as_user(member, [])])
        await until_deaf(told, heard)
        await other.unsubscribe()
        broker.set_users([agent, as_user(member, ["tower"])])
        await until_heard(told, heard, b"after")
        await told.publish("slate.runtime.tower.s1.log", b"once")
        await told.publish("slate.build.tower.s1.log", b"unsubscribed")
        await until_heard(told, heard, b"last")
        assert heard.count(b"once") == 1
        assert b"unsubscribed" not in heard
    finally:
        await bus.aclose()
        await told.aclose()


async def until_heard(told: NatsBus, heard: list[bytes], data: bytes) -> None:
    async with asyncio.timeout(30):
        while data not in heard:
            await told.publish("slate.runtime.tower.s1.log", data)
            await told.flush()
            await asyncio.sleep(0.05)


async def until_deaf(told: NatsBus, heard: list[bytes]) -> None:
    async with asyncio.timeout(30):
        for attempt in itertools.count():
            data = b"%d" % attempt
            await told.publish("slate.runtime.tower.s1.log", data)
            await told.flush()
            await asyncio.sleep(0.3)
            if data not in heard:
                return
