"""Writes a ``Document`` as GLB or glTF.

Elements of one form lie together in one buffer view, which keeps the JSON short and compresses
well. Pictures are copied byte for byte.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from slate_desktop.pipeline.model import meshopt
from slate_desktop.pipeline.model.container import join_glb
from slate_desktop.pipeline.model.document import Accessor, Document, JsonObject, copied
from slate_desktop.pipeline.model.uses import Use, positions_of, uses_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

_COMPONENT_TYPES: dict[np.dtype[Any], int] = {
    np.dtype(np.int8): 5120,
    np.dtype(np.uint8): 5121,
    np.dtype(np.int16): 5122,
    np.dtype(np.uint16): 5123,
    np.dtype(np.uint32): 5125,
    np.dtype(np.float32): 5126,
}
_ARRAY_BUFFER, _ELEMENT_ARRAY_BUFFER = 34962, 34963
_MESHOPT = "EXT_meshopt_compression"
_GENERATOR = "SLATE Desktop"


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


@dataclass
class _Group:
    """Accessors whose elements lie in one buffer view."""

    use: Use
    stride: int
    filter: str
    members: list[int] = field(default_factory=list)


class _Packer:
    """Buffer views and the bytes behind them."""

    def __init__(self, *, compress: bool) -> None:
        self.parts: list[bytes | memoryview] = []
        self.views: list[JsonObject] = []
        self._size = 0
        self._fallback_size = 0
        self._compress = compress

    def append(self, data: bytes | memoryview) -> int:
        """Store bytes as they are and return the number of their view."""
        self.views.append({"buffer": 0, "byteOffset": self._put(data), "byteLength": len(data)})
        return len(self.views) - 1

    def append_group(self, group: _Group, data: NDArray[np.uint8], counts: list[int]) -> int:
        """Store the elements (n, stride) of a group, and return the number of their view."""
        view: JsonObject = {"byteLength": data.size}
        if group.use is Use.VERTEX:
            view |= {"byteStride": group.stride, "target": _ARRAY_BUFFER}
        elif group.use is Use.INDEX:
            view["target"] = _ELEMENT_ARRAY_BUFFER
        packed = self._packed(group, data, counts) if self._compress else None
        # What a filter made cannot be read without it.
        is_larger = packed is not None and len(packed[0]) >= data.size and not group.filter
        if packed is None or is_larger:
            offset = self._put(data.reshape(-1).data)
            self.views.append({"buffer": 0, "byteOffset": offset, **view})
            return len(self.views) - 1
        entry: JsonObject = {
            "buffer": 0,
            "byteOffset": self._put(packed[0]),
            "byteLength": len(packed[0]),
            "byteStride": group.stride,
            "mode": packed[1],
            "count": len(data),
        }
        if group.filter:
            entry["filter"] = group.filter
        # Where the bytes would lie if they were not compressed: a buffer that is never written.
        offset, self._fallback_size = self._fallback_size, self._fallback_size + data.size
        self._fallback_size += -self._fallback_size % 4
        place = {"buffer": 1, "byteOffset": offset}
        self.views.append({**place, **view, "extensions": {_MESHOPT: entry}})
        return len(self.views) - 1

    def finish(self, tree: JsonObject, buffer_name: str | None) -> None:
        """Write the lists of buffers and views."""
        if not self._size:
            return
        buffer: JsonObject = {"byteLength": self._size}
        if buffer_name is not None:
            buffer["uri"] = buffer_name
        tree["buffers"] = [buffer]
        tree["bufferViews"] = self.views
        if self._fallback_size:
            tree["buffers"].append(
                {"byteLength": self._fallback_size, "extensions": {_MESHOPT: {"fallback": True}}}
            )

    @property
    def is_compressed(self) -> bool:
        """Whether any view is."""
        return self._fallback_size > 0

    def _put(self, data: bytes | memoryview) -> int:
        offset = self._size
        padding = -len(data) % 4
        self.parts += [data, b"\0" * padding] if padding else [data]
        self._size += len(data) + padding
        return offset

    def _packed(
        self, group: _Group, data: NDArray[np.uint8], counts: list[int]
    ) -> tuple[bytes, str] | None:
        if group.use is not Use.INDEX:
            return None if group.stride % 4 else (meshopt.encode_vertices(data), "ATTRIBUTES")
        if group.stride == 1:
            return None
        dtype = np.uint16 if group.stride == 2 else np.uint32
        indices = data.reshape(-1).view(dtype).astype(np.uint32)
        top = int(indices.max()) + 1
        if all(count % 3 == 0 for count in counts):
            return meshopt.encode_triangles(indices, top), "TRIANGLES"
        return meshopt.encode_sequence(indices, top), "INDICES"


def _pack(document: Document, *, compress: bool) -> tuple[JsonObject, _Packer]:
    """Return the document's JSON with its accessors, and what they refer to."""
    tree = copied(document.tree)
    packer = _Packer(compress=compress)
    uses = uses_of(document)
    ranged = positions_of(document)
    entries: list[JsonObject] = []
    for index, accessor in enumerate(document.accessors):
        has_range = index in ranged or uses.get(index) is Use.TIME
        entries.append(_entry(accessor, has_range=has_range))
    for group in _groups(document, uses, compress=compress):
        _pack_group(document, group, packer, entries)
    if document.views:
        _renumber_views(tree, [packer.append(view) for view in document.views])
    if entries:
        tree["accessors"] = entries
    asset = tree["asset"]
    asset["generator"] = _GENERATOR
    if packer.is_compressed:
        for name in ("extensionsUsed", "extensionsRequired"):
            tree.setdefault(name, []).append(_MESHOPT)
    return tree, packer


