"""A queue of work when the broker dies while somebody waits for the next message."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from slate_desktop.bus.nats_bus import NatsBus
from slate_desktop.bus.nats_queue import NatsQueue
from slate_desktop.bus.port import ConnectionState
from slate_desktop.bus.queue import ASSETS
from tests.services.nats import RealNats

pytestmark = [pytest.mark.nats, pytest.mark.fault]
LONG_S = 300.0


@pytest.fixture
async def queue(own_nats: RealNats) -> AsyncIterator[NatsQueue]:
    bus = await NatsBus.connect(own_nats.url, seed=own_nats.anyone.seed, name="test")
    queue = NatsQueue(bus, ASSETS)
    await queue.ensure()
    yield queue
    await queue.aclose()
    await bus.aclose()


async def test_who_waits_asks_anew_when_the_broker_is_back(
    own_nats: RealNats, queue: NatsQueue
) -> None:
    bus = queue._bus
    for number in range(2):
        waiting = asyncio.create_task(queue.fetch("audio", timeout_s=LONG_S))
        await asyncio.sleep(0.3)  # it has asked, and is silent
        assert not waiting.done()
        own_nats.kill()
        async with asyncio.timeout(60):
            while bus.state is ConnectionState.CONNECTED:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            own_nats.start()
            # Nobody else would tell it: the broker that it asked is gone.
            assert await waiting is None
            while bus.state is not ConnectionState.CONNECTED:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        again = asyncio.create_task(queue.fetch("audio", timeout_s=LONG_S))
        async with asyncio.timeout(60):
            await queue.publish("audio", str(number).encode(), message_id=f"m{number}")
            delivery = await again
            assert delivery is not None
            assert delivery.data == str(number).encode()
            await delivery.ack()


async def test_an_interruption_that_nobody_waited_through_costs_no_message(
    own_nats: RealNats, queue: NatsQueue
) -> None:
    bus = queue._bus
    assert await queue.fetch("audio", timeout_s=0.1) is None
    own_nats.kill()
    async with asyncio.timeout(60):
        while bus.state is ConnectionState.CONNECTED:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        own_nats.start()
        while bus.state is not ConnectionState.CONNECTED:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await queue.publish("audio", b"x", message_id="m")
    found = await queue.fetch("audio", timeout_s=20)
    assert found is not None
    await found.ack()
