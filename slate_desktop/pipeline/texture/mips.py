"""Mip levels: colour in linear light with premultiplied alpha, normals at unit length.

A cut-out's levels keep the area that its alpha test covers, or leaves would thin out with distance.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from slate_desktop.pipeline.texture.bands import map_threads, row_bands
from slate_desktop.pipeline.texture.gpuformats import level_sizes
from slate_desktop.pipeline.texture.image import Pixels
from slate_desktop.pipeline.texture.light import (
    Curve,
    from_planes,
    halve_packed,
    halve_plane,
    pack,
    to_planes,
    unpack,
)

# Of pixels as uint32 on little-endian machines: alpha is the highest byte, green the second.
_FAINTEST = np.uint32(0x01000000)
_EVEN_BYTES, _LOW_BYTE, _TWO_LANES = map(np.uint32, (0x00FF00FF, 0x000000FF, 0x00020002))


def colour_mips(pixels: Pixels, curve: Curve, *, has_alpha: bool) -> list[Pixels]:
    """Return all levels of uint8 pixels, the given one first.

    Where a level is all clear, its colour is that of the plain mean, as a sampler between pixels
    still sees it.
    """
    levels = [pixels]
    packed: Any = None
    for width, height in level_sizes(pixels.shape[1], pixels.shape[0])[1:]:
        last = levels[-1]
        if not _is_even(last):
            planes = to_planes(last, curve, has_alpha=has_alpha)
            smaller = from_planes([halve_plane(plane) for plane in planes], curve)
            packed = None
        else:
            packed = _halved(last, packed, curve, has_alpha=has_alpha)
            smaller = _unpacked(packed, curve, has_alpha=has_alpha)
        if has_alpha:
            _fill_clear(smaller, last)
        if smaller.shape[:2] != (height, width):
            raise AssertionError(f"a level of {smaller.shape[:2]} is not {(height, width)}")
        levels.append(smaller)
    return levels


def normal_mips(pixels: Pixels) -> list[Pixels]:
    """Return all levels of a uint8 normal map, normals at unit length; alpha is a plain mean."""
    levels = [pixels]
    planes: list[Any] | None = None
    for _ in level_sizes(pixels.shape[1], pixels.shape[0])[1:]:
        if planes is None:
            planes = _halved_normals(pixels)
        else:
            planes = _unit([halve_plane(plane) for plane in planes])
        levels.append(_from_normals(planes))
    return levels


def float_mips(pixels: Pixels) -> list[Pixels]:
    """Return all levels of float pixels, in the same type."""
    levels = [pixels]
    for _ in level_sizes(pixels.shape[1], pixels.shape[0])[1:]:
        levels.append(halve_float(levels[-1]))
    return levels


def halve_colour(pixels: Pixels, curve: Curve, *, has_alpha: bool) -> Pixels:
    """Return uint8 pixels at half their sides, which are even."""
    packed = _halved(pixels, None, curve, has_alpha=has_alpha)
    return _unpacked(packed, curve, has_alpha=has_alpha)


def halve_normals(pixels: Pixels) -> Pixels:
    """Return a uint8 normal map at half its sides."""
    return _from_normals(_halved_normals(pixels))


def halve_float(pixels: Pixels) -> Pixels:
    """Return float pixels at half their sides, in the same type."""
    planes = [halve_plane(pixels[..., channel].astype(np.float32)) for channel in range(4)]
    return np.stack(planes, axis=-1).astype(pixels.dtype)


def keep_coverage(levels: list[Pixels], cutoff: float) -> list[Pixels]:
    """Return levels whose alpha passes ``cutoff`` (0 to 1) on as large a share as the first's.

    Source: I. Castaño, "Computing Alpha Mipmaps",
    https://www.ludicon.com/castano/blog/articles/computing-alpha-mipmaps/
    """
    threshold = round(cutoff * 255)
    wanted = float(np.mean(levels[0][..., 3] >= threshold))
    return [levels[0], *(_covering(level, threshold, wanted) for level in levels[1:])]


def _covering(level: Pixels, threshold: int, wanted: float) -> Pixels:
    counts = np.bincount(level[..., 3].ravel(), minlength=256)
    # Pixels at or above each value, as a share.
    above = np.cumsum(counts[::-1])[::-1] / counts.sum()
    best = 1 + int(np.argmin(np.abs(above[1:] - wanted)))
    if wanted == 0 or best == threshold:
        return level
    scaled = level.copy()
    alpha = level[..., 3].astype(np.float32) * (threshold / best)
    scaled[..., 3] = np.minimum(255, np.ceil(alpha - 1e-3)).astype(np.uint8)
    return scaled


def _is_even(pixels: Pixels) -> bool:
    return all(side == 1 or side % 2 == 0 for side in pixels.shape[:2])


def _halved(last: Pixels, packed: Any, curve: Curve, *, has_alpha: bool) -> Any:
    """Halve the packed form of the last level, or make that of the first in bands."""
    if packed is not None:
        return halve_packed(packed)

    def work(band: tuple[int, int]) -> Any:
        return halve_packed(pack(last[band[0] : band[1]], curve, has_alpha=has_alpha))

    return np.concatenate(map_threads(work, row_bands(last.shape[0], last.shape[1], 2)))


def _unpacked(packed: Any, curve: Curve, *, has_alpha: bool) -> Pixels:
    result = np.empty((*packed.shape, 4), np.uint8)

    def work(band: tuple[int, int]) -> None:
        rows = packed[band[0] : band[1]]
        result[band[0] : band[1]] = unpack(rows, curve, has_alpha=has_alpha)

    map_threads(work, row_bands(packed.shape[0], packed.shape[1], 1))
    return result


def _fill_clear(smaller: Pixels, larger: Pixels) -> None:
    """Give clear pixels the plain mean of those above them, in place."""
    height, width = smaller.shape[:2]

    def work(band: tuple[int, int]) -> None:
        top, bottom = band
        part = smaller[top:bottom].view(np.uint32)[..., 0]
        is_clear = part < _FAINTEST
        if is_clear.any():
            # An odd side's last row or column counts for nothing, a side of one for itself.
            rows = larger[2 * top : max(1, 2 * bottom), : max(1, 2 * width)]
            np.copyto(part, _plain_means(rows), where=is_clear)

    map_threads(work, row_bands(height, width, 1))


def _plain_means(pixels: Pixels) -> Any:
    """Return the means of 2 × 2 pixels as stored, two channels at a time; alpha is 0."""
    texels = np.ascontiguousarray(pixels).view(np.uint32)[..., 0]
    even, odd = texels & _EVEN_BYTES, (texels >> np.uint32(8)) & _LOW_BYTE
    even, odd = (
        (_quad_sum(lanes) + _TWO_LANES >> np.uint32(2)) & _EVEN_BYTES for lanes in (even, odd)
    )
    return even | odd << np.uint32(8)


def _quad_sum(lanes: Any) -> Any:
    down = lanes[0::2] + (lanes[1::2] if lanes.shape[0] > 1 else lanes)
    return down[:, 0::2] + (down[:, 1::2] if down.shape[1] > 1 else down)


def _halved_normals(pixels: Pixels) -> list[Any]:
    # An odd height needs rows of the neighbouring band: then it is one band.
    height, width = pixels.shape[:2]
    bands = row_bands(height, width, 2) if height % 2 == 0 else [(0, height)]

    def work(band: tuple[int, int]) -> list[Any]:
        part = pixels[band[0] : band[1]].astype(np.float32)
        return _unit([halve_plane(part[..., channel] / 127.5 - 1) for channel in range(4)])

    parts = map_threads(work, bands)
    return [np.concatenate([part[channel] for part in parts]) for channel in range(4)]


def _unit(planes: list[Any]) -> list[Any]:
    """Return normals at unit length; where they cancel out, straight up."""
    x, y, z, alpha = planes
    length = np.sqrt(x * x + y * y + z * z)
    is_none = length < 1e-6
    length[is_none] = 1
    return [x / length, y / length, np.where(is_none, np.float32(1), z / length), alpha]


def _from_normals(planes: list[Any]) -> Pixels:
    stacked = np.stack(planes, axis=-1)
    return np.clip(np.round((stacked + 1) * 127.5), 0, 255).astype(np.uint8)
