"""What a report says of a model: counts before and after, levels of detail, and what it holds."""

from __future__ import annotations

from collections.abc import Sequence

from slate_desktop.domain.assets.model import ModelReport
from slate_desktop.domain.assets.product import Product
from slate_desktop.domain.sizes import format_bytes
from slate_desktop.translation import translate
from slate_desktop.ui.jobs.report import figures
from slate_desktop.ui.jobs.report.parts import Fact, Section, Table
from slate_desktop.ui.text import clean


def model_sections(report: ModelReport, products: Sequence[Product]) -> list[Section]:
    """Return the sections of a model."""
    return [_counts(report), _levels(report, products), _found(report)]


def _counts(report: ModelReport) -> Section:
    """Return a table of everything that either file has."""
    before, after = report.before, report.after
    names = (
        ("triangles", translate("Triangles")),
        ("vertices", translate("Vertices")),
        ("draw_calls", translate("Draw calls")),
        ("nodes", translate("Nodes")),
        ("meshes", translate("Meshes")),
        ("materials", translate("Materials")),
        ("textures", translate("Textures")),
        ("skins", translate("Skins")),
        ("bones", translate("Bones")),
        ("animations", translate("Animations")),
        ("morph_targets", translate("Morph targets")),
    )
    rows = [
        (title, figures.count(getattr(before, name)), figures.count(getattr(after, name)))
        for name, title in names
        if getattr(before, name) or getattr(after, name)
    ]
    columns = "", translate("Before"), translate("After")
    memory = figures.change(before.vram_bytes, after.vram_bytes)
    return Section(
        title=translate("Model"),
        facts=(Fact(translate("Video memory"), memory),),
        table=Table(translate("Counts before and after"), columns, tuple(rows)),
    )


def _levels(report: ModelReport, products: Sequence[Product]) -> Section:
    """Return the levels of detail: what was wanted, what was kept, and how far they are off."""
    sizes = {product.role: product.size for product in products}
    whole = report.after.triangles
    rows = []
    for lod in report.lods:
        size = sizes.get("lod" + str(lod.level))
        rows.append(
            (
                f"{lod.level}",
                figures.percent(lod.fraction),
                figures.percent(lod.triangles / whole) if whole else "–",
                figures.count(lod.triangles),
                f"{100 * lod.error:.2f} %",
                "–" if size is None else format_bytes(size),
            )
        )
    columns = (
        translate("Level"),
        translate("Wanted"),
        translate("Kept"),
        translate("Triangles"),
        translate("Deviation"),
        translate("Size"),
    )
    table = Table(translate("Levels of detail"), columns, tuple(rows))
    return Section(title=translate("Levels of detail"), table=table)


def _found(report: ModelReport) -> Section:
    low, high = report.bounds
    sides = " × ".join(f"{b - a:,.2f}" for a, b in zip(low, high, strict=True))
    facts = [
        Fact(translate("Source"), clean(report.input_format.upper())),
        Fact(translate("Box"), f"{sides} m"),
    ]
    if report.extensions:
        facts.append(Fact(translate("Extensions"), clean(", ".join(report.extensions))))
    return Section(title=translate("What was found"), facts=tuple(facts))
