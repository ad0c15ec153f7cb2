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
    hello = await slate.add_project(
        await asyncio.to_thread(_copy, HELLO), name=HELLO, engine=Engine.CUSTOM
    )
    godot = await slate.add_project(
        await asyncio.to_thread(_copy, GODOT), name=GODOT, engine=Engine.GODOT
    )
    build = await slate.add_project(
        await asyncio.to_thread(_copy, BUILD), name=BUILD, engine=Engine.CUSTOM
    )
    return [hello, godot, build]


def _copy(name: str) -> Path:
    target = paths.projects_dir() / name
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f".{name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(paths.resource_path("samples", name), partial)
        partial.rename(target)
    return target
