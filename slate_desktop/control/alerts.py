"""Rules of alerts: kept for a whole project, tried on what is stored, and what they told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING

import msgspec

from slate_desktop.control.monitor import MonitorOperations
from slate_desktop.domain.alerts import MAX_RULES, Alert, AlertRule
from slate_desktop.domain.ids import check_id
from slate_desktop.domain.logs import LogLine, LogRecord
from slate_desktop.domain.stats import MAX_POINTS, ContainerStats, StatsPoint
from slate_desktop.errors import CommandError, ErrorCode

if TYPE_CHECKING:
    from slate_desktop.domain.alert_watch import SessionAlerts

DEFAULT_TRIAL_LINES = 10_000
MAX_TRIAL_LINES = 200_000
MAX_ALERTS = 1000
_PAGE = 10_000
# Lines of the agent itself are looked at by no rule.
_AGENT_STREAM = "slate"
_TRIAL_HOURS = 24


class AlertTrial(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule would have told of what is stored.

    ``looked_at`` counts lines, samples or runs; ``matches`` those that the rule means, ``alerts``
    what it would have told of them with its cool-down.
    """

    looked_at: int
    matches: int
    alerts: tuple[Alert, ...]


class AlertOperations(MonitorOperations):
    """Rules and alerts of projects."""

    async def list_alert_rules(self, project_id: str) -> list[AlertRule]:
        """Return a project's rules, by name."""
        name = check_id(project_id, "project_id")
        return (await self.db.alerts.rules([name])).get(name, [])

    async def add_alert_rule(self, project_id: str, rule: AlertRule) -> AlertRule:
        """Keep a new rule (``domain.alerts.make_rule``); agents look with it within 5 s.

        Raises:
            CommandError: ``bad_request`` for a name that is taken or a rule too many;
                ``not_found``, ``forbidden``.
        """
        project = await self.db.projects.get(check_id(project_id, "project_id"))
        if len(await self.list_alert_rules(project.id)) >= MAX_RULES:
            raise CommandError(
                ErrorCode.BAD_REQUEST, f"A project has {MAX_RULES} rules at most.", field="name"
            )
        await self.db.alerts.add_rule(project.id, rule)
        return rule

    async def change_alert_rule(self, project_id: str, rule: AlertRule) -> AlertRule:
        """Change the rule of that id; raises like ``add_alert_rule``."""
        await self.db.alerts.change_rule(check_id(project_id, "project_id"), rule)
        return rule

    async def remove_alert_rule(self, project_id: str, rule_id: str) -> None:
        """Remove a rule; what it told stays. Raises ``not_found``."""
        await self.db.alerts.remove_rule(
            check_id(project_id, "project_id"), check_id(rule_id, "rule_id")
        )

    async def find_alert_rule(self, project_id: str, text: str) -> AlertRule:
        """Return the rule with this id, beginning of an id, or name.

        Raises:
            CommandError: ``not_found``, or ``bad_request`` when several are meant.
        """
        rules = await self.list_alert_rules(project_id)
        wanted = text.strip().lower()
        found = [rule for rule in rules if wanted in (rule.id, rule.name.lower())]
        found = found or [rule for rule in rules if wanted and rule.id.startswith(wanted)]
        if len(found) == 1:
            return found[0]
        if found:
            raise CommandError(ErrorCode.BAD_REQUEST, f"Several rules begin with {text!r}.")
        raise CommandError(ErrorCode.NOT_FOUND, f"The project has no rule {text!r}.", field="rule")

    async def list_alerts(
        self, project_id: str, *, session_id: str | None = None, limit: int = 100
    ) -> list[Alert]:
        """Return a project's newest alerts, or those of one of its sessions, newest first."""
        if not 1 <= limit <= MAX_ALERTS:
            raise CommandError(
                ErrorCode.BAD_REQUEST, f"A limit is from 1 to {MAX_ALERTS}.", field="limit"
            )
        name = check_id(project_id, "project_id")
        if session_id is None:
            return await self.db.alerts.of_project(name, limit=limit)
        found = await self.db.alerts.of_sessions([check_id(session_id, "session_id")])
        return [alert for alert in found if alert.project_id == name][:limit]

    async def test_alert_rule(
        self, rule: AlertRule, session_id: str, *, lines: int = DEFAULT_TRIAL_LINES
    ) -> AlertTrial:
        """Look with a rule at what is stored of a session; nothing is kept or told.

        Args:
            rule: stored or not; one that is off is looked with too.
            session_id: whose last lines, figures of the last 24 hours, or runs.
            lines: so many of the last lines, 1 to 200,000.

        Raises:
            CommandError: ``bad_request``, ``not_found``.
            DatabaseError: the database does not answer.
        """
        from slate_desktop.domain.alert_watch import SessionAlerts

        if not 1 <= lines <= MAX_TRIAL_LINES:
            raise CommandError(
                ErrorCode.BAD_REQUEST, f"Lines are from 1 to {MAX_TRIAL_LINES:,}.", field="lines"
            )
        session = await self.db.sessions.get(check_id(session_id, "session_id"))
        rule = msgspec.structs.replace(rule, is_enabled=True)
        trial = _Trial(SessionAlerts(session.project_id, session.id, [rule]))
        if rule.kind.is_of_lines:
            looked_at = await self._try_lines(trial, session.id, lines)
        elif rule.kind.is_of_figures:
            looked_at = await self._try_figures(trial, session.id)
        else:
            looked_at = await self._try_runs(trial, session.id)
        return AlertTrial(
            looked_at=looked_at,
            matches=trial.watch.totals(rule.id)[1],
            alerts=tuple(trial.alerts.values()),
        )

    async def _try_lines(self, trial: _Trial, session_id: str, lines: int) -> int:
        pages: list[list[LogLine]] = []
        before: int | None = None
        missing = lines
        while missing > 0:
            page = await self.db.logs.page(session_id, limit=min(_PAGE, missing), before_seq=before)
            pages.append(page.lines)
            missing -= len(page.lines)
            if not page.lines or not page.has_older:
                break
            before = page.lines[0].seq
        for found in reversed(pages):
            records = [_record(line) for line in found if line.stream != _AGENT_STREAM]
            # Parts of a second at most, as they come from a runtime.
            for _, part in groupby(records, lambda record: record.ts_ns // 1_000_000_000):
                trial.take(trial.watch.lines(list(part)))
        return lines - missing

    async def _try_figures(self, trial: _Trial, session_id: str) -> int:
        end = datetime.now(UTC)
        start = end - timedelta(hours=_TRIAL_HOURS)
        points = await self.get_stats_history(session_id, start, end, MAX_POINTS)
        for point in points:
            trial.take(trial.watch.figures(_sample(point)))
        return len(points)

    async def _try_runs(self, trial: _Trial, session_id: str) -> int:
        now = datetime.now(UTC)
        runs = await self.db.runs.of_sessions([session_id], datetime.fromtimestamp(0, UTC), now)
        for run in runs:
            at_ns = int((run.stopped_at or now).timestamp() * 1e9)
            trial.take(
                trial.watch.ended(
                    at_ns,
                    has_failed=run.status == "failed",
                    is_oom=run.oom_killed,
                    words=f"run {run.attempt} ended with code {run.exit_code}",
                )
            )
        return len(runs)


class _Trial:
    """A watch, and what it has told so far."""

    def __init__(self, watch: SessionAlerts) -> None:
        self.watch = watch
        self.alerts: dict[str, Alert] = {}

    def take(self, begun: list[Alert]) -> None:
        for alert in (*begun, *self.watch.take_counted()):
            self.alerts[alert.id] = alert


def _record(line: LogLine) -> LogRecord:
    return LogRecord(
        seq=line.seq,
        container_id="",
        stream=line.stream,
        ts_ns=line.timestamp_ns,
        ord=0,
        level=line.level,
        message=line.message,
    )


def _sample(point: StatsPoint) -> ContainerStats:
    """Return a part of the history as one sample: its highest figures."""
    return ContainerStats(
        cpu_percent=point.cpu_percent_max,
        memory_usage=point.memory_usage_max,
        memory_limit=point.memory_limit,
        network_rx_bytes=point.network_rx_bytes,
        network_tx_bytes=point.network_tx_bytes,
        sampled_at_ns=point.at_ns,
    )
