"""Reads STL and PLY, the formats of scanners and printers, with trimesh."""

from __future__ import annotations

import io
import re
import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from slate_desktop.errors import AssetError
from slate_desktop.pipeline.model.document import Document
from slate_desktop.pipeline.model.parts import Part, build
from slate_desktop.pipeline.model.scan import MAX_VERTICES

if TYPE_CHECKING:
    from numpy.typing import NDArray

_STL_HEADER_BYTES, _STL_FACE_BYTES = 84, 50
_PLY_HEADER_BYTES = 64 * 1024
_PLY_SIZES = {
    **dict.fromkeys(("char", "uchar", "int8", "uint8"), 1),
    **dict.fromkeys(("short", "ushort", "int16", "uint16"), 2),
    **dict.fromkeys(("int", "uint", "float", "int32", "uint32", "float32"), 4),
    **dict.fromkeys(("double", "float64"), 8),
}


def load_stl(data: bytes) -> Document:
    """Read an STL; its faces become flat triangles.

    Raises:
        AssetError: it is not sound, or needs more than is allowed.
    """
    is_text = data[:5].lower() == b"solid" and b"facet" in data[:4096]
    if not is_text:
        _check_stl_size(data)
    mesh = _load(data, "stl_ascii" if is_text else "stl")
    triangles = np.asarray(mesh.faces)
    positions = np.asarray(mesh.vertices)[triangles.reshape(-1)]
    normals = np.repeat(np.asarray(mesh.face_normals), 3, axis=0)
    corners = np.arange(len(positions)).reshape(-1, 3)
    document = build([Part("model", positions, corners, normals)], "stl")
    document.input_size = len(data)
    return document


def load_ply(data: bytes) -> Document:
    """Read a PLY: a mesh, or a cloud of points.

    Raises:
        AssetError: it is not sound, or needs more than is allowed.
    """
    _check_ply_header(data)
    mesh = _load(data, "ply")
    columns = _ply_columns(mesh)
    triangles = np.asarray(getattr(mesh, "faces", np.zeros((0, 3), np.int64)))
    part = Part("model", np.asarray(mesh.vertices), triangles if len(triangles) else None)
    part.normals = _stack(columns, ("nx", "ny", "nz"))
    uvs = _stack(columns, ("s", "t")) if "s" in columns else _stack(columns, ("u", "v"))
    if uvs is not None:
        part.uvs = [np.stack([uvs[:, 0], 1 - uvs[:, 1]], axis=1)]
    colors = _stack(columns, ("red", "green", "blue", "alpha"))
    part.colors = colors if colors is not None else _stack(columns, ("red", "green", "blue"))
    document = build([part], "ply")
    document.input_size = len(data)
    return document


def warm() -> None:
    """Import trimesh, which takes a second."""
    import trimesh  # noqa: F401


def _load(data: bytes, file_type: str) -> Any:
    """Return trimesh's mesh or cloud, its vertices as the file has them."""
    import trimesh

    try:
        scene = trimesh.load_scene(
            io.BytesIO(data), file_type=file_type, process=False, fix_texture=False
        )
        meshes = list(scene.geometry.values())
    except MemoryError:
        raise
    except Exception as exc:
        # Whatever trimesh raises, it is the file's fault.
        raise AssetError.invalid(f"The file is no sound {file_type[:3].upper()}.") from exc
    if len(meshes) != 1 or not len(meshes[0].vertices):
        raise AssetError.invalid("The model has no geometry.")
    return meshes[0]


def _check_stl_size(data: bytes) -> None:
    if len(data) < _STL_HEADER_BYTES + _STL_FACE_BYTES:
        raise AssetError.invalid("The STL ends before its first triangle.")
    count: int = struct.unpack_from("<I", data, _STL_HEADER_BYTES - 4)[0]
    if _STL_HEADER_BYTES + count * _STL_FACE_BYTES != len(data):
        raise AssetError.invalid(
            f"The STL says that it has {count:,} triangles, which is not what its size holds."
        )
    if count * 3 > MAX_VERTICES:
        raise AssetError.limit(f"The model has more than {MAX_VERTICES:,} vertices.")


def _check_ply_header(data: bytes) -> None:
    """Check that what a PLY announces can be in it at all."""
    head, found, _ = data[:_PLY_HEADER_BYTES].partition(b"end_header")
    if not head.startswith(b"ply") or not found:
        raise AssetError.invalid("The file is not a PLY: its header is missing.")
    is_text = b"format ascii" in head
    left = len(data) - len(head) - len(found)
    for name, count, least in _ply_elements(head.decode("latin-1"), is_text=is_text):
        if count * least > left:
            raise AssetError.invalid(f"The PLY announces more {name}s than it has bytes for.")
        if name == "vertex" and count > MAX_VERTICES:
            raise AssetError.limit(f"The model has more than {MAX_VERTICES:,} vertices.")
        left -= count * least


def _ply_elements(head: str, *, is_text: bool) -> list[tuple[str, int, int]]:
    """Return names, counts and the least bytes that one of each takes."""
    found: list[tuple[str, int, int]] = []
    for line in head.splitlines():
        words = line.split()
        if words[:1] == ["element"]:
            if len(words) != 3 or re.fullmatch(r"[0-9]{1,18}", words[2]) is None:
                raise AssetError.invalid("The PLY's header is damaged.")
            found.append((words[1][:32], int(words[2]), 0))
        elif words[:1] == ["property"] and found:
            size = _PLY_SIZES.get(words[1] if words[1:2] != ["list"] else words[2:3][0], 1)
            name, count, least = found[-1]
            # A number in text takes a digit and what parts it from the next.
            found[-1] = (name, count, least + (2 if is_text else size))
    return found


def _ply_columns(mesh: Any) -> dict[str, NDArray[Any]]:
    """Return the properties of vertices by name, as the file has them."""
    raw = mesh.metadata.get("_ply_raw", {}).get("vertex", {}).get("data")
    if raw is None:
        return {}
    if isinstance(raw, dict):
        return {name: np.asarray(values).reshape(-1) for name, values in raw.items()}
    names = raw.dtype.names or ()
    return {name: np.asarray(raw[name]).reshape(-1) for name in names}


def _stack(columns: dict[str, NDArray[Any]], names: tuple[str, ...]) -> NDArray[Any] | None:
    if not all(name in columns for name in names):
        return None
    return np.stack([columns[name] for name in names], axis=1)
