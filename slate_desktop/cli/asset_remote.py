"""Has assets processed by workers, and brings the products to the folder that was named."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import msgspec

from slate_desktop.cli.asset_bars import Bars, progress_bars
from slate_desktop.cli.asset_run import run_local, show_results
from slate_desktop.cli.output import Output
from slate_desktop.control import asset_places
from slate_desktop.control.asset_batch import AssetTask
from slate_desktop.domain.assets.job import AssetJob
from slate_desktop.domain.assets.kinds import AssetJobStatus, AssetKind
from slate_desktop.domain.assets.naming import named_for
from slate_desktop.domain.assets.options import options_to_json
from slate_desktop.domain.assets.outcome import (
    AssetFault,
    AssetJobResult,
    completed,
    failed,
    fault_of,
)
from slate_desktop.domain.assets.presets import AssetPreset
from slate_desktop.domain.assets.report import result_from_json
from slate_desktop.domain.ids import new_id
from slate_desktop.errors import CommandError, EnvironmentFaultError, ErrorCode

if TYPE_CHECKING:
    from slate_desktop.control.client import Slate


class RunOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How tasks are run, on either side.

    Attributes:
        out: where products go.
        project: whose assets they are, as a person names it; None for the one they lie in.
        force: process what is known, too.
        retries_failed: process what failed before, too.
        workers: assets at a time, on this machine only.
        is_chosen: the workers were asked for, so that they are not left for want of a project.
    """

    out: Path
    project: str | None = None
    force: bool = False
    retries_failed: bool = False
    workers: int | None = None
    is_chosen: bool = False


def workers_are_there() -> bool:
    """Tell whether a stack runs or is configured, without starting or asking one."""
    from slate_desktop.settings import paths
    from slate_desktop.settings.model import load_settings
    from slate_desktop.stack.state import StackFiles

    if not load_settings().is_local:
        return True
    folder = paths.data_dir()
    return folder.is_dir() and StackFiles(folder).read_endpoint() is not None


async def run_here(output: Output, tasks: Sequence[AssetTask], options: RunOptions) -> int:
    """Process tasks on this machine; returns the exit status."""
    return await run_local(
        output,
        tasks,
        options.out,
        force=options.force,
        workers=options.workers,
        retries_failed=options.retries_failed,
    )


async def run_remote(
    slate: Slate, output: Output, tasks: Sequence[AssetTask], options: RunOptions
) -> int:
    """Submit tasks, wait, fetch their products, print the outcome; returns the exit status.

    Submitting again is the way to resume: what is known comes at once, and workers never do the
    same twice at a time.

    Raises:
        SlateError: no project, or nothing can be submitted.
    """
    began = time.monotonic()
    project_id = await _find_project(slate, options.project, tasks)
    if project_id is None:
        if options.is_chosen:
            raise CommandError(
                ErrorCode.BAD_REQUEST,
                "The files lie in no project.",
                field="project",
                hint="Name one with --project.",
            )
        output.note("The files lie in no project: they are processed on this machine.")
        return await run_here(output, tasks, options)
    run = _RemoteRun(slate, output, project_id, options)
    results = await run.run(tasks)
    return show_results(output, results, seconds=time.monotonic() - began)


async def fetch(
    slate: Slate, name: str, source: Path, job: AssetJob, folder: Path
) -> AssetJobResult:
    """Bring a job's products into a folder, under the source's name, and return the outcome."""
    if job.status is not AssetJobStatus.COMPLETED or job.result is None:
        fault = AssetFault(
            code=job.error_code or job.status.value,
            message=job.error_message or f"The job is {job.status.value}.",
        )
        return msgspec.structs.replace(failed(name, fault, cached=job.cached), state=job.status)
    made = result_from_json(job.result)
    result = named_for(source, made) or made
    names = [product.path for product in result.products]
    places = [folder.joinpath(*PurePosixPath(name).parts) for name in names]
    try:
        asset_places.check_no_input(source, places)
        if not await asyncio.to_thread(asset_places.are_there, places, result.products):
            await slate.fetch_asset_products(job, folder, names=names)
    except CommandError as error:
        return failed(name, fault_of(error))
    except EnvironmentFaultError as error:
        return failed(name, AssetFault(code="environment", message=error.told))
    return completed(name, result, tuple(str(place) for place in places), cached=job.cached)


