"""Old lines are dropped by a project's policy, and nothing else is."""

from __future__ import annotations

import asyncio
import time

import pytest

from slate_desktop.agent import keeper
from slate_desktop.agent.keeper import LogKeeper
from slate_desktop.domain.retention import LogPolicy
from slate_desktop.domain.session import SessionStatus
from slate_desktop.store.database import Database
from tests.integration.store_rows import claim, make_session, record

pytestmark = pytest.mark.postgres
DAY_NS = 86_400 * 10**9


async def numbers(db: Database, session_id: str) -> list[int]:
    return [line.seq for line in (await db.logs.page(session_id, limit=1000)).lines]


async def with_lines(db: Database, *, is_over: bool) -> tuple[str, str]:
    """A session with 20 lines of a week ago and 20 of now; returns its project, too."""
    session_id = await make_session(db)
    row = await claim(db, session_id)
    assert row.agent_epoch is not None
    now = time.time_ns()
    lines = [record(n, ts_ns=now - (7 * DAY_NS if n <= 20 else 0) + n * 1000) for n in range(1, 41)]
    await db.logs.append(session_id, lines, epoch=row.agent_epoch)
    if is_over:
        await db.sessions.move(session_id, SessionStatus.FAILED, attempt=1, epoch=row.agent_epoch)
    return session_id, row.project_id


async def test_old_lines_go_in_batches_and_the_wish_is_answered(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    session_id, project_id = await with_lines(database, is_over=True)
    monkeypatch.setattr(keeper, "BATCH_LINES", 7)
    assert await database.retention.get(project_id) == LogPolicy()
    await database.retention.set(project_id, LogPolicy(max_age_days=3, max_bytes=None))
    asked_at = await database.retention.request(project_id)
    keeping = asyncio.create_task(LogKeeper(database).run(look_s=0.05))
    async with asyncio.timeout(30):
        while True:
            policy = await database.retention.get(project_id)
            if policy.pruned_at is not None:
                break
            await asyncio.sleep(0.05)
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    assert policy.pruned_at >= asked_at
    assert policy.pruned_lines == 20
    assert await numbers(database, session_id) == list(range(21, 41))
    assert await database.retention.requests() == []


async def test_sessions_that_run_keep_their_recent_lines(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    session_id, project_id = await with_lines(database, is_over=False)
    await database.retention.set(project_id, LogPolicy(max_age_days=3, max_bytes=1024 * 1024))
    assert await LogKeeper(database).prune(project_id) == 0
    monkeypatch.setattr(keeper, "RECENT_LINES", 30)
    assert await LogKeeper(database).prune(project_id) == 10
    assert await numbers(database, session_id) == list(range(11, 41))


async def test_what_is_too_much_goes_and_the_last_line_stays(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    session_id, project_id = await with_lines(database, is_over=True)

    async def line_bytes() -> float:
        return 1024.0 * 1024

    monkeypatch.setattr(database.retention, "line_bytes", line_bytes)
    await database.retention.set(project_id, LogPolicy(max_age_days=None, max_bytes=5 * 1024**2))
    assert await LogKeeper(database).prune(project_id) == 35
    assert await numbers(database, session_id) == list(range(36, 41))
    await database.retention.set(project_id, LogPolicy(max_age_days=1, max_bytes=None))
    assert await LogKeeper(database).prune(project_id) == 0
