"""Resizing in linear light with premultiplied alpha; normals come out at unit length.

Far larger pictures are halved first, exactly and fast; the rest of the way goes by Lanczos.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from slate_desktop.domain.assets.texture import MAX_PIXELS, MAX_SIDE, Fit, TextureOptions
from slate_desktop.errors import AssetError
from slate_desktop.pipeline.texture.image import Pixels
from slate_desktop.pipeline.texture.light import Curve, from_planes, to_planes
from slate_desktop.pipeline.texture.mips import halve_colour, halve_float, halve_normals

# While it is this many times larger on both sides, halving first loses nothing that shows.
_HALVE_ABOVE = 3


def target_size(options: TextureOptions, width: int, height: int) -> tuple[int, int]:
    """Return the sides that the options ask for, of a picture with these sides, in pixels.

    Raises:
        AssetError: a picture of these proportions would be too large.
    """
    resize = options.resize
    new_width, new_height = width, height
    if resize is not None:
        box_width = resize.width or max(1, round(width * (resize.height or 1) / height))
        box_height = resize.height or max(1, round(height * (resize.width or 1) / width))
        new_width, new_height = box_width, box_height
        if resize.fit is Fit.INSIDE:
            scale = min(1.0, box_width / width, box_height / height)
            new_width = min(box_width, max(1, round(width * scale)))
            new_height = min(box_height, max(1, round(height * scale)))
    if options.power_of_two:
        new_width, new_height = _power_of_two(new_width), _power_of_two(new_height)
    if max(new_width, new_height) > MAX_SIDE or new_width * new_height > MAX_PIXELS:
        raise AssetError.limit(
            f"Resizing to {new_width} × {new_height} pixels would be more than is allowed."
        )
    return new_width, new_height


def crop_box(
    options: TextureOptions, width: int, height: int, target: tuple[int, int]
) -> tuple[float, float, float, float]:
    """Return the part that is kept, left, top, right, bottom: all but for ``cover``."""
    if options.resize is None or options.resize.fit is not Fit.COVER:
        return 0, 0, width, height
    scale = min(width / target[0], height / target[1])
    across, down = target[0] * scale, target[1] * scale
    left, top = (width - across) / 2, (height - down) / 2
    return left, top, left + across, top + down


def resize_colour(
    pixels: Pixels,
    target: tuple[int, int],
    box: tuple[float, float, float, float],
    curve: Curve,
    *,
    has_alpha: bool,
) -> Pixels:
    """Return uint8 pixels at the ``target`` size of what lies in the ``box``."""
    while (halved := _halved_box(pixels, target, box)) is not None:
        pixels, box = halve_colour(pixels, curve, has_alpha=has_alpha), halved
    planes = to_planes(pixels, curve, has_alpha=has_alpha)
    return from_planes([_resize_plane(plane, target, box) for plane in planes], curve)


def resize_normals(
    pixels: Pixels, target: tuple[int, int], box: tuple[float, float, float, float]
) -> Pixels:
    """Return a uint8 normal map at the ``target`` size of what lies in the ``box``."""
    while (halved := _halved_box(pixels, target, box)) is not None:
        pixels, box = halve_normals(pixels), halved
    planes = [
        _resize_plane(pixels[..., channel].astype(np.float32) / 127.5 - 1, target, box)
        for channel in range(4)
    ]
    length = np.sqrt(sum(plane * plane for plane in planes[:3]))
    length[length < 1e-6] = 1
    stacked = np.stack([*(plane / length for plane in planes[:3]), planes[3]], axis=-1)
    return np.clip(np.round((stacked + 1) * 127.5), 0, 255).astype(np.uint8)


def resize_float(
    pixels: Pixels, target: tuple[int, int], box: tuple[float, float, float, float]
) -> Pixels:
    """Return float pixels at the ``target`` size of what lies in the ``box``; never below 0."""
    while (halved := _halved_box(pixels, target, box)) is not None:
        pixels, box = halve_float(pixels), halved
    planes = [
        _resize_plane(pixels[..., channel].astype(np.float32), target, box) for channel in range(4)
    ]
    return np.maximum(np.stack(planes, axis=-1), 0).astype(pixels.dtype)


def shrink(pixels: Pixels, max_side: int) -> Pixels:
    """Return a picture whose longer side is at most ``max_side``, for looking at."""
    height, width = pixels.shape[:2]
    scale = max_side / max(width, height)
    if scale >= 1:
        return pixels
    target = max(1, round(width * scale)), max(1, round(height * scale))
    box = (0.0, 0.0, float(width), float(height))
    if pixels.dtype != np.uint8:
        return resize_float(pixels, target, box)
    has_alpha = bool((pixels[..., 3] != 255).any())
    return resize_colour(pixels, target, box, Curve.SRGB, has_alpha=has_alpha)


def _power_of_two(side: int) -> int:
    below = 1 << (side.bit_length() - 1)
    return below if side * side < below * below * 2 else below * 2


def _halved_box(
    pixels: Pixels, target: tuple[int, int], box: tuple[float, float, float, float]
) -> tuple[float, float, float, float] | None:
    """Return the box in a half of the size, or None: the picture is not far too large."""
    left, top, right, bottom = box
    height, width = pixels.shape[:2]
    is_even = width % 2 == 0 and height % 2 == 0
    is_large = right - left >= _HALVE_ABOVE * target[0] and bottom - top >= _HALVE_ABOVE * target[1]
    return (left / 2, top / 2, right / 2, bottom / 2) if is_even and is_large else None


def _resize_plane(
    plane: Any, target: tuple[int, int], box: tuple[float, float, float, float]
) -> Any:
    picture = Image.fromarray(np.ascontiguousarray(plane))
    return np.asarray(picture.resize(target, Image.Resampling.LANCZOS, box=box))
