"""Reads GLB and glTF into a ``Document``, after the check of ``scan.py``."""

from __future__ import annotations

import mmap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import numpy as np

from slate_desktop.errors import AssetError
from slate_desktop.pipeline.model import schema
from slate_desktop.pipeline.model.container import MAGIC, check_json_size, split_glb
from slate_desktop.pipeline.model.document import Accessor, Document, Image, JsonObject
from slate_desktop.pipeline.model.files import Siblings, is_data
from slate_desktop.pipeline.model.images import mime_of
from slate_desktop.pipeline.model.scan import (
    COMPONENTS,
    MESHOPT_NAMES,
    check_counts,
    check_data,
    check_references,
    element_bytes,
)
from slate_desktop.pipeline.model.views import Views

if TYPE_CHECKING:
    from numpy.typing import NDArray

T = TypeVar("T")

_DTYPES: dict[int, np.dtype[Any]] = {
    5120: np.dtype(np.int8),
    5121: np.dtype(np.uint8),
    5122: np.dtype(np.int16),
    5123: np.dtype(np.uint16),
    5125: np.dtype(np.uint32),
    5126: np.dtype(np.float32),
}
_FLOAT = 5126
_EXTRAS = ("name", "extras", "extensions")
_OWN_LISTS = ("buffers", "bufferViews", "accessors")


@dataclass(frozen=True)
class Source:
    """A glTF that was read: its checked fields, their JSON, the bytes behind it, the document."""

    gltf: schema.Gltf
    members: dict[str, msgspec.Raw]
    buffers: list[bytes | memoryview]
    document: Document


def load_gltf(data: bytes, folder: Path) -> Document:
    """Read a GLB, or a glTF with the files beside it.

    Args:
        data: the file's content.
        folder: where it lies.

    Raises:
        AssetError: it is not sound, or needs more than is allowed.
    """
    return load_source(data, folder).document


def load_source(data: bytes | mmap.mmap, folder: Path) -> Source:
    """Read a GLB or glTF and return all that is known of it then; see ``load_gltf``."""
    is_binary = data[:4] == MAGIC
    text, chunk = split_glb(data) if is_binary else (check_json_size(bytes(data)), memoryview(b""))
    gltf = decode(text, schema.Gltf)
    members = decode(text, dict[str, msgspec.Raw])
    tree: JsonObject = {
        name: decode(member, object) for name, member in members.items() if name not in _OWN_LISTS
    }
    check_counts(gltf)
    siblings = Siblings(folder, len(data))
    buffers = [_read_buffer(each, n, chunk, siblings) for n, each in enumerate(gltf.buffers)]
    check_references(gltf, [len(each) for each in buffers])
    views = Views(gltf, buffers)
    document = Document(tree, input_format="glb" if is_binary else "gltf")
    document.accessors = [_read_accessor(each, views) for each in gltf.accessors]
    document.images = [_read_image(each, views, siblings) for each in gltf.images]
    _forget_places(document)
    # Walking a large tree takes as long as reading it; most hold no such names.
    if text.count(b'"bufferView"') > _own_view_names(gltf):
        _keep_views(tree, document, views, {})
    document.input_size = siblings.total_bytes
    _check_finite(gltf, document, views)
    _check_values(gltf, document)
    return Source(gltf, members, buffers, document)


def read_own(gltf: schema.Gltf, chunk: memoryview, document: Document, *, views: int) -> None:
    """Check and read what a document does not have yet: its last accessors, and its meshes.

    Args:
        gltf: the whole of it.
        chunk: its one buffer; another one is there only where views are compressed.
        document: with the accessors that were read before.
        views: how many buffer views were checked before.

    Raises:
        AssetError: they are not sound.
    """
    known = len(document.accessors)
    buffers = [
        _read_buffer(each, n, chunk, Siblings(Path())) for n, each in enumerate(gltf.buffers)
    ]
    check_counts(gltf)
    check_data(gltf, [len(each) for each in buffers], views=views, accessors=known)
    found = Views(gltf, buffers)
    document.accessors = [
        *document.accessors,
        *(_read_accessor(each, found) for each in gltf.accessors[known:]),
    ]
    _check_finite(gltf, document, found, known)
    _check_values(gltf, document)


def uris_of(data: bytes) -> list[str]:
    """Return the uris of other files that a GLB or glTF names.

    Raises:
        AssetError: it cannot be read.
    """
    text = split_glb(data)[0] if data[:4] == MAGIC else check_json_size(data)
    gltf = decode(text, schema.Gltf)
    found = [*gltf.buffers, *gltf.images]
    return [each.uri for each in found if each.uri is not None and not is_data(each.uri)]


