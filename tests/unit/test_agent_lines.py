"""Requests for lines on a bus in memory: what is refused, and that a line is added once."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any, cast

import msgspec
import pytest

from slate_desktop.agent.answers import database_away
from slate_desktop.agent.audit import AuditTrail
from slate_desktop.agent.authorize import Authorizer
from slate_desktop.agent.commands import Core
from slate_desktop.agent.idempotency import Idempotency, Ticket
from slate_desktop.agent.lines import LineServer
from slate_desktop.agent.operations import Operations
from slate_desktop.bus.port import Message
from slate_desktop.domain.logs import LogRecord
from slate_desktop.domain.project import Project, User
from slate_desktop.domain.roles import Role
from slate_desktop.domain.session import RuntimeSession
from slate_desktop.errors import CommandError
from slate_desktop.wire.agent_messages import (
    AddLineRequest,
    make_add_line,
    read_add_line,
    write_add_line,
)
from tests.unit.fake_runtime import FakeSink
from tests.unit.test_agent_commands import Stub, World

SUBJECT = "slate.agent.a1.request"
LINE = {"type": "log", "sessionId": "s1", "message": "mine"}


class LineStub(Stub):
    """Stands for what a line server asks; keeps the lines."""

    def __init__(self) -> None:
        super().__init__()
        self.role: Role | None = Role.VIEWER
        self.sink = FakeSink()
        self.resumed_from: int | None = None

    async def role_of(self, user: User, project: Project) -> Role | None:
        del user, project
        return self.role

    async def begin(
        self, signer: str, idem: str, subject: str, body: bytes, attempt: int
    ) -> Ticket:
        ticket = await super().begin(signer, idem, subject, body, attempt)
        if self.resumed_from is None:
            return ticket
        return Ticket(signer=signer, idem=idem, resumed_from=self.resumed_from)

    async def add_line(self, row: RuntimeSession, request: AddLineRequest) -> LogRecord:
        del row
        return await self.sink.add(request.level, request.message, request.metadata)


class LineWorld(World):
    """A line server in the place of the command server."""

    def __init__(self, *, allow_unsigned: bool = False) -> None:
        super().__init__(allow_unsigned=allow_unsigned)
        self.stub = self.lines_stub = LineStub()
        self.lines = LineServer(self.agent_bus, self.gate, self.tasks)

    def open_lines(self) -> None:
        stub = self.lines_stub
        self.lines.open(
            Core(
                cast("Authorizer", stub),
                cast("Idempotency", stub),
                cast("Operations", stub),
                cast("AuditTrail", self.trail),
            )
        )

    async def add(self, fields: object, **more: Any) -> dict[str, Any]:
        return await self.ask(SUBJECT, json.dumps(fields).encode(), **more)

    def messages(self) -> list[str]:
        return self.lines_stub.sink.messages()


@pytest.fixture
async def world() -> AsyncIterator[LineWorld]:
    world = LineWorld(allow_unsigned=True)
    await world.lines.subscribe()
    world.open_lines()
    yield world
    await world.tasks.aclose()
    await world.agent_bus.aclose()
    await world.bus.aclose()


def refusal(reply: dict[str, Any]) -> tuple[str, str | None]:
    return reply["error"]["code"], reply["error"]["field"]


async def test_line_is_added_once_and_answered_with_its_number(world: LineWorld) -> None:
    line = LINE | {"level": "warn", "metadata": {"by": "me"}}
    first = await world.add(line, idem="once")
    assert first == {"seq": 1, "timestamp_ns": 1, "stream": "api"}
    assert await world.add(line, idem="once") == first
    assert world.messages() == ["mine"]
    assert world.lines_stub.sink.rows[1].metadata == {"by": "me"}


@pytest.mark.parametrize(
    ("line", "code", "field"),
    [
        (LINE | {"type": "shutdown"}, "bad_request", "type"),
        ({}, "bad_request", "type"),
        (LINE | {"level": "fatal"}, "bad_request", "level"),
        (LINE | {"level": 3}, "bad_request", "level"),
        (LINE | {"message": 5}, "bad_request", "message"),
        (LINE | {"message": "x" * 65_537}, "bad_request", "message"),
        (LINE | {"metadata": []}, "bad_request", "metadata"),
        (LINE | {"sessionId": "a.b"}, "bad_request", "session_id"),
        (LINE | {"sessionId": None}, "bad_request", "session_id"),
        (LINE | {"unheard": 1}, "bad_request", "unheard"),
        (LINE | {"metadata": {"a": "x" * 600_000}}, "too_large", "body"),
        ([], "bad_request", "body"),
    ],
)
async def test_bad_line_is_refused(world: LineWorld, line: object, code: str, field: str) -> None:
    assert refusal(await world.add(line)) == (code, field)
    assert world.messages() == []
    assert world.lines_stub.requests == {}


async def test_unsigned_line_is_refused_even_where_unsigned_commands_are_served(
    world: LineWorld,
) -> None:
    reply = await world.add(LINE, headers={})
    assert refusal(reply) == ("unsigned", None)
    assert "--allow-unsigned" not in json.dumps(reply)
    assert world.messages() == []


async def test_line_of_somebody_else_s_session_is_refused(world: LineWorld) -> None:
    assert refusal(await world.add(LINE, audience="any"))[0] == "wrong_audience"
    world.lines_stub.role = None
    assert refusal(await world.add(LINE)) == ("not_found", "session_id")
    world.lines_stub.role = Role.OWNER
    world.lines_stub.row = msgspec.structs.replace(world.stub.row, agent_id="a2")
    assert refusal(await world.add(LINE))[0] == "wrong_audience"
    assert world.messages() == []


async def test_line_without_an_answer_is_dropped(world: LineWorld) -> None:
    body = json.dumps(LINE).encode()
    await world.lines.handle(
        Message(subject=SUBJECT, data=body, headers=world.signed(SUBJECT, body))
    )
    assert (world.gate.bad_replies, world.messages()) == (1, [])


async def test_line_that_failed_for_now_may_be_asked_again_with_its_key(world: LineWorld) -> None:
    world.lines_stub.sink.is_away = True
    assert refusal(await world.add(LINE, idem="again"))[0] == database_away().code
    world.lines_stub.sink.is_away = False
    assert (await world.add(LINE, idem="again"))["seq"] == 1


async def test_line_that_an_older_process_began_is_not_added_again(world: LineWorld) -> None:
    world.lines_stub.resumed_from = 1
    assert refusal(await world.add(LINE))[0] == "cancelled"
    assert world.messages() == []


async def test_line_is_refused_while_the_database_was_never_reached() -> None:
    world = LineWorld()
    await world.lines.subscribe()
    assert refusal(await world.add(LINE))[0] == "db_unavailable"
    await world.tasks.aclose()


def test_line_is_read_as_it_was_written() -> None:
    request = make_add_line("s1", "\x1b[31m\u20ac\n" * 1000, "error", {"a": [1, {"b": None}]})
    assert read_add_line(write_add_line(request)) == request


@pytest.mark.parametrize(
    ("metadata", "field"),
    [({"a": object()}, None), ({"a": "\x00"}, "body"), ({"a": 2**60}, "body")],
)
def test_line_that_an_agent_would_refuse_is_not_written(
    metadata: dict[str, object], field: str | None
) -> None:
    with pytest.raises(CommandError) as raised:
        write_add_line(make_add_line("s1", "mine", "info", metadata))
    assert field is None or raised.value.field == field
