"""Keeps a lease alive, and notices when it is lost.

The lease is lost when the database says so, or when it could not be asked until the lease's end:
another worker may then have the job, so this one stops, writes nothing and acknowledges nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging

from slate_desktop.agent.jobs.port import JobStore
from slate_desktop.bus.queue import Delivery
from slate_desktop.domain.jobs import Lease
from slate_desktop.errors import DatabaseError, SlateError

_log = logging.getLogger(__name__)


class LeaseKeeper:
    """The heartbeat of one lease.

    Args:
        lease: which was just taken.
        store: its rows.
        delivery: the message that is held meanwhile.
        lease_s: how long it lasts; it is extended three times as often.
        begun_s: loop time before the lease was taken.
    """

    def __init__(
        self, lease: Lease, store: JobStore, delivery: Delivery, *, lease_s: float, begun_s: float
    ) -> None:
        self.lease = lease
        self.is_lost = asyncio.Event()
        self.cancel = asyncio.Event()
        self._store = store
        self._delivery = delivery
        self._lease_s = lease_s
        self._good_until_s = begun_s + lease_s

    async def run(self) -> None:
        """Extend the lease until it is lost, or cancelled."""
        loop = asyncio.get_running_loop()
        while not self.is_lost.is_set():
            await asyncio.sleep(self._lease_s / 3)
            begun_s = loop.time()
            if begun_s >= self._good_until_s:
                # This process was paused, or the database away, for longer than the lease.
                await self._check_late(begun_s)
                continue
            with contextlib.suppress(SlateError):
                await self._delivery.in_progress()
            await self._extend(begun_s)

    async def _check_late(self, begun_s: float) -> None:
        """Find out whether anybody has taken the job since the lease ran out."""
        await self._extend(begun_s)
        if self._good_until_s <= begun_s:
            self._lose("it could not be extended in time")

    async def _extend(self, begun_s: float) -> None:
        try:
            job = await self._store.extend(self.lease, lease_s=self._lease_s)
        except DatabaseError as error:
            _log.debug("a lease is not extended", extra={"reason": str(error)})
            return
        if job is None:
            self._lose("another worker has the job, or it has ended")
            return
        self._good_until_s = begun_s + self._lease_s
        if job.cancel_requested:
            self.cancel.set()

    def _lose(self, reason: str) -> None:
        _log.warning("a lease was lost", extra={"job": self.lease.job.id, "reason": reason})
        self.is_lost.set()
