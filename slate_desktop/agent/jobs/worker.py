"""Fetches messages, claims jobs, and runs attempts, a bounded number at once.

Reliable whatever happens to a message: a job is done once because its row is claimed with a fence,
not because a message comes once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Sequence
from pathlib import Path

from slate_desktop.agent.audit import AuditTrail
from slate_desktop.agent.jobs.admission import (
    Admission,
    MessageVerdict,
    job_id_of,
    judge_message,
)
from slate_desktop.agent.jobs.attempt import Attempt
from slate_desktop.agent.jobs.events import JobEvents
from slate_desktop.agent.jobs.lease import LeaseKeeper
from slate_desktop.agent.jobs.port import JobKind
from slate_desktop.agent.tasks import TaskOwner
from slate_desktop.bus.port import Bus
from slate_desktop.bus.queue import Delivery, WorkQueue
from slate_desktop.domain.jobs import LEASE_S, JobRow
from slate_desktop.errors import (
    AgentOfflineError,
    CommandError,
    DatabaseError,
    ErrorCode,
    SlateError,
)

_log = logging.getLogger(__name__)
# Each type asks that often while nothing comes. Twelve types every five seconds were a tenth of
# what an idle agent takes; it is also how late work may be found where a broker forgot who waits.
FETCH_S = 15.0
CANCEL_POLL_S = 1.0
_MAX_WAIT_S = 30.0
_RETRY_S = 1.0


class Worker:
    """Works on one sort of job until it is closed.

    Args:
        kind: the sort.
        queue: its stream.
        types: which types of work are taken here.
        bus: for events.
        admission: who may have jobs done.
        audit: where jobs are noted.
        owner: names this worker in leases: agent and epoch.
        directory: below it each attempt has its own.
        slots: attempts at once.
        lease_s: as ``LEASE_S``; tests use less.
    """

    def __init__(
        self,
        kind: JobKind,
        queue: WorkQueue,
        types: Sequence[str],
        *,
        bus: Bus,
        admission: Admission,
        audit: AuditTrail,
        owner: str,
        directory: Path,
        slots: int,
        lease_s: float = LEASE_S,
    ) -> None:
        self.dropped_messages = 0
        self._kind = kind
        self._queue = queue
        self._types = tuple(types)
        self._admission = admission
        self._audit = audit
        self._events = JobEvents(bus, kind)
        self._owner = owner
        self._directory = directory
        self._slots = slots
        self._lease_s = lease_s
        self._attempts: dict[str, Attempt] = {}
        # Messages whose claim is under way: they take a slot too.
        self._reserved: set[int] = set()
        self._tasks = TaskOwner(f"worker-{kind.name}")
        self._has_room = asyncio.Event()
        self._has_room.set()
        self._is_paused = False

    @property
    def running(self) -> tuple[str, ...]:
        """Ids of the jobs that are worked on here."""
        return tuple(self._attempts)

    async def run(self) -> None:
        """Take work until cancelled."""
        self._tasks.spawn(self._watch_cancellations(), "cancellations")
        try:
            async with asyncio.TaskGroup() as group:
                for kind in self._types:
                    group.create_task(self._take(kind), name=f"take-{kind}")
        finally:
            await asyncio.shield(self._tasks.aclose(timeout_s=20.0))
            await self._queue.aclose()

    def pause(self, is_paused: bool) -> None:
        """Begin nothing new from now on, or again; what is under way goes on."""
        self._is_paused = is_paused
        self._look_for_room()

    def cancel(self, job_id: str) -> None:
        """End a job that is worked on here, without waiting for the next look at its row."""
        attempt = self._attempts.get(job_id)
        if attempt is not None:
            attempt.cancel_job()

    async def _take(self, kind: str) -> None:
        """Take messages of one type, one after the other, while there is room."""
        is_away = False
        while True:
            await self._has_room.wait()
            try:
                delivery = await self._queue.fetch(kind, timeout_s=FETCH_S)
                is_away = False
            except AgentOfflineError:
                await self._make_queue()
                continue
            except SlateError as error:
                if not is_away:
                    is_away = True
                    _log.warning("no work can be fetched", extra={"reason": str(error)})
                await asyncio.sleep(_RETRY_S)
                continue
            if delivery is not None:
                try:
                    await self._accept(kind, delivery)
                except Exception:  # noqa: BLE001 - one message must not end all work
                    # It is neither acknowledged nor refused, so that it comes again.
                    _log.exception("a message could not be dealt with")
                    await asyncio.sleep(_RETRY_S)

    async def _make_queue(self) -> None:
        try:
            await self._queue.ensure()
        except SlateError as error:
            _log.warning("a queue cannot be made", extra={"reason": str(error)})
            await asyncio.sleep(_RETRY_S)

    async def _accept(self, kind: str, delivery: Delivery) -> None:
        """Begin an attempt for a message, or put the message away."""
        if not self._has_room.is_set():
            # Another type was quicker, or this host is out of service; another may have room.
            await _quietly(delivery.nak())
            return
        self._reserve(delivery)
        try:
            attempt = await self._claim(kind, delivery)
        except DatabaseError:
            await _quietly(delivery.nak(_RETRY_S))
            attempt = None
            await asyncio.sleep(_RETRY_S)
        except CommandError as error:
            _log.warning("a job cannot be claimed", extra={"reason": error.message})
            await _quietly(delivery.nak(_RETRY_S))
            attempt = None
        finally:
            self._unreserve(delivery)
        if attempt is not None:
            self._attempts[attempt.job_id] = attempt
            self._look_for_room()
            self._tasks.spawn(self._run(attempt), attempt.job_id)

    async def _claim(self, kind: str, delivery: Delivery) -> Attempt | None:
        store = self._kind.store
        job_id = job_id_of(delivery)
        job = None if job_id is None else await store.find(job_id)
        if job is None:
            await self._drop(delivery, "it names no job")
            return None
        if not job.is_final and not await self._is_genuine(delivery, job):
            return None
        begun_s = asyncio.get_running_loop().time()
        lease = await store.claim(job.id, kind, owner=self._owner, lease_s=self._lease_s)
        if lease is None:
            await self._put_back(delivery, job)
            return None
        keeper = LeaseKeeper(lease, store, delivery, lease_s=self._lease_s, begun_s=begun_s)
        return Attempt(
            self._kind,
            keeper,
            delivery,
            admission=self._admission,
            audit=self._audit,
            events=self._events,
            directory=self._directory / lease.job.id / str(lease.attempt),
        )

    async def _is_genuine(self, delivery: Delivery, job: JobRow) -> bool:
        verdict = judge_message(delivery, job)
        if verdict is MessageVerdict.GENUINE:
            return True
        if verdict is MessageVerdict.EDITED:
            refused = await self._kind.store.refuse(
                job.id, ErrorCode.BAD_SIGNATURE, "The job was changed on its way to the worker."
            )
            if refused is not None:
                await self._events.status(refused)
        await self._drop(delivery, "it is not what was signed")
        return False

    async def _put_back(self, delivery: Delivery, job: JobRow) -> None:
        """Keep the message of a job that must wait; drop the one of a job that has ended."""
        fresh = await self._kind.store.find(job.id)
        if fresh is None or fresh.is_final:
            await _quietly(delivery.ack())
        elif fresh.is_queued:
            await _quietly(delivery.nak(min(2.0, self._lease_s / 3)))
        else:
            delay_s = min(2.0 ** min(delivery.deliveries, 5), _MAX_WAIT_S, self._lease_s)
            await _quietly(delivery.nak(delay_s))

    async def _drop(self, delivery: Delivery, reason: str) -> None:
        self.dropped_messages += 1
        _log.warning("a message is dropped", extra={"reason": reason, "subject": delivery.subject})
        await _quietly(delivery.term())

    async def _run(self, attempt: Attempt) -> None:
        try:
            await attempt.run()
        finally:
            self._attempts.pop(attempt.job_id, None)
            self._look_for_room()

    async def _watch_cancellations(self) -> None:
        """Look at the rows of running jobs, so that a cancellation shows within a second."""
        while True:
            await asyncio.sleep(CANCEL_POLL_S)
            if not self._attempts:
                continue
            try:
                wanted = await self._kind.store.cancelled(self._owner)
            except DatabaseError:
                continue
            for job_id in wanted:
                self.cancel(job_id)

    def _reserve(self, delivery: Delivery) -> None:
        self._reserved.add(id(delivery))
        self._look_for_room()

    def _unreserve(self, delivery: Delivery) -> None:
        self._reserved.discard(id(delivery))
        self._look_for_room()

    def _look_for_room(self) -> None:
        busy = len(self._attempts) + len(self._reserved)
        if busy < self._slots and not self._is_paused:
            self._has_room.set()
        else:
            self._has_room.clear()


async def _quietly(settling: Awaitable[None]) -> None:
    """Settle a message; one that stays unsettled comes again, which is harmless."""
    try:
        await settling
    except (SlateError, TimeoutError) as error:
        _log.debug("a message is not settled", extra={"reason": str(error)})
