"""Brings products of asset jobs into the project's folder, where this machine has it."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from slate_desktop.agent.jobs import asset_files
from slate_desktop.agent.jobs.admission import Admission
from slate_desktop.agent.jobs.port import JobKind
from slate_desktop.bus.objects import ObjectStore
from slate_desktop.domain.assets.job import AssetJob
from slate_desktop.domain.assets.product import Product
from slate_desktop.domain.assets.report import result_from_json
from slate_desktop.errors import CommandError, ErrorCode, SlateError

if TYPE_CHECKING:
    from slate_desktop.store import Database

_log = logging.getLogger(__name__)
# Products that a worker could not deliver are tried again after this time, seconds.
LEFT_OVER_AFTER_S = 30.0
_LEFT_OVER_PERIOD_S = 30.0


class Deliveries:
    """Delivers what attempts made, and what was left over.

    Args:
        db: rows and projects.
        objects: products that are not at hand.
        kind: the sort of job, for what may be delivered.
        directory: for files that lie between.
        find_root: gives a project's own folder, where this machine sees it.
    """

    def __init__(
        self,
        db: Database,
        objects: ObjectStore,
        kind: JobKind,
        directory: Path,
        find_root: asset_files.FindRoot,
    ) -> None:
        self._db = db
        self._objects = objects
        self._kind = kind
        self._directory = directory
        self._find_root = find_root
        self._admission = Admission(db)
        # Jobs that cannot be delivered from here; another worker may.
        self._given_up: set[str] = set()

    async def deliver(
        self, job: AssetJob, result: dict[str, Any], made: Path | None, folder: Path
    ) -> bool:
        """Publish products from where they were made, or from the object store.

        Args:
            job: whose products they are.
            result: with their names.
            made: the folder that holds them; None for the object store.
            folder: for what comes from there.

        Returns:
            Whether this machine has the project, and the job wants delivery.

        Raises:
            SlateError: they cannot be had or written.
        """
        project = await self._db.projects.get(job.project_id)
        root = await self._find_root(project)
        if root is None or job.out_dir is None:
            return False
        products = result_from_json(result).products
        check_replaces_no_input(job, products)
        files: dict[Product, Path] = {}
        for number, product in enumerate(products):
            if made is not None:
                files[product] = made.joinpath(*asset_files.check_name(product.path).parts)
                continue
            files[product] = folder / f"product-{number}"
            await self._objects.get(product.sha256, product.size, files[product])
        await asyncio.to_thread(asset_files.deliver, files, root, job.out_dir)
        await self._db.asset_jobs.note_delivery(job.id)
        return True

    async def run(self) -> None:
        """Deliver, until cancelled, what a worker that died or a known key left undelivered."""
        while True:
            await asyncio.sleep(_LEFT_OVER_PERIOD_S)
            try:
                await self.deliver_left_over(older_than_s=LEFT_OVER_AFTER_S)
            except SlateError as error:
                _log.debug("nothing is delivered now", extra={"reason": str(error)})

    async def deliver_left_over(self, *, older_than_s: float) -> None:
        """Deliver once what has been complete for some time and is not where it belongs.

        Raises:
            SlateError: the database is away.
        """
        waiting = await self._db.asset_jobs.undelivered(
            older_than_s=older_than_s, but=self._given_up
        )
        for job in waiting:
            try:
                is_delivered = await self._deliver_again(job)
            except CommandError as error:
                _log.warning(
                    "products are not delivered", extra={"job": job.id, "reason": str(error)}
                )
                is_delivered = False
            except SlateError as error:
                _log.debug("not delivered yet", extra={"job": job.id, "reason": str(error)})
                continue
            if not is_delivered:
                self._given_up.add(job.id)

    async def _deliver_again(self, job: AssetJob) -> bool:
        if job.result is None:
            return False
        row = await self._db.asset_jobs.find(job.id)
        if row is None:
            return False
        # A known key ended the job without any worker that would have asked who signed it.
        await self._admission.check(self._kind, row)
        folder = self._directory / f"deliver-{job.id}"
        await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
        try:
            return await self.deliver(job, job.result, None, folder)
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


def check_replaces_no_input(job: AssetJob, products: Sequence[Product]) -> None:
    """Refuse to replace one of a job's own files by a product, with ``bad_request``.

    Of a file from elsewhere, one of its name in the project counts as its own.
    """
    if job.out_dir is None:
        return
    inputs = {PurePosixPath(entry.path or entry.name) for entry in job.inputs}
    for product in products:
        if PurePosixPath(job.out_dir, product.path) in inputs:
            raise CommandError(
                ErrorCode.BAD_REQUEST,
                f"The product {product.path} would replace its own source.",
                field="out_dir",
                hint="Choose another folder for results.",
            )
