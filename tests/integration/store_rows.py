"""Rows that the store's tests begin with."""

from __future__ import annotations

from typing import Any

from slate_desktop.domain.logs import LogLevel, LogRecord
from slate_desktop.domain.session import RuntimeSession
from slate_desktop.store.database import Database
from tests.services.postgres import PUBKEY


async def make_project(db: Database) -> tuple[str, str]:
    user = await db.users.create("Ann", PUBKEY)
    project = await db.projects.add(name="Game", owner_id=user.id, root="/games/g", engine="godot")
    return project.id, user.id


async def make_session(db: Database, **config: object) -> str:
    project_id, user_id = await make_project(db)
    row = await db.sessions.create(
        project_id=project_id, user_id=user_id, runtime_type="godot", container_config=dict(config)
    )
    return row.id


async def claim(db: Database, session_id: str, *, epoch: int | None = None) -> RuntimeSession:
    if epoch is None:
        agent = await db.agents.register("a1", name="host", pubkey=None, capabilities={})
        epoch = agent.epoch
    row = await db.sessions.get(session_id)
    return await db.sessions.claim(
        session_id,
        version=row.version,
        agent_id="a1",
        epoch=epoch,
        driver="process",
        container_name=f"slate-{session_id}-{row.attempt + 1}",
    )


def record(
    seq: int,
    message: str = "line",
    *,
    ts_ns: int | None = None,
    ord_: int = 0,
    level: LogLevel = LogLevel.INFO,
    container: str = "c1",
    stream: str = "stdout",
    metadata: dict[str, Any] | None = None,
) -> LogRecord:
    return LogRecord(
        seq=seq,
        container_id=container,
        stream=stream,
        ts_ns=seq * 1_000_000 if ts_ns is None else ts_ns,
        ord=ord_,
        level=level,
        message=message,
        metadata=metadata or {},
    )
