"""The request handlers on a bus in memory: who is answered, with what, and who is not."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any, cast

import msgspec
import pytest

from slate_desktop.agent import opening
from slate_desktop.agent.audit import AuditTrail
from slate_desktop.agent.authorize import Authorizer
from slate_desktop.agent.callers import Gate
from slate_desktop.agent.commands import CommandServer, Core
from slate_desktop.agent.idempotency import Idempotency, Ticket, in_progress
from slate_desktop.agent.neighbours import Neighbours
from slate_desktop.agent.operations import Operations
from slate_desktop.agent.tasks import TaskOwner
from slate_desktop.bus.memory_bus import MemoryBroker, MemoryBus
from slate_desktop.bus.port import Message
from slate_desktop.domain.project import Project, User
from slate_desktop.domain.roles import Operation
from slate_desktop.domain.session import RuntimeSession, SessionStatus
from slate_desktop.errors import CommandError, DatabaseError, ErrorCode
from slate_desktop.wire.codec import encode
from slate_desktop.wire.envelope import sign_request
from slate_desktop.wire.keys import SigningKey
from slate_desktop.wire.messages import SessionReply, session_reply
from tests.services.audit import KeptTrail
from tests.unit.fake_recorder import NOW, new_row

USER = User(id="u1", name="u", pubkey="U", created_at=NOW)
PROJECT = Project(
    id="p1", name="p", owner_id="u1", root="/tmp", engine="custom",  # type: ignore[arg-type]
    created_at=NOW, updated_at=NOW,
)  # fmt: skip


class Stub:
    """Stands for authorizer, idempotency and operations; counts effects."""

    def __init__(self) -> None:
        self.effects: list[tuple[Operation, str]] = []
        self.error: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.requests: dict[tuple[str, str], bytes | None] = {}
        self.row = new_row(status=SessionStatus.RUNNING, agent_id="a1")

    async def user_of(self, pubkey: str) -> User:
        return USER

    async def check(self, user: User, project: Project, operation: Operation) -> None:
        return None

    async def begin(
        self, signer: str, idem: str, subject: str, body: bytes, attempt: int
    ) -> Ticket:
        key = (signer, idem)
        if key in self.requests:
            stored = self.requests[key]
            if stored is None:
                raise in_progress()
            return Ticket(signer=signer, idem=idem, stored=stored)
        self.requests[key] = None
        return Ticket(signer=signer, idem=idem)

    async def finish(self, ticket: Ticket, response: bytes) -> None:
        self.requests[(ticket.signer, ticket.idem)] = response

    async def abandon(self, ticket: Ticket) -> None:
        self.requests.pop((ticket.signer, ticket.idem), None)

    async def find(self, session_id: str) -> tuple[RuntimeSession, Project]:
        return msgspec.structs.replace(self.row, id=session_id), PROJECT

    async def find_or_create(
        self, session_id: str, request: object
    ) -> tuple[RuntimeSession, Project]:
        return await self.find(session_id)

    async def run(
        self,
        operation: Operation,
        row: RuntimeSession,
        project: Project,
        request: object,
        *,
        resumed_from: int | None = None,
    ) -> SessionReply:
        self.effects.append((operation, row.id))
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        return session_reply(row)

    def reached(self, operation: Operation, row: RuntimeSession) -> bytes:
        if operation is Operation.EXECUTE:
            raise in_progress()
        return encode(session_reply(row))


class World:
    def __init__(self, *, allow_unsigned: bool = False) -> None:
        self.broker = MemoryBroker()
        self.key = SigningKey.generate()
        self.bus = MemoryBus(self.broker, public_key=self.key.public)
        self.agent_bus = MemoryBus(self.broker)
        self.stub = Stub()
        self.trail = KeptTrail()
        self.tasks = TaskOwner("test")
        self.gate = Gate("a1", allow_unsigned=allow_unsigned)
        self.neighbours = Neighbours("a1")
        self.neighbours.add(["a2"])
        self.server = CommandServer(self.agent_bus, self.gate, self.neighbours, self.tasks)
        self._count = 0

    def open(self) -> None:
        core = Core(
            cast("Authorizer", self.stub),
            cast("Idempotency", self.stub),
            cast("Operations", self.stub),
            cast("AuditTrail", self.trail),
        )
        self.server.open(core)

    def signed(self, subject: str, body: bytes, **more: Any) -> dict[str, str]:
        self._count += 1
        fields = {"audience": "a1", "idem": f"i{self._count}", "now_ms": _now_ms()}
        return sign_request(self.key, subject, body, **(fields | more))

    async def ask(
        self,
        subject: str,
        body: bytes = b"{}",
        *,
        headers: dict[str, str] | None = None,
        **more: Any,
    ) -> dict[str, Any]:
        if headers is None:
            headers = self.signed(subject, body, **more)
        reply = await self.bus.request(subject, body, headers=headers, timeout_s=20)
        return json.loads(reply.data)


def _now_ms() -> int:
    import time

    return time.time_ns() // 1_000_000


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    await world.server.subscribe()
    world.open()
    yield world
    await world.tasks.aclose()
    await world.agent_bus.aclose()
    await world.bus.aclose()


def code_of(reply: dict[str, Any]) -> str:
    return reply["error"]["code"]


async def test_signed_command_has_its_effect_and_is_answered(world: World) -> None:
    reply = await world.ask("slate.container.stop.s1")
    assert reply["session_id"] == "s1"
    assert world.stub.effects == [(Operation.STOP, "s1")]


async def test_unsigned_command_is_refused_with_a_sentence(world: World) -> None:
    reply = await world.ask("slate.container.stop.s1", headers={})
    assert code_of(reply) == ErrorCode.UNSIGNED
    assert "--allow-unsigned" in reply["error"]["details"]["hint"]
    assert world.stub.effects == []


async def test_unsigned_command_is_served_when_it_is_allowed() -> None:
    world = World(allow_unsigned=True)
    await world.server.subscribe()
    world.open()
    reply = await world.ask("slate.container.start.s1", headers={})
    assert reply["session_id"] == "s1"
    await world.tasks.aclose()


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "slate.runtime.p1.s1.status",
        "$JS.API.STREAM.DELETE.ASSETS",
        "_INBOX_UOTHER.x",
        "_R_.x",
        "_INBOX",
    ],
)
async def test_execute_is_dropped_when_the_answer_would_go_astray(world: World, reply: str) -> None:
    subject, body = "slate.container.execute.s1", b'{"argv": ["true"]}'
    sent: list[Message] = []

    async def hear(message: Message) -> None:
        sent.append(message)

    await world.bus.subscribe(">", hear)
    message = Message(subject=subject, data=body, reply=reply, headers=world.signed(subject, body))
    await world.server.handle(message)
    assert world.gate.bad_replies == 1
    assert world.stub.effects == []
    assert sent == []


async def test_stop_without_reply_has_its_effect(world: World) -> None:
    subject = "slate.container.stop.s1"
    headers = world.signed(subject, b"{}")
    await world.server.handle(Message(subject=subject, data=b"{}", headers=headers))
    assert world.stub.effects == [(Operation.STOP, "s1")]


async def test_request_for_another_agent_is_left_to_it(world: World) -> None:
    with pytest.raises(TimeoutError):
        await world.bus.request(
            "slate.container.stop.s1",
            b"{}",
            headers=world.signed("slate.container.stop.s1", b"{}", audience="a2"),
            timeout_s=0.1,
        )
    assert world.stub.effects == []


async def test_request_for_an_agent_that_has_just_joined_is_left_to_it(world: World) -> None:
    joined: list[str] = []

    async def read() -> list[str]:
        return ["a1", "a2", *joined]

    world.neighbours.open(read)
    joined.append("a3")
    with pytest.raises(TimeoutError):
        await world.bus.request(
            "slate.container.start.s1",
            b"{}",
            headers=world.signed("slate.container.start.s1", b"{}", audience="a3"),
            timeout_s=0.1,
        )
    assert world.stub.effects == []


async def test_the_database_is_asked_for_neighbours_once_a_second() -> None:
    now_s, looks = 0.0, []

    async def read() -> list[str]:
        looks.append(now_s)
        if len(looks) == 3:
            raise DatabaseError("away")
        return ["a2"] if len(looks) > 1 else []

    neighbours = Neighbours("a1", clock_s=lambda: now_s)
    assert not await neighbours.has("a2")
    neighbours.open(read)
    assert await neighbours.has("a1")
    for moment, expected in ((0.0, False), (0.9, False), (1.0, True), (1.1, True)):
        now_s = moment
        assert await neighbours.has("a2") is expected
    now_s = 2.5
    assert await asyncio.gather(*(neighbours.has(name) for name in ("a3", "a4"))) == [False, False]
    assert looks == [0.0, 1.0, 2.5]


async def test_who_asks_while_the_database_is_asked_waits_for_it() -> None:
    answered = asyncio.Event()

    async def read() -> list[str]:
        await answered.wait()
        return ["a2", "a3"]

    neighbours = Neighbours("a1")
    neighbours.open(read)
    asked = [asyncio.create_task(neighbours.has(name)) for name in ("a2", "a3", "a4")]
    await asyncio.sleep(0)
    answered.set()
    assert await asyncio.gather(*asked) == [True, True, False]


@pytest.mark.parametrize(("operation", "audience"), [("stop", "unknown"), ("stop", "any")])
async def test_wrong_audience_is_refused(world: World, operation: str, audience: str) -> None:
    reply = await world.ask(f"slate.container.{operation}.s1", audience=audience)
    assert code_of(reply) == ErrorCode.WRONG_AUDIENCE


async def test_any_audience_may_start(world: World) -> None:
    reply = await world.ask("slate.container.start.s1", audience="any")
    assert reply["session_id"] == "s1"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", ErrorCode.BAD_REQUEST),
        (b"[" * 100_000, ErrorCode.TOO_LARGE),
        (b"[]", ErrorCode.BAD_REQUEST),
        (b'{"grace": -1}', ErrorCode.BAD_REQUEST),
        (b'{"grace": 1e9}', ErrorCode.BAD_REQUEST),
        (b'{"privileged": true}', ErrorCode.BAD_REQUEST),
    ],
)
async def test_bad_body_is_refused_without_effect(
    world: World, body: bytes, code: ErrorCode
) -> None:
    assert code_of(await world.ask("slate.container.stop.s1", body)) == code
    assert world.stub.effects == []
    assert world.stub.requests == {}


async def test_same_key_again_gets_the_stored_answer(world: World) -> None:
    first = await world.ask("slate.container.stop.s1", idem="same")
    second = await world.ask("slate.container.stop.s1", idem="same")
    assert first == second
    assert len(world.stub.effects) == 1


async def test_many_copies_have_one_effect(world: World) -> None:
    asking = [world.ask("slate.container.stop.s1", idem="same") for _ in range(30)]
    replies = await asyncio.gather(*asking)
    assert len(world.stub.effects) == 1
    assert all("session_id" in r or code_of(r) == ErrorCode.IN_PROGRESS for r in replies)


async def test_definite_failure_is_stored_and_a_passing_one_is_not(world: World) -> None:
    world.stub.error = CommandError(ErrorCode.ILLEGAL_STATE, "no")
    assert code_of(await world.ask("slate.container.stop.s1", idem="a")) == "illegal_state"
    world.stub.error = DatabaseError("away")
    assert code_of(await world.ask("slate.container.stop.s1", idem="b")) == "db_unavailable"
    assert [key[1] for key in world.stub.requests] == ["a"]


async def test_unexpected_failure_names_an_incident(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.stub.error = RuntimeError("boom")
    reply = await world.ask("slate.container.stop.s1")
    assert code_of(reply) == ErrorCode.INTERNAL
    assert reply["error"]["details"]["incident"]
    assert "boom" not in reply["error"]["message"]


async def test_slow_effect_is_answered_with_the_state_reached(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("slate_desktop.agent.commands.ANSWER_WITHIN_S", 0.01)
    world.stub.gate.clear()
    reply = await world.ask("slate.container.stop.s1", idem="slow")
    assert reply["status"] == "running"
    reply = await world.ask(
        "slate.container.execute.s1", b'{"command": ["true"]}', idem="slow-exec"
    )
    assert code_of(reply) == ErrorCode.IN_PROGRESS
    world.stub.gate.set()
    async with asyncio.timeout(20):
        while None in world.stub.requests.values():  # noqa: ASYNC110 - the stub has no event
            await asyncio.sleep(0)


async def test_everything_is_db_unavailable_before_the_database_was_reached() -> None:
    world = World()
    await world.server.subscribe()
    reply = await world.ask("slate.container.stop.s1")
    assert code_of(reply) == ErrorCode.DB_UNAVAILABLE
    assert reply["error"]["retry"] == "later"
    assert world.stub.effects == []
    # One has waited in vain; who comes now is told at once.
    began = time.monotonic()
    assert code_of(await world.ask("slate.container.stop.s1", idem="b")) == "db_unavailable"
    assert time.monotonic() - began < opening.WAIT_S


async def test_request_right_after_the_start_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "WAIT_S", 60)
    world = World()
    await world.server.subscribe()
    asking = asyncio.create_task(world.ask("slate.container.stop.s1"))
    await asyncio.sleep(0.1)
    assert not asking.done()
    world.open()
    assert (await asking)["session_id"] == "s1"
    assert len(world.stub.effects) == 1
