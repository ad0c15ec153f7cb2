"""Policies of logs, and dropping lines by them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from slate_desktop.domain.retention import LogPolicy, StoredSession
from slate_desktop.store.port import Runner


class Retention:
    """Rows of ``slate_log_policies``, and old rows of ``slate_runtime_logs``."""

    def __init__(self, runner: Runner) -> None:
        self._run = runner

    async def get(self, project_id: str) -> LogPolicy:
        """Return a project's policy, the default where it has none."""
        row = await self._run.one("get_log_policy", project_id=project_id)
        return LogPolicy() if row is None else msgspec.convert(dict(row), LogPolicy)

    async def set(self, project_id: str, policy: LogPolicy) -> None:
        """Change a project's policy."""
        await self._run.run(
            "set_log_policy",
            project_id=project_id,
            max_age_days=policy.max_age_days,
            max_bytes=policy.max_bytes,
            lines_per_s=policy.lines_per_s,
            run_bytes=policy.run_bytes,
        )

    async def floods(self, project_ids: Sequence[str]) -> dict[str, tuple[int | None, int | None]]:
        """Return lines in a second and bytes that a run may write, of projects that say so."""
        rows = await self._run.many("list_flood_limits", project_ids=list(project_ids))
        return {row["project_id"]: (row["lines_per_s"], row["run_bytes"]) for row in rows}

    async def request(self, project_id: str) -> datetime:
        """Ask an agent to drop now what the policy says; returns when that was asked."""
        policy = await self.get(project_id)
        return await self._run.value(
            "request_prune",
            project_id=project_id,
            max_age_days=policy.max_age_days,
            max_bytes=policy.max_bytes,
        )

    async def requests(self) -> list[str]:
        """Return the projects that somebody waits for."""
        return [row["project_id"] for row in await self._run.many("list_prune_requests")]

    async def finish(self, project_id: str, lines: int) -> None:
        """Answer who waits: so many lines were dropped."""
        await self._run.run("finish_prune", project_id=project_id, lines=lines)

    async def projects(self) -> list[str]:
        """Return every project that has sessions."""
        return [row["project_id"] for row in await self._run.many("list_projects_with_logs")]

    async def sessions(self, project_id: str) -> list[StoredSession]:
        """Return the stored logs of a project, the oldest session's first."""
        rows = await self._run.many("list_stored_sessions", project_id=project_id)
        return [msgspec.convert(dict(row), StoredSession) for row in rows]

    async def line_bytes(self) -> float | None:
        """Return what a line takes, indexes included; None while the server does not know."""
        return await self._run.value("measure_log_line")

    async def last_before(self, session_id: str, before_ns: int) -> int | None:
        """Return the number of the last line before a time (UTC nanoseconds)."""
        return await self._run.value("find_log_before", session_id=session_id, before_ns=before_ns)

    async def drop(self, session_id: str, first: int, last: int) -> None:
        """Drop lines from one number to another."""
        await self._run.run("drop_logs", session_id=session_id, first=first, last=last)
