"""Drops what nothing uses: accessors, pictures, textures, materials, meshes.

A document with extensions that SLATE does not know keeps all of it, for they may name any of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from slate_desktop.pipeline.model.document import (
    Document,
    JsonObject,
    attributes_of,
    targets_of,
)
from slate_desktop.pipeline.model.uses import (
    Use,
    renumber_accessors,
    renumber_in_meshes,
    uses_of,
)

# Extensions that name nothing but textures, in the way the standard does.
_KNOWN = frozenset(
    {
        "EXT_mesh_gpu_instancing",
        "EXT_texture_avif",
        "EXT_texture_webp",
        "KHR_lights_punctual",
        "KHR_mesh_quantization",
        "KHR_texture_basisu",
        "KHR_texture_transform",
        "KHR_xmp_json_ld",
        "MSFT_lod",
        "MSFT_texture_dds",
    }
)
_MATERIALS = "KHR_materials_"
_VARIANTS = "KHR_materials_variants"


def prune(document: Document) -> None:
    """Drop what nothing uses, and merge accessors of equal content."""
    if has_unknown_extensions(document):
        return
    _drop_meshes(document)
    _drop(document, "materials", lambda: _named(document.primitives(), "material"))
    _drop(document, "textures", lambda: _texture_infos(document.list_of("materials")))
    _drop(document, "samplers", lambda: _named(document.list_of("textures"), "sampler"))
    _drop(document, "images", lambda: _picture_sources(document))
    drop_accessors(document, merge=True)


def drop_accessors(document: Document, *, merge: bool = False) -> None:
    """Drop accessors that nothing uses; merge those of equal content where asked.

    Those of no mesh come first then: the levels of a model have them alike.
    """
    if has_unknown_extensions(document):
        return
    uses = uses_of(document)
    numbers: dict[int, int] = {}
    kept: list[int] = []
    known: dict[tuple[object, ...], int] = {}
    for index in sorted(uses, key=lambda index: (uses[index] in (Use.VERTEX, Use.INDEX), index)):
        key = _content(document, index, uses[index]) if merge else (index,)
        if key not in known:
            known[key] = len(kept)
            kept.append(index)
        numbers[index] = known[key]
    renumber_accessors(document, numbers)
    document.accessors = [document.accessors[index] for index in kept]


def drop_of_meshes(document: Document, first: int) -> None:
    """Drop accessors from a number on that no mesh uses."""
    used: set[int] = set()
    for primitive in document.primitives():
        for accessors in (attributes_of(primitive), *targets_of(primitive)):
            used.update(accessors.values())
        if "indices" in primitive:
            used.add(primitive["indices"])
    kept = [*range(first), *sorted(index for index in used if index >= first)]
    renumber_in_meshes(document, {old: new for new, old in enumerate(kept)})
    document.accessors = [document.accessors[index] for index in kept]


def has_unknown_extensions(document: Document) -> bool:
    """Tell whether parts that SLATE does not know may name accessors, nodes or materials."""
    return any(
        name == _VARIANTS or not (name in _KNOWN or name.startswith(_MATERIALS))
        for name in document.tree.get("extensionsUsed", ())
    )


def _content(document: Document, index: int, use: Use) -> tuple[object, ...]:
    accessor = document.accessors[index]
    if use in (Use.VERTEX, Use.INDEX):
        return (index,)
    digest = hashlib.sha256(np.ascontiguousarray(accessor.values).data).digest()
    form = (accessor.values.dtype, accessor.kind, accessor.normalized)
    return (use, digest, *form)


def _drop_meshes(document: Document) -> None:
    _drop(document, "meshes", lambda: _named(document.list_of("nodes"), "mesh"))


def _drop(
    document: Document, name: str, places: Callable[[], Iterator[tuple[JsonObject, str]]]
) -> None:
    """Keep only the entries of a list that some place names, and number the places anew."""
    entries = document.list_of(name)
    used = sorted({owner[key] for owner, key in places()})
    if len(used) == len(entries):
        return
    numbers = {old: new for new, old in enumerate(used)}
    for owner, key in list(places()):
        owner[key] = numbers[owner[key]]
    if name == "images":
        document.images = [document.images[index] for index in used]
    document.tree[name] = [entries[index] for index in used]
    if not used:
        del document.tree[name]


def _named(owners: Any, key: str) -> Iterator[tuple[JsonObject, str]]:
    for owner in owners:
        if key in owner:
            yield owner, key


def _texture_infos(value: Any, name: str = "") -> Iterator[tuple[JsonObject, str]]:
    if isinstance(value, list):
        for each in value:
            yield from _texture_infos(each)
    elif isinstance(value, dict):
        if name.endswith("Texture") and isinstance(value.get("index"), int):
            yield value, "index"
        for key, each in value.items():
            if isinstance(each, dict | list):
                yield from _texture_infos(each, key)


def _picture_sources(document: Document) -> Iterator[tuple[JsonObject, str]]:
    for texture in document.list_of("textures"):
        yield from _named([texture, *texture.get("extensions", {}).values()], "source")
