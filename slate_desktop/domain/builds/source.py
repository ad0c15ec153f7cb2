"""What is built: the facts that a project's folder tells, read once before the command is made."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from slate_desktop.domain.builds.custom import CustomBuild
from slate_desktop.domain.builds.export_presets import ExportPreset, read_export_presets
from slate_desktop.domain.builds.recipe import BuildRecipe
from slate_desktop.domain.engine import Engine, detect_engine, recipe_for
from slate_desktop.domain.project_file import read_project_file
from slate_desktop.errors import CommandError, ErrorCode

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_MAX_NAME = 60


class BuildSource(msgspec.Struct, frozen=True, kw_only=True):
    """A project as a build sees it.

    Attributes:
        engine: which one builds it.
        name: the project's name as the name of a file.
        version: of the engine, None where the project does not say.
        flavour: as ``detect_engine`` finds it.
        uproject: the file's name, for Unreal.
        presets: Godot's export presets.
        custom: the ``[build]`` table of its ``slate.toml``.
    """

    engine: Engine
    name: str
    version: str | None = None
    flavour: str | None = None
    uproject: str | None = None
    presets: list[ExportPreset] = []
    custom: CustomBuild = CustomBuild()

    @property
    def recipe(self) -> BuildRecipe:
        """How such a project is built."""
        return recipe_for(self.engine, self.version, self.flavour)


def read_source(
    root: Path, engine: Engine, name: str, *, engine_version: str | None = None
) -> BuildSource:
    """Read the project in ``root``.

    Args:
        root: the project's folder.
        engine: the project's engine, as its row says.
        name: the project's name.
        engine_version: instead of the version that the folder names.

    Raises:
        CommandError: ``bad_request``: the folder has no project of this engine, or its files
            cannot be read.
    """
    found = detect_engine(root)
    if engine is not Engine.CUSTOM and found.engine is not engine and found.problem is None:
        raise CommandError(
            ErrorCode.BAD_REQUEST,
            f"The folder {root} holds no {engine.value} project",
            field="project_id",
            hint="Choose the right engine in the project's details.",
        )
    is_same = found.engine is engine
    uproject = None
    if engine is Engine.UNREAL:
        uproject = _uproject(root, found.candidates)
    return BuildSource(
        engine=engine,
        name=file_name(name),
        version=engine_version or (found.version if is_same else None),
        flavour=found.flavour if is_same else None,
        uproject=uproject,
        presets=read_export_presets(root) if engine is Engine.GODOT else [],
        custom=read_project_file(root).build or CustomBuild(),
    )


def file_name(name: str) -> str:
    """Return a project's name as a file's name: ASCII, and nothing that a program takes amiss."""
    return _UNSAFE.sub("-", name).strip("-.")[:_MAX_NAME].rstrip("-.") or "game"


def _uproject(root: Path, candidates: list[str]) -> str:
    names = candidates or sorted(
        entry.name for entry in root.iterdir() if entry.name.lower().endswith(".uproject")
    )
    if len(names) != 1:
        listed = ", ".join(names) or "none"
        raise CommandError(
            ErrorCode.BAD_REQUEST,
            f"The folder must hold exactly one .uproject file; it holds {listed}",
            field="project_id",
        )
    return names[0]
