"""What options would make of a texture: the pixels of the product, and its figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from slate_desktop.domain.assets.kinds import AssetKind
from slate_desktop.domain.assets.options import parse_options
from slate_desktop.domain.assets.texture import TextureReport
from slate_desktop.errors import AssetError
from slate_desktop.pipeline import run, texture
from slate_desktop.pipeline.preview.planes import write_plane
from slate_desktop.pipeline.preview.texture import chain
from slate_desktop.pipeline.run import Progress


def compare_texture(arguments: dict[str, Any], work_dir: Path, progress: Progress) -> object:
    """Process ``source`` with ``options`` and write the levels of what a game would load.

    Raises:
        AssetError: the file is not sound or needs more than is allowed.
        CommandError: an option is wrong.
    """
    source = Path(arguments["source"])
    options = parse_options(AssetKind.TEXTURE, arguments["options"])
    out = work_dir / "product"
    out.mkdir()
    result = run.process(AssetKind.TEXTURE, source, out, options, progress=progress)
    report = result.report
    if not isinstance(report, TextureReport) or not report.measures:
        raise AssetError.crash("The options made no texture.")
    # With an image format and a block format both are made: a game loads the blocks.
    measure = report.measures[-1]
    product = next(each for each in result.products if each.path == measure.path)
    image = texture.read(out / product.path)
    levels = [np.asarray(level) for level in image.levels]
    if levels[0].dtype != np.uint8:
        levels = [level.astype(np.float32, copy=False) for level in levels]
    planes = [
        write_plane(work_dir / f"level{number}", level)
        for number, level in enumerate(chain(levels))
    ]
    return {
        "planes": planes,
        "encoding": measure.encoding,
        "psnr_db": measure.psnr_db,
        "ssim": measure.ssim,
        "width": measure.width,
        "height": measure.height,
        "levels": measure.levels,
        "vram_bytes": measure.vram_bytes,
        "file_bytes": product.size,
        "source_bytes": source.stat().st_size,
        "rgba_bytes": sum(level.shape[0] * level.shape[1] * 4 for level in chain(levels)),
        "duration_ms": report.duration_ms,
        "warnings": list(report.warnings),
    }
