"""Keeps the drawn shapes of icons from start to start: reading them is quicker than drawing them.

A start shows sixty icons, and to draw them from their SVG takes as long as all of the docks.
"""

from __future__ import annotations

import asyncio
import logging
from functools import cache
from pathlib import Path

import msgspec
from PySide6.QtCore import qVersion

from slate_desktop import __version__
from slate_desktop.errors import SettingsError
from slate_desktop.settings import files
from slate_desktop.settings.paths import cache_dir, resource_path

log = logging.getLogger(__name__)


class _Kept(msgspec.Struct):
    stamp: str
    shapes: dict[str, bytes]


class Shapes:
    """How opaque each pixel of an icon is, by the icon's name and the length of a side in pixels.

    Args:
        path: where they are kept. What is no such file counts as none.
        stamp: of what they were drawn from, and by what; those with another one are drawn anew.
    """

    def __init__(self, path: Path, stamp: str) -> None:
        self._path, self._stamp = path, stamp
        self._is_changed = False
        self._shapes = self._read()

    def get(self, name: str, side: int) -> bytes | None:
        """Return the rows of a shape one after another, a byte a pixel; None where it is new."""
        alpha = self._shapes.get(f"{name}@{side}")
        return alpha if alpha is not None and len(alpha) == side * side else None

    def add(self, name: str, side: int, alpha: bytes) -> None:
        """Take a shape that was drawn."""
        self._shapes[f"{name}@{side}"] = alpha
        self._is_changed = True

    async def save(self) -> None:
        """Keep what was added since it was read; a disk that takes nothing costs the next start."""
        if self._is_changed:
            self._is_changed = False
            data = msgspec.msgpack.encode(_Kept(self._stamp, self._shapes))
            await asyncio.to_thread(self._write, data)

    def _write(self, data: bytes) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            files.write_private(self._path, data)
        except (OSError, SettingsError) as error:
            log.info("shapes of icons are not kept", extra={"reason": str(error)})

    def _read(self) -> dict[str, bytes]:
        try:
            kept = msgspec.msgpack.decode(self._path.read_bytes(), type=_Kept)
        except (OSError, msgspec.DecodeError):
            return {}
        return kept.shapes if kept.stamp == self._stamp else {}


@cache
def shapes() -> Shapes:
    """Return the shapes of the bundled icons."""
    changed_ns = Path(resource_path("icons")).stat().st_mtime_ns
    stamp = f"{__version__} {qVersion()} {changed_ns}"
    return Shapes(cache_dir() / "icons" / "shapes.msgpack", stamp)
