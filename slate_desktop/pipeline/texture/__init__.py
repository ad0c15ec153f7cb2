"""Textures: ``process`` makes the products of one, ``inspect`` describes one, ``read`` opens one.

Importing it imports every codec; callers outside of the parser's child have no use for it.
"""

from slate_desktop.pipeline.texture.facts import inspect
from slate_desktop.pipeline.texture.image import Pixels, TextureFacts, TextureImage
from slate_desktop.pipeline.texture.process import process
from slate_desktop.pipeline.texture.source import read, read_facts
from slate_desktop.pipeline.texture.warm import warm

__all__ = [
    "Pixels",
    "TextureFacts",
    "TextureImage",
    "inspect",
    "process",
    "read",
    "read_facts",
    "warm",
]
