"""Puts the work on assets into an agent."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from slate_desktop.agent.jobs.asset_files import FindRoot, any_root
from slate_desktop.agent.jobs.assets import AssetWork
from slate_desktop.agent.jobs.host import JobHost
from slate_desktop.agent.tasks import TaskOwner
from slate_desktop.bus.nats_object_care import ObjectCare
from slate_desktop.bus.queue import ASSETS
from slate_desktop.errors import SlateError
from slate_desktop.pipeline import run as pipelines
from slate_desktop.pipeline.sandbox.parent import Sandbox
from slate_desktop.pipeline.threads import processor_count

if TYPE_CHECKING:
    from slate_desktop.store import Database

_log = logging.getLogger(__name__)
_RETRY_S = 2.0
_TIDY_PERIOD_S = 1800.0


def default_slots() -> int:
    """Return how many assets are processed at once: one for each core."""
    return processor_count()


def add_assets(
    jobs: JobHost,
    sandbox: Sandbox,
    *,
    db: Database,
    objects: ObjectCare,
    tasks: TaskOwner,
    directory: Path,
    slots: int,
    find_root: FindRoot = any_root,
) -> AssetWork:
    """Work on assets from now on.

    Args:
        jobs: the agent's workers.
        sandbox: where files are read; the caller closes it.
        db: the database.
        objects: where inputs and products travel.
        tasks: owns what runs.
        directory: for files of deliveries.
        slots: assets at once; 0 takes none.
        find_root: gives a project's own folder, where this host sees it.
    """
    kinds = tuple(kind.value for kind in pipelines.kinds()) if slots else ()
    work = AssetWork(db, objects, sandbox, directory, find_root)
    jobs.add(work, ASSETS, kinds, slots=max(1, slots))
    tasks.spawn(_keep_store(objects), "objects")
    tasks.spawn(work.deliveries.run(), "deliveries")
    return work


async def _keep_store(objects: ObjectCare) -> None:
    """Make the object store, and remove what uploads that never ended left there."""
    while True:
        try:
            await objects.ensure()
            await objects.purge_orphans()
        except SlateError as error:
            _log.debug("the object store is not looked after", extra={"reason": str(error)})
            await asyncio.sleep(_RETRY_S)
            continue
        await asyncio.sleep(_TIDY_PERIOD_S)
