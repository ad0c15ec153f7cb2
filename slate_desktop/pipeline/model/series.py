"""Writes the levels of one model, which differ in their meshes only.

Animations, skins and pictures of a character are most of its bytes and of its JSON: they are packed
once. In each file they come first, so that they are the same bytes at the same places.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from slate_desktop.pipeline.model.container import join_glb
from slate_desktop.pipeline.model.document import Document, JsonObject
from slate_desktop.pipeline.model.packer import Packer, pack_accessors
from slate_desktop.pipeline.model.save import GENERATOR
from slate_desktop.pipeline.model.uses import common_count, uses_in_meshes, uses_of

# What each level has of its own; everything else is alike.
OWN = frozenset(
    {
        "meshes",
        "accessors",
        "bufferViews",
        "buffers",
        "extensionsUsed",
        "extensionsRequired",
    }
)


@dataclass(frozen=True)
class Extent:
    """How much of each file is alike: accessors and views from the first on, bytes of the buffer.

    ``accessors_text`` and ``views_text`` are bytes of their JSON, without brackets.
    """

    accessors: int
    views: int
    size: int
    accessors_text: int
    views_text: int


class Series:
    """Levels of one model, each a GLB."""

    def __init__(self, document: Document, *, compress: bool) -> None:
        """Pack what the document's levels have alike.

        Args:
            document: without views that only unknown extensions refer to.
            compress: with meshopt.
        """
        self._packer = Packer(compress=compress)
        count = common_count(document)
        entries = pack_accessors(document, range(count), uses_of(document), self._packer)
        self._entries = _inner(entries)
        self._members = _members(document, self._packer)
        self._views = _inner(self._packer.views)
        self.extent = Extent(
            accessors=count,
            views=len(self._packer.views),
            size=self._packer.size,
            accessors_text=len(self._entries),
            views_text=len(self._views),
        )

    def save(self, document: Document) -> list[bytes | memoryview]:
        """Return a level's GLB in pieces to be written one after the other."""
        packer = self._packer.copy()
        own = range(self.extent.accessors, len(document.accessors))
        entries = pack_accessors(document, own, uses_in_meshes(document), packer)
        tree: JsonObject = dict(self._members)
        for name in sorted(OWN & document.tree.keys()):
            tree[name] = document.tree[name]
        tree["accessors"] = _joined(self._entries, entries)
        packer.finish(tree, None)
        tree["bufferViews"] = _joined(self._views, packer.views[self.extent.views :])
        return join_glb(msgspec.json.encode(tree), packer.parts)


def _members(document: Document, packer: Packer) -> dict[str, msgspec.Raw]:
    """Return the JSON of what is alike, by name; pictures are stored."""
    tree = document.tree
    images = [
        {**entry, "bufferView": packer.append(image.data), "mimeType": image.mime}
        for entry, image in zip(tree.get("images", ()), document.images, strict=True)
    ]
    changed: JsonObject = {"asset": {**tree["asset"], "generator": GENERATOR}}
    if images:
        changed["images"] = images
    return {
        name: msgspec.Raw(msgspec.json.encode(value))
        for name, value in {**tree, **changed}.items()
        if name not in OWN
    }


def _inner(entries: list[JsonObject]) -> bytes:
    """Return a list's JSON without its brackets."""
    return msgspec.json.encode(entries)[1:-1]


def _joined(text: bytes, entries: list[JsonObject]) -> msgspec.Raw:
    parts = [part for part in (text, _inner(entries)) if part]
    return msgspec.Raw(b"[" + b",".join(parts) + b"]")
