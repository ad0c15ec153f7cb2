from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from slate_desktop.agent.idempotency import in_progress
from slate_desktop.bus.port import Message
from slate_desktop.control import containers
from slate_desktop.control.containers import ContainerOperations
from slate_desktop.control.requests import Requester
from slate_desktop.control.values import CommandOutcome
from slate_desktop.domain.placement import Placement
from slate_desktop.domain.roles import Operation
from slate_desktop.domain.session import RuntimeSession, SessionStatus
from slate_desktop.errors import OutcomeUnknownError
from slate_desktop.wire.codec import encode
from slate_desktop.wire.envelope import H_IDEM
from slate_desktop.wire.keys import SigningKey
from slate_desktop.wire.messages import SessionReply, session_reply

S = SessionStatus
NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Client(ContainerOperations):
    """A client whose agent answers at once, and whose row moves at each reading."""

    def __init__(self, status: SessionStatus, *moves: tuple[SessionStatus, int]) -> None:
        self.row = RuntimeSession(
            id="s1",
            project_id="p1",
            user_id="u1",
            runtime_type="custom",
            status=status,
            container_config={},
            attempt=1,
            agent_id="a1",
            created_at=NOW,
            updated_at=NOW,
        )
        self._moves = list(moves)
        self.asked: list[Operation] = []
        fields: dict[str, Any] = {
            "db": SimpleNamespace(
                sessions=SimpleNamespace(get=self._get), agents=SimpleNamespace(list=self._agents)
            ),
            "reads": SimpleNamespace(invalidate_session=self._forget),
            "events": SimpleNamespace(on_status=self._on_status, agents={}),
            "requester": SimpleNamespace(
                ask=self._ask, first_asked=lambda *_: None, key_of=lambda *_: "one key"
            ),
            "user": SimpleNamespace(id="u1"),
        }
        for name, value in fields.items():
            setattr(self, name, value)

    def move(self, status: SessionStatus, attempt: int) -> None:
        version = self.row.version + 1
        self.row = msgspec.structs.replace(
            self.row, status=status, attempt=attempt, version=version
        )

    async def _get(self, _id: str) -> RuntimeSession:
        return self.row

    async def _agents(self) -> list[Any]:
        return []

    async def _forget(self, _id: str) -> None:
        return None

    def _on_status(self, callback: Any, _id: str) -> Any:
        if self._moves:
            self.move(*self._moves.pop(0))
            asyncio.get_running_loop().call_soon(callback, None)
        return lambda: None

    async def _ask(self, operation: Operation, *_: Any, **__: Any) -> SessionReply:
        self.asked.append(operation)
        if operation is not Operation.START:
            self.move(S.STOPPING, self.row.attempt)
        return session_reply(self.row)

    async def _audience(self, row: RuntimeSession) -> str:
        return "a1"


async def restarted(client: Client) -> CommandOutcome:
    async with asyncio.timeout(20):
        return await client.restart_container("s1", wait=True)


async def test_restart_ends_when_the_new_runtime_runs():
    outcome = await restarted(Client(S.RUNNING, (S.RUNNING, 2)))
    assert (outcome.is_done, outcome.session.attempt) == (True, 2)


@pytest.mark.parametrize("end", [S.STOPPED, S.FAILED, S.LOST])
async def test_waiting_for_a_restart_ends_when_somebody_elses_stop_wins(end: SessionStatus):
    outcome = await restarted(Client(S.RUNNING, (end, 1)))
    assert (outcome.is_done, outcome.session.status) == (False, end)


async def test_waiting_for_a_stop_ends_when_somebody_starts_it_again():
    client = Client(S.RUNNING, (S.RUNNING, 2))
    async with asyncio.timeout(20):
        outcome = await client.stop_container("s1", wait=True)
    assert (outcome.is_done, outcome.session.attempt) == (False, 2)


async def test_lost_session_is_started_and_its_old_state_ends_no_waiting():
    client = Client(S.LOST, (S.RUNNING, 2))
    async with asyncio.timeout(20):
        outcome = await client.restart_container("s1", wait=True)
    assert client.asked == [Operation.START]
    assert (outcome.is_done, outcome.session.status) == (True, S.RUNNING)


