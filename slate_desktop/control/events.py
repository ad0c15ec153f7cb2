"""What arrives from agents: one subscription each for status and heartbeats, shared by all models.

Events are hints. A status event makes readers read the row again; what it says itself is used only
until they have.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Collection, Iterable
from typing import Any, TypeVar

import msgspec

from slate_desktop.bus.port import Bus, Message, Subscription
from slate_desktop.domain.alerts import Alert
from slate_desktop.domain.stats import ContainerStats
from slate_desktop.errors import CommandError, DeniedError
from slate_desktop.wire import subjects
from slate_desktop.wire.events import AlertEvent, Heartbeat, StatusEvent, read_event, read_heartbeat
from slate_desktop.wire.log_batch import LogBatch
from slate_desktop.wire.subjects import EventKind

logger = logging.getLogger(__name__)

# An agent that was not heard for this long counts as offline.
AGENT_SILENCE_S = 15.0
EVERY_PROJECT = "*"

End = Callable[[], None]
T = TypeVar("T")


class _LogEnvelope(msgspec.Struct, frozen=True):
    data: LogBatch


class _StatsEnvelope(msgspec.Struct, frozen=True):
    data: ContainerStats


class BuildEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A ``status`` or ``progress`` event of a build; what counts is read from the row."""

    type: str
    job_id: str
    project_id: str
    data: dict[str, Any] = {}


class BuildLinesData(msgspec.Struct, frozen=True):
    """Lines of a build's ``logs`` event as rows: seq, time, level, stream, message, step."""

    attempt: int
    first_seq: int
    lines: list[tuple[int, int, str, str, str, str]]


class _BuildLinesEnvelope(msgspec.Struct, frozen=True):
    data: BuildLinesData


class SeenAgent(msgspec.Struct, frozen=True):
    """The newest heartbeat of an agent, and when it came (monotonic seconds)."""

    heartbeat: Heartbeat
    at_s: float

    @property
    def is_live(self) -> bool:
        """Whether it was heard lately."""
        return time.monotonic() - self.at_s <= AGENT_SILENCE_S


