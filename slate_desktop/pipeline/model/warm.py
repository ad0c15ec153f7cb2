"""Loads what reading and writing models loads when it is first needed."""

from __future__ import annotations

import msgspec

from slate_desktop.pipeline.model import wasm


def warm() -> None:
    """Import the readers of the common formats, and compile meshoptimizer.

    Those of FBX, STL and PLY bring large libraries and come with the first such file.
    """
    from slate_desktop.pipeline.model import export, load, mtl, obj, reread, schema  # noqa: F401

    # The types of a decoder are looked at when it is first used.
    for kind in (schema.Gltf, reread.Level):
        msgspec.json.decode(b'{"asset": {"version": "2.0"}}', type=kind)
    wasm.warm()
