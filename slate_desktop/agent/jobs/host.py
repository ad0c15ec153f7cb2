"""All workers of one agent, with what keeps their queues and directories in order."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from slate_desktop.agent.audit import AuditTrail
from slate_desktop.agent.jobs import janitor
from slate_desktop.agent.jobs.admission import Admission
from slate_desktop.agent.jobs.cancel import CancelServer
from slate_desktop.agent.jobs.events import JobEvents
from slate_desktop.agent.jobs.port import JobKind
from slate_desktop.agent.jobs.republish import Republisher
from slate_desktop.agent.jobs.worker import Worker
from slate_desktop.agent.tasks import TaskOwner
from slate_desktop.bus.nats_queue import NatsQueue
from slate_desktop.bus.port import Bus
from slate_desktop.bus.queue import QueueSpec
from slate_desktop.domain.jobs import LEASE_S

if TYPE_CHECKING:
    from slate_desktop.store import Database


class JobHost:
    """Runs workers of several sorts of jobs in one agent.

    Args:
        db: the database.
        bus: the broker.
        tasks: owns everything that runs.
        agent_id: this agent.
        epoch: of this process; a lease of an older one is not this one's.
        directory: for files of attempts.
    """

    def __init__(
        self,
        db: Database,
        bus: Bus,
        tasks: TaskOwner,
        *,
        agent_id: str,
        epoch: int,
        directory: Path,
    ) -> None:
        self._db = db
        self._bus = bus
        self._tasks = tasks
        self._agent_id = agent_id
        self._owner = f"{agent_id}.{epoch}"
        self._directory = directory
        self._admission = Admission(db)
        self._audit = AuditTrail(db, agent_id, tasks)
        self._workers: list[tuple[JobKind, Worker]] = []
        self._is_paused = False

    @property
    def owner(self) -> str:
        """The name of this process in leases."""
        return self._owner

    @property
    def running(self) -> int:
        """How many attempts are under way."""
        return sum(len(worker.running) for _, worker in self._workers)

    def add(
        self,
        kind: JobKind,
        spec: QueueSpec,
        types: Sequence[str],
        *,
        slots: int,
        lease_s: float = LEASE_S,
    ) -> Worker:
        """Work on jobs of a sort from now on.

        Args:
            kind: the sort.
            spec: its queue.
            types: what this agent can do of it; its queue is looked after whatever they are.
            slots: attempts at once.
            lease_s: as ``LEASE_S``; tests use less.
        """
        directory = self._directory / kind.name
        queue = NatsQueue(self._bus, spec)
        worker = Worker(
            kind,
            queue,
            types,
            bus=self._bus,
            admission=self._admission,
            audit=self._audit,
            owner=self._owner,
            directory=directory,
            slots=slots,
            lease_s=lease_s,
        )
        worker.pause(self._is_paused)
        repair = Republisher(kind, queue, spec.types, JobEvents(self._bus, kind))
        self._tasks.spawn(repair.run(), f"{kind.name}-repair")
        self._tasks.spawn(janitor.run(directory, lambda: worker.running), f"{kind.name}-janitor")
        if types:
            self._tasks.spawn(worker.run(), f"{kind.name}-worker")
        self._workers.append((kind, worker))
        return worker

    def pause(self, is_paused: bool) -> None:
        """Begin no job from now on, or again."""
        self._is_paused = is_paused
        for _, worker in self._workers:
            worker.pause(is_paused)

    async def serve_cancellations(self) -> None:
        """Hear cancellations of the jobs of all sorts that were added."""
        server = CancelServer(
            self._db,
            self._bus,
            self._agent_id,
            [(kind, worker.cancel) for kind, worker in self._workers],
            audit=self._audit,
        )
        await server.subscribe()
