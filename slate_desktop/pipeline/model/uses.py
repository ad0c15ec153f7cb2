"""What the accessors of a document are used for."""

from __future__ import annotations

from enum import IntEnum, auto

from slate_desktop.pipeline.model.document import Document, attributes_of, targets_of

_INSTANCING = "EXT_mesh_gpu_instancing"


class Use(IntEnum):
    """What the elements of an accessor are; numbers, which are quick as keys."""

    VERTEX = auto()
    INDEX = auto()
    TIME = auto()
    OTHER = auto()


def uses_of(document: Document) -> dict[int, Use]:
    """Return what each accessor is for, without those that nothing uses."""
    samplers = [each for one in document.list_of("animations") for each in one["samplers"]]
    uses = dict.fromkeys([each["output"] for each in samplers], Use.OTHER)
    uses |= uses_in_meshes(document)
    uses |= dict.fromkeys([each["input"] for each in samplers], Use.TIME)
    for skin in document.list_of("skins"):
        if "inverseBindMatrices" in skin:
            uses[skin["inverseBindMatrices"]] = Use.OTHER
    for node in document.list_of("nodes"):
        instances = node.get("extensions", {}).get(_INSTANCING, {})
        uses.update(dict.fromkeys(instances.get("attributes", {}).values(), Use.OTHER))
    return uses


def uses_in_meshes(document: Document) -> dict[int, Use]:
    """Return what the accessors of meshes are for."""
    uses: dict[int, Use] = {}
    for primitive in document.primitives():
        for accessors in (attributes_of(primitive), *targets_of(primitive)):
            uses.update(dict.fromkeys(accessors.values(), Use.VERTEX))
        if "indices" in primitive:
            uses[primitive["indices"]] = Use.INDEX
    return uses


def common_count(document: Document) -> int:
    """Return how many accessors, from the first on, belong to no mesh; see ``prune``."""
    uses = uses_of(document)
    numbers = range(len(document.accessors))
    return next(
        (index for index in numbers if uses.get(index) in (Use.VERTEX, Use.INDEX)), len(numbers)
    )


def positions_of(document: Document) -> set[int]:
    """Return the accessors of positions, morph targets' too: they must state their range."""
    found: set[int] = set()
    for primitive in document.primitives():
        for accessors in (attributes_of(primitive), *targets_of(primitive)):
            if "POSITION" in accessors:
                found.add(accessors["POSITION"])
    return found


def renumber_accessors(document: Document, numbers: dict[int, int]) -> None:
    """Give the accessors new numbers everywhere that they are named."""
    renumber_in_meshes(document, numbers)
    for animation in document.list_of("animations"):
        for sampler in animation["samplers"]:
            sampler["input"] = numbers[sampler["input"]]
            sampler["output"] = numbers[sampler["output"]]
    for skin in document.list_of("skins"):
        if "inverseBindMatrices" in skin:
            skin["inverseBindMatrices"] = numbers[skin["inverseBindMatrices"]]
    for node in document.list_of("nodes"):
        instances = node.get("extensions", {}).get(_INSTANCING, {})
        named = instances.get("attributes", {})
        named.update({name: numbers[index] for name, index in named.items()})


def renumber_in_meshes(document: Document, numbers: dict[int, int]) -> None:
    """Give the accessors new numbers in meshes alone."""
    for primitive in document.primitives():
        for accessors in (attributes_of(primitive), *targets_of(primitive)):
            accessors.update({name: numbers[index] for name, index in accessors.items()})
        if "indices" in primitive:
            primitive["indices"] = numbers[primitive["indices"]]
