"""Rules and alerts of the scripted client."""

from __future__ import annotations

from typing import Any

from slate_desktop.bus.memory_bus import MemoryBus
from slate_desktop.control.alerts import AlertTrial
from slate_desktop.domain.alerts import Alert, AlertRule
from slate_desktop.domain.ids import new_id
from slate_desktop.wire.codec import encode
from slate_desktop.wire.events import AlertEvent
from slate_desktop.wire.subjects import EventKind, runtime


class FakeAlerts:
    """Keeps rules in memory; ``tell_alert`` is what an agent does."""

    agent_bus: MemoryBus

    def __init__(self) -> None:
        super().__init__()
        self.rules: dict[str, AlertRule] = {}
        self.alerts: list[Alert] = []
        self.tried: list[AlertRule] = []

    async def list_alert_rules(self, _project_id: str) -> list[AlertRule]:
        return sorted(self.rules.values(), key=lambda rule: rule.name.lower())

    async def add_alert_rule(self, _project_id: str, rule: AlertRule) -> AlertRule:
        self.rules[rule.id] = rule
        return rule

    change_alert_rule = add_alert_rule

    async def remove_alert_rule(self, _project_id: str, rule_id: str) -> None:
        del self.rules[rule_id]

    async def list_alerts(self, _project_id: str, **_more: Any) -> list[Alert]:
        return self.alerts

    async def test_alert_rule(self, rule: AlertRule, session_id: str) -> AlertTrial:
        assert session_id
        self.tried.append(rule)
        return AlertTrial(looked_at=10_000, matches=7, alerts=tuple(self.alerts))

    def make_alert(self, project_id: str, session_id: str, rule: AlertRule, **more: Any) -> Alert:
        fields: dict[str, Any] = {"at_ns": 1, "last_ns": 1, "count": 1, "words": "boom"}
        return Alert(
            id=new_id(), project_id=project_id, session_id=session_id, rule_id=rule.id,
            rule_name=rule.name, kind=rule.kind, **{**fields, **more},
        )  # fmt: skip

    async def tell_alert(self, alert: Alert) -> None:
        self.alerts.insert(0, alert)
        event = AlertEvent(session_id=alert.session_id, project_id=alert.project_id, data=alert)
        subject = runtime(alert.project_id, alert.session_id, EventKind.ALERT)
        await self.agent_bus.publish(subject, encode(event))
