"""Which format a file is in, by its first bytes; its name counts only for TGA, which has no mark.

This is the list of what is read. A format that is not here is refused before any decoder sees it:
Pillow's plugin for EPS, for one, would run a program.
"""

from __future__ import annotations

from pathlib import PurePath

from slate_desktop.errors import AssetError

HEAD_BYTES = 64
# What a refused file is, for the message; first bytes of formats that people rename.
_REFUSED = (
    (b"%!PS", "PostScript"),
    (b"\xc5\xd0\xd3\xc6", "EPS"),
    (b"%PDF", "PDF"),
    (b"SIMPLE  =", "FITS"),
    (b"<?xml", "XML or SVG"),
    (b"<svg", "SVG"),
    (b"<!DOCTYPE", "HTML"),
    (b"<html", "HTML"),
    (b"PK\x03\x04", "ZIP"),
)
_MARKS = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"BM", "bmp"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
    (b"8BPS", "psd"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"v/1\x01", "exr"),
    (b"#?RADIANCE", "hdr"),
    (b"#?RGBE", "hdr"),
    (b"DDS ", "dds"),
    (b"\xabKTX 20\xbb\r\n\x1a\n", "ktx2"),
)


def sniff(head: bytes, name: str) -> str:
    """Return the short name of a file's format.

    Args:
        head: its first ``HEAD_BYTES`` bytes, fewer where it has fewer.
        name: its name.

    Raises:
        AssetError: it is empty, or in a format that is not read.
    """
    if not head:
        raise AssetError.invalid("The file is empty.")
    for mark, form in _MARKS:
        if head.startswith(mark):
            return form
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head[4:8] == b"ftyp" and head[8:12] in (b"avif", b"avis"):
        return "avif"
    for mark, title in _REFUSED:
        if head.lstrip()[: len(mark)].upper() == mark.upper():
            raise AssetError.invalid(
                f"The file is in fact {title}, which is not read as a texture."
            )
    if PurePath(name).suffix.lower() == ".tga" and _is_tga(head):
        return "tga"
    raise AssetError.invalid("The file is in no format that is read as a texture.")


def _is_tga(head: bytes) -> bool:
    """Tell whether a header is a sound one of TGA: types, depths and sides that exist."""
    if len(head) < 18:
        return False
    has_map, kind, depth = head[1], head[2], head[16]
    width, height = int.from_bytes(head[12:14], "little"), int.from_bytes(head[14:16], "little")
    return (
        has_map in (0, 1)
        and kind in (1, 2, 3, 9, 10, 11)
        and depth in (1, 8, 15, 16, 24, 32)
        and width > 0
        and height > 0
    )
