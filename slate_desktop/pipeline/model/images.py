"""What the first bytes of a picture say: its media type and its size. Nothing is decoded."""

from __future__ import annotations

import struct

_PNG = b"\x89PNG\r\n\x1a\n"
_KTX2 = b"\xabKTX 20\xbb\r\n\x1a\n"
SUFFIXES = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/webp": ".webp",
    "image/ktx2": ".ktx2",
    "image/vnd-ms.dds": ".dds",
    "image/avif": ".avif",
}
# Frame headers of JPEG: all SOF markers but DHT, JPG and DAC.
_SOF = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def mime_of(data: bytes | memoryview) -> str:
    """Return the media type that the content shows, or ``application/octet-stream``."""
    head = bytes(data[:16])
    if head.startswith(_PNG):
        return "image/png"
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head.startswith(_KTX2):
        return "image/ktx2"
    if head.startswith(b"DDS "):
        return "image/vnd-ms.dds"
    if head[4:12] in (b"ftypavif", b"ftypavis"):
        return "image/avif"
    return "application/octet-stream"


def size_of(data: bytes | memoryview) -> tuple[int, int] | None:
    """Return width and height in pixels, or None where the header does not tell."""
    try:
        match mime_of(data):
            case "image/png":
                return struct.unpack_from(">II", data, 16)
            case "image/jpeg":
                return _jpeg_size(data)
            case "image/webp":
                return _webp_size(data)
            case "image/ktx2":
                return struct.unpack_from("<II", data, 20)
            case "image/vnd-ms.dds":
                height, width = struct.unpack_from("<II", data, 12)
                return width, height
            case _:
                return None
    except (struct.error, IndexError):
        return None


def _jpeg_size(data: bytes | memoryview) -> tuple[int, int] | None:
    offset = 2
    while offset + 9 <= len(data):
        if data[offset] != 0xFF:
            return None
        marker = data[offset + 1]
        if marker in _SOF:
            height, width = struct.unpack_from(">HH", data, offset + 5)
            return width, height
        offset += 2 + struct.unpack_from(">H", data, offset + 2)[0]
    return None


def _webp_size(data: bytes | memoryview) -> tuple[int, int] | None:
    kind = bytes(data[12:16])
    if kind == b"VP8X":
        width = int.from_bytes(data[24:27], "little") + 1
        return width, int.from_bytes(data[27:30], "little") + 1
    if kind == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None
