"""Repairs queues: streams that are missing are made again, and lost messages are sent again.

A queue needs as many messages as there are open jobs. Only where it has fewer is something lost,
so that a long but healthy backlog is left alone.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Sequence

from slate_desktop.agent.jobs.events import JobEvents
from slate_desktop.agent.jobs.port import JobKind
from slate_desktop.bus.queue import WorkQueue
from slate_desktop.errors import SlateError

_log = logging.getLogger(__name__)
PERIOD_S = 15.0
BATCH = 200


class Republisher:
    """Looks after the queue of one sort of job, on every agent.

    Args:
        kind: the sort.
        queue: its stream.
        types: all types of work, also those that this agent does not do.
        events: where windows hear of jobs.
    """

    def __init__(
        self, kind: JobKind, queue: WorkQueue, types: Sequence[str], events: JobEvents
    ) -> None:
        self._kind = kind
        self._events = events
        self._queue = queue
        self._types = tuple(types)

    async def run(self, period_s: float = PERIOD_S) -> None:
        """Repair until cancelled."""
        while True:
            try:
                await self.run_once()
            except (SlateError, TimeoutError) as error:
                _log.debug("a queue is not looked after", extra={"reason": str(error)})
            # Agents that started together do not stay together.
            await asyncio.sleep(period_s * random.uniform(0.8, 1.2))  # noqa: S311

    async def run_once(self) -> int:
        """Repair once; returns how many messages were sent again.

        Raises:
            DatabaseError, NotConnectedError: it is done another time.
        """
        for job in await self._kind.store.end_abandoned():
            await self._events.status(job)
        await self._queue.ensure()
        count = 0
        for kind in self._types:
            count += await self._repair(kind)
        return count

    async def _repair(self, kind: str) -> int:
        store = self._kind.store
        missing = await store.count_open(kind)
        if not missing:
            return 0
        missing -= await self._queue.depth(kind)
        if missing <= 0:
            return 0
        jobs = await store.take_unpublished(kind, limit=min(missing, BATCH))
        for job, number in jobs:
            if job.envelope is None:
                continue
            await self._queue.publish(
                kind,
                job.envelope.data,
                headers=job.envelope.headers,
                message_id=f"{job.id}.{number}",
            )
        if jobs:
            _log.info("jobs were published again", extra={"type": kind, "count": len(jobs)})
        return len(jobs)
