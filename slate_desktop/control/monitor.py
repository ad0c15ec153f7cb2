"""What was measured of sessions and hosts, and what happened beside it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from slate_desktop.control.configs import chosen_fields, project_config
from slate_desktop.control.hosts import read_hosts
from slate_desktop.control.projects import ProjectOperations
from slate_desktop.domain.alerts import alert_words
from slate_desktop.domain.hosts import Host
from slate_desktop.domain.ids import check_id
from slate_desktop.domain.project import Project
from slate_desktop.domain.sizes import exact_size
from slate_desktop.domain.stats import MAX_POINTS, StatsPoint, choose_step
from slate_desktop.errors import CommandError, ErrorCode
from slate_desktop.translation import message

if TYPE_CHECKING:
    from slate_desktop.domain.marks import Mark
    from slate_desktop.domain.runs import Advice, Run

_NS = 1_000_000_000
# Asset jobs come in hundreds: so many marks at most stand for all of a span.
_ASSET_MARKS = 120


class MonitorOperations(ProjectOperations):
    """Histories of sessions, marks, advice and hosts."""

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

    async def get_marks(
        self,
        session_ids: Sequence[str],
        project_id: str | None,
        start: datetime,
        end: datetime,
    ) -> list[Mark]:
        """Return what happened in a span: runs, errors, alerts, builds and asset jobs, in order.

        Args:
            session_ids: whose runs, errors and alerts.
            project_id: whose builds and asset jobs; None for none.
            start: aware.
            end: aware.

        Raises:
            DatabaseError: the database does not answer.
        """
        from slate_desktop.domain.marks import Mark, MarkKind

        runs = self.db.runs
        marks: list[Mark] = []
        for run in await runs.of_sessions(session_ids, start, end):
            marks += marks_of_run(run)
        for session_id, at_ns, count in _bursts(
            await runs.error_times(session_ids, _ns(start), _ns(end))
        ):
            words = message(f"{count} errors")
            marks.append(
                Mark(at_ns=at_ns, kind=MarkKind.ERRORS, words=words, session_id=session_id)
            )
        for alert in await self.db.alerts.of_sessions(session_ids, _ns(start), _ns(end)):
            words = message(f"alert: {alert_words(alert)}")
            session_id, kind = alert.session_id, MarkKind.ALERT
            marks.append(Mark(at_ns=alert.at_ns, kind=kind, words=words, session_id=session_id))
        if project_id is not None:
            for row in await runs.builds(project_id, start, end):
                words = f"build for {row['target_platform']} ({row['build_type']}) {row['status']}"
                marks.append(Mark(at_ns=_ns(row["completed_at"]), kind=MarkKind.BUILD, words=words))
            width_s = max(1.0, (end - start).total_seconds() / _ASSET_MARKS)
            for row in await runs.assets(project_id, start, end, width_s):
                words = f"{row['jobs']} asset jobs done"
                if row["failed"]:
                    words = f"{row['jobs']} asset jobs done, {row['failed']} failed"
                marks.append(Mark(at_ns=_ns(row["at"]), kind=MarkKind.ASSET, words=words))
        first, last = _ns(start), _ns(end)
        return sorted((m for m in marks if first <= m.at_ns <= last), key=lambda m: m.at_ns)

    async def get_advice(self, project_id: str, runs: int = 12) -> Advice | None:
        """Return what the last runs of a project with its engine say about memory and CPU.

        Args:
            project_id: whose.
            runs: so many of the newest, 1 to 100.

        Raises:
            CommandError: ``not_found``, ``bad_request``.
        """
        from slate_desktop.domain.runs import advise

        if not 1 <= runs <= 100:
            raise CommandError(ErrorCode.BAD_REQUEST, "Runs must be from 1 to 100.", field="runs")
        project = await self.db.projects.get(check_id(project_id, "project_id"))
        return advise(await self.db.runs.of_project(project.id, project.engine, runs))

    async def apply_advice(self, project_id: str, advice: Advice) -> Project:
        """Make what is advised the project's setting for new sessions; returns the project.

        Raises:
            CommandError: ``not_found``, or ``forbidden`` for one who may not change the project.
        """
        project = await self.db.projects.get(check_id(project_id, "project_id"))
        fields: dict[str, object] = {}
        if advice.memory_bytes is not None:
            fields["memory"] = exact_size(advice.memory_bytes)
        if advice.cpus is not None:
            fields["cpus"] = advice.cpus
        chosen = chosen_fields(fields, project_config(project))
        return await self.update_project(project.id, settings={**project.settings, **chosen})

    async def list_hosts(self) -> list[Host]:
        """Return every agent, how busy its host is and what is free, by name."""
        return await read_hosts(self.db, self.events)


def marks_of_run(run: Run) -> list[Mark]:
    """Return the marks of a run: its start (a restart from the second on), and its end."""
    from slate_desktop.domain.marks import Mark, MarkKind

    first = run.attempt == 1
    kind = MarkKind.START if first else MarkKind.RESTART
    words = message("started") if first else f"started again (run {run.attempt})"
    marks = [Mark(at_ns=_ns(run.started_at), kind=kind, words=words, session_id=run.session_id)]
    if run.stopped_at is None:
        return marks
    if run.oom_killed:
        kind, words = MarkKind.OOM, "ended for want of memory"
    elif run.status == "failed":
        kind = MarkKind.FAILED
        code = run.exit_code
        words = message("failed") if code is None else message(f"failed with code {code}")
    else:
        kind, words = MarkKind.STOP, message("stopped")
    marks.append(Mark(at_ns=_ns(run.stopped_at), kind=kind, words=words, session_id=run.session_id))
    return marks


def _bursts(times: list[tuple[str, int]]) -> list[tuple[str, int, int]]:
    from slate_desktop.domain.marks import error_bursts

    by_session: dict[str, list[int]] = {}
    for session_id, at_ns in times:
        by_session.setdefault(session_id, []).append(at_ns)
    return [
        (session_id, at_ns, count)
        for session_id, found in by_session.items()
        for at_ns, count in error_bursts(found)
    ]


def _ns(moment: datetime) -> int:
    return int(moment.timestamp() * _NS)
