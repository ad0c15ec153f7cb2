"""``slate build``: start, list, follow, move and cancel builds, and get what they made."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from slate_desktop.cli import build_options as given
from slate_desktop.cli import build_preset_commands, build_reports
from slate_desktop.cli.build_preset_commands import wish_of
from slate_desktop.cli.build_rows import artifact_row, build_row, build_words
from slate_desktop.cli.exits import EXIT_FAILED, EXIT_OK
from slate_desktop.cli.options import Json, LevelChoice, ProjectArgument, Wait, WaitLimit
from slate_desktop.cli.output import Output
from slate_desktop.cli.rows import age, iso_ns
from slate_desktop.cli.run import with_slate

if TYPE_CHECKING:
    from slate_desktop.control.client import Slate
    from slate_desktop.domain.build import BuildJob

app = typer.Typer(help="Builds: a project, made for a platform.", no_args_is_help=True)


@app.command()
def start(
    project: ProjectArgument,
    platform: given.Platform = None,
    build_type: given.Type = None,
    preset: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="What the project keeps under this name; else as --export-preset.",
        ),
    ] = None,
    driver: given.Driver = None,
    clean: given.Clean = None,
    optimization: given.Optimization = None,
    compression: given.Compression = None,
    jobs: given.Jobs = None,
    commit: given.Commit = None,
    export_preset: given.ExportPreset = None,
    engine_version: given.EngineVersion = None,
    env: given.Env = None,
    argument: given.Argument = None,
    priority: given.Priority = None,
    time_limit: given.TimeLimit = None,
    wait: Wait = False,
    timeout: WaitLimit = None,
    as_json: Json = False,
) -> None:
    """Build a project. With --wait the exit code says whether it passed."""
    options = given.read_options(
        driver=driver,
        clean=clean,
        optimization=optimization,
        compression=compression,
        jobs=jobs,
        export_preset=export_preset,
        engine_version=engine_version,
        env=env,
        argument=argument,
        priority=priority,
        time_limit=time_limit,
    )

    async def action(slate: Slate, output: Output) -> int:
        found = await slate.find_project(project)
        wish = await wish_of(
            slate, found.id, preset, platform=platform, build_type=build_type, options=options
        )
        job = await slate.submit_build(
            found.id,
            wish.build_type,
            wish.target_platform,
            source_commit=commit or wish.source_commit,
            options=wish.options,
        )
        return await _finish(slate, output, job, wait=wait, timeout_s=timeout)

    with_slate(as_json, action)


@app.command("list")
def list_(
    project: Annotated[
        str | None, typer.Option("--project", metavar="PROJECT", help="Only of this project.")
    ] = None,
    active: Annotated[bool, typer.Option("--active", help="Only those that are not over.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=500, help="The newest so many.")] = 50,
    as_json: Json = False,
) -> None:
    """List builds, newest first."""

    async def action(slate: Slate, output: Output) -> None:
        project_id = (await slate.find_project(project)).id if project else None
        rows = await slate.list_build_jobs(project_id, limit=limit, is_fresh=True)
        rows = [row for row in rows if not (active and row.is_final)]
        if output.as_json:
            output.result({"builds": [build_row(row) for row in rows]})
        elif not rows:
            output.say(
                "There are no builds. Start one with: slate build start PROJECT --platform linux"
            )
        else:
            names = {item.id: item.name for item in await slate.list_projects()}
            output.table(
                ("ID", "PROJECT", "PLATFORM", "TYPE", "STATUS", "%", "VERDICT", "AGE", "WHY"),
                (
                    (
                        row.id[:8],
                        names.get(row.project_id, row.project_id[:8]),
                        row.target_platform.value,
                        row.build_type.value,
                        row.status.value,
                        row.progress,
                        row.verdict,
                        age(row.created_at),
                        row.error_message or row.progress_message,
                    )
                    for row in rows
                ),
            )

    with_slate(as_json, action)


@app.command()
def show(build: given.Build, as_json: Json = False) -> None:
    """Show a build: verdict, errors, and what it waits for."""

    async def action(slate: Slate, output: Output) -> None:
        job = await slate.find_build(build)
        row = build_row(job)
        waiting = await slate.explain_build(job.id)
        if waiting is not None:
            row["waiting"] = {
                "position": waiting.position, "of": waiting.of, "reason": waiting.reason,
            }  # fmt: skip
        eta_s = await slate.build_eta_s(job)
        if eta_s is not None:
            row["eta_s"] = round(eta_s, 1)
        output.result(row, None if output.as_json else build_words(job, waiting))

    with_slate(as_json, action)


@app.command()
def logs(
    build: given.Build,
    level: Annotated[LevelChoice | None, typer.Option(help="This level and weightier.")] = None,
    tail: Annotated[int | None, typer.Option(min=1, help="Only the last so many lines.")] = None,
    as_json: Json = False,
) -> None:
    """Print a build's log; with --json one object a line."""

    async def action(slate: Slate, output: Output) -> None:
        from slate_desktop.domain.build import BuildLogLine
        from slate_desktop.domain.logs import LogLevel

        wanted = LogLevel(level.value) if level else None
        job = await slate.find_build(build)

        def show_lines(lines: list[BuildLogLine]) -> None:
            for line in lines:
                row = {
                    "seq": line.seq,
                    "timestamp": iso_ns(line.ts_ns),
                    "step": line.step,
                    "stream": line.stream,
                    "level": line.level.value,
                    "message": line.message,
                }
                output.line(row, line.message)

        if tail is not None:
            show_lines(await slate.get_build_logs(job.id, limit=tail, level=wanted))
            return
        async for page in slate.iterate_build_logs(job.id, level=wanted):
            show_lines(page)

    with_slate(as_json, action)


