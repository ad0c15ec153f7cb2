"""Decoding of one level from a GPU's format, for checks and previews."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import astc_encoder
import numpy as np
import texture2ddecoder

from slate_desktop.pipeline.texture.bands import map_threads, row_bands
from slate_desktop.pipeline.texture.bc6h import decode_bc6h
from slate_desktop.pipeline.texture.container import Buffer
from slate_desktop.pipeline.texture.gpuformats import GpuFormat
from slate_desktop.pipeline.texture.image import Pixels

# Of 8-bit plain formats: which stored channel each of red, green, blue and alpha is.
_ORDER = {
    "r8": (0, 0, 0), "rg8": (0, 1), "rgb8": (0, 1, 2), "bgr8": (2, 1, 0),
    "rgba8": (0, 1, 2, 3), "bgra8": (2, 1, 0, 3),
}  # fmt: skip


def decode_level(data: Buffer, width: int, height: int, gpu: GpuFormat) -> Pixels:
    """Return the pixels (height, width, 4) of a level: uint8, or float32 for float formats.

    One channel is grey. Of two channels blue is 0, as a sampler returns it.

    Args:
        data: exactly the level's bytes.
        width: pixels.
        height: pixels.
        gpu: its format.
    """
    if not gpu.is_block or (gpu.name.startswith("astc") and gpu.is_float):
        return decode_rows(data, width, (0, height), gpu)
    result = np.empty((height, width, 4), np.float32 if gpu.is_float else np.uint8)

    def work(band: tuple[int, int]) -> None:
        result[band[0] : band[1]] = decode_rows(data, width, band, gpu)

    map_threads(work, row_bands(height, width, gpu.block_height))
    return result


def decode_rows(data: Buffer, width: int, rows: tuple[int, int], gpu: GpuFormat) -> Pixels:
    """Return some rows of a level, the first at the edge of a block."""
    top, bottom = rows
    row_bytes = gpu.blocks(width, 1)[0] * gpu.block_bytes
    start = top // gpu.block_height * row_bytes
    end = -(-bottom // gpu.block_height) * row_bytes
    piece = bytes(data[start:end])
    if not gpu.is_block:
        return _plain(piece, width, bottom - top, gpu)
    if gpu.name.startswith("astc") and gpu.is_float:
        return _astc_float(piece, width, bottom - top, gpu)
    return _blocks(piece, width, bottom - top, gpu)


def with_z(pixels: Pixels) -> Pixels:
    """Return a normal map of two channels with the third, which follows from unit length."""
    result = pixels.copy()
    x = pixels[..., 0].astype(np.float32) / 127.5 - 1
    y = pixels[..., 1].astype(np.float32) / 127.5 - 1
    z = np.sqrt(np.clip(1 - x * x - y * y, 0, 1))
    result[..., 2] = np.round((z + 1) * 127.5)
    return result


def _blocks(data: bytes, width: int, height: int, gpu: GpuFormat) -> Any:
    if gpu.name.startswith("bc6h"):
        rgb = decode_bc6h(data, width, height, is_signed=gpu.name == "bc6h_signed")
        pixels = np.ones((height, width, 4), np.float32)
        pixels[..., :3] = rgb
        return np.nan_to_num(pixels, copy=False, nan=0.0, posinf=65_504.0, neginf=-65_504.0)
    bgra = np.frombuffer(_decoder(gpu)(data, width, height), np.uint32).reshape(height, width)
    # Swap red and blue, whole pixels at a time.
    swapped = (bgra & np.uint32(0xFF00FF00)) | ((bgra >> np.uint32(16)) & np.uint32(0xFF))
    swapped |= (bgra & np.uint32(0xFF)) << np.uint32(16)
    pixels = swapped.view(np.uint8).reshape(height, width, 4)
    if gpu.channels == 1:
        pixels[..., 1] = pixels[..., 2] = pixels[..., 0]
    if gpu.channels == 2:
        pixels[..., 2] = 0
    if gpu.channels < 4:
        pixels[..., 3] = 255
    return pixels


def _decoder(gpu: GpuFormat) -> Callable[[bytes, int, int], bytes]:
    if gpu.name.startswith("astc"):
        sides = gpu.block_width, gpu.block_height
        return lambda data, width, height: texture2ddecoder.decode_astc(data, width, height, *sides)
    return {
        "bc1": texture2ddecoder.decode_bc1,
        "bc1a": texture2ddecoder.decode_bc1,
        "bc2": _bc2,
        "bc3": texture2ddecoder.decode_bc3,
        "bc4": texture2ddecoder.decode_bc4,
        "bc5": texture2ddecoder.decode_bc5,
        "bc7": texture2ddecoder.decode_bc7,
        "etc2_rgb": texture2ddecoder.decode_etc2,
        "etc2_rgba1": texture2ddecoder.decode_etc2a1,
        "etc2_rgba": texture2ddecoder.decode_etc2a8,
        "eac_r": texture2ddecoder.decode_eacr,
        "eac_rg": texture2ddecoder.decode_eacrg,
    }[gpu.name]


def _bc2(data: bytes, width: int, height: int) -> bytes:
    """Decode BC2: the colours of BC3, and four bits of alpha per pixel in the first half."""
    blocks = np.frombuffer(data, np.uint8).reshape(-1, 16)
    bgra = bytearray(texture2ddecoder.decode_bc3(data, width, height))
    pixels = np.frombuffer(bgra, np.uint8).reshape(height, width, 4)
    across, down = -(-width // 4), -(-height // 4)
    nibbles = np.stack([blocks[:, :8] & 15, blocks[:, :8] >> 4], axis=-1) * 17
    rows = nibbles.reshape(down, across, 4, 4).transpose(0, 2, 1, 3)
    pixels[..., 3] = rows.reshape(down * 4, across * 4)[:height, :width]
    return bytes(bgra)


def _astc_float(data: bytes, width: int, height: int, gpu: GpuFormat) -> Pixels:
    config = astc_encoder.ASTCConfig(
        astc_encoder.ASTCProfile.HDR, gpu.block_width, gpu.block_height, 1, 0
    )
    image = astc_encoder.ASTCImage(astc_encoder.ASTCType.F32, width, height)
    context = astc_encoder.ASTCContext(config)
    decoded = context.decompress(data, image, astc_encoder.ASTCSwizzle())
    values = np.frombuffer(decoded.data or b"", np.float32).reshape(height, width, 4)
    return np.nan_to_num(values, nan=0.0, posinf=65_504.0, neginf=-65_504.0)


def _plain(data: bytes, width: int, height: int, gpu: GpuFormat) -> Pixels:
    size = gpu.block_bytes // gpu.channels
    if gpu.is_float:
        kind = np.float16 if size == 2 else np.float32
        stored = np.frombuffer(data, kind).reshape(height, width, gpu.channels)
        pixels = np.ones((height, width, 4), np.float32)
        order: tuple[int, ...] = (0, 0, 0) if gpu.channels == 1 else tuple(range(gpu.channels))
    else:
        kind = np.uint8 if size == 1 else np.uint16
        stored = np.frombuffer(data, kind).reshape(height, width, gpu.channels)
        if size == 2:
            stored = ((stored.astype(np.uint32) + 128) // 257).astype(np.uint8)
        pixels = np.full((height, width, 4), 255, np.uint8)
        default = (0, 0, 0) if gpu.channels == 1 else tuple(range(gpu.channels))
        order = _ORDER.get(gpu.name, default)
    for channel, source in enumerate(order):
        pixels[..., channel] = stored[..., source]
    if gpu.channels == 2:
        pixels[..., 2] = 0
    if gpu.is_float:
        np.nan_to_num(pixels, copy=False, nan=0.0, posinf=65_504.0, neginf=-65_504.0)
    return pixels
