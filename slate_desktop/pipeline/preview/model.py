"""A model for the viewer: counts, UV layout, levels of detail, and copies painted with figures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from slate_desktop.domain.assets.kinds import AssetKind
from slate_desktop.domain.assets.model import ModelOptions, ModelReport
from slate_desktop.errors import AssetError
from slate_desktop.pipeline import run
from slate_desktop.pipeline.preview.planes import Array, write_plane
from slate_desktop.pipeline.run import Progress

if TYPE_CHECKING:
    from slate_desktop.pipeline.model.document import Document

# More edges than this are a grey area on any screen; they are thinned out evenly.
_MAX_UV_TRIANGLES = 200_000
# Enough for a look: shadows are as soft as they come.
_RAYS = 48
_UNLIT = "KHR_materials_unlit"


def describe_model(arguments: dict[str, Any], work_dir: Path, progress: Progress) -> object:  # noqa: ARG001
    """Return the facts about ``source``.

    Raises:
        AssetError: the file is not sound or needs more than is allowed.
    """
    return run.inspect(AssetKind.MODEL, Path(arguments["source"]))


def plain_model(arguments: dict[str, Any], work_dir: Path, progress: Progress) -> object:  # noqa: ARG001
    """Write ``source`` as a GLB that every viewer reads: decompressed, in metres, y up.

    Raises:
        AssetError: the file is not sound or needs more than is allowed.
    """
    from slate_desktop.pipeline.model import to_glb

    (work_dir / "plain.glb").write_bytes(to_glb(Path(arguments["source"])))
    return {"file": "plain.glb"}


def uv_layout(arguments: dict[str, Any], work_dir: Path, progress: Progress) -> object:  # noqa: ARG001
    """Write the triangles of ``source`` as they lie in its first UV set: (n, 3, 2) float32.

    Raises:
        AssetError: the file is not sound, or has no UVs.
    """
    from slate_desktop.pipeline.model.read import faults_of_file, read

    with faults_of_file():
        layout = _triangles(read(Path(arguments["source"])))
    if not len(layout):
        raise AssetError.invalid("The model has no UVs.")
    count = len(layout)
    layout = layout[:: -(-count // _MAX_UV_TRIANGLES)]
    outside = np.any((layout < -1e-3) | (layout > 1 + 1e-3), axis=(1, 2))
    return {
        "plane": write_plane(work_dir / "uvs", layout),
        "triangles": count,
        "outside": float(outside.mean()),
    }


def _triangles(document: Document) -> Array:
    from slate_desktop.pipeline.model.document import attributes_of

    found = [np.empty((0, 3, 2), np.float32)]
    for primitive in document.triangle_primitives():
        index = attributes_of(primitive).get("TEXCOORD_0")
        if index is None:
            continue
        triangles = document.indices_of(primitive)
        corners = document.accessors[index].floats[triangles[: len(triangles) // 3 * 3]]
        found.append(corners.reshape(-1, 3, 2).astype(np.float32))
    return np.concatenate(found)


def paint_model(arguments: dict[str, Any], work_dir: Path, progress: Progress) -> object:
    """Write a GLB of ``source`` whose vertices show a figure as their colour, without any light.

    ``what`` is ``normals`` (x, y, z of -1 to 1 as red, green, blue), ``colours`` (those of the
    file) or ``light`` (the share of the sky that a vertex sees, as ``bake_lighting`` finds it).

    Raises:
        AssetError: the file is not sound, needs more than is allowed, or has no such figure.
    """
    from slate_desktop.pipeline.model.bake import bake_occlusion
    from slate_desktop.pipeline.model.document import attributes_of
    from slate_desktop.pipeline.model.read import faults_of_file, read
    from slate_desktop.pipeline.model.save import save_glb

    what = arguments["what"]
    with faults_of_file():
        document = read(Path(arguments["source"]))
        parts = list(document.triangle_primitives())
        if what == "colours" and not any("COLOR_0" in attributes_of(part) for part in parts):
            raise AssetError.invalid("The model has no vertex colours.")
        if what == "light":
            for part in parts:
                attributes_of(part).pop("COLOR_0", None)
            bake_occlusion(document, _RAYS, lambda share: progress(share, "casting light"))
        elif what == "normals":
            for part in parts:
                _paint_normals(document, part)
        bare = document.grow("materials", {"doubleSided": True, "extensions": {_UNLIT: {}}})
        document.use_extension(_UNLIT, is_required=False)
        for part in parts:
            part["material"] = bare
        (work_dir / "painted.glb").write_bytes(b"".join(save_glb(document)))
    return {"file": "painted.glb"}


def _paint_normals(document: Document, primitive: dict[str, Any]) -> None:
    from slate_desktop.pipeline.model.document import attributes_of
    from slate_desktop.pipeline.model.normals import smooth_normals

    attributes = attributes_of(primitive)
    if "NORMAL" in attributes:
        normals = document.accessors[attributes["NORMAL"]].floats
    else:
        positions = document.accessors[attributes["POSITION"]].floats
        normals = smooth_normals(positions, document.indices_of(primitive))
    colours = np.ones((len(normals), 4), np.float32)
    colours[:, :3] = np.clip(normals, -1, 1) * 0.5 + 0.5
    stored = np.rint(colours * 255).astype(np.uint8)
    attributes["COLOR_0"] = document.add(stored, "VEC4", normalized=True)


def make_lods(arguments: dict[str, Any], work_dir: Path, progress: Progress) -> object:
    """Make levels of detail of ``source`` as GLB files; nothing of the project is changed.

    Raises:
        AssetError: the file is not sound or needs more than is allowed.
    """
    options = ModelOptions(generate_lods=True)
    out = work_dir / "product"
    out.mkdir()
    source = Path(arguments["source"])
    result = run.process(AssetKind.MODEL, source, out, options, progress=progress)
    report = result.report
    if not isinstance(report, ModelReport):
        raise AssetError.crash("The options made no model.")
    sizes = {product.role: product for product in result.products}
    primary = sizes["primary"]
    levels = [
        {
            "file": f"product/{primary.path}",
            "triangles": report.after.triangles,
            "size": primary.size,
            "error": 0.0,
        }
    ]
    for lod in report.lods:
        product = sizes[f"lod{lod.level}"]
        levels.append(
            {
                "file": f"product/{product.path}",
                "triangles": lod.triangles,
                "size": product.size,
                "error": lod.error,
            }
        )
    bounds = msgspec.to_builtins(report.bounds)
    return {"levels": levels, "bounds": bounds, "warnings": list(report.warnings)}
