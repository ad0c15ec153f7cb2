"""A look at the chunks of a PNG before it is decoded: whole, true, small enough, one frame.

Source: https://www.w3.org/TR/png-3/
"""

from __future__ import annotations

import zlib
from typing import BinaryIO

from slate_desktop.errors import AssetError

_HEADER_BYTES = 8
_PIECE_BYTES = 1 << 20
# Of compressed texts and profiles, unpacked.
_MAX_TEXT_BYTES = 16 * 1024 * 1024
_PACKED = {b"zTXt", b"iTXt", b"iCCP"}


def check_png(stream: BinaryIO) -> None:
    """Walk the chunks up to the end mark; what follows it does not matter.

    Raises:
        AssetError: cut off, a wrong checksum, a bomb, or more than one frame.
    """
    stream.seek(_HEADER_BYTES)
    has_pixels = False
    while True:
        head = stream.read(8)
        if len(head) < 8:
            raise AssetError.invalid("The PNG is damaged: it is cut off.")
        length, kind = int.from_bytes(head[:4], "big"), head[4:]
        if length > 0x7FFF_FFFF or not kind.isalpha():
            raise AssetError.invalid("The PNG is damaged: a chunk makes no sense.")
        body = _read_checked(stream, kind, length)
        if kind in _PACKED:
            _check_text(kind, body)
        if kind == b"acTL" and int.from_bytes(body[:4], "big") > 1:
            raise AssetError.limit("The PNG is animated; textures have one frame.")
        has_pixels |= kind == b"IDAT"
        if kind == b"IEND":
            break
    if not has_pixels:
        raise AssetError.invalid("The PNG is damaged: it holds no pixels.")
    stream.seek(0)


def _read_checked(stream: BinaryIO, kind: bytes, length: int) -> bytes:
    """Read a chunk's body and compare its checksum; the pixels' bodies are not kept."""
    checksum = zlib.crc32(kind)
    kept: list[bytes] = []
    left = length
    while left:
        piece = stream.read(min(left, _PIECE_BYTES))
        if not piece:
            raise AssetError.invalid("The PNG is damaged: it is cut off.")
        checksum = zlib.crc32(piece, checksum)
        left -= len(piece)
        if kind not in (b"IDAT", b"fdAT") and sum(map(len, kept)) <= _MAX_TEXT_BYTES:
            kept.append(piece)
    stored = stream.read(4)
    if len(stored) < 4:
        raise AssetError.invalid("The PNG is damaged: it is cut off.")
    if int.from_bytes(stored, "big") != checksum:
        raise AssetError.invalid("The PNG is damaged: a checksum is wrong.")
    return b"".join(kept)


def _check_text(kind: bytes, body: bytes) -> None:
    """Refuse what unpacks to more than any text or profile needs."""
    name, _, rest = body.partition(b"\0")
    if kind == b"iTXt" and rest[:1] != b"\x01":
        return
    packed = rest[1:] if kind != b"iTXt" else _after_language(rest[2:])
    unpacker = zlib.decompressobj()
    try:
        unpacker.decompress(packed, _MAX_TEXT_BYTES)
    except zlib.error:
        return  # No use, no harm: the decoder ignores it.
    if unpacker.unconsumed_tail:
        title = name[:79].decode("latin-1").encode("ascii", "replace").decode("ascii")
        raise AssetError.limit(f"The PNG's text {title!r} unpacks to more than is allowed.")


def _after_language(rest: bytes) -> bytes:
    _, _, rest = rest.partition(b"\0")
    return rest.partition(b"\0")[2]
