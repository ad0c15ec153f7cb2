"""``slate support``: a bundle for whoever mends a fault. Nothing is sent."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from slate_desktop.cli.options import Json
from slate_desktop.cli.output import Output
from slate_desktop.cli.run import alone

app = typer.Typer(help="What helps whoever mends a fault.", no_args_is_help=True)


@app.callback()
def support() -> None:
    """Make what helps whoever mends a fault."""


@app.command("bundle")
def bundle(
    output_file: Annotated[
        Path | None,
        typer.Option("--output", metavar="FILE", help="Instead of one in this directory."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Write checks, settings and logs into an archive, without secrets."""

    async def action(output: Output) -> None:
        from slate_desktop.diagnosis import support

        found = await support.collect()
        target = support.write(found, (output_file or Path(support.file_name())).absolute())
        names = [file.name for file in found]
        words = f"{target} holds:\n  " + "\n  ".join(names)
        words += "\nNothing was sent. Look through it before you pass it on."
        output.result({"path": str(target), "files": names}, words)

    alone(as_json, action)
