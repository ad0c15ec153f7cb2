"""One text for both work queues: what holds in memory holds on JetStream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import count

import pytest

from slate_desktop.bus.memory_queue import MemoryQueue, MemoryStream
from slate_desktop.bus.nats_bus import NatsBus
from slate_desktop.bus.nats_queue import NatsQueue
from slate_desktop.bus.queue import MAX_MESSAGE_BYTES, QueueSpec, WorkQueue
from slate_desktop.errors import AgentOfflineError, CommandError
from tests.services.nats import RealNats

_numbers = count(1)
# Long enough that a busy machine acknowledges in time.
ACK_WAIT_S = 3.0
# Makes another queue on the same stream, as another worker has it.
Open = Callable[[], Awaitable[WorkQueue]]


def make_spec(**more: float) -> QueueSpec:
    number = next(_numbers)
    return QueueSpec(
        stream=f"T{number}",
        pattern=f"test{number}.work.*",
        types=("red", "blue"),
        ack_wait_s=ACK_WAIT_S,
        **more,
    )


@pytest.fixture(params=["memory", pytest.param("nats", marks=pytest.mark.nats)])
async def open_queue(request: pytest.FixtureRequest) -> AsyncIterator[Open]:
    spec = make_spec()
    buses: list[NatsBus] = []
    queues: list[WorkQueue] = []
    if request.param == "memory":
        stream = MemoryStream(spec)

        async def make() -> WorkQueue:
            return MemoryQueue(stream)
    else:
        server: RealNats = request.getfixturevalue("nats")

        async def make() -> WorkQueue:
            bus = await NatsBus.connect(server.url, seed=server.anyone.seed, name="queue")
            buses.append(bus)
            return NatsQueue(bus, spec)

    async def open_one() -> WorkQueue:
        queue = await make()
        queues.append(queue)
        return queue

    yield open_one
    for queue in queues:
        await queue.aclose()
    for bus in buses[:1]:
        await bus.request(f"$JS.API.STREAM.DELETE.{spec.stream}", b"")
    for bus in buses:
        await bus.aclose()


@pytest.fixture
async def queue(open_queue: Open) -> WorkQueue:
    made = await open_queue()
    await made.ensure()
    return made


async def test_message_arrives_with_body_and_headers(queue: WorkQueue) -> None:
    assert await queue.publish("red", b"{}", headers={"Slate-V": "1"}, message_id="m1")
    delivery = await queue.fetch("red", timeout_s=15)
    assert delivery is not None
    assert delivery.data == b"{}"
    assert delivery.headers["Slate-V"] == "1"
    assert delivery.subject == queue.spec.subject("red")
    assert delivery.deliveries == 1


async def test_types_do_not_mix(queue: WorkQueue) -> None:
    await queue.publish("red", b"r", message_id="m1")
    assert await queue.fetch("blue", timeout_s=0.2) is None
    assert (await queue.depth("red"), await queue.depth("blue")) == (1, 0)


async def test_acknowledged_message_is_gone(queue: WorkQueue) -> None:
    await queue.publish("red", b"r", message_id="m1")
    delivery = await queue.fetch("red", timeout_s=15)
    assert delivery is not None
    await delivery.ack()
    assert await queue.depth("red") == 0
    assert await queue.fetch("red", timeout_s=ACK_WAIT_S + 0.5) is None


async def test_unsettled_message_comes_again(queue: WorkQueue) -> None:
    await queue.publish("red", b"r", message_id="m1")
    await queue.fetch("red", timeout_s=15)
    assert await queue.fetch("red", timeout_s=0.1) is None
    again = await queue.fetch("red", timeout_s=15)
    assert again is not None
    assert again.deliveries == 2


async def test_message_in_progress_stays_with_its_worker(queue: WorkQueue) -> None:
    await queue.publish("red", b"r", message_id="m1")
    delivery = await queue.fetch("red", timeout_s=15)
    assert delivery is not None
    for _ in range(4):
        assert await queue.fetch("red", timeout_s=ACK_WAIT_S / 3) is None
        await delivery.in_progress()


async def test_message_given_back_comes_after_the_delay(queue: WorkQueue) -> None:
    await queue.publish("red", b"r", message_id="m1")
    delivery = await queue.fetch("red", timeout_s=15)
    assert delivery is not None
    begun = asyncio.get_running_loop().time()
    await delivery.nak(0.3)
    again = await queue.fetch("red", timeout_s=15)
    assert again is not None
    assert asyncio.get_running_loop().time() - begun >= 0.25


async def test_terminated_message_never_comes_again(queue: WorkQueue) -> None:
    await queue.publish("red", b"r", message_id="m1")
    delivery = await queue.fetch("red", timeout_s=15)
    assert delivery is not None
    await delivery.term()
    assert await queue.fetch("red", timeout_s=ACK_WAIT_S + 0.5) is None
    assert await queue.depth("red") == 0


async def test_same_id_is_one_message(queue: WorkQueue) -> None:
    assert await queue.publish("red", b"r", message_id="m1")
    assert not await queue.publish("red", b"r", message_id="m1")
    assert await queue.depth("red") == 1


async def test_each_message_goes_to_one_of_several_workers(open_queue: Open) -> None:
    workers = [await open_queue() for _ in range(3)]
    await workers[0].ensure()
    for number in range(12):
        await workers[0].publish("red", str(number).encode(), message_id=f"m{number}")
    got: list[bytes] = []

    async def work(queue: WorkQueue) -> None:
        while delivery := await queue.fetch("red", timeout_s=2):
            got.append(delivery.data)
            await delivery.ack()

    await asyncio.gather(*map(work, workers))
    assert sorted(got, key=int) == [str(number).encode() for number in range(12)]


async def test_fetch_that_was_cancelled_keeps_no_message(queue: WorkQueue) -> None:
    fetching = asyncio.create_task(queue.fetch("red", timeout_s=1.0))
    await asyncio.sleep(0.05)
    fetching.cancel()
    await asyncio.gather(fetching, return_exceptions=True)
    await queue.publish("red", b"r", message_id="m1")
    delivery = await queue.fetch("red", timeout_s=15)
    assert delivery is not None


async def test_ensure_twice_changes_nothing(queue: WorkQueue) -> None:
    await queue.publish("red", b"r", message_id="m1")
    await queue.ensure()
    assert await queue.depth("red") == 1


async def test_stream_that_is_missing_is_told(open_queue: Open) -> None:
    queue = await open_queue()
    with pytest.raises(AgentOfflineError):
        await queue.publish("red", b"r", message_id="m1")
    with pytest.raises(AgentOfflineError):
        await queue.fetch("red", timeout_s=0.5)


async def test_oversized_message_is_refused(queue: WorkQueue) -> None:
    with pytest.raises(CommandError) as caught:
        await queue.publish("red", bytes(MAX_MESSAGE_BYTES + 1), message_id="m1")
    assert caught.value.code == "too_large"
    assert await queue.depth("red") == 0


async def test_unknown_type_is_a_fault_of_the_caller(queue: WorkQueue) -> None:
    with pytest.raises(ValueError, match="green"):
        await queue.publish("green", b"", message_id="m1")
