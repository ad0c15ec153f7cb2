"""Bakes ambient occlusion: how much of the sky each vertex sees, by casting rays.

The result multiplies ``COLOR_0``, which every viewer of the standard multiplies with the base
colour. Models are lit at rest; a mesh that is shown several times is lit where it is first shown.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from slate_desktop.errors import AssetError
from slate_desktop.pipeline.model.document import (
    Document,
    JsonObject,
    attributes_of,
)
from slate_desktop.pipeline.model.normals import smooth_normals
from slate_desktop.pipeline.model.transforms import moved, placements, turned

if TYPE_CHECKING:
    from embreex.rtcore_scene import EmbreeScene
    from numpy.typing import NDArray

    Points = NDArray[np.float32]
    Matrix = NDArray[np.float64]

# Shares of the model's size: how far walls darken, and how far off its surface a ray starts.
_REACH, _OFFSET = 0.5, 1e-4
_BATCH_RAYS = 1 << 20
MAX_RAYS = 1 << 31


def bake_occlusion(document: Document, rays: int, on_done: Callable[[float], None]) -> None:
    """Bake ambient occlusion into the colours of all triangles.

    Args:
        document: to be changed.
        rays: per vertex.
        on_done: called with the share of the work that is done.

    Raises:
        AssetError: it would need more rays than can be cast in the time of a job.
    """
    shown = _first_placements(document)
    total = sum(len(document.accessors[attributes_of(p)["POSITION"]].values) for p, _ in shown)
    if total * rays > MAX_RAYS:
        raise AssetError.limit("The model has too many vertices for lighting with so many rays.")
    scene, size = _scene(document)
    done = 0
    for primitive, matrix in shown:
        light = _light(document, primitive, matrix, scene, size, rays)
        _multiply_color(document, primitive, light)
        done += len(light)
        on_done(done / max(1, total))


def _first_placements(document: Document) -> list[tuple[JsonObject, Matrix]]:
    """Return each primitive of triangles that is shown, with its first place."""
    places: dict[int, Matrix] = {}
    for mesh, matrix in placements(document):
        places.setdefault(mesh, matrix)
    ours = {id(primitive) for primitive in document.triangle_primitives()}
    return [
        (primitive, places[number])
        for number, mesh in enumerate(document.list_of("meshes"))
        for primitive in mesh["primitives"]
        if number in places and id(primitive) in ours
    ]


def _scene(document: Document) -> tuple[EmbreeScene, float]:
    """Return everything that throws shadows, and the size of the model."""
    from embreex.mesh_construction import TriangleMesh
    from embreex.rtcore_scene import EmbreeScene

    scene = EmbreeScene()
    ours = {id(primitive) for primitive in document.triangle_primitives()}
    low, high = np.full(3, np.inf), np.full(3, -np.inf)
    for mesh, matrix in placements(document):
        for primitive in document.list_of("meshes")[mesh]["primitives"]:
            if id(primitive) not in ours:
                continue
            accessor = document.accessors[attributes_of(primitive)["POSITION"]]
            points = moved(accessor.floats, matrix)
            low, high = np.minimum(low, points.min(0)), np.maximum(high, points.max(0))
            triangles = document.indices_of(primitive).reshape(-1, 3).astype(np.int32)
            TriangleMesh(scene, points, triangles)
    size = float(np.linalg.norm(high - low)) if np.isfinite(low).all() else 1.0
    return scene, size or 1.0


def _light(
    document: Document,
    primitive: JsonObject,
    matrix: Matrix,
    scene: EmbreeScene,
    size: float,
    rays: int,
) -> NDArray[np.float32]:
    """Return the share of the sky that each vertex sees, 0 to 1."""
    attributes = attributes_of(primitive)
    positions = document.accessors[attributes["POSITION"]].floats
    if "NORMAL" in attributes:
        normals = document.accessors[attributes["NORMAL"]].floats
    else:
        normals = smooth_normals(positions, document.indices_of(primitive))
    points, up = moved(positions, matrix), turned(normals, matrix)
    origins = points + up * np.float32(size * _OFFSET)
    hidden = np.zeros(len(points), np.float32)
    directions = _hemisphere(rays)
    step = max(1, _BATCH_RAYS // rays)
    for start in range(0, len(points), step):
        part = slice(start, start + step)
        towards = _around(up[part], directions)
        count = len(towards)
        hits = scene.run(
            np.repeat(origins[part], rays, axis=0),
            towards.reshape(-1, 3),
            np.full(count * rays, size * _REACH, np.float32),
            query="OCCLUDED",
        )
        hidden[part] = (np.asarray(hits).reshape(count, rays) >= 0).mean(axis=1)
    return 1 - hidden


def _hemisphere(count: int) -> Points:
    """Return directions around +z, denser where light counts more (cosine), the same every time.

    Source: the sunflower pattern on the disk, lifted to the sphere (Malley's method).
    """
    number = np.arange(count) + 0.5
    radius, angle = np.sqrt(number / count), np.pi * (3 - np.sqrt(5)) * number
    height = np.sqrt(np.maximum(0, 1 - radius**2))
    around = (radius * np.cos(angle), radius * np.sin(angle), height)
    return np.stack(around, axis=1).astype(np.float32)


def _around(normals: Points, directions: Points) -> Points:
    """Return the directions turned from +z to each normal: (vertices, rays, 3)."""
    is_flat = np.abs(normals[:, 2:]) < 0.9
    helper = np.where(is_flat, np.array([0, 0, 1]), np.array([1, 0, 0]))
    side = np.cross(helper, normals)
    side /= np.maximum(np.linalg.norm(side, axis=1, keepdims=True), 1e-12)
    other = np.cross(normals, side)
    basis = np.stack([side, other, normals], axis=1).astype(np.float32)
    return np.einsum("rk,vkc->vrc", directions, basis)


def _multiply_color(document: Document, primitive: JsonObject, light: NDArray[np.float32]) -> None:
    attributes = attributes_of(primitive)
    color = np.ones((len(light), 4), np.float32)
    if "COLOR_0" in attributes:
        old = document.accessors[attributes["COLOR_0"]].floats
        color[:, : old.shape[1]] = old
    color[:, :3] *= light[:, None]
    stored = np.rint(np.clip(color, 0, 1) * 255).astype(np.uint8)
    attributes["COLOR_0"] = document.add(stored, "VEC4", normalized=True)
