"""Looks at sessions with their projects' rules, and tells what they find.

::

    project's rules, limits ──(every 5 s)──→ SessionWatch ←── lines, samples, the end of a run
                                                   └→ line in the log · event · row of the alert

Nothing here waits where lines are read: an alert is a note in the log at once; its event and its
row come from a task. While the database is away rows wait, as many as fit.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Coroutine, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from slate_desktop.agent.logdoors import FloodLimits, LineNote
from slate_desktop.agent.tasks import TaskOwner
from slate_desktop.agent.verdict import Verdict
from slate_desktop.bus.port import Bus
from slate_desktop.domain.alert_watch import SessionAlerts
from slate_desktop.domain.alerts import Alert, AlertRule
from slate_desktop.domain.logs import LogLevel, LogRecord
from slate_desktop.domain.session import RuntimeSession, SessionStatus
from slate_desktop.domain.stats import ContainerStats
from slate_desktop.errors import CommandError, DatabaseError, NotConnectedError
from slate_desktop.wire.codec import encode
from slate_desktop.wire.events import AlertEvent
from slate_desktop.wire.subjects import EventKind, runtime

if TYPE_CHECKING:
    from slate_desktop.store import Database

_log = logging.getLogger(__name__)
LOOK_S = 5.0
# A run is not held up for its rules: the next look brings them.
OPEN_S = 3.0
# Alerts whose rows wait for a database that is away; the oldest of more are in the log only.
MAX_UNSTORED = 1000


class NotedLog(Protocol):
    """A log that takes lines of the agent's own, and has a limit."""

    async def note(self, note: LineNote) -> None:
        """Put a line behind those that were read; nothing happens once the log is over."""
        ...

    def set_flood_limits(self, limits: FloodLimits) -> None:
        """Drop and count what is beyond these limits from now on."""
        ...


class ProjectRules(msgspec.Struct, frozen=True):
    """What a project says of its sessions."""

    alerts: tuple[AlertRule, ...] = ()
    flood: FloodLimits = FloodLimits()


class SessionWatch:
    """One runtime's lines, samples and end, looked at with its project's rules."""

    def __init__(self, host: WatchHost, row: RuntimeSession, known: Iterable[Alert]) -> None:
        self.row = row
        self.rules = ProjectRules()
        self._host = host
        self._log: NotedLog | None = None
        self._alerts = SessionAlerts(row.project_id, row.id, (), known)

    def set_rules(self, rules: ProjectRules) -> None:
        """Go on with what the project says now."""
        if rules == self.rules:
            return
        self.rules = rules
        self._alerts.set_rules(rules.alerts)
        if self._log is not None:
            self._log.set_flood_limits(rules.flood)

    def attach(self, log: NotedLog) -> None:
        """Put notes into this log, and limit it."""
        self._log = log
        log.set_flood_limits(self.rules.flood)

    def lines(self, records: Sequence[LogRecord]) -> list[LineNote]:
        """Look at new lines; returns what goes into the log behind them."""
        if not self._alerts.looks_at_lines:
            return []
        return self._tell(self._alerts.lines(records))

    def figures(self, stats: ContainerStats) -> None:
        """Look at a sample; notes go into the log as soon as it takes them."""
        notes = self._tell(self._alerts.figures(stats))
        if notes:
            self._host.spawn(self._note(notes), self.row.id)

    def ended(self, verdict: Verdict) -> list[LineNote]:
        """Look at how a run ended; returns what goes into the log behind its last line."""
        words = verdict.error_message or verdict.note or "the run ended"
        begun = self._alerts.ended(
            time.time_ns(),
            has_failed=verdict.status is SessionStatus.FAILED,
            is_oom=verdict.oom_killed,
            words=words,
        )
        return self._tell(begun)

    async def look(self) -> None:
        """Say how much was only counted, once a rule has cooled down."""
        self._host.store(self._alerts.take_counted())
        cooled = self._alerts.take_cooled(time.time_ns())
        more = "{name}: {count:,}{plus} more in the meantime"
        await self._note(
            [
                _note(alert, more, alert.last_ns, count=alert.suppressed)
                for alert in cooled
                if alert.suppressed
            ]
        )

    def close(self) -> None:
        """Keep what was counted."""
        self._host.store(self._alerts.take_counted())

    def _tell(self, alerts: list[Alert]) -> list[LineNote]:
        for alert in alerts:
            self._host.tell(alert)
        return [_note(alert, "{name}: {words}", alert.at_ns, words=alert.words) for alert in alerts]

    async def _note(self, notes: list[LineNote]) -> None:
        for note in notes:
            if self._log is not None:
                await self._log.note(note)


