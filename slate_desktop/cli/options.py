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
