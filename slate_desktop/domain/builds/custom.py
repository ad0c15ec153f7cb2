"""The ``[build]`` table of a project's ``slate.toml``: what its author says of building it.

::

    [build]
    command = "{python} build.py"     # custom projects: the program that builds, or a list of words
    artifact = "game"                 # what it makes, below the folder SLATE_OUTPUT
    kind = "elf"                      # what it must be: elf pe macho zip apk web folder any
    platforms = ["linux"]             # which targets it knows; all when left out
    image = "debian:bookworm-slim"    # the container that it is built in
    network = "internet"              # "none" by default
    method = "Builder.Build"          # Unity projects: the static method that builds

A command is split into words here and never meets a shell. Paths stay below their folders.
"""

from __future__ import annotations

import shlex
from pathlib import PurePosixPath

import msgspec

from slate_desktop.domain.build import TargetPlatform
from slate_desktop.domain.builds.options import check_method
from slate_desktop.domain.builds.recipe import ArtifactKind
from slate_desktop.domain.fields import bad, check_argv, is_plain_text, shown
from slate_desktop.domain.images import parse_image

_FIELDS = ("command", "artifact", "kind", "platforms", "image", "network", "method")


class CustomBuild(msgspec.Struct, frozen=True, kw_only=True):
    """A checked ``[build]`` table; None for what it does not name."""

    command: list[str] | None = None
    artifact: str | None = None
    kind: ArtifactKind = ArtifactKind.ANY
    platforms: list[TargetPlatform] | None = None
    image: str | None = None
    network: str | None = None
    method: str | None = None


def parse_custom_build(data: object) -> CustomBuild:
    """Check the table.

    Raises:
        CommandError: ``bad_request`` naming ``build``.
    """
    if not isinstance(data, dict):
        bad("build", "[build] of slate.toml must be a table")
    unknown = [key for key in data if key not in _FIELDS]
    if unknown:
        bad("build", f"[build] of slate.toml has no field {shown(unknown[0])!r}")
    return CustomBuild(
        command=_command(data.get("command")),
        artifact=_artifact(data.get("artifact")),
        kind=_kind(data.get("kind", "any")),
        platforms=_platforms(data.get("platforms")),
        image=_image(data.get("image")),
        network=_network(data.get("network")),
        method=None if data.get("method") is None else check_method(data["method"], "build"),
    )


def check_relative_path(value: object, field: str) -> str:
    """Return a path that stays below its folder, with ``/`` between its parts.

    Raises:
        CommandError: ``bad_request`` naming the field.
    """
    if not isinstance(value, str) or not value or len(value) > 1024 or not is_plain_text(value):
        bad(field, f"{field} must be a path below the output folder")
    path = PurePosixPath(value)
    if path.is_absolute() or ".." in path.parts or "\\" in value or value.startswith("-"):
        bad(field, f"{field} must be a path below the output folder, without '..'")
    return path.as_posix()


def _command(value: object) -> list[str] | None:
    if value is None:
        return None
    if isinstance(value, str):
        try:
            value = shlex.split(value)
        except ValueError as exc:
            bad("build", f"The command in [build] of slate.toml cannot be split: {exc}")
    return check_argv(value, "build")


def _artifact(value: object) -> str | None:
    return None if value is None else check_relative_path(value, "build")


def _kind(value: object) -> ArtifactKind:
    if not isinstance(value, str) or value not in [kind.value for kind in ArtifactKind]:
        bad("build", f"kind in [build] of slate.toml must be one of: {', '.join(ArtifactKind)}")
    return ArtifactKind(value)


def _platforms(value: object) -> list[TargetPlatform] | None:
    if value is None:
        return None
    names = [platform.value for platform in TargetPlatform]
    if not isinstance(value, list) or not all(isinstance(v, str) and v in names for v in value):
        bad("build", f"platforms in [build] of slate.toml must be a list of: {', '.join(names)}")
    return [TargetPlatform(name) for name in value]


def _image(value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        bad("build", "image in [build] of slate.toml must be a text")
    parse_image(value)
    return value


def _network(value: object) -> str | None:
    if value is not None and value not in ("none", "bridge", "internet"):
        bad("build", "network in [build] of slate.toml must be none, bridge or internet")
    return None if value is None else str(value)
