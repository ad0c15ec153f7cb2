"""The KTX2 container, written and read; Basis Universal inside of it is told, not decoded.

Source: https://registry.khronos.org/KTX/specs/2.0/ktxspec.v2.html and, for the data format
descriptor, https://registry.khronos.org/DataFormat/specs/1.3/dataformat.1.3.html
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from slate_desktop.errors import AssetError
from slate_desktop.pipeline.texture.container import Buffer, GpuTexture
from slate_desktop.pipeline.texture.gpuformats import GpuFormat, by_vk, level_sizes
from slate_desktop.pipeline.texture.limits import check_sides, decoding

_MARK = b"\xabKTX 20\xbb\r\n\x1a\n"
_HEADER = struct.Struct("<9I")
_INDEX = struct.Struct("<4I2Q")
_LEVEL = struct.Struct("<3Q")
_HEADER_END = len(_MARK) + _HEADER.size + _INDEX.size
_NO_SCHEME, _BASIS_LZ, _ZSTD, _ZLIB = range(4)
_MAX_LAYERS = 2048

# Data format descriptor: colour models, transfer functions, channels, qualifiers.
_MODEL_RGB = 1
_MODELS = {
    "bc1": 128, "bc1a": 128, "bc2": 129, "bc3": 130, "bc4": 131, "bc5": 132, "bc6h": 133,
    "bc6h_signed": 133, "bc7": 134, "etc2_rgb": 161, "etc2_rgba1": 161, "etc2_rgba": 161,
    "eac_r": 161, "eac_rg": 161,
}  # fmt: skip
_MODEL_ASTC, _MODEL_UASTC = 162, 166
_LINEAR, _SRGB = 1, 2
_BT709 = 1
_ALPHA = 15
_IS_LINEAR, _IS_SIGNED, _IS_FLOAT = 0x10, 0x40, 0x80
_ONE, _MINUS_ONE = 0x3F800000, 0xBF800000


@dataclass(frozen=True, slots=True)
class _Sample:
    """One entry of a descriptor: where a channel's bits lie, and what they mean."""

    channel: int
    offset_bits: int
    length_bits: int
    qualifiers: int = 0
    lower: int = 0
    upper: int = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True)
class _Header:
    """The fixed part of the file."""

    vk: int
    type_size: int
    width: int
    height: int
    depth: int
    layers: int
    faces: int
    levels: int
    scheme: int


def ktx2_pieces(texture: GpuTexture, writer: str) -> list[Buffer]:
    """Return the file in pieces: levels smallest first, as the format wants them.

    Args:
        texture: one layer.
        writer: name and version of the program, for the file's metadata.
    """
    gpu = texture.gpu
    descriptor = _descriptor(gpu)
    metadata = b"".join(
        _key_value(key, value) for key, value in (("KTXorientation", "rd"), ("KTXwriter", writer))
    )
    count = len(texture.levels)
    descriptor_at = _HEADER_END + count * _LEVEL.size
    metadata_at = descriptor_at + len(descriptor)
    alignment = math.lcm(gpu.block_bytes, 4)
    position = metadata_at + len(metadata)
    places = [0] * count
    body: list[Buffer] = []
    for level in reversed(range(count)):
        padding = -position % alignment
        places[level] = position + padding
        body += [bytes(padding), texture.levels[level]]
        position = places[level] + len(texture.levels[level])
    type_size = 1 if gpu.is_block else gpu.block_bytes // gpu.channels
    header = _HEADER.pack(
        gpu.vk_number, type_size, texture.width, texture.height, 0, 0, 1, count, _NO_SCHEME
    )
    index = _INDEX.pack(descriptor_at, len(descriptor), metadata_at, len(metadata), 0, 0)
    levels = b"".join(
        _LEVEL.pack(place, len(data), len(data))
        for place, data in zip(places, texture.levels, strict=True)
    )
    return [_MARK, header, index, levels, descriptor, metadata, *body]