def decode(text: bytes | msgspec.Raw, kind: type[T]) -> T:
    """Read JSON as a type.

    Raises:
        AssetError: it is none, or does not have this form.
    """
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.ValidationError as exc:
        raise AssetError.invalid(f"The glTF does not have its form: {exc}.") from exc
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise AssetError.invalid("The file is not a glTF: its JSON cannot be read.") from exc
    except RecursionError as exc:
        raise AssetError.invalid("The glTF's JSON is nested too deeply.") from exc


def _read_buffer(
    buffer: schema.Buffer, number: int, chunk: memoryview, siblings: Siblings
) -> bytes | memoryview:
    if any(buffer.extensions.get(name, {}).get("fallback") for name in MESHOPT_NAMES):
        return b""
    if buffer.uri is not None:
        data: bytes | memoryview = siblings.read_uri(buffer.uri)[0]
    elif number == 0:
        data = chunk
    else:
        raise AssetError.invalid("A buffer of the model has no data.")
    if len(data) < buffer.byte_length:
        raise AssetError.invalid(
            f"A buffer of the model says that it has {buffer.byte_length} bytes, "
            f"but has {len(data)}."
        )
    return data


class _Stored:
    """Elements of a view that is not compressed."""

    __slots__ = ("_accessor", "_views")

    def __init__(self, accessor: schema.Accessor, views: Views) -> None:
        self._accessor = accessor
        self._views = views

    @property
    def dtype(self) -> np.dtype[Any]:
        return _DTYPES[self._accessor.component_type]

    @property
    def width(self) -> int:
        return COMPONENTS[self._accessor.type]

    @property
    def count(self) -> int:
        return self._accessor.count

    def data(self) -> memoryview | None:
        accessor = self._accessor
        size = self.width * self.dtype.itemsize
        view = accessor.buffer_view
        if view is None or element_bytes(accessor) != size:
            return None
        if self._views.stride(view) not in (None, size):
            return None
        start = accessor.byte_offset
        return self._views[view][start : start + size * accessor.count]

    def array(self) -> NDArray[Any]:
        return _values(self._accessor, self._views)


def _read_accessor(accessor: schema.Accessor, views: Views) -> Accessor:
    extra = {}
    for name in _EXTRAS:
        if (value := getattr(accessor, name)) is not msgspec.UNSET:
            extra[name] = value
    is_plain = accessor.sparse is None and views.is_plain(accessor.buffer_view)
    # What was not checked with its place alone is read at once.
    values = _Stored(accessor, views) if is_plain else _values(accessor, views)
    return Accessor(values, accessor.type, accessor.normalized, extra)


def _values(accessor: schema.Accessor, views: Views) -> NDArray[Any]:
    if accessor.buffer_view is None:
        dtype, width = _DTYPES[accessor.component_type], COMPONENTS[accessor.type]
        values: NDArray[Any] = np.zeros((accessor.count, width), dtype)
    else:
        values = _elements(
            accessor, views, accessor.buffer_view, accessor.byte_offset, accessor.count
        )
    if accessor.sparse is not None:
        values = _with_sparse(accessor, accessor.sparse, views, values)
    return values


