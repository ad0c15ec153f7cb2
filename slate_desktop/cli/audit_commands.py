"""``slate audit``: who asked for what in one's projects, and how it ended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from slate_desktop.cli.options import Json
from slate_desktop.cli.output import Output
from slate_desktop.cli.rows import iso
from slate_desktop.cli.run import with_slate

if TYPE_CHECKING:
    from slate_desktop.control.client import Slate
    from slate_desktop.domain.audit import AuditEntry

app = typer.Typer(help="Who asked for what in your projects.", no_args_is_help=True)

Project = Annotated[
    str | None, typer.Option("--project", metavar="PROJECT", help="In this project only.")
]
Since = Annotated[
    str | None,
    typer.Option("--since", metavar="TIME", help="From a time (ISO 8601) or age (2h, 7d) on."),
]
User = Annotated[
    str | None, typer.Option("--user", metavar="PERSON", help="By this person, an id or a name.")
]
_UNITS = {"min": 60, "h": 3600, "d": 86_400}


@app.command("list")
def list_entries(
    project: Project = None,
    since: Since = None,
    user: User = None,
    limit: Annotated[int, typer.Option(min=1, max=5000, help="So many of the newest.")] = 50,
    as_json: Json = False,
) -> None:
    """List signed commands: who, what, of what, when, and the result."""
    start = _read_since(since)

    async def action(slate: Slate, output: Output) -> None:
        found = await slate.list_audit(
            await _project_id(slate, project), since=start, person=user, limit=limit
        )
        if output.as_json:
            output.result({"entries": [_row(entry) for entry in found]})
        elif not found:
            output.say("Nothing was asked for yet.")
        else:
            output.table(
                ("TIME", "PERSON", "PROJECT", "ACTION", "TARGET", "RESULT", "DETAIL"),
                (
                    (
                        iso(entry.recorded_at.replace(microsecond=0)),
                        entry.user_name,
                        entry.project_name,
                        entry.action,
                        entry.target[:8],
                        entry.result,
                        entry.detail or entry.message,
                    )
                    for entry in found
                ),
            )

    with_slate(as_json, action)


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="The CSV file; it is replaced.")],
    project: Project = None,
    since: Since = None,
    user: User = None,
    as_json: Json = False,
) -> None:
    """Write the trail to a CSV file that only you can read."""
    start = _read_since(since)

    async def action(slate: Slate, output: Output) -> None:
        count = await slate.export_audit(
            file.absolute(), await _project_id(slate, project), since=start, person=user
        )
        output.result({"file": str(file), "rows": count}, f"{count:,} rows are in {file}.")

    with_slate(as_json, action)


async def _project_id(slate: Slate, text: str | None) -> str | None:
    return None if text is None else (await slate.find_project(text)).id


def _row(entry: AuditEntry) -> dict[str, Any]:
    return msgspec.to_builtins(entry) | {"result": entry.result}


def _read_since(text: str | None) -> datetime | None:
    if text is None:
        return None
    for unit, seconds in _UNITS.items():
        count = text.removesuffix(unit)
        if count != text and count.isascii() and count.isdecimal() and len(count) <= 5:
            return datetime.now(UTC) - timedelta(seconds=int(count) * seconds)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is neither a time like 2026-11-26T08:00 nor an age like 2h or 7d",
            param_hint="--since",
        ) from None
    return moment if moment.tzinfo is not None else moment.astimezone()
