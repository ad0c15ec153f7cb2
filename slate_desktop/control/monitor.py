"""What was measured of sessions, for as long as it is kept."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

from slate_desktop.control.operations import Operations
from slate_desktop.domain.ids import check_id
from slate_desktop.domain.stats import MAX_POINTS, StatsPoint, choose_step
from slate_desktop.errors import CommandError, ErrorCode

_NS = 1_000_000_000


class MonitorOperations(Operations):
    """Histories of sessions' figures."""

    async def get_stats_history(
        self,
        session_id: str,
        start: datetime | None = None,
        end: datetime | None = None,
        points: int = 600,
    ) -> list[StatsPoint]:
        """Return the history of a session, also of one whose runtime is gone, oldest first.

        Args:
            session_id: whose.
            start: aware time of the first point; None for an hour before ``end``.
            end: aware time after the last point; None for now.
            points: at most so many, 1 to 5,000; each stands for an equal part of the span. Parts
                without a sample have none.

        Raises:
            CommandError: ``bad_request`` for a span that is none.
            DatabaseError: the database does not answer.
        """
        now = datetime.now(UTC)
        end = end or now
        start = start or end - timedelta(hours=1)
        if start.tzinfo is None or end.tzinfo is None or start >= end:
            raise CommandError(
                ErrorCode.BAD_REQUEST, "The start must be a time before the end.", field="start"
            )
        if not 1 <= points <= MAX_POINTS:
            raise CommandError(
                ErrorCode.BAD_REQUEST, f"Points must be from 1 to {MAX_POINTS}.", field="points"
            )
        step_s = choose_step(_ns(start), _ns(end), _ns(now), points)
        # One part is left for the one that the start cuts.
        parts = max(1, points - 1)
        width_s = step_s * max(1, math.ceil((end - start).total_seconds() / parts / step_s))
        aligned = datetime.fromtimestamp(start.timestamp() // width_s * width_s, UTC)
        return await self.db.stats.list(
            check_id(session_id, "session_id"),
            step_s=step_s,
            start=aligned,
            end=end,
            width_s=width_s,
        )


def _ns(moment: datetime) -> int:
    return int(moment.timestamp() * _NS)
