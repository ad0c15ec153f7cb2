"""Between stored 8-bit values and linear light, with premultiplied alpha.

Two linear forms: *packed*, four lanes of 14 bits in a uint64 per pixel, so that one addition works
on a whole pixel and the sum of four still fits a lane; and *planes* of float32, 0 to 1.

Source: IEC 61966-2-1 (sRGB).
"""

from __future__ import annotations

from enum import Enum
from functools import lru_cache
from typing import Any

import numpy as np

from slate_desktop.pipeline.texture.image import Pixels

FULL = 16_383
_LANE = np.uint64(0x3FFF_3FFF_3FFF_3FFF)
_ONES = np.uint64(0x0001_0001_0001_0001)


class Curve(Enum):
    """How stored values are meant; alpha is always linear."""

    SRGB = "srgb"
    LINEAR = "linear"


def srgb_to_linear(values: Any) -> Any:
    """Return linear light of sRGB values, both 0 to 1."""
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def linear_to_srgb(values: Any) -> Any:
    """Return sRGB values of linear light, both 0 to 1."""
    return np.where(values <= 0.0031308, values * 12.92, 1.055 * values ** (1 / 2.4) - 0.055)


def pack(pixels: Pixels, curve: Curve, *, has_alpha: bool) -> Any:
    """Return packed linear values (height, width) of uint8 pixels; colour is premultiplied."""
    height, width = pixels.shape[:2]
    if not has_alpha:
        pairs = np.ascontiguousarray(pixels).view(np.uint16)
        table = _pair_tables(curve)
        packed = np.empty((height, width, 2), np.uint32)
        np.take(table[0], pairs[..., 0], out=packed[..., 0])
        np.take(table[1], pairs[..., 1], out=packed[..., 1])
        return packed.view(np.uint64)[..., 0]
    lanes = np.empty((height, width, 4), np.uint16)
    table = _premultiply_table(curve)
    high = pixels[..., 3].astype(np.uint16) << 8
    for channel in range(3):
        lanes[..., channel] = np.take(table, high | pixels[..., channel])
    lanes[..., 3] = np.take(_forward_table(Curve.LINEAR), pixels[..., 3])
    return lanes.view(np.uint64)[..., 0]


def unpack(packed: Any, curve: Curve, *, has_alpha: bool) -> Pixels:
    """Return uint8 pixels of packed values; where all is clear, colour is black."""
    lanes = np.ascontiguousarray(packed).view(np.uint16).reshape(*packed.shape, 4)
    if has_alpha:
        planes = [lanes[..., channel].astype(np.float32) / FULL for channel in range(4)]
        return from_planes(planes, curve)
    pixels = np.take(_back_table(curve), lanes)
    pixels[..., 3] = 255
    return pixels


def halve_packed(packed: Any) -> Any:
    """Return the means of 2 × 2 pixels; both sides even, or 1."""
    count = 0
    if packed.shape[0] > 1:
        packed = packed[0::2] + packed[1::2]
        count += 1
    if packed.shape[1] > 1:
        packed = packed[:, 0::2] + packed[:, 1::2]
        count += 1
    if not count:
        return packed
    # Half of the divisor, for rounding, then the bits that came in from the next lane cut off.
    return ((packed + (_ONES << np.uint64(count - 1))) >> np.uint64(count)) & _LANE


def to_planes(pixels: Pixels, curve: Curve, *, has_alpha: bool) -> list[Any]:
    """Return four float32 planes of uint8 or float pixels; colour is linear and premultiplied."""
    alpha = pixels[..., 3].astype(np.float32)
    if pixels.dtype != np.uint8:
        planes = [pixels[..., channel].astype(np.float32) for channel in range(3)]
    else:
        alpha /= 255
        table = _float_table(curve)
        planes = [np.take(table, pixels[..., channel]) for channel in range(3)]
    if has_alpha:
        planes = [plane * alpha for plane in planes]
    return [*planes, alpha]


def from_planes(planes: list[Any], curve: Curve) -> Pixels:
    """Return uint8 pixels of linear, premultiplied planes; where all is clear, colour is black."""
    alpha = np.clip(planes[3], 0, 1)
    pixels = np.empty((*alpha.shape, 4), np.uint8)
    # A pixel of less than half an alpha step has no colour that could be told.
    divisor = np.where(alpha < 0.5 / 255, np.float32(1), alpha)
    table = _back_table(curve)
    for channel in range(3):
        straight = np.clip(planes[channel] / divisor, 0, 1)
        pixels[..., channel] = np.take(table, (straight * FULL + 0.5).astype(np.uint16))
    pixels[..., 3] = (alpha * 255 + 0.5).astype(np.uint8)
    return pixels


def halve_plane(plane: Any) -> Any:
    """Return a float32 plane at half its sides, rounded down; every value counts alike.

    Source: a side of 2m + 1 is met by weights over three values:
    https://download.nvidia.com/developer/Papers/2005/NP2_Mipmapping/NP2_Mipmap_Creation.pdf
    """
    return _halve_rows(_halve_rows(plane).T).T


def _halve_rows(plane: Any) -> Any:
    count = plane.shape[0]
    if count == 1:
        return plane
    half = count // 2
    if count % 2 == 0:
        return (plane[0::2] + plane[1::2]) * np.float32(0.5)
    index = np.arange(half, dtype=np.float32)[:, None]
    first, last = (half - index) / count, (index + 1) / count
    middle = np.float32(half / count)
    return first * plane[0:-1:2] + middle * plane[1::2] + last * plane[2::2]


@lru_cache
def _float_table(curve: Curve) -> Any:
    values = np.arange(256) / 255
    return (srgb_to_linear(values) if curve is Curve.SRGB else values).astype(np.float32)


@lru_cache
def _forward_table(curve: Curve) -> Any:
    return np.round(_float_table(curve) * FULL).astype(np.uint16)


@lru_cache
def _back_table(curve: Curve) -> Any:
    values = np.arange(FULL + 1) / FULL
    stored = linear_to_srgb(values) if curve is Curve.SRGB else values
    return np.round(stored * 255).astype(np.uint8)


@lru_cache
def _pair_tables(curve: Curve) -> tuple[Any, Any]:
    """Return tables from two bytes to two lanes: red and green, blue and alpha."""
    low, high = np.arange(65_536) & 0xFF, np.arange(65_536) >> 8
    colour = _forward_table(curve).astype(np.uint32)
    alpha = _forward_table(Curve.LINEAR).astype(np.uint32)
    return colour[low] | colour[high] << 16, colour[low] | alpha[high] << 16


@lru_cache
def _premultiply_table(curve: Curve) -> Any:
    """Return a table from colour (low byte) and alpha (high byte) to premultiplied light."""
    colour = _float_table(curve)[np.arange(65_536) & 0xFF]
    return np.round(colour * (np.arange(65_536) >> 8) / 255 * FULL).astype(np.uint16)
