"""Loop points in the comments of Ogg Vorbis, Opus and FLAC: ``LOOPSTART`` and ``LOOPLENGTH``.

Game engines read these. libsndfile writes no comments of one's own, so that the header of a
finished file is written anew here; the sound is copied as it is.

Source: https://www.xiph.org/vorbis/doc/v-comment.html, RFC 3533 (Ogg), RFC 7845 (Opus in Ogg),
RFC 9639 (FLAC).
"""

from __future__ import annotations

import shutil
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from slate_desktop.domain.assets.audio import LoopPoints
from slate_desktop.errors import AssetError
from slate_desktop.pipeline.audio.formats import MAX_INPUT_BYTES, InputFormat
from slate_desktop.pipeline.opening import open_regular

_MAX_HEADER_BYTES = 16 * 1024 * 1024
_PAGE = struct.Struct("<4sBBqIIIB")
_FLAC_COMMENT = 4
_FLAC_LAST = 0x80
_MAX_FLAC_BLOCK = (1 << 24) - 1


def read_loop(path: Path, form: InputFormat) -> LoopPoints | None:
    """Return the loop that a file's comments name, or None.

    Raises:
        AssetError: its headers are not sound.
    """
    with open_regular(path, max_bytes=MAX_INPUT_BYTES) as file:
        if form is InputFormat.FLAC:
            blocks = _flac_blocks(file)
            body = next((data for kind, data in blocks if kind == _FLAC_COMMENT), b"")
        else:
            packets, _ = _ogg_headers(file)
            body = _comment_body(packets[1]) if len(packets) > 1 else b""
    return _loop_of(_parse(body)[1]) if body else None


def write_loop(path: Path, form: InputFormat, loop: LoopPoints) -> None:
    """Put a loop into the comments of a finished file."""
    beside = path.with_name(path.name + ".loop")
    with path.open("rb") as reader, beside.open("xb") as writer:
        if form is InputFormat.FLAC:
            _rewrite_flac(reader, writer, loop)
        else:
            _rewrite_ogg(reader, writer, loop)
        shutil.copyfileobj(reader, writer, 1024 * 1024)
    beside.replace(path)


def _with_loop(body: bytes, loop: LoopPoints) -> bytes:
    vendor, comments = _parse(body)
    kept = [text for text in comments if not text.upper().startswith(b"LOOP")]
    kept += [b"LOOPSTART=%d" % loop.start, b"LOOPLENGTH=%d" % (loop.end - loop.start)]
    parts = [struct.pack("<I", len(vendor)), vendor, struct.pack("<I", len(kept))]
    for text in kept:
        parts += [struct.pack("<I", len(text)), text]
    return b"".join(parts)


