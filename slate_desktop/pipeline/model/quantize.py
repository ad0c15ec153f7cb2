"""Stores vertices in fewer bits (KHR_mesh_quantization), and says how meshopt compresses them best.

Positions become whole numbers within a cube around the mesh; a node of its own, or the matrices of
its skin, bring them back. The cube is one for all meshes that share a skin.

Source: https://github.com/KhronosGroup/glTF/tree/main/extensions/2.0/Khronos/KHR_mesh_quantization
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from slate_desktop.pipeline.model import meshopt
from slate_desktop.pipeline.model.document import (
    Document,
    JsonObject,
    attributes_of,
    extent_of,
    targets_of,
)
from slate_desktop.pipeline.model.prune import has_unknown_extensions
from slate_desktop.pipeline.model.tracks import store_tracks

if TYPE_CHECKING:
    from numpy.typing import NDArray

_EXTENSION = "KHR_mesh_quantization"
_POSITION_BITS = 14
_UV_BITS = 12
_NORMAL_BITS = 8
_FLOAT_BITS = 15


@dataclass(frozen=True)
class Cube:
    """Where whole numbers stand for positions: ``origin + number * step``."""

    origin: NDArray[np.float64]
    step: float


def quantize(document: Document, *, filtered: bool) -> None:
    """Store all vertices in fewer bits.

    Args:
        document: to be changed.
        filtered: prepare normals for the filters of meshopt as well.
    """
    # Instances name translations of their own mesh's space, which would no longer be that space.
    has_instances = "EXT_mesh_gpu_instancing" in document.tree.get("extensionsUsed", ())
    if has_instances or has_unknown_extensions(document):
        document.warnings.append(
            "Vertices are not quantised: an extension builds on their numbers."
        )
        return
    skinned = _skinned_meshes(document)
    done: dict[int, int] = {}
    if skinned:
        cube = _cube(document, skinned)
        if cube is not None:
            for number in skinned:
                _store_positions(document, number, cube, done)
            _move_skins(document, cube)
            _place(document, skinned, cube)
    for number in range(len(document.list_of("meshes"))):
        if number not in skinned:
            cube = _cube(document, [number])
            if cube is not None and not _is_shared(document, number, done):
                _store_positions(document, number, cube, done)
                _place(document, {number}, cube)
    _store_attributes(document, filtered=filtered)
    if filtered:
        store_tracks(document)
    document.use_extension(_EXTENSION, is_required=True)


def _skinned_meshes(document: Document) -> set[int]:
    nodes = document.list_of("nodes")
    return {node["mesh"] for node in nodes if "mesh" in node and "skin" in node}


def _position_maps(document: Document, meshes: Iterable[int]) -> list[tuple[dict[str, int], bool]]:
    """Return mappings with positions, and whether they are those of morph targets."""
    found: list[tuple[dict[str, int], bool]] = []
    for number in meshes:
        for primitive in document.list_of("meshes")[number]["primitives"]:
            named = [(attributes_of(primitive), False)]
            named += [(each, True) for each in targets_of(primitive)]
            found += [each for each in named if "POSITION" in each[0]]
    return found


def _cube(document: Document, meshes: Iterable[int]) -> Cube | None:
    """Return the cube around meshes, or None where they are stored as whole numbers already."""
    low, high, reach = np.full(3, np.inf), np.full(3, -np.inf), 0.0
    for accessors, is_target in _position_maps(document, meshes):
        values = document.accessors[accessors["POSITION"]].values
        if values.dtype != np.float32:
            return None
        if is_target:
            reach = max(reach, float(np.abs(values).max()))
        else:
            least, greatest = extent_of(values)
            low, high = np.minimum(low, least), np.maximum(high, greatest)
    if not np.isfinite(low).all():
        return None
    extent = max(float((high - low).max()), reach)
    return Cube(low, extent / ((1 << _POSITION_BITS) - 1) if extent > 0 else 1.0)


def _is_shared(document: Document, mesh: int, done: dict[int, int]) -> bool:
    """Tell whether another mesh, in a cube of its own, took this one's vertices already."""
    named = (each["POSITION"] for each, _ in _position_maps(document, [mesh]))
    return any(index in done for index in named)


def _store_positions(document: Document, mesh: int, cube: Cube, done: dict[int, int]) -> None:
    for accessors, is_target in _position_maps(document, [mesh]):
        index = accessors["POSITION"]
        if index not in done:
            values = document.accessors[index].values.astype(np.float64)
            dtype = np.int16 if is_target else np.uint16
            if not is_target:
                values = values - cube.origin
            numbers = np.rint(values / cube.step).astype(dtype)
            done[index] = document.add(numbers, "VEC3", like=index)
        accessors["POSITION"] = done[index]


def _move_skins(document: Document, cube: Cube) -> None:
    """Let the matrices of skins bring the positions back first."""
    back = np.diag([cube.step, cube.step, cube.step, 1.0])
    back[:3, 3] = cube.origin
    done: dict[int, int] = {}
    for skin in document.list_of("skins"):
        old = skin.get("inverseBindMatrices", -1)
        if old not in done:
            if old < 0:
                matrices = np.tile(np.eye(4), (len(skin["joints"]), 1, 1))
            else:
                stored = document.accessors[old].floats.astype(np.float64)
                matrices = stored.reshape(-1, 4, 4).transpose(0, 2, 1)
            moved = (matrices @ back).transpose(0, 2, 1).reshape(-1, 16).astype(np.float32)
            new = document.add(moved, "MAT4", like=None if old < 0 else old)
            if old < 0:
                skin["inverseBindMatrices"] = new
                continue
            done[old] = new
        skin["inverseBindMatrices"] = done[old]


