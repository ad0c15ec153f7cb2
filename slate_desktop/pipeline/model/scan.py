"""The check before anything of a glTF is decoded: nothing points outside, nothing is endless.

Values are checked when they are decoded (``load.py``): numbers finite, indices within the vertices.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from slate_desktop.errors import AssetError
from slate_desktop.pipeline.model.schema import Accessor, BufferView, Gltf, Primitive

MAX_NODES = 100_000
MAX_DEPTH = 1_000
MAX_OBJECTS = 200_000
MAX_VERTICES = 20_000_000
MAX_ELEMENTS = 120_000_000
# Elements that no byte of the file stands for.
MAX_EMPTY_ELEMENTS = 1_000_000

COMPONENT_BYTES = {5120: 1, 5121: 1, 5122: 2, 5123: 2, 5125: 4, 5126: 4}
COMPONENTS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}
_ROWS = {"MAT2": 2, "MAT3": 3, "MAT4": 4}
_TRIANGLES = 4
MESHOPT_NAMES = ("EXT_meshopt_compression", "KHR_meshopt_compression")
DRACO = "KHR_draco_mesh_compression"


def check_counts(gltf: Gltf) -> None:
    """Check that a document is of this version and of a size that can be worked on.

    Raises:
        AssetError: it is not, or it needs a decoder that SLATE does not have.
    """
    if gltf.asset.version.split(".")[0] != "2":
        raise AssetError.invalid(f"glTF {gltf.asset.version[:16]} is not read; only glTF 2 is.")
    if len(gltf.nodes) > MAX_NODES:
        raise AssetError.limit(f"The model has more than {MAX_NODES:,} nodes.")
    lists = (gltf.accessors, gltf.buffer_views, gltf.meshes, gltf.materials, gltf.images)
    if any(len(each) > MAX_OBJECTS for each in lists):
        raise AssetError.limit(f"The model has a list of more than {MAX_OBJECTS:,} objects.")
    elements = sum(accessor.count for accessor in gltf.accessors)
    empty = sum(a.count for a in gltf.accessors if a.buffer_view is None)
    if elements > MAX_ELEMENTS or (empty > MAX_EMPTY_ELEMENTS and DRACO not in _used(gltf)):
        raise AssetError.limit("The model's accessors name more elements than can be worked on.")
    if DRACO in _used(gltf):
        raise AssetError.invalid(
            "The model's meshes are compressed with Draco, which SLATE cannot decode.",
            hint="Export it without Draco; SLATE compresses with meshopt where asked.",
        )


def check_references(gltf: Gltf, buffer_sizes: Sequence[int]) -> None:
    """Check that every index names something, every range lies in its buffer, the nodes are a tree.

    Args:
        gltf: the document.
        buffer_sizes: bytes that each buffer really has.

    Raises:
        AssetError: it is not so.
    """
    check_data(gltf, buffer_sizes)
    _check_tree(gltf)
    _check_skins_and_animations(gltf)
    for image in gltf.images:
        _within("image", _some(image.buffer_view), len(gltf.buffer_views))
        if (image.uri is None) == (image.buffer_view is None):
            raise AssetError.invalid("An image of the model has no data, or has them twice.")
    for texture in gltf.textures:
        _within("texture", _some(texture.source), len(gltf.images))
        _within("texture", _some(texture.sampler), len(gltf.samplers))
    _within("material", _texture_indices(gltf.materials), len(gltf.textures))


def check_data(
    gltf: Gltf, buffer_sizes: Sequence[int], *, views: int = 0, accessors: int = 0
) -> None:
    """Check buffer views, accessors and meshes alone, the first two from a number on.

    Raises:
        AssetError: one names what is not there, or reaches beyond it.
    """
    # One after the other a call for each would take longer than reading the JSON.
    _within("buffer view", [each.buffer for each in gltf.buffer_views[views:]], len(gltf.buffers))
    for view in gltf.buffer_views[views:]:
        _check_view(view, buffer_sizes)
    for accessor in gltf.accessors[accessors:]:
        _check_accessor(gltf, accessor)
    vertices = 0
    for mesh in gltf.meshes:
        for primitive in mesh.primitives:
            vertices += _check_primitive(gltf, primitive)
    if vertices > MAX_VERTICES:
        raise AssetError.limit(f"The model has more than {MAX_VERTICES:,} vertices.")


def _used(gltf: Gltf) -> set[str]:
    found = {*gltf.extensions_used, *gltf.extensions_required}
    return found.union(*(p.extensions for mesh in gltf.meshes for p in mesh.primitives))


def _check_view(view: BufferView, sizes: Sequence[int]) -> None:
    if view.extensions and any(name in view.extensions for name in MESHOPT_NAMES):
        return  # Its bytes are elsewhere; load.py checks them when it decodes.
    if view.byte_offset + view.byte_length > sizes[view.buffer]:
        raise AssetError.invalid("A buffer view of the model reaches beyond its buffer.")


def _check_accessor(gltf: Gltf, accessor: Accessor) -> None:
    size = element_bytes(accessor)
    _check_range(gltf, accessor.buffer_view, accessor.byte_offset, accessor.count, size)
    if accessor.sparse is not None:
        sparse = accessor.sparse
        if sparse.count > accessor.count:
            raise AssetError.invalid("An accessor of the model replaces more than it has.")
        indices, values = sparse.indices, sparse.values
        index_bytes = COMPONENT_BYTES[indices.component_type]
        _check_range(gltf, indices.buffer_view, indices.byte_offset, sparse.count, index_bytes)
        _check_range(gltf, values.buffer_view, values.byte_offset, sparse.count, size)


def _check_range(gltf: Gltf, index: int | None, offset: int, count: int, size: int) -> None:
    if index is None:
        return
    if index >= len(gltf.buffer_views):
        raise _absent("accessor")
    view = gltf.buffer_views[index]
    stride = view.byte_stride or size
    if stride < size or offset + stride * (count - 1) + size > view.byte_length:
        raise AssetError.invalid("An accessor of the model reaches beyond its buffer view.")


def element_bytes(accessor: Accessor) -> int:
    """Return the bytes of one element; columns of matrices begin at multiples of 4."""
    return _ELEMENT_BYTES[accessor.type, accessor.component_type]


def _element_bytes(kind: str, size: int) -> int:
    rows = _ROWS.get(kind)
    if rows is None:
        return COMPONENTS[kind] * size
    column = (rows * size + 3) // 4 * 4
    return column * (rows - 1) + rows * size


_ELEMENT_BYTES = {
    (kind, number): _element_bytes(kind, size)
    for kind in COMPONENTS
    for number, size in COMPONENT_BYTES.items()
}


def _check_primitive(gltf: Gltf, primitive: Primitive) -> int:
    """Return its number of vertices."""
    maps = [primitive.attributes, *primitive.targets]
    for accessors in maps:
        _within("primitive", accessors.values(), len(gltf.accessors))
    _within("primitive", _some(primitive.indices), len(gltf.accessors))
    _within("primitive", _some(primitive.material), len(gltf.materials))
    counts = {gltf.accessors[index].count for each in maps for index in each.values()}
    if len(counts) > 1:
        raise AssetError.invalid("The attributes of a primitive have different lengths.")
    position = primitive.attributes.get("POSITION")
    if position is None:
        return 0
    if gltf.accessors[position].type != "VEC3":
        raise AssetError.invalid("The positions of a primitive are not vectors of three numbers.")
    if primitive.indices is not None:
        index = gltf.accessors[primitive.indices]
        if index.type != "SCALAR" or index.component_type not in (5121, 5123, 5125):
            raise AssetError.invalid("The indices of a primitive are not whole numbers.")
    return gltf.accessors[position].count


def _check_tree(gltf: Gltf) -> None:
    count = len(gltf.nodes)
    parents = [-1] * count
    for number, node in enumerate(gltf.nodes):
        _within("node", node.children, count)
        _within("node", _some(node.mesh), len(gltf.meshes))
        _within("node", _some(node.skin), len(gltf.skins))
        _within("node", _some(node.camera), len(gltf.cameras))
        for child in node.children:
            if parents[child] != -1 or child == number:
                raise AssetError.invalid("A node of the model has two parents, or is its own.")
            parents[child] = number
    for scene in gltf.scenes:
        _within("scene", scene.nodes, count)
        if any(parents[root] != -1 for root in scene.nodes):
            raise AssetError.invalid("A scene of the model begins within its tree of nodes.")
    _within("model", _some(gltf.scene), len(gltf.scenes))
    _check_depth(gltf, [number for number in range(count) if parents[number] == -1])


def _check_depth(gltf: Gltf, roots: list[int]) -> None:
    level, reached, depth = roots, 0, 0
    while level:
        reached += len(level)
        depth += 1
        if depth > MAX_DEPTH:
            raise AssetError.limit(f"The model's nodes are more than {MAX_DEPTH:,} levels deep.")
        level = [child for number in level for child in gltf.nodes[number].children]
    if reached != len(gltf.nodes):
        raise AssetError.invalid("The model's nodes run in a circle.")


def _check_skins_and_animations(gltf: Gltf) -> None:
    for skin in gltf.skins:
        _within("skin", [*skin.joints, *_some(skin.skeleton)], len(gltf.nodes))
        matrices = skin.inverse_bind_matrices
        if matrices is None:
            continue
        _within("skin", [matrices], len(gltf.accessors))
        accessor = gltf.accessors[matrices]
        if accessor.type != "MAT4" or accessor.count < len(skin.joints):
            raise AssetError.invalid("A skin of the model has no matrix for one of its joints.")
    for animation in gltf.animations:
        samplers, channels = animation.samplers, animation.channels
        _within("animation", [each.input for each in samplers], len(gltf.accessors))
        _within("animation", [each.output for each in samplers], len(gltf.accessors))
        _within("animation", [each.sampler for each in channels], len(samplers))
        targets = [each.target.node for each in channels if each.target.node is not None]
        _within("animation", targets, len(gltf.nodes))


def _texture_indices(value: Any, name: str = "") -> list[int]:
    """Return the textures that materials name, those of extensions too."""
    if isinstance(value, list):
        return [index for each in value for index in _texture_indices(each)]
    if not isinstance(value, dict):
        return []
    found = [index for key, each in value.items() for index in _texture_indices(each, str(key))]
    index = value.get("index")
    if name.endswith("Texture") and isinstance(index, int):
        found.append(index)
    return found


def _some(index: int | None) -> list[int]:
    return [] if index is None else [index]


def _within(what: str, indices: Iterable[int], count: int) -> None:
    found = list(indices)
    if found and not 0 <= min(found) <= max(found) < count:
        raise _absent(what)


def _absent(what: str) -> AssetError:
    return AssetError.invalid(f"A {what} of the model names something that is not there.")
