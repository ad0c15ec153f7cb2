"""How texels become what is looked at: channels, exposure, normal maps, differences.

Pure functions on arrays (height, width, 4): uint8 with straight alpha, or float32 with linear
values. They return uint8 with straight alpha, ready for a screen.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
# Rec. 709 weights of linear light. Source: https://www.itu.int/rec/R-REC-BT.709
_LUMA = np.array((0.2126, 0.7152, 0.0722), dtype=np.float32)
_LIGHT = np.array((-0.45, 0.55, 0.704), dtype=np.float32)
_AMBIENT = 0.15


class Channel(StrEnum):
    """What of a texture is shown."""

    RGBA = "rgba"
    RGB = "rgb"
    RED = "r"
    GREEN = "g"
    BLUE = "b"
    ALPHA = "a"
    LUMINANCE = "l"


@dataclass(frozen=True)
class Look:
    """How a texture is shown.

    Attributes:
        channel: alone, or all of them.
        exposure: in stops; 1 is twice as bright.
        is_normal_map: texels are directions: they are lit instead of shown.
        is_green_down: whether the green of a normal map points down (DirectX).
    """

    channel: Channel = Channel.RGBA
    exposure: float = 0.0
    is_normal_map: bool = False
    is_green_down: bool = False


def cut(level: Array, left: int, top: int, width: int, height: int, *, is_tiled: bool) -> Array:
    """Return a piece of a level; where ``is_tiled``, it may lie anywhere and the level repeats."""
    if not is_tiled:
        return np.ascontiguousarray(level[top : top + height, left : left + width])
    rows = np.arange(top, top + height) % level.shape[0]
    columns = np.arange(left, left + width) % level.shape[1]
    return np.take(np.take(level, rows, axis=0), columns, axis=1)


def shade(pixels: Array, look: Look) -> Array:
    """Return texels as they are looked at."""
    if look.is_normal_map:
        return _lit(pixels, is_green_down=look.is_green_down)
    shown = _exposed(pixels, look.exposure)
    if look.channel is Channel.RGBA:
        return shown
    if look.channel is Channel.RGB:
        shown = shown.copy()
    elif look.channel is Channel.LUMINANCE:
        grey = _to_srgb_bytes(_luminance(pixels) * np.float32(2.0**look.exposure))
        shown = np.repeat(grey[..., None], 4, axis=2)
    else:
        index = "rgba".index(look.channel.value)
        shown = np.repeat(shown[..., index : index + 1], 4, axis=2)
    shown[..., 3] = 255
    return shown


def difference(first: Array, second: Array, gain: float) -> Array:
    """Return how far apart two shaded pictures of one size are, times ``gain``; grey is equal."""
    apart = np.abs(first.astype(np.int16) - second.astype(np.int16)).astype(np.float32) * gain
    shown = np.minimum(apart, 255).astype(np.uint8)
    # A difference in alpha alone must be seen too.
    shown[..., :3] = np.maximum(shown[..., :3], shown[..., 3:])
    shown[..., 3] = 255
    return shown


def _exposed(pixels: Array, stops: float) -> Array:
    if pixels.dtype == np.uint8:
        if stops == 0:
            return pixels
        shown = np.take(_table(round(stops, 2)), pixels)
        shown[..., 3] = pixels[..., 3]
        return shown
    factor = np.float32(2.0**stops)
    shown = np.empty(pixels.shape, np.uint8)
    shown[..., :3] = _to_srgb_bytes(pixels[..., :3] * factor)
    alpha = np.nan_to_num(pixels[..., 3], nan=0.0, posinf=1.0, neginf=0.0)
    shown[..., 3] = np.clip(alpha, 0, 1) * np.float32(255) + np.float32(0.5)
    return shown


@lru_cache(maxsize=64)
def _table(stops: float) -> Array:
    linear = _to_linear(np.arange(256, dtype=np.uint8)) * np.float32(2.0**stops)
    return _to_srgb_bytes(linear)


def _luminance(pixels: Array) -> Array:
    rgb = _to_linear(pixels[..., :3]) if pixels.dtype == np.uint8 else pixels[..., :3]
    return np.nan_to_num(rgb @ _LUMA, nan=0.0, posinf=65504.0, neginf=0.0)


def _lit(pixels: Array, *, is_green_down: bool) -> Array:
    """Light a normal map from the upper left, on a grey surface."""
    if pixels.dtype == np.uint8:
        normals = pixels[..., :3].astype(np.float32) * np.float32(2 / 255) - 1
    else:
        normals = np.nan_to_num(pixels[..., :3].astype(np.float32)) * 2 - 1
    # Two-channel normal maps leave blue at nothing: it follows from the other two.
    flat = normals[..., 2] <= -0.98
    if flat.any():
        rest = 1 - np.square(normals[..., 0]) - np.square(normals[..., 1])
        normals[..., 2] = np.where(flat, np.sqrt(np.maximum(rest, 0)), normals[..., 2])
    light = _LIGHT * np.array((1, -1 if is_green_down else 1, 1), np.float32)
    length = np.maximum(np.sqrt(np.square(normals).sum(axis=2)), 1e-6)
    amount = np.maximum(normals @ light / length, 0) * (1 - _AMBIENT) + _AMBIENT
    grey = _to_srgb_bytes(amount * np.float32(0.6))
    shown = np.repeat(grey[..., None], 4, axis=2)
    shown[..., 3] = 255
    return shown


def _to_linear(values: Array) -> Array:
    return np.take(_srgb_table(), values)


@lru_cache(maxsize=1)
def _srgb_table() -> Array:
    value = np.arange(256, dtype=np.float32) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4).astype(
        np.float32
    )


def _to_srgb_bytes(linear: Array) -> Array:
    """Encode linear light. Source: https://www.w3.org/Graphics/Color/sRGB."""
    value = np.clip(np.nan_to_num(linear, nan=0.0, posinf=1.0, neginf=0.0), 0, 1)
    curve = np.where(value <= 0.0031308, value * 12.92, 1.055 * value ** (1 / 2.4) - 0.055)
    return (curve * 255 + 0.5).astype(np.uint8)
