"""Reads FBX with assimp (assimp-py): meshes, node tree, materials, in metres.

assimp-py hands out neither bones nor animations nor morph targets; the warnings say so where the
file has any.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from slate_desktop.errors import AssetError
from slate_desktop.pipeline.model.document import Document, Image, JsonObject
from slate_desktop.pipeline.model.files import Siblings
from slate_desktop.pipeline.model.images import mime_of
from slate_desktop.pipeline.model.parts import Materials, Part, add_materials, primitive_of
from slate_desktop.pipeline.model.scan import MAX_DEPTH, MAX_NODES, MAX_VERTICES

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BINARY = b"Kaydara FBX Binary  \x00"
_TEXT = b"FBXHeaderExtension"
# What assimp-py leaves behind, by the names of its objects in the file.
_LOST = (
    (b"AnimationCurve", "The FBX's animations are lost: its reader does not hand them out."),
    (b"Cluster", "The FBX's skin is lost: its reader does not hand out bones."),
    (b"BlendShapeChannel", "The FBX's morph targets are lost: its reader does not hand them out."),
)
_LEAST_TRIANGLE = 3


def load_fbx(path: Path, data: bytes, siblings: Siblings) -> Document:
    """Read an FBX; pictures that are missing are left out.

    Args:
        path: of the file, which assimp opens itself.
        data: its content.
        siblings: opens pictures.

    Raises:
        AssetError: it is not sound, or needs more than is allowed.
    """
    if not data.startswith(_BINARY) and _TEXT not in data[:4096]:
        raise AssetError.invalid("The file is not an FBX.")
    scene = _import(path)
    document = Document({"asset": {"version": "2.0"}, "scene": 0}, input_format="fbx")
    document.warnings += [sentence for name, sentence in _LOST if name in data]
    if sum(mesh.num_vertices for mesh in scene.meshes) > MAX_VERTICES:
        raise AssetError.limit(f"The model has more than {MAX_VERTICES:,} vertices.")
    materials = Materials()
    for entry in scene.materials:
        materials.entries.append(_material(entry, materials, siblings, document.warnings))
    primitives = [_primitive(document, mesh, len(materials.entries)) for mesh in scene.meshes]
    root = _add_node(document, scene.root_node, primitives, 0)
    document.tree["scenes"] = [{"nodes": [root]}]
    add_materials(document, materials)
    document.input_size = siblings.total_bytes
    return document


def _import(path: Path) -> Any:
    import assimp_py as assimp

    flags = (
        assimp.Process_Triangulate
        | assimp.Process_SortByPType
        | assimp.Process_JoinIdenticalVertices
        | assimp.Process_GenSmoothNormals
        | assimp.Process_GlobalScale
        | assimp.Process_ValidateDataStructure
    )
    try:
        return assimp.import_file(str(path.absolute()), flags)
    except (RuntimeError, ValueError, OSError) as exc:
        raise AssetError.invalid("The FBX is damaged: its reader gives it up.") from exc


def _primitive(document: Document, mesh: Any, materials: int) -> JsonObject | None:
    """Return a mesh of triangles, or None for points and lines."""
    indices = np.asarray(mesh.indices)
    if mesh.num_faces * _LEAST_TRIANGLE != indices.size or not indices.size:
        return None
    part = Part(mesh.name, _rows(mesh.vertices, 3), indices.reshape(-1, 3))
    part.normals = None if mesh.normals is None else _rows(mesh.normals, 3)
    for values, width in zip(mesh.texcoords or (), mesh.num_uv_components or (), strict=False):
        uvs = _rows(values, width)
        part.uvs.append(np.stack([uvs[:, 0], 1 - uvs[:, 1]], axis=1))
    if mesh.colors:
        part.colors = _rows(mesh.colors[0], 4)
    if 0 <= mesh.material_index < materials:
        part.material = mesh.material_index
    return primitive_of(document, part)


def _rows(values: Any, width: int) -> NDArray[np.float32]:
    return np.asarray(values, np.float32).reshape(-1, width).copy()


def _add_node(
    document: Document, source: Any, primitives: list[JsonObject | None], depth: int
) -> int:
    if depth > MAX_DEPTH // 2 or len(document.list_of("nodes")) > MAX_NODES:
        raise AssetError.limit("The model has too many nodes, or they lie too deep.")
    node: JsonObject = {"name": source.name or "node"}
    number = document.grow("nodes", node)
    matrix = np.array(source.transformation, np.float64)
    if not np.isfinite(matrix).all():
        raise AssetError.invalid("The model holds numbers that are not finite.")
    if not np.array_equal(matrix, np.eye(4)):
        node["matrix"] = matrix.T.reshape(-1).tolist()
    meshes = [primitives[index] for index in source.mesh_indices]
    drawn = [dict(primitive) for primitive in meshes if primitive is not None]
    if drawn:
        node["mesh"] = document.grow("meshes", {"name": node["name"], "primitives": drawn})
    children = [_add_node(document, each, primitives, depth + 1) for each in source.children]
    if children:
        node["children"] = children
    return number


def _material(
    entry: dict[str, Any], materials: Materials, siblings: Siblings, warnings: list[str]
) -> JsonObject:
    import assimp_py as assimp

    color = [_share(each) for each in (entry.get("COLOR_DIFFUSE") or (1.0, 1.0, 1.0))[:3]]
    opacity = _share(entry.get("OPACITY", 1.0))
    surface: JsonObject = {"baseColorFactor": [*color, opacity], "metallicFactor": 0.0}
    result: JsonObject = {"name": str(entry.get("NAME", "")), "pbrMetallicRoughness": surface}
    if opacity < 1:
        result["alphaMode"] = "BLEND"
    places = (
        (assimp.TextureType_DIFFUSE, surface, "baseColorTexture"),
        (assimp.TextureType_NORMALS, result, "normalTexture"),
        (assimp.TextureType_EMISSIVE, result, "emissiveTexture"),
    )
    textures = entry.get("TEXTURES", {})
    for kind, owner, target in places:
        for name in textures.get(kind, ())[:1]:
            image = _picture(str(name), siblings, warnings)
            if image is not None:
                owner[target] = materials.texture(image)
    return result


def _picture(name: str, siblings: Siblings, warnings: list[str]) -> Image | None:
    """Return a picture that lies beside the model; FBX often names a place on its maker's disk."""
    plain = name.replace("\\", "/")
    for candidate in dict.fromkeys((plain, plain.rsplit("/", 1)[-1])):
        try:
            data = siblings.read(candidate.replace("%", "%25"))
        except AssetError:
            continue
        return Image(data, mime_of(data), candidate)
    warnings.append(f"A picture is left out: {plain.rsplit('/', 1)[-1]!r} is not beside the model.")
    return None


def _share(value: Any) -> float:
    number = float(value)
    return min(1.0, max(0.0, number)) if np.isfinite(number) else 1.0
