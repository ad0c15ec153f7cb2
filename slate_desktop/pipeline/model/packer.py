"""Stores accessors in buffer views: elements of one form lie together.

That keeps the JSON short and compresses well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np

from slate_desktop.pipeline.model import meshopt
from slate_desktop.pipeline.model.document import Accessor, Document, JsonObject, extent_of
from slate_desktop.pipeline.model.uses import Use, positions_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

MESHOPT = "EXT_meshopt_compression"
# By the kind and size of numbers: types themselves are slow keys.
_COMPONENT_TYPES = {
    ("i", 1): 5120,
    ("u", 1): 5121,
    ("i", 2): 5122,
    ("u", 2): 5123,
    ("u", 4): 5125,
    ("f", 4): 5126,
}
_FEW_ROWS = 1_000
_ARRAY_BUFFER, _ELEMENT_ARRAY_BUFFER = 34962, 34963


@dataclass
class _Group:
    """Accessors whose elements lie in one buffer view."""

    use: Use
    stride: int
    filter: str
    members: list[int] = field(default_factory=list)


class Packer:
    """Buffer views and the bytes behind them."""

    def __init__(self, *, compress: bool) -> None:
        self.parts: list[bytes | memoryview] = []
        self.views: list[JsonObject] = []
        self.compress = compress
        self.size = 0
        self._fallback_size = 0

    def copy(self) -> Packer:
        """Return one that goes on from here, apart from this one."""
        result = Packer(compress=self.compress)
        result.parts, result.views = list(self.parts), list(self.views)
        result.size, result._fallback_size = self.size, self._fallback_size
        return result

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
        packed = self._packed(group, data, counts) if self.compress else None
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
        self.views.append({**place, **view, "extensions": {MESHOPT: entry}})
        return len(self.views) - 1

    def finish(self, tree: JsonObject, buffer_name: str | None) -> None:
        """Write the lists of buffers and views, and name the extension where a view needs it."""
        if not self.size:
            return
        buffer: JsonObject = {"byteLength": self.size}
        if buffer_name is not None:
            buffer["uri"] = buffer_name
        tree["buffers"] = [buffer]
        tree["bufferViews"] = self.views
        if self._fallback_size:
            tree["buffers"].append(
                {"byteLength": self._fallback_size, "extensions": {MESHOPT: {"fallback": True}}}
            )
            for name in ("extensionsUsed", "extensionsRequired"):
                tree[name] = [*tree.get(name, ()), MESHOPT]

    def _put(self, data: bytes | memoryview) -> int:
        offset = self.size
        padding = -len(data) % 4
        self.parts += [data, b"\0" * padding] if padding else [data]
        self.size += len(data) + padding
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


def pack_accessors(
    document: Document, indices: Sequence[int], uses: dict[int, Use], packer: Packer
) -> list[JsonObject]:
    """Store accessors and return their entries in the JSON, in the order of ``indices``."""
    positions = positions_of(document)
    ranged = {i for i in indices if i in positions or uses.get(i) is Use.TIME}
    entries = {index: _entry(document.accessors[index]) for index in indices}
    for group in _groups(document, indices, uses, compress=packer.compress):
        _pack_group(document, group, packer, entries, ranged)
    return list(entries.values())


def _entry(accessor: Accessor) -> JsonObject:
    dtype, _, count = accessor.form
    entry: JsonObject = {
        **accessor.extra,
        "componentType": _COMPONENT_TYPES[dtype.kind, dtype.itemsize],
        "count": count,
        "type": accessor.kind,
    }
    if accessor.normalized:
        entry["normalized"] = True
    return entry


def _groups(
    document: Document, indices: Sequence[int], uses: dict[int, Use], *, compress: bool
) -> list[_Group]:
    groups: dict[tuple[object, ...], _Group] = {}
    for index in indices:
        accessor = document.accessors[index]
        use, (dtype, width, _) = uses.get(index, Use.OTHER), accessor.form
        name, stride = "", dtype.itemsize * width
        if compress and accessor.filtered is not None:
            name, stride = accessor.filtered[0], accessor.filtered[1].shape[1]
        if use is Use.VERTEX:
            stride = (stride + 3) // 4 * 4
        key: tuple[object, ...] = (use, stride, name, dtype.num, accessor.kind)
        if use is Use.INDEX and compress:
            key = (index,)
        group = groups.get(key)
        if group is None:
            group = groups[key] = _Group(use, stride, name)
        group.members.append(index)
    return list(groups.values())


def _pack_group(
    document: Document,
    group: _Group,
    packer: Packer,
    entries: dict[int, JsonObject],
    ranged: set[int],
) -> None:
    accessors = [document.accessors[index] for index in group.members]
    counts = [entries[index]["count"] for index in group.members]
    values = _joined_values(accessors)
    starts = [0, *accumulate(counts)][:-1]
    if not ranged.isdisjoint(group.members):
        ranges = _ranges(values, starts)
        for index, (least, greatest) in zip(group.members, ranges, strict=True):
            if index in ranged:
                entries[index] |= {"min": least, "max": greatest}
    filtered = [each.filtered[1] for each in accessors if group.filter and each.filtered]
    rows = _joined(filtered) if filtered else values.view(np.uint8).reshape(len(values), -1)
    view = packer.append_group(group, _padded(rows, group.stride), counts)
    for index, start in zip(group.members, starts, strict=True):
        if start:
            entries[index]["byteOffset"] = start * group.stride
        entries[index]["bufferView"] = view


def _joined_values(accessors: list[Accessor]) -> NDArray[Any]:
    """Return the elements of accessors of one form, from their bytes where they were not read."""
    parts = [each.data for each in accessors]
    whole = [each for each in parts if each is not None]
    if len(whole) < len(parts):
        return _joined([each.values for each in accessors])
    dtype, width, _ = accessors[0].form
    data = whole[0] if len(whole) == 1 else b"".join(whole)
    return np.frombuffer(data, dtype).reshape(-1, width)


def _joined(arrays: list[NDArray[Any]]) -> NDArray[Any]:
    """Return the rows of arrays, those of a single one where they lie."""
    return np.ascontiguousarray(arrays[0]) if len(arrays) == 1 else np.concatenate(arrays)


def _ranges(values: NDArray[Any], starts: list[int]) -> Iterator[tuple[list[Any], list[Any]]]:
    """Return the least and the greatest of each column, from each start to the next one."""
    if len(values) < _FEW_ROWS * len(starts):
        # Animations have thousands of short ones.
        least = np.minimum.reduceat(values, starts, axis=0)
        greatest = np.maximum.reduceat(values, starts, axis=0)
        yield from zip(least.tolist(), greatest.tolist(), strict=True)
        return
    for part in np.split(values, starts[1:]):
        low, high = extent_of(part)
        yield low.tolist(), high.tolist()


def _padded(rows: NDArray[np.uint8], stride: int) -> NDArray[np.uint8]:
    if rows.shape[1] == stride:
        return rows
    result = np.zeros((len(rows), stride), np.uint8)
    result[:, : rows.shape[1]] = rows
    return result
