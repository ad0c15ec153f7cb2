"""Rules of alerts, and alerts."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from slate_desktop.domain.alerts import Alert, AlertRule
from slate_desktop.errors import CommandError, ErrorCode
from slate_desktop.store.errors import not_found
from slate_desktop.store.port import Runner

MAX_ALERTS = 2000
_MAX_NS = 1 << 62


class Alerts:
    """Rows of ``slate_alert_rules`` and ``slate_alerts``."""

    def __init__(self, runner: Runner) -> None:
        self._run = runner

    async def rules(self, project_ids: Sequence[str]) -> dict[str, list[AlertRule]]:
        """Return the rules of projects, by name; a project without rules is not there."""
        rows = await self._run.many("list_alert_rules", project_ids=list(project_ids))
        found: dict[str, list[AlertRule]] = {}
        for row in rows:
            rule = msgspec.convert(dict(row), AlertRule)
            found.setdefault(row["project_id"], []).append(rule)
        return found

    async def add_rule(self, project_id: str, rule: AlertRule) -> None:
        """Keep a new rule.

        Raises:
            CommandError: ``bad_request`` naming ``name`` when it is taken; ``not_found``.
        """
        await self._refuse_taken(project_id, rule)
        fields = msgspec.structs.asdict(rule)
        await self._run.run("insert_alert_rule", project_id=project_id, **fields)

    async def change_rule(self, project_id: str, rule: AlertRule) -> None:
        """Change a rule; raises like ``add_rule``."""
        await self._refuse_taken(project_id, rule)
        fields = msgspec.structs.asdict(rule)
        if await self._run.value("update_alert_rule", project_id=project_id, **fields) is None:
            raise not_found("rule in this project", "rule_id")

    async def remove_rule(self, project_id: str, rule_id: str) -> None:
        """Remove a rule, not its alerts; raises ``not_found``."""
        found = await self._run.value("delete_alert_rule", project_id=project_id, id=rule_id)
        if found is None:
            raise not_found("rule in this project", "rule_id")

    async def put(self, alert: Alert) -> None:
        """Keep an alert, or raise its count; doing it again is harmless."""
        await self._run.run("upsert_alert", **msgspec.structs.asdict(alert))

    async def of_project(
        self, project_id: str, *, since_ns: int = 0, limit: int = 200
    ) -> list[Alert]:
        """Return the newest alerts of a project, newest first."""
        rows = await self._run.many(
            "list_alerts_of_project", project_id=project_id, since_ns=since_ns, limit=limit
        )
        return [msgspec.convert(dict(row), Alert) for row in rows]

    async def of_sessions(
        self, session_ids: Sequence[str], start_ns: int = 0, end_ns: int = _MAX_NS
    ) -> list[Alert]:
        """Return the newest alerts of sessions within a span, newest first."""
        rows = await self._run.many(
            "list_alerts_of_sessions",
            session_ids=list(session_ids),
            start_ns=start_ns,
            end_ns=end_ns,
            limit=MAX_ALERTS,
        )
        return [msgspec.convert(dict(row), Alert) for row in rows]

    async def last_of_rules(self, session_id: str) -> list[Alert]:
        """Return the newest alert of each rule in a session."""
        rows = await self._run.many("list_last_alerts", session_id=session_id)
        return [msgspec.convert(dict(row), Alert) for row in rows]

    async def _refuse_taken(self, project_id: str, rule: AlertRule) -> None:
        """Say which name is taken; the unique index refuses what comes between."""
        known = (await self.rules([project_id])).get(project_id, [])
        if any(k.id != rule.id and k.name.lower() == rule.name.lower() for k in known):
            raise CommandError(
                ErrorCode.BAD_REQUEST,
                f"The project has a rule {rule.name!r} already.",
                field="name",
                hint="Choose another name, or change that rule.",
            )
