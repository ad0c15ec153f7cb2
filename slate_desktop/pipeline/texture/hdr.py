"""Reading of Radiance pictures (HDR, RGBE).

Source: https://radsite.lbl.gov/radiance/refer/filefmts.pdf
"""

from __future__ import annotations

import re
from typing import Any, BinaryIO

import numpy as np

from slate_desktop.domain.assets.texture import ColorSpace
from slate_desktop.errors import AssetError
from slate_desktop.pipeline.texture.image import Pixels, TextureFacts
from slate_desktop.pipeline.texture.limits import check_sides, decoding

_MAX_HEADER_BYTES = 64 * 1024
_SIZE = re.compile(rb"([-+])([XY]) +([0-9]{1,9}) +([-+])([XY]) +([0-9]{1,9})")
_MIN_RUN_WIDTH, _MAX_RUN_WIDTH = 8, 0x7FFF


def read_facts(stream: BinaryIO) -> TextureFacts:
    """Return what the header says.

    Raises:
        AssetError: it is not sound, or demands more than is allowed.
    """
    with decoding("HDR"):
        return _read_header(stream)[0]


def read_hdr(stream: BinaryIO) -> tuple[Pixels, TextureFacts]:
    """Read a picture as float32 linear RGBA (height, width, 4), alpha 1.

    Raises:
        AssetError: it is not sound, or demands more than is allowed.
    """
    with decoding("HDR"):
        facts, size = _read_header(stream)
        signs, is_column_first = size
        lines, length = (
            (facts.width, facts.height) if is_column_first else (facts.height, facts.width)
        )
        pixels = _to_float(_read_lines(stream.read(), lines, length))
    # The first sign is of the lines' axis; +X and -Y are the order of arrays.
    if is_column_first:
        pixels = pixels.transpose(1, 0, 2)
        signs = (signs[1], signs[0])
    if signs[0] == b"+":
        pixels = pixels[::-1]
    if signs[1] == b"-":
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels), facts


def _read_header(stream: BinaryIO) -> tuple[TextureFacts, tuple[tuple[bytes, bytes], bool]]:
    header: dict[bytes, bytes] = {}
    while line := stream.readline(_MAX_HEADER_BYTES).rstrip(b"\r\n"):
        name, _, value = line.partition(b"=")
        header[name.strip()] = value.strip()
        if stream.tell() > _MAX_HEADER_BYTES:
            break
    size = _SIZE.fullmatch(stream.readline(256).strip())
    if size is None or size[2] == size[5]:
        raise AssetError.invalid("The HDR is damaged: it states no size.")
    if header.get(b"FORMAT", b"32-bit_rle_rgbe") != b"32-bit_rle_rgbe":
        raise AssetError.invalid("This HDR holds no RGBE colours; only those are read.")
    is_column_first = size[2] == b"X"
    first, second = int(size[3]), int(size[6])
    width, height = (first, second) if is_column_first else (second, first)
    check_sides(width, height, is_float=True)
    facts = TextureFacts(
        format="hdr",
        width=width,
        height=height,
        channels=3,
        bits=32,
        mode="RGBE",
        is_float=True,
        color_space=ColorSpace.LINEAR,
        gpu_bytes=width * height * 8,
    )
    return facts, ((size[1], size[4]), is_column_first)


def _read_lines(data: bytes, lines: int, length: int) -> Any:
    """Return RGBE values (lines, length, 4)."""
    marker = bytes((2, 2, length >> 8, length & 0xFF))
    if _MIN_RUN_WIDTH <= length <= _MAX_RUN_WIDTH and data[:4] == marker:
        result = np.empty((lines, 4, length), np.uint8)
        position = 0
        for line in range(lines):
            if data[position : position + 4] != marker:
                raise AssetError.invalid("The HDR is damaged: a line does not start.")
            position = _read_runs(data, position + 4, result[line])
        return result.transpose(0, 2, 1)
    return _read_flat(data, lines * length).reshape(lines, length, 4)


def _read_runs(data: bytes, position: int, line: Any) -> int:
    """Fill a line, channel by channel, from runs; return where the next line starts."""
    length = line.shape[1]
    for channel in range(4):
        done = 0
        row = bytearray()
        while done < length:
            count = data[position]
            if count > 128:
                count -= 128
                row += data[position + 1 : position + 2] * count
                position += 2
            else:
                row += data[position + 1 : position + 1 + count]
                position += 1 + count
            if not count or len(row) != done + count:
                raise AssetError.invalid("The HDR is damaged: it is cut off.")
            done += count
        if done != length:
            raise AssetError.invalid("The HDR is damaged: a line is too long.")
        line[channel] = np.frombuffer(row, np.uint8)
    return position


def _read_flat(data: bytes, count: int) -> Any:
    """Return ``count`` pixels of the older form, where (1, 1, 1, n) repeats the last pixel."""
    values = np.frombuffer(data[: len(data) // 4 * 4], np.uint8).reshape(-1, 4)
    is_repeat = (values[:count, :3] == 1).all(axis=1)
    if not is_repeat.any():
        if len(values) < count:
            raise AssetError.invalid("The HDR is damaged: it is cut off.")
        return values[:count]
    repeats = np.ones(len(values), np.int64)
    marks = np.flatnonzero((values[:, :3] == 1).all(axis=1))
    if marks[0] == 0:
        raise AssetError.invalid("The HDR is damaged: it repeats what is not there.")
    is_mark = np.zeros(len(values), bool)
    is_mark[marks] = True
    # Marks in a row are digits of one number, the lowest first.
    shift = 0
    for mark in marks.tolist():
        shift = shift + 8 if mark and is_mark[mark - 1] else 0
        if shift > 24:
            raise AssetError.invalid("The HDR is damaged: a repetition is too long.")
        repeats[mark] = int(values[mark, 3]) << shift
    sources = np.maximum.accumulate(np.where(is_mark, 0, np.arange(len(values))))
    ends = np.cumsum(repeats)
    if ends[-1] < count:
        raise AssetError.invalid("The HDR is damaged: it is cut off.")
    # The entry that each pixel comes from: the first whose end lies beyond it.
    entries = np.searchsorted(ends, np.arange(count), side="right")
    return values[sources[entries]]


def _to_float(rgbe: Any) -> Pixels:
    scale = np.ldexp(np.float32(1), np.arange(256) - 136).astype(np.float32)
    scale[0] = 0
    pixels = np.empty((*rgbe.shape[:2], 4), np.float32)
    np.multiply(rgbe[..., :3], scale[rgbe[..., 3]][..., None], out=pixels[..., :3])
    pixels[..., 3] = 1
    return pixels
