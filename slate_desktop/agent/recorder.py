"""The one writer of sessions' state: each write is a compare-and-set, then an event tells of it.

A write that lost (``StaleWriteError``) is never repeated: somebody else owns the session. A write
that could not be made (``DatabaseError``) is repeated by the caller for as long as it takes, and
the windows are told what is known meanwhile, marked as unconfirmed.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from slate_desktop.agent.drivers.base import Handle, Inspection
from slate_desktop.agent.logsink import SessionLog
from slate_desktop.agent.planning import StartPlan, container_name
from slate_desktop.agent.statspump import Taken
from slate_desktop.agent.verdict import Verdict
from slate_desktop.bus.port import Bus
from slate_desktop.domain.container import ContainerConfig
from slate_desktop.domain.runs import RunUse
from slate_desktop.domain.session import RuntimeSession, SessionStatus
from slate_desktop.domain.stats import STEPS, ContainerStats, StatsPoint, down_sample
from slate_desktop.errors import CommandError, DatabaseError, NotConnectedError, StaleWriteError
from slate_desktop.wire.codec import encode
from slate_desktop.wire.events import StatsEvent, StatusEvent, status_data
from slate_desktop.wire.subjects import EventKind, runtime

if TYPE_CHECKING:
    from slate_desktop.store import Database

_log = logging.getLogger(__name__)
_S = SessionStatus
UNCLAIMED_AFTER_S = 15 * 60
LOST_AFTER_S = 3 * 60
PRUNE_EVERY_S = 5 * 60.0
# The peak of a run's CPU is the highest mean of so many seconds.
RUN_STEP_S = 10


class Recorder:
    """Writes what happened to sessions, in the name of one agent process.

    Args:
        db: the database.
        bus: where events go.
        agent_id: this agent.
        epoch: of this process; rows of a newer one are not touched.
    """

    def __init__(self, db: Database, bus: Bus, agent_id: str, epoch: int) -> None:
        self.agent_id = agent_id
        self.epoch = epoch
        self._db = db
        self._bus = bus
        self._pruned_at_s = -PRUNE_EVERY_S

    def preview_claim(self, row: RuntimeSession) -> RuntimeSession:
        """Return the row as a claim would leave it, for checks before it."""
        return msgspec.structs.replace(
            row,
            status=_S.STARTING,
            attempt=row.attempt + 1,
            agent_id=self.agent_id,
            agent_epoch=self.epoch,
            container_name=container_name(row.id, row.attempt + 1),
        )

    async def claim(
        self, row: RuntimeSession, plan: StartPlan, config: dict[str, Any] | None = None
    ) -> RuntimeSession:
        """Take a session for a new attempt.

        Args:
            row: the session as it was read.
            plan: how it will be started.
            config: the session's configuration from now on; None keeps it.

        Raises:
            CommandError: ``quota_exceeded``.
            StaleWriteError: the row has moved on since it was read.
            DatabaseError: nothing was written.
        """
        new = await self._db.sessions.claim(
            row.id,
            version=row.version,
            agent_id=self.agent_id,
            epoch=self.epoch,
            driver=plan.driver.value,
            container_name=container_name(row.id, row.attempt + 1),
            container_config=config,
            held_memory=plan.held_memory,
            held_cpus=plan.held_cpus,
        )
        await self.publish_status(new)
        return new

    async def hold(self, row: RuntimeSession, plan: StartPlan) -> None:
        """Note what a live session's container may take from now on, before it may.

        Raises:
            CommandError: ``quota_exceeded``.
            StaleWriteError: the row has moved on.
            DatabaseError: nothing was written.
        """
        await self._db.sessions.hold(
            row.id,
            attempt=row.attempt,
            epoch=self.epoch,
            held_memory=plan.held_memory,
            held_cpus=plan.held_cpus,
        )

    async def restarting(self, row: RuntimeSession, plan: StartPlan) -> RuntimeSession:
        """Begin the next attempt of a session that this agent has stopped; raises like ``claim``.

        Repeating it after an unknown outcome gives the attempt that the first one began.
        """
        fresh = await self._db.sessions.get(row.id)
        if fresh.attempt == row.attempt + 1 and self._is_mine(fresh):
            return fresh
        return await self.claim(fresh if self._is_mine(fresh) else row, plan)

    async def running(
        self, row: RuntimeSession, handle: Handle, inspection: Inspection
    ) -> RuntimeSession:
        """Record that the runtime runs; raises like ``claim``."""
        return await self._move(
            row,
            _S.RUNNING,
            container_id=handle.runtime_id,
            image_digest=inspection.image_digest,
            started_at=_time(inspection.started_at_ns),
        )

    async def stopping(self, row: RuntimeSession, *, is_restart: bool) -> RuntimeSession:
        """Record that the runtime is to end; raises like ``claim``."""
        desired = "running" if is_restart else "stopped"
        return await self._move(row, _S.STOPPING, desired=desired)

    async def stopped_before_start(self, row: RuntimeSession) -> RuntimeSession:
        """Record that a session that nobody started is not to start; raises like ``claim``."""
        new = await self._db.sessions.stop_unstarted(row.id, version=row.version)
        await self.publish_status(new)
        return new

    async def finish(
        self, row: RuntimeSession, verdict: Verdict, *, log_complete: bool
    ) -> RuntimeSession:
        """Record the end of an attempt; raises like ``claim``.

        While the database is away the windows are told the verdict, unconfirmed.
        """
        fields = {
            "exit_code": verdict.exit_code,
            "oom_killed": verdict.oom_killed,
            "error_code": verdict.error_code.value if verdict.error_code else None,
            "error_message": verdict.error_message,
            "log_complete": log_complete,
            "stopped_at": datetime.now(UTC),
        }
        try:
            return await self._move(row, verdict.status, note=verdict.note, **fields)
        except DatabaseError:
            known = msgspec.structs.replace(row, status=verdict.status, **fields)
            await self.publish_status(known, confirmed=False)
            raise
        except StaleWriteError:
            # The first try may have been committed without telling.
            fresh = await self._db.sessions.get(row.id)
            if fresh.attempt == row.attempt and fresh.status is verdict.status:
                return fresh
            raise

    async def adopt(self, row: RuntimeSession) -> RuntimeSession:
        """Take over a session of an older process of this agent; raises like ``claim``."""
        if row.agent_epoch == self.epoch and row.status is not _S.LOST:
            return row
        new = await self._db.sessions.adopt(
            row.id, agent_id=self.agent_id, old_epoch=row.agent_epoch or 0, epoch=self.epoch
        )
        await self.publish_status(new)
        return new

    async def complete_log(self, row: RuntimeSession) -> RuntimeSession:
        """Record that the log of an ended session is stored whole; raises like ``claim``."""
        return await self._move(row, row.status, log_complete=True)

    async def tidy(self) -> None:
        """Do what any agent does for all: sessions without an agent, old requests.

        Raises:
            DatabaseError: it is done another time.
        """
        for row in await self._db.sessions.fail_unclaimed(UNCLAIMED_AFTER_S):
            await self.publish_status(row)
        for row in await self._db.sessions.lose_orphaned(self.agent_id, LOST_AFTER_S):
            await self.publish_status(row)
        await self._db.requests.prune()
        await self._prune_stats()

    async def store_stats(self, taken: list[Taken]) -> None:
        """Keep samples of several sessions, in every step of the history.

        Raises:
            DatabaseError: nobody knows what was kept; another time.
        """
        points_of = {
            row.id: [point for step_s, _ in STEPS for point in down_sample(samples, step_s)]
            for row, samples in taken
        }
        await self._db.stats.add(list(points_of.items()))
        await self._db.runs.note_uses([_use_of(row, points_of[row.id]) for row, _ in taken])

    async def note_limits(self, row: RuntimeSession, config: ContainerConfig) -> None:
        """Note what the runtime may take; raises ``DatabaseError``."""
        use = RunUse(
            session_id=row.id,
            attempt=row.attempt,
            memory_limit=config.memory_bytes or 0,
            cpu_limit=config.cpus or 0,
        )
        await self._db.runs.note_uses([use])

    async def _prune_stats(self) -> None:
        now_s = time.monotonic()
        if now_s - self._pruned_at_s >= PRUNE_EVERY_S:
            self._pruned_at_s = now_s
            await self._db.stats.prune()

    async def publish_status(
        self, row: RuntimeSession, *, note: str | None = None, confirmed: bool = True
    ) -> None:
        """Tell the windows; a broker that is away costs nothing, they read the row later."""
        data = status_data(row, confirmed=confirmed)
        if note is not None:
            data = msgspec.structs.replace(data, note=note)
        event = StatusEvent(session_id=row.id, project_id=row.project_id, data=data)
        await self._publish(runtime(row.project_id, row.id, EventKind.STATUS), encode(event))

    async def publish_stats(self, taken: Sequence[tuple[RuntimeSession, ContainerStats]]) -> None:
        """Show samples of sessions to the windows."""
        events: list[tuple[str, bytes]] = []
        for row, stats in taken:
            event = StatsEvent(session_id=row.id, project_id=row.project_id, data=stats)
            events.append((runtime(row.project_id, row.id, EventKind.STATS), encode(event)))
        await self._sent(self._bus.publish_all(events))

    def log_sink(self, row: RuntimeSession) -> SessionLog:
        """Return where the log of the row's attempt goes."""
        return SessionLog(self._db, self._bus, row, self.epoch)

    async def _move(
        self, row: RuntimeSession, status: SessionStatus, *, note: str | None = None, **fields: Any
    ) -> RuntimeSession:
        new = await self._db.sessions.move(
            row.id, status, attempt=row.attempt, epoch=self.epoch, **fields
        )
        await self.publish_status(new, note=note)
        return new

    def _is_mine(self, row: RuntimeSession) -> bool:
        return row.agent_id == self.agent_id and row.agent_epoch == self.epoch

    async def _publish(self, subject: str, data: bytes) -> None:
        await self._sent(self._bus.publish(subject, data))

    async def _sent(self, sending: Awaitable[None]) -> None:
        try:
            await sending
        except NotConnectedError:
            pass
        except CommandError as error:
            _log.warning("an event could not be sent", extra={"reason": error.message})


def _time(stamp_ns: int | None) -> datetime:
    """Return an engine's stamp as a time; now where the engine gives none."""
    return datetime.now(UTC) if not stamp_ns else datetime.fromtimestamp(stamp_ns / 1e9, UTC)


def _use_of(row: RuntimeSession, points: list[StatsPoint]) -> RunUse:
    return RunUse(
        session_id=row.id,
        attempt=row.attempt,
        memory_peak=max(point.memory_usage_max for point in points),
        cpu_peak=max((p.cpu_percent for p in points if p.step_s == RUN_STEP_S), default=0.0),
        memory_limit=points[-1].memory_limit,
    )
