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
    # ``take`` and products of columns take two thirds of the time of ``[]`` and ``cross``.
    first, second, third = (positions.take(triangles[:, corner], axis=0) for corner in range(3))
    (ux, uy, uz), (vx, vy, vz) = (second - first).T, (third - first).T
    return np.stack((uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx), axis=1)


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
