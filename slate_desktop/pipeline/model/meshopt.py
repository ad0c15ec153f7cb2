"""meshoptimizer's simplifier, orderings and codecs on numpy arrays.

Triangles are flat arrays of uint32 indices. The byte formats are those of EXT_meshopt_compression.

Source: https://github.com/KhronosGroup/glTF/tree/main/extensions/2.0/Vendor/EXT_meshopt_compression
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from slate_desktop.errors import AssetError
from slate_desktop.pipeline.model.wasm import instance

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Indices = NDArray[np.uint32]
    Floats = NDArray[np.float32]

# Vertex codec of the extension; version 1 belongs to a later extension.
_VERTEX_VERSION = 0
_INDEX_VERSION = 1
_LEVEL = 3
MAX_DECODED_BYTES = 512 * 1024 * 1024

_DECODERS = {
    "ATTRIBUTES": "meshopt_decodeVertexBuffer",
    "TRIANGLES": "meshopt_decodeIndexBuffer",
    "INDICES": "meshopt_decodeIndexSequence",
}
_FILTERS = {
    "OCTAHEDRAL": ("meshopt_decodeFilterOct", (4, 8)),
    "QUATERNION": ("meshopt_decodeFilterQuat", (8,)),
    "EXPONENTIAL": ("meshopt_decodeFilterExp", ()),
    "COLOR": ("meshopt_decodeFilterColor", (4, 8)),
}


def simplify(
    triangles: Indices,
    positions: Floats,
    attributes: Floats | None,
    weights: Floats | None,
    *,
    target: int,
    max_error: float,
) -> tuple[Indices, float]:
    """Return fewer triangles over the same vertices, and how far they are off the surface.

    Args:
        triangles: to start from.
        positions: (n, 3).
        attributes: (n, k) that shall be kept too, or None.
        weights: (k,) of the attributes.
        target: number of indices to reach.
        max_error: share of the mesh's size where it stops before the target.

    Returns:
        Triangles, and their error as a share of the mesh's size.
    """
    width = 0 if attributes is None else attributes.shape[1]
    # Measured at seven tenths of it: quadrics of positions and attributes, neighbours, collapses.
    need = len(positions) * (200 + 32 * width) + triangles.size * 60
    with instance("simplifier", need) as module:
        result = module.room(triangles.nbytes)
        error = module.room(4)
        source = module.put(triangles)
        points = module.put(positions)
        shape = (source, triangles.size, points, len(positions), 12)
        if attributes is None or weights is None or not weights.size:
            end = (target, max_error, 0, error)
            count = module.call("meshopt_simplify", result, *shape, *end)
        else:
            extra = (module.put(attributes), attributes.shape[1] * 4, module.put(weights))
            end = (weights.size, 0, target, max_error, 0, error)
            count = module.call("meshopt_simplifyWithAttributes", result, *shape, *extra, *end)
        return (
            module.take(result, np.uint32, int(count)),
            float(module.take(error, np.float32, 1)[0]),
        )


def order_triangles(triangles: Indices, vertex_count: int) -> Indices:
    """Return the triangles in an order that reuses transformed vertices."""
    with instance("encoder", 24 * (triangles.size + vertex_count)) as module:
        result, source = module.room(triangles.nbytes), module.put(triangles)
        # The order of strips also stores smaller, at nearly the same reuse.
        module.call(
            "meshopt_optimizeVertexCacheStrip", result, source, triangles.size, vertex_count
        )
        return module.take(result, np.uint32, triangles.size)


def vertex_order(indices: Indices, vertex_count: int) -> tuple[NDArray[np.uint32], int]:
    """Return new numbers in order of first use, 0xffffffff for none, and how many are used."""
    with instance("encoder", 24 * (indices.size + vertex_count)) as module:
        result, source = module.room(vertex_count * 4), module.put(indices)
        used = module.call(
            "meshopt_optimizeVertexFetchRemap", result, source, indices.size, vertex_count
        )
        return module.take(result, np.uint32, vertex_count), int(used)


def encode_vertices(values: NDArray[np.uint8]) -> bytes:
    """Compress elements of a multiple of 4 bytes each, up to 256: (n, stride)."""
    count, stride = values.shape
    with instance("encoder", 3 * values.nbytes) as module:
        bound = int(module.call("meshopt_encodeVertexBufferBound", count, stride))
        result, source = module.room(bound), module.put(values)
        shape = (result, bound, source, count, stride, _LEVEL, _VERTEX_VERSION)
        size = int(module.call("meshopt_encodeVertexBufferLevel", *shape))
        return module.take(result, np.uint8, size).tobytes()


def encode_triangles(triangles: Indices, vertex_count: int) -> bytes:
    """Compress triangles; they come back in this order, each maybe turned by a corner."""
    return _encode_indices(triangles, vertex_count, "Buffer")


def encode_sequence(indices: Indices, vertex_count: int) -> bytes:
    """Compress any indices; they come back exactly."""
    return _encode_indices(indices, vertex_count, "Sequence")


def _encode_indices(indices: Indices, vertex_count: int, codec: str) -> bytes:
    with instance("encoder", 4 * indices.nbytes) as module:
        module.call("meshopt_encodeIndexVersion", _INDEX_VERSION)
        bound = module.call(f"meshopt_encodeIndex{codec}Bound", indices.size, vertex_count)
        result, source = module.room(int(bound)), module.put(indices)
        size = module.call(f"meshopt_encodeIndex{codec}", result, bound, source, indices.size)
        return module.take(result, np.uint8, int(size)).tobytes()


def encode_filter(kind: str, values: Floats, stride: int, bits: int) -> NDArray[np.uint8]:
    """Return values in the form of a filter, (n, stride) bytes, to be compressed as vertices.

    Args:
        kind: ``OCTAHEDRAL`` (unit vectors) or ``QUATERNION``, both of (n, 4), or ``EXPONENTIAL``.
        values: to be stored.
        stride: bytes of one stored element.
        bits: per component.
    """
    name = {"OCTAHEDRAL": "Oct", "QUATERNION": "Quat", "EXPONENTIAL": "Exp"}[kind]
    # Exponents: one per vector, which keeps its direction.
    mode = (1,) if kind == "EXPONENTIAL" else ()
    with instance("encoder", 2 * (values.nbytes + len(values) * stride)) as module:
        result, source = module.room(len(values) * stride), module.put(values)
        shape = (result, len(values), stride, bits, source, *mode)
        module.call(f"meshopt_encodeFilter{name}", *shape)
        return module.take(result, np.uint8, len(values) * stride).reshape(-1, stride)


def decode(data: Any, count: int, stride: int, mode: str, filter_name: str = "NONE") -> bytes:
    """Decompress a buffer view.

    Args:
        data: compressed bytes.
        count: of elements.
        stride: bytes of one.
        mode: ``ATTRIBUTES``, ``TRIANGLES`` or ``INDICES``.
        filter_name: ``NONE``, ``OCTAHEDRAL``, ``QUATERNION``, ``EXPONENTIAL`` or ``COLOR``.

    Raises:
        AssetError: the data are damaged, or too many.
    """
    _check_form(count, stride, mode, filter_name)
    with instance("decoder", 2 * (count * stride + len(data))) as module:
        padded = (count + 3) // 4 * 4
        result, source = module.room(padded * stride), module.put(np.frombuffer(data, np.uint8))
        code = module.call(_DECODERS[mode], result, count, stride, source, len(data))
        if code != 0:
            raise AssetError.invalid("Data compressed with meshopt are damaged.")
        if filter_name != "NONE":
            module.call(_FILTERS[filter_name][0], result, padded, stride)
        return module.take(result, np.uint8, count * stride).tobytes()


def _check_form(count: int, stride: int, mode: str, filter_name: str) -> None:
    if mode not in _DECODERS or (filter_name != "NONE" and filter_name not in _FILTERS):
        raise AssetError.invalid("Data are compressed with meshopt in an unknown form.")
    sizes = _FILTERS[filter_name][1] if filter_name != "NONE" else ()
    is_sound = 0 < stride <= 256 and stride % 4 == 0 and (not sizes or stride in sizes)
    if mode != "ATTRIBUTES":
        is_sound = stride in (2, 4) and filter_name == "NONE"
        is_sound = is_sound and (mode != "TRIANGLES" or count % 3 == 0)
    if not is_sound or count < 0:
        raise AssetError.invalid("Data compressed with meshopt have a size that cannot be.")
    if count * stride > MAX_DECODED_BYTES:
        raise AssetError.limit("Data compressed with meshopt are too large when decompressed.")
