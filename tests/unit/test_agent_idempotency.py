"""One effect per key, through crashes and outages: what begin, finish and abandon promise."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from slate_desktop.agent import retry
from slate_desktop.agent.idempotency import Idempotency, Ticket
from slate_desktop.agent.tasks import TaskOwner
from slate_desktop.errors import CommandError, DatabaseError, ErrorCode
from slate_desktop.store.requests import RequestRow

SUBJECT = "slate.container.restart.s1"


class Rows:
    """``db.requests`` in memory, which can be away, or lose its answer."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], RequestRow] = {}
        self.is_away = False
        self.is_answer_lost = False

    def _look(self) -> None:
        if self.is_away:
            raise DatabaseError("away")

    async def begin(self, signer: str, idem: str, **fields: Any) -> RequestRow | None:
        self._look()
        known = self.rows.get((signer, idem))
        if known is None:
            self.rows[(signer, idem)] = RequestRow(
                signer=signer, idem=idem, state="running", response=None, **fields
            )
        if self.is_answer_lost:
            raise DatabaseError("the connection broke")
        return known

    async def take_over(self, row: RequestRow, *, agent_id: str, epoch: int) -> bool:
        self._look()
        if self.rows[(row.signer, row.idem)] != row:
            return False
        self._set(row, agent_id=agent_id, epoch=epoch)
        return True

    async def finish(self, signer: str, idem: str, response: bytes) -> None:
        self._look()
        self._set(self.rows[(signer, idem)], state="done", response=response)

    async def abandon(self, signer: str, idem: str) -> None:
        self._look()
        self.rows.pop((signer, idem), None)

    def age(self, seconds: float) -> None:
        for row in list(self.rows.values()):
            self._set(row, age_s=seconds)

    def _set(self, row: RequestRow, **fields: Any) -> None:
        self.rows[(row.signer, row.idem)] = msgspec.structs.replace(row, **fields)


class World:
    def __init__(self) -> None:
        self.rows = Rows()
        self.tasks = TaskOwner("test")

    def process(self, epoch: int, agent_id: str = "a1") -> Idempotency:
        db = SimpleNamespace(requests=self.rows)
        return Idempotency(cast("Any", db), agent_id, epoch, self.tasks)


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    monkeypatch.setattr(retry.random, "random", lambda: -1.0)  # no waiting between the tries
    world = World()
    yield world
    await world.tasks.aclose()


async def begin(process: Idempotency, body: bytes = b"{}", attempt: int = 1) -> Ticket:
    return await process.begin("U1", "key", SUBJECT, body, attempt)


async def refusal(process: Idempotency, body: bytes = b"{}") -> ErrorCode:
    with pytest.raises(CommandError) as refused:
        await begin(process, body)
    return refused.value.code


async def test_second_copy_waits_for_the_first_and_gets_its_answer(world: World) -> None:
    process = world.process(1)
    ticket = await begin(process)
    assert (ticket.stored, ticket.resumed_from) == (None, None)
    assert await refusal(process) is ErrorCode.IN_PROGRESS
    assert await refusal(process, b"[]") is ErrorCode.IDEMPOTENCY_MISMATCH
    await process.finish(ticket, b"answer")
    assert (await begin(process)).stored == b"answer"
    assert await refusal(process, b"[]") is ErrorCode.IDEMPOTENCY_MISMATCH


async def test_answer_survives_an_outage_after_the_effect(world: World) -> None:
    process = world.process(1)
    ticket = await begin(process)
    world.rows.is_away = True
    await process.finish(ticket, b"answer")
    assert (await begin(process)).stored == b"answer"
    world.rows.is_away = False
    await asyncio.wait(asyncio.all_tasks() - {cast("Any", asyncio.current_task())}, timeout=20)
    assert world.rows.rows[("U1", "key")].response == b"answer"
    assert (await begin(world.process(2))).stored == b"answer"


async def test_key_is_free_when_its_noting_was_never_answered(world: World) -> None:
    process = world.process(1)
    world.rows.is_answer_lost = True
    with pytest.raises(DatabaseError):
        await begin(process)
    world.rows.is_answer_lost = False
    ticket = await begin(process)
    assert (ticket.stored, ticket.resumed_from) == (None, None)
    assert await refusal(process) is ErrorCode.IN_PROGRESS


async def test_key_is_free_when_a_failure_could_not_be_forgotten(world: World) -> None:
    process = world.process(1)
    ticket = await begin(process)
    world.rows.is_away = True
    await process.abandon(ticket)
    world.rows.is_away = False
    assert (await begin(process)).resumed_from is None


async def test_next_process_resumes_from_the_attempt_that_was_there(world: World) -> None:
    await begin(world.process(1), attempt=3)
    process = world.process(2)
    assert (await begin(process, attempt=4)).resumed_from == 3
    assert await refusal(process) is ErrorCode.IN_PROGRESS
    assert await refusal(world.process(1)) is ErrorCode.IN_PROGRESS


async def test_another_agent_waits_before_it_takes_over(world: World) -> None:
    await begin(world.process(7), attempt=0)
    other = world.process(7, "a2")
    assert await refusal(other) is ErrorCode.IN_PROGRESS
    world.rows.age(60)
    assert (await begin(other)).resumed_from == 0
