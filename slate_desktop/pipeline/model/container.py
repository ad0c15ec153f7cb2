"""The GLB container: JSON and binary data in one file.

Source: https://registry.khronos.org/glTF/specs/2.0/glTF-2.0.html#glb-file-format-specification
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Sequence

from slate_desktop.errors import AssetError

MAGIC = b"glTF"
_VERSION = 2
_HEADER = struct.Struct("<4sII")
_CHUNK = struct.Struct("<I4s")
_JSON = b"JSON"
_BIN = b"BIN\0"
MAX_JSON_BYTES = 64 * 1024 * 1024


def split_glb(data: bytes | mmap.mmap) -> tuple[bytes, memoryview]:
    """Return the JSON text and the binary chunk, which may be empty.

    Raises:
        AssetError: the container is damaged.
    """
    if len(data) < _HEADER.size + _CHUNK.size:
        raise AssetError.invalid("The GLB ends within its header.")
    magic, version, length = _HEADER.unpack_from(data)
    if magic != MAGIC or version != _VERSION:
        raise AssetError.invalid("The file is not a GLB of version 2.")
    if length != len(data):
        raise AssetError.invalid(
            f"The GLB says that it has {length} bytes, but has {len(data)}: it is cut or damaged."
        )
    view, offset = memoryview(data), _HEADER.size
    chunks: dict[bytes, memoryview] = {}
    while offset < len(data):
        if offset + _CHUNK.size > len(data):
            raise AssetError.invalid("The GLB ends within the header of a chunk.")
        size, kind = _CHUNK.unpack_from(data, offset)
        offset += _CHUNK.size
        if offset + size > len(data):
            raise AssetError.invalid("A chunk of the GLB is longer than the file.")
        if not chunks and kind != _JSON:
            raise AssetError.invalid("The GLB does not begin with its JSON.")
        chunks.setdefault(kind, view[offset : offset + size])
        offset += size
    return check_json_size(bytes(chunks[_JSON])), chunks.get(_BIN, view[:0])


def check_json_size(text: bytes) -> bytes:
    """Return JSON text as it is.

    Raises:
        AssetError: it is too large to be read.
    """
    if len(text) > MAX_JSON_BYTES:
        raise AssetError.limit("The model's JSON has more than 64 MiB.")
    return text


def join_glb(text: bytes, parts: Sequence[bytes | memoryview]) -> list[bytes | memoryview]:
    """Return a GLB in pieces to be written one after the other; ``parts`` are its binary chunk."""
    text += b" " * (-len(text) % 4)
    size = sum(len(part) for part in parts)
    padding = -size % 4
    pieces: list[bytes | memoryview] = [_CHUNK.pack(len(text), _JSON), text]
    if parts:
        pieces += [_CHUNK.pack(size + padding, _BIN), *parts, b"\0" * padding]
    length = _HEADER.size + sum(len(piece) for piece in pieces)
    return [_HEADER.pack(MAGIC, _VERSION, length), *pieces]
