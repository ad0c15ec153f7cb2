"""A model job from its file to its products, and the facts of a file."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np

from slate_desktop.domain.assets.kinds import AssetKind
from slate_desktop.domain.assets.model import (
    LodFacts,
    LodLayout,
    MeshCompression,
    ModelFormat,
    ModelOptions,
    ModelReport,
)
from slate_desktop.domain.assets.naming import product_stem
from slate_desktop.domain.assets.report import ProcessResult
from slate_desktop.pipeline.model.document import Document, JsonObject
from slate_desktop.pipeline.model.lod_nodes import add_levels, documents_of
from slate_desktop.pipeline.model.lods import Level, Maker
from slate_desktop.pipeline.model.product import Writer, is_large
from slate_desktop.pipeline.model.prune import drop_accessors, prune
from slate_desktop.pipeline.model.quantize import quantize
from slate_desktop.pipeline.model.read import faults_of_file, read
from slate_desktop.pipeline.model.save import save_glb
from slate_desktop.pipeline.model.scaling import scale
from slate_desktop.pipeline.model.survey import bounds_of, counts_of, warnings_of
from slate_desktop.pipeline.model.tracks import EXACT, QUANTIZED, shorten_still_tracks
from slate_desktop.pipeline.model.vertices import order, vertex_sets, weld
from slate_desktop.pipeline.threads import thread_count
from slate_desktop.pipeline.tools import tool_versions
from slate_desktop.settings.paths import resource_path

# A level that stays this much above what was asked for is worth a warning.
_FAR_FROM_TARGET = 1.1
_MAX_NAMES, _MAX_NAME = 1_000, 200


def process(
    source: Path, out_dir: Path, options: ModelOptions, *, progress: Callable[[float, str], None]
) -> ProcessResult:
    """Make the products of a model in ``out_dir``.

    Args:
        source: GLB, glTF, OBJ, STL, PLY or FBX; what it refers to lies beside it.
        out_dir: exists and is the job's own.
        options: what shall be done.
        progress: called with the share done and what is being done.

    Raises:
        AssetError: the file is not sound, or needs more than is allowed.
    """
    with faults_of_file():
        return _process(source, out_dir, options, progress)


def _process(
    source: Path, out_dir: Path, options: ModelOptions, progress: Callable[[float, str], None]
) -> ProcessResult:
    started = time.monotonic()
    progress(0.0, "reading")
    document = read(source)
    before = counts_of(document)
    progress(0.1, "working on the mesh")
    _change(document, options, progress)
    is_one_file = options.lod_layout is LodLayout.NODE and options.generate_lods
    fractions = options.lod_levels if options.generate_lods else ()
    # Making levels leaves the interpreter's lock to the rest.
    with Maker(document, fractions) as maker:
        progress(0.4, "making levels of detail" if fractions else "writing")
        if thread_count(2) == 1 or is_large(document):
            maker.wait()
        bounds = bounds_of(document)
        writer = Writer(out_dir, product_stem(source), options, document)
        warnings = warnings_of(document)
        if is_one_file:
            levels = list(maker.levels())
            facts = [
                _facts(level, number, sum(len(np.unique(each)) for each in level.triangles))
                for number, level in enumerate(levels, 1)
            ]
            add_levels(document, levels)
            drop_accessors(document)
            after = writer.write(document, 0)
        else:
            after = writer.write(document, 0)
            facts = _write_levels(document, maker, writer, progress)
    warnings += _level_warnings(document, facts)
    if options.format not in (ModelFormat.GLB, ModelFormat.GLTF):
        from slate_desktop.pipeline.model.export import losses

        warnings += losses(document, options.format.value)
    report = ModelReport(
        input_size=document.input_size,
        duration_ms=round((time.monotonic() - started) * 1000),
        tools={**tool_versions(AssetKind.MODEL), "meshoptimizer": _meshoptimizer_version()},
        warnings=tuple(warnings),
        input_format=document.input_format,
        format=options.format,
        output_size=sum(product.size for product in writer.products),
        before=before,
        after=after,
        bounds=bounds,
        lods=tuple(facts),
        extensions=tuple(sorted(document.tree.get("extensionsUsed", ()))),
    )
    products = sorted(writer.products, key=lambda product: product.role != "primary")
    progress(1.0, "done")
    return ProcessResult(kind=AssetKind.MODEL, products=tuple(products), report=report)


def inspect(source: Path) -> dict[str, object]:
    """Return facts about a model: its format, counts, bounds and warnings, as JSON values.

    Raises:
        AssetError: the file is not sound, or needs more than is allowed.
    """
    with faults_of_file():
        document = read(source)
        materials = document.list_of("materials")
        return {
            "format": document.input_format,
            "input_size": document.input_size,
            **msgspec.to_builtins(counts_of(document)),
            "bounds": [list(corner) for corner in bounds_of(document)],
            "animation_names": _names(document.list_of("animations")),
            "material_names": _names(materials),
            "extensions": sorted(document.tree.get("extensionsUsed", ())),
            "warnings": warnings_of(document),
        }


def to_glb(source: Path) -> bytes:
    """Return any model as a plain GLB, decompressed, for viewers.

    Raises:
        AssetError: the file is not sound, or needs more than is allowed.
    """
    with faults_of_file():
        return b"".join(save_glb(read(source)))


def _names(entries: list[JsonObject]) -> list[str]:
    # The answer of a child is bounded.
    return [str(each.get("name", ""))[:_MAX_NAME] for each in entries[:_MAX_NAMES]]


def _change(
    document: Document, options: ModelOptions, progress: Callable[[float, str], None]
) -> None:
    scale(document, options.scale)
    if options.bake_lighting:
        from slate_desktop.pipeline.model.bake import bake_occlusion

        if options.optimize:
            _weld(document)
        bake_occlusion(
            document, options.rays, lambda share: progress(0.1 + 0.3 * share, "casting light")
        )
    is_compressed = options.compression is MeshCompression.MESHOPT
    if options.optimize:
        is_lossy = options.quantize and is_compressed
        shorten_still_tracks(document, QUANTIZED if is_lossy else EXACT)
    if options.quantize:
        quantize(document, filtered=is_compressed)
    if options.optimize:
        _weld(document)
        prune(document)
        for vertices in vertex_sets(document):
            order(document, vertices)
    drop_accessors(document)


def _weld(document: Document) -> None:
    for vertices in vertex_sets(document):
        weld(document, vertices)


def _write_levels(
    document: Document,
    maker: Maker,
    writer: Writer,
    progress: Callable[[float, str], None],
) -> list[LodFacts]:
    facts: list[LodFacts] = []
    for number, (level, coarser) in enumerate(documents_of(document, maker.levels()), 1):
        # A level is written while those after it are made.
        counts = writer.write(coarser, number)
        facts.append(_facts(level, number, counts.vertices))
        progress(0.4 + 0.6 * (1 - level.fraction), "making levels of detail")
    return facts


def _facts(level: Level, number: int, vertices: int) -> LodFacts:
    return LodFacts(
        level=number,
        fraction=level.fraction,
        triangles=level.count,
        vertices=vertices,
        error=round(level.error, 6),
    )


def _level_warnings(document: Document, facts: list[LodFacts]) -> list[str]:
    full = sum(document.indices_of(each).size // 3 for each in document.triangle_primitives())
    return [
        f"Level {each.level} keeps {each.triangles / full:.0%} of the triangles, not "
        f"{each.fraction:.0%}: fewer would tear the surface."
        for each in facts
        if full and each.triangles > full * each.fraction * _FAR_FROM_TARGET
    ]


def _meshoptimizer_version() -> str:
    return resource_path("meshopt", "VERSION").read_text(encoding="utf-8").strip()
