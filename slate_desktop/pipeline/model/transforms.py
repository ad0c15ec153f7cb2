"""Matrices of nodes. Matrices here are rows of columns as mathematics has them: ``m @ point``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from slate_desktop.pipeline.model.document import Document, JsonObject

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]


def local_matrix(node: JsonObject) -> Matrix:
    """Return a node's own matrix, (4, 4)."""
    if "matrix" in node:
        return np.array(node["matrix"], np.float64).reshape(4, 4).T
    result = np.eye(4)
    x, y, z, w = node.get("rotation", (0.0, 0.0, 0.0, 1.0))
    result[:3, :3] = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    result[:3, :3] *= np.array(node.get("scale", (1.0, 1.0, 1.0)), np.float64)
    result[:3, 3] = node.get("translation", (0.0, 0.0, 0.0))
    return result


def scene_nodes(document: Document) -> list[int]:
    """Return the nodes that are shown: below the scene's roots, or all where there is no scene."""
    nodes, scenes = document.list_of("nodes"), document.list_of("scenes")
    if not scenes:
        return list(range(len(nodes)))
    found: list[int] = []
    level: list[int] = list(scenes[document.tree.get("scene", 0)].get("nodes", ()))
    while level:
        found += level
        level = [child for number in level for child in nodes[number].get("children", ())]
    return found


def world_matrices(document: Document) -> list[Matrix]:
    """Return every node's matrix in the scene, at rest."""
    nodes = document.list_of("nodes")
    result = [local_matrix(node) for node in nodes]
    children = {child for node in nodes for child in node.get("children", ())}
    level = [number for number in range(len(nodes)) if number not in children]
    while level:
        following: list[int] = []
        for number in level:
            for child in nodes[number].get("children", ()):
                result[child] = result[number] @ result[child]
                following.append(child)
        level = following
    return result


def shown_meshes(document: Document) -> list[int]:
    """Return the meshes that are shown, each as often as it is."""
    nodes = document.list_of("nodes")
    return [nodes[n]["mesh"] for n in scene_nodes(document) if "mesh" in nodes[n]]


def placements(document: Document) -> list[tuple[int, Matrix]]:
    """Return what is shown: pairs of mesh and matrix at rest.

    A skinned mesh is where its joints bring it: at the bind pose that is what its vertices say, so
    its node's own matrix does not count.
    """
    nodes, matrices = document.list_of("nodes"), world_matrices(document)
    result: list[tuple[int, Matrix]] = []
    for number in scene_nodes(document):
        node = nodes[number]
        if "mesh" in node:
            matrix = _skin_matrix(document, node, matrices) if "skin" in node else matrices[number]
            result.append((node["mesh"], matrix))
    return result


def _skin_matrix(document: Document, node: JsonObject, matrices: list[Matrix]) -> Matrix:
    """Return where the first joint brings a skinned mesh; at the bind pose all of them agree."""
    skin = document.list_of("skins")[node["skin"]]
    joint = matrices[skin["joints"][0]]
    if "inverseBindMatrices" not in skin:
        return joint
    inverse = document.accessors[skin["inverseBindMatrices"]].floats[0]
    return joint @ inverse.astype(np.float64).reshape(4, 4).T


def moved(points: NDArray[np.float32], matrix: Matrix) -> NDArray[np.float32]:
    """Return points (n, 3) moved by a matrix."""
    result = points.astype(np.float64) @ matrix[:3, :3].T + matrix[:3, 3]
    return result.astype(np.float32)


def turned(vectors: NDArray[np.float32], matrix: Matrix) -> NDArray[np.float32]:
    """Return unit normals (n, 3) turned by a matrix."""
    # The cofactors turn normals right even where a matrix has no inverse.
    linear = matrix[:3, :3]
    cofactors = np.stack(
        [
            np.cross(linear[1], linear[2]),
            np.cross(linear[2], linear[0]),
            np.cross(linear[0], linear[1]),
        ]
    )
    result = vectors.astype(np.float64) @ cofactors.T
    lengths = np.linalg.norm(result, axis=1, keepdims=True)
    return (result / np.where(lengths > 0, lengths, 1)).astype(np.float32)
