"""Which assets are meant by files and folders that were dropped or chosen, and where each goes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from slate_desktop.control.asset_batch import AssetTask
from slate_desktop.domain.assets.job import DEFAULT_OUT_DIR
from slate_desktop.domain.assets.kinds import kind_of

MAX_FILES = 10_000


def assets_among(paths: Sequence[Path], root: Path, base: str) -> list[AssetTask]:
    """Return the assets among files and below folders; hidden folders and results are left out.

    Args:
        paths: files and folders.
        root: the project's folder.
        base: where products go, empty for the project's usual place: there each folder of sources
            has one of its own, below ``base`` each folder below the one that was given.
    """
    found: list[AssetTask] = []

    def take(source: Path, below: str) -> None:
        kind = kind_of(source)
        if kind is not None:
            usual = source.parent.relative_to(root) if source.is_relative_to(root) else Path()
            folder = (PurePosixPath(base) / below).as_posix() if base else usual.as_posix()
            found.append(AssetTask(source=source, name=str(source), folder=folder, kind=kind))

    for path in paths:
        if not path.is_dir():
            take(path, "")
            continue
        for folder, folders, names in os.walk(path):
            folders[:] = sorted(
                name for name in folders if not name.startswith(".") and name != DEFAULT_OUT_DIR
            )
            here = Path(folder)
            for name in sorted(names):
                if not name.startswith("."):
                    take(here / name, here.relative_to(path).as_posix())
            if len(found) > MAX_FILES:
                return found[:MAX_FILES]
    return found