def read_ktx2(stream: BinaryIO) -> GpuTexture:
    """Read a file's levels, the first layer and face of each.

    Raises:
        AssetError: it is not sound, demands more than is allowed, or holds what cannot be decoded.
    """
    with decoding("KTX2"):
        data = stream.read()
        header = _read_header(data)
        gpu = _format_of(header, data)
        count = max(1, header.levels)
        sizes = level_sizes(header.width, header.height)
        if count > len(sizes):
            raise AssetError.invalid("The KTX2 is damaged: it states too many levels.")
        layers = max(1, header.layers) * header.faces
        levels = tuple(
            _read_level(data, header, level, gpu.level_bytes(*sizes[level]), layers)
            for level in range(count)
        )
    return GpuTexture(
        gpu=gpu,
        width=header.width,
        height=header.height,
        levels=levels,
        layers=layers * max(1, header.depth),
    )


def read_basis_facts(stream: BinaryIO) -> tuple[int, int, int]:
    """Return width, height and levels of a file with Basis Universal.

    Raises:
        AssetError: it is not sound, or holds something else.
    """
    with decoding("KTX2"):
        data = stream.read()
        header = _read_header(data)
        if header.scheme != _BASIS_LZ and _color_model(data) != _MODEL_UASTC:
            raise AssetError.invalid("The KTX2 holds no Basis Universal.")
    return header.width, header.height, max(1, header.levels)


def _read_header(data: bytes) -> _Header:
    if len(data) < _HEADER_END:
        raise AssetError.invalid("The KTX2 is damaged: it is cut off.")
    header = _Header(*_HEADER.unpack_from(data, len(_MARK)))
    check_sides(header.width, max(1, header.height))
    if header.height == 0:
        raise AssetError.invalid("The KTX2 holds a line of pixels, which is not read.")
    if header.faces not in (1, 6) or header.layers > _MAX_LAYERS or header.depth > _MAX_LAYERS:
        raise AssetError.invalid("The KTX2 is damaged: its layers make no sense.")
    return header


def _format_of(header: _Header, data: bytes) -> GpuFormat:
    if header.scheme == _BASIS_LZ or (header.vk == 0 and _color_model(data) == _MODEL_UASTC):
        raise AssetError.invalid(
            "The KTX2 holds Basis Universal, which is decoded by programs for games, not here.",
            hint="Process the picture that it was made from.",
        )
    gpu = by_vk(header.vk)
    if gpu is None:
        raise AssetError.invalid(f"The KTX2 is in Vulkan's format {header.vk}, which is not read.")
    check_sides(header.width, header.height, is_float=gpu.is_float)
    return gpu


def _color_model(data: bytes) -> int:
    (place,) = struct.unpack_from("<I", data, len(_MARK) + _HEADER.size)
    model = place + 4 + 8
    return data[model] if model < len(data) else 0


def _read_level(data: bytes, header: _Header, level: int, size: int, layers: int) -> Buffer:
    place, stored, plain = _LEVEL.unpack_from(data, _HEADER_END + level * _LEVEL.size)
    whole = size * layers * max(1, header.depth >> level)
    if place + stored > len(data):
        raise AssetError.invalid("The KTX2 is damaged: a level is cut off.")
    if header.scheme != _NO_SCHEME and plain != whole:
        raise AssetError.invalid("The KTX2 is damaged: a level states a wrong size.")
    piece: Buffer = memoryview(data)[place : place + stored]
    if header.scheme != _NO_SCHEME:
        piece = _UNPACKERS.get(header.scheme, _unknown_scheme)(piece, size)
    if len(piece) < size:
        raise AssetError.invalid("The KTX2 is damaged: a level is cut off.")
    return piece[:size]


def _unpack_zlib(piece: Buffer, size: int) -> bytes:
    return zlib.decompressobj().decompress(piece, size)


