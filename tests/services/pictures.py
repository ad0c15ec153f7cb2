"""Pictures that tests make themselves: natural enough for codecs, and hostile ones byte by byte."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
from PIL import Image

PNG_MARK = b"\x89PNG\r\n\x1a\n"


def landscape(width: int, height: int, *, alpha: bool = False) -> Any:
    """Return uint8 RGBA of smooth slopes with some grain, as photographs have."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    grain = np.random.default_rng(7).normal(0, 4, (height, width))
    red = 128 + 90 * np.sin(x / 23) * np.cos(y / 31)
    green = 120 + 80 * np.cos((x + y) / 41)
    blue = 110 + 60 * np.sin(y / 17)
    pixels = np.stack([red + grain, green + grain, blue + grain, np.full_like(x, 255)], axis=-1)
    if alpha:
        distance = np.hypot(x - width / 2, y - height / 2)
        pixels[..., 3] = np.clip((min(width, height) * 0.4 - distance) * 60, 0, 255)
    return np.clip(pixels, 0, 255).astype(np.uint8)


def normal_map(width: int, height: int) -> Any:
    """Return a uint8 normal map of waves, each normal at unit length."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    slope_x, slope_y = 0.5 * np.cos(x / 9), 0.4 * np.sin(y / 13)
    length = np.sqrt(slope_x**2 + slope_y**2 + 1)
    vectors = np.stack([-slope_x / length, -slope_y / length, 1 / length], axis=-1)
    pixels = np.full((height, width, 4), 255, np.uint8)
    pixels[..., :3] = np.round((vectors + 1) * 127.5)
    return pixels


def save(pixels: Any, form: str, mode: str = "RGBA", **settings: Any) -> bytes:
    """Return a file of RGBA pixels in a format and mode of Pillow."""
    stream = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(stream, form, **settings)
    return stream.getvalue()


def cutout(width: int, height: int) -> Any:
    """Return uint8 RGBA of leaves: every pixel is opaque or clear."""
    pixels = landscape(width, height)
    y, x = np.mgrid[0:height, 0:width]
    pixels[..., 3] = np.where(np.sin(x / 5) + np.sin(y / 7) > 0.2, 255, 0)
    return pixels


def psd(pixels: Any, channels: int = 3) -> bytes:
    """Return a PSD of a flattened picture without layers, unpacked: RGB, or RGBA of 4 channels."""
    height, width = pixels.shape[:2]
    header = b"8BPS" + (1).to_bytes(2, "big") + bytes(6) + channels.to_bytes(2, "big")
    header += height.to_bytes(4, "big") + width.to_bytes(4, "big")
    header += (8).to_bytes(2, "big") + (3).to_bytes(2, "big")
    planes = b"".join(pixels[..., channel].tobytes() for channel in range(channels))
    return header + bytes(12) + bytes(2) + planes


def chunk(kind: bytes, body: bytes, checksum: int | None = None) -> bytes:
    """Return a chunk of a PNG."""
    checksum = zlib.crc32(kind + body) if checksum is None else checksum
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", checksum)


def png(
    width: int,
    height: int,
    *extra: bytes,
    depth: int = 8,
    color: int = 2,
    data: bytes | None = None,
) -> bytes:
    """Return a PNG of zeros, with ``extra`` chunks before its pixels.

    Args:
        width: that the header states.
        height: that the header states.
        extra: whole chunks.
        depth: bits per channel.
        color: PNG's colour type.
        data: unpacked scan lines; zeros of the stated size unless given.
    """
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[color]
    row = 1 + -(-width * channels * depth // 8)
    if data is None:
        packer = zlib.compressobj(9)
        packed = b"".join(packer.compress(bytes(row)) for _ in range(height)) + packer.flush()
    else:
        packed = zlib.compress(data)
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    parts = [PNG_MARK, chunk(b"IHDR", header), *extra, chunk(b"IDAT", packed), chunk(b"IEND", b"")]
    return b"".join(parts)


def animated(form: str, frames: int) -> bytes:
    """Return an animation of one pixel."""
    pictures = [Image.new("RGB", (1, 1), (index % 256, index // 256, 0)) for index in range(frames)]
    stream = io.BytesIO()
    pictures[0].save(stream, form, save_all=True, append_images=pictures[1:])
    return stream.getvalue()


def radiance(pixels: Any, *, is_packed: bool = True) -> bytes:
    """Return a Radiance file of float RGB (height, width, 3), in runs of literals or flat."""
    height, width = pixels.shape[:2]
    most = pixels.max(axis=-1)
    mantissa, exponent = np.frexp(most)
    scale = np.where(most > 0, mantissa * 256 / np.maximum(most, 1e-30), 0)
    rgbe = np.zeros((height, width, 4), np.uint8)
    rgbe[..., :3] = pixels * scale[..., None]
    rgbe[..., 3] = np.where(most > 0, exponent + 128, 0)
    body = b""
    for row in rgbe:
        if not is_packed:
            body += row.tobytes()
            continue
        body += bytes((2, 2, width >> 8, width & 255))
        for channel in range(4):
            values = row[:, channel].tobytes()
            for start in range(0, width, 100):
                piece = values[start : start + 100]
                one = set(piece)
                is_run = len(one) == 1
                body += (
                    bytes((128 + len(piece), piece[0])) if is_run else bytes((len(piece),)) + piece
                )
    header = b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y %d +X %d\n" % (height, width)
    return header + body
