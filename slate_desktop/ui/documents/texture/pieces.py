"""What is in sight of a texture: cut out of a level, shaded, and made a picture; in a thread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QImage

from slate_desktop.ui.documents.texture.ground import ceil
from slate_desktop.ui.documents.texture.levels import Levels

if TYPE_CHECKING:
    from slate_desktop.pipeline.preview.shading import Look

_DIFFERENCE_GAIN = 8.0
# Half of what is in sight, and a fifth of that around it.
_MARGIN = 0.6


@dataclass(frozen=True)
class Picture:
    """A shaded piece: the image, and where it lies in texels of the texture."""

    image: QImage
    area: QRectF


@dataclass(frozen=True)
class Job:
    """A piece of a level, where it lies in the texture, and how large it is on the screen."""

    levels: Levels
    index: int
    piece: QRect
    area: QRectF
    size: QSize
    look: Look
    is_tiled: bool


@dataclass(frozen=True)
class Sight:
    """Where a widget looks: its size, the texel in its middle, pixels a texel, device pixels."""

    size: QSize
    centre: QPointF
    zoom: float
    ratio: float


def job_for(levels: Levels, sight: Sight, look: Look, *, mip: int | None, is_tiled: bool) -> Job:
    """Return what is in sight, and a little around it, of the level that fits the zoom.

    Args:
        levels: of the texture.
        sight: where it is looked at.
        look: how it is shaded.
        mip: a level to show whatever the zoom, None for the one that fits.
        is_tiled: whether it goes on beyond its edges.
    """
    index = levels.level_for(sight.zoom * sight.ratio) if mip is None else mip
    index = min(index, len(levels.arrays) - 1)
    across, down = levels.scale_of(index)
    half_width = sight.size.width() / sight.zoom * _MARGIN
    half_height = sight.size.height() / sight.zoom * _MARGIN
    left = int((sight.centre.x() - half_width) // across)
    top = int((sight.centre.y() - half_height) // down)
    right = ceil((sight.centre.x() + half_width) / across)
    bottom = ceil((sight.centre.y() + half_height) / down)
    if not is_tiled:
        height, width = levels.arrays[index].shape[:2]
        left, top = max(0, min(left, width - 1)), max(0, min(top, height - 1))
        right, bottom = max(left + 1, min(right, width)), max(top + 1, min(bottom, height))
    area = QRectF(left * across, top * down, (right - left) * across, (bottom - top) * down)
    scale = sight.zoom * sight.ratio
    size = QSize(max(1, round(area.width() * scale)), max(1, round(area.height() * scale)))
    piece = QRect(left, top, right - left, bottom - top)
    return Job(levels, index, piece, area, size, look, is_tiled)


def shade_all(jobs: list[Job], is_difference: bool) -> list[Picture]:
    """Cut out and shade, or show how two differ; touches no widget."""
    from slate_desktop.pipeline.preview import shading

    shaded = []
    for job in jobs:
        level, piece = job.levels.arrays[job.index], job.piece
        texels = shading.cut(
            level, piece.x(), piece.y(), piece.width(), piece.height(), is_tiled=job.is_tiled
        )
        shaded.append(shading.shade(texels, job.look))
    if is_difference and len(shaded) == 2 and shaded[0].shape == shaded[1].shape:
        shaded = [shading.difference(shaded[0], shaded[1], _DIFFERENCE_GAIN)]
    return [_picture(pixels, job) for pixels, job in zip(shaded, jobs, strict=False)]


def _picture(pixels: object, job: Job) -> Picture:
    import numpy as np

    data = np.ascontiguousarray(pixels)
    height, width = data.shape[:2]
    image = QImage(data.data, width, height, width * 4, QImage.Format.Format_RGBA8888)
    image = image.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)
    if job.size.width() < width and job.size.height() < height:
        image = image.scaled(
            job.size,
            Qt.AspectRatioMode.IgnoreAspectRatio,
            Qt.TransformationMode.SmoothTransformation,
        )
    return Picture(image, job.area)
