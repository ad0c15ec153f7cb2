"""A model for the viewer: counts and warnings, its UV layout, and levels of detail to look at."""

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


def describe_model(arguments: dict[str, Any], work_dir: Path, progress: Progress) -> object:  # noqa: ARG001
    """Return the facts about ``source``.

    Raises:
        AssetError: the file is not sound or needs more than is allowed.
    """
    return run.inspect(AssetKind.MODEL, Path(arguments["source"]))


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