def _elements(
    accessor: schema.Accessor, views: Views, view: int, offset: int, count: int
) -> NDArray[Any]:
    """Return elements (n, k) as a view of the bytes."""
    dtype = _DTYPES[accessor.component_type]
    width, stride = COMPONENTS[accessor.type], views.stride(view)
    if stride is None and element_bytes(accessor) == width * dtype.itemsize:
        flat = np.frombuffer(views[view], dtype, count * width, offset)
        return flat.reshape(count, width)
    rows = {"MAT2": 2, "MAT3": 3, "MAT4": 4}.get(accessor.type, width)
    column = (rows * dtype.itemsize + 3) // 4 * 4 if rows != width else rows * dtype.itemsize
    step = stride or element_bytes(accessor)
    shape, strides = (count, width // rows, rows), (step, column, dtype.itemsize)
    found: NDArray[Any] = np.ndarray(shape, dtype, views[view], offset, strides)
    return found.reshape(count, width)


def _with_sparse(
    accessor: schema.Accessor, sparse: schema.Sparse, views: Views, values: NDArray[Any]
) -> NDArray[Any]:
    dtype = _DTYPES[sparse.indices.component_type]
    data = views[sparse.indices.buffer_view]
    raw = np.frombuffer(data, dtype, sparse.count, sparse.indices.byte_offset)
    indices = raw.astype(np.int64)
    if indices.max() >= accessor.count:
        raise AssetError.invalid("A sparse accessor of the model replaces what is not there.")
    place = sparse.values
    result = values.copy()
    result[indices] = _elements(accessor, views, place.buffer_view, place.byte_offset, sparse.count)
    return result


def _read_image(image: schema.Image, views: Views, siblings: Siblings) -> Image:
    if image.buffer_view is not None:
        data: bytes | memoryview = views[image.buffer_view]
        name, stated = "", ""
    else:
        uri = image.uri or ""
        data, stated = siblings.read_uri(uri)
        name = "" if is_data(uri) else siblings.name_of(uri)
    return Image(data, image.mime_type or stated or mime_of(data), name)


def _own_view_names(gltf: schema.Gltf) -> int:
    """Return how often accessors and images name buffer views."""
    sparse = sum(2 for each in gltf.accessors if each.sparse is not None)
    owners = [*gltf.accessors, *gltf.images]
    return sparse + sum(1 for each in owners if each.buffer_view is not None)


def _forget_places(document: Document) -> None:
    """Take out of the JSON where data lie, as its lists of buffers were: ``save.py`` says it."""
    tree = document.tree
    for image in document.list_of("images"):
        for key in ("uri", "bufferView", "mimeType"):
            image.pop(key, None)
    for name in ("extensionsUsed", "extensionsRequired"):
        kept = [each for each in tree.get(name, ()) if each not in MESHOPT_NAMES]
        tree.pop(name, None)
        if kept:
            tree[name] = kept


def _keep_views(value: object, document: Document, views: Views, known: dict[int, int]) -> None:
    """Number the views that extensions refer to anew; only ``bufferView`` keys can mean them."""
    if isinstance(value, list):
        for each in value:
            if isinstance(each, dict | list):
                _keep_views(each, document, views, known)
        return
    if not isinstance(value, Mapping):
        return
    for key, each in value.items():
        if key == "bufferView" and isinstance(each, int):
            if each not in known:
                known[each] = len(document.views)
                document.views.append(_view_or_refuse(views, each))
            value[key] = known[each]  # type: ignore[index]
        elif isinstance(each, dict | list):
            _keep_views(each, document, views, known)


def _view_or_refuse(views: Views, index: int) -> memoryview:
    try:
        return views[index]
    except IndexError as exc:
        raise AssetError.invalid("An extension names a buffer view that is not there.") from exc


def _check_finite(gltf: schema.Gltf, document: Document, views: Views, first: int = 0) -> None:
    """Check floats: whole views where they hold nothing else, which is much faster.

    Args:
        gltf: names the views.
        document: has the accessors.
        views: bytes.
        first: accessor from which on they are checked.
    """
    by_view: dict[int | None, list[int]] = {}
    for index, accessor in enumerate(gltf.accessors[first:], first):
        is_float = accessor.component_type == _FLOAT
        has_own = accessor.sparse is not None or accessor.buffer_view is None
        if is_float:
            by_view.setdefault(None if has_own else accessor.buffer_view, []).append(index)
    checked = views.finite(view for view in by_view if view is not None)
    for view, indices in by_view.items():
        if view in checked:
            continue
        for index in indices:
            if not np.isfinite(document.accessors[index].values).all():
                raise AssetError.invalid("The model holds numbers that are not finite.")


def _check_values(gltf: schema.Gltf, document: Document) -> None:
    for mesh in gltf.meshes:
        for primitive in mesh.primitives:
            if primitive.indices is None or not primitive.attributes:
                continue
            count = len(document.accessors[next(iter(primitive.attributes.values()))].values)
            if int(document.accessors[primitive.indices].values.max()) >= count:
                raise AssetError.invalid("A primitive names vertices that it does not have.")
    for node in gltf.nodes:
        if node.skin is not None and node.mesh is not None:
            _check_joints(gltf, document, node.mesh, len(gltf.skins[node.skin].joints))


def _check_joints(gltf: schema.Gltf, document: Document, mesh: int, joints: int) -> None:
    for primitive in gltf.meshes[mesh].primitives:
        for name, index in primitive.attributes.items():
            if name.startswith("JOINTS_") and int(document.accessors[index].values.max()) >= joints:
                raise AssetError.invalid("A primitive names joints that its skin does not have.")
