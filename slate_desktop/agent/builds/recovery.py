"""Puts in order what an agent's earlier processes left: runtimes, licences, leases.

::

    runtimes end → licences are returned → leases are released and their builds published again

A process that was killed says nothing to the broker, which would wait for its acknowledgement.
"""

from __future__ import annotations

import asyncio
import logging

from slate_desktop.agent.builds.kind import BuildKind
from slate_desktop.agent.retry import until_database_answers
from slate_desktop.bus.queue import WorkQueue
from slate_desktop.errors import SlateError

_log = logging.getLogger(__name__)
SWEEP_EVERY_S = 60.0


class Recovery:
    """Runs at the start of an agent, and now and then later.

    Args:
        kind: the builds of this agent.
        owner: this process, as leases name it.
        queue: where released builds are published.
    """

    def __init__(self, kind: BuildKind, owner: str, queue: WorkQueue) -> None:
        self._kind = kind
        self._owner = owner
        self._queue = queue

    async def run(self) -> None:
        """Recover, then sweep until cancelled."""
        await self.run_once()
        while True:
            await asyncio.sleep(SWEEP_EVERY_S)
            await self._kind.remove_leftovers(self._owner)
            await self._kind.pay_debts(self._owner)

    async def run_once(self) -> None:
        """Put everything in order that earlier processes left."""
        await self._kind.remove_leftovers(self._owner)
        await self._kind.pay_debts(self._owner)
        await self._release()

    async def _release(self) -> None:
        store = self._kind.store
        left = await until_database_answers(lambda: store.release_earlier(self._owner))
        for job, number in left:
            if job.envelope is None or job.cancel_requested:
                continue
            try:
                await self._queue.ensure()
                await self._queue.publish(
                    job.row.target_platform.value,
                    job.envelope.data,
                    headers=job.envelope.headers,
                    message_id=f"{job.id}.{number}",
                )
            except (SlateError, TimeoutError) as error:
                # The broker sends the first message again; that only takes longer.
                _log.info("a build is not published again", extra={"reason": str(error)})
        if left:
            _log.info("builds of an earlier process were released", extra={"count": len(left)})