class _RemoteRun:
    """Tasks of one command, and what has become of them."""

    def __init__(self, slate: Slate, output: Output, project_id: str, options: RunOptions) -> None:
        self._slate = slate
        self._output = output
        self._project_id = project_id
        self._options = options
        self._batch_id = new_id()
        self._presets: Sequence[AssetPreset] = ()
        self._queued: set[AssetKind] = set()

    async def run(self, tasks: Sequence[AssetTask]) -> list[AssetJobResult]:
        """Return what became of the tasks, in their order."""
        self._presets = await self._slate.all_asset_presets(self._project_id)
        results: dict[int, AssetJobResult] = {}
        waiting: dict[str, AssetTask] = {}
        with progress_bars(self._output, len(tasks)) as bars:
            async with self._following(waiting, bars):
                await self._submit_all(tasks, waiting, results, bars)
                await self._tell_paused()
                async for job in self._slate.follow_asset_jobs(list(waiting)):
                    if not job.is_final:
                        continue
                    task = waiting[job.id]
                    folder = self._options.out / PurePosixPath(task.folder)
                    found = await fetch(self._slate, task.name, task.source, job, folder)
                    results[id(task)] = found
                    bars.end(task, found)
                    if not self._output.as_json and bars.on_progress is None:
                        count = f"{len(results)}/{len(tasks)}"
                        self._output.note(f"{count}  {found.state.value}  {task.source.name!a}")
        return [results[id(task)] for task in tasks]

    async def _submit_all(
        self,
        tasks: Sequence[AssetTask],
        waiting: dict[str, AssetTask],
        results: dict[int, AssetJobResult],
        bars: Bars,
    ) -> None:
        twins = asset_places.twins(tasks)
        for task in tasks:
            try:
                asset_places.check_no_twin(twins.get(id(task)))
                job = await self._submit(task)
                waiting[job.id] = task
                if job.status is AssetJobStatus.QUEUED:
                    self._queued.add(job.kind)
            except CommandError as error:
                results[id(task)] = failed(task.name, fault_of(error))
                bars.end(task, results[id(task)])

    async def _tell_paused(self) -> None:
        """Say which kinds somebody paused in the project: their jobs wait for as long."""
        if not self._queued:
            return
        for kind in sorted(await self._slate.paused_assets(self._project_id) & self._queued):
            self._output.note(
                f"{kind.value.capitalize()} jobs are paused in this project: they wait until "
                "somebody resumes them in the window's Jobs pane. Ctrl-C leaves them waiting."
            )

    @contextlib.asynccontextmanager
    async def _following(self, waiting: Mapping[str, AssetTask], bars: Bars) -> AsyncIterator[None]:
        """Move the bars while workers tell how far they are."""
        move = bars.on_progress
        if move is None:
            yield
            return

        def on_progress(job_id: str, percent: int, words: str) -> None:
            if job_id in waiting:
                move(waiting[job_id], percent / 100, words)

        async with self._slate.watch_asset_progress(self._project_id, on_progress):
            yield

    async def _submit(self, task: AssetTask) -> AssetJob:
        job = await self._process(task, is_forced=self._options.force)
        is_known_failure = job.cached and job.status is AssetJobStatus.FAILED
        if is_known_failure and self._options.retries_failed:
            return await self._process(task, is_forced=True)
        return job

    async def _process(self, task: AssetTask, *, is_forced: bool) -> AssetJob:
        from slate_desktop.control.asset_submission import SubmitOptions

        kind, options = task.resolve(self._presets)
        return await self._slate.process_asset(
            task.source.absolute(),
            self._project_id,
            options_to_json(options),
            kind=kind,
            # The products go to the folder that the command names, and to no other.
            submit=SubmitOptions(batch_id=self._batch_id, is_forced=is_forced, is_delivered=False),
        )


async def _find_project(slate: Slate, text: str | None, tasks: Sequence[AssetTask]) -> str | None:
    """Return the project that was named, or the innermost one that all the files lie in."""
    if text is not None:
        return (await slate.find_project(text)).id
    folders = {task.source.parent for task in tasks}
    real = await asyncio.to_thread(lambda: [Path(os.path.realpath(path)) for path in folders])
    fitting = [
        project
        for project in await slate.list_projects()
        if all(folder.is_relative_to(project.root) for folder in real)
    ]
    return max(fitting, key=lambda project: len(project.root)).id if fitting else None
