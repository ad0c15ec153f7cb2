"""What a texture is for, seen from its name and pixels; what follows for its compression."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from slate_desktop.domain.assets.texture import (
    ColorSpace,
    Compression,
    TextureOptions,
    TextureUsage,
)
from slate_desktop.pipeline.texture.image import Pixels, TextureFacts

_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+")
_NORMAL = {"normal", "normals", "normalmap", "nrm", "nor", "norm", "nml"}
_MASK = {
    "mask", "ao", "occlusion", "rough", "roughness", "metal", "metallic", "metalness", "gloss",
    "glossiness", "smoothness", "height", "disp", "displacement", "bump", "arm", "orm", "rma",
    "mrao", "mra", "cavity", "opacity", "curvature", "thickness", "splat",
}  # fmt: skip
_COLOUR = {
    "albedo", "diff", "diffuse", "color", "colour", "col", "basecolor", "base", "emissive",
    "emission", "sprite", "ui", "icon", "skybox", "sky",
}  # fmt: skip
# Looking at this many pixels is enough to know what a picture is.
_SAMPLE = 65_536
# Values that count as equal to 0 or 255 after lossy compression.
_NEARLY = 8
_MOST_PARTIAL = 0.05
_OPAQUE = np.uint32(0xFF000000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was found about a texture.

    Attributes:
        usage: chosen, or seen.
        color_space: chosen, stated by the file, or by usage.
        has_alpha: some pixel is not opaque.
        is_cutout: nearly all pixels are opaque or clear.
        data_channels: 1 where red, green and blue are alike, else 3.
    """

    usage: TextureUsage
    color_space: ColorSpace
    has_alpha: bool
    is_cutout: bool
    data_channels: int


def usage_of_name(stem: str) -> TextureUsage:
    """Return what a file's name says, without its ending; ``auto``: it says nothing."""
    words = [word.lower() for word in _WORD.findall(stem)]
    # The last word that says something counts: "normal_enemy_albedo" is a colour.
    for word in reversed(words):
        for known, usage in (
            (_NORMAL, TextureUsage.NORMAL),
            (_MASK, TextureUsage.MASK),
            (_COLOUR, TextureUsage.COLOUR),
        ):
            if word in known:
                return usage
    if words and words[-1] == "n" and len(words) > 1:
        return TextureUsage.NORMAL
    return TextureUsage.AUTO


def judge(pixels: Pixels, facts: TextureFacts, stem: str, options: TextureOptions) -> Verdict:
    """Return what a texture is for; the options win, then the name, then the pixels."""
    has_alpha = _has_alpha(pixels)
    usage = options.usage
    if usage is TextureUsage.AUTO:
        usage = usage_of_name(stem)
    sample = _sample(pixels)
    if usage is TextureUsage.AUTO:
        usage = _usage_of_content(sample, facts)
    is_colour = usage is TextureUsage.COLOUR
    space = options.color_space
    if space is ColorSpace.AUTO:
        space = facts.color_space
    if facts.is_float:
        space = ColorSpace.LINEAR
    if space is ColorSpace.AUTO:
        space = ColorSpace.SRGB if is_colour else ColorSpace.LINEAR
    return Verdict(
        usage=usage,
        color_space=space,
        has_alpha=has_alpha,
        is_cutout=has_alpha and is_colour and not facts.is_float and _is_cutout(pixels),
        data_channels=1 if facts.channels <= 2 or _is_grey(sample) else 3,
    )


def best_compression(verdict: Verdict, *, is_float: bool) -> Compression:
    """Return the compression for a usage: colour BC7, normal BC5, mask BC4, HDR BC6H.

    A mask of several channels stays BC7, as BC4 would keep one.
    """
    if is_float:
        return Compression.BC6H
    if verdict.usage is TextureUsage.NORMAL:
        return Compression.BC5
    if verdict.usage is TextureUsage.MASK and verdict.data_channels == 1 and not verdict.has_alpha:
        return Compression.BC4
    return Compression.BC7


def _usage_of_content(sample: Pixels, facts: TextureFacts) -> TextureUsage:
    if facts.is_float:
        return TextureUsage.COLOUR
    if facts.channels == 1 and facts.bits in (1, 16, 32):
        return TextureUsage.MASK
    if facts.mode in ("bc5", "eac_rg") or _looks_normal(sample):
        return TextureUsage.NORMAL
    if facts.channels == 1:
        return TextureUsage.MASK
    return TextureUsage.COLOUR


def _looks_normal(sample: Pixels) -> bool:
    """Tell whether nearly all pixels are vectors of unit length that point outwards."""
    vectors = sample[..., :3].astype(np.float32) / 127.5 - 1
    length = np.sqrt((vectors * vectors).sum(axis=-1))
    is_unit = np.abs(length - 1) < 0.12
    mean = vectors.reshape(-1, 3).mean(axis=0)
    return bool(
        is_unit.mean() > 0.9
        and (vectors[..., 2] > 0).mean() > 0.98
        and mean[2] > 0.5
        and np.abs(mean[:2]).max() < 0.25
    )


def _is_grey(sample: Pixels) -> bool:
    colour = sample[..., :3].astype(np.float32)
    return bool(np.abs(colour - colour[..., :1]).max() <= 2)


def _has_alpha(pixels: Pixels) -> bool:
    if pixels.dtype != np.uint8:
        return bool((pixels[..., 3] < 1).any())
    # Whole pixels at a time: alpha is the highest byte.
    return bool((pixels.view(np.uint32) < _OPAQUE).any())


def _is_cutout(pixels: Pixels) -> bool:
    alpha = np.ascontiguousarray(pixels[..., 3])
    is_clear = alpha < _NEARLY
    is_partial = ~is_clear & (alpha < 256 - _NEARLY)
    return bool(is_partial.mean() <= _MOST_PARTIAL and is_clear.mean() > 0.005)


def _sample(pixels: Pixels) -> Pixels:
    step = max(1, int((pixels.shape[0] * pixels.shape[1] / _SAMPLE) ** 0.5))
    return pixels[::step, ::step]
