"""The files that stand for one model: itself, its levels of detail, and painted copies.

Levels and copies are made in a child, into folders of their own; nothing of the project is changed.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from slate_desktop.domain.assets.kinds import AssetKind
from slate_desktop.ui.documents.model.drawable import Drawable, drawable, made_file
from slate_desktop.ui.documents.reader import Reader, Reading

# Ways to look that need a copy of the model with colours at its vertices.
PAINTED = frozenset(("normals", "colours", "light"))


class Variants:
    """Makes the variants of one model; keeps its levels and the newest painted copy."""

    def __init__(self, path: Path, reader: Reader) -> None:
        self._path, self._reader = path, reader
        self._whole: Drawable | None = None
        self._lods: Reading | None = None
        self._painted: tuple[tuple[int, str], Reading] | None = None

    async def open(self, facts: dict[str, Any], files: dict[str, Path]) -> None:
        """Take the model itself; what was made of other content is let go.

        Raises:
            SlateError: it cannot be read.
        """
        await self.aclose()
        self._whole = await drawable(self._reader, self._path, facts, files)

    async def make_levels(self) -> list[dict[str, Any]]:
        """Make levels of detail: triangles, size in bytes and error of each, the whole first.

        Raises:
            SlateError: they cannot be made.
        """
        task, kind = "model:make_lods", AssetKind.MODEL
        self._lods = await self._reader.read(task, self._path, kind=kind)
        return list(self._lods.result["levels"])

    async def variant(self, level: int, mode: str) -> tuple[Drawable, str]:
        """Return what shows a level in a way, and the mode to draw it in.

        Raises:
            SlateError: the file cannot be read, or has no such figure.
        """
        source = self._source(level)
        if mode in PAINTED:
            if self._painted is None or self._painted[0] != (level, mode):
                reading = await self._reader.read(
                    "model:paint_model", source, kind=AssetKind.MODEL, what=mode
                )
                await self._let_go_painted()
                self._painted = ((level, mode), reading)
            return made_file(self._painted[1]), "plain"
        if source == self._path and self._whole is not None:
            return self._whole, mode
        return Drawable({source.name: source}, source.name), mode

    async def aclose(self) -> None:
        """Remove what was made."""
        await self._let_go_painted()
        whole, self._whole = self._whole, None
        if whole is not None:
            await whole.aclose()
        lods, self._lods = self._lods, None
        if lods is not None:
            await asyncio.to_thread(lods.close)

    def _source(self, level: int) -> Path:
        if self._lods is None or level == 0:
            return self._path
        return self._lods.folder / str(self._lods.result["levels"][level]["file"])

    async def _let_go_painted(self) -> None:
        painted, self._painted = self._painted, None
        if painted is not None:
            await asyncio.to_thread(painted[1].close)
