from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from slate_desktop.control.containers import ContainerOperations
from slate_desktop.control.values import CommandOutcome
from slate_desktop.domain.roles import Operation
from slate_desktop.domain.session import RuntimeSession, SessionStatus
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
            "requester": SimpleNamespace(ask=self._ask),
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
    async with asyncio.timeout(5):
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
    async with asyncio.timeout(5):
        outcome = await client.stop_container("s1", wait=True)
    assert (outcome.is_done, outcome.session.attempt) == (False, 2)


async def test_lost_session_is_started_and_its_old_state_ends_no_waiting():
    client = Client(S.LOST, (S.RUNNING, 2))
    async with asyncio.timeout(5):
        outcome = await client.restart_container("s1", wait=True)
    assert client.asked == [Operation.START]
    assert (outcome.is_done, outcome.session.status) == (True, S.RUNNING)
