"""How near a decoded picture is to what was encoded: PSNR and SSIM.

Source: Wang et al., "Image quality assessment: from error visibility to structural similarity",
2004, over blocks of 8 × 8 pixels.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from slate_desktop.pipeline.texture.bands import map_threads, row_bands
from slate_desktop.pipeline.texture.image import Pixels

_WINDOW = 8
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
# Luma of Rec. 601, in 256ths.
_LUMA = (77, 150, 29)


# Returns rows from a first one up to a second one.
Rows: TypeAlias = Callable[[int, int], Pixels]


@dataclass(frozen=True, slots=True)
class Likeness:
    """How alike two pictures are: PSNR in decibels, None where they are equal; SSIM, 0 to 1."""

    psnr_db: float | None
    ssim: float


def compare(
    shape: tuple[int, ...], encoded: Rows, decoded: Rows, channels: tuple[int, ...], multiple: int
) -> Likeness:
    """Compare pixels with what comes out of a decoder, band by band.

    Floats are measured against the brightest value that was encoded.

    Args:
        shape: height and width come first.
        encoded: returns the rows that went in, from a first one up to a second one.
        decoded: the same of what came out.
        channels: that were kept.
        multiple: of rows, at which a band may start.
    """

    def work(band: tuple[int, int]) -> tuple[float, float, int, float]:
        first, second = encoded(*band), decoded(*band)
        peak = 255.0 if first.dtype == np.uint8 else float(first[..., :3].max())
        return _loss(first, second, channels), *_similarity(first, second, channels), peak

    height, width = shape[:2]
    parts = map_threads(work, row_bands(height, width, math.lcm(_WINDOW, multiple)))
    losses, alike, counts, peaks = zip(*parts, strict=True)
    similarity = round(max(0.0, min(1.0, sum(alike) / sum(counts))), 5)
    if sum(losses) == 0:
        return Likeness(None, similarity)
    mean = sum(losses) / (height * width * len(channels))
    peak = max(1.0, *peaks)
    return Likeness(round(10 * math.log10(peak * peak / mean), 2), similarity)


def _loss(first: Pixels, second: Pixels, channels: tuple[int, ...]) -> float:
    """Return the sum of squared differences."""
    if first.dtype != np.uint8:
        parts = (
            first[..., channel].astype(np.float64) - second[..., channel] for channel in channels
        )
        return float(sum((part * part).sum() for part in parts))
    if channels == (0, 1, 2, 3):
        return _square_sum(first.reshape(-1), second.reshape(-1))
    return sum(_square_sum(first[..., channel], second[..., channel]) for channel in channels)


def _square_sum(first: Any, second: Any) -> float:
    difference = np.subtract(first, second, dtype=np.int16).astype(np.float32).ravel()
    # Squares up to 65,025 times this many stay well inside what a float32 sum keeps.
    return float(
        sum(
            float(np.dot(part, part))
            for part in np.array_split(difference, max(1, len(difference) // 65_536))
        )
    )


def _similarity(encoded: Pixels, decoded: Pixels, channels: tuple[int, ...]) -> tuple[float, int]:
    """Return the sum over all windows, and how many there are."""
    first = _windows(_grey(encoded, channels))
    second = _windows(_grey(decoded, channels))
    size = first.shape[1] * first.shape[3]
    mean_1, mean_2 = first.mean(axis=(1, 3)), second.mean(axis=(1, 3))
    square_1 = np.einsum("abcd,abcd->ac", first, first) / size - mean_1 * mean_1
    square_2 = np.einsum("abcd,abcd->ac", second, second) / size - mean_2 * mean_2
    both = np.einsum("abcd,abcd->ac", first, second) / size - mean_1 * mean_2
    alike = (2 * mean_1 * mean_2 + _C1) * (2 * both + _C2)
    alike /= (mean_1**2 + mean_2**2 + _C1) * (square_1 + square_2 + _C2)
    return float(alike.sum()), alike.size


def _grey(pixels: Pixels, channels: tuple[int, ...]) -> Any:
    if pixels.dtype != np.uint8:
        colour = np.clip(pixels[..., :3].astype(np.float32), 0, None)
        light = colour @ np.array(_LUMA, np.float32) / 256
        # Tone-mapped, as eyes would see it: plain differences would only tell of the sun.
        return light / (1 + light) * np.float32(255)
    if len(channels) < 3:
        return pixels[..., list(channels)].mean(axis=-1, dtype=np.float32)
    light = sum(
        pixels[..., channel].astype(np.uint16) * np.uint16(weight)
        for channel, weight in enumerate(_LUMA)
    )
    return (light >> np.uint16(8)).astype(np.float32)


def _windows(grey: Any) -> Any:
    """Return windows (down, rows, across, columns); what is smaller than one is one."""
    rows, columns = min(_WINDOW, grey.shape[0]), min(_WINDOW, grey.shape[1])
    down, across = grey.shape[0] // rows, grey.shape[1] // columns
    return grey[: down * rows, : across * columns].reshape(down, rows, across, columns)
