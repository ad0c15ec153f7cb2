"""A texture for the viewer: a small picture at once, then every level."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from slate_desktop.pipeline import texture
from slate_desktop.pipeline.preview.planes import Array, halve, thumbnail_side, write_plane
from slate_desktop.pipeline.preview.shading import Look, shade
from slate_desktop.pipeline.run import Progress
from slate_desktop.pipeline.texture.image import GLANCE_SIDE


def open_texture(arguments: dict[str, Any], work_dir: Path, progress: Progress) -> object:
    """Read ``source`` and write its levels, largest first, down to one pixel.

    The first message of progress names a small picture that is there already: ``first W H w h``,
    its size and the texture's.

    Raises:
        AssetError: the file is not sound or needs more than is allowed.
    """
    glances: list[int] = []

    def on_glance(small: Array, width: int, height: int) -> None:
        glances.append(width)
        write_plane(work_dir / "first", small)
        progress(0.5, f"first {small.shape[1]} {small.shape[0]} {width} {height}")

    image = texture.read(Path(arguments["source"]), on_glance=on_glance)
    levels = [np.asarray(level) for level in image.levels]
    if levels[0].dtype != np.uint8:
        levels = [level.astype(np.float32, copy=False) for level in levels]
    height, width = levels[0].shape[:2]
    if not glances and (step := -(-max(height, width) // GLANCE_SIDE)) > 1:
        on_glance(levels[0][step // 2 :: step, step // 2 :: step], width, height)
    planes = []
    for number, level in enumerate(chain(levels)):
        planes.append(write_plane(work_dir / f"level{number}", level))
        progress(0.5 + 0.5 * min(number / 12, 1), "levels")
    facts = image.facts
    return {
        "planes": planes,
        "own_levels": len(levels),
        "format": facts.format,
        "mode": facts.mode,
        "channels": facts.channels,
        "bits": facts.bits,
        "is_float": facts.is_float,
        "color_space": facts.color_space.value,
        "layers": facts.layers,
        "gpu_bytes": facts.gpu_bytes,
        "notes": list(facts.notes),
    }


def texture_thumbnail(arguments: dict[str, Any], work_dir: Path, progress: Progress) -> object:  # noqa: ARG001
    """Write a picture of ``source`` of at most ``side`` pixels: RGBA bytes, right way up.

    Raises:
        AssetError: the file is not sound or needs more than is allowed.
    """
    side = thumbnail_side(arguments)
    image = texture.read(Path(arguments["source"]), max_side=side, only_largest=True)
    level = np.asarray(image.pixels)
    for smaller in image.levels[1:]:
        if max(smaller.shape[:2]) < side:
            break
        level = np.asarray(smaller)
    if level.dtype != np.uint8:
        level = level.astype(np.float32, copy=False)
    while max(level.shape[:2]) >= 2 * side:
        level = halve(level)
    pixels = shade(level, Look())
    pixels = _fit(pixels, side)
    facts = image.facts
    words = f"{facts.width} × {facts.height}"
    return {"plane": write_plane(work_dir / "thumbnail", pixels), "words": words}


def chain(levels: list[Array]) -> Any:
    """Yield the given levels, then smaller ones down to one pixel."""
    yield from levels
    level = levels[-1]
    while max(level.shape[:2]) > 1:
        level = halve(level)
        yield level


def _fit(pixels: Any, side: int) -> Any:
    from PIL import Image

    height, width = pixels.shape[:2]
    if max(height, width) <= side:
        return pixels
    factor = side / max(height, width)
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    # Colour of clear texels must not leak into their neighbours.
    picture = Image.fromarray(pixels, "RGBA").convert("RGBa")
    return np.asarray(picture.resize(size, Image.Resampling.BOX).convert("RGBA"))
