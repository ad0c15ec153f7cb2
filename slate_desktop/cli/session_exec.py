"""``slate session exec``: a command inside a runtime."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from slate_desktop.cli.exits import EXIT_FAILED, EXIT_OK
from slate_desktop.cli.options import Json, SessionArgument
from slate_desktop.cli.output import Output
from slate_desktop.cli.run import with_slate

if TYPE_CHECKING:
    from slate_desktop.control.client import Slate


def register(app: typer.Typer) -> None:
    """Add the command to ``slate session``."""
    app.command("exec")(execute)


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
    """Run a command inside a running session. The exit code is the command's own.

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
