"""The GPU's file: the format for a compression and usage, all levels, the container."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from slate_desktop.domain.assets.texture import (
    ColorSpace,
    Compression,
    TextureFormat,
    TextureOptions,
    TextureUsage,
)
from slate_desktop.pipeline.texture.blocks import encode_levels
from slate_desktop.pipeline.texture.container import GpuTexture
from slate_desktop.pipeline.texture.dds import dds_pieces
from slate_desktop.pipeline.texture.gpuformats import BY_NAME, GpuFormat
from slate_desktop.pipeline.texture.image import Pixels
from slate_desktop.pipeline.texture.ktx2 import ktx2_pieces
from slate_desktop.pipeline.texture.light import Curve, from_planes, srgb_to_linear
from slate_desktop.pipeline.texture.mips import (
    colour_mips,
    float_mips,
    keep_coverage,
    normal_mips,
)
from slate_desktop.pipeline.texture.usage import Verdict

_WRITER = "SLATE Desktop"
_MAX_HALF = 65_504


def choose_gpu_format(
    compression: Compression, verdict: Verdict, options: TextureOptions, *, is_float: bool
) -> GpuFormat:
    """Return the format for a compression that is neither ``auto`` nor ``basis``."""
    name = compression.value
    match compression:
        case Compression.NONE:
            name = "rgba16f" if is_float else "rgba8"
        case Compression.ETC2:
            name = _etc2_name(verdict)
        case Compression.ASTC:
            name = f"astc_{options.astc_block.value}"
    return BY_NAME[name].in_space(is_srgb=verdict.color_space is ColorSpace.SRGB)


def compared_channels(gpu: GpuFormat, verdict: Verdict) -> tuple[int, ...]:
    """Return the channels that a format was asked to keep."""
    if gpu.channels == 4 and not verdict.has_alpha:
        return 0, 1, 2
    return tuple(range(gpu.channels))


def in_type_of(pixels: Pixels, gpu: GpuFormat, verdict: Verdict) -> Pixels:
    """Return pixels as a format takes them: uint8, or float16 of linear light."""
    is_float = pixels.dtype != np.uint8
    if gpu.is_float and is_float:
        return np.clip(pixels, 0, _MAX_HALF).astype(np.float16)
    if gpu.is_float:
        values = pixels.astype(np.float32) / 255
        if verdict.color_space is ColorSpace.SRGB:
            values[..., :3] = srgb_to_linear(values[..., :3])
        return values.astype(np.float16)
    if is_float:
        return to_bytes(pixels)
    return pixels


def to_bytes(pixels: Pixels) -> Pixels:
    """Return float pixels as uint8 sRGB; what is brighter than 1 is cut off."""
    planes = [np.clip(pixels[..., channel].astype(np.float32), 0, 1) for channel in range(4)]
    return from_planes([*(plane * planes[3] for plane in planes[:3]), planes[3]], Curve.SRGB)


def make_levels(pixels: Pixels, verdict: Verdict, options: TextureOptions) -> list[Pixels]:
    """Return the mips that a usage wants, or the one level when none are asked for."""
    if not options.generate_mipmaps:
        return [pixels]
    if pixels.dtype != np.uint8:
        return float_mips(pixels)
    if verdict.usage is TextureUsage.NORMAL:
        return normal_mips(pixels)
    curve = Curve.SRGB if verdict.color_space is ColorSpace.SRGB else Curve.LINEAR
    levels = colour_mips(pixels, curve, has_alpha=verdict.has_alpha)
    return keep_coverage(levels, options.alpha_cutoff) if verdict.is_cutout else levels


def write_gpu(
    path: Path,
    levels: list[Pixels],
    gpu: GpuFormat,
    verdict: Verdict,
    options: TextureOptions,
    progress: Callable[[float], None],
) -> None:
    """Compress levels and write them in the container that the path's ending names.

    Args:
        path: to write, ``.ktx2`` or ``.dds``.
        levels: largest first, of the format's type.
        gpu: their format.
        verdict: about the texture.
        options: of the job.
        progress: told the fraction that is done.
    """
    if gpu.is_block:
        encoded = encode_levels(
            levels, gpu, options.effort, has_alpha=verdict.has_alpha, progress=progress
        )
    else:
        encoded = [level.tobytes() for level in levels]
        progress(1.0)
    height, width = levels[0].shape[:2]
    texture = GpuTexture(gpu=gpu, width=width, height=height, levels=tuple(encoded))
    if path.suffix == f".{TextureFormat.DDS.value}":
        pieces = dds_pieces(texture, has_alpha=verdict.has_alpha)
    else:
        pieces = ktx2_pieces(texture, _WRITER)
    with path.open("xb") as file:
        file.writelines(pieces)


def _etc2_name(verdict: Verdict) -> str:
    if verdict.usage is TextureUsage.NORMAL:
        return "eac_rg"
    if verdict.has_alpha:
        return "etc2_rgba"
    if verdict.usage is TextureUsage.MASK and verdict.data_channels == 1:
        return "eac_r"
    return "etc2_rgb"
