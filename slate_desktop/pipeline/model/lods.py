"""Levels of detail: fewer triangles over the same vertices, so that everything on them stays.

Each level starts from the last one. Vertices are only chosen, never moved: normals, tangents, UVs,
colours, joints, weights and morph targets are those of the input.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Self

import numpy as np

from slate_desktop.pipeline.model import meshopt
from slate_desktop.pipeline.model.document import Document, JsonObject, attributes_of, extent_of
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
    """One level: the triangles of each primitive, in the order of ``triangle_primitives``.

    Those of a primitive come in an order that reuses transformed vertices.
    """

    fraction: float
    triangles: list[Indices] = field(default_factory=list)
    error: float = 0.0

    @property
    def count(self) -> int:
        """Its triangles, each primitive once."""
        return sum(each.size for each in self.triangles) // 3


def make_levels(document: Document, fractions: Sequence[float]) -> list[Level]:
    """Return a level for each fraction of the triangles to keep; see ``Maker``."""
    with Maker(document, fractions) as maker:
        return list(maker.levels())


class Maker:
    """Makes levels in threads, from its start on; a context, whose end waits for them.

    The coarsest comes last, so that those before it can be written meanwhile. The module runs
    outside the interpreter's lock, so the threads share the cores.

    Args:
        document: it stays as it is.
        fractions: of the triangles to keep; falling, within 0 to 1.
    """

    def __init__(self, document: Document, fractions: Sequence[float]) -> None:
        primitives = list(document.triangle_primitives())
        self._fractions = fractions
        self._chains = [_Chain(document, each, len(fractions)) for each in primitives]
        workers = max(1, min(len(primitives), thread_count(_MAX_THREADS)))
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="lods")

    def __enter__(self) -> Self:
        # The largest first: one of them left for the end would have a core to itself.
        for chain in sorted(self._chains, key=lambda each: -each.size):
            self._start(chain, 0)
        return self

    def __exit__(self, *_: object) -> None:
        for chain in self._chains:
            chain.cancel()
        self._pool.shutdown()

    def wait(self) -> None:
        """Wait until all levels are made, or one of them has failed."""
        for chain in self._chains:
            for each in chain.results:
                each.result()

    def levels(self) -> Iterator[Level]:
        """Yield each level once it is made.

        Raises:
            AssetError: it needs more memory than is allowed.
        """
        for depth, fraction in enumerate(self._fractions):
            level = Level(fraction)
            for chain in self._chains:
                triangles, error = chain.results[depth].result()
                level.triangles.append(triangles)
                level.error = max(level.error, error)
            yield level

    def _start(self, chain: _Chain, depth: int) -> None:
        if depth < len(self._fractions) and not chain.results[depth].cancelled():
            self._pool.submit(self._make, chain, depth)

    def _make(self, chain: _Chain, depth: int) -> None:
        """Make a primitive's next level; the one after it queues behind all others."""
        if not chain.results[depth].set_running_or_notify_cancel():
            return
        try:
            result = chain.step(self._fractions[depth])
        except BaseException as exc:  # noqa: BLE001 - raised where the level is asked for
            for each in chain.results[depth:]:
                each.set_exception(exc)
            return
        chain.results[depth].set_result(result)
        self._start(chain, depth + 1)


class _Chain:
    """The levels of one primitive, each made from the last."""

    def __init__(self, document: Document, primitive: JsonObject, count: int) -> None:
        self._document = document
        self._attributes = attributes_of(primitive)
        self._current = document.indices_of(primitive)
        self._error = 0.0
        self.size = self._current.size
        self.results: list[Future[tuple[Indices, float]]] = [Future() for _ in range(count)]

    def cancel(self) -> None:
        """Leave out what has not begun."""
        for each in self.results:
            each.cancel()

    def step(self, fraction: float) -> tuple[Indices, float]:
        """Return the triangles of the next level, and how far they are off."""
        # At least one triangle: a primitive that vanished would leave a hole in the document.
        target = max(3, round(self.size / 3 * fraction) * 3)
        if target < self._current.size:
            fewer, error = meshopt.simplify(
                self._current, self._positions, *self._extra, target=target, max_error=MAX_ERROR
            )
            if fewer.size:
                self._current, self._error = fewer, max(self._error, error)
        ordered = meshopt.order_triangles(self._current, len(self._positions))
        return ordered, self._error

    @cached_property
    def _positions(self) -> NDArray[np.float32]:
        accessor = self._document.accessors[self._attributes["POSITION"]]
        return np.ascontiguousarray(accessor.floats)

    @cached_property
    def _extra(self) -> tuple[NDArray[np.float32] | None, NDArray[np.float32] | None]:
        return _weighed(self._document, self._attributes)


def _weighed(
    document: Document, attributes: dict[str, int]
) -> tuple[NDArray[np.float32] | None, NDArray[np.float32] | None]:
    wanted = (("NORMAL", _NORMAL_WEIGHT), ("TEXCOORD_0", _UV_WEIGHT), ("COLOR_0", _COLOR_WEIGHT))
    columns: list[NDArray[np.float32]] = []
    weights: list[float] = []
    for name, weight in wanted:
        if name in attributes:
            values = document.accessors[attributes[name]].floats
            # What is equal everywhere cannot change, and would cost as much as the rest.
            least, greatest = extent_of(values)
            varied = np.flatnonzero(least != greatest)
            columns.append(values[:, varied])
            weights += [weight] * len(varied)
    if not weights:
        return None, None
    joined = np.ascontiguousarray(np.concatenate(columns, axis=1), np.float32)
    return joined, np.array(weights, np.float32)
