"""Levels of detail as files of their own, or inside one document (MSFT_lod).

Source: https://github.com/KhronosGroup/glTF/tree/main/extensions/2.0/Vendor/MSFT_lod
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from slate_desktop.pipeline.model.document import Document, JsonObject, attributes_of
from slate_desktop.pipeline.model.lods import Level
from slate_desktop.pipeline.model.prune import drop_of_meshes, has_unknown_extensions
from slate_desktop.pipeline.model.uses import common_count
from slate_desktop.pipeline.model.vertices import compact, vertex_sets

_EXTENSION = "MSFT_lod"
_COVERAGE = "MSFT_screencoverage"


def documents_of(document: Document, levels: Iterable[Level]) -> Iterator[tuple[Level, Document]]:
    """Yield each level and a document of it alone, without the vertices that it does not use.

    The document changes apart from the other in its meshes; all else is shared.
    """
    first = None if has_unknown_extensions(document) else common_count(document)
    for level in levels:
        yield level, _document_of(document, level, first)


def _document_of(document: Document, level: Level, first: int | None) -> Document:
    result = document.with_own_meshes()
    primitives = list(result.triangle_primitives())
    for primitive, triangles in zip(primitives, level.triangles, strict=True):
        result.set_indices(primitive, triangles)
    for vertices in vertex_sets(result):
        compact(result, vertices)
    if first is not None:
        drop_of_meshes(result, first)
    return result


def add_levels(document: Document, levels: list[Level]) -> None:
    """Put levels into a document, beside the nodes that they stand for.

    Each mesh goes to a node of its own below the one that showed it, so that neither children nor
    animations of that node are part of the choice.
    """
    meshes = _level_meshes(document, levels)
    for number, node in enumerate(list(document.list_of("nodes"))):
        if node.get("mesh") not in meshes:
            continue
        parts: JsonObject = {
            key: node.pop(key) for key in ("mesh", "skin", "weights") if key in node
        }
        numbers = [
            document.grow("nodes", {**parts, "mesh": mesh})
            for mesh in (parts["mesh"], *meshes[parts["mesh"]])
        ]
        finest = document.list_of("nodes")[numbers[0]]
        finest["extensions"] = {_EXTENSION: {"ids": numbers[1:]}}
        finest["extras"] = {_COVERAGE: _coverage(levels)}
        node.setdefault("children", []).append(numbers[0])
        _move_weights(document, number, numbers)
    document.use_extension(_EXTENSION, is_required=False)


def _level_meshes(document: Document, levels: list[Level]) -> dict[int, list[int]]:
    """Return the meshes of all levels by the mesh that they stand for."""
    places = {id(primitive): n for n, primitive in enumerate(document.triangle_primitives())}
    found: dict[int, list[int]] = {}
    for number, mesh in enumerate(list(document.list_of("meshes"))):
        if not any(id(primitive) in places for primitive in mesh["primitives"]):
            continue
        for depth, level in enumerate(levels, 1):
            primitives: list[JsonObject] = []
            for primitive in mesh["primitives"]:
                copy = {**primitive, "attributes": dict(attributes_of(primitive))}
                if "targets" in primitive:
                    copy["targets"] = [dict(each) for each in primitive["targets"]]
                if id(primitive) in places:
                    triangles = level.triangles[places[id(primitive)]]
                    document.set_indices(copy, triangles)
                primitives.append(copy)
            name = f"{mesh.get('name', 'mesh')} LOD{depth}"
            entry = {**mesh, "name": name, "primitives": primitives}
            found.setdefault(number, []).append(document.grow("meshes", entry))
    return found


def _coverage(levels: list[Level]) -> list[float]:
    """Return the shares of the screen's height down to which each level is shown."""
    # A level with a quarter of the triangles is as dense at half the height.
    return [*(round(0.5 * level.fraction**0.5, 4) for level in levels), 0.0]


def _move_weights(document: Document, old: int, new: list[int]) -> None:
    for animation in document.list_of("animations"):
        channels: list[JsonObject] = animation["channels"]
        for channel in list(channels):
            target = channel["target"]
            if target.get("node") == old and target["path"] == "weights":
                target["node"] = new[0]
                channels += [
                    {**channel, "target": {**target, "node": number}} for number in new[1:]
                ]