def _entry(accessor: Accessor, *, has_range: bool) -> JsonObject:
    values = accessor.values
    entry: JsonObject = {
        **accessor.extra,
        "componentType": _COMPONENT_TYPES[values.dtype],
        "count": len(values),
        "type": accessor.kind,
    }
    if accessor.normalized:
        entry["normalized"] = True
    if has_range:
        entry["min"] = values.min(axis=0).tolist()
        entry["max"] = values.max(axis=0).tolist()
    return entry


def _groups(document: Document, uses: dict[int, Use], *, compress: bool) -> list[_Group]:
    groups: dict[tuple[object, ...], _Group] = {}
    for index, accessor in enumerate(document.accessors):
        use = uses.get(index, Use.OTHER)
        name, stride = "", accessor.values.dtype.itemsize * accessor.values.shape[1]
        if compress and accessor.filtered is not None:
            name, stride = accessor.filtered[0], accessor.filtered[1].shape[1]
        if use is Use.VERTEX:
            stride = (stride + 3) // 4 * 4
        key: tuple[object, ...] = (use, stride, name, accessor.values.dtype, accessor.kind)
        if use is Use.INDEX and compress:
            key = (index,)
        groups.setdefault(key, _Group(use, stride, name)).members.append(index)
    return list(groups.values())


def _pack_group(
    document: Document, group: _Group, packer: _Packer, entries: list[JsonObject]
) -> None:
    counts = [len(document.accessors[index].values) for index in group.members]
    data = np.zeros((sum(counts), group.stride), np.uint8)
    start = 0
    for index, count in zip(group.members, counts, strict=True):
        accessor = document.accessors[index]
        if start:
            entries[index]["byteOffset"] = start * group.stride
        rows = accessor.filtered[1] if group.filter and accessor.filtered else _rows(accessor)
        data[start : start + count, : rows.shape[1]] = rows
        start += count
    view = packer.append_group(group, data, counts)
    for index in group.members:
        entries[index]["bufferView"] = view


def _rows(accessor: Accessor) -> NDArray[np.uint8]:
    values = np.ascontiguousarray(accessor.values)
    return values.view(np.uint8).reshape(len(values), -1)


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
