"""``slate build``: figures, targets and comparisons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from slate_desktop.cli import build_options as given
from slate_desktop.cli.build_rows import statistics_row
from slate_desktop.cli.options import Json, ProjectArgument
from slate_desktop.cli.output import Output
from slate_desktop.cli.run import with_slate

if TYPE_CHECKING:
    from slate_desktop.control.client import Slate
    from slate_desktop.domain.build import BuildStatistics


def register(app: typer.Typer) -> None:
    """Add the commands to ``slate build``."""
    for command in (stats, targets, compare):
        app.command()(command)


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
            output.fields(_in_words(whole))
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


def targets(
    project: ProjectArgument,
    build_type: Annotated[given.TypeChoice, typer.Option("--type")] = given.TypeChoice.PRODUCTION,
    as_json: Json = False,
) -> None:
    """Show which platforms a project can be built for."""

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


def compare(left: given.Build, right: given.Build, as_json: Json = False) -> None:
    """Show how two builds differ in settings, time and sizes."""

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


def _in_words(figures: BuildStatistics) -> dict[str, str]:
    return {
        "builds": f"{figures.total}, {figures.active} of them not over",
        "passed": _percent(figures.success_rate),
        "failed": f"{figures.failed}",
        "suspect": f"{figures.suspect}",
        "cancelled": f"{figures.cancelled}",
        "mean": _with_unit(figures.mean_duration_s),
        "median": _with_unit(figures.median_duration_s),
        "nine of ten within": _with_unit(figures.p90_duration_s),
    }


def _with_unit(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.1f} s"


def _percent(rate: float | None) -> str:
    return "" if rate is None else f"{rate:.0%}"


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"
