"""Options of a model job, and the report of its result."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from enum import StrEnum

import msgspec

from slate_desktop.domain.assets.fields import read_choice, read_names, read_real, read_whole
from slate_desktop.domain.assets.product import AssetReport
from slate_desktop.domain.fields import bad, flag

MIN_SCALE, MAX_SCALE = 1e-6, 1e6
MAX_LODS = 8
MIN_LOD_FRACTION = 0.001
MIN_RAYS, MAX_RAYS = 8, 1024


class ModelFormat(StrEnum):
    """Formats that models are written in. OBJ, STL and PLY hold the pose of rest alone."""

    GLB = "glb"
    GLTF = "gltf"
    OBJ = "obj"
    STL = "stl"
    PLY = "ply"


class MeshCompression(StrEnum):
    """How the binary data of a glTF are stored; ``meshopt`` is EXT_meshopt_compression."""

    NONE = "none"
    MESHOPT = "meshopt"


class LodLayout(StrEnum):
    """Where levels of detail go.

    ``files``: one file each, which every program reads. ``node``: MSFT_lod inside the one file,
    where all levels share vertices and images; programs that do not know it show the finest.
    """

    FILES = "files"
    NODE = "node"


class ModelOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What shall be done with a model.

    Attributes:
        format: what is written.
        scale: factor on all lengths.
        optimize: merge equal vertices, drop what nothing uses, order triangles and vertices for the
            caches of a GPU.
        quantize: store vertices in fewer bits (KHR_mesh_quantization).
        compression: of the binary data.
        generate_lods: make levels of detail.
        lod_levels: fractions of the triangles to keep, falling.
        lod_layout: where they go.
        bake_lighting: bake ambient occlusion into the vertices' colours.
        rays: per vertex, for ``bake_lighting``.
    """

    format: ModelFormat = ModelFormat.GLB
    scale: float = 1.0
    optimize: bool = False
    quantize: bool = False
    compression: MeshCompression = MeshCompression.NONE
    generate_lods: bool = False
    lod_levels: tuple[float, ...] = (0.75, 0.5, 0.25)
    lod_layout: LodLayout = LodLayout.FILES
    bake_lighting: bool = False
    rays: int = 64


class ModelCounts(msgspec.Struct, frozen=True, kw_only=True):
    """What a model holds.

    Attributes:
        triangles: that are drawn, counting a mesh once for each node that shows it.
        vertices: that are stored.
        draw_calls: primitives that are drawn, counted like triangles.
        bones: joints of all skins.
        vram_bytes: estimate of what vertices, indices and uncompressed textures with mips take.
    """

    triangles: int
    vertices: int
    draw_calls: int
    nodes: int
    meshes: int
    materials: int
    textures: int
    skins: int
    bones: int
    animations: int
    morph_targets: int
    vram_bytes: int


class LodFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One level of detail.

    Attributes:
        level: from 1; the model itself is level 0.
        fraction: of the triangles that was asked for.
        error: greatest distance from the surface of level 0, as a share of the model's size.
    """

    level: int
    fraction: float
    triangles: int
    vertices: int
    error: float


class ModelReport(AssetReport, frozen=True, kw_only=True, tag="model"):
    """What became of a model. ``bounds`` are its corners at rest: least and greatest x, y, z."""

    input_format: str
    format: ModelFormat
    output_size: int
    before: ModelCounts
    after: ModelCounts
    bounds: tuple[tuple[float, float, float], tuple[float, float, float]]
    lods: tuple[LodFacts, ...] = ()
    extensions: tuple[str, ...] = ()


def parse_model_options(data: Mapping[str, object]) -> ModelOptions:
    """Check the options of a model job.

    Raises:
        CommandError: ``bad_request`` naming the field.
    """
    given = read_names(data, ModelOptions.__struct_fields__)
    values: dict[str, object] = {}
    for name, value in given.items():
        match name:
            case "format":
                values[name] = read_choice(value, name, ModelFormat)
            case "scale":
                values[name] = read_real(value, name, MIN_SCALE, MAX_SCALE)
            case "compression":
                values[name] = read_choice(value, name, MeshCompression)
            case "lod_layout":
                values[name] = read_choice(value, name, LodLayout)
            case "lod_levels":
                values[name] = _read_levels(value)
            case "rays":
                values[name] = read_whole(value, name, MIN_RAYS, MAX_RAYS)
            case _:
                values[name] = flag(value, name)
    options = msgspec.convert(values, ModelOptions)
    _check_together(options)
    return options


def _read_levels(value: object) -> tuple[float, ...]:
    if not isinstance(value, list | tuple) or not 0 < len(value) <= MAX_LODS:
        bad("lod_levels", f"lod_levels must be a list of 1 to {MAX_LODS} fractions")
    levels = tuple(read_real(each, "lod_levels", MIN_LOD_FRACTION, 1.0) for each in value)
    if any(finer <= coarser for finer, coarser in itertools.pairwise(levels)):
        bad("lod_levels", "lod_levels must fall, such as 0.75, 0.5, 0.25")
    return levels


def _check_together(options: ModelOptions) -> None:
    if options.format in (ModelFormat.GLB, ModelFormat.GLTF):
        return
    if options.quantize or options.compression is not MeshCompression.NONE:
        name = "quantize" if options.quantize else "compression"
        bad(name, f"{name} is for glb and gltf; {options.format.value} does not have it")
    if options.lod_layout is LodLayout.NODE:
        bad("lod_layout", f"{options.format.value} cannot hold levels of detail; use files")
