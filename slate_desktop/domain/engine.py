"""Game engines: which one a project uses, and what a runtime of it needs by default.

Detection reads marker files only, never more than 256 KiB of one, and runs nothing. The defaults
are data: ``resources/engines/<engine>.toml``, one file per engine.
"""

from __future__ import annotations

import json
import re
import tomllib
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from slate_desktop.domain.builds.recipe import BuildRecipe
from slate_desktop.domain.container import ContainerConfig, parse_container_config
from slate_desktop.errors import SettingsError
from slate_desktop.late_pattern import late_pattern
from slate_desktop.settings.paths import resource_path

_MARKER_LIMIT_BYTES = 256 * 1024
_UNITY_VERSION = late_pattern(r"^m_EditorVersion:[ \t]*(\d+\.\d+\.\d+[abfpx]\d+(c\d+)?)", re.M)
_GODOT_FORMAT = late_pattern(r"^config_version[ \t]*=[ \t]*(\d+)[ \t]*\r?$", re.M)
_GODOT_FEATURES = late_pattern(r"^config/features[ \t]*=[ \t]*\w+\((.*)\)", re.M)
_GODOT_DOTNET = late_pattern(r"^\[dotnet\]", re.M)
_QUOTED_VERSION = late_pattern(r'"(\d+\.\d+(?:\.\d+)?)"')
_GODOT_MAJOR = {"5": "4", "4": "3", "3": "3"}
_TAG_UNSAFE = late_pattern(r"[^A-Za-z0-9._-]")


class Engine(StrEnum):
    """Engines with a preset; ``custom`` is any project whose command the user names."""

    UNITY = "unity"
    UNREAL = "unreal"
    GODOT = "godot"
    CUSTOM = "custom"


class EngineDetection(msgspec.Struct, frozen=True, kw_only=True):
    """What a directory looks like.

    Attributes:
        engine: the engine, ``custom`` when no marker was found.
        version: as the project names it (``2022.3.62f3``, ``5.4``, a GUID, ``4.3``), or None.
        flavour: ``csharp`` or ``gdscript``, ``cpp`` or ``blueprint``, ``china``; None where it does
            not matter.
        candidates: project files to choose from when there is more than one.
        problem: a sentence for the user when the finding is not clear, else None.
    """

    engine: Engine
    version: str | None = None
    flavour: str | None = None
    candidates: list[str] = []
    problem: str | None = None