def _parse(body: bytes) -> tuple[bytes, list[bytes]]:
    """Return vendor and comments."""
    try:
        vendor, offset = _text(body, 0)
        (count,) = struct.unpack_from("<I", body, offset)
        offset += 4
        comments: list[bytes] = []
        for _ in range(min(count, len(body) // 4)):
            text, offset = _text(body, offset)
            comments.append(text)
    except struct.error as exc:
        raise AssetError.invalid("The file's comments are damaged.") from exc
    return vendor, comments


def _text(body: bytes, offset: int) -> tuple[bytes, int]:
    (length,) = struct.unpack_from("<I", body, offset)
    end = offset + 4 + length
    if end > len(body):
        raise AssetError.invalid("The file's comments are damaged.")
    return body[offset + 4 : end], end


def _loop_of(comments: Sequence[bytes]) -> LoopPoints | None:
    values: dict[bytes, int] = {}
    for text in comments:
        name, _, value = text.partition(b"=")
        if value.isdigit() and len(value) < 16:
            values[name.upper().replace(b"_", b"")] = int(value)
    start = values.get(b"LOOPSTART")
    if start is None:
        return None
    end = values.get(b"LOOPEND", start + values.get(b"LOOPLENGTH", 0))
    return LoopPoints(start=start, end=end) if end > start else None


def _comment_body(packet: bytes) -> bytes:
    for magic in (b"\x03vorbis", b"OpusTags"):
        if packet.startswith(magic):
            return packet[len(magic) :]
    return b""


def _ogg_headers(file: BinaryIO) -> tuple[list[bytes], list[tuple[int, int]]]:
    """Return the header packets and, for each of their pages, serial number and sequence number.

    The file stands behind the last header page.
    """
    packets: list[bytes] = []
    pages: list[tuple[int, int]] = []
    open_packet = bytearray()
    size, wanted = 0, 2
    while len(packets) < wanted or open_packet:
        head = file.read(_PAGE.size)
        if len(head) < _PAGE.size or not head.startswith(b"OggS"):
            raise AssetError.invalid("The Ogg file's headers are cut.")
        _, _, _, _, serial, sequence, _, segments = _PAGE.unpack(head)
        lacing = file.read(segments)
        size += sum(lacing)
        if size > _MAX_HEADER_BYTES:
            raise AssetError.limit("The Ogg file's headers are larger than 16 MiB.")
        pages.append((serial, sequence))
        for length in lacing:
            open_packet += file.read(length)
            if length < 255:
                packets.append(bytes(open_packet))
                open_packet.clear()
        if packets and packets[0].startswith(b"\x01vorbis"):
            wanted = 3
    return packets, pages


def _rewrite_ogg(reader: BinaryIO, writer: BinaryIO, loop: LoopPoints) -> None:
    packets, pages = _ogg_headers(reader)
    magic = b"OpusTags" if packets[1].startswith(b"OpusTags") else b"\x03vorbis"
    body = _with_loop(_comment_body(packets[1]), loop)
    packets[1] = magic + body + (b"\x01" if magic == b"\x03vorbis" else b"")
    serial, first = pages[0]
    built = _paginate([packets[:1], packets[1:]], serial, first)
    if len(built) != len(pages):
        # Every page of the sound would need another number, and so another checksum.
        raise AssetError.limit("The file's comments have no room for its loop points.")
    for page in built:
        writer.write(page)


def _paginate(groups: Sequence[Sequence[bytes]], serial: int, sequence: int) -> list[bytes]:
    """Return pages; every group of packets starts a page."""
    pages: list[bytes] = []
    for group in groups:
        lacing: list[int] = []
        for packet in group:
            lacing += [255] * (len(packet) // 255) + [len(packet) % 255]
        body, offset, is_continued = b"".join(group), 0, False
        for start in range(0, len(lacing), 255):
            part = lacing[start : start + 255]
            flags = (1 if is_continued else 0) | (2 if not pages else 0)
            length = sum(part)
            granule = 0 if any(value < 255 for value in part) else -1
            head = _PAGE.pack(
                b"OggS", 0, flags, granule, serial, sequence + len(pages), 0, len(part)
            )
            page = head + bytes(part) + body[offset : offset + length]
            checksum = struct.pack("<I", _crc(page))
            pages.append(page[:22] + checksum + page[26:])
            offset += length
            is_continued = part[-1] == 255
    return pages


def _crc(data: bytes) -> int:
    """Return Ogg's checksum: polynomial 0x04c11db7, neither reflected nor inverted."""
    value = 0
    for byte in data:
        value = ((value << 8) & 0xFFFF_FFFF) ^ _CRC_TABLE[(value >> 24) ^ byte]
    return value


def _crc_table() -> tuple[int, ...]:
    table: list[int] = []
    for byte in range(256):
        value = byte << 24
        for _ in range(8):
            value = ((value << 1) ^ (0x04C1_1DB7 if value & 0x8000_0000 else 0)) & 0xFFFF_FFFF
        table.append(value)
    return tuple(table)


_CRC_TABLE = _crc_table()


def _flac_blocks(file: BinaryIO) -> list[tuple[int, bytes]]:
    """Return the metadata blocks; the file stands at the first frame."""
    if file.read(4) != b"fLaC":
        raise AssetError.invalid("The FLAC file has something in front of its header.")
    blocks: list[tuple[int, bytes]] = []
    size = 0
    while True:
        head = file.read(4)
        if len(head) < 4:
            raise AssetError.invalid("The FLAC file's headers are cut.")
        length = int.from_bytes(head[1:], "big")
        size += length
        if size > _MAX_HEADER_BYTES:
            raise AssetError.limit("The FLAC file's headers are larger than 16 MiB.")
        blocks.append((head[0] & 0x7F, file.read(length)))
        if head[0] & _FLAC_LAST:
            return blocks


def _rewrite_flac(reader: BinaryIO, writer: BinaryIO, loop: LoopPoints) -> None:
    blocks = _flac_blocks(reader)
    old = next((data for kind, data in blocks if kind == _FLAC_COMMENT), b"\0" * 8)
    body = _with_loop(old, loop)
    if len(body) > _MAX_FLAC_BLOCK:
        raise AssetError.limit("The file's comments have no room for its loop points.")
    blocks = [block for block in blocks if block[0] != _FLAC_COMMENT]
    # STREAMINFO stays the first.
    blocks.insert(1, (_FLAC_COMMENT, body))
    writer.write(b"fLaC")
    for index, (kind, data) in enumerate(blocks):
        last = _FLAC_LAST if index == len(blocks) - 1 else 0
        writer.write(bytes([kind | last]) + len(data).to_bytes(3, "big") + data)
