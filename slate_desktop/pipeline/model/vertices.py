"""The vertices that primitives share: merged, put in order, and dropped where nothing uses them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from slate_desktop.pipeline.model import meshopt
from slate_desktop.pipeline.model.document import (
    Document,
    JsonObject,
    attributes_of,
    targets_of,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

UNUSED = 0xFFFFFFFF


@dataclass
class VertexSet:
    """Primitives of triangles that name the same vertices: many exporters share them so."""

    primitives: list[JsonObject]

    @property
    def accessors(self) -> list[int]:
        """All accessors that hold these vertices."""
        first = self.primitives[0]
        named = [attributes_of(first), *targets_of(first)]
        return list(dict.fromkeys(index for each in named for index in each.values()))


def vertex_sets(document: Document) -> list[VertexSet]:
    """Return the sets of vertices of all primitives of triangles.

    Vertices that another kind of primitive shares, or that are shared in part only, are left out:
    they cannot be changed for one alone.
    """
    sets: dict[tuple[object, ...], VertexSet] = {}
    for primitive in document.triangle_primitives():
        named = (attributes_of(primitive), *targets_of(primitive))
        key = tuple(tuple(sorted(each.items())) for each in named)
        sets.setdefault(key, VertexSet([])).primitives.append(primitive)
    owners: dict[int, int] = {}
    for each in sets.values():
        for index in each.accessors:
            owners[index] = owners.get(index, 0) + 1
    inside = {id(primitive) for each in sets.values() for primitive in each.primitives}
    for primitive in document.primitives():
        if id(primitive) not in inside:
            for accessors in (attributes_of(primitive), *targets_of(primitive)):
                for index in accessors.values():
                    owners[index] = owners.get(index, 0) + 2
    return [each for each in sets.values() if all(owners[i] == 1 for i in each.accessors)]


def weld(document: Document, vertices: VertexSet) -> int:
    """Merge vertices that are equal in everything, drop triangles that become lines.

    Returns:
        How many vertices it merged.
    """
    rows = np.concatenate(
        [_bytes_of(document.accessors[index].values) for index in vertices.accessors], axis=1
    )
    first, inverse = _distinct(rows)
    merged = len(rows) - len(first)
    for primitive in vertices.primitives:
        triangles = document.indices_of(primitive).reshape(-1, 3)
        if merged:
            triangles = inverse[triangles]
        sound = (
            (triangles[:, 0] != triangles[:, 1])
            & (triangles[:, 1] != triangles[:, 2])
            & (triangles[:, 2] != triangles[:, 0])
        )
        # A primitive must keep something: one without area is drawn as nothing, as before.
        if sound.any() and (merged or not sound.all()):
            document.set_indices(primitive, triangles[sound].reshape(-1))
        elif merged:
            document.set_indices(primitive, triangles.reshape(-1))
    if merged:
        _take(document, vertices, first)
        for primitive in vertices.primitives:
            document.set_indices(primitive, document.indices_of(primitive))
    return merged


def order(document: Document, vertices: VertexSet) -> None:
    """Put triangles and vertices into the order in which a GPU reads them best."""
    count = len(document.accessors[vertices.accessors[0]].values)
    for primitive in vertices.primitives:
        triangles = meshopt.order_triangles(document.indices_of(primitive), count)
        document.set_indices(primitive, triangles)
    compact(document, vertices)


def compact(document: Document, vertices: VertexSet) -> None:
    """Drop vertices that no triangle uses, and put the others in order of first use."""
    indices = [document.indices_of(primitive) for primitive in vertices.primitives]
    count = len(document.accessors[vertices.accessors[0]].values)
    numbers, used = meshopt.vertex_order(np.concatenate(indices), count)
    kept = np.empty(used, np.int64)
    is_used = numbers != UNUSED
    kept[numbers[is_used]] = np.flatnonzero(is_used)
    _take(document, vertices, kept)
    for primitive, old in zip(vertices.primitives, indices, strict=True):
        document.set_indices(primitive, numbers[old])


def _take(document: Document, vertices: VertexSet, rows: NDArray[np.int64]) -> None:
    numbers: dict[int, int] = {}
    for index in vertices.accessors:
        old = document.accessors[index]
        values = old.values.take(rows, axis=0)
        new = document.add(values, old.kind, normalized=old.normalized, like=index)
        if old.filtered is not None:
            document.accessors[new].filtered = (old.filtered[0], old.filtered[1][rows])
        numbers[index] = new
    for primitive in vertices.primitives:
        for accessors in (attributes_of(primitive), *targets_of(primitive)):
            accessors.update({name: numbers[index] for name, index in accessors.items()})


def _bytes_of(values: NDArray[Any]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(values).view(np.uint8).reshape(len(values), -1)


def _distinct(rows: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
    """Return the first of each distinct row, in order, and for each row the number of its like."""
    padding = -rows.shape[1] % 8
    padded = np.pad(rows, ((0, 0), (0, padding))) if padding else np.ascontiguousarray(rows)
    words = padded.view(np.uint64)
    hashes = np.zeros(len(rows), np.uint64)
    for column in words.T:
        hashes ^= column
        hashes *= np.uint64(0x9E3779B97F4A7C15)
        hashes ^= hashes >> np.uint64(29)
    _, first, inverse = np.unique(hashes, return_index=True, return_inverse=True)
    if not np.array_equal(words[first[inverse]], words):
        void = padded.view(np.dtype((np.void, padded.shape[1]))).reshape(-1)
        _, first, inverse = np.unique(void, return_index=True, return_inverse=True)
    by_place = np.argsort(first)
    numbers = np.empty(len(first), np.uint32)
    numbers[by_place] = np.arange(len(first), dtype=np.uint32)
    return first[by_place].astype(np.int64), numbers[inverse.reshape(-1)]
