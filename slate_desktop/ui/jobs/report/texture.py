"""What a report says of a texture: memory, likeness of every level, and what was found in it."""

from __future__ import annotations

import itertools

from slate_desktop.domain.assets.texture import (
    ColorSpace,
    TextureMeasure,
    TextureReport,
    TextureUsage,
)
from slate_desktop.translation import message, translate
from slate_desktop.ui.jobs.report import figures
from slate_desktop.ui.jobs.report.parts import Fact, Section, Table
from slate_desktop.ui.text import clean

_USAGES = {
    TextureUsage.AUTO: message("found by itself"),
    TextureUsage.COLOUR: message("colour map"),
    TextureUsage.NORMAL: message("normal map"),
    TextureUsage.MASK: message("mask map"),
}
_SPACES = {
    ColorSpace.AUTO: message("found by itself"),
    ColorSpace.SRGB: message("sRGB"),
    ColorSpace.LINEAR: message("linear"),
}
_BYTES_PER_PIXEL = 4


def texture_sections(report: TextureReport) -> list[Section]:
    """Return the sections of a texture."""
    qualities = [_quality(measure, report) for measure in report.measures]
    return [_memory(report), *qualities, _found(report)]


def _memory(report: TextureReport) -> Section:
    facts = []
    blocks = [m for m in report.measures if m.path.endswith((".ktx2", ".dds"))]
    for measure in blocks or report.measures:
        plain = _plain_bytes(measure.width, measure.height, measure.levels)
        facts.append(Fact(translate("Video memory"), figures.change(plain, measure.vram_bytes)))
        facts.append(Fact(translate("Encoding"), clean(measure.encoding.upper())))
        levels = translate("{n} levels").format(n=measure.levels)
        size = f"{measure.width} × {measure.height}"
        facts.append(Fact(translate("Pixels"), f"{size}, {levels}" if measure.levels > 1 else size))
    return Section(title=translate("On the GPU"), facts=tuple(facts))


def _quality(measure: TextureMeasure, report: TextureReport) -> Section:
    """Return how near a product is to what was encoded, with each of its levels."""
    title = translate("Quality")
    if len(report.measures) > 1:
        title = translate("Quality of {name}").format(name=clean(measure.path))
    told = figures.likeness(measure.psnr_db)
    if measure.psnr_db is not None:
        both = f"{figures.psnr(measure.psnr_db)} PSNR, {figures.ssim(measure.ssim)} SSIM"
        # Colours below clear pixels count in both, and nobody sees them.
        told = both if report.has_alpha else f"{both}: {told}"
    facts = (Fact(translate("Largest level"), told),)
    if len(measure.level_psnr_db) < 2:
        return Section(title=title, facts=facts)
    width, height = measure.width, measure.height
    rows = []
    levels = itertools.zip_longest(measure.level_psnr_db, measure.level_ssim)
    for level, (psnr, ssim) in enumerate(levels):
        sides = f"{max(1, width >> level)} × {max(1, height >> level)}"
        rows.append((f"{level}", sides, figures.psnr(psnr), figures.ssim(ssim)))
    columns = translate("Level"), translate("Pixels"), translate("PSNR"), translate("SSIM")
    table = Table(translate("Likeness of each level"), columns, tuple(rows))
    return Section(title=title, facts=facts, table=table)


def _found(report: TextureReport) -> Section:
    if not report.has_alpha:
        alpha = translate("none")
    elif report.is_cutout:
        alpha = translate("cut-out; its mips keep the covered area")
    else:
        alpha = translate("translucent")
    source = f"{clean(report.input_format.upper())}, {report.input_width} × {report.input_height}"
    facts = [
        Fact(translate("Source"), source),
        Fact(translate("Usage"), translate(_USAGES[report.usage])),
        Fact(translate("Alpha"), alpha),
        Fact(translate("Colour space"), translate(_SPACES[report.color_space])),
    ]
    if report.better_compression is not None:
        better = report.better_compression.value.upper()
        facts.append(Fact(translate("Better compression"), better))
    return Section(title=translate("What was found"), facts=tuple(facts))


def _plain_bytes(width: int, height: int, levels: int) -> int:
    """Return what RGBA of 8 bits without compression takes, bytes."""
    return sum(
        max(1, width >> level) * max(1, height >> level) * _BYTES_PER_PIXEL
        for level in range(levels)
    )
