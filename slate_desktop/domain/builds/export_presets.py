"""Godot's ``export_presets.cfg``: which presets a project has, read before the engine starts.

The engine ends without a word when a preset is not there, so SLATE looks first. The file is Godot's
own kind of INI: sections, ``key=value`` with values in Godot's notation. Only the names and texts
that matter are read.

Source: https://docs.godotengine.org/en/stable/tutorials/export/exporting_projects.html
"""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from slate_desktop.domain.builds.options import check_preset
from slate_desktop.errors import CommandError, ErrorCode

FILE_NAME = "export_presets.cfg"
_MAX_BYTES = 4 * 1024 * 1024
_SECTION = re.compile(r"^\[preset\.(\d+)(\.options)?\]\s*$")
_ANY_SECTION = re.compile(r"^\[[^\]]*\]\s*$")
_PAIR = re.compile(r'^([A-Za-z0-9_/.]+)\s*=\s*"((?:[^"\\]|\\.)*)"\s*$')
# Names of one platform in the versions of Godot.
_SAME = (
    {"Linux", "Linux/X11"},
    {"macOS", "Mac OSX"},
    {"Web", "HTML5"},
    {"Windows Desktop"},
    {"Android"},
    {"iOS"},
)


class ExportPreset(msgspec.Struct, frozen=True, kw_only=True):
    """One ``[preset.N]``."""

    name: str
    platform: str
    export_path: str = ""
    release_template: str = ""
    debug_template: str = ""


def read_export_presets(root: Path) -> list[ExportPreset]:
    """Return the presets of the project in ``root``; none when it has no file.

    Raises:
        CommandError: ``bad_request`` for a file that cannot be read.
    """
    path = root / FILE_NAME
    if not path.is_file():
        return []
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise CommandError(
                ErrorCode.BAD_REQUEST, f"{FILE_NAME} is larger than 4 MiB", field="preset"
            )
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as exc:
        raise CommandError(
            ErrorCode.BAD_REQUEST,
            f"{FILE_NAME} cannot be read: {exc.strerror}",
            field="preset",
        ) from exc
    return parse_export_presets(text)


def parse_export_presets(text: str) -> list[ExportPreset]:
    """Return the presets of a file's text, in its order; what cannot be read is left out."""
    found: dict[int, dict[str, str]] = {}
    current: dict[str, str] | None = None
    prefix = ""
    for line in text.splitlines():
        section = _SECTION.match(line)
        if section is not None:
            current = found.setdefault(int(section[1][:9]), {})
            prefix = "options/" if section[2] else ""
        elif _ANY_SECTION.match(line):
            current = None
        elif current is not None and (pair := _PAIR.match(line)) is not None:
            current.setdefault(prefix + pair[1], _unescape(pair[2]))
    return [
        ExportPreset(
            name=values["name"],
            platform=values["platform"],
            export_path=values.get("export_path", ""),
            release_template=values.get("options/custom_template/release", ""),
            debug_template=values.get("options/custom_template/debug", ""),
        )
        for values in found.values()
        if values.get("name") and values.get("platform")
    ]


def choose_preset(
    presets: list[ExportPreset], platform: str, wanted: str | None = None
) -> ExportPreset:
    """Return the preset for a platform.

    Args:
        presets: what the project has.
        platform: Godot's name of it.
        wanted: the preset that a person named, None for the first that fits.

    Raises:
        CommandError: ``bad_request`` naming ``preset``: it is not there, or of another platform.
    """
    names = ", ".join(repr(preset.name) for preset in presets) or "none at all"
    if wanted is not None:
        named = [preset for preset in presets if preset.name == wanted]
        if not named:
            raise _refused(f"{FILE_NAME} has no preset {wanted!r}; it has {names}")
        if not is_same_platform(named[0].platform, platform):
            raise _refused(f"The preset {wanted!r} is for {named[0].platform}, not for {platform}")
        chosen = named[0]
    else:
        fitting = [preset for preset in presets if is_same_platform(preset.platform, platform)]
        if not fitting:
            raise _refused(f"{FILE_NAME} has no preset for {platform}; it has {names}")
        chosen = fitting[0]
    check_preset(chosen.name)
    return chosen


def is_same_platform(one: str, other: str) -> bool:
    """Tell whether two of Godot's names mean one platform."""
    return one == other or any(one in names and other in names for names in _SAME)


def _unescape(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def _refused(message: str) -> CommandError:
    return CommandError(
        ErrorCode.BAD_REQUEST,
        message,
        field="preset",
        hint="Add the preset in Godot's Project > Export, and commit the file.",
    )