class SlowAgent(Client):
    """Its start takes longer than an answer may; what it has to say comes with the next one."""

    async def _ask(self, operation: Operation, *args: Any, **named: Any) -> SessionReply:
        assert named["idem"] == "one key"
        reply = await super()._ask(operation, *args, **named)
        if len(self.asked) == 1:
            raise in_progress()
        return msgspec.structs.replace(reply, notes=["Memory: 2 GiB; the host has no more."])


async def test_what_a_slow_start_has_to_say_is_heard_once_it_runs():
    client = SlowAgent(S.STOPPED, (S.RUNNING, 2))
    async with asyncio.timeout(20):
        outcome = await client.start_container("s1", wait=True)
    assert client.asked == [Operation.START, Operation.START]
    assert (outcome.is_done, outcome.session.attempt) == (True, 2)
    assert outcome.notes == ["Memory: 2 GiB; the host has no more."]


class LateAgent:
    """Does at once what it is asked, answers the first question too late, and each key once."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.keys: list[str] = []
        self._answers: dict[str, bytes] = {}

    async def request(
        self, subject: str, data: bytes, *, headers: Any, timeout_s: float
    ) -> Message:
        key = headers[H_IDEM]
        self.keys.append(key)
        if key not in self._answers:
            status = S.STOPPED if ".stop." in subject else S.STARTING
            later = 0 if status is S.STOPPED else 1
            self.client.move(status, self.client.row.attempt + later)
            self._answers[key] = encode(session_reply(self.client.row))
        if len(self.keys) == 1:
            raise TimeoutError
        return Message(subject=subject, data=self._answers[key])


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> LateAgent:
    monkeypatch.setattr(containers, "unanswered_noted", lambda *_: contextlib.nullcontext())
    client = Client(S.STOPPED)
    agent = LateAgent(client)
    fields: dict[str, Any] = {
        "requester": Requester(agent, SigningKey.generate()),  # type: ignore[arg-type]
        "_place": _anywhere,
        "_bring_files": _nothing_to_bring,
    }
    for name, value in fields.items():
        setattr(client, name, value)
    return agent


async def _anywhere(*_: Any) -> Placement:
    return Placement(host_id="a1")


async def _nothing_to_bring(*_: Any) -> list[str]:
    return []


async def started(client: Client) -> CommandOutcome:
    async with asyncio.timeout(20):
        return await client.start_container("s1", wait=True)


async def test_start_that_is_asked_again_ends_with_the_attempt_that_the_first_one_began(
    late: LateAgent,
):
    client = late.client
    with pytest.raises(OutcomeUnknownError):
        await started(client)
    client._moves = [(S.RUNNING, 2)]
    outcome = await started(client)
    assert late.keys[0] == late.keys[1]
    assert (outcome.is_done, outcome.session.status, outcome.session.attempt) == (
        True, S.RUNNING, 2,
    )  # fmt: skip


async def test_restart_that_is_asked_again_ends_with_the_first_ones_attempt(late: LateAgent):
    client = late.client
    client.move(S.RUNNING, 1)
    with pytest.raises(OutcomeUnknownError):
        await restarted(client)
    client.move(S.RUNNING, 2)
    outcome = await restarted(client)
    assert (outcome.is_done, outcome.session.attempt) == (True, 2)


async def test_start_after_the_end_of_one_whose_answer_was_late_is_a_new_one(late: LateAgent):
    client = late.client
    with pytest.raises(OutcomeUnknownError):
        await started(client)
    client.move(S.STOPPED, 2)
    client._moves = [(S.RUNNING, 3)]
    outcome = await started(client)
    assert late.keys[0] != late.keys[1]
    assert (outcome.is_done, outcome.session.attempt) == (True, 3)


async def test_stop_of_a_later_run_is_no_repetition_of_an_earlier_stop(late: LateAgent):
    client = late.client
    client.move(S.RUNNING, 1)
    with pytest.raises(OutcomeUnknownError):
        await client.stop_container("s1")
    client.move(S.RUNNING, 2)
    outcome = await client.stop_container("s1")
    assert late.keys[0] != late.keys[1]
    assert (outcome.is_done, outcome.session.status) == (True, S.STOPPED)
