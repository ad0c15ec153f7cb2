"""``slate.toml`` in a project's root: what its author says of it, read when the project is added.

::

    name = "hello-runtime"
    command = "{python} main.py"     # or a list; for custom projects

    [build]                          # how the project is built, see domain/builds/custom.py
    command = "{python} build.py"

What the person who adds the project says wins. A command is only run when somebody presses Start,
and stands in the details before that.
"""

from __future__ import annotations

import shlex
import tomllib
from pathlib import Path
from typing import Any

import msgspec

from slate_desktop.domain.builds.custom import CustomBuild, parse_custom_build
from slate_desktop.domain.container import check_argv
from slate_desktop.errors import CommandError, ErrorCode

FILE_NAME = "slate.toml"
_MAX_BYTES = 64 * 1024
_FIELDS = frozenset({"name", "command", "build"})


class ProjectFile(msgspec.Struct, frozen=True, kw_only=True):
    """What the file says; None for what it does not name."""

    name: str | None = None
    command: list[str] | None = None
    build: CustomBuild | None = None


def read_project_file(root: Path) -> ProjectFile:
    """Read the file of the project in ``root``; without one everything is None.

    Raises:
        CommandError: ``bad_request`` for a file that cannot be read or holds something else.
    """
    path = root / FILE_NAME
    if not path.is_file():
        return ProjectFile()
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise _bad("it is larger than 64 KiB")
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise _bad(str(exc)) from exc
    if unknown := sorted(data.keys() - _FIELDS):
        raise _bad(f"{unknown[0]!r} is not one of its fields")
    name = data.get("name")
    if name is not None and not isinstance(name, str):
        raise _bad("name must be a text")
    build = data.get("build")
    return ProjectFile(
        name=name,
        command=_command(data.get("command")),
        build=None if build is None else parse_custom_build(build),
    )


def _command(value: Any) -> list[str] | None:
    if value is None:
        return None
    if isinstance(value, str):
        try:
            value = shlex.split(value)
        except ValueError as exc:
            raise _bad(f"its command cannot be split: {exc}") from exc
    return check_argv(value, "command")


def _bad(why: str) -> CommandError:
    return CommandError(
        ErrorCode.BAD_REQUEST, f"{FILE_NAME} of this project cannot be used: {why}", field="path"
    )
