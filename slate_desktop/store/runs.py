"""Runs of sessions, and what else happened beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from slate_desktop.domain.runs import Run, RunUse
from slate_desktop.store.port import Runner

MAX_MOMENTS = 2000


class Runs:
    """Rows of ``slate_runs``, which a trigger of the sessions writes."""

    def __init__(self, runner: Runner) -> None:
        self._run = runner

    async def note_uses(self, uses: Sequence[RunUse]) -> None:
        """Raise the peaks of runs; limits of 0 change nothing. Each run may be there once."""
        if uses:
            await self._run.run("note_run_uses", uses=msgspec.json.encode(uses).decode())

    async def of_sessions(
        self, session_ids: Sequence[str], start: datetime, end: datetime
    ) -> list[Run]:
        """Return the runs of sessions that touch a span, oldest first."""
        rows = await self._run.many(
            "list_runs_of_sessions",
            session_ids=list(session_ids),
            start=start,
            end=end,
            limit=MAX_MOMENTS,
        )
        return [msgspec.convert(dict(row), Run) for row in rows]

    async def of_project(self, project_id: str, runtime_type: str, limit: int) -> list[Run]:
        """Return the newest runs of a project with an engine, newest first."""
        rows = await self._run.many(
            "list_runs_of_project", project_id=project_id, runtime_type=runtime_type, limit=limit
        )
        return [msgspec.convert(dict(row), Run) for row in rows]

    async def error_times(
        self, session_ids: Sequence[str], start_ns: int, end_ns: int
    ) -> list[tuple[str, int]]:
        """Return session and time of the newest errors within a span."""
        rows = await self._run.many(
            "list_error_times",
            session_ids=list(session_ids),
            start_ns=start_ns,
            end_ns=end_ns,
            limit=MAX_MOMENTS,
        )
        return [(row["session_id"], row["ts_ns"]) for row in rows]

    async def builds(
        self, project_id: str, start: datetime, end: datetime
    ) -> list[Mapping[str, Any]]:
        """Return builds of a project that ended within a span."""
        return await self._run.many(
            "list_build_moments", project_id=project_id, start=start, end=end, limit=MAX_MOMENTS
        )

    async def assets(
        self, project_id: str, start: datetime, end: datetime, width_s: float
    ) -> list[Mapping[str, Any]]:
        """Return how many asset jobs ended in each part of a span."""
        return await self._run.many(
            "list_asset_moments",
            project_id=project_id,
            start=start,
            end=end,
            width_s=width_s,
            limit=MAX_MOMENTS,
        )