class EngineVariant(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is different for some versions or one flavour of an engine.

    ``versions`` are prefixes (``"3"`` fits 3 and 3.5, not 30). ``{version}`` in the tag becomes the
    project's version, or ``latest`` where only the major version is known.
    """

    versions: list[str] = []
    flavour: str | None = None
    container: dict[str, Any] = {}
    binaries: list[str] | None = None
    argv: list[str] | None = None


class EnginePreset(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The defaults of one engine, as ``resources/engines/<engine>.toml`` holds them.

    Attributes:
        engine: whose preset this is.
        title: the engine's name for people.
        container: a container configuration with the wire's names.
        binaries: programs that the process driver looks for, best first; with a slash, they lie in
            the project.
        argv: the process driver's command; ``{binary}`` and ``{root}`` are filled in.
        variants: later ones win.
        builds: how projects are built; the last one that fits a version and flavour counts.
    """

    engine: Engine
    title: str
    container: dict[str, Any] = {}
    binaries: list[str] = []
    argv: list[str] = []
    variants: list[EngineVariant] = []
    builds: list[BuildRecipe] = []


def detect_engine(root: Path) -> EngineDetection:
    """Tell which engine the project in ``root`` uses, from its marker files."""
    try:
        names = sorted(entry.name for entry in root.iterdir())
    except OSError as exc:
        reason = exc.strerror or "it cannot be read"
        return EngineDetection(
            engine=Engine.CUSTOM, problem=f"The folder {root} cannot be listed: {reason}."
        )
    found: list[EngineDetection] = []
    unity_marker = root / "ProjectSettings" / "ProjectVersion.txt"
    if unity_marker.is_file():
        found.append(_detect_unity(unity_marker))
    uprojects = [n for n in names if n.lower().endswith(".uproject") and (root / n).is_file()]
    if uprojects:
        found.append(_detect_unreal(root, uprojects))
    if "project.godot" in names and (root / "project.godot").is_file():
        found.append(_detect_godot(root, names))
    if not found:
        return EngineDetection(engine=Engine.CUSTOM)
    if len(found) > 1:
        engines = " and ".join(detection.engine.value for detection in found)
        return msgspec.structs.replace(
            found[0],
            problem=f"The folder holds markers of {engines}; name the engine to be sure.",
        )
    return found[0]


@lru_cache
def load_preset(engine: Engine) -> EnginePreset:
    """Read the preset of ``engine``.

    Raises:
        SettingsError: the file is missing or not a preset.
    """
    return read_preset(resource_path("engines", f"{engine.value}.toml"), engine)


def read_preset(path: Path, engine: Engine) -> EnginePreset:
    """Read a preset from a file.

    Raises:
        SettingsError: the file is missing, not a preset, or of another engine.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        preset = msgspec.convert(data, EnginePreset)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as exc:
        raise SettingsError(
            f"The engine preset {path} cannot be used: {exc}.", hint="Reinstall SLATE."
        ) from exc
    if preset.engine is not engine:
        raise SettingsError(f"The engine preset {path} is for {preset.engine}, not {engine}.")
    return preset


def preset_for(
    engine: Engine, version: str | None = None, flavour: str | None = None
) -> EnginePreset:
    """Return the preset with the variants for this version and flavour applied; none remain."""
    preset = load_preset(engine)
    container, binaries, argv = dict(preset.container), preset.binaries, preset.argv
    for variant in preset.variants:
        if not _fits(variant, version, flavour):
            continue
        container |= variant.container
        binaries = variant.binaries if variant.binaries is not None else binaries
        argv = variant.argv if variant.argv is not None else argv
    tag = container.get("tag")
    if isinstance(tag, str) and "{version}" in tag:
        container["tag"] = _fill_tag(tag, version)
    return msgspec.structs.replace(
        preset, container=container, binaries=binaries, argv=argv, variants=[]
    )


def recipe_for(
    engine: Engine, version: str | None = None, flavour: str | None = None
) -> BuildRecipe:
    """Return how projects of this engine, version and flavour are built.

    Raises:
        SettingsError: the preset file names no build for them.
    """
    fitting = [r for r in load_preset(engine).builds if r.fits(version, flavour)]
    if not fitting:
        raise SettingsError(
            f"The preset of {engine.value} says nothing about builds of version {version}.",
            hint="Give the engine's version, or add a [[builds]] section to the preset.",
        )
    return fitting[-1]


def default_container_config(
    engine: Engine, version: str | None = None, *, flavour: str | None = None
) -> ContainerConfig:
    """Return the default configuration of an engine, before it is fitted to a host."""
    return parse_container_config(preset_for(engine, version, flavour).container)


def _detect_unity(marker: Path) -> EngineDetection:
    match = _UNITY_VERSION.search(_read_marker(marker))
    if match is None:
        return EngineDetection(
            engine=Engine.UNITY, problem="ProjectVersion.txt does not name an editor version."
        )
    flavour = "china" if match[2] else None
    return EngineDetection(engine=Engine.UNITY, version=match[1], flavour=flavour)


def _detect_unreal(root: Path, uprojects: list[str]) -> EngineDetection:
    if len(uprojects) > 1:
        return EngineDetection(
            engine=Engine.UNREAL,
            candidates=uprojects,
            problem=f"The folder holds {len(uprojects)} .uproject files: choose one.",
        )
    try:
        data = json.loads(_read_marker(root / uprojects[0]))
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        return EngineDetection(
            engine=Engine.UNREAL,
            candidates=uprojects,
            problem=f"{uprojects[0]} is not a JSON object.",
        )
    association = data.get("EngineAssociation")
    has_code = bool(data.get("Modules")) or (root / "Source").is_dir()
    return EngineDetection(
        engine=Engine.UNREAL,
        version=association if isinstance(association, str) and association else None,
        flavour="cpp" if has_code else "blueprint",
        candidates=uprojects,
    )


def _detect_godot(root: Path, names: list[str]) -> EngineDetection:
    text = _read_marker(root / "project.godot")
    form = _GODOT_FORMAT.search(text)
    major = _GODOT_MAJOR.get(form[1]) if form else None
    is_csharp = _GODOT_DOTNET.search(text) is not None or any(
        name.lower().endswith(".csproj") for name in names
    )
    version = major
    features = _GODOT_FEATURES.search(text)
    if features is not None and (exact := _QUOTED_VERSION.search(features[1])) is not None:
        version = exact[1]
    return EngineDetection(
        engine=Engine.GODOT,
        version=version,
        flavour="csharp" if is_csharp else "gdscript",
        problem=None if version else "project.godot does not name a version that SLATE knows.",
    )


def _read_marker(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_MARKER_LIMIT_BYTES).decode("utf-8-sig", errors="replace")
    except OSError:
        return ""


def _fits(variant: EngineVariant, version: str | None, flavour: str | None) -> bool:
    if variant.flavour is not None and variant.flavour != flavour:
        return False
    if not variant.versions:
        return True
    return version is not None and any(
        version == prefix or version.startswith(prefix + ".") for prefix in variant.versions
    )


def _fill_tag(tag: str, version: str | None) -> str:
    if version is None or "." not in version:
        # Tags with a flavour read `mono-{version}`; without a version the images have one `latest`.
        return "latest"
    return tag.replace("{version}", _TAG_UNSAFE.sub("-", version))
