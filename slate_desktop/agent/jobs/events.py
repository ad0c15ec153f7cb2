"""What windows hear of jobs. Events are hints: the row is the truth, and is written first."""

from __future__ import annotations

import logging

from slate_desktop.agent.jobs.port import JobKind
from slate_desktop.bus.port import Bus
from slate_desktop.domain.jobs import JobRow
from slate_desktop.errors import CommandError, NotConnectedError
from slate_desktop.wire.codec import encode
from slate_desktop.wire.subjects import JobEventKind

_log = logging.getLogger(__name__)


class JobEvents:
    """Publishes the events of one sort of job."""

    def __init__(self, bus: Bus, kind: JobKind) -> None:
        self._bus = bus
        self._kind = kind

    async def status(self, job: JobRow) -> None:
        """Tell that a row has changed."""
        await self._publish(job, JobEventKind.STATUS, self._kind.describe(job))

    async def progress(self, job: JobRow, attempt: int, percent: int, message: str) -> None:
        """Tell how far an attempt is."""
        data = {"attempt": attempt, "progress": percent, "message": message}
        await self._publish(job, JobEventKind.PROGRESS, data)

    async def _publish(self, job: JobRow, kind: JobEventKind, data: dict[str, object]) -> None:
        event = {"type": kind.value, "job_id": job.id, "project_id": job.project_id, "data": data}
        try:
            await self._bus.publish(self._kind.subject(job, kind), encode(event))
        except NotConnectedError:
            pass
        except CommandError as error:
            _log.warning("an event could not be sent", extra={"reason": error.message})