def _place(document: Document, meshes: set[int], cube: Cube) -> None:
    """Hang unskinned meshes on nodes of their own, which bring the positions back."""
    for number, node in enumerate(list(document.list_of("nodes"))):
        if node.get("mesh") not in meshes or "skin" in node:
            continue
        child: JsonObject = {
            "mesh": node.pop("mesh"),
            "translation": cube.origin.tolist(),
            "scale": [cube.step] * 3,
        }
        if "weights" in node:
            child["weights"] = node.pop("weights")
        index = document.grow("nodes", child)
        node.setdefault("children", []).append(index)
        _move_weights(document, number, index)


def _move_weights(document: Document, old: int, new: int) -> None:
    for animation in document.list_of("animations"):
        for channel in animation["channels"]:
            target = channel["target"]
            if target.get("node") == old and target["path"] == "weights":
                target["node"] = new


def _store_attributes(document: Document, *, filtered: bool) -> None:
    done: dict[tuple[int, str], int] = {}
    for primitive in document.triangle_primitives():
        attributes = attributes_of(primitive)
        for name, index in list(attributes.items()):
            kind = name.split("_")[0]
            if (index, kind) not in done:
                done[index, kind] = _stored(document, index, kind, filtered=filtered)
            attributes[name] = done[index, kind]
        _forget_idle_joints(document, attributes)


def _forget_idle_joints(document: Document, attributes: dict[str, int]) -> None:
    """Name joint 0 where a weight became nothing, as the standard wants it."""
    for name in [each for each in attributes if each.startswith("JOINTS_")]:
        weights = attributes.get(name.replace("JOINTS", "WEIGHTS"))
        joints = document.accessors[attributes[name]]
        if weights is None:
            continue
        is_idle = document.accessors[weights].values == 0
        if (joints.values[is_idle] != 0).any():
            values = np.where(is_idle, 0, joints.values).astype(joints.values.dtype)
            attributes[name] = document.add(values, joints.kind, like=attributes[name])


def _stored(document: Document, index: int, kind: str, *, filtered: bool) -> int:
    """Return the accessor that stands for another in fewer bits, or the same one."""
    accessor = document.accessors[index]
    if accessor.values.dtype != np.float32 and kind != "JOINTS" and accessor.normalized is False:
        return index
    match kind:
        case "NORMAL" | "TANGENT":
            return _store_directions(document, index, filtered=filtered)
        case "TEXCOORD":
            return _store_uvs(document, index, filtered=filtered)
        case "COLOR" if accessor.floats.min() >= 0 and accessor.floats.max() <= 1:
            return _store_bytes(document, index, np.rint(accessor.floats * 255))
        case "WEIGHTS":
            return _store_weights(document, index)
        case "JOINTS" if accessor.values.max() < 256:
            numbers = accessor.values.astype(np.uint8)
            return document.add(numbers, accessor.kind, like=index)
        case _:
            return index


def _store_directions(document: Document, index: int, *, filtered: bool) -> int:
    """Store unit vectors in 8 bits a component; tangents keep their sign in the fourth."""
    accessor = document.accessors[index]
    values = accessor.floats
    numbers = np.rint(np.clip(values, -1, 1) * 127).astype(np.int8)
    result = document.add(numbers, accessor.kind, normalized=True, like=index)
    if filtered:
        padded = np.zeros((len(values), 4), np.float32)
        padded[:, : values.shape[1]] = values
        coded = meshopt.encode_filter("OCTAHEDRAL", padded, 4, _NORMAL_BITS)
        document.accessors[result].filtered = ("OCTAHEDRAL", coded)
    return result


def _store_uvs(document: Document, index: int, *, filtered: bool) -> int:
    accessor = document.accessors[index]
    values = accessor.floats
    if values.min() >= 0 and values.max() <= 1:
        # Fewer steps of the same 16 bits compress better.
        top = (1 << _UV_BITS) - 1 if filtered else 0xFFFF
        numbers = np.rint(values * top) * (0xFFFF / top)
        stored = np.rint(numbers).astype(np.uint16)
        return document.add(stored, "VEC2", normalized=True, like=index)
    if not filtered or accessor.values.dtype != np.float32:
        return index
    result = document.add(accessor.values, "VEC2", like=index)
    coded = meshopt.encode_filter("EXPONENTIAL", np.ascontiguousarray(values), 8, _FLOAT_BITS)
    document.accessors[result].filtered = ("EXPONENTIAL", coded)
    return result


def _store_weights(document: Document, index: int) -> int:
    """Store weights in bytes that still sum up to one."""
    values = document.accessors[index].floats
    numbers = np.rint(np.clip(values, 0, 1) * 255).astype(np.int64)
    sums = numbers.sum(axis=1)
    is_single = np.abs(sums - 255) <= values.shape[1]
    largest = numbers.argmax(axis=1)
    rows = np.flatnonzero(is_single)
    numbers[rows, largest[rows]] += 255 - sums[rows]
    return _store_bytes(document, index, numbers)


def _store_bytes(document: Document, index: int, numbers: NDArray[Any]) -> int:
    kind = document.accessors[index].kind
    return document.add(numbers.astype(np.uint8), kind, normalized=True, like=index)
