"""Levels of detail: fewer triangles over the same vertices, so that everything on them stays.

Each level starts from the last one. Vertices are only chosen, never moved: normals, tangents, UVs,
colours, joints, weights and morph targets are those of the input.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from slate_desktop.pipeline.model import meshopt
from slate_desktop.pipeline.model.document import Document, JsonObject, attributes_of
from slate_desktop.pipeline.threads import thread_count

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Indices = NDArray[np.uint32]

# How much a change of an attribute counts beside one of the shape, as a share of the mesh's size.
_NORMAL_WEIGHT, _UV_WEIGHT, _COLOR_WEIGHT = 0.5, 0.3, 0.2
# Beyond that a level is no longer the same thing; the report says how far it came.
MAX_ERROR = 0.5
_MAX_THREADS = 4


@dataclass
class Level:
    """One level: the triangles of each primitive, in the order of ``triangle_primitives``."""

    fraction: float
    triangles: list[Indices] = field(default_factory=list)
    error: float = 0.0

    @property
    def count(self) -> int:
        """Its triangles, each primitive once."""
        return sum(each.size for each in self.triangles) // 3


def make_levels(
    document: Document, fractions: Sequence[float], on_done: Callable[[float], None]
) -> list[Level]:
    """Return a level for each fraction of the triangles to keep.

    Args:
        document: it stays as it is.
        fractions: falling, within 0 to 1.
        on_done: called with the share of the work that is done.
    """
    primitives = list(document.triangle_primitives())
    levels = [Level(fraction) for fraction in fractions]
    # The module runs outside the interpreter's lock, so threads share the cores.
    workers = max(1, min(len(primitives), thread_count(_MAX_THREADS)))
    with ThreadPoolExecutor(workers, thread_name_prefix="lods") as pool:
        chains = pool.map(lambda each: _chain(document, each, fractions), primitives)
        for done, chain in enumerate(chains, 1):
            for level, (triangles, error) in zip(levels, chain, strict=True):
                level.triangles.append(triangles)
                level.error = max(level.error, error)
            on_done(done / len(primitives))
    return levels


def _chain(
    document: Document, primitive: JsonObject, fractions: Sequence[float]
) -> list[tuple[Indices, float]]:
    attributes = attributes_of(primitive)
    current = document.indices_of(primitive)
    positions = np.ascontiguousarray(document.accessors[attributes["POSITION"]].floats)
    extra, weights = _weighed(document, attributes)
    full, result = current.size, list[tuple["Indices", float]]()
    error = 0.0
    for fraction in fractions:
        # At least one triangle: a primitive that vanished would leave a hole in the document.
        target = max(3, round(full / 3 * fraction) * 3)
        if target < current.size:
            fewer, step = meshopt.simplify(
                current, positions, extra, weights, target=target, max_error=MAX_ERROR
            )
            if fewer.size:
                current, error = fewer, max(error, step)
        result.append((current, error))
    return result


def _weighed(
    document: Document, attributes: dict[str, int]
) -> tuple[NDArray[np.float32] | None, NDArray[np.float32] | None]:
    wanted = (("NORMAL", _NORMAL_WEIGHT), ("TEXCOORD_0", _UV_WEIGHT), ("COLOR_0", _COLOR_WEIGHT))
    columns: list[NDArray[np.float32]] = []
    weights: list[float] = []
    for name, weight in wanted:
        if name in attributes:
            values = document.accessors[attributes[name]].floats
            columns.append(values)
            weights += [weight] * values.shape[1]
    if not columns:
        return None, None
    joined = np.ascontiguousarray(np.concatenate(columns, axis=1), np.float32)
    return joined, np.array(weights, np.float32)
