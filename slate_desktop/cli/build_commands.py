"""``slate build``: start, follow, list, cancel and compare builds, and get what they made."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from slate_desktop.cli.build_rows import artifact_row, build_row, build_words, statistics_row
from slate_desktop.cli.exits import EXIT_FAILED, EXIT_OK
from slate_desktop.cli.options import (
    DriverChoice,
    Json,
    LevelChoice,
    ProjectArgument,
    Wait,
    WaitLimit,
)
from slate_desktop.cli.output import Output
from slate_desktop.cli.rows import age, iso_ns
from slate_desktop.cli.run import with_slate

if TYPE_CHECKING:
    from slate_desktop.control.client import Slate
    from slate_desktop.domain.build import BuildJob

app = typer.Typer(help="Builds: a project, made for a platform.", no_args_is_help=True)


class PlatformChoice(StrEnum):
    """The nine platforms."""

    WINDOWS = "windows"
    MACOS = "macos"
    LINUX = "linux"
    ANDROID = "android"
    IOS = "ios"
    WEBGL = "webgl"
    PS5 = "ps5"
    XBOX_SERIES_X = "xbox-series-x"
    SWITCH = "switch"


class TypeChoice(StrEnum):
    """How much a build is optimised."""

    DEVELOPMENT = "development"
    STAGING = "staging"
    PRODUCTION = "production"


class OptimizationChoice(StrEnum):
    """Where the engine has levels of its own."""

    NONE = "none"
    BASIC = "basic"
    FULL = "full"


class CompressionChoice(StrEnum):
    """How the product is packed."""

    NONE = "none"
    GZIP = "gzip"
    BROTLI = "brotli"
    LZ4 = "lz4"


_Build = Annotated[str, typer.Argument(metavar="BUILD", help="Id, beginning of an id, or 'last'.")]
_Platform = Annotated[PlatformChoice, typer.Option("--platform", help="What for.")]


@app.command()
def start(
    project: ProjectArgument,
    platform: _Platform,
    build_type: Annotated[
        TypeChoice, typer.Option("--type", help="How much it is optimised.")
    ] = TypeChoice.DEVELOPMENT,
    driver: Annotated[DriverChoice | None, typer.Option(help="How it is run.")] = None,
    clean: Annotated[
        bool, typer.Option("--clean", help="Start without what earlier builds left.")
    ] = False,
    optimization: Annotated[
        OptimizationChoice | None, typer.Option(help="Instead of the type's.")
    ] = None,
    compression: Annotated[CompressionChoice | None, typer.Option(help="How it is packed.")] = None,
    jobs: Annotated[
        int | None, typer.Option("--jobs", metavar="N", help="Parallel jobs of the build tool.")
    ] = None,
    commit: Annotated[
        str | None,
        typer.Option(metavar="SHA", help="Build this commit, not the files as they are."),
    ] = None,
    preset: Annotated[
        str | None, typer.Option(help="The export preset (Godot) or method (Unity).")
    ] = None,
    engine_version: Annotated[
        str | None, typer.Option(metavar="V", help="Instead of what the project names.")
    ] = None,
    env: Annotated[
        list[str] | None, typer.Option("--env", metavar="K=V", help="Repeatable.")
    ] = None,
    argument: Annotated[
        list[str] | None,
        typer.Option("--argument", metavar="A", help="One more argument of the tool; repeatable."),
    ] = None,
    priority: Annotated[int, typer.Option(min=-100, max=100, help="Higher is earlier.")] = 0,
    time_limit: Annotated[
        int | None, typer.Option(metavar="S", help="End the build after so many seconds.")
    ] = None,
    wait: Wait = False,
    timeout: WaitLimit = None,
    as_json: Json = False,
) -> None:
    """Build a project; with --wait the exit code says whether it passed."""
    given: dict[str, Any] = {
        "clean": clean or None,
        "optimization": optimization.value if optimization else None,
        "compression_format": compression.value if compression else None,
        "parallel_jobs": jobs,
        "preset": preset,
        "engine_version": engine_version,
        "environment": read_env(env),
        "custom_arguments": argument or None,
        "driver": driver.value if driver else None,
        "priority": priority or None,
        "time_limit_s": time_limit,
    }
    options = {name: value for name, value in given.items() if value is not None}

    async def action(slate: Slate, output: Output) -> int:
        found = await slate.find_project(project)
        job = await slate.submit_build(
            found.id, build_type.value, platform.value, source_commit=commit, options=options
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
def show(build: _Build, as_json: Json = False) -> None:
    """Show a build: verdict, errors with file and line, and what a waiting one waits for."""

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
    build: _Build,
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
    build: _Build,
    download: Annotated[
        Path | None, typer.Option("--download", metavar="DIR", help="Bring them here.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List what a build made, with sizes and hashes; --download brings it."""

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
    build: _Build, wait: Wait = False, timeout: WaitLimit = None, as_json: Json = False
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
    build: _Build, wait: Wait = False, timeout: WaitLimit = None, as_json: Json = False
) -> None:
    """Build the same again, as a new build."""

    async def action(slate: Slate, output: Output) -> int:
        job = await slate.retry_build((await slate.find_build(build)).id)
        return await _finish(slate, output, job, wait=wait, timeout_s=timeout)

    with_slate(as_json, action)


