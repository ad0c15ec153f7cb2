"""What ``slate asset inspect`` says about a texture."""

from __future__ import annotations

from pathlib import Path

from slate_desktop.domain.assets.texture import TextureOptions
from slate_desktop.pipeline.texture.gpu_write import choose_gpu_format
from slate_desktop.pipeline.texture.gpuformats import level_sizes
from slate_desktop.pipeline.texture.source import read
from slate_desktop.pipeline.texture.usage import best_compression, judge


def inspect(source: Path) -> dict[str, object]:
    """Return facts about a texture: what its file says, what it is for, what it would cost.

    Raises:
        AssetError: it is not sound, demands more than is allowed, or is in no known format.
    """
    image = read(source, only_largest=True)
    facts, options = image.facts, TextureOptions()
    verdict = judge(image.pixels, facts, source.stem, options)
    best = best_compression(verdict, is_float=facts.is_float)
    gpu = choose_gpu_format(best, verdict, options, is_float=facts.is_float)
    sizes = level_sizes(facts.width, facts.height)
    return {
        "format": facts.format,
        "width": facts.width,
        "height": facts.height,
        "channels": facts.channels,
        "bits": facts.bits,
        "mode": facts.mode,
        "is_hdr": facts.is_float,
        "levels": facts.levels,
        "layers": facts.layers,
        "gpu_bytes": facts.gpu_bytes,
        "has_alpha": verdict.has_alpha,
        "is_cutout": verdict.is_cutout,
        "usage": verdict.usage.value,
        "color_space": verdict.color_space.value,
        "best_compression": best.value,
        "best_gpu_bytes": sum(gpu.level_bytes(*size) for size in sizes),
        "notes": list(facts.notes),
        **facts.extra,
    }
