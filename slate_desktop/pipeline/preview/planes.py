"""Pixels on their way to the window: raw arrays in files, which the window maps into memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def write_plane(path: Path, pixels: Array) -> dict[str, Any]:
    """Write an array as it is; returns what :func:`map_plane` needs to find it again."""
    pixels = np.ascontiguousarray(pixels)
    with path.open("wb") as file:
        file.write(pixels.data)
    return {"file": path.name, "shape": list(pixels.shape), "type": str(pixels.dtype)}


def map_plane(folder: Path, plane: dict[str, Any]) -> Array:
    """Map a plane into memory, read only.

    The description comes from a child that read an untrusted file, so nothing of it is believed:
    a name leads nowhere else, and a shape that does not fit the file is an error.

    Raises:
        ValueError: the description is not sound.
    """
    name, shape, kind = str(plane["file"]), tuple(plane["shape"]), str(plane["type"])
    if Path(name).name != name or kind not in ("uint8", "float32", "uint32"):
        raise ValueError("not a plane")
    if not all(isinstance(n, int) and 0 < n < 2**31 for n in shape):
        raise ValueError("not a shape")
    return np.memmap(folder / name, dtype=kind, mode="r", shape=shape)


def thumbnail_side(arguments: dict[str, Any]) -> int:
    """Return how many pixels a thumbnail's longer side may have."""
    return min(max(int(arguments["side"]), 16), 512)


def halve(pixels: Array) -> Array:
    """Return the next smaller level: each pixel the mean of the four that it covers.

    The last row or column of an odd side goes into its neighbour's mean once more, as GPUs do it.
    """
    height, width = pixels.shape[:2]
    if height > 1 and height % 2:
        pixels = pixels[:-1]
    if width > 1 and width % 2:
        pixels = pixels[:, :-1]
    rows = (pixels[0::2], pixels[1::2]) if height > 1 else (pixels, pixels)
    if pixels.dtype != np.uint8:
        wide = rows[0] + rows[1]
        return _columns(wide, width) * np.float32(0.25)
    wide = np.add(rows[0], rows[1], dtype=np.uint16)
    return ((_columns(wide, width) + 2) >> 2).astype(np.uint8)


def _columns(sums: Array, width: int) -> Array:
    return sums[:, 0::2] + sums[:, 1::2] if width > 1 else sums + sums
