"""Models: read from GLB, glTF, OBJ, STL, PLY and FBX; scaled, tidied, lit, made coarser, written.

The doors are ``process``, ``inspect``, ``references``, ``to_glb``, ``warm`` and ``take_memory``;
everything else is how they work. To be called in the parser's child only (``pipeline.sandbox``).
"""

from __future__ import annotations

from slate_desktop.pipeline.model.process import inspect, process, to_glb
from slate_desktop.pipeline.model.read import references
from slate_desktop.pipeline.model.warm import warm
from slate_desktop.pipeline.model.wasm import take_memory

facts = inspect

__all__ = ["facts", "inspect", "process", "references", "take_memory", "to_glb", "warm"]
