"""Decoding of BC6H to half floats, all blocks of a level at once.

No library in the wheel decodes it to floats, and what is cut to 8 bits cannot be compared with an
HDR picture.

Source: https://learn.microsoft.com/windows/win32/direct3d11/bc6h-format
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

# Per mode: its mark and how many bits that takes, regions, bits of the first endpoint, bits of the
# others per channel, whether the others are differences, and which value each bit goes to, in the
# block's order. ``r0[9:0]`` are bits of the first endpoint's red, lowest first as they come;
# w, x, y, z are the four endpoints, d the partition.
_LAYOUTS = (
    (0x00, 2, 2, 10, (5, 5, 5), True,
     "y4g y4b z4b w0-9r w0-9g w0-9b x0-4r z4g y0-3g x0-4g z0b z0-3g x0-4b z1b y0-3b y0-4r z2b"
     " z0-4r z3b"),
    (0x01, 2, 2, 7, (6, 6, 6), True,
     "y5g z4g z5g w0-6r z0b z1b y4b w0-6g y5b z2b y4g w0-6b z3b z5b z4b x0-5r y0-3g x0-5g z0-3g"
     " x0-5b y0-3b y0-5r z0-5r"),
    (0x02, 5, 2, 11, (5, 4, 4), True,
     "w0-9r w0-9g w0-9b x0-4r w10r y0-3g x0-3g w10g z0b z0-3g x0-3b w10b z1b y0-3b y0-4r z2b"
     " z0-4r z3b"),
    (0x06, 5, 2, 11, (4, 5, 4), True,
     "w0-9r w0-9g w0-9b x0-3r w10r z4g y0-3g x0-4g w10g z0-3g x0-3b w10b z1b y0-3b y0-3r z0b z2b"
     " z0-3r y4g z3b"),
    (0x0A, 5, 2, 11, (4, 4, 5), True,
     "w0-9r w0-9g w0-9b x0-3r w10r y4b y0-3g x0-3g w10g z0b z0-3g x0-4b w10b y0-3b y0-3r z1b z2b"
     " z0-3r z4b z3b"),
    (0x0E, 5, 2, 9, (5, 5, 5), True,
     "w0-8r y4b w0-8g y4g w0-8b z4b x0-4r z4g y0-3g x0-4g z0b z0-3g x0-4b z1b y0-3b y0-4r z2b"
     " z0-4r z3b"),
    (0x12, 5, 2, 8, (6, 5, 5), True,
     "w0-7r z4g y4b w0-7g z2b y4g w0-7b z3b z4b x0-5r y0-3g x0-4g z0b z0-3g x0-4b z1b y0-3b"
     " y0-5r z0-5r"),
    (0x16, 5, 2, 8, (5, 6, 5), True,
     "w0-7r z0b y4b w0-7g y5g y4g w0-7b z5g z4b x0-4r z4g y0-3g x0-5g z0-3g x0-4b z1b y0-3b"
     " y0-4r z2b z0-4r z3b"),
    (0x1A, 5, 2, 8, (5, 5, 6), True,
     "w0-7r z1b y4b w0-7g y5b y4g w0-7b z5b z4b x0-4r z4g y0-3g x0-4g z0b z0-3g x0-5b y0-3b"
     " y0-4r z2b z0-4r z3b"),
    (0x1E, 5, 2, 6, (6, 6, 6), False,
     "w0-5r z4g z0b z1b y4b w0-5g y5g y5b z2b y4g w0-5b z5g z3b z5b z4b x0-5r y0-3g x0-5g z0-3g"
     " x0-5b y0-3b y0-5r z0-5r"),
    (0x03, 5, 1, 10, (10, 10, 10), False,
     "w0-9r w0-9g w0-9b x0-9r x0-9g x0-9b"),
    (0x07, 5, 1, 11, (9, 9, 9), True,
     "w0-9r w0-9g w0-9b x0-8r w10r x0-8g w10g x0-8b w10b"),
    (0x0B, 5, 1, 12, (8, 8, 8), True,
     "w0-9r w0-9g w0-9b x0-7r w11-10r x0-7g w11-10g x0-7b w11-10b"),
    (0x0F, 5, 1, 16, (4, 4, 4), True,
     "w0-9r w0-9g w0-9b x0-3r w15-10r x0-3g w15-10g x0-3b w15-10b"),
)  # fmt: skip

_ENDPOINTS, _CHANNELS = "wxyz", "rgb"
# Which of 16 pixels, row by row, lie in the second region, for each of 32 partitions.
_PARTITIONS = (
    "0011001100110011", "0001000100010001", "0111011101110111", "0001001100110111",
    "0000000100010011", "0011011101111111", "0001001101111111", "0000000100110111",
    "0000000000010011", "0011011111111111", "0000000101111111", "0000000000010111",
    "0001011111111111", "0000000011111111", "0000111111111111", "0000000000001111",
    "0000100011101111", "0111000100000000", "0000000010001110", "0111001100010000",
    "0011000100000000", "0000100011001110", "0000000010001100", "0111001100110001",
    "0011000100010000", "0000100010001100", "0110011001100110", "0011011001101100",
    "0001011111101000", "0000111111110000", "0111000110001110", "0011100110011100",
)  # fmt: skip
# The pixel of the second region whose index is stored with a bit less.
_ANCHORS = (15,) * 17 + (2, 8, 2, 2, 8, 8, 15, 2, 8, 2, 2, 8, 8, 2, 2)
_WEIGHTS_3 = (0, 9, 18, 27, 37, 46, 55, 64)
_WEIGHTS_4 = (0, 4, 9, 13, 17, 21, 26, 30, 34, 38, 43, 47, 51, 55, 60, 64)
_BLOCK_BITS, _PARTITION_BITS = 128, 5


@dataclass(frozen=True, slots=True)
class _Mode:
    """One layout, ready to use; ``weights`` (128, 12) sums bits to endpoints by channel."""

    mark: int
    mark_bits: int
    regions: int
    first_bits: int
    other_bits: tuple[int, int, int]
    is_difference: bool
    weights: Any
    end: int


def decode_bc6h(data: bytes, width: int, height: int, *, is_signed: bool = False) -> Any:
    """Return float16 RGB (height, width, 3) of a level.

    Args:
        data: its blocks.
        width: pixels.
        height: pixels.
        is_signed: values may be negative.
    """
    across, down = -(-width // 4), -(-height // 4)
    blocks = np.frombuffer(data, np.uint8, count=across * down * 16).reshape(-1, 16)
    marks = np.where(blocks[:, 0] & 3 < 2, blocks[:, 0] & 3, blocks[:, 0] & 31)
    # Blocks of a mark that no mode has are black.
    result = np.zeros((len(blocks), 16, 3), np.uint16)
    for mode in _MODES:
        chosen = np.flatnonzero(marks == mode.mark)
        if len(chosen):
            result[chosen] = _decode_mode(blocks[chosen], mode, is_signed=is_signed)
    rows = result.reshape(down, across, 4, 4, 3).transpose(0, 2, 1, 3, 4)
    return rows.reshape(down * 4, across * 4, 3)[:height, :width].view(np.float16)


def _decode_mode(blocks: Any, mode: _Mode, *, is_signed: bool) -> Any:
    """Return half floats as bits (n, 16, 3)."""
    bits = np.unpackbits(blocks, axis=1, bitorder="little")
    ends = (bits.astype(np.float32) @ mode.weights).astype(np.int32).reshape(-1, 4, 3)
    ends = _restore(ends, mode, is_signed=is_signed)
    ends = _expand(ends, mode.first_bits, is_signed=is_signed)
    region, indices = _read_indices(bits, mode)
    table = np.array(_WEIGHTS_3 if mode.regions == 2 else _WEIGHTS_4, np.int32)
    weight = table[indices][..., None]
    which = np.arange(len(blocks))[:, None]
    low, high = ends[which, region * 2], ends[which, region * 2 + 1]
    return _to_half((low * (64 - weight) + high * weight + 32) >> 6, is_signed=is_signed)


def _restore(ends: Any, mode: _Mode, *, is_signed: bool) -> Any:
    """Return the endpoints in full, where the others are stored as differences from the first."""
    first = mode.first_bits
    if mode.is_difference:
        for channel, count in enumerate(mode.other_bits):
            other = _signed(ends[:, 1:, channel], count)
            ends[:, 1:, channel] = (ends[:, :1, channel] + other) & ((1 << first) - 1)
    return _signed(ends, first) if is_signed else ends


def _signed(values: Any, bits: int) -> Any:
    half = 1 << (bits - 1)
    return (values ^ half) - half


def _expand(values: Any, bits: int, *, is_signed: bool) -> Any:
    """Spread values of ``bits`` over 16."""
    if is_signed:
        if bits >= 16:
            return values
        size = np.abs(values)
        wide = ((size << 15) + 0x4000) >> (bits - 1)
        wide = np.where(size == 0, 0, np.where(size >= (1 << (bits - 1)) - 1, 0x7FFF, wide))
        return np.where(values < 0, -wide, wide)
    if bits >= 15:
        return values
    wide = ((values << 16) + 0x8000) >> bits
    return np.where(values == 0, 0, np.where(values == (1 << bits) - 1, 0xFFFF, wide))


def _to_half(values: Any, *, is_signed: bool) -> Any:
    if not is_signed:
        return ((values * 31) >> 6).astype(np.uint16)
    size = (np.abs(values) * 31) >> 5
    return np.where(values < 0, size | 0x8000, size).astype(np.uint16)


def _read_indices(bits: Any, mode: _Mode) -> tuple[Any, Any]:
    """Return the region and the index of each pixel, both (n, 16)."""
    count = len(bits)
    width = 3 if mode.regions == 2 else 4
    region = np.zeros((count, 16), np.int32)
    lengths = np.full((count, 16), width, np.int32)
    lengths[:, 0] -= 1
    start = mode.end
    if mode.regions == 2:
        powers = 1 << np.arange(_PARTITION_BITS)
        partition = bits[:, start : start + _PARTITION_BITS].astype(np.int32) @ powers
        start += _PARTITION_BITS
        region = _PARTITION_TABLE[partition]
        lengths[np.arange(count), np.array(_ANCHORS)[partition]] -= 1
    places = start + np.cumsum(lengths, axis=1) - lengths
    which = np.arange(count)[:, None]
    padded = np.pad(bits, ((0, 0), (0, width)))
    indices = np.zeros((count, 16), np.int32)
    for bit in range(width):
        value = padded[which, places + bit].astype(np.int32) << bit
        indices += np.where(bit < lengths, value, 0)
    return region, indices


def _mode(layout: Any) -> _Mode:
    mark, mark_bits, regions, first, others, is_difference, fields = layout
    weights = np.zeros((_BLOCK_BITS, 12), np.float32)
    position = mark_bits
    for field in fields.split():
        endpoint, channel = _ENDPOINTS.index(field[0]), _CHANNELS.index(field[-1])
        start, _, end = field[1:-1].partition("-")
        low, high = int(start), int(end or start)
        step = 1 if high >= low else -1
        for bit in range(low, high + step, step):
            weights[position, endpoint * 3 + channel] = 1 << bit
            position += 1
    return _Mode(mark, mark_bits, regions, first, others, is_difference, weights, position)


_MODES = tuple(_mode(layout) for layout in _LAYOUTS)
_PARTITION_TABLE = np.array([[int(bit) for bit in row] for row in _PARTITIONS], np.int32)