class WatchHost:
    """The watches of an agent's sessions.

    Args:
        db: where rules are read and alerts are kept.
        bus: where windows hear of alerts.
        tasks: owns what is told.
    """

    def __init__(self, db: Database, bus: Bus, tasks: TaskOwner) -> None:
        self._db, self._bus, self._tasks = db, bus, tasks
        self._watches: dict[str, SessionWatch] = {}
        self._unstored: dict[str, Alert] = {}
        self._has_work = asyncio.Event()

    async def open(self, row: RuntimeSession) -> SessionWatch:
        """Watch a session's runtime; while the database is away, without rules at first."""
        known: list[Alert] = []
        rules = ProjectRules()
        try:
            async with asyncio.timeout(OPEN_S):
                known = await self._db.alerts.last_of_rules(row.id)
                rules = (await self._read({row.project_id}))[row.project_id]
        except (DatabaseError, CommandError, TimeoutError) as error:
            _log.debug("no rules yet", extra={"session": row.id, "reason": str(error)})
        watch = SessionWatch(self, row, known)
        watch.set_rules(rules)
        self._watches[row.id] = watch
        self._has_work.set()
        return watch

    async def flood_limits(self, project_id: str) -> FloodLimits:
        """Return what a run of a project may log; the default while the database is away."""
        try:
            async with asyncio.timeout(OPEN_S):
                return (await self._read({project_id}))[project_id].flood
        except (DatabaseError, CommandError, TimeoutError) as error:
            _log.debug("no limits yet", extra={"project": project_id, "reason": str(error)})
            return FloodLimits()

    def close(self, watch: SessionWatch) -> None:
        """End a watch; what it counted is still kept."""
        watch.close()
        if self._watches.get(watch.row.id) is watch:
            del self._watches[watch.row.id]

    def note_stats(self, row: RuntimeSession, stats: ContainerStats) -> None:
        """Look at a sample of a session."""
        watch = self._watches.get(row.id)
        if watch is not None:
            watch.figures(stats)

    def spawn(self, work: Coroutine[Any, Any, None], session_id: str) -> None:
        """Have something done for a session, in a task of the agent."""
        self._tasks.spawn(work, f"alerts.{session_id}")

    def tell(self, alert: Alert) -> None:
        """Tell the windows, and keep the alert."""
        _log.info("alert", extra={"session": alert.session_id, "rule": alert.rule_id})
        self.store([alert])
        self._tasks.spawn(self._publish(alert), f"alert.{alert.id}")

    def store(self, alerts: Iterable[Alert]) -> None:
        """Keep alerts, or what was counted into them, as soon as the database answers."""
        for alert in alerts:
            self._unstored[alert.id] = alert
            self._has_work.set()
        while len(self._unstored) > MAX_UNSTORED:
            del self._unstored[next(iter(self._unstored))]

    async def run(self, look_s: float = LOOK_S) -> None:
        """Read rules and keep alerts until cancelled; sleeps without waking while nothing runs."""
        while True:
            await self._has_work.wait()
            try:
                await self._store_all()
                await self._look_all()
            except (DatabaseError, CommandError) as error:
                _log.debug("alerts wait", extra={"reason": str(error)})
            except Exception:  # noqa: BLE001 - the boundary of a worker
                _log.exception("watching sessions broke off")
            if not self._watches and not self._unstored:
                self._has_work.clear()
                continue
            await asyncio.sleep(look_s if not self._unstored else min(look_s, 0.5))

    async def flush(self, timeout_s: float = 2.0) -> None:
        """Keep what was told and counted, once, before the agent ends."""
        for watch in self._watches.values():
            watch.close()
        with contextlib.suppress(TimeoutError, DatabaseError):
            async with asyncio.timeout(timeout_s):
                await self._store_all()

    async def _look_all(self) -> None:
        watches = list(self._watches.values())
        if not watches:
            return
        rules = await self._read({watch.row.project_id for watch in watches})
        for watch in watches:
            watch.set_rules(rules[watch.row.project_id])
            await watch.look()

    async def _read(self, project_ids: set[str]) -> dict[str, ProjectRules]:
        alerts = await self._db.alerts.rules(sorted(project_ids))
        floods = await self._db.retention.floods(sorted(project_ids))
        return {
            name: ProjectRules(
                tuple(alerts.get(name, ())),
                FloodLimits(*floods[name]) if name in floods else FloodLimits(),
            )
            for name in project_ids
        }

    async def _store_all(self) -> None:
        for alert in list(self._unstored.values()):
            try:
                await self._db.alerts.put(alert)
            except CommandError as error:
                # Refused now is refused for ever: a session or a rule that is gone.
                _log.warning("an alert was refused", extra={"reason": error.message})
            if self._unstored.get(alert.id) is alert:
                del self._unstored[alert.id]

    async def _publish(self, alert: Alert) -> None:
        event = AlertEvent(session_id=alert.session_id, project_id=alert.project_id, data=alert)
        subject = runtime(alert.project_id, alert.session_id, EventKind.ALERT)
        try:
            await self._bus.publish(subject, encode(event))
        except NotConnectedError:
            pass
        except CommandError as error:
            _log.warning("an alert could not be shown", extra={"reason": error.message})


def _note(alert: Alert, text: str, ts_ns: int, *, words: str = "", count: int = 0) -> LineNote:
    plus = "+" if alert.is_at_least else ""
    said = text.format(name=alert.rule_name, words=words, count=count, plus=plus)
    return LineNote(
        ts_ns=ts_ns,
        level=LogLevel.WARN,
        text=f"alert: {said}",
        metadata={"alert": alert.id, "rule": alert.rule_id},
    )
