"""The work on assets: inputs in, key, stored result or the pipeline in its child, products out."""

from __future__ import annotations

import asyncio
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import msgspec

from slate_desktop.agent.jobs import asset_files
from slate_desktop.agent.jobs.asset_delivery import Deliveries, check_replaces_no_input
from slate_desktop.agent.jobs.patient_objects import PatientObjects
from slate_desktop.agent.jobs.port import Progress
from slate_desktop.agent.retry import until_database_answers
from slate_desktop.bus.objects import ObjectStore
from slate_desktop.domain.assets.job import MISSING, AssetJob
from slate_desktop.domain.assets.key import job_key
from slate_desktop.domain.assets.kinds import AssetJobStatus
from slate_desktop.domain.assets.naming import named_for
from slate_desktop.domain.assets.options import AssetOptions, parse_options
from slate_desktop.domain.assets.report import ProcessResult, result_from_json, result_to_json
from slate_desktop.domain.jobs import JobRow, Lease, Outcome
from slate_desktop.domain.roles import Role
from slate_desktop.errors import AssetError, CommandError, ErrorCode, Retry
from slate_desktop.pipeline.sandbox.limits import limits_of
from slate_desktop.pipeline.sandbox.parent import Sandbox
from slate_desktop.pipeline.tools import tool_versions
from slate_desktop.store.asset_jobs import AssetOutcome
from slate_desktop.wire import subjects
from slate_desktop.wire.asset_messages import asset_status_data, body_of, read_asset_job
from slate_desktop.wire.subjects import JobEventKind

if TYPE_CHECKING:
    from slate_desktop.store import Database

_IN, _OUT = "in", "out"


