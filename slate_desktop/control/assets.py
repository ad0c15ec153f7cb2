"""Operations on assets that workers process."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import msgspec
from psygnal import Signal

from slate_desktop.bus.nats_objects import NatsObjects
from slate_desktop.bus.port import Message
from slate_desktop.bus.queue import ASSETS
from slate_desktop.control import asset_places, asset_submission
from slate_desktop.control.asset_presets import AssetPresetOperations
from slate_desktop.control.asset_submission import Prepared, SubmitOptions
from slate_desktop.control.job_requests import CancelReply, cancel_job, publish_job
from slate_desktop.domain.assets.job import (
    AssetJob,
    AssetResult,
    AssetRow,
)
from slate_desktop.domain.assets.kinds import ACTIVE_JOB_STATES, AssetJobStatus, AssetKind
from slate_desktop.domain.assets.naming import names_for
from slate_desktop.domain.assets.options import options_to_json, parse_options
from slate_desktop.domain.assets.report import result_from_json
from slate_desktop.domain.ids import check_id, new_id
from slate_desktop.domain.project import Project
from slate_desktop.errors import CommandError, ErrorCode, SlateError
from slate_desktop.pipeline.publish import publish
from slate_desktop.pipeline.sandbox.folders import work_folder
from slate_desktop.wire.asset_messages import (
    AssetJobBody,
    JobProgressEvent,
    read_asset_event,
    write_asset_job,
)

if TYPE_CHECKING:
    from slate_desktop.pipeline.sandbox.parent import Sandbox

logger = logging.getLogger(__name__)

_LOOK_EVERY_S = 0.5
_MAX_BATCH = 100_000

AssetPath = str | os.PathLike[str]


class AssetOperations(AssetPresetOperations):
    """The part of ``Slate`` that has assets processed by workers."""

    _assets_changed = Signal(str)
    _asset_sandbox: Sandbox | None = None

    @property
    def is_beside_workers(self) -> bool:
        """Whether the workers are on this machine: they see its files, and their tools are its."""
        return getattr(self, "profile", "") == "local"

    async def process_texture(
        self,
        asset: AssetPath,
        project_id: str,
        options: Mapping[str, object] | None = None,
        *,
        submit: SubmitOptions | None = None,
    ) -> AssetJob:
        """Have a texture processed.

        Args:
            asset: its path, absolute or relative to the project's root.
            project_id: whose asset it is.
            options: of ``domain.assets.texture.TextureOptions``, in either spelling.
            submit: where products go, priority and the like.

        Returns:
            The job: ``queued``, or ended already where its result is known.

        Raises:
            CommandError: ``bad_request`` naming the field; ``not_found``.
        """
        return await self.process_asset(
            asset, project_id, options, kind=AssetKind.TEXTURE, submit=submit
        )

    async def process_model(
        self,
        asset: AssetPath,
        project_id: str,
        options: Mapping[str, object] | None = None,
        *,
        submit: SubmitOptions | None = None,
    ) -> AssetJob:
        """Have a model processed; see ``process_texture``."""
        return await self.process_asset(
            asset, project_id, options, kind=AssetKind.MODEL, submit=submit
        )

    async def process_audio(
        self,
        asset: AssetPath,
        project_id: str,
        options: Mapping[str, object] | None = None,
        *,
        submit: SubmitOptions | None = None,
    ) -> AssetJob:
        """Have a sound processed; see ``process_texture``."""
        return await self.process_asset(
            asset, project_id, options, kind=AssetKind.AUDIO, submit=submit
        )

    async def process_asset(
        self,
        asset: AssetPath,
        project_id: str,
        options: Mapping[str, object] | None = None,
        *,
        kind: AssetKind | None = None,
        submit: SubmitOptions | None = None,
    ) -> AssetJob:
        """Have an asset of any kind processed; without ``kind`` its name says which."""
        submit = submit or SubmitOptions()
        submit.check()
        project = await self.db.projects.get(check_id(project_id, "project_id"))
        if kind is not None:
            parse_options(kind, options or {})
        prepared = await asset_submission.prepare(project, asset, kind, self._sandbox())
        return await self._submit(project, prepared, options or {}, submit)

    async def batch_process_assets(
        self,
        assets: Sequence[Mapping[str, object]],
        project_id: str,
        *,
        submit: SubmitOptions | None = None,
    ) -> list[AssetJob]:
        """Have several assets processed.

        Args:
            assets: objects with ``path`` (or ``assetId``), ``type`` and ``options``.
            project_id: whose assets they are.
            submit: for all of them.

        Returns:
            The jobs, in the order of ``assets``.

        Raises:
            CommandError: an entry is wrong; the message says which. Nothing was submitted then,
                unless a file is found to be wrong only when it is read.
        """
        if len(assets) > _MAX_BATCH:
            raise _bad("assets", f"A batch has at most {_MAX_BATCH} entries")
        entries = asset_submission.read_batch(assets)
        for entry in entries:
            kind = entry["type"]
            if isinstance(kind, AssetKind):
                parse_options(kind, _options(entry))
        submit = submit or SubmitOptions()
        if submit.batch_id is None:
            submit = msgspec.structs.replace(submit, batch_id=new_id())
        jobs = []
        for entry in entries:
            kind = entry["type"]
            jobs.append(
                await self.process_asset(
                    str(entry["path"]),
                    project_id,
                    _options(entry),
                    kind=kind if isinstance(kind, AssetKind) else None,
                    submit=submit,
                )
            )
        return jobs

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
        reply = await cancel_job(self.requester, check_id(job_id, "job_id"))
        job = await self.db.asset_jobs.get(job_id)
        self._assets_changed.emit(job.project_id)
        return reply

    async def retry_asset_job(self, job_id: str, *, is_forced: bool | None = None) -> AssetJob:
        """Submit an asset again, as it is now, with the options of a job that has ended.

        Args:
            job_id: the job.
            is_forced: work even where the result is known; None insists on a failed one only.

        Raises:
            CommandError: ``illegal_state`` for a job that has not ended; ``not_found``.
        """
        job = await self.get_asset_job(job_id)
        if not job.is_final:
            raise CommandError(ErrorCode.ILLEGAL_STATE, f"The job is {job.status.value} already.")
        return await self.process_asset(
            job.path,
            job.project_id,
            job.options,
            kind=job.kind,
            submit=SubmitOptions(
                out_dir=job.out_dir,
                is_delivered=job.out_dir is not None,
                priority=job.priority,
                is_forced=job.status is AssetJobStatus.FAILED if is_forced is None else is_forced,
                time_limit_s=job.time_limit_s,
            ),
        )

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

    async def _submit(
        self,
        project: Project,
        prepared: Prepared,
        options: Mapping[str, object],
        submit: SubmitOptions,
    ) -> AssetJob:
        parsed = parse_options(prepared.kind, options)
        if self.profile != "local":
            # Workers that see the folder read from it and put products there.
            await self._note_origin(project)
        out_dir = asset_submission.check_out_dir(
            prepared.out_dir if submit.out_dir is None else submit.out_dir
        )
        if submit.is_delivered:
            await self._check_twin(project, prepared, out_dir)
        key = prepared.key(parsed)
        known = None if submit.is_forced else await self.db.asset_jobs.result_of(key)
        # Products that name their neighbours by another source's name are made again.
        is_other = known is not None and not _is_fitting(known, prepared)
        is_known = known is not None and not is_other
        # A worker beside this program sees the project's folder; any other gets the bytes.
        if not is_known and not (self.is_beside_workers and prepared.is_below_root):
            await asset_submission.upload(prepared, NatsObjects(self.bus))
        body = AssetJobBody(
            job_id=new_id(),
            project_id=project.id,
            kind=prepared.kind,
            path=prepared.path,
            inputs=list(prepared.inputs),
            options=options_to_json(parsed),
            key=key,
            out_dir=out_dir if submit.is_delivered else None,
            priority=submit.priority,
            time_limit_s=submit.time_limit_s,
            forced=submit.is_forced or is_other,
            batch_id=submit.batch_id,
        )
        envelope = self.requester.sign_job(
            ASSETS.subject(prepared.kind.value), write_asset_job(body), job_id=body.job_id
        )
        fields: dict[str, Any] = msgspec.structs.asdict(body)
        job = await self.db.asset_jobs.create(user_id=self.user.id, envelope=envelope, **fields)
        if not job.is_final:
            await publish_job(self.bus, ASSETS, job.kind.value, job.id, envelope)
        elif job.status is AssetJobStatus.COMPLETED and prepared.is_below_root:
            await self._deliver_known(job, Path(project.root))
        self._assets_changed.emit(project.id)
        return job

    async def _check_twin(self, project: Project, prepared: Prepared, out_dir: str) -> None:
        """Refuse an asset whose products would replace those of another one that is still there."""
        found = await self.db.asset_jobs.find_twin(
            project_id=project.id, kind=prepared.kind, path=prepared.path, out_dir=out_dir
        )
        if found is None:
            return
        path, is_in_project = found
        root = Path(project.root)
        if is_in_project and await asyncio.to_thread(asset_places.is_gone, root, path):
            return
        raise asset_places.twin_error(path)

    async def _deliver_known(self, job: AssetJob, root: Path) -> None:
        """Bring the products of a known key to the project at once, where no worker takes part.

        What cannot be brought now is left to a worker, which looks for such jobs.
        """
        if job.out_dir is None or job.result is None:
            return
        folder = root / job.out_dir
        products = result_from_json(job.result).products
        places = [folder.joinpath(*PurePosixPath(product.path).parts) for product in products]
        try:
            asset_places.check_no_input(root / job.path, places)
            asset_places.check_below(folder, root)
            if not await asyncio.to_thread(asset_places.are_there, places, products):
                await self.fetch_asset_products(job, folder)
        except SlateError as error:
            logger.info("products are left to a worker", extra={"reason": str(error)})

    def _sandbox(self) -> Sandbox:
        if self._asset_sandbox is None:
            # Not at the top: a client that processes no asset need not read it.
            from slate_desktop.pipeline.sandbox.parent import Sandbox

            self._asset_sandbox = Sandbox()
        return self._asset_sandbox

    async def _close_asset_sandbox(self) -> None:
        sandbox, self._asset_sandbox = self._asset_sandbox, None
        if sandbox is not None:
            await sandbox.aclose()


def _options(entry: Mapping[str, object]) -> Mapping[str, object]:
    options = entry["options"]
    if not isinstance(options, Mapping):
        raise _bad("options", "options must be an object")
    return options


def _is_fitting(known: AssetResult, prepared: Prepared) -> bool:
    """Tell whether a stored result can be had under the asset's own name."""
    if known.result is None:
        return True  # a failure has no names
    name = PurePosixPath(prepared.inputs[0].name)
    try:
        return names_for(name, result_from_json(known.result).products) is not None
    except CommandError:
        return False  # written by another release


def _bad(field: str, message: str) -> CommandError:
    return CommandError(ErrorCode.BAD_REQUEST, message, field=field)