@app.command()
def prioritise(
    build: _Build,
    priority: Annotated[
        int | None, typer.Option(min=-100, max=100, help="Higher is earlier; default: first.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Move a waiting build: to the front, or to a priority."""

    async def action(slate: Slate, output: Output) -> None:
        found = await slate.find_build(build)
        if priority is None:
            job = await slate.build_first(found.id)
        else:
            job = await slate.prioritise_build(found.id, priority)
        output.result(build_row(job), build_words(job, await slate.explain_build(job.id)))

    with_slate(as_json, action)


@app.command()
def stats(
    project: Annotated[
        str | None, typer.Option("--project", metavar="PROJECT", help="Only of this project.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show how many builds passed and how long they take."""

    async def action(slate: Slate, output: Output) -> None:
        project_id = (await slate.find_project(project)).id if project else None
        whole = await slate.get_build_statistics(project_id)
        groups = await slate.get_build_statistics_by(project_id)
        days = await slate.get_build_statistics_over_time(project_id)
        if not output.as_json:
            output.fields(statistics_row(whole))
            output.table(
                ("PLATFORM", "TYPE", "BUILDS", "SUCCESS", "MEDIAN S", "P90 S"),
                (
                    (
                        group.target_platform.value,
                        group.build_type.value,
                        group.figures.total,
                        _percent(group.figures.success_rate),
                        _seconds(group.figures.median_duration_s),
                        _seconds(group.figures.p90_duration_s),
                    )
                    for group in groups
                ),
            )
            return
        output.result(
            {
                **statistics_row(whole),
                "by_target": [
                    {
                        "platform": group.target_platform.value,
                        "type": group.build_type.value,
                        **statistics_row(group.figures),
                    }
                    for group in groups
                ],
                "by_day": [
                    {"day": day.day.date().isoformat(), **statistics_row(day.figures)}
                    for day in days
                ],
            }
        )

    with_slate(as_json, action)


@app.command()
def targets(
    project: ProjectArgument,
    build_type: Annotated[TypeChoice, typer.Option("--type")] = TypeChoice.PRODUCTION,
    as_json: Json = False,
) -> None:
    """Show which platforms a project can be built for, and why not."""

    async def action(slate: Slate, output: Output) -> None:
        found = await slate.find_project(project)
        known = await slate.build_targets(found.id, build_type.value)
        rows = [
            {
                "platform": platform.value,
                "available": item.is_available,
                "reason": item.reason,
                "note": item.note,
            }
            for platform, item in known.items()
        ]
        if output.as_json:
            output.result({"targets": rows})
        else:
            output.table(
                ("PLATFORM", "", "WHY"),
                (
                    (
                        row["platform"],
                        "yes" if row["available"] else "no",
                        row["reason"] or row["note"],
                    )
                    for row in rows
                ),
            )

    with_slate(as_json, action)


@app.command()
def compare(left: _Build, right: _Build, as_json: Json = False) -> None:
    """Show how two builds differ: settings, duration, size per file."""

    async def action(slate: Slate, output: Output) -> None:
        one, two = await slate.find_build(left), await slate.find_build(right)
        found = await slate.compare_builds(one.id, two.id)
        if output.as_json:
            import msgspec

            output.result(msgspec.to_builtins(found))
            return
        output.table(
            ("", one.id[:8], two.id[:8]),
            ((fact.name, fact.left, fact.right) for fact in found.facts),
        )
        output.table(
            ("FILE", one.id[:8], two.id[:8], "CHANGE"),
            ((file.path, file.left, file.right, f"{file.change:+d}") for file in found.files),
        )

    with_slate(as_json, action)


def read_env(items: list[str] | None) -> dict[str, str] | None:
    """Return NAME=VALUE texts as variables."""
    if not items:
        return None
    found: dict[str, str] = {}
    for item in items:
        name, is_pair, value = item.partition("=")
        if not is_pair or not name:
            raise typer.BadParameter(f"{item!r} is not NAME=VALUE", param_hint="--env")
        found[name] = value
    return found


async def _finish(
    slate: Slate, output: Output, job: BuildJob, *, wait: bool, timeout_s: float | None
) -> int:
    if wait:
        job = await slate.wait_for_build(job.id, timeout_s=timeout_s)
    waiting = None if job.is_final else await slate.explain_build(job.id)
    output.result(build_row(job), build_words(job, waiting))
    is_good = not job.is_final or job.verdict == "passed"
    return EXIT_OK if is_good else EXIT_FAILED


def _percent(rate: float | None) -> str:
    return "" if rate is None else f"{rate:.0%}"


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"
