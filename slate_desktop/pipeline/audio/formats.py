"""Which formats are read, told by a file's first bytes and never by its name.

What is not here is refused before any decoder sees it: play lists (HLS, ffconcat) in particular,
which make ffmpeg open other files and addresses.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from slate_desktop.errors import AssetError
from slate_desktop.pipeline.opening import open_regular

MAX_INPUT_BYTES = 8 * 1024**3
_HEAD_BYTES = 64
_W64 = bytes.fromhex("726966662e91cf11a5d628db04c10000")
_ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_EBML = bytes.fromhex("1a45dfa3")


class InputFormat(StrEnum):
    """Containers that are read."""

    WAV = "wav"
    W64 = "w64"
    AIFF = "aiff"
    AU = "au"
    CAF = "caf"
    FLAC = "flac"
    OGG = "ogg"
    MP3 = "mp3"
    ADTS = "aac"
    MP4 = "m4a"
    ASF = "wma"
    MATROSKA = "mka"


# Demuxers of ffmpeg by format; all other formats are libsndfile's.
FFMPEG_DEMUXERS = {
    InputFormat.ADTS: "aac",
    InputFormat.MP4: "mov",
    InputFormat.ASF: "asf",
    InputFormat.MATROSKA: "matroska",
}


def sniff(path: Path) -> InputFormat:
    """Return a file's format.

    Raises:
        AssetError: it is no regular file, empty, too large, or of no format that is read.
    """
    with open_regular(path, max_bytes=MAX_INPUT_BYTES) as file:
        head = file.read(_HEAD_BYTES)
        # An ID3 tag may hold a picture of any size in front of the sound.
        if head.startswith(b"ID3") and len(head) >= 10:
            file.seek(10 + _syncsafe(head[6:10]))
            head = file.read(_HEAD_BYTES)
    if not head:
        raise AssetError.invalid("The file is empty.")
    found = _of_head(head)
    if found is None:
        raise AssetError.invalid("The file holds no sound in a format that SLATE reads.")
    return found


def _of_head(head: bytes) -> InputFormat | None:
    if head[:4] in (b"RIFF", b"RIFX", b"RF64") and head[8:12] == b"WAVE":
        return InputFormat.WAV
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return InputFormat.AIFF
    if head[4:8] == b"ftyp":
        return InputFormat.MP4
    for magic, found in (
        (b"OggS", InputFormat.OGG),
        (b"fLaC", InputFormat.FLAC),
        (b"caff", InputFormat.CAF),
        (b".snd", InputFormat.AU),
        (_W64, InputFormat.W64),
        (_ASF, InputFormat.ASF),
        (_EBML, InputFormat.MATROSKA),
    ):
        if head.startswith(magic):
            return found
    return _of_frame(head)


def _of_frame(head: bytes) -> InputFormat | None:
    """Tell MPEG layers and ADTS apart, which have no magic but a first frame."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    if head[1] & 0xF6 == 0xF0:
        return InputFormat.ADTS
    has_layer, has_rate = head[1] & 0x06 != 0, head[2] & 0x0C != 0x0C
    has_bitrate = head[2] & 0xF0 not in (0x00, 0xF0)
    return InputFormat.MP3 if has_layer and has_rate and has_bitrate else None


def _syncsafe(data: bytes) -> int:
    return sum((byte & 0x7F) << shift for byte, shift in zip(data, (21, 14, 7, 0), strict=True))
