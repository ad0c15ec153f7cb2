"""Arguments and options that several commands share."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer


class DriverChoice(StrEnum):
    """Drivers that a person may ask for."""

    DOCKER = "docker"
    PROCESS = "process"


class EngineChoice(StrEnum):
    """Engines with a preset, and custom ones."""

    UNITY = "unity"
    UNREAL = "unreal"
    GODOT = "godot"
    CUSTOM = "custom"


class LevelChoice(StrEnum):
    """Log levels in rising order."""

    DEBUG = "debug"
    INFO = "info"
    WARN = "warn"
    ERROR = "error"


class RoleChoice(StrEnum):
    """Roles in a project."""

    OWNER = "owner"
    DEVELOPER = "developer"
    ARTIST = "artist"
    VIEWER = "viewer"


class NetworkChoice(StrEnum):
    """Networks of a runtime."""

    BRIDGE = "bridge"
    INTERNET = "internet"
    NONE = "none"


Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Wait = Annotated[
    bool, typer.Option("--wait/--no-wait", help="Return only when the goal is reached.")
]
WaitLimit = Annotated[
    float | None,
    typer.Option("--timeout", metavar="S", min=0.1, help="Wait this many seconds at most."),
]
ProjectArgument = Annotated[
    str, typer.Argument(metavar="PROJECT", help="Id, beginning of an id, name or path.")
]
SessionArgument = Annotated[
    str, typer.Argument(metavar="SESSION", help="Id, beginning of an id, or 'last'.")
]


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
