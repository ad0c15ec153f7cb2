"""Writes OBJ, STL and PLY: what is shown, at rest, in the scene's space.

Skins, animations, morph targets and the node tree have no place there; ``losses`` names them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from slate_desktop.pipeline.model.document import (
    Document,
    JsonObject,
    attributes_of,
    targets_of,
)
from slate_desktop.pipeline.model.normals import face_vectors
from slate_desktop.pipeline.model.transforms import moved, placements, turned

if TYPE_CHECKING:
    from numpy.typing import NDArray

_STL_FACE = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])


@dataclass
class _Shown:
    """A primitive in the scene's space."""

    name: str
    material: int | None
    positions: NDArray[np.float32]
    triangles: NDArray[np.uint32]
    normals: NDArray[np.float32] | None
    uvs: NDArray[np.float32] | None
    colors: NDArray[np.float32] | None


def losses(document: Document, target: str) -> list[str]:
    """Return sentences about what a format without nodes cannot hold."""
    parts = {
        "skins": bool(document.list_of("skins")),
        "animations": bool(document.list_of("animations")),
        "morph targets": any(targets_of(each) for each in document.primitives()),
        "materials": target != "obj" and bool(document.list_of("materials")),
    }
    lost = [name for name, is_there in parts.items() if is_there]
    return [f"{target.upper()} cannot hold {', '.join(lost)}: they are left out."] if lost else []


def write_stl(document: Document) -> bytes:
    """Return a binary STL."""
    faces: list[NDArray[np.void]] = []
    for shown in _shown(document):
        rows = np.zeros(len(shown.triangles), _STL_FACE)
        vectors = face_vectors(shown.positions, shown.triangles)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        rows["normal"] = vectors / np.where(lengths > 0, lengths, 1)
        rows["corners"] = shown.positions[shown.triangles]
        faces.append(rows)
    table = np.concatenate(faces) if faces else np.zeros(0, _STL_FACE)
    return b"SLATE Desktop".ljust(80) + np.uint32(len(table)).tobytes() + table.tobytes()


def write_ply(document: Document) -> bytes:
    """Return a binary PLY with normals, UVs and colours where every part has them."""
    parts = list(_shown(document))
    columns: list[tuple[str, str]] = [(axis, "<f4") for axis in "xyz"]
    has_normals = all(part.normals is not None for part in parts)
    has_uvs = all(part.uvs is not None for part in parts)
    has_colors = any(part.colors is not None for part in parts)
    columns += [(name, "<f4") for name in ("nx", "ny", "nz") if has_normals]
    columns += [(name, "<f4") for name in ("s", "t") if has_uvs]
    columns += [(name, "u1") for name in ("red", "green", "blue", "alpha") if has_colors]
    tables: list[NDArray[np.void]] = []
    triangles: list[NDArray[np.int32]] = []
    start = 0
    for part in parts:
        table = np.zeros(len(part.positions), np.dtype(columns))
        _fill(table, ("x", "y", "z"), part.positions)
        if part.normals is not None and has_normals:
            _fill(table, ("nx", "ny", "nz"), part.normals)
        if part.uvs is not None and has_uvs:
            _fill(table, ("s", "t"), np.stack([part.uvs[:, 0], 1 - part.uvs[:, 1]], axis=1))
        if has_colors:
            colors = part.colors if part.colors is not None else np.ones((len(table), 4))
            rounded = np.rint(np.clip(colors, 0, 1) * 255).astype(np.uint8)
            _fill(table, ("red", "green", "blue", "alpha"), rounded)
        tables.append(table)
        triangles.append((part.triangles + np.uint32(start)).astype(np.int32))
        start += len(table)
    faces = np.concatenate(triangles)
    rows = np.zeros(len(faces), np.dtype([("count", "u1"), ("corners", "<i4", 3)]))
    rows["count"], rows["corners"] = 3, faces
    header = ["ply", "format binary_little_endian 1.0", "comment SLATE Desktop"]
    header.append(f"element vertex {start}")
    names = {"<f4": "float", "u1": "uchar"}
    header += [f"property {names[form]} {name}" for name, form in columns]
    header += [f"element face {len(faces)}", "property list uchar int vertex_indices"]
    text = "\n".join([*header, "end_header", ""]).encode("ascii")
    return text + b"".join(table.tobytes() for table in tables) + rows.tobytes()


