"""The parts of a glTF that SLATE relies on, with their types and ranges.

Only for checking: msgspec refuses what does not fit; what is not named here passes unread.

Source: https://registry.khronos.org/glTF/specs/2.0/glTF-2.0.html
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from msgspec import UNSET, Meta, Struct

Index: TypeAlias = Annotated[int, Meta(ge=0)]
Size: TypeAlias = Annotated[int, Meta(ge=1)]
Numbers3: TypeAlias = Annotated[list[float], Meta(min_length=3, max_length=3)]
Numbers4: TypeAlias = Annotated[list[float], Meta(min_length=4, max_length=4)]
Numbers16: TypeAlias = Annotated[list[float], Meta(min_length=16, max_length=16)]
ComponentType: TypeAlias = Literal[5120, 5121, 5122, 5123, 5125, 5126]
ElementType: TypeAlias = Literal["SCALAR", "VEC2", "VEC3", "VEC4", "MAT2", "MAT3", "MAT4"]


class Asset(Struct):
    """Says which glTF this is."""

    version: str


class Buffer(Struct, rename="camel"):
    """Raw bytes, here or in another file."""

    byte_length: Size
    uri: str | None = None
    extensions: dict[str, Any] = {}


class BufferView(Struct, rename="camel"):
    """A part of a buffer."""

    buffer: Index
    byte_length: Size
    byte_offset: Index = 0
    byte_stride: Annotated[int, Meta(ge=4, le=252)] | None = None
    extensions: dict[str, Any] = {}


class SparseIndices(Struct, rename="camel"):
    """Which elements a sparse accessor replaces."""

    buffer_view: Index
    component_type: Literal[5121, 5123, 5125]
    byte_offset: Index = 0


class SparseValues(Struct, rename="camel"):
    """What it replaces them with."""

    buffer_view: Index
    byte_offset: Index = 0


class Sparse(Struct, rename="camel"):
    """Elements that differ from the accessor's own."""

    count: Size
    indices: SparseIndices
    values: SparseValues


class Accessor(Struct, rename="camel"):
    """Typed elements in a buffer view; zeros where there is none."""

    component_type: ComponentType
    type: ElementType
    count: Size
    buffer_view: Index | None = None
    byte_offset: Index = 0
    normalized: bool = False
    sparse: Sparse | None = None
    name: Any = UNSET
    extras: Any = UNSET
    extensions: Any = UNSET


class Primitive(Struct, rename="camel"):
    """What one draw call draws."""

    attributes: dict[str, Index]
    indices: Index | None = None
    material: Index | None = None
    mode: Annotated[int, Meta(ge=0, le=6)] = 4
    targets: list[dict[str, Index]] = []
    extensions: dict[str, Any] = {}


class Mesh(Struct, rename="camel"):
    """Primitives that belong together."""

    primitives: Annotated[list[Primitive], Meta(min_length=1)]


class Node(Struct, rename="camel"):
    """A place in the tree."""

    children: list[Index] = []
    mesh: Index | None = None
    skin: Index | None = None
    camera: Index | None = None
    matrix: Numbers16 | None = None
    translation: Numbers3 | None = None
    rotation: Numbers4 | None = None
    scale: Numbers3 | None = None


class Skin(Struct, rename="camel"):
    """Joints that deform a mesh."""

    joints: Annotated[list[Index], Meta(min_length=1)]
    inverse_bind_matrices: Index | None = None
    skeleton: Index | None = None


class Sampler(Struct, rename="camel"):
    """Values over time."""

    input: Index
    output: Index


class Target(Struct, rename="camel"):
    """What a channel moves."""

    path: str
    node: Index | None = None


class Channel(Struct, rename="camel"):
    """One animated property."""

    sampler: Index
    target: Target


class Animation(Struct, rename="camel"):
    """Channels that play together."""

    channels: list[Channel]
    samplers: list[Sampler]


class Image(Struct, rename="camel"):
    """A picture: its own file, or a buffer view."""

    uri: str | None = None
    buffer_view: Index | None = None
    mime_type: str | None = None


class Texture(Struct, rename="camel"):
    """A picture and how it is sampled."""

    source: Index | None = None
    sampler: Index | None = None


class Scene(Struct, rename="camel"):
    """Roots of a tree."""

    nodes: list[Index] = []


class Gltf(Struct, rename="camel"):
    """A whole document."""

    asset: Asset
    scene: Index | None = None
    scenes: list[Scene] = []
    nodes: list[Node] = []
    meshes: list[Mesh] = []
    accessors: list[Accessor] = []
    buffer_views: list[BufferView] = []
    buffers: list[Buffer] = []
    skins: list[Skin] = []
    animations: list[Animation] = []
    images: list[Image] = []
    textures: list[Texture] = []
    samplers: list[dict[str, Any]] = []
    materials: list[dict[str, Any]] = []
    cameras: list[dict[str, Any]] = []
    extensions_used: list[str] = []
    extensions_required: list[str] = []
