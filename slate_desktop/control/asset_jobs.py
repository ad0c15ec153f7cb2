"""Jobs on assets: read, followed, ended, their products fetched, queues paused."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from slate_desktop.bus.port import Message
from slate_desktop.control.asset_presets import AssetPresetOperations
from slate_desktop.control.signals import Signal
from slate_desktop.domain.assets.kinds import ACTIVE_JOB_STATES, AssetJobStatus, AssetKind
from slate_desktop.domain.ids import check_id
from slate_desktop.errors import CommandError, ErrorCode, SlateError

if TYPE_CHECKING:
    from slate_desktop.control.job_requests import CancelReply
    from slate_desktop.domain.assets.job import AssetJob, AssetRow

_LOOK_EVERY_S = 0.5


class AssetJobOperations(AssetPresetOperations):
    """The part of ``Slate`` that looks after jobs on assets."""

    _assets_changed = Signal(str)

    async def get_asset_job(self, job_id: str) -> AssetJob:
        """Return a job.

        Raises:
            CommandError: ``not_found``.
        """
        return await self.db.asset_jobs.get(check_id(job_id, "job_id"))

    async def list_asset_jobs(
        self,
        project_id: str | None = None,
        *,
        statuses: Iterable[AssetJobStatus] | None = None,
        batch_id: str | None = None,
        limit: int = 100,
    ) -> list[AssetJob]:
        """Return jobs, newest first."""
        if project_id is not None:
            check_id(project_id, "project_id")
        return await self.db.asset_jobs.list(
            project_id=project_id, statuses=statuses, batch_id=batch_id, limit=limit
        )

    async def get_active_asset_jobs(self, project_id: str | None = None) -> list[AssetJob]:
        """Return the jobs that are queued or processed, newest first."""
        return await self.list_asset_jobs(project_id, statuses=ACTIVE_JOB_STATES, limit=1000)

    async def list_assets(
        self, project_id: str, *, paths: Iterable[str] | None = None
    ) -> list[AssetRow]:
        """Return the assets of a project as they were last processed."""
        return await self.db.assets.list(check_id(project_id, "project_id"), paths=paths)

    async def cancel_asset_job(self, job_id: str) -> CancelReply:
        """Ask that a job end; a queued one ends at once, a running one within seconds.

        Raises:
            SlateError: nobody could be asked, or the answer was no.
        """
        from slate_desktop.control.job_requests import cancel_job

        reply = await cancel_job(self.requester, check_id(job_id, "job_id"))
        job = await self.db.asset_jobs.get(job_id)
        self._assets_changed.emit(job.project_id)
        return reply

    async def delete_asset_job(self, job_id: str) -> None:
        """Remove a job that has ended from the lists; its products stay.

        Raises:
            CommandError: ``not_found``; ``illegal_state``.
        """
        job = await self.get_asset_job(job_id)
        await self.db.asset_jobs.delete(job.id)
        self._assets_changed.emit(job.project_id)

    async def follow_asset_jobs(self, job_ids: Iterable[str]) -> AsyncIterator[AssetJob]:
        """Yield each of the jobs whenever its row has changed, until all have ended."""
        open_ids = dict.fromkeys(job_ids, 0)
        while open_ids:
            for job in await self.db.asset_jobs.get_many(open_ids):
                if job.version == open_ids[job.id]:
                    continue
                open_ids[job.id] = job.version
                if job.is_final:
                    del open_ids[job.id]
                yield job
            if open_ids:
                await asyncio.sleep(_LOOK_EVERY_S)

    @contextlib.asynccontextmanager
    async def watch_asset_progress(
        self, project_id: str, callback: Callable[[str, int, str], None]
    ) -> AsyncIterator[None]:
        """Call ``callback`` with job, percent and words while workers get on with a project's jobs.

        A worker tells at most four times a second for each job.
        """
        from slate_desktop.wire.asset_messages import JobProgressEvent, read_asset_event

        subject = f"slate.job.{check_id(project_id, 'project_id')}.*.progress"

        async def on_message(message: Message) -> None:
            try:
                event = read_asset_event(message.data)
            except CommandError:
                return
            if isinstance(event, JobProgressEvent):
                callback(event.job_id, event.data.progress, event.data.message)

        subscription = await self.bus.subscribe(subject, on_message)
        try:
            yield
        finally:
            with contextlib.suppress(SlateError):
                await subscription.unsubscribe()

    async def wait_asset_job(self, job_id: str) -> AssetJob:
        """Return a job once it has ended."""
        job = await self.get_asset_job(job_id)
        async for newer in self.follow_asset_jobs([job.id]):
            job = newer
        return job

    async def fetch_asset_products(
        self, job: AssetJob, out_dir: Path, *, names: Sequence[str] | None = None
    ) -> list[Path]:
        """Bring the products of a completed job into a folder; each appears whole and checked.

        Args:
            job: a completed one.
            out_dir: the folder, which is made when missing.
            names: of the products there, in their order; None for those that they were made with.

        Raises:
            CommandError: ``illegal_state`` for a job without products; ``not_found`` or
                ``artifact_corrupt`` when the object store has lost one.
            EnvironmentFaultError: the folder cannot be written.
        """
        from slate_desktop.bus.nats_objects import NatsObjects
        from slate_desktop.domain.assets.report import result_from_json
        from slate_desktop.pipeline.publish import publish
        from slate_desktop.pipeline.sandbox.folders import work_folder

        if job.status is not AssetJobStatus.COMPLETED or job.result is None:
            raise CommandError(ErrorCode.ILLEGAL_STATE, "The job has no products.")
        objects = NatsObjects(self.bus)
        with work_folder() as folder:
            files: dict[str, Path] = {}
            products = result_from_json(job.result).products
            for number, product in enumerate(products):
                name = product.path if names is None else names[number]
                files[name] = folder / f"product-{number}"
                await objects.get(product.sha256, product.size, files[name])
            return list(await asyncio.to_thread(publish, files, out_dir))

    async def pause_assets(self, project_id: str, kind: AssetKind) -> None:
        """Have no more jobs of a type begun in a project; those that run go on."""
        await self.db.assets.pause(check_id(project_id, "project_id"), kind, user_id=self.user.id)
        self._assets_changed.emit(project_id)

    async def resume_assets(self, project_id: str, kind: AssetKind) -> None:
        """Go on with the jobs of a type."""
        await self.db.assets.resume(check_id(project_id, "project_id"), kind)
        self._assets_changed.emit(project_id)

    async def paused_assets(self, project_id: str) -> frozenset[AssetKind]:
        """Return the types of which no job is begun in a project."""
        return await self.db.assets.paused(check_id(project_id, "project_id"))

    def on_assets_changed(self, callback: Callable[[str], None]) -> Callable[[], None]:
        """Call ``callback`` with the project's id when this client changed one of its jobs."""
        self._assets_changed.connect(callback)
        return lambda: self._assets_changed.disconnect(callback, missing_ok=True)
