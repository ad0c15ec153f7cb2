"""Looks at one session with a project's rules: what they tell, and what they only count.

::

    quiet ── match ──→ told ── matches within the cool-down are counted ──→ quiet

A figure must be held at its threshold for a while, and tells once until it has fallen below.
The clock is that of the lines and samples themselves, so that a log read late, or looked at again
on trial, gives the same alerts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from slate_desktop.domain.alert_lines import Batch, LineMatcher
from slate_desktop.domain.alerts import Alert, AlertKind, AlertRule, amount_words
from slate_desktop.domain.ids import new_id
from slate_desktop.domain.logs import LogRecord
from slate_desktop.domain.stats import ContainerStats
from slate_desktop.errors import CommandError

_NS = 1_000_000_000
_MAX_WORDS = 300


class SessionAlerts:
    """The rules of a project in one of its sessions.

    Args:
        project_id: whose.
        session_id: of what.
        rules: those of the project.
        known: the newest alert of each rule, of an earlier process: its cool-down goes on.
    """

    def __init__(
        self,
        project_id: str,
        session_id: str,
        rules: Iterable[AlertRule] = (),
        known: Iterable[Alert] = (),
    ) -> None:
        self._project_id, self._session_id = project_id, session_id
        self._known = {alert.rule_id: alert for alert in known}
        self._triggers: dict[str, _Trigger] = {}
        self._last: ContainerStats | None = None
        self.set_rules(rules)

    @property
    def looks_at_lines(self) -> bool:
        """Whether any rule looks at lines."""
        return any(trigger.matcher is not None for trigger in self._triggers.values())

    def set_rules(self, rules: Iterable[AlertRule]) -> None:
        """Go on with these rules; one that is as it was keeps its state."""
        triggers: dict[str, _Trigger] = {}
        for rule in rules:
            if not rule.is_enabled:
                continue
            old = self._triggers.get(rule.id)
            if old is not None and old.rule == rule:
                triggers[rule.id] = old
                continue
            told = old.told if old is not None else self._known.get(rule.id)
            try:
                triggers[rule.id] = _Trigger(rule, told)
            except CommandError:
                # An expression that this agent's RE2 does not know is nobody's alarm.
                continue
        self._triggers = triggers

    def lines(self, records: Sequence[LogRecord]) -> list[Alert]:
        """Look at new lines; returns the alerts that begin."""
        batch, begun = Batch(records), []
        for trigger in self._triggers.values():
            if trigger.matcher is None:
                continue
            found = trigger.matcher.find(batch)
            if found is None:
                continue
            first = records[found.first]
            is_new = trigger.match(
                self._alert(trigger.rule, first.ts_ns, first.message, found.count, first.seq),
                last_ns=records[found.last].ts_ns,
                is_at_least=found.is_at_least,
            )
            if is_new and trigger.told is not None:
                begun.append(trigger.told)
        return begun

    def figures(self, stats: ContainerStats) -> list[Alert]:
        """Look at a sample; returns the alerts that begin."""
        last, self._last = self._last, stats
        begun: list[Alert] = []
        for trigger in self._triggers.values():
            rule = trigger.rule
            amount = _amount(rule, stats, last)
            if amount is None or not trigger.is_held(amount, stats.sampled_at_ns):
                continue
            words = amount_words(rule, amount)
            alert = self._alert(rule, stats.sampled_at_ns, words)
            if trigger.match(alert, last_ns=alert.at_ns) and trigger.told is not None:
                begun.append(trigger.told)
        return begun

    def ended(self, at_ns: int, *, has_failed: bool, is_oom: bool, words: str) -> list[Alert]:
        """Look at how a run ended; returns the alerts that begin."""
        begun: list[Alert] = []
        for trigger in self._triggers.values():
            kind = trigger.rule.kind
            is_meant = (kind is AlertKind.EXIT and has_failed) or (kind is AlertKind.OOM and is_oom)
            if not is_meant:
                continue
            alert = self._alert(trigger.rule, at_ns, words)
            if trigger.match(alert, last_ns=at_ns) and trigger.told is not None:
                begun.append(trigger.told)
        return begun

    def take_counted(self) -> list[Alert]:
        """Return the alerts whose count has risen since they were last returned."""
        counted = [t.told for t in self._triggers.values() if t.has_counted and t.told is not None]
        for trigger in self._triggers.values():
            trigger.has_counted = False
        return counted

    def take_cooled(self, now_ns: int) -> list[Alert]:
        """Return, once each, the alerts whose rule has cooled down by now."""
        cooled: list[Alert] = []
        for trigger in self._triggers.values():
            told = trigger.told
            if told is None or trigger.said_id == told.id:
                continue
            if now_ns >= told.at_ns + trigger.rule.cooldown_s * _NS:
                trigger.said_id = told.id
                cooled.append(told)
        return cooled

    def totals(self, rule_id: str) -> tuple[int, int]:
        """Return how often a rule told, and how many matches it had."""
        trigger = self._triggers.get(rule_id)
        return (trigger.times_told, trigger.matches) if trigger is not None else (0, 0)

    def _alert(
        self, rule: AlertRule, at_ns: int, words: str, count: int = 1, seq: int | None = None
    ) -> Alert:
        return Alert(
            id=new_id(),
            project_id=self._project_id,
            session_id=self._session_id,
            rule_id=rule.id,
            rule_name=rule.name,
            kind=rule.kind,
            at_ns=at_ns,
            last_ns=at_ns,
            count=count,
            words=words.strip()[:_MAX_WORDS] or rule.name,
            seq=seq,
        )


class _Trigger:
    """One rule's state."""

    def __init__(self, rule: AlertRule, told: Alert | None) -> None:
        self.rule, self.told = rule, told
        self.matcher = LineMatcher(rule) if rule.kind.is_of_lines else None
        self.has_counted = False
        self.times_told = self.matches = 0
        # What an earlier process told is not summed up again.
        self.said_id = told.id if told is not None else ""
        self._since_ns: int | None = None
        self._is_latched = False

    def match(self, alert: Alert, *, last_ns: int, is_at_least: bool = False) -> bool:
        """Take a match; tells whether a new alert begins with it."""
        told = self.told
        self.matches += alert.count
        if told is not None and alert.at_ns < told.at_ns + self.rule.cooldown_s * _NS:
            self.told = msgspec.structs.replace(
                told,
                count=told.count + alert.count,
                last_ns=max(told.last_ns, last_ns),
                is_at_least=told.is_at_least or is_at_least,
            )
            self.has_counted = True
            return False
        self.times_told += 1
        self.told = msgspec.structs.replace(alert, last_ns=last_ns, is_at_least=is_at_least)
        return True

    def is_held(self, amount: float, at_ns: int) -> bool:
        """Take a figure; tells whether it was now held for long enough, once."""
        if self.rule.threshold is None or amount < self.rule.threshold:
            self._since_ns, self._is_latched = None, False
            return False
        if self._since_ns is None:
            self._since_ns = at_ns
        if self._is_latched or at_ns - self._since_ns < self.rule.held_s * _NS:
            return False
        self._is_latched = True
        return True


def _amount(rule: AlertRule, stats: ContainerStats, last: ContainerStats | None) -> float | None:
    """Return the figure that a rule looks at, None where it has none now."""
    if rule.kind is AlertKind.CPU:
        return stats.cpu_percent
    if rule.kind is AlertKind.MEMORY:
        if not rule.is_percent:
            return float(stats.memory_usage)
        return 100 * stats.memory_usage / stats.memory_limit if stats.memory_limit else None
    if rule.kind is AlertKind.NETWORK and last is not None:
        passed_s = (stats.sampled_at_ns - last.sampled_at_ns) / _NS
        moved = stats.network_rx_bytes + stats.network_tx_bytes
        moved -= last.network_rx_bytes + last.network_tx_bytes
        # Counters that fell are those of another run.
        return moved / passed_s if passed_s > 0 and moved >= 0 else None
    return None
