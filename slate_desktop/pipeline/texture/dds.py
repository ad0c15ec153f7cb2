"""The DDS container, written with the DX10 header; read in that form and the older ones.

Source: https://learn.microsoft.com/windows/win32/direct3ddds/dx-graphics-dds-pguide
"""

from __future__ import annotations

import struct
from typing import BinaryIO

import numpy as np

from slate_desktop.errors import AssetError
from slate_desktop.pipeline.texture.container import Buffer, GpuTexture
from slate_desktop.pipeline.texture.gpuformats import BY_NAME, GpuFormat, by_dxgi, level_sizes
from slate_desktop.pipeline.texture.limits import check_sides, decoding

_MARK = b"DDS "
# Size, flags, height, width, pitch, depth, mip count; the rest of the header follows.
_HEADER = struct.Struct("<7I44x")
_PIXEL_FORMAT = struct.Struct("<2I4s5I")
_CAPS = struct.Struct("<2I12x")
_DX10 = struct.Struct("<5I")
_HEADER_SIZE, _PIXEL_FORMAT_SIZE = 124, 32
_HEADER_END = 4 + _HEADER_SIZE
_DX10_END = _HEADER_END + _DX10.size

# Flags of the header, of the pixel format, and of the capabilities.
_HAS_CAPS, _HAS_HEIGHT, _HAS_WIDTH, _HAS_PITCH = 0x1, 0x2, 0x4, 0x8
_HAS_FORMAT, _HAS_MIPS, _HAS_LINEAR_SIZE = 0x1000, 0x2_0000, 0x8_0000
_IS_FOURCC, _HAS_ALPHA, _IS_GREY = 0x4, 0x1, 0x2_0000
_COMPLEX, _TEXTURE, _MIPMAP = 0x8, 0x1000, 0x40_0000
_IS_CUBE, _IS_VOLUME = 0x200, 0x20_0000
_DIMENSION_2D = 3
_CUBE_MISC = 0x4
_STRAIGHT, _PREMULTIPLIED, _OPAQUE = 1, 2, 3

_FOURCC = {
    b"DXT1": "bc1a", b"DXT2": "bc2", b"DXT3": "bc2", b"DXT4": "bc3", b"DXT5": "bc3",
    b"ATI1": "bc4", b"BC4U": "bc4", b"ATI2": "bc5", b"BC5U": "bc5",
    b"\x24\0\0\0": "rgba16", b"\x6f\0\0\0": "r16f", b"\x70\0\0\0": "rg16f",
    b"\x71\0\0\0": "rgba16f", b"\x72\0\0\0": "r32f", b"\x73\0\0\0": "rg32f",
    b"\x74\0\0\0": "rgba32f",
}  # fmt: skip
_MAX_LAYERS = 2048


def dds_pieces(texture: GpuTexture, *, has_alpha: bool) -> list[Buffer]:
    """Return the file in pieces; one layer.

    Args:
        texture: in a format that DXGI has a number for.
        has_alpha: some pixel is not opaque.
    """
    gpu, count = texture.gpu, len(texture.levels)
    flags = _HAS_CAPS | _HAS_HEIGHT | _HAS_WIDTH | _HAS_FORMAT | (_HAS_MIPS if count > 1 else 0)
    flags |= _HAS_LINEAR_SIZE if gpu.is_block else _HAS_PITCH
    pitch = len(texture.levels[0]) if gpu.is_block else texture.width * gpu.block_bytes
    caps = _TEXTURE | (_COMPLEX | _MIPMAP if count > 1 else 0)
    return [
        _MARK,
        _HEADER.pack(_HEADER_SIZE, flags, texture.height, texture.width, pitch, 1, count),
        _PIXEL_FORMAT.pack(_PIXEL_FORMAT_SIZE, _IS_FOURCC, b"DX10", 0, 0, 0, 0, 0),
        _CAPS.pack(caps, 0),
        _DX10.pack(gpu.dxgi_number, _DIMENSION_2D, 0, 1, _STRAIGHT if has_alpha else _OPAQUE),
        *texture.levels,
    ]


