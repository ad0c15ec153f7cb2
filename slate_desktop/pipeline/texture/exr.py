"""Reading of OpenEXR pictures through the OpenEXR library."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, BinaryIO

import numpy as np
import OpenEXR

from slate_desktop.domain.assets.texture import ColorSpace
from slate_desktop.errors import AssetError
from slate_desktop.pipeline.texture.image import Pixels, TextureFacts
from slate_desktop.pipeline.texture.limits import check_sides, decoding

_MAX_CHANNELS = 64
_MAX_HALF = 65_504.0
# What stands for red, green and blue where a file names its channels otherwise.
_GREY = ("Y", "L", "Z")


def read_facts(stream: BinaryIO) -> TextureFacts:
    """Return what the header says.

    Raises:
        AssetError: it is not sound, or demands more than is allowed.
    """
    with decoding("EXR"):
        return _read_header(stream)


def read_exr(stream: BinaryIO) -> tuple[Pixels, TextureFacts]:
    """Read a picture as float32 linear RGBA (height, width, 4) with straight alpha.

    Values that are no numbers are 0; infinite ones are the largest half float.

    Raises:
        AssetError: it is not sound, or demands more than is allowed.
    """
    with decoding("EXR"):
        facts = _read_header(stream)
        stream.seek(0)
        # The file's dictionaries are emptied when it is closed.
        with OpenEXR.File(stream, separate_channels=True, num_threads=0) as file:
            channels = {name: channel.pixels for name, channel in file.channels().items()}
            bits = max((8 * plane.dtype.itemsize for plane in channels.values()), default=0)
            return _combine(channels, facts), replace(facts, bits=bits)


def _read_header(stream: BinaryIO) -> TextureFacts:
    stream.seek(0)
    with OpenEXR.File(stream, separate_channels=True, header_only=True) as file:
        header = file.header()
        if header.get("type") not in (OpenEXR.scanlineimage, OpenEXR.tiledimage):
            raise AssetError.invalid("This EXR holds deep pixels; only flat ones are read.")
        low, high = header["dataWindow"]
        names = sorted(channel.name for channel in header["channels"])
        part_count = len(file.parts)
    width, height = int(high[0]) - int(low[0]) + 1, int(high[1]) - int(low[1]) + 1
    check_sides(width, height, is_float=True)
    if len(names) > _MAX_CHANNELS:
        raise AssetError.limit(f"The EXR has {len(names)} channels, more than {_MAX_CHANNELS}.")
    notes = []
    if part_count > 1:
        notes.append(f"The EXR has {part_count} parts; the first is used.")
    if rest := [name for name in names if name not in ("R", "G", "B", "A", *_GREY)]:
        notes.append("Channels that were left out: " + ", ".join(rest)[:200])
    return TextureFacts(
        format="exr",
        width=width,
        height=height,
        channels=min(4, len(names)),
        bits=0,
        mode=", ".join(names)[:80],
        is_float=True,
        color_space=ColorSpace.LINEAR,
        gpu_bytes=width * height * 8,
        notes=tuple(notes),
    )


def _combine(channels: dict[str, Any], facts: TextureFacts) -> Pixels:
    shape = (facts.height, facts.width)
    pixels = np.empty((*shape, 4), np.float32)
    grey = next((channels[name] for name in _GREY if name in channels), None)
    if grey is None and not {"R", "G", "B"} & channels.keys():
        raise AssetError.invalid("The EXR has no channel of a colour.")
    for index, name in enumerate("RGB"):
        plane = channels.get(name, grey)
        pixels[..., index] = 0 if plane is None else _checked(plane, shape)
    pixels[..., 3] = 1 if "A" not in channels else _checked(channels["A"], shape)
    np.nan_to_num(pixels, copy=False, nan=0.0, posinf=_MAX_HALF, neginf=0.0)
    alpha = pixels[..., 3:]
    if (alpha < 1).any():
        # OpenEXR's colours are premultiplied.
        pixels[..., :3] /= np.where(alpha > 0, alpha, 1)
    return pixels


def _checked(plane: Any, shape: tuple[int, int]) -> Any:
    if plane.shape != shape:
        raise AssetError.invalid("The EXR stores a channel at a part of its size.")
    return plane