class AssetWork:
    """``agent.jobs.port.JobKind`` for textures, models and audio.

    Args:
        db: rows and projects.
        objects: where inputs and products travel.
        sandbox: runs the pipelines.
        directory: for files of deliveries.
        find_root: gives a project's own folder, where this host sees it.
    """

    name = "asset"

    def __init__(
        self,
        db: Database,
        objects: ObjectStore,
        sandbox: Sandbox,
        directory: Path,
        find_root: asset_files.FindRoot = asset_files.any_root,
    ) -> None:
        self.store = db.asset_jobs
        self._db = db
        self._objects = PatientObjects(objects)
        self._sandbox = sandbox
        self._find_root = find_root
        self.deliveries = Deliveries(db, objects, self, directory, find_root)

    def time_limit_s(self, lease: Lease) -> float:
        """Return how long an attempt may take."""
        return float(_job(lease.job).time_limit_s)

    def allows(self, role: Role) -> bool:
        """Tell whether a member with this role may have assets processed."""
        return role is not Role.VIEWER

    def check(self, job: JobRow) -> None:
        """Compare what was signed with the row; see ``JobKind.check``."""
        row = _job(job)
        if job.envelope is None or read_asset_job(job.envelope.data) != body_of(row):
            raise CommandError(ErrorCode.BAD_SIGNATURE, "The job's row is not what was signed.")
        if job.envelope.subject.rpartition(".")[2] != row.kind.value:
            raise CommandError(ErrorCode.BAD_SIGNATURE, "The job was signed for another queue.")
        if not row.inputs:
            raise CommandError(ErrorCode.BAD_REQUEST, "The job names no file.", field="inputs")
        parse_options(row.kind, row.options)

    async def execute(
        self, lease: Lease, directory: Path, *, progress: Progress, cancel: asyncio.Event
    ) -> Outcome:
        """Process one asset, or take the stored result of its key."""
        job = _job(lease.job)
        options = parse_options(job.kind, job.options)
        blocked_by = [entry.name for entry in job.inputs if entry.sha256 == MISSING]
        is_shared = not blocked_by and await self._fetch(job, directory / _IN, progress)
        key = job_key(job.kind, job.contents, options, tool_versions(job.kind, options))
        if not await until_database_answers(lambda: self.store.note_key(lease, key)):
            raise CommandError(ErrorCode.CANCELLED, "The lease was lost.")
        if blocked_by:
            return Outcome.failed(
                ErrorCode.ASSET_INVALID, _blocked(job.inputs[0].name, blocked_by), AssetOutcome()
            )
        if not job.forced:
            known = await self._known(job, key, is_shared)
            if known is not None:
                return known
        try:
            result = await self._process(job, options, directory, progress, cancel)
        except AssetError as error:
            # What may go better another time is no result of the key.
            made = None if error.retry is Retry.LATER else AssetOutcome()
            return Outcome.failed(error.code.value, error.told, made)
        check_replaces_no_input(job, result.products)
        if cancel.is_set():
            return Outcome.cancelled()
        await self._store_products(result, directory / _OUT, progress)
        return Outcome.completed(
            AssetOutcome(
                result=result_to_json(result), products=result.products, is_shared=is_shared
            )
        )

    async def after_finish(self, lease: Lease, outcome: Outcome, directory: Path) -> None:
        """Publish the products in the project's folder, where both sides see it."""
        job, made = _job(lease.job), outcome.result
        if not isinstance(made, AssetOutcome) or not made.is_shared or made.result is None:
            return
        folder = None if made.is_cached else directory / _OUT
        await self.deliveries.deliver(job, made.result, folder, directory)

    def subject(self, job: JobRow, kind: JobEventKind) -> str:
        """Return the subject of the job's events."""
        return subjects.job(job.project_id, job.id, kind)

    def words(self, job: JobRow) -> str:
        """Return which file is processed, as which kind."""
        return f"{_job(job).kind.value} {_job(job).path}"

    def describe(self, job: JobRow) -> dict[str, object]:
        """Return the ``data`` of a status event."""
        values: dict[str, object] = msgspec.to_builtins(asset_status_data(_job(job)))
        return values

    async def _fetch(self, job: AssetJob, folder: Path, progress: Progress) -> bool:
        """Bring the inputs into a folder; tells whether all came from the project's own."""
        progress(0.0, "reading")
        await asyncio.to_thread(folder.mkdir)
        project = await until_database_answers(lambda: self._db.projects.get(job.project_id))
        root = await until_database_answers(lambda: self._find_root(project))
        return await asset_files.fetch_inputs(job.inputs, root, self._objects, folder)

    async def _known(self, job: AssetJob, key: str, is_shared: bool) -> Outcome | None:
        """Return what the key gave, if its products are still there, with the job's own names.

        A product that names its neighbours by another source's name is made again.
        """
        known = await until_database_answers(lambda: self.store.result_of(key))
        if known is None:
            return None
        if known.status is not AssetJobStatus.COMPLETED or known.result is None:
            return Outcome.failed(
                known.error_code or ErrorCode.INTERNAL,
                known.error_message or "It failed before.",
                AssetOutcome(is_cached=True),
            )
        try:
            made = result_from_json(known.result)
        except CommandError:
            return None  # written by another release: made again
        result = named_for(PurePosixPath(job.inputs[0].name), made)
        if result is None:
            return None
        check_replaces_no_input(job, result.products)
        for product in result.products:
            info = await self._objects.stat(product.sha256)
            if info is None or info.size != product.size:
                return None
        return Outcome.completed(
            AssetOutcome(
                result=result_to_json(result),
                products=result.products,
                is_cached=True,
                is_shared=is_shared,
            )
        )

    async def _process(
        self,
        job: AssetJob,
        options: AssetOptions,
        directory: Path,
        progress: Progress,
        cancel: asyncio.Event,
    ) -> ProcessResult:
        out = directory / _OUT
        await asyncio.to_thread(out.mkdir)
        source = (directory / _IN).joinpath(*asset_files.check_name(job.inputs[0].name).parts)
        limits = limits_of(job.kind)
        limits = msgspec.structs.replace(limits, wall_s=max(limits.wall_s, job.time_limit_s))
        return await self._sandbox.process(
            job.kind,
            source,
            out,
            options,
            limits=limits,
            on_progress=lambda fraction, message: progress(0.02 + fraction * 0.93, message),
            cancel=cancel,
        )

    async def _store_products(
        self, result: ProcessResult, folder: Path, progress: Progress
    ) -> None:
        for product in result.products:
            progress(0.96, "storing")
            path = folder.joinpath(*asset_files.check_name(product.path).parts)
            info = await self._objects.put(path)
            if (info.sha256, info.size) != (product.sha256, product.size):
                raise AssetError.crash(f"{product.path} is not what the pipeline said it made.")


def _blocked(name: str, by: list[str]) -> str:
    are = "is" if len(by) == 1 else "are"
    return f"{name} is blocked by {', '.join(by[:5])}, which {are} missing."


def _job(job: JobRow) -> AssetJob:
    row: AssetJob = job.row
    return row