def write_obj(document: Document, library: str) -> bytes:
    """Return an OBJ that takes its materials from a library of that name."""
    lines = ["# SLATE Desktop"]
    if document.list_of("materials"):
        lines.append(f"mtllib {library}")
    starts = np.ones(3, np.int64)
    for shown in _shown(document):
        lines.append(f"o {shown.name}")
        lines += _rows("v", shown.positions)
        if shown.uvs is not None:
            flipped = np.stack([shown.uvs[:, 0], 1 - shown.uvs[:, 1]], axis=1)
            lines += _rows("vt", flipped)
        if shown.normals is not None:
            lines += _rows("vn", shown.normals)
        if shown.material is not None:
            lines.append(f"usemtl {material_name(document, shown.material)}")
        lines += _faces(shown, starts)
        count = len(shown.positions)
        starts += (
            count,
            count if shown.uvs is not None else 0,
            count if shown.normals is not None else 0,
        )
    return "\n".join([*lines, ""]).encode("utf-8")


def write_mtl(document: Document, image_names: list[str]) -> bytes:
    """Return the library of an OBJ's materials."""
    lines = ["# SLATE Desktop"]
    for number, material in enumerate(document.list_of("materials")):
        surface = material.get("pbrMetallicRoughness", {})
        red, green, blue, alpha = surface.get("baseColorFactor", (1.0, 1.0, 1.0, 1.0))
        lines += [f"newmtl {material_name(document, number)}", f"Kd {red:g} {green:g} {blue:g}"]
        lines += [f"d {alpha:g}", f"Pm {surface.get('metallicFactor', 1.0):g}"]
        lines.append(f"Pr {surface.get('roughnessFactor', 1.0):g}")
        glow = material.get("emissiveFactor")
        if glow:
            lines.append(f"Ke {glow[0]:g} {glow[1]:g} {glow[2]:g}")
        maps = (
            ("map_Kd", surface, "baseColorTexture"),
            ("norm", material, "normalTexture"),
            ("map_Ke", material, "emissiveTexture"),
        )
        for key, owner, name in maps:
            source = _source(document, owner.get(name))
            if source is not None:
                lines.append(f"{key} {image_names[source]}")
    return "\n".join([*lines, ""]).encode("utf-8")


def material_name(document: Document, number: int) -> str:
    """Return a material's name as one word that no other material has."""
    name = str(document.list_of("materials")[number].get("name", "material"))
    return f"{'_'.join(name.split()) or 'material'}.{number}"


def _source(document: Document, info: JsonObject | None) -> int | None:
    if info is None:
        return None
    source: int | None = document.list_of("textures")[info["index"]].get("source")
    return source


def _shown(document: Document) -> Iterator[_Shown]:
    meshes = document.list_of("meshes")
    ours = {id(primitive) for primitive in document.triangle_primitives()}
    for number, matrix in placements(document):
        mesh = meshes[number]
        for primitive in mesh["primitives"]:
            if id(primitive) not in ours:
                continue
            attributes = attributes_of(primitive)
            found = {name: document.accessors[index].floats for name, index in attributes.items()}
            normals = found.get("NORMAL")
            triangles = document.indices_of(primitive).reshape(-1, 3)
            if np.linalg.det(matrix[:3, :3]) < 0:
                triangles = triangles[:, ::-1]
            yield _Shown(
                "_".join(str(mesh.get("name", "mesh")).split()) or "mesh",
                primitive.get("material"),
                moved(found["POSITION"], matrix),
                triangles,
                None if normals is None else turned(normals, matrix),
                found.get("TEXCOORD_0"),
                _with_alpha(found.get("COLOR_0")),
            )


def _with_alpha(colors: NDArray[np.float32] | None) -> NDArray[np.float32] | None:
    if colors is None or colors.shape[1] == 4:
        return colors
    return np.concatenate([colors, np.ones((len(colors), 1), np.float32)], axis=1)


def _fill(table: NDArray[np.void], names: tuple[str, ...], values: NDArray[np.generic]) -> None:
    for column, name in enumerate(names):
        table[name] = values[:, column]


def _rows(word: str, values: NDArray[np.float32]) -> list[str]:
    form = f"{word} " + " ".join(["%.7g"] * values.shape[1])
    return [form % tuple(row) for row in values.tolist()]


def _faces(shown: _Shown, starts: NDArray[np.int64]) -> list[str]:
    triangles = shown.triangles.astype(np.int64)
    place = triangles + starts[0]
    if shown.uvs is None and shown.normals is None:
        return [f"f {a} {b} {c}" for a, b, c in place.tolist()]
    uv, normal = triangles + starts[1], triangles + starts[2]
    table = np.stack([place, uv, normal], axis=2).reshape(-1, 9).tolist()
    if shown.normals is None:
        return [f"f {a}/{u} {b}/{v} {c}/{w}" for a, u, _, b, v, _, c, w, _ in table]
    if shown.uvs is None:
        return [f"f {a}//{n} {b}//{m} {c}//{k}" for a, _, n, b, _, m, c, _, k in table]
    return [f"f {a}/{u}/{n} {b}/{v}/{m} {c}/{w}/{k}" for a, u, n, b, v, m, c, w, k in table]