def _unpack_zstd(piece: Buffer, size: int) -> bytes:
    import zstandard

    try:
        with zstandard.ZstdDecompressor().stream_reader(piece) as reader:
            return reader.read(size)
    except zstandard.ZstdError as exc:
        raise AssetError.invalid("The KTX2 is damaged: a level cannot be unpacked.") from exc


def _unknown_scheme(piece: Buffer, size: int) -> bytes:  # noqa: ARG001 - as the others
    raise AssetError.invalid("The KTX2 is packed in a way that is not known.")


_UNPACKERS: dict[int, Callable[[Buffer, int], bytes]] = {_ZSTD: _unpack_zstd, _ZLIB: _unpack_zlib}


def _key_value(key: str, value: str) -> bytes:
    entry = key.encode("utf-8") + b"\0" + value.encode("utf-8") + b"\0"
    return struct.pack("<I", len(entry)) + entry + bytes(-len(entry) % 4)


def _descriptor(gpu: GpuFormat) -> bytes:
    """Return the data format descriptor, its total size first."""
    model = _MODEL_ASTC if gpu.name.startswith("astc") else _MODELS.get(gpu.name, _MODEL_RGB)
    samples = _samples(gpu)
    size = 24 + 16 * len(samples)
    block = struct.pack("<IHH", 0, 2, size)
    block += bytes([model, _BT709, _SRGB if gpu.is_srgb else _LINEAR, 0])
    block += bytes([gpu.block_width - 1, gpu.block_height - 1, 0, 0])
    block += bytes([gpu.block_bytes, 0, 0, 0, 0, 0, 0, 0])
    for sample in samples:
        kind = sample.channel | sample.qualifiers
        block += struct.pack("<HBB", sample.offset_bits, sample.length_bits - 1, kind)
        block += struct.pack("<4x2I", sample.lower, sample.upper)
    return struct.pack("<I", 4 + len(block)) + block


def _samples(gpu: GpuFormat) -> list[_Sample]:
    linear_alpha = _IS_LINEAR if gpu.is_srgb else 0
    match gpu.name:
        case "bc2" | "bc3":
            return [_Sample(_ALPHA, 0, 64, linear_alpha), _Sample(0, 64, 64)]
        case "etc2_rgba":
            return [_Sample(_ALPHA, 0, 64, linear_alpha), _Sample(2, 64, 64)]
        case "etc2_rgba1":
            return [_Sample(2, 0, 64), _Sample(_ALPHA, 0, 64, linear_alpha)]
        case "bc5" | "eac_rg":
            return [_Sample(0, 0, 64), _Sample(1, 64, 64)]
        case "bc1a":
            return [_Sample(1, 0, 64)]
        case "etc2_rgb":
            return [_Sample(2, 0, 64)]
        case "bc6h":
            return [_Sample(0, 0, 128, _IS_FLOAT, 0, _ONE)]
        case "bc6h_signed":
            return [_Sample(0, 0, 128, _IS_FLOAT | _IS_SIGNED, _MINUS_ONE, _ONE)]
    if gpu.is_block:
        if gpu.is_float:
            return [_Sample(0, 0, 128, _IS_FLOAT | _IS_SIGNED, _MINUS_ONE, _ONE)]
        return [_Sample(0, 0, gpu.block_bytes * 8)]
    return _plain_samples(gpu)


def _plain_samples(gpu: GpuFormat) -> list[_Sample]:
    bits = gpu.block_bytes * 8 // gpu.channels
    order = (2, 1, 0, _ALPHA) if gpu.name.startswith("bgr") else (0, 1, 2, _ALPHA)
    samples = []
    for index, channel in enumerate(order[: gpu.channels]):
        if gpu.is_float:
            sample = _Sample(channel, index * bits, bits, _IS_FLOAT | _IS_SIGNED, _MINUS_ONE, _ONE)
        else:
            qualifiers = _IS_LINEAR if gpu.is_srgb and channel == _ALPHA else 0
            sample = _Sample(channel, index * bits, bits, qualifiers, 0, (1 << bits) - 1)
        samples.append(sample)
    return samples
