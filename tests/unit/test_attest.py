"""Signatures of agents: what is believed of answers and events, and what is not."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from slate_desktop.bus.attested import SigningBus, VerifiedBus
from slate_desktop.bus.memory_bus import MemoryBroker, MemoryBus
from slate_desktop.bus.port import Bus, Message
from slate_desktop.control.agent_keys import KEEP_S, DatabaseAgentKeys
from slate_desktop.errors import CommandError, DatabaseError, ForgedReplyError
from slate_desktop.wire.attest import (
    H_EPOCH,
    H_SEQUENCE,
    H_SET,
    MAX_SET,
    EventOrder,
    EventStamp,
    check_event,
    check_reply,
    sign_event,
    sign_events,
    sign_reply,
)
from slate_desktop.wire.envelope import (
    H_ISSUED,
    H_KEY,
    H_REPLAYED,
    H_SIGNATURE,
    sign_job,
    sign_request,
)
from slate_desktop.wire.keys import SigningKey

AGENT, OTHER, STRANGER = (SigningKey.generate() for _ in range(3))
PERSON = SigningKey.generate()
ASK = "slate.container.stop.s1"
EVENT = "slate.runtime.p1.s1.status"
NOW = 1_764_000_000_000


class Keys:
    def __init__(self, **agents: SigningKey) -> None:
        self.agents = {key.public: name for name, key in agents.items()}

    async def agent_of(self, key: str) -> str | None:
        return self.agents.get(key)


@pytest.mark.parametrize("change", ["subject", "nonce", "body", H_KEY, H_ISSUED, H_REPLAYED])
def test_an_answer_is_good_for_its_request_alone(change: str) -> None:
    fields: dict[str, Any] = {"subject": ASK, "nonce": "n1", "body": b"{}"}
    headers = sign_reply(AGENT, ASK, "n1", b"{}", now_ms=NOW)
    assert check_reply(fields["subject"], "n1", headers, b"{}") == AGENT.public
    if change in fields:
        fields[change] = b"[]" if change == "body" else "other"
    else:
        headers[change] = {H_KEY: OTHER.public, H_ISSUED: str(NOW + 1), H_REPLAYED: "1"}[change]
    with pytest.raises(CommandError) as caught:
        check_reply(fields["subject"], fields["nonce"], headers, fields["body"])
    assert caught.value.code == "bad_signature"


@pytest.mark.parametrize("change", ["subject", "body", H_KEY, H_ISSUED, H_EPOCH, H_SEQUENCE])
def test_an_event_cannot_be_altered(change: str) -> None:
    headers = sign_event(AGENT, EVENT, b"{}", epoch=3, sequence=9, now_ms=NOW)
    assert check_event(EVENT, headers, b"{}") == EventStamp(AGENT.public, 3, 9, NOW)
    subject, body = EVENT, b"{}"
    if change == "subject":
        subject = "slate.runtime.p1.s2.status"
    elif change == "body":
        body = b"[]"
    else:
        headers[change] = OTHER.public if change == H_KEY else str(NOW + 1)
    with pytest.raises(CommandError):
        check_event(subject, headers, body)


EVENTS = [(f"slate.runtime.p1.s{n}.stats", f"{{{n}}}".encode()) for n in range(MAX_SET)]


@pytest.mark.parametrize("count", [1, 2, MAX_SET])
def test_events_that_leave_together_share_a_signature(count: int) -> None:
    events = EVENTS[:count]
    made = sign_events(AGENT, events, epoch=3, first_sequence=9, now_ms=NOW)
    for number, ((subject, body), headers) in enumerate(zip(events, made, strict=True)):
        stamp = EventStamp(AGENT.public, 3, 9 + number, NOW)
        assert check_event(subject, headers, body) == stamp
    assert len({headers[H_SIGNATURE] for headers in made}) == 1


@pytest.mark.parametrize("count", [0, MAX_SET + 1])
def test_a_set_has_bounds(count: int) -> None:
    with pytest.raises(ValueError, match="a set has 1 to"):
        sign_events(AGENT, EVENTS[:1] * count, epoch=3, first_sequence=9, now_ms=NOW)


@pytest.mark.parametrize("change", ["subject", "body", H_KEY, H_ISSUED, H_EPOCH, H_SEQUENCE, H_SET])
def test_an_event_of_a_set_cannot_be_altered(change: str) -> None:
    (subject, body), (other, _) = EVENTS[:2]
    made = sign_events(AGENT, EVENTS[:2], epoch=3, first_sequence=9, now_ms=NOW)
    headers = made[0]
    check_event(subject, headers, body)
    if change == "subject":
        # Another of the same set, which is signed, too.
        subject = other
    elif change == "body":
        body = b"[]"
    elif change == H_SEQUENCE:
        headers = headers | {H_SEQUENCE: made[1][H_SEQUENCE]}
    elif change == H_SET:
        # The digests of a set that nobody signed, with this event among them.
        forged = sign_events(OTHER, EVENTS[:3], epoch=3, first_sequence=9, now_ms=NOW)[0]
        headers = headers | {H_SET: headers[H_SET] + forged[H_SET]}
    else:
        headers = headers | {change: OTHER.public if change == H_KEY else str(NOW + 1)}
    with pytest.raises(CommandError):
        check_event(subject, headers, body)


@pytest.mark.parametrize(
    "text", ["", "A", "é", "====", "\x00" * 43, "A" * 42, "A" * 100_000, "_" * 43, "A B" * 20]
)
def test_a_set_that_is_none_is_refused_and_harms_nothing(text: str) -> None:
    ((subject, body),) = EVENTS[:1]
    (headers,) = sign_events(AGENT, [(subject, body)], epoch=3, first_sequence=9, now_ms=NOW)
    with pytest.raises(CommandError):
        check_event(subject, headers | {H_SET: text}, body)


def test_a_signature_of_one_kind_is_none_of_the_other() -> None:
    ((subject, body),) = EVENTS[:1]
    alone = sign_event(AGENT, subject, body, epoch=3, sequence=9, now_ms=NOW)
    (of_set,) = sign_events(AGENT, [(subject, body)], epoch=3, first_sequence=9, now_ms=NOW)
    for headers in (
        alone | {H_SET: of_set[H_SET]},
        {name: text for name, text in of_set.items() if name != H_SET},
        of_set | {H_SIGNATURE: alone[H_SIGNATURE]},
    ):
        with pytest.raises(CommandError):
            check_event(subject, headers, body)


@pytest.mark.parametrize("signature", ["", "é", "x" * 86, "A" * 85, "A" * 87, "====", "\x00" * 86])
def test_a_signature_that_is_none_is_refused_and_harms_nothing(signature: str) -> None:
    headers = sign_event(AGENT, EVENT, b"{}", epoch=3, sequence=9, now_ms=NOW)
    with pytest.raises(CommandError):
        check_event(EVENT, headers | {H_SIGNATURE: signature}, b"{}")
    with pytest.raises(CommandError):
        check_event(EVENT, headers | {H_KEY: signature}, b"{}")


def test_events_may_overtake_a_little_and_come_once() -> None:
    order = EventOrder()

    def is_new(sequence: int, epoch: int = 1, subject: str = EVENT) -> bool:
        return order.is_new(subject, EventStamp("k", epoch, sequence, NOW))

    assert [is_new(n) for n in (10, 12, 11, 11, 12, 10, 13)] == [
        True, True, True, False, False, False, True,
    ]  # fmt: skip
    assert is_new(12, subject="another")
    assert is_new(5000)
    assert not is_new(14), "long ago"
    assert is_new(1, epoch=2)
    assert not is_new(5001, epoch=1), "an older process"


class World:
    def __init__(self) -> None:
        self.broker = MemoryBroker()
        self.agent = SigningBus(MemoryBus(self.broker), AGENT)
        self.agent.epoch = 4
        self.rogue = MemoryBus(self.broker)
        client = MemoryBus(self.broker, public_key=PERSON.public)
        self.client = VerifiedBus(client, Keys(a1=AGENT, a2=OTHER))
        self.heard: list[bytes] = []

    async def hear(self, subject: str) -> None:
        async def note(message: Message) -> None:
            self.heard.append(message.data)

        await self.client.subscribe(subject, note)

    async def answer_with(self, bus: Bus) -> None:
        async def handle(message: Message) -> None:
            await bus.respond(message, b"{}", headers={H_REPLAYED: "1"})

        await bus.subscribe(ASK, handle)

    async def ask(self, audience: str) -> Message:
        now_ms = time.time_ns() // 1_000_000
        headers = sign_request(PERSON, ASK, b"{}", audience=audience, idem="i", now_ms=now_ms)
        return await self.client.request(ASK, b"{}", headers=headers, timeout_s=20)

    async def until_heard(self, *expected: bytes) -> None:
        async with asyncio.timeout(10):
            while self.heard != list(expected):  # noqa: ASYNC110
                await asyncio.sleep(0.005)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    yield world
    for bus in (world.agent, world.rogue, world.client):
        await bus.aclose()


async def test_the_answer_of_the_agent_that_was_asked_is_believed(world: World) -> None:
    await world.answer_with(world.agent)
    for audience in ("a1", "any"):
        answer = await world.ask(audience)
        assert answer.data == b"{}"
        assert answer.headers[H_REPLAYED] == "1"
    with pytest.raises(ForgedReplyError, match="signed by a1, not by the agent a2"):
        await world.ask("a2")


async def test_a_forged_answer_is_refused_with_the_reason(world: World) -> None:
    await world.answer_with(world.rogue)
    with pytest.raises(ForgedReplyError, match=r"not signed by the agent a1.*no signature"):
        await world.ask("a1")


async def test_an_answer_with_a_key_of_no_agent_is_refused(world: World) -> None:
    await world.answer_with(SigningBus(world.rogue, STRANGER))
    with pytest.raises(ForgedReplyError, match="a key that no agent has"):
        await world.ask("any")


async def test_the_broker_may_answer_a_job(world: World) -> None:
    subject = "slate.build.submit.linux"

    async def store(message: Message) -> None:
        await world.rogue.respond(message, b'{"stream": "BUILDS", "seq": 1}')

    await world.rogue.subscribe(subject, store)
    headers = sign_job(PERSON, subject, b"{}", job_id="j1", now_ms=NOW)
    answer = await world.client.request(subject, b"{}", headers=headers, timeout_s=20)
    assert b"BUILDS" in answer.data


async def test_only_signed_events_arrive_and_each_once(world: World) -> None:
    await world.hear("slate.runtime.p1.*.status")
    stranger = SigningBus(world.rogue, STRANGER)
    await world.rogue.publish(EVENT, b"plain")
    await stranger.publish(EVENT, b"stranger")
    old = time.time_ns() // 1_000_000 - 3_600_000
    kept = sign_event(AGENT, EVENT, b"old", epoch=4, sequence=99, now_ms=old)
    await world.rogue.publish(EVENT, b"old", headers=kept)
    now_ms = time.time_ns() // 1_000_000
    heard = sign_event(AGENT, EVENT, b"once", epoch=4, sequence=100, now_ms=now_ms)
    for _ in range(3):
        await world.rogue.publish(EVENT, b"once", headers=heard)
    await world.until_heard(b"once")
    outdated = sign_event(AGENT, EVENT, b"outdated", epoch=3, sequence=101, now_ms=now_ms)
    await world.rogue.publish(EVENT, b"outdated", headers=outdated)
    last = sign_event(AGENT, EVENT, b"last", epoch=4, sequence=102, now_ms=now_ms)
    await world.rogue.publish(EVENT, b"last", headers=last)
    await world.until_heard(b"once", b"last")
    assert world.client.refused_events == 6


async def test_many_events_at_once_are_believed_each_once(world: World) -> None:
    await world.hear("slate.runtime.p1.*.stats")
    many = [(f"slate.runtime.p1.s{n}.stats", str(n).encode()) for n in range(2 * MAX_SET + 3)]
    await world.agent.publish_all(many)
    await world.agent.publish_all(many[:1])
    await world.until_heard(*(body for _, body in many), many[0][1])
    assert world.client.refused_events == 0


async def test_a_heartbeat_is_believed_of_its_own_agent_only(world: World) -> None:
    await world.hear("slate.agent.*.heartbeat")
    await world.agent.publish("slate.agent.a2.heartbeat", b"another's")
    await world.agent.publish("slate.agent.a1.heartbeat", b"own")
    await world.until_heard(b"own")


async def test_what_is_not_of_agents_passes(world: World) -> None:
    heard: list[bytes] = []

    async def note(message: Message) -> None:
        heard.append(message.data)
        assert H_SIGNATURE not in message.headers

    await world.client.subscribe("$O.slate.C.x", note)
    await world.agent.publish("$O.slate.C.x", b"chunk")
    async with asyncio.timeout(10):
        while not heard:  # noqa: ASYNC110
            await asyncio.sleep(0.005)


class Agents:
    """The repository as a database that may be away."""

    def __init__(self) -> None:
        self.keys: dict[str, str | None] = {}
        self.is_away = False
        self.reads = 0

    @property
    def agents(self) -> Agents:
        return self

    async def list(self) -> list[Any]:
        self.reads += 1
        if self.is_away:
            raise DatabaseError("away")
        return [type("Row", (), {"id": name, "pubkey": key}) for name, key in self.keys.items()]


async def test_keys_are_read_again_for_a_new_agent_and_forgotten_when_withdrawn() -> None:
    database, now = Agents(), [100.0]
    keys = DatabaseAgentKeys(database, clock=lambda: now[0])  # type: ignore[arg-type]
    assert await keys.agent_of("k1") is None
    database.keys["a1"] = "k1"
    assert await keys.agent_of("k1") is None, "it was just looked up"
    assert database.reads == 1
    now[0] += 2
    assert await keys.agent_of("k1") == "a1"
    database.keys["a1"] = None
    now[0] += KEEP_S / 2
    assert await keys.agent_of("k1") == "a1"
    database.is_away = True
    now[0] += KEEP_S
    assert await keys.agent_of("k1") == "a1", "what was known counts while the database is away"
    database.is_away = False
    now[0] += KEEP_S + 1
    assert await keys.agent_of("k1") is None
