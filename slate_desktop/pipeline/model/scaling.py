"""Scales a model: every length in it, so that nodes, skins and animations still fit together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from slate_desktop.pipeline.model.document import (
    Document,
    JsonObject,
    attributes_of,
    targets_of,
)

# Lengths in the extensions of materials, lights and cameras.
_LENGTHS = {
    "KHR_materials_volume": ("thicknessFactor", "attenuationDistance"),
    "KHR_lights_punctual": ("range",),
}


def scale(document: Document, factor: float) -> None:
    """Multiply all lengths of a document."""
    if factor == 1.0:
        return
    for node in document.list_of("nodes"):
        _scale_node(node, factor)
    done: dict[int, int] = {}
    for accessors, name in _length_places(document):
        accessors[name] = _scaled(document, accessors[name], factor, done)
    done = {}
    for skin in document.list_of("skins"):
        if "inverseBindMatrices" in skin:
            index = skin["inverseBindMatrices"]
            skin["inverseBindMatrices"] = _scaled_matrices(document, index, factor, done)
    for camera in document.list_of("cameras"):
        kinds = (("perspective", ("znear", "zfar")),)
        kinds += (("orthographic", ("znear", "zfar", "xmag", "ymag")),)
        for kind, names in kinds:
            _scale_names(camera.get(kind), names, factor)
    for material in document.list_of("materials"):
        extension = material.get("extensions", {}).get("KHR_materials_volume")
        _scale_names(extension, _LENGTHS["KHR_materials_volume"], factor)
    lights = document.tree.get("extensions", {}).get("KHR_lights_punctual", {})
    for light in lights.get("lights", ()):
        _scale_names(light, _LENGTHS["KHR_lights_punctual"], factor)


def _length_places(document: Document) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield where accessors of lengths are named: a mapping and a key of it."""
    for primitive in document.primitives():
        for accessors in (attributes_of(primitive), *targets_of(primitive)):
            if "POSITION" in accessors:
                yield accessors, "POSITION"
    for animation in document.list_of("animations"):
        moving = {
            channel["sampler"]
            for channel in animation["channels"]
            if channel["target"]["path"] == "translation"
        }
        for number in sorted(moving):
            yield animation["samplers"][number], "output"
    for node in document.list_of("nodes"):
        instances = node.get("extensions", {}).get("EXT_mesh_gpu_instancing", {})
        if "TRANSLATION" in instances.get("attributes", {}):
            yield instances["attributes"], "TRANSLATION"


def _scale_node(node: JsonObject, factor: float) -> None:
    if "translation" in node:
        node["translation"] = [value * factor for value in node["translation"]]
    if "matrix" in node:
        matrix = list(node["matrix"])
        matrix[12:15] = [value * factor for value in matrix[12:15]]
        node["matrix"] = matrix


def _scaled(document: Document, index: int, factor: float, done: dict[int, int]) -> int:
    if index not in done:
        accessor = document.accessors[index]
        values = accessor.floats * np.float32(factor)
        done[index] = document.add(values, accessor.kind, like=index)
    return done[index]


def _scaled_matrices(document: Document, index: int, factor: float, done: dict[int, int]) -> int:
    if index not in done:
        values = document.accessors[index].floats.copy()
        values[:, 12:15] *= np.float32(factor)
        done[index] = document.add(values, "MAT4", like=index)
    return done[index]


def _scale_names(value: JsonObject | None, names: tuple[str, ...], factor: float) -> None:
    for name in names:
        if value is not None and name in value:
            value[name] *= factor
