"""Opens levels of one model again: the first as any file, of the others what is their own.

What a level has in common with the first is compared byte for byte, and was checked with it.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np

from slate_desktop.errors import CommandError, ErrorCode
from slate_desktop.pipeline.model import schema
from slate_desktop.pipeline.model.container import split_glb
from slate_desktop.pipeline.model.document import Document, JsonObject
from slate_desktop.pipeline.model.files import map_own_file
from slate_desktop.pipeline.model.load import Source, decode, load_source, read_own
from slate_desktop.pipeline.model.series import OWN, Extent
from slate_desktop.pipeline.model.survey import check_geometry


class Level(msgspec.Struct, rename="camel"):
    """What a level has of its own."""

    asset: schema.Asset
    meshes: list[schema.Mesh] = []
    accessors: list[schema.Accessor] = []
    buffer_views: list[schema.BufferView] = []
    buffers: list[schema.Buffer] = []


class Reader:
    """Reads the levels of one model."""

    def __init__(self, extent: Extent) -> None:
        self._extent = extent
        self._first: Source | None = None
        self._members: dict[str, msgspec.Raw] = {}

    def read(self, path: Path) -> Document:
        """Read a level and check it.

        Raises:
            AssetError: it is not sound.
            CommandError: ``internal``: it differs from the first where it should not.
        """
        data = map_own_file(path)
        if self._first is None:
            self._first = load_source(data, path.parent)
            self._members = self._first.members
            document = self._first.document
        else:
            document = self._read_own(self._first, *split_glb(data))
        check_geometry(document)
        return document

    def _read_own(self, first: Source, text: bytes, chunk: memoryview) -> Document:
        members = decode(text, dict[str, msgspec.Raw])
        extent = self._extent
        is_alike = members.keys() - OWN == self._members.keys() - OWN
        is_alike = is_alike and all(
            members[name] == each for name, each in self._members.items() if name not in OWN
        )
        # Views of memory compare byte by byte in the interpreter, arrays do so at once.
        here, there = (np.asarray(memoryview(each)) for each in (chunk, first.buffers[0]))
        is_alike = is_alike and np.array_equal(here[: extent.size], there[: extent.size])
        own: dict[str, msgspec.Raw] = {
            name: members[name] for name in ("asset", "meshes", "buffers")
        }
        for name, size in (
            ("accessors", extent.accessors_text),
            ("bufferViews", extent.views_text),
        ):
            start = bytes(members[name])[: size + 1]
            is_alike = is_alike and start == bytes(self._members[name])[: size + 1]
            rest = bytes(members[name])[size + 1 :].removeprefix(b",")
            own[name] = msgspec.Raw(b"[" + rest)
        if not is_alike:
            raise CommandError(
                ErrorCode.INTERNAL, "A level differs from the model where it should not."
            )
        level = decode(msgspec.json.encode(own), Level)
        gltf = msgspec.structs.replace(
            first.gltf,
            meshes=level.meshes,
            accessors=[*first.gltf.accessors[: extent.accessors], *level.accessors],
            buffer_views=[*first.gltf.buffer_views[: extent.views], *level.buffer_views],
            buffers=level.buffers,
        )
        meshes: list[JsonObject] = msgspec.json.decode(members["meshes"])
        document = Document({**first.document.tree, "meshes": meshes}, input_format="glb")
        document.images = first.document.images
        document.accessors = first.document.accessors[: extent.accessors]
        read_own(gltf, chunk, document, views=extent.views)
        return document
