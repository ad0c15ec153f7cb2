"""``slate logs``: how long logs are kept, dropping old lines now, and files of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from slate_desktop.cli.log_filters import Grep, Level, Regex, Since, Until, read_filter
from slate_desktop.cli.options import Json, ProjectArgument, SessionArgument
from slate_desktop.cli.output import Output
from slate_desktop.cli.run import with_slate

if TYPE_CHECKING:
    from slate_desktop.control.client import Slate
    from slate_desktop.domain.retention import LogPolicy

app = typer.Typer(help="Stored logs: how long they are kept, and files.", no_args_is_help=True)
_NONE = "none"
_LIMITS = ("max_age_days", "max_bytes", "lines_per_s", "run_bytes")


@app.command()
def policy(
    project: ProjectArgument,
    age: Annotated[
        str | None, typer.Option(metavar="DAYS", help="Keep lines for so many days, or none.")
    ] = None,
    size: Annotated[
        str | None, typer.Option(metavar="20g", help="Keep so much of all sessions, or none.")
    ] = None,
    rate: Annotated[
        str | None,
        typer.Option(metavar="LINES", help="Lines that a run may write in a second, or none."),
    ] = None,
    run_size: Annotated[
        str | None, typer.Option(metavar="1g", help="What a run may write in all, or none.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show what is kept of a project's logs and what a run may write. Change it with options."""
    changes: dict[str, Any] = {
        name: value
        for name, value in (
            ("max_age_days", _read_number(age, "--age", "days")),
            ("max_bytes", _read_size(size, "--size")),
            ("lines_per_s", _read_number(rate, "--rate", "lines")),
            ("run_bytes", _read_size(run_size, "--run-size")),
        )
        if value is not msgspec.UNSET
    }

    async def action(slate: Slate, output: Output) -> None:
        found = await slate.find_project(project)
        now = await slate.get_log_policy(found.id)
        if changes:
            kept = {name: getattr(now, name) for name in _LIMITS}
            now = await slate.set_log_policy(found.id, **{**kept, **changes})
        output.result({"project_id": found.id, **_row(now)}, _words(now))

    with_slate(as_json, action)


@app.command()
def prune(project: ProjectArgument, as_json: Json = False) -> None:
    """Drop now what the policy does not keep."""

    async def action(slate: Slate, output: Output) -> None:
        found = await slate.find_project(project)
        done = await slate.prune_logs(found.id)
        words = f"{done.pruned_lines:,} lines were dropped."
        output.result({"project_id": found.id, "lines": done.pruned_lines}, words)

    with_slate(as_json, action)


@app.command()
def export(
    session: SessionArgument,
    file: Annotated[
        Path, typer.Argument(help="What to write: .log or .jsonl, compressed with .gz behind it.")
    ],
    since: Since = None,
    until: Until = None,
    level: Level = None,
    grep: Grep = None,
    regex: Regex = False,
    as_json: Json = False,
) -> None:
    """Write stored lines of a session to a file. Options choose which."""
    wanted = read_filter(level, grep, since, until, is_regex=regex)

    async def action(slate: Slate, output: Output) -> None:
        from slate_desktop.errors import CommandError, ErrorCode

        found = await slate.find_session(session)
        try:
            lines = await slate.export_logs(
                found.id,
                file,
                min_level=wanted.min_level,
                text=wanted.text,
                is_regex=wanted.is_regex,
                since_ns=wanted.since_ns,
                until_ns=wanted.until_ns,
            )
        except OSError as error:
            raise CommandError(
                ErrorCode.BAD_REQUEST, f"{file} cannot be written: {error}", field="file"
            ) from error
        row = {"session_id": found.id, "file": str(file), "lines": lines}
        output.result(row, f"{lines:,} lines are in {file}.")

    with_slate(as_json, action)


def _read_number(text: str | None, option: str, what: str) -> int | msgspec.UnsetType | None:
    if text is None or text == _NONE:
        return msgspec.UNSET if text is None else None
    if not text.isdecimal():
        raise typer.BadParameter(f"{text!r} is no number of {what}", param_hint=option)
    return int(text)


def _read_size(text: str | None, option: str) -> int | msgspec.UnsetType | None:
    from slate_desktop.domain.sizes import parse_size

    if text is None or text == _NONE:
        return msgspec.UNSET if text is None else None
    try:
        return parse_size(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no size like 20g", param_hint=option) from error


def _row(now: LogPolicy) -> dict[str, Any]:
    row = msgspec.to_builtins(now)
    del row["prune_requested_at"]
    return row


def _words(now: LogPolicy) -> str:
    from slate_desktop.domain.sizes import format_bytes

    age = "for ever" if now.max_age_days is None else f"for {now.max_age_days} days"
    size = "any size" if now.max_bytes is None else f"up to {format_bytes(now.max_bytes)}"
    rate = "any number of" if now.lines_per_s is None else f"up to {now.lines_per_s:,}"
    text = "any size" if now.run_bytes is None else f"up to {format_bytes(now.run_bytes)}"
    return (
        f"Lines are kept {age}, {size} in all sessions together.\n"
        f"A run writes {rate} lines a second, {text} in all; more is dropped and counted."
    )