def read_dds(stream: BinaryIO) -> GpuTexture:
    """Read a file's levels, the first layer and face of each.

    Raises:
        AssetError: it is not sound, demands more than is allowed, or is in a format of its own.
    """
    with decoding("DDS"):
        data = stream.read()
        if len(data) < _HEADER_END:
            raise AssetError.invalid("The DDS is damaged: it is cut off.")
        size, _, height, width, _, depth, count = _HEADER.unpack_from(data, 4)
        if size != _HEADER_SIZE:
            raise AssetError.invalid("The DDS is damaged: its header makes no sense.")
        check_sides(width, height)
        _, caps2 = _CAPS.unpack_from(data, 4 + _HEADER.size + _PIXEL_FORMAT.size)
        _, flags, fourcc, bits, *masks = _PIXEL_FORMAT.unpack_from(data, 4 + _HEADER.size)
        layers = 6 if caps2 & _IS_CUBE else max(1, depth) if caps2 & _IS_VOLUME else 1
        is_premultiplied = fourcc in (b"DXT2", b"DXT4")
        if flags & _IS_FOURCC and fourcc == b"DX10":
            gpu, layers, is_premultiplied = _read_dx10(data, layers)
            start = _DX10_END
        elif flags & _IS_FOURCC:
            gpu, start = _of_fourcc(fourcc), _HEADER_END
        else:
            has_alpha = flags & _HAS_ALPHA != 0
            if flags & _IS_GREY and bits in (8, 16):
                # Writers differ in the masks of grey: it is the low byte, and alpha the high one.
                masks = [0xFF, 0, 0, 0xFF00]
            return _read_masked(data, (width, height), bits, masks, has_alpha=has_alpha)
        check_sides(width, height, is_float=gpu.is_float)
        # Of a volume the slices of a level lie together: the first one alone is read.
        levels = _cut(data, start, gpu, width, height, 1 if caps2 & _IS_VOLUME else max(1, count))
    return GpuTexture(
        gpu=gpu,
        width=width,
        height=height,
        levels=levels,
        layers=layers,
        is_premultiplied=is_premultiplied,
    )


def _cut(
    data: bytes, start: int, gpu: GpuFormat, width: int, height: int, count: int
) -> tuple[Buffer, ...]:
    sizes = level_sizes(width, height)
    if count > len(sizes):
        raise AssetError.invalid("The DDS is damaged: it states too many levels.")
    levels = []
    for side in sizes[:count]:
        size = gpu.level_bytes(*side)
        if start + size > len(data):
            raise AssetError.invalid("The DDS is damaged: it is cut off.")
        levels.append(memoryview(data)[start : start + size])
        start += size
    return tuple(levels)


def _read_dx10(data: bytes, layers: int) -> tuple[GpuFormat, int, bool]:
    if len(data) < _DX10_END:
        raise AssetError.invalid("The DDS is damaged: it is cut off.")
    number, dimension, misc, count, misc2 = _DX10.unpack_from(data, _HEADER_END)
    gpu = by_dxgi(number)
    if gpu is None:
        raise AssetError.invalid(f"The DDS is in DXGI's format {number}, which is not read.")
    if gpu.name == "bc1":
        # DXGI has one number for BC1 with and without clear pixels.
        gpu = BY_NAME["bc1a"].in_space(is_srgb=gpu.is_srgb)
    if count > _MAX_LAYERS or dimension not in (_DIMENSION_2D, _DIMENSION_2D + 1):
        raise AssetError.invalid("The DDS is damaged: its layers make no sense.")
    faces = 6 if misc & _CUBE_MISC else 1
    return gpu, max(layers, max(1, count) * faces), misc2 & 7 == _PREMULTIPLIED


def _of_fourcc(fourcc: bytes) -> GpuFormat:
    name = _FOURCC.get(fourcc)
    if name is None:
        shown = fourcc.decode("ascii", "replace").encode("ascii", "replace").decode("ascii")
        raise AssetError.invalid(f"The DDS is in the format {shown!r}, which is not read.")
    return BY_NAME[name]


def _read_masked(
    data: bytes, size: tuple[int, int], bits: int, masks: list[int], *, has_alpha: bool
) -> GpuTexture:
    """Read the oldest form, plain pixels whose channels are told by bit masks, as RGBA."""
    if bits not in (8, 16, 24, 32):
        raise AssetError.invalid(f"The DDS has {bits} bits per pixel, which is not read.")
    width, height = size
    step = bits // 8
    raw = np.frombuffer(data, np.uint8, count=width * height * step, offset=_HEADER_END)
    values = np.zeros(width * height, np.uint32)
    for index in range(step):
        values |= raw[index::step].astype(np.uint32) << np.uint32(8 * index)
    pixels = np.full((width * height, 4), 255, np.uint8)
    red, green, blue, alpha = masks
    if not green and not blue:
        green = blue = red  # grey
    for channel, mask in enumerate((red, green, blue, alpha if has_alpha else 0)):
        if mask:
            shift = (mask & -mask).bit_length() - 1
            most = mask >> shift
            part = ((values & np.uint32(mask)) >> np.uint32(shift)).astype(np.uint64)
            pixels[:, channel] = (part * 255 + most // 2) // most
        elif channel < 3:
            pixels[:, channel] = 0
    return GpuTexture(gpu=BY_NAME["rgba8"], width=width, height=height, levels=(pixels.tobytes(),))
