"""``slate asset jobs | cancel | retry``: what workers do with assets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from slate_desktop.cli.exits import EXIT_FAILED, EXIT_OK
from slate_desktop.cli.options import Json
from slate_desktop.cli.output import Output
from slate_desktop.cli.rows import age, iso
from slate_desktop.cli.run import with_slate

if TYPE_CHECKING:
    from slate_desktop.control.client import Slate
    from slate_desktop.domain.assets.job import AssetJob

_Job = Annotated[str, typer.Argument(metavar="JOB", help="Id, or the beginning of one.")]
_Limit = Annotated[int, typer.Option("--limit", min=1, max=1000, help="How many at most.")]


def register(app: typer.Typer) -> None:
    """Add the commands to ``slate asset``."""
    app.command()(jobs)
    app.command()(cancel)
    app.command()(retry)


def jobs(
    project: Annotated[
        str | None, typer.Option("--project", metavar="P", help="Of this project only.")
    ] = None,
    active: Annotated[
        bool, typer.Option("--active", help="Waiting and running ones only.")
    ] = False,
    limit: _Limit = 50,
    as_json: Json = False,
) -> None:
    """List jobs, newest first."""

    async def act(slate: Slate, output: Output) -> int:
        from slate_desktop.domain.assets.kinds import ACTIVE_JOB_STATES

        project_id = None if project is None else (await slate.find_project(project)).id
        rows = await slate.list_asset_jobs(
            project_id, statuses=ACTIVE_JOB_STATES if active else None, limit=limit
        )
        paused = await _paused(slate, rows)
        if output.as_json:
            shown = [job_row(row) | {"is_paused": row.id in paused} for row in rows]
            output.result({"jobs": shown})
        elif not rows:
            output.say("There are no jobs.")
        else:
            output.table(
                ["job", "asset", "state", "progress", "worker", "age", "why"],
                [
                    (
                        row.id[:8],
                        row.path,
                        row.status.value + (" (known)" if row.cached else ""),
                        f"{row.progress} %",
                        row.lease_owner,
                        age(row.created_at),
                        f"{row.kind.value} jobs are paused"
                        if row.id in paused
                        else row.error_message,
                    )
                    for row in rows
                ],
            )
        return EXIT_OK

    with_slate(as_json, act)


async def _paused(slate: Slate, rows: Sequence[AssetJob]) -> set[str]:
    """Return the ids of jobs that wait because somebody paused their kind in the project."""
    waiting = [row for row in rows if row.status.value == "queued"]
    kinds = {each: await slate.paused_assets(each) for each in {row.project_id for row in waiting}}
    return {row.id for row in waiting if row.kind in kinds[row.project_id]}


def cancel(job: _Job, as_json: Json = False) -> None:
    """End a job. A waiting one ends at once, a running one within seconds."""

    async def act(slate: Slate, output: Output) -> int:
        from slate_desktop.errors import CommandError, ErrorCode

        row = await _find(slate, job)
        reply = await slate.cancel_asset_job(row.id)
        if reply.status in ("completed", "failed"):
            raise CommandError(ErrorCode.ILLEGAL_STATE, f"The job is {reply.status} already.")
        output.result(
            {"job_id": reply.job_id, "status": reply.status, "cancel_requested": True},
            f"{row.path}: {'cancelling' if reply.status == 'processing' else reply.status}",
        )
        return EXIT_OK

    with_slate(as_json, act)


def retry(
    job: _Job,
    force: Annotated[
        bool, typer.Option("--force", help="Work even where the result is known.")
    ] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Until it has ended.")] = False,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Wait, and put its products here.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Submit an asset again, as it is now; a failed one is insisted on."""

    async def act(slate: Slate, output: Output) -> int:
        row = await _find(slate, job)
        new = await slate.retry_asset_job(row.id, is_forced=True if force else None)
        if not wait and out is None:
            output.result(job_row(new), f"{new.id}  {new.path}: {new.status.value}")
            return EXIT_OK
        new = await slate.wait_asset_job(new.id)
        values, is_good = job_row(new), new.status.value == "completed"
        if out is not None and is_good:
            is_good = await _fetch(slate, new, out, values)
        output.result(values, f"{new.id}  {new.path}: {_words(new, values)}")
        return EXIT_OK if is_good else EXIT_FAILED

    with_slate(as_json, act)


async def _fetch(slate: Slate, job: AssetJob, out: Path, values: dict[str, Any]) -> bool:
    """Bring a job's products to a folder and say so in ``values``; tells whether that worked."""
    import msgspec

    from slate_desktop.cli.asset_remote import fetch

    project = await slate.get_project(job.project_id)
    found = await fetch(slate, job.path, Path(project.root, job.path), job, out)
    values["outputs"] = msgspec.to_builtins(found.outputs)
    values["error"] = msgspec.to_builtins(found.error)
    return found.error is None


def _words(job: AssetJob, values: dict[str, Any]) -> str:
    error = values["error"]
    return job.status.value if error is None else f"{job.status.value}: {error['message']}"


def job_row(job: AssetJob) -> dict[str, Any]:
    """Return a job for ``--json``."""
    error = None
    if job.error_code or job.error_message:
        error = {"code": job.error_code, "message": job.error_message}
    result = job.result or {}
    return {
        "id": job.id,
        "project_id": job.project_id,
        "batch_id": job.batch_id,
        "kind": job.kind.value,
        "input": job.path,
        "state": job.status.value,
        "cached": job.cached,
        "progress": job.progress,
        "attempt": job.attempt,
        "worker": job.lease_owner,
        "out_dir": job.out_dir,
        "options": job.options,
        "outputs": result.get("products", []),
        "report": result.get("report"),
        "error": error,
        "created_at": iso(job.created_at),
        "started_at": iso(job.started_at),
        "completed_at": iso(job.completed_at),
    }


async def _find(slate: Slate, text: str) -> AssetJob:
    """Return the one job whose id begins so.

    Raises:
        CommandError: ``not_found``; ``bad_request`` when several do.
    """
    from slate_desktop.errors import CommandError, ErrorCode

    found = [row for row in await slate.list_asset_jobs(limit=1000) if row.id.startswith(text)]
    if not found:
        return await slate.get_asset_job(text)
    if len(found) > 1:
        raise CommandError(
            ErrorCode.BAD_REQUEST, f"{len(found)} jobs begin with {text}.", field="job_id"
        )
    return found[0]
