"""A recorder in memory: rows with the same moves, no database and no events."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import msgspec

from slate_desktop.agent.drivers.base import Handle, Inspection
from slate_desktop.agent.planning import StartPlan, container_name
from slate_desktop.agent.verdict import Verdict
from slate_desktop.domain.container import ContainerConfig
from slate_desktop.domain.session import RuntimeSession, SessionStatus, is_legal_move
from slate_desktop.errors import DatabaseError, StaleWriteError
from tests.unit.fake_runtime import FakeSink

S = SessionStatus
NOW = datetime(2024, 1, 1, tzinfo=UTC)


def new_row(session_id: str = "s1", **more: Any) -> RuntimeSession:
    fields: dict[str, Any] = {
        "id": session_id,
        "project_id": "p1",
        "user_id": "u1",
        "runtime_type": "custom",
        "status": S.CREATING,
        "container_config": {},
        "created_at": NOW,
        "updated_at": NOW,
    }
    return RuntimeSession(**(fields | more))


class FakeRecorder:
    """Keeps one row, and the list of states that it went through."""

    agent_id = "a1"
    epoch = 7

    def __init__(self, row: RuntimeSession) -> None:
        self.row = row
        self.history = [row.status]
        self.sink = FakeSink()
        self.notes: list[str] = []
        self.away_for = 0
        self.is_stale = False
        self.was_refused = asyncio.Event()

    async def claim(self, row: RuntimeSession, plan: StartPlan) -> RuntimeSession:
        return self._set(
            S.STARTING,
            attempt=self.row.attempt + 1,
            agent_id=self.agent_id,
            agent_epoch=self.epoch,
            driver=plan.driver.value,
            container_name=container_name(row.id, self.row.attempt + 1),
            exit_code=None,
            error_code=None,
            log_complete=False,
        )

    async def restarting(self, row: RuntimeSession, plan: StartPlan) -> RuntimeSession:
        return await self.claim(row, plan)

    async def running(
        self, row: RuntimeSession, handle: Handle, inspection: Inspection
    ) -> RuntimeSession:
        return self._set(S.RUNNING, container_id=handle.runtime_id)

    async def hold(self, row: RuntimeSession, plan: StartPlan) -> None:
        pass

    async def note_limits(self, row: RuntimeSession, config: ContainerConfig) -> None:
        pass

    async def stopping(self, row: RuntimeSession, *, is_restart: bool) -> RuntimeSession:
        return self._set(S.STOPPING)

    async def finish(
        self, row: RuntimeSession, verdict: Verdict, *, log_complete: bool
    ) -> RuntimeSession:
        return self._set(
            verdict.status,
            exit_code=verdict.exit_code,
            oom_killed=verdict.oom_killed,
            error_code=verdict.error_code,
            error_message=verdict.error_message,
            log_complete=log_complete,
        )

    async def publish_status(self, row: RuntimeSession, *, note: str | None = None) -> None:
        self.notes.append(note or "")

    def log_sink(self, row: RuntimeSession) -> FakeSink:
        return self.sink

    def _set(self, status: SessionStatus, **fields: Any) -> RuntimeSession:
        if self.is_stale:
            raise StaleWriteError("somebody else")
        if self.away_for > 0:
            self.away_for -= 1
            self.was_refused.set()
            raise DatabaseError("away")
        assert is_legal_move(self.row.status, status), (self.row.status, status)
        self.row = msgspec.structs.replace(
            self.row, status=status, version=self.row.version + 1, **fields
        )
        self.history.append(status)
        return self.row
