"""Writes a ``Document`` as GLB or glTF. Pictures are copied byte for byte."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from slate_desktop.pipeline.model.container import join_glb
from slate_desktop.pipeline.model.document import Document, JsonObject, copied
from slate_desktop.pipeline.model.packer import Packer, pack_accessors
from slate_desktop.pipeline.model.uses import uses_of

GENERATOR = "SLATE Desktop"


def save_glb(document: Document, *, compress: bool = False) -> list[bytes | memoryview]:
    """Return a GLB in pieces to be written one after the other."""
    tree, packer = _pack(document, compress=compress)
    for entry, image in zip(tree.get("images", ()), document.images, strict=True):
        entry["bufferView"] = packer.append(image.data)
        entry["mimeType"] = image.mime
    packer.finish(tree, None)
    return join_glb(msgspec.json.encode(tree), packer.parts)


def save_gltf(
    document: Document, buffer_name: str, image_names: Sequence[str], *, compress: bool = False
) -> tuple[bytes, list[bytes | memoryview]]:
    """Return a glTF's JSON, and its buffer in pieces; pictures are files of their own.

    Args:
        document: to be written.
        buffer_name: of the file that the buffer goes to.
        image_names: of the files of its pictures.
        compress: with meshopt.
    """
    tree, packer = _pack(document, compress=compress)
    for entry, name in zip(tree.get("images", ()), image_names, strict=True):
        entry["uri"] = name
    packer.finish(tree, buffer_name)
    return msgspec.json.format(msgspec.json.encode(tree), indent=1), packer.parts


def _pack(document: Document, *, compress: bool) -> tuple[JsonObject, Packer]:
    """Return the document's JSON with its accessors, and what they refer to."""
    tree = copied(document.tree)
    packer = Packer(compress=compress)
    entries = pack_accessors(document, range(len(document.accessors)), uses_of(document), packer)
    if document.views:
        _renumber_views(tree, [packer.append(view) for view in document.views])
    if entries:
        tree["accessors"] = entries
    tree["asset"]["generator"] = GENERATOR
    return tree, packer


def _renumber_views(value: Any, numbers: list[int]) -> None:
    """Point the extensions at the views that were stored for them."""
    if isinstance(value, list):
        for each in value:
            if isinstance(each, dict | list):
                _renumber_views(each, numbers)
    elif isinstance(value, dict):
        for key, each in value.items():
            if key == "bufferView":
                value[key] = numbers[each]
            elif isinstance(each, dict | list):
                _renumber_views(each, numbers)
