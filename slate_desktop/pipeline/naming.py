"""Names of products: the source's name with another ending, valid on every system."""

from __future__ import annotations

import os
import re
from pathlib import Path

_MAX_NAME_BYTES = 255
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_NOT_ON_WINDOWS = re.compile(r'[<>:"/\\|?*\x00-\x1f]')
# What a name of bytes that are no UTF-8 becomes in Python.
_UNDECODED = re.compile(r"[\ud800-\udfff]")


def product_name(source: Path, suffix: str) -> str:
    """Return the name of a product.

    Args:
        source: the file it is made of; its name is kept as it is, but for bytes that are no text,
            names that Windows keeps for itself, and what does not fit into 255 bytes.
        suffix: the product's ending with its dot, such as ``.ogg`` or ``_lod1.glb``.
    """
    stem = _UNDECODED.sub("_", source.stem)
    if os.name == "nt":
        stem = _NOT_ON_WINDOWS.sub("_", stem).rstrip(". ")
    if not stem or _RESERVED.fullmatch(stem):
        stem += "_"
    room = _MAX_NAME_BYTES - len(suffix.encode("utf-8"))
    return stem.encode("utf-8")[:room].decode("utf-8", "ignore") + suffix
