"""What options would make of a sound: the samples of the product, and levels before and after."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from slate_desktop.domain.assets.audio import AudioReport
from slate_desktop.domain.assets.kinds import AssetKind
from slate_desktop.domain.assets.options import parse_options
from slate_desktop.errors import AssetError
from slate_desktop.pipeline import run
from slate_desktop.pipeline.preview.audio import decode_like, levels_of
from slate_desktop.pipeline.run import Progress


def compare_audio(arguments: dict[str, Any], work_dir: Path, progress: Progress) -> object:
    """Process ``source`` with ``options`` and write what is heard of it, at the source's rate.

    Raises:
        AssetError: the file is not sound or needs more than is allowed.
        CommandError: an option is wrong.
    """
    source = Path(arguments["source"])
    options = parse_options(AssetKind.AUDIO, arguments["options"])
    out = work_dir / "product"
    out.mkdir()
    result = run.process(AssetKind.AUDIO, source, out, options, progress=progress)
    report = result.report
    if not isinstance(report, AudioReport):
        raise AssetError.crash("The options made no sound.")
    product = next(each for each in result.products if each.role == "primary")
    made = out / product.path
    decode_like(made, source, work_dir / "pcm")
    before = levels_of({"source": str(source)}, work_dir, progress)
    after = levels_of({"source": str(made)}, work_dir, progress)
    return {
        "before_lufs": before["lufs"],
        "before_peak": before["true_peak"],
        "after_lufs": after["lufs"],
        "after_peak": after["true_peak"],
        "file_bytes": product.size,
        "source_bytes": source.stat().st_size,
        "duration_ms": report.duration_ms,
        "warnings": list(report.warnings),
    }
