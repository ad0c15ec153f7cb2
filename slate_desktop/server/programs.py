"""The PostgreSQL of a server's host: the system's own, because the wheel's cannot encrypt."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from slate_desktop.errors import StackError

VARIABLE = "SLATE_POSTGRES_BIN"
# Where Debian's and Red Hat's packages put each major version.
_PLACES = ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin")


def find_system_postgres() -> Path:
    """Return the directory of the newest PostgreSQL's programs.

    ``SLATE_POSTGRES_BIN`` names another one.

    Raises:
        StackError: there is none.
    """
    if given := os.environ.get(VARIABLE):
        places = [Path(given)]
    else:
        found = [place for pattern in _PLACES for place in Path("/").glob(pattern)]
        places = sorted(found, key=_version, reverse=True)
        if (on_path := shutil.which("postgres")) is not None:
            places.append(Path(on_path).resolve().parent)
    for place in places:
        if all((place / name).is_file() for name in ("postgres", "initdb")):
            return place
    raise StackError(
        f"There is no PostgreSQL in {places[0]}." if places else "PostgreSQL is not installed.",
        hint="Install the system's, for example: apt-get install postgresql",
    )


def _version(place: Path) -> int:
    digits = "".join(letter for letter in place.parent.name if letter.isdigit())
    return int(digits or 0)
