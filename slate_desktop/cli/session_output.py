"""``slate session exec`` and ``logs``: what comes out of a runtime."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from slate_desktop.cli.exits import EXIT_FAILED, EXIT_OK
from slate_desktop.cli.options import Json, LevelChoice, SessionArgument
from slate_desktop.cli.output import Output
from slate_desktop.cli.rows import log_row
from slate_desktop.cli.run import with_slate

if TYPE_CHECKING:
    from slate_desktop.control.client import Slate
    from slate_desktop.domain.logs import LogLine

_PAGE_LINES = 10_000


def register(app: typer.Typer) -> None:
    """Add the commands to ``slate session``."""
    app.command("exec")(execute)
    app.command("logs")(logs)


def execute(
    session: SessionArgument,
    argv: Annotated[
        list[str], typer.Argument(metavar="-- ARGV…", help="The program and its arguments.")
    ],
    timeout: Annotated[
        float, typer.Option(metavar="S", min=0.1, max=600, help="Kill it after this time.")
    ] = 30.0,
    as_json: Json = False,
) -> None:
    """Run a command inside a running session; the exit code is the command's own.

    With --json the exit code is 0 when the command's was, else 1.
    """

    async def action(slate: Slate, output: Output) -> int:
        found = await slate.find_session(session)
        result = await slate.execute_command(found.id, argv, timeout)
        if output.as_json:
            output.result(
                {
                    "stdout": result.stdout,
                    "stderr": result.stderr,
                    "exit_code": result.exit_code,
                    "duration_ms": result.duration_ms,
                    "truncated": result.truncated,
                }
            )
            return EXIT_OK if result.exit_code == 0 else EXIT_FAILED
        sys.stdout.write(result.stdout)
        sys.stderr.write(result.stderr)
        if result.truncated:
            output.note("slate: the output was longer and has been cut")
        return result.exit_code & 0xFF

    with_slate(as_json, action)


def logs(
    session: SessionArgument,
    limit: Annotated[
        int, typer.Option(min=0, metavar="N", help="The newest so many lines; 0 for all.")
    ] = 1000,
    before: Annotated[
        int | None, typer.Option(min=1, metavar="SEQ", help="Only lines before this number.")
    ] = None,
    level: Annotated[LevelChoice | None, typer.Option(help="This level and heavier ones.")] = None,
    grep: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Only lines with this text, in any case.")
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on until the session has ended.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Print the log of a session, one line each."""
    if follow and before is not None:
        raise typer.BadParameter("not together with --follow", param_hint="--before")

    async def action(slate: Slate, output: Output) -> None:
        found = await slate.find_session(session)
        min_level = level.value if level else None
        newest = await _print_stored(slate, output, found.id, limit, before, min_level, grep)
        if not follow:
            return
        async for lines in slate.follow_runtime_logs(
            found.id, after=newest, min_level=min_level, text=grep
        ):
            _print(output, lines)

    with_slate(as_json, action)


async def _print_stored(
    slate: Slate,
    output: Output,
    session_id: str,
    limit: int,
    before: int | None,
    min_level: str | None,
    text: str | None,
) -> int:
    """Print the newest ``limit`` stored lines in rising order; returns the newest number seen."""
    newest = await slate.get_runtime_logs(session_id, limit=1, before=before)
    last_seq = newest.lines[-1].seq if newest.lines else 0
    end = last_seq + 1
    pages: list[list[LogLine]] = []
    left = limit or sys.maxsize
    if limit == 0:
        await _print_all(slate, output, session_id, end, min_level, text)
        return last_seq
    while left > 0:
        page = await slate.get_runtime_logs(
            session_id, limit=min(left, _PAGE_LINES), before=end, min_level=min_level, text=text
        )
        if not page.lines:
            break
        pages.append(page.lines)
        left -= len(page.lines)
        end = page.lines[0].seq
        if not page.has_older:
            break
    for lines in reversed(pages):
        _print(output, lines)
    return last_seq


async def _print_all(
    slate: Slate,
    output: Output,
    session_id: str,
    end: int,
    min_level: str | None,
    text: str | None,
) -> None:
    after = 0
    while True:
        page = await slate.get_runtime_logs(
            session_id, limit=_PAGE_LINES, after=after, min_level=min_level, text=text
        )
        lines = [line for line in page.lines if line.seq < end]
        _print(output, lines)
        if not page.has_newer or len(lines) < len(page.lines):
            return
        after = lines[-1].seq


def _print(output: Output, lines: list[LogLine]) -> None:
    from slate_desktop.control.console_text import format_time, plain

    for line in lines:
        if output.as_json:
            output.line(log_row(line), "")
        else:
            level = line.level.value
            output.say(f"{format_time(line.timestamp_ns)} {level:5} {plain(line.message)}")
    output.flush()
