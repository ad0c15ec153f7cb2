"""A glTF in memory: its JSON as it was, its binary data as arrays.

Everything that SLATE does not change stays as the input had it. ``tree`` holds the JSON without
``buffers``, ``bufferViews`` and ``accessors``, which ``save.py`` writes anew; indices of accessors
and images are positions in the lists here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar

import msgspec
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

JsonObject: TypeAlias = dict[str, Any]
TRIANGLES = 4
_MANY_ROWS = 100
T = TypeVar("T")


class Stored(Protocol):
    """Elements where a file has them, read when they are first needed."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of one number."""
        ...

    @property
    def width(self) -> int:
        """Numbers of one element."""
        ...

    @property
    def count(self) -> int:
        """How many elements there are."""
        ...

    def data(self) -> memoryview | None:
        """Return their bytes, None where others lie between them."""
        ...

    def array(self) -> NDArray[Any]:
        """Return them as (n, k).

        Raises:
            AssetError: their compressed bytes are damaged.
        """
        ...


class Accessor:
    """Typed elements.

    Args:
        values: (n, k) in their stored type, a view of the input where possible; or where they are
            stored, for there may be thousands of accessors that are only copied.

    Attributes:
        filtered: what is compressed in place of the values: name of the filter, and its bytes
            (n, stride); only where they were quantised for it.
    """

    __slots__ = ("_values", "extra", "filtered", "kind", "normalized")

    def __init__(
        self,
        values: NDArray[Any] | Stored,
        kind: str,
        normalized: bool = False,
        extra: JsonObject | None = None,
    ) -> None:
        self._values = values
        self.kind = kind
        self.normalized = normalized
        self.extra: JsonObject = {} if extra is None else extra
        self.filtered: tuple[str, NDArray[np.uint8]] | None = None

    @property
    def values(self) -> NDArray[Any]:
        """The elements (n, k) in their stored type.

        Raises:
            AssetError: they were not read yet, and their compressed bytes are damaged.
        """
        found = self._values
        if not isinstance(found, np.ndarray):
            # Threads that ask at the same time each get the same.
            found = self._values = found.array()
        return found

    @property
    def form(self) -> tuple[np.dtype[Any], int, int]:
        """Type, numbers of one element, and count of the elements; reads none of them."""
        found = self._values
        if isinstance(found, np.ndarray):
            return found.dtype, found.shape[1], len(found)
        return found.dtype, found.width, found.count

    @property
    def data(self) -> memoryview | None:
        """The elements' bytes where they can be had without reading them."""
        found = self._values
        return None if isinstance(found, np.ndarray) else found.data()

    @property
    def floats(self) -> NDArray[np.float32]:
        """The values as they are meant: normalised whole numbers become fractions."""
        if self.values.dtype == np.float32:
            return self.values
        result = self.values.astype(np.float32)
        if self.normalized:
            result /= np.iinfo(self.values.dtype).max
            np.maximum(result, -1, out=result)
        return result


@dataclass
class Image:
    """A picture's own bytes, never decoded. ``name`` is that of its file, or ``""``."""

    data: bytes | memoryview
    mime: str
    name: str = ""


@dataclass
class Document:
    """A model. ``views`` are byte ranges that only unknown extensions refer to."""

    tree: JsonObject
    accessors: list[Accessor] = field(default_factory=list)
    images: list[Image] = field(default_factory=list)
    views: list[bytes | memoryview] = field(default_factory=list)
    input_format: str = "gltf"
    input_size: int = 0
    warnings: list[str] = field(default_factory=list)

    def with_own_meshes(self) -> Document:
        """Return a document whose meshes change apart from this one; all else is shared."""
        tree = dict(self.tree)
        if "meshes" in tree:
            tree["meshes"] = copied(tree["meshes"])
        return Document(
            tree,
            list(self.accessors),
            self.images,
            self.views,
            self.input_format,
            self.input_size,
            self.warnings,
        )

    def list_of(self, name: str) -> list[JsonObject]:
        """Return one of the document's lists, empty where it has none."""
        found: list[JsonObject] = self.tree.get(name) or []
        return found

    def grow(self, name: str, value: JsonObject) -> int:
        """Append to one of the document's lists and return the index."""
        self.tree.setdefault(name, []).append(value)
        return len(self.tree[name]) - 1

    def add(
        self, values: NDArray[Any], kind: str, *, normalized: bool = False, like: int | None = None
    ) -> int:
        """Append an accessor, named like another where one is given, and return its index."""
        extra = {} if like is None else dict(self.accessors[like].extra)
        self.accessors.append(Accessor(values, kind, normalized, extra))
        return len(self.accessors) - 1

    def primitives(self) -> Iterator[JsonObject]:
        """Yield every primitive of every mesh."""
        for mesh in self.list_of("meshes"):
            yield from mesh["primitives"]

    def triangle_primitives(self) -> Iterator[JsonObject]:
        """Yield primitives that are lists of triangles with positions."""
        for primitive in self.primitives():
            if primitive.get("mode", TRIANGLES) == TRIANGLES and "POSITION" in attributes_of(
                primitive
            ):
                yield primitive

    def indices_of(self, primitive: JsonObject) -> NDArray[np.uint32]:
        """Return a primitive's indices, counted up where it has none."""
        index = primitive.get("indices")
        if index is None:
            count = len(self.accessors[primitive["attributes"]["POSITION"]].values)
            return np.arange(count, dtype=np.uint32)
        return self.accessors[index].values.reshape(-1).astype(np.uint32)

    def set_indices(self, primitive: JsonObject, indices: NDArray[np.uint32]) -> None:
        """Give a primitive new indices, in 16 bits where they suffice."""
        count = len(self.accessors[primitive["attributes"]["POSITION"]].values)
        # The greatest number of a type restarts strips, so it is no vertex.
        dtype = np.uint16 if count < 0xFFFF else np.uint32
        primitive["indices"] = self.add(
            indices.astype(dtype).reshape(-1, 1), "SCALAR", like=primitive.get("indices")
        )

    def use_extension(self, name: str, *, is_required: bool) -> None:
        """Name an extension as used, and as one that readers must know."""
        lists = ("extensionsUsed", "extensionsRequired") if is_required else ("extensionsUsed",)
        for key in lists:
            names: list[str] = self.tree.setdefault(key, [])
            if name not in names:
                names.append(name)


def copied(tree: T) -> T:
    """Return a copy of JSON values in which nothing is shared."""
    # Several times as fast as ``copy.deepcopy``.
    result: T = msgspec.json.decode(msgspec.json.encode(tree))
    return result


def extent_of(values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the least and the greatest of each column of (n, k) values."""
    if len(values) < _MANY_ROWS:
        return values.min(axis=0), values.max(axis=0)
    # Column by column it is several times as fast.
    columns = list(values.T)
    least, greatest = [each.min() for each in columns], [each.max() for each in columns]
    return np.array(least, values.dtype), np.array(greatest, values.dtype)


def attributes_of(primitive: JsonObject) -> dict[str, int]:
    """Return the accessors of a primitive's attributes by name."""
    found: dict[str, int] = primitive["attributes"]
    return found


def targets_of(primitive: JsonObject) -> list[dict[str, int]]:
    """Return a primitive's morph targets."""
    found: list[dict[str, int]] = primitive.get("targets") or []
    return found
