"""What a document holds: counts, bounds, and what is wrong with its meshes."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from slate_desktop.domain.assets.model import ModelCounts
from slate_desktop.errors import AssetError
from slate_desktop.pipeline.model.document import (
    TRIANGLES,
    Document,
    JsonObject,
    attributes_of,
    extent_of,
    targets_of,
)
from slate_desktop.pipeline.model.images import size_of
from slate_desktop.pipeline.model.normals import face_vectors
from slate_desktop.pipeline.model.transforms import moved, placements, shown_meshes
from slate_desktop.pipeline.model.uses import Use, uses_in_meshes

if TYPE_CHECKING:
    from numpy.typing import NDArray

Bounds: TypeAlias = tuple[tuple[float, float, float], tuple[float, float, float]]
_STRIPS = (5, 6)
_RGBA_BYTES = 4
# A full chain of mips adds a third.
_MIPS = 4 / 3
# Share of the triangles from where normals that look inwards are no accident of a sharp edge.
_FLIPPED = 0.05
# One triangle with area is enough, and it is nearly always among the first.
_FEW = 1_000
_MANY = 5_000


def counts_of(document: Document) -> ModelCounts:
    """Return how much of everything a document holds."""
    meshes = document.list_of("meshes")
    drawn = [each for mesh in shown_meshes(document) for each in meshes[mesh]["primitives"]]
    uses = uses_in_meshes(document)
    skins = document.list_of("skins")
    return ModelCounts(
        triangles=sum(_triangle_count(document, each) for each in drawn),
        vertices=_vertex_count(document),
        draw_calls=len(drawn),
        nodes=len(document.list_of("nodes")),
        meshes=len(meshes),
        materials=len(document.list_of("materials")),
        textures=len(document.list_of("textures")),
        skins=len(skins),
        bones=len({joint for skin in skins for joint in skin["joints"]}),
        animations=len(document.list_of("animations")),
        morph_targets=sum(len(targets_of(each)) for each in document.primitives()),
        vram_bytes=_mesh_bytes(document, uses) + _picture_bytes(document),
    )


def bounds_of(document: Document) -> Bounds:
    """Return the corners of what is shown at rest: least and greatest x, y, z.

    Raises:
        AssetError: nothing is shown, or it lies at infinity.
    """
    low, high = np.full(3, np.inf), np.full(3, -np.inf)
    for mesh, matrix in placements(document):
        for primitive in document.list_of("meshes")[mesh]["primitives"]:
            index = attributes_of(primitive).get("POSITION")
            if index is None:
                continue
            points = document.accessors[index].floats
            if (np.count_nonzero(matrix[:3, :3], axis=1) <= 1).all():
                # Nothing is turned: the box of the points becomes the box of the moved ones.
                points = np.stack(extent_of(points))
            least, greatest = extent_of(moved(points, matrix))
            low, high = np.minimum(low, least), np.maximum(high, greatest)
    if not (np.isfinite(low).all() and np.isfinite(high).all()):
        raise AssetError.invalid("The model has no geometry that can be shown.")
    (x, y, z), (to_x, to_y, to_z) = low.tolist(), high.tolist()
    return (x, y, z), (to_x, to_y, to_z)


def check_geometry(document: Document) -> None:
    """Check that a document shows something.

    Raises:
        AssetError: it has no geometry, or only triangles without area.
    """
    meshes = document.list_of("meshes")
    primitives = [p for mesh in shown_meshes(document) for p in meshes[mesh]["primitives"]]
    if not any("POSITION" in attributes_of(each) for each in primitives):
        raise AssetError.invalid("The model has no geometry.")
    shown = {id(each) for each in primitives}
    ours = [each for each in document.triangle_primitives() if id(each) in shown]
    others = [p for p in primitives if p.get("mode", TRIANGLES) != TRIANGLES]
    if not others and not any(_has_area(document, each) for each in ours):
        raise AssetError.invalid("The model has only triangles without area.")


def warnings_of(document: Document) -> list[str]:
    """Return sentences about what may look wrong."""
    found = list(dict.fromkeys(document.warnings))
    materials = document.list_of("materials")
    missing_uvs = flipped = open_edges = bare = 0
    for primitive in document.triangle_primitives():
        attributes = attributes_of(primitive)
        material = materials[primitive["material"]] if "material" in primitive else {}
        missing_uvs += _has_texture(material) and "TEXCOORD_0" not in attributes
        bare += "NORMAL" not in attributes
        flipped += _is_flipped(document, primitive)
        open_edges += _has_crowded_edges(document, primitive)
    if missing_uvs:
        found.append(f"{_meshes(missing_uvs)} no UVs, but a material with a texture.")
    if bare:
        found.append(f"{_meshes(bare)} no normals: programs show flat faces.")
    if flipped:
        found.append(f"{_meshes(flipped)} normals that look into the surface.")
    if open_edges:
        found.append(f"{_meshes(open_edges)} edges of more than two faces (non-manifold).")
    return found


def _meshes(count: int) -> str:
    return "1 mesh part has" if count == 1 else f"{count} mesh parts have"


def _triangle_count(document: Document, primitive: JsonObject) -> int:
    mode = primitive.get("mode", TRIANGLES)
    count = _index_count(document, primitive)
    if mode == TRIANGLES:
        return count // 3
    return max(0, count - 2) if mode in _STRIPS else 0


def _index_count(document: Document, primitive: JsonObject) -> int:
    index = primitive.get("indices", attributes_of(primitive).get("POSITION"))
    return 0 if index is None else len(document.accessors[index].values)


def _vertex_count(document: Document) -> int:
    indices = {attributes_of(each).get("POSITION") for each in document.primitives()}
    return sum(len(document.accessors[i].values) for i in indices if i is not None)


def _mesh_bytes(document: Document, uses: dict[int, Use]) -> int:
    total = 0
    for index, use in uses.items():
        if use is Use.INDEX:
            total += document.accessors[index].values.nbytes
        elif use is Use.VERTEX:
            values = document.accessors[index].values
            total += len(values) * ((values.itemsize * values.shape[1] + 3) // 4 * 4)
    return total


def _picture_bytes(document: Document) -> int:
    total = 0.0
    for image in document.images:
        width, height = size_of(image.data) or (0, 0)
        total += width * height * _RGBA_BYTES * _MIPS
    return int(total)


def _corners(
    document: Document, primitive: JsonObject
) -> tuple[NDArray[np.float32], NDArray[np.uint32]]:
    positions = document.accessors[attributes_of(primitive)["POSITION"]].floats
    triangles = document.indices_of(primitive)
    return positions, triangles[: len(triangles) // 3 * 3].reshape(-1, 3)


def _has_area(document: Document, primitive: JsonObject) -> bool:
    positions, triangles = _corners(document, primitive)
    parts = (triangles[:_FEW], triangles[_FEW:])
    return any(bool(np.any(face_vectors(positions, part))) for part in parts)


def _has_texture(value: object) -> bool:
    if isinstance(value, dict):
        return any(key.endswith("Texture") or _has_texture(each) for key, each in value.items())
    return False


def _is_flipped(document: Document, primitive: JsonObject) -> bool:
    attributes = attributes_of(primitive)
    if "NORMAL" not in attributes:
        return False
    positions, triangles = _corners(document, primitive)
    # A share is as well known from some thousands, taken evenly from all.
    triangles = triangles[:: max(1, len(triangles) // _MANY)]
    normals = document.accessors[attributes["NORMAL"]].floats
    faces = face_vectors(positions, triangles)
    first, second, third = (normals.take(triangles[:, corner], axis=0) for corner in range(3))
    sums = first + second + third
    inwards = np.einsum("ij,ij->i", faces, sums) < 0
    return bool(len(inwards)) and float(inwards.mean()) > _FLIPPED


def _has_crowded_edges(document: Document, primitive: JsonObject) -> bool:
    """Tell whether more than two faces meet in an edge; equal places count as one vertex."""
    positions, triangles = _corners(document, primitive)
    # Places and edges by hashes of 64 bits: one sort of numbers is all that is left.
    first, second, third = _hashes_of(positions).take(triangles.T)
    edges = np.concatenate((first + second, second + third, third + first))
    is_point = np.concatenate((first == second, second == third, third == first))
    edges = np.sort(edges[~is_point] if is_point.any() else edges)
    return bool(len(edges) > 2 and np.any(edges[2:] == edges[:-2]))


def _hashes_of(positions: NDArray[np.float32]) -> NDArray[np.uint64]:
    """Return a number for each place, so well mixed that sums of two tell edges apart."""
    places = np.ascontiguousarray(positions + np.float32(0)).view(np.uint32).astype(np.uint64)
    result = np.zeros(len(places), np.uint64)
    for column in (*places.T, np.uint64(0), np.uint64(0)):
        result ^= column
        result *= np.uint64(0x9E3779B97F4A7C15)
        result ^= result >> np.uint64(29)
    return result