@app.command()
def artifacts(
    build: given.Build,
    download: Annotated[
        Path | None, typer.Option("--download", metavar="DIR", help="Bring them here.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List what a build made, with sizes and hashes. --download brings it."""

    async def action(slate: Slate, output: Output) -> None:
        job = await slate.find_build(build)
        found = await slate.get_build_artifacts(job.id)
        paths: dict[str, Path] = {}
        if download is not None:
            brought = await slate.download_artifacts(job.id, download.resolve())
            paths = {item.path: path for item, path in zip(found, brought, strict=True)}
        rows = [artifact_row(item, paths.get(item.path)) for item in found]
        if output.as_json:
            output.result({"artifacts": rows})
        elif not rows:
            output.say("The build made no artifacts.")
        else:
            output.table(
                ("PATH", "SIZE", "SHA256"),
                ((row["path"], row["size"], row["sha256"]) for row in rows),
            )

    with_slate(as_json, action)


@app.command()
def cancel(
    build: given.Build, wait: Wait = False, timeout: WaitLimit = None, as_json: Json = False
) -> None:
    """End a build."""

    async def action(slate: Slate, output: Output) -> int:
        job = await slate.cancel_build((await slate.find_build(build)).id)
        if wait and not job.is_final:
            job = await slate.wait_for_build(job.id, timeout_s=timeout)
        output.result(build_row(job), build_words(job))
        return EXIT_OK

    with_slate(as_json, action)


@app.command()
def retry(
    build: given.Build, wait: Wait = False, timeout: WaitLimit = None, as_json: Json = False
) -> None:
    """Build the same again, as a new build."""

    async def action(slate: Slate, output: Output) -> int:
        job = await slate.retry_build((await slate.find_build(build)).id)
        return await _finish(slate, output, job, wait=wait, timeout_s=timeout)

    with_slate(as_json, action)


@app.command()
def move(
    build: given.Build,
    first: Annotated[bool, typer.Option("--first", help="To the front of the queue.")] = False,
    last: Annotated[bool, typer.Option("--last", help="To its end.")] = False,
    before: Annotated[
        str | None, typer.Option(metavar="BUILD", help="In front of another waiting build.")
    ] = None,
    after: Annotated[
        str | None, typer.Option(metavar="BUILD", help="Behind another waiting build.")
    ] = None,
    priority: given.Priority = None,
    as_json: Json = False,
) -> None:
    """Give a waiting build another place or priority."""
    ways = [first, last, before is not None, after is not None, priority is not None]
    if sum(ways) != 1:
        raise typer.BadParameter("give one of --first, --last, --before, --after, --priority")

    async def action(slate: Slate, output: Output) -> None:
        found = await slate.find_build(build)
        if priority is not None:
            job = await slate.prioritise_build(found.id, priority)
        else:
            other = before or after
            other_id = (await slate.find_build(other)).id if other else None
            is_after = last or after is not None
            job = await slate.move_build(found.id, other_id=other_id, is_after=is_after)
        output.result(build_row(job), build_words(job, await slate.explain_build(job.id)))

    with_slate(as_json, action)


async def _finish(
    slate: Slate, output: Output, job: BuildJob, *, wait: bool, timeout_s: float | None
) -> int:
    if wait:
        job = await slate.wait_for_build(job.id, timeout_s=timeout_s)
    waiting = None if job.is_final else await slate.explain_build(job.id)
    output.result(build_row(job), build_words(job, waiting))
    is_good = not job.is_final or job.verdict == "passed"
    return EXIT_OK if is_good else EXIT_FAILED


build_reports.register(app)
build_preset_commands.register(app)
