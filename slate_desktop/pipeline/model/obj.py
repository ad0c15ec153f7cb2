"""Reads Wavefront OBJ with its materials.

Own reader: trimesh allocates by the greatest index that a face names, which a stranger chooses.

Source: http://paulbourke.net/dataformats/obj/ and http://paulbourke.net/dataformats/mtl/
"""

from __future__ import annotations

import io
import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from slate_desktop.errors import AssetError
from slate_desktop.pipeline.model.document import Document
from slate_desktop.pipeline.model.files import Siblings
from slate_desktop.pipeline.model.mtl import read_materials
from slate_desktop.pipeline.model.parts import Part, build
from slate_desktop.pipeline.model.scan import MAX_NODES, MAX_VERTICES

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass
class _Faces:
    """Faces of one object and material."""

    name: str
    material: str
    corners: list[int] = field(default_factory=list)


@dataclass
class _Lines:
    """An OBJ sorted by what its lines say."""

    places: list[bytes] = field(default_factory=list)
    uvs: list[bytes] = field(default_factory=list)
    normals: list[bytes] = field(default_factory=list)
    libraries: list[str] = field(default_factory=list)
    # Each distinct corner, such as b"1/2/3", is read once.
    corners: dict[bytes, int] = field(default_factory=dict)
    faces: list[_Faces] = field(default_factory=list)


def load_obj(data: bytes, siblings: Siblings) -> Document:
    """Read an OBJ; a library of materials that is missing or lies elsewhere is left out.

    Raises:
        AssetError: it is not sound, or needs more than is allowed.
    """
    lines = _sort(data)
    places = _table(lines.places, 3, 8)
    if not len(places) or not lines.faces:
        raise AssetError.invalid("The OBJ has no faces.")
    uvs, normals = _table(lines.uvs, 1, 3), _table(lines.normals, 3, 3)
    sizes = (len(places), len(uvs), len(normals))
    corners = _corner_table(lines.corners, sizes)
    warnings: list[str] = []
    names = {each.material for each in lines.faces}
    materials, numbers = read_materials(lines.libraries, names, siblings, warnings)
    parts = [
        _part(faces, corners, places, uvs, normals, numbers)
        for faces in lines.faces
        if faces.corners
    ]
    document = build(parts, "obj", materials)
    document.warnings += warnings
    document.input_size = siblings.total_bytes
    return document


def libraries_of(data: bytes) -> list[str]:
    """Return the libraries of materials that an OBJ names."""
    found: list[str] = []
    for line in io.BytesIO(data):
        if line.startswith(b"mtllib"):
            found += _library_names(line)
    return found


def _sort(data: bytes) -> _Lines:
    if data.count(b"\nv ") > MAX_VERTICES:
        raise AssetError.limit(f"The model has more than {MAX_VERTICES:,} vertices.")
    lines = _Lines()
    name = material = ""
    current: _Faces | None = None
    for line in io.BytesIO(data.replace(b"\\\r\n", b" ").replace(b"\\\n", b" ")):
        match line.split(None, 1):
            case [b"v", rest]:
                lines.places.append(rest)
            case [b"vt", rest]:
                lines.uvs.append(rest)
            case [b"vn", rest]:
                lines.normals.append(rest)
            case [b"f", rest]:
                if current is None:
                    current = _Faces(name, material)
                    lines.faces.append(current)
                _add_face(lines, current, rest.split())
            case [b"usemtl", rest]:
                material, current = _text(rest), None
            case [b"o" | b"g", rest]:
                name, current = _text(rest), None
            case [b"mtllib", _]:
                lines.libraries += _library_names(line)
        if len(lines.faces) > MAX_NODES:
            raise AssetError.limit(f"The model has more than {MAX_NODES:,} parts.")
    return lines


