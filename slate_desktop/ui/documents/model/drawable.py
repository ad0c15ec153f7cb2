"""What a drawing process is given of a model: its own files, or a plain copy where f3d reads less.

f3d reads no meshopt compression, no FBX in text, and none in the units that it states.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slate_desktop.domain.assets.kinds import AssetKind
from slate_desktop.ui.documents.reader import Reader, Reading

_FOREIGN_SUFFIXES = (".fbx",)
_FOREIGN_EXTENSIONS = frozenset(("EXT_meshopt_compression", "KHR_mesh_quantization"))


@dataclass(frozen=True)
class Drawable:
    """Files by their names in the process's folder, and which of them is the model."""

    files: dict[str, Path]
    main: str
    made: Reading | None = None

    async def aclose(self) -> None:
        """Remove the copy, where there is one."""
        if self.made is not None:
            await asyncio.to_thread(self.made.close)


async def drawable(
    reader: Reader, path: Path, facts: dict[str, Any], files: dict[str, Path]
) -> Drawable:
    """Return what shows a model as it is.

    Args:
        reader: reads it in a child.
        path: of the model.
        facts: what ``model:describe_model`` said of it.
        files: it and what it refers to, by name.

    Raises:
        SlateError: it cannot be read.
    """
    extensions = _FOREIGN_EXTENSIONS.intersection(facts.get("extensions") or ())
    if path.suffix.lower() not in _FOREIGN_SUFFIXES and not extensions:
        return Drawable(files, path.name)
    made = await reader.read("model:plain_model", path, kind=AssetKind.MODEL)
    return made_file(made)


def made_file(made: Reading) -> Drawable:
    """Return a model that a child made."""
    name = str(made.result["file"])
    return Drawable({name: made.folder / name}, name, made)
