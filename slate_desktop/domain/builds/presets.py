"""Sets of build options that a project keeps under a name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from slate_desktop.domain.build import BuildType, TargetPlatform, check_source_commit
from slate_desktop.domain.builds.options import options_to_json, parse_build_options
from slate_desktop.domain.fields import bad, is_plain_text

MAX_NAME = 64
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class BuildPreset(msgspec.Struct, frozen=True, kw_only=True):
    """What a build is asked for, kept for the next time.

    Attributes:
        name: one line of at most 64 characters, the project's own.
        source_commit: 7 to 40 hexadecimal digits, None for the files as they are.
        options: as a build's row holds them, see ``options.BuildOptions``.
    """

    name: str
    build_type: BuildType
    target_platform: TargetPlatform
    source_commit: str | None = None
    options: dict[str, Any] = {}


def make_preset(
    name: object,
    build_type: BuildType,
    target_platform: TargetPlatform,
    *,
    source_commit: str | None = None,
    options: Mapping[str, Any] | None = None,
) -> BuildPreset:
    """Return a checked preset.

    Raises:
        CommandError: ``bad_request`` naming the field: ``name``, ``source_commit``, an option.
    """
    return BuildPreset(
        name=check_preset_name(name),
        build_type=build_type,
        target_platform=target_platform,
        source_commit=check_source_commit(source_commit),
        options=options_to_json(parse_build_options(options or {})),
    )


def check_preset_name(name: object) -> str:
    """Return a preset's name, without blanks around it.

    Raises:
        CommandError: ``bad_request`` naming ``name``.
    """
    text = name.strip() if isinstance(name, str) else ""
    if not text or len(text) > MAX_NAME or not is_plain_text(text) or _UNPRINTABLE.search(text):
        bad("name", f"A preset's name must be one line of 1 to {MAX_NAME} characters")
    return text
