"""Animations: tracks that never move made short, and all tracks made ready for compression."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from slate_desktop.pipeline.model import meshopt
from slate_desktop.pipeline.model.document import Document, JsonObject

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Below that a change is noise of the exporter, or finer than what quantised tracks can hold.
EXACT, QUANTIZED = 1e-6, 1e-4
_REST = {
    "translation": [0.0, 0.0, 0.0],
    "rotation": [0.0, 0.0, 0.0, 1.0],
    "scale": [1.0, 1.0, 1.0],
}
_ROTATION_BITS = 14
_FLOAT_BITS = 15


def shorten_still_tracks(document: Document, tolerance: float) -> None:
    """Shorten animated properties that never change to one key; players hold the last key.

    A property that no animation of the document ever moves from where it rests loses its tracks.
    The track that lasts longest keeps its keys, so that each animation keeps its length.

    Args:
        document: to be changed.
        tolerance: change that is none; for places a share of the farthest one.
    """
    limits = _limits(document, tolerance)
    still: dict[tuple[int, int], bool] = {}
    for number, channel in _channels(document):
        sampler = document.list_of("animations")[number]["samplers"][channel["sampler"]]
        limit = limits.get(channel["target"]["path"], 0.0)
        known = still.get((number, channel["sampler"]), True)
        still[number, channel["sampler"]] = known and _is_still(document, sampler, limit)
    moving = _moving_properties(document, still, limits)
    for number, animation in enumerate(document.list_of("animations")):
        samplers: list[JsonObject] = animation["samplers"]
        ends = [float(document.accessors[each["input"]].values[-1, 0]) for each in samplers]
        longest = ends.index(max(ends)) if ends else -1
        starts: dict[float, int] = {}
        for index, sampler in enumerate(samplers):
            if index != longest and still.get((number, index)):
                _shorten(document, sampler, starts)
        animation["channels"] = [
            channel
            for channel in animation["channels"]
            if channel["sampler"] == longest or _property(channel) in moving
        ]
        _drop_samplers(animation)


def store_tracks(document: Document) -> None:
    """Prepare animated rotations, places and sizes for the filters of meshopt."""
    paths: dict[int, str] = {}
    for animation in document.list_of("animations"):
        for channel in animation["channels"]:
            sampler = animation["samplers"][channel["sampler"]]
            is_spline = sampler.get("interpolation") == "CUBICSPLINE"
            is_float = document.accessors[sampler["output"]].values.dtype == np.float32
            if not is_spline and is_float and channel["target"]["path"] in _REST:
                paths[sampler["output"]] = channel["target"]["path"]
    rotations = [index for index, path in paths.items() if path == "rotation"]
    others = [index for index, path in paths.items() if path != "rotation"]
    numbers = {**_store(document, rotations, 4), **_store(document, others, 3)}
    for animation in document.list_of("animations"):
        for sampler in animation["samplers"]:
            sampler["output"] = numbers.get(sampler["output"], sampler["output"])


def _store(document: Document, indices: list[int], width: int) -> dict[int, int]:
    """Add the tracks' filtered forms, all encoded at once; return their numbers by the old ones."""
    if not indices:
        return {}
    tracks = [document.accessors[index] for index in indices]
    values = np.ascontiguousarray(np.concatenate([track.values for track in tracks]))
    is_rotation = width == 4
    if is_rotation:
        name, coded = "QUATERNION", meshopt.encode_filter("QUATERNION", values, 8, _ROTATION_BITS)
        stored: NDArray[Any] = np.rint(np.clip(values, -1, 1) * 0x7FFF).astype(np.int16)
    else:
        name, coded = "EXPONENTIAL", meshopt.encode_filter("EXPONENTIAL", values, 12, _FLOAT_BITS)
        stored = values
    numbers: dict[int, int] = {}
    start = 0
    for index, track in zip(indices, tracks, strict=True):
        rows = slice(start, start + len(track.values))
        new = document.add(stored[rows], track.kind, normalized=is_rotation, like=index)
        document.accessors[new].filtered = (name, coded[rows])
        numbers[index] = new
        start = rows.stop
    return numbers


def _channels(document: Document) -> Iterator[tuple[int, JsonObject]]:
    for number, animation in enumerate(document.list_of("animations")):
        for channel in animation["channels"]:
            yield number, channel


def _property(channel: JsonObject) -> tuple[int | None, str]:
    target = channel["target"]
    return target.get("node"), target["path"]


def _limits(document: Document, tolerance: float) -> dict[str, float]:
    """Return the change that is none, by path."""
    farthest = 0.0
    for node in document.list_of("nodes"):
        farthest = max(farthest, *map(abs, node.get("translation", (0.0,))))
    for number, channel in _channels(document):
        if channel["target"]["path"] == "translation":
            sampler = document.list_of("animations")[number]["samplers"][channel["sampler"]]
            values = document.accessors[sampler["output"]].floats
            farthest = max(farthest, float(np.abs(values).max()))
    # A size acts along a bone only, a turn along all that hang on it.
    return {"translation": tolerance * farthest, "rotation": tolerance, "scale": 3 * tolerance}


def _moving_properties(
    document: Document, still: dict[tuple[int, int], bool], limits: dict[str, float]
) -> set[tuple[int | None, str]]:
    """Return the properties that some animation moves from where they rest."""
    nodes = document.list_of("nodes")
    moving: set[tuple[int | None, str]] = set()
    for number, channel in _channels(document):
        node, path = _property(channel)
        sampler = document.list_of("animations")[number]["samplers"][channel["sampler"]]
        if node is None or path not in _REST or not still[number, channel["sampler"]]:
            moving.add((node, path))
            continue
        rest = np.array(nodes[node].get(path, _REST[path]))
        held = document.accessors[sampler["output"]].floats[0]
        if np.abs(held - rest).max() > limits[path]:
            moving.add((node, path))
    return moving


def _is_still(document: Document, sampler: JsonObject, limit: float) -> bool:
    times, values = document.accessors[sampler["input"]], document.accessors[sampler["output"]]
    if len(times.values) != len(values.values) or values.kind == "SCALAR":
        return False
    floats = values.floats
    return bool(np.abs(floats - floats[0]).max() <= limit)


def _shorten(document: Document, sampler: JsonObject, starts: dict[float, int]) -> None:
    times, values = document.accessors[sampler["input"]], document.accessors[sampler["output"]]
    if len(times.values) < 2:
        return
    start = float(times.values[0, 0])
    if start not in starts:
        starts[start] = document.add(times.values[:1].copy(), "SCALAR", like=sampler["input"])
    sampler["input"] = starts[start]
    sampler["output"] = document.add(
        values.values[:1].copy(),
        values.kind,
        normalized=values.normalized,
        like=sampler["output"],
    )
    # One key is neither stepped nor splined.
    sampler.pop("interpolation", None)


def _drop_samplers(animation: JsonObject) -> None:
    used = sorted({channel["sampler"] for channel in animation["channels"]})
    numbers = {old: new for new, old in enumerate(used)}
    animation["samplers"] = [animation["samplers"][index] for index in used]
    for sampler in animation["samplers"]:
        if sampler.get("interpolation") == "LINEAR":
            del sampler["interpolation"]  # as it is where nothing is said
    for channel in animation["channels"]:
        channel["sampler"] = numbers[channel["sampler"]]
