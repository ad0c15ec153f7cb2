"""Progress of one attempt: at most four events a second, and a row every five seconds."""

from __future__ import annotations

import asyncio
import logging
import math

from slate_desktop.agent.jobs.events import JobEvents
from slate_desktop.agent.jobs.port import JobStore
from slate_desktop.domain.jobs import Lease
from slate_desktop.errors import DatabaseError

_log = logging.getLogger(__name__)
EVENT_PERIOD_S = 0.25
ROW_PERIOD_S = 5.0
_MAX_MESSAGE = 200


class ProgressReporter:
    """Takes fractions from the work and hands on the newest; ``run`` is a task of the attempt."""

    def __init__(self, lease: Lease, store: JobStore, events: JobEvents) -> None:
        self._lease = lease
        self._store = store
        self._events = events
        self._percent = 0
        self._message = ""
        self._changed = asyncio.Event()
        self._has_complained = False

    def __call__(self, fraction: float, message: str = "") -> None:
        """Note how far the work is; see ``port.Progress``."""
        is_number = isinstance(fraction, int | float) and math.isfinite(fraction)
        if not is_number or not 0 <= fraction <= 1:
            self._complain(fraction)
            return
        # Completion is the row's to tell.
        percent = min(int(fraction * 100), 99)
        if percent < self._percent:
            self._complain(fraction)
            return
        text = message[:_MAX_MESSAGE]
        if percent != self._percent or text != self._message:
            self._percent, self._message = percent, text
            self._changed.set()

    async def run(self) -> None:
        """Hand on what changes until cancelled."""
        loop = asyncio.get_running_loop()
        row_due_s = loop.time() + ROW_PERIOD_S
        while True:
            await self._changed.wait()
            self._changed.clear()
            job, attempt = self._lease.job, self._lease.attempt
            await self._events.progress(job, attempt, self._percent, self._message)
            if loop.time() >= row_due_s:
                row_due_s = loop.time() + ROW_PERIOD_S
                try:
                    await self._store.note_progress(self._lease, self._percent, self._message)
                except DatabaseError as error:
                    _log.debug("progress is not stored", extra={"reason": str(error)})
            await asyncio.sleep(EVENT_PERIOD_S)

    def _complain(self, fraction: object) -> None:
        if not self._has_complained:
            self._has_complained = True
            _log.info(
                "progress that makes no sense is ignored",
                extra={"job": self._lease.job.id, "fraction": str(fraction)[:40]},
            )
