"""A texture in memory: its levels as arrays, and what is known about the file they came from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from slate_desktop.domain.assets.texture import ColorSpace

# (height, width, 4): uint8 straight RGBA, or float16 and float32 linear RGBA.
Pixels: TypeAlias = npt.NDArray[Any]
# Takes a small picture before the whole is there, and the texture's width and height.
OnGlance: TypeAlias = Callable[[Pixels, int, int], None]
GLANCE_SIDE = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class TextureFacts:
    """What a file says about itself.

    Attributes:
        format: short name, such as ``png``.
        width: pixels, after the orientation was applied.
        height: pixels, after the orientation was applied.
        channels: 1 to 4, as stored: grey, grey and alpha, RGB, RGBA.
        bits: per channel, as stored; 0 for block compression, and where a header does not say it.
        mode: the file's own words, such as ``RGBA``, ``CMYK`` or ``bc7``.
        is_float: values may pass 1.
        color_space: that the file states, or ``auto``: it states none.
        levels: mips in the file.
        layers: array layers, cube faces and slices in the file; the first is read.
        gpu_bytes: that a GPU needs for the levels as they are stored; for a picture as RGBA.
        notes: sentences about what was not read as stored.
        extra: further facts by name, JSON values.
    """

    format: str
    width: int
    height: int
    channels: int
    bits: int
    mode: str
    is_float: bool = False
    color_space: ColorSpace = ColorSpace.AUTO
    levels: int = 1
    layers: int = 1
    gpu_bytes: int = 0
    notes: tuple[str, ...] = ()
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TextureImage:
    """A texture that was read.

    Attributes:
        levels: largest first. Arrays (height, width, 4), uint8 with straight alpha or float32
            with linear values.
        facts: about the file.
    """

    levels: tuple[Pixels, ...]
    facts: TextureFacts

    @property
    def pixels(self) -> Pixels:
        """The largest level that was read."""
        return self.levels[0]

    @property
    def is_float(self) -> bool:
        """Whether values are floats and may pass 1."""
        return self.pixels.dtype != np.uint8
