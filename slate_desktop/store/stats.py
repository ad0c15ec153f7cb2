"""History of runtimes' figures, in steps of 1 s, 10 s and 1 min."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from slate_desktop.domain.stats import STEPS, StatsPoint
from slate_desktop.store.port import Runner

_NS = 1_000_000_000


class Stats:
    """Rows of ``slate_runtime_stats``."""

    def __init__(self, runner: Runner) -> None:
        self._run = runner

    async def add(self, points_of: Sequence[tuple[str, Sequence[StatsPoint]]]) -> None:
        """Store points of sessions; one of a span that is there already is merged with it.

        One call may hold each session once, and of it at most one point of each step and span.
        """
        rows = [
            {**msgspec.structs.asdict(point), "session_id": session_id, "at_s": point.at_ns // _NS}
            for session_id, points in points_of
            for point in points
        ]
        if rows:
            await self._run.run("add_stats", points=msgspec.json.encode(rows).decode())

    async def list(
        self, session_id: str, *, step_s: int, start: datetime, end: datetime, width_s: int
    ) -> list[StatsPoint]:
        """Return points of one stored step, oldest first, each as wide as ``width_s`` seconds."""
        span_s = max(0.0, (end - start).total_seconds())
        rows = await self._run.many(
            "list_stats",
            session_id=session_id,
            step_s=step_s,
            start=start,
            end=end,
            width_s=width_s,
            limit=int(span_s / width_s) + 2,
        )
        found: list[StatsPoint] = []
        for row in rows:
            fields = dict(row)
            at_s = fields.pop("at_s")
            found.append(StatsPoint(**fields, at_ns=at_s * _NS, step_s=width_s))
        return found

    async def prune(self) -> None:
        """Drop what is older than its step is kept."""
        for step_s, kept_s in STEPS:
            await self._run.run("prune_stats", step_s=step_s, kept_s=kept_s)


def moment(at_ns: int) -> datetime:
    """Return nanoseconds since the epoch as an aware time."""
    return datetime.fromtimestamp(at_ns / _NS, UTC)
