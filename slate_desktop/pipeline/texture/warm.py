"""Loads what readers and writers of textures load when they are first needed."""

from __future__ import annotations

from PIL import Image


def warm() -> None:
    """Import Pillow's modules for all forms, and what packs KTX2.

    It opens nothing: which forms a file may have is said again with each file.
    """
    import zstandard  # noqa: F401

    Image.init()
