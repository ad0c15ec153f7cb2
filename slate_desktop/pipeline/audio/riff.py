"""WAV files: whether their chunks are what they claim, and the loop in ``smpl``.

Source: http://soundfile.sapp.org/doc/WaveFormat/,
https://www.recordingblogs.com/wiki/sample-chunk-of-a-wave-file
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from slate_desktop.domain.assets.audio import LoopPoints
from slate_desktop.errors import AssetError
from slate_desktop.pipeline.audio.formats import MAX_INPUT_BYTES
from slate_desktop.pipeline.opening import open_regular

_MAX_CHUNKS = 1000
_UNKNOWN = 0xFFFF_FFFF
_SMPL_BYTES = 36
_LOOP_BYTES = 24


@dataclass(frozen=True)
class WavFacts:
    """What a WAV's chunks say; ``data_size`` is bytes."""

    channels: int
    sample_rate: int
    data_size: int
    loop: LoopPoints | None


def scan_wav(path: Path) -> WavFacts:
    """Walk the chunks.

    Raises:
        AssetError: a chunk claims more than the file has, or the sound or its form is missing.
    """
    with open_regular(path, max_bytes=MAX_INPUT_BYTES) as file:
        size = os.fstat(file.fileno()).st_size
        return _scan(file, size)


def append_loop(path: Path, loop: LoopPoints, sample_rate: int) -> None:
    """Add a ``smpl`` chunk to a WAV that has none, and correct the length in its header."""
    period_ns = round(1e9 / sample_rate)
    body = struct.pack("<9I", 0, 0, period_ns, 60, 0, 0, 0, 1, 0)
    body += struct.pack("<6I", 0, 0, loop.start, loop.end - 1, 0, 0)
    with path.open("r+b") as file:
        file.seek(0, os.SEEK_END)
        if file.tell() % 2:
            file.write(b"\0")
        file.write(struct.pack("<4sI", b"smpl", len(body)) + body)
        size = file.tell()
        file.seek(4)
        file.write(struct.pack("<I", size - 8))


def _scan(file: BinaryIO, size: int) -> WavFacts:
    magic, _, _ = struct.unpack("<4sI4s", _exactly(file, 12))
    order = ">" if magic == b"RIFX" else "<"
    form: tuple[int, int] | None = None
    data_size: int | None = None
    long_size: int | None = None
    loop: LoopPoints | None = None
    for _ in range(_MAX_CHUNKS):
        head = file.read(8)
        if len(head) < 8:
            break
        name, length = struct.unpack(f"{order}4sI", head)
        start = file.tell()
        if name == b"ds64" and magic == b"RF64":
            long_size = struct.unpack("<Q", _exactly(file, 28)[8:16])[0]
        elif name == b"fmt ":
            _, channels, rate = struct.unpack(f"{order}HHI", _exactly(file, 8))
            form = (channels, rate)
        elif name == b"smpl" and _SMPL_BYTES + _LOOP_BYTES <= length <= size - start:
            loop = _read_loop(_exactly(file, _SMPL_BYTES + _LOOP_BYTES), order)
        elif name == b"data":
            length = long_size if length == _UNKNOWN and long_size is not None else length
            data_size = length
        _check_length(name, length, size - start)
        file.seek(start + length + length % 2)
    if form is None or data_size is None:
        raise AssetError.invalid("The WAV file has no sound in it: a chunk is missing.")
    return WavFacts(form[0], form[1], data_size, loop)


def _check_length(name: bytes, length: int, left: int) -> None:
    if length > left and name in (b"data", b"fmt "):
        raise AssetError.invalid(
            f"The WAV file says that {length} bytes of sound follow, but it has {left}."
            if name == b"data"
            else "The WAV file's header is cut."
        )


def _read_loop(body: bytes, order: str) -> LoopPoints | None:
    count = struct.unpack(f"{order}I", body[28:32])[0]
    start, last = struct.unpack(f"{order}II", body[_SMPL_BYTES + 8 : _SMPL_BYTES + 16])
    return LoopPoints(start=start, end=last + 1) if count and start <= last else None


def _exactly(file: BinaryIO, count: int) -> bytes:
    data = file.read(count)
    if len(data) < count:
        raise AssetError.invalid("The WAV file's header is cut.")
    return data
