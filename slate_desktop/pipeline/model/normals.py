"""Normals from triangles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def face_vectors(
    positions: NDArray[np.float32], triangles: NDArray[np.uint32]
) -> NDArray[np.float32]:
    """Return for each triangle (n, 3) its normal with twice its area as length."""
    corner = positions[triangles[:, 0]]
    return np.cross(positions[triangles[:, 1]] - corner, positions[triangles[:, 2]] - corner)


def smooth_normals(
    positions: NDArray[np.float32], indices: NDArray[np.uint32]
) -> NDArray[np.float32]:
    """Return unit normals of vertices: those of their triangles, larger ones counting more."""
    triangles = indices.reshape(-1, 3)
    faces = face_vectors(positions, triangles).astype(np.float64)
    corners = triangles.reshape(-1)
    spread = np.repeat(faces, 3, axis=0)
    sums = np.stack(
        [np.bincount(corners, spread[:, axis], len(positions)) for axis in range(3)], axis=1
    )
    lengths = np.linalg.norm(sums, axis=1)
    sums[lengths == 0] = (0, 0, 1)
    return (sums / np.where(lengths > 0, lengths, 1)[:, None]).astype(np.float32)