def _add_face(lines: _Lines, faces: _Faces, tokens: list[bytes]) -> None:
    """Add a polygon as a fan of triangles."""
    if len(tokens) < 3:
        raise AssetError.invalid("A face of the OBJ has fewer than 3 corners.")
    corners = lines.corners
    numbers: list[int] = []
    for token in tokens:
        key = _absolute(token, lines) if b"-" in token else token
        numbers.append(corners.setdefault(key, len(corners)))
    first = numbers[0]
    for second, third in itertools.pairwise(numbers[1:]):
        faces.corners += (first, second, third)


def _absolute(token: bytes, lines: _Lines) -> bytes:
    """Return a corner with negative numbers, which count back from here, made positive."""
    counts = (len(lines.places), len(lines.uvs), len(lines.normals))
    result: list[bytes] = []
    for part, count in zip(token.split(b"/"), counts, strict=False):
        number = _number(part) if part else 0
        if number < 0:
            number += count + 1
            if number < 1:
                raise AssetError.invalid("A face of the OBJ counts back beyond the first vertex.")
        result.append(b"%d" % number if part else b"")
    return b"/".join(result)


def _number(text: bytes) -> int:
    try:
        return int(text[:12])
    except ValueError as exc:
        raise AssetError.invalid("A face of the OBJ has a corner that is no number.") from exc


def _corner_table(corners: dict[bytes, int], sizes: tuple[int, int, int]) -> NDArray[np.int64]:
    """Return places, UVs and normals of each distinct corner from 0, -1 for none: (n, 3)."""
    result = np.full((len(corners), 3), -1, np.int64)
    for row, token in enumerate(corners):
        for column, part in enumerate(token.split(b"/")[:3]):
            if not part:
                continue
            number = _number(part) - 1
            if not 0 <= number < sizes[column]:
                raise AssetError.invalid("A face of the OBJ names a vertex that is not there.")
            result[row, column] = number
    if (result[:, 0] < 0).any():
        raise AssetError.invalid("A face of the OBJ has a corner without a vertex.")
    return result


def _table(rows: list[bytes], least: int, most: int) -> NDArray[np.float64]:
    """Return the numbers of lines of equal length."""
    if not rows:
        return np.zeros((0, least))
    width = len(rows[0].split())
    tokens = b" ".join(rows).split()
    if not least <= width <= most:
        raise AssetError.invalid("A vertex of the OBJ has too few numbers, or too many.")
    try:
        if len(tokens) == width * len(rows):
            return np.array(tokens).astype(np.float64).reshape(-1, width)
        # Some exporters colour part of the vertices only: what all have is kept.
        cut = [row.split()[:least] for row in rows]
        return np.array(cut).astype(np.float64).reshape(-1, least)
    except ValueError as exc:
        raise AssetError.invalid("A vertex of the OBJ holds something that is no number.") from exc


def _part(
    faces: _Faces,
    corners: NDArray[np.int64],
    places: NDArray[Any],
    uvs: NDArray[Any],
    normals: NDArray[Any],
    numbers: dict[str, int],
) -> Part:
    used, triangles = np.unique(np.array(faces.corners), return_inverse=True)
    rows = corners[used]
    part = Part(
        faces.name or "model",
        places[rows[:, 0], :3],
        triangles.reshape(-1, 3),
        material=numbers.get(faces.material),
    )
    if places.shape[1] in (6, 7):
        part.colors = places[rows[:, 0], 3:]
    if uvs.shape[1] >= 2 and (rows[:, 1] >= 0).all():
        # The origin of glTF's UVs is the upper left corner.
        part.uvs = [np.stack([uvs[rows[:, 1], 0], 1 - uvs[rows[:, 1], 1]], axis=1)]
    if (rows[:, 2] >= 0).all():
        part.normals = normals[rows[:, 2]]
    return part


def _library_names(line: bytes) -> list[str]:
    rest = line.split(None, 1)[1:]
    return [_text(rest[0])] if rest else []


def _text(value: bytes) -> str:
    return value.strip().decode("utf-8", "replace")
