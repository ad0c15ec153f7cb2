"""Whom a broker admits, when that changes while it starts or cannot be written down."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from slate_desktop.bus import permissions
from slate_desktop.bus.nats_bus import NatsBus
from slate_desktop.errors import DeniedError, SettingsError, StackError
from slate_desktop.stack import nats_server, process
from slate_desktop.stack.nats_server import NatsServer, NatsUser
from slate_desktop.wire.keys import SigningKey
from tests.conftest import require_service

pytestmark = pytest.mark.nats


def as_user(key: SigningKey) -> NatsUser:
    return NatsUser(public_key=key.public, permissions=permissions.user(key.public))


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
    async with asyncio.timeout(20):
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
