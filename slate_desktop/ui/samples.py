"""The sample projects: copied once to the user's data, then added like any other project."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

from slate_desktop.control.client import Slate
from slate_desktop.domain.engine import Engine
from slate_desktop.domain.project import Project
from slate_desktop.settings import paths

HELLO = "hello-runtime"
GODOT = "godot-pulse"
BUILD = "hello-build"


async def add_samples(slate: Slate) -> list[Project]:
    """Add all samples and return them, the one that needs nothing installed first.

    A sample that was copied before is left as the user made it.

    Raises:
        SlateError: a project cannot be added.
    """
    return [await add_sample(slate, name) for name in (HELLO, GODOT, BUILD)]


async def add_sample(slate: Slate, name: str) -> Project:
    """Add one sample; raises like ``add_samples``."""
    engine = Engine.GODOT if name == GODOT else Engine.CUSTOM
    return await slate.add_project(await asyncio.to_thread(_copy, name), name=name, engine=engine)


def is_sample(project: Project) -> bool:
    """Tell whether a project is a sample in the place where samples are copied to."""
    return Path(project.root) == paths.projects_dir() / project.name


def restore_file(root: Path, name: str, file: Path) -> None:
    """Copy a file of the sample ``name`` again, where it is missing."""
    if not (root / file).exists():
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(paths.resource_path("samples", name) / file, root / file)


def _copy(name: str) -> Path:
    target = paths.projects_dir() / name
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f".{name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(paths.resource_path("samples", name), partial)
        partial.rename(target)
    return target
