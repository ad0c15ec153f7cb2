"""Has assets processed by workers: what is submitted, and what is known already."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import msgspec

from slate_desktop.control.asset_jobs import AssetJobOperations
from slate_desktop.domain.assets.kinds import AssetJobStatus, AssetKind
from slate_desktop.domain.ids import check_id, new_id
from slate_desktop.domain.project import Project
from slate_desktop.errors import CommandError, ErrorCode, SlateError

if TYPE_CHECKING:
    from slate_desktop.control.asset_submission import Prepared, SubmitOptions
    from slate_desktop.domain.assets.job import AssetJob, AssetResult
    from slate_desktop.pipeline.sandbox.parent import Sandbox

logger = logging.getLogger(__name__)

_MAX_BATCH = 100_000

AssetPath = str | os.PathLike[str]


class AssetOperations(AssetJobOperations):
    """The part of ``Slate`` that has assets processed by workers."""

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
        # Not at the top: a window is slower to start for what few of them submit at once.
        from slate_desktop.control import asset_submission
        from slate_desktop.domain.assets.options import parse_options

        submit = submit or asset_submission.SubmitOptions()
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
        from slate_desktop.domain.assets.options import parse_options

        if len(assets) > _MAX_BATCH:
            raise _bad("assets", f"A batch has at most {_MAX_BATCH} entries")
        from slate_desktop.control import asset_submission

        entries = asset_submission.read_batch(assets)
        for entry in entries:
            kind = entry["type"]
            if isinstance(kind, AssetKind):
                parse_options(kind, _options(entry))
        submit = submit or asset_submission.SubmitOptions()
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

    async def retry_asset_job(self, job_id: str, *, is_forced: bool | None = None) -> AssetJob:
        """Submit an asset again, as it is now, with the options of a job that has ended.

        Args:
            job_id: the job.
            is_forced: work even where the result is known; None insists on a failed one only.

        Raises:
            CommandError: ``illegal_state`` for a job that has not ended; ``not_found``.
        """
        from slate_desktop.bus.nats_objects import NatsObjects
        from slate_desktop.control import asset_submission
        from slate_desktop.control.asset_submission import SubmitOptions

        job = await self.get_asset_job(job_id)
        if not job.is_final:
            raise CommandError(ErrorCode.ILLEGAL_STATE, f"The job is {job.status.value} already.")
        submit = SubmitOptions(
            out_dir=job.out_dir,
            is_delivered=job.out_dir is not None,
            priority=job.priority,
            is_forced=job.status is AssetJobStatus.FAILED if is_forced is None else is_forced,
            time_limit_s=job.time_limit_s,
        )
        if job.inputs[0].path is None:
            # It came from elsewhere, nobody knows where: its bytes are taken as they were.
            project = await self.db.projects.get(job.project_id)
            prepared = await asset_submission.prepare_again(job, NatsObjects(self.bus))
            return await self._submit(project, prepared, job.options, submit)
        return await self.process_asset(
            job.path, job.project_id, job.options, kind=job.kind, submit=submit
        )

    async def _submit(
        self,
        project: Project,
        prepared: Prepared,
        options: Mapping[str, object],
        submit: SubmitOptions,
    ) -> AssetJob:
        from slate_desktop.bus.nats_objects import NatsObjects
        from slate_desktop.bus.queue import ASSETS
        from slate_desktop.control import asset_submission
        from slate_desktop.control.job_requests import publish_job
        from slate_desktop.domain.assets.options import options_to_json, parse_options
        from slate_desktop.wire.asset_messages import AssetJobBody, write_asset_job

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
        elif job.status is AssetJobStatus.COMPLETED:
            await self._deliver_known(job, Path(project.root))
        self._assets_changed.emit(project.id)
        return job

    async def _check_twin(self, project: Project, prepared: Prepared, out_dir: str) -> None:
        """Refuse an asset whose products would replace those of another one that is still there."""
        from slate_desktop.control import asset_places

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
        from slate_desktop.control import asset_places
        from slate_desktop.domain.assets.report import result_from_json

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
    from slate_desktop.domain.assets.naming import names_for
    from slate_desktop.domain.assets.report import result_from_json

    if known.result is None:
        return True  # a failure has no names
    name = PurePosixPath(prepared.inputs[0].name)
    try:
        return names_for(name, result_from_json(known.result).products) is not None
    except CommandError:
        return False  # written by another release


def _bad(field: str, message: str) -> CommandError:
    return CommandError(ErrorCode.BAD_REQUEST, message, field=field)
