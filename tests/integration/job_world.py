"""Workers without an agent around them: real rows, a queue of either sort, scripted work."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from slate_desktop.agent.audit import AuditTrail
from slate_desktop.agent.jobs.admission import Admission
from slate_desktop.agent.jobs.events import JobEvents
from slate_desktop.agent.jobs.port import Progress
from slate_desktop.agent.jobs.republish import Republisher
from slate_desktop.agent.jobs.worker import Worker
from slate_desktop.agent.tasks import TaskOwner
from slate_desktop.bus.memory_bus import MemoryBroker, MemoryBus
from slate_desktop.bus.memory_queue import MemoryQueue, MemoryStream
from slate_desktop.bus.queue import QueueSpec
from slate_desktop.domain.assets.job import AssetInput, AssetJob
from slate_desktop.domain.assets.kinds import AssetKind
from slate_desktop.domain.ids import new_id
from slate_desktop.domain.jobs import JobEnvelope, JobRow, Lease, Outcome
from slate_desktop.domain.project import Project, User
from slate_desktop.domain.roles import Role
from slate_desktop.errors import CommandError, ErrorCode
from slate_desktop.store import Database
from slate_desktop.wire import subjects
from slate_desktop.wire.asset_messages import (
    AssetJobBody,
    asset_status_data,
    body_of,
    read_asset_job,
    write_asset_job,
)
from slate_desktop.wire.envelope import sign_job
from slate_desktop.wire.keys import SigningKey
from slate_desktop.wire.subjects import JobEventKind

TYPES = ("texture", "model", "audio")
Work = Callable[[Lease, Path, Progress, asyncio.Event], Awaitable[Outcome]]


async def do_at_once(
    lease: Lease, directory: Path, progress: Progress, cancel: asyncio.Event
) -> Outcome:
    return Outcome.completed()


class ScriptedKind:
    """Asset rows, with work that the test says."""

    name = "asset"

    def __init__(self, db: Database, work: Work = do_at_once) -> None:
        self.store = db.asset_jobs
        self.work = work
        self.begun: list[str] = []
        self.delivered: list[str] = []
        self.limit_s = 30.0

    def time_limit_s(self, lease: Lease) -> float:
        return self.limit_s

    def allows(self, role: Role) -> bool:
        return role is not Role.VIEWER

    def check(self, job: JobRow) -> None:
        if job.envelope is None or read_asset_job(job.envelope.data) != body_of(job.row):
            raise CommandError(ErrorCode.BAD_SIGNATURE, "not what was signed")

    async def execute(
        self, lease: Lease, directory: Path, *, progress: Progress, cancel: asyncio.Event
    ) -> Outcome:
        self.begun.append(lease.job.id)
        return await self.work(lease, directory, progress, cancel)

    async def after_finish(self, lease: Lease, outcome: Outcome, directory: Path) -> None:
        self.delivered.append(lease.job.id)

    def subject(self, job: JobRow, kind: JobEventKind) -> str:
        return subjects.job(job.project_id, job.id, kind)

    def words(self, job: JobRow) -> str:
        return f"scripted {job.id}"

    def describe(self, job: JobRow) -> dict[str, object]:
        import msgspec

        return msgspec.to_builtins(asset_status_data(job.row))


class JobWorld:
    """A database, a queue in memory, and any number of workers."""

    def __init__(self, db: Database, directory: Path, *, ack_wait_s: float = 0.5) -> None:
        self.db = db
        self.directory = directory
        self.tasks = TaskOwner("world")
        self.broker = MemoryBroker()
        self.bus = MemoryBus(self.broker)
        self.key = SigningKey.generate()
        self.spec = QueueSpec(
            stream="ASSETS", pattern="slate.asset.process.*", types=TYPES, ack_wait_s=ack_wait_s
        )
        self.stream = MemoryStream(self.spec)
        self.queue = MemoryQueue(self.stream)
        self.user: User
        self.project: Project
        self.workers: list[tuple[Worker, asyncio.Task[None]]] = []

    async def ensure_queue(self) -> None:
        await self.queue.ensure()

    async def open(self) -> None:
        await self.ensure_queue()
        self.user = await self.db.users.create("person", self.key.public)
        root = self.directory / "project"
        root.mkdir()
        self.project = await self.db.projects.add(
            name="project", owner_id=self.user.id, root=str(root), engine="custom"
        )

    def start_worker(
        self, kind: ScriptedKind, *, owner: str = "w1", lease_s: float = 10.0, slots: int = 2
    ) -> Worker:
        worker = Worker(
            kind,
            MemoryQueue(self.stream),
            TYPES,
            bus=self.bus,
            admission=Admission(self.db),
            audit=AuditTrail(self.db, owner, self.tasks),
            owner=owner,
            directory=self.directory / f"work-{owner}",
            slots=slots,
            lease_s=lease_s,
        )
        self.workers.append((worker, asyncio.create_task(worker.run())))
        return worker

    def republisher(self, kind: ScriptedKind) -> Republisher:
        return Republisher(kind, self.queue, TYPES, JobEvents(self.bus, kind))

    async def close(self) -> None:
        for _, task in self.workers:
            task.cancel()
        await asyncio.gather(*(task for _, task in self.workers), return_exceptions=True)
        await self.tasks.aclose()
        await self.bus.aclose()

    async def insert(
        self,
        *,
        kind: AssetKind = AssetKind.AUDIO,
        signer: SigningKey | None = None,
        user: User | None = None,
        edit: Callable[[AssetJobBody], AssetJobBody] | None = None,
        **more: Any,
    ) -> AssetJob:
        """Insert a signed row and publish nothing."""
        job_id = more.pop("job_id", None) or new_id()
        fields: dict[str, Any] = {
            "project_id": self.project.id,
            "path": f"{job_id}.wav",
            "inputs": [AssetInput(name="a.wav", path="a.wav", sha256="0" * 64, size=1)],
            "options": {},
            "key": job_id.replace("-", "").ljust(64, "0"),
            "time_limit_s": 30,
        } | more
        body = AssetJobBody(job_id=job_id, kind=kind, **fields)
        data = write_asset_job(edit(body) if edit else body)
        subject = self.spec.subject(kind.value)
        headers = sign_job(
            signer or self.key, subject, data, job_id=job_id, now_ms=time.time_ns() // 1_000_000
        )
        envelope = JobEnvelope(subject=subject, headers=headers, body=data.decode())
        return await self.db.asset_jobs.create(
            job_id=job_id, user_id=(user or self.user).id, kind=kind, envelope=envelope, **fields
        )

    async def publish(self, job: AssetJob, message_id: str | None = None) -> bool:
        assert job.envelope is not None
        return await self.queue.publish(
            job.kind.value,
            job.envelope.data,
            headers=job.envelope.headers,
            message_id=message_id or job.id,
        )

    async def submit(self, **more: Any) -> AssetJob:
        job = await self.insert(**more)
        await self.publish(job)
        return job

    async def until(
        self, job_id: str, is_true: Callable[[AssetJob], bool], timeout_s: float = 30
    ) -> AssetJob:
        async with asyncio.timeout(timeout_s):
            while True:
                row = await self.db.asset_jobs.get(job_id)
                if is_true(row):
                    return row
                await asyncio.sleep(0.01)

    async def until_final(self, job_id: str, timeout_s: float = 30) -> AssetJob:
        return await self.until(job_id, lambda row: row.is_final, timeout_s)

    async def until_unoccupied(self, timeout_s: float = 30) -> None:
        """Wait until no worker works."""
        async with asyncio.timeout(timeout_s):
            while any(worker.running for worker, _ in self.workers):  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async def until_idle(self, timeout_s: float = 30) -> None:
        """Wait until no worker works and no message waits."""
        async with asyncio.timeout(timeout_s):
            while any([await self.queue.depth(kind) for kind in TYPES]):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        await self.until_unoccupied(timeout_s)


class Gated:
    """Work that waits until the test lets it end."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.begun = asyncio.Event()
        self.count = 0

    async def __call__(
        self, lease: Lease, directory: Path, progress: Progress, cancel: asyncio.Event
    ) -> Outcome:
        self.count += 1
        self.begun.set()
        ending = asyncio.create_task(cancel.wait())
        opening = asyncio.create_task(self.gate.wait())
        try:
            await asyncio.wait({ending, opening}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ending.cancel()
            opening.cancel()
        return Outcome.cancelled() if cancel.is_set() else Outcome.completed()


@pytest.fixture(name="world")
async def job_world(database: Database, tmp_path: Path) -> AsyncIterator[JobWorld]:
    """Rows and a queue; no worker runs yet."""
    made = JobWorld(database, tmp_path)
    await made.open()
    yield made
    await made.close()
