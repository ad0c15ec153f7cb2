"""Which server's directory a command is about."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from slate_desktop.server.config import ServerFiles

DEFAULT_DIRECTORY = Path("/var/lib/slate-server")
Directory = Annotated[
    Path | None,
    typer.Option("--dir", metavar="DIR", help=f"The server's directory; {DEFAULT_DIRECTORY}."),
]


def server_files(directory: Path | None) -> ServerFiles:
    """Return the paths of the server that was named, by ``SLATE_SERVER_DIR`` or by default."""
    from slate_desktop.server.config import ServerFiles

    given = directory or Path(os.environ.get("SLATE_SERVER_DIR") or DEFAULT_DIRECTORY)
    return ServerFiles(given)