class Events:
    """Hands events to those who asked for them, on the loop's thread."""

    def __init__(
        self,
        bus: Bus,
        on_row_changed: Callable[[StatusEvent], Awaitable[None]],
        on_build_changed: Callable[[BuildEvent], Awaitable[None]] | None = None,
    ) -> None:
        """Take nothing yet.

        Args:
            bus: the connection to the broker.
            on_row_changed: called first for each status event; it forgets cached rows.
            on_build_changed: the same for each status event of a build.
        """
        self.agents: dict[str, SeenAgent] = {}
        self._bus = bus
        self._on_row_changed = on_row_changed
        self._on_build_changed = on_build_changed
        self._build_listeners: list[Callable[[BuildEvent], None]] = []
        self._build_decoder = msgspec.json.Decoder(BuildEvent)
        self._listeners: dict[str | None, list[Callable[[StatusEvent], None]]] = {}
        self._alert_listeners: list[Callable[[Alert], None]] = []
        self._heartbeat_listeners: list[Callable[[Heartbeat], None]] = []
        self._subscriptions: list[Subscription] = []
        self._projects: dict[str, list[Subscription]] = {}

    async def open(self, projects: Collection[str] = (EVERY_PROJECT,)) -> None:
        """Subscribe to heartbeats, and to status events of these projects."""
        self._subscriptions = [
            await self._bus.subscribe(subjects.HEARTBEAT_ALL, self._on_heartbeat)
        ]
        await self.follow(projects)

    async def follow(self, projects: Collection[str]) -> bool:
        """Hear of these projects from now on, and of no others; ``EVERY_PROJECT`` alone is any.

        Returns:
            Whether the broker admits all of them. It may learn of a new member a moment after the
            database has: ask again.
        """
        for gone in set(self._projects) - set(projects):
            for entry in self._projects.pop(gone):
                await entry.unsubscribe()
        is_whole = True
        for project in sorted(set(projects) - set(self._projects)):
            entries: list[Subscription] = []
            try:
                for subject, handler in (
                    (f"slate.runtime.{project}.*.status", self._on_status),
                    (f"slate.runtime.{project}.*.alert", self._on_alert),
                    (f"slate.build.{project}.*.status", self._on_build),
                    (f"slate.build.{project}.*.progress", self._on_build),
                ):
                    entries.append(await self._bus.subscribe(subject, handler))
            except DeniedError:
                is_whole = False
                for entry in entries:
                    await entry.unsubscribe()
            else:
                self._projects[project] = entries
        return is_whole

    def hears(self, project_id: str) -> bool:
        """Tell whether the events of a project are heard."""
        return project_id in self._projects or EVERY_PROJECT in self._projects

    async def aclose(self) -> None:
        """End the subscriptions."""
        entries, self._subscriptions = self._subscriptions, []
        for project in self._projects.values():
            entries += project
        self._projects.clear()
        for entry in entries:
            await entry.unsubscribe()

    def on_status(
        self, callback: Callable[[StatusEvent], None], session_id: str | None = None
    ) -> End:
        """Call ``callback`` for status events of one session, or of all; returns its end."""
        listeners = self._listeners.setdefault(session_id, [])
        listeners.append(callback)

        def end() -> None:
            if callback in listeners:
                listeners.remove(callback)
            if not listeners and self._listeners.get(session_id) is listeners:
                del self._listeners[session_id]

        return end

    def on_alert(self, callback: Callable[[Alert], None]) -> End:
        """Call ``callback`` for each alert that begins; returns its end."""
        self._alert_listeners.append(callback)

        def end() -> None:
            if callback in self._alert_listeners:
                self._alert_listeners.remove(callback)

        return end

    def on_heartbeat(self, callback: Callable[[Heartbeat], None]) -> End:
        """Call ``callback`` for each heartbeat; returns its end."""
        self._heartbeat_listeners.append(callback)

        def end() -> None:
            if callback in self._heartbeat_listeners:
                self._heartbeat_listeners.remove(callback)

        return end

    def on_build(self, callback: Callable[[BuildEvent], None]) -> End:
        """Call ``callback`` for each status and progress event of builds; returns its end."""
        self._build_listeners.append(callback)

        def end() -> None:
            if callback in self._build_listeners:
                self._build_listeners.remove(callback)

        return end

    async def follow_build_logs(
        self, project_id: str, build_id: str, callback: Callable[[BuildLinesData], None]
    ) -> Subscription:
        """Call ``callback`` for each batch of a build's log."""
        decoder = msgspec.json.Decoder(_BuildLinesEnvelope)

        async def handle(message: Message) -> None:
            try:
                callback(decoder.decode(message.data).data)
            except (msgspec.MsgspecError, UnicodeDecodeError):
                logger.warning("unreadable build log event", extra={"build": build_id})

        subject = subjects.build(project_id, build_id, subjects.JobEventKind.LOGS)
        return await self._bus.subscribe(subject, handle)

    async def follow_logs(
        self, project_id: str, session_id: str, callback: Callable[[LogBatch], None]
    ) -> Subscription:
        """Call ``callback`` for each batch of a session's log."""
        decoder = msgspec.json.Decoder(_LogEnvelope)

        async def handle(message: Message) -> None:
            try:
                callback(decoder.decode(message.data).data)
            except (msgspec.MsgspecError, UnicodeDecodeError):
                logger.warning("unreadable log event", extra={"session": session_id})

        return await self._bus.subscribe(
            subjects.runtime(project_id, session_id, EventKind.LOGS), handle
        )

    async def follow_stats(
        self, project_id: str, session_id: str, callback: Callable[[ContainerStats], None]
    ) -> Subscription:
        """Call ``callback`` for each sample of a session."""
        decoder = msgspec.json.Decoder(_StatsEnvelope)

        async def handle(message: Message) -> None:
            try:
                callback(decoder.decode(message.data).data)
            except (msgspec.MsgspecError, UnicodeDecodeError):
                logger.warning("unreadable stats event", extra={"session": session_id})

        return await self._bus.subscribe(
            subjects.runtime(project_id, session_id, EventKind.STATS), handle
        )

    async def _on_status(self, message: Message) -> None:
        try:
            event = read_event(message.data)
            project_id, session_id, _ = subjects.parse_runtime(message.subject)
        except CommandError:
            logger.warning("unreadable status event", extra={"subject": message.subject})
            return
        if not isinstance(event, StatusEvent) or (event.project_id, event.session_id) != (
            project_id,
            session_id,
        ):
            logger.warning("status event on another's subject", extra={"subject": message.subject})
            return
        await self._on_row_changed(event)
        for key in (session_id, None):
            _tell(self._listeners.get(key, ()), event)

    async def _on_alert(self, message: Message) -> None:
        try:
            event = read_event(message.data)
            project_id, session_id, _ = subjects.parse_runtime(message.subject)
        except CommandError:
            logger.warning("unreadable alert", extra={"subject": message.subject})
            return
        named = {(event.project_id, event.session_id)}
        if isinstance(event, AlertEvent):
            named.add((event.data.project_id, event.data.session_id))
            if named == {(project_id, session_id)}:
                _tell(self._alert_listeners, event.data)
                return
        logger.warning("alert on another's subject", extra={"subject": message.subject})

    async def _on_build(self, message: Message) -> None:
        try:
            event = self._build_decoder.decode(message.data)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            logger.warning("unreadable build event", extra={"subject": message.subject})
            return
        if message.subject != f"slate.build.{event.project_id}.{event.job_id}.{event.type}":
            logger.warning("build event on another's subject", extra={"subject": message.subject})
            return
        is_status = event.type == subjects.JobEventKind.STATUS.value
        if is_status and self._on_build_changed is not None:
            await self._on_build_changed(event)
        _tell(self._build_listeners, event)

    async def _on_heartbeat(self, message: Message) -> None:
        try:
            heartbeat = read_heartbeat(message.data)
        except CommandError:
            return
        if message.subject != f"slate.agent.{heartbeat.agent_id}.heartbeat":
            return
        known = self.agents.get(heartbeat.agent_id)
        if known is not None and known.heartbeat.epoch > heartbeat.epoch:
            return  # an outdated process of the same agent
        self.agents[heartbeat.agent_id] = SeenAgent(heartbeat, time.monotonic())
        _tell(self._heartbeat_listeners, heartbeat)


def _tell(listeners: Iterable[Callable[[T], None]], event: T) -> None:
    """Tell everyone; one who fails keeps nobody else from hearing it."""
    for callback in list(listeners):
        try:
            callback(event)
        except Exception:
            logger.exception("a listener to events failed")
