"""Builds a ``Document`` from plain meshes, for formats that have neither skins nor animations."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from slate_desktop.errors import AssetError
from slate_desktop.pipeline.model.document import Document, Image, JsonObject

if TYPE_CHECKING:
    from numpy.typing import NDArray

_POINTS = 0


@dataclass
class Part:
    """A mesh of one material. All arrays have a row for each vertex; UVs begin at the top left.

    Attributes:
        triangles: (n, 3) numbers of vertices, or None: the vertices are points.
        colors: (n, 3) or (n, 4) bytes, or fractions.
    """

    name: str
    positions: NDArray[Any]
    triangles: NDArray[Any] | None
    normals: NDArray[Any] | None = None
    tangents: NDArray[Any] | None = None
    uvs: list[NDArray[Any]] = field(default_factory=list)
    colors: NDArray[Any] | None = None
    material: int | None = None


@dataclass
class Materials:
    """Materials, and the pictures that they use."""

    entries: list[JsonObject] = field(default_factory=list)
    images: list[Image] = field(default_factory=list)

    def texture(self, image: Image) -> JsonObject:
        """Return the reference to a picture's texture; equal names are one picture."""
        for number, known in enumerate(self.images):
            if known.name == image.name:
                return {"index": number}
        self.images.append(image)
        return {"index": len(self.images) - 1}


def build(parts: list[Part], input_format: str, materials: Materials | None = None) -> Document:
    """Return a document of parts; parts of one name after another become one mesh.

    Raises:
        AssetError: a number is not finite, or a triangle names a vertex that is not there.
    """
    document = Document({"asset": {"version": "2.0"}, "scene": 0}, input_format=input_format)
    numbers: list[int] = []
    last: str | None = None
    for part in parts:
        primitive = primitive_of(document, part)
        if last == part.name:
            document.list_of("meshes")[-1]["primitives"].append(primitive)
            continue
        last = part.name
        mesh = document.grow("meshes", {"name": part.name, "primitives": [primitive]})
        numbers.append(document.grow("nodes", {"name": part.name, "mesh": mesh}))
    document.tree["scenes"] = [{"nodes": numbers}]
    if materials is not None:
        add_materials(document, materials)
    return document


def add_materials(document: Document, materials: Materials) -> None:
    """Store materials and their pictures in a document that has none."""
    if not materials.entries:
        return
    document.tree["materials"] = materials.entries
    document.images = materials.images
    for number, image in enumerate(materials.images):
        document.grow("images", {"name": image.name})
        document.grow("textures", {"source": number})


def primitive_of(document: Document, part: Part) -> JsonObject:
    """Store a part's arrays in a document, and return the primitive that names them.

    Raises:
        AssetError: a number is not finite, or a triangle names a vertex that is not there.
    """
    positions = _floats(part.positions, 3)
    attributes = {"POSITION": document.add(positions, "VEC3")}
    if part.normals is not None:
        attributes["NORMAL"] = document.add(_unit(part.normals), "VEC3")
    if part.tangents is not None:
        attributes["TANGENT"] = document.add(_floats(part.tangents, 4), "VEC4")
    for number, uvs in enumerate(part.uvs):
        attributes[f"TEXCOORD_{number}"] = document.add(_floats(uvs, 2), "VEC2")
    if part.colors is not None:
        attributes["COLOR_0"] = _add_colors(document, part.colors)
    primitive: JsonObject = {"attributes": attributes}
    if part.material is not None:
        primitive["material"] = part.material
    if part.triangles is None:
        primitive["mode"] = _POINTS
    else:
        triangles = np.asarray(part.triangles).astype(np.int64).reshape(-1)
        if triangles.size and not 0 <= triangles.min() <= triangles.max() < len(positions):
            raise AssetError.invalid("A face of the model names vertices that are not there.")
        document.set_indices(primitive, triangles.astype(np.uint32))
    return primitive


def _floats(values: NDArray[Any], width: int) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):
        result = np.ascontiguousarray(values, np.float32).reshape(-1, width)
    if not np.isfinite(result).all():
        raise AssetError.invalid("The model holds numbers that are not finite.")
    return result


def _unit(values: NDArray[Any]) -> NDArray[np.float32]:
    result = _floats(values, 3)
    lengths = np.linalg.norm(result, axis=1, keepdims=True)
    up = np.array([0, 0, 1], np.float32)
    return np.where(lengths > 0, result / np.where(lengths > 0, lengths, 1), up)


def _add_colors(document: Document, colors: NDArray[Any]) -> int:
    values = np.asarray(colors)
    kind = "VEC4" if values.shape[1] == 4 else "VEC3"
    if values.dtype == np.uint8:
        return document.add(values, kind, normalized=True)
    return document.add(np.clip(_floats(values, values.shape[1]), 0, 1), kind)
