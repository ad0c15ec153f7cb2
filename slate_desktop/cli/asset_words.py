"""What became of an asset, in a few lines for a terminal: products, figures and warnings."""

from __future__ import annotations

from slate_desktop.domain.assets.audio import AudioReport, Levels
from slate_desktop.domain.assets.model import ModelReport
from slate_desktop.domain.assets.outcome import AssetJobResult
from slate_desktop.domain.assets.report import AnyReport
from slate_desktop.domain.assets.texture import TextureReport
from slate_desktop.domain.sizes import format_bytes

_INDENT = " " * 11


def words_of(result: AssetJobResult) -> str:
    """Return what became of an asset, for people."""
    name = plain(result.input)
    if result.error is not None:
        again = " (failed before; --force tries again)" if result.cached else ""
        return f"failed     {name}: {result.error.message}{again}"
    size = format_bytes(sum(output.size for output in result.outputs))
    places = ", ".join(plain(output.path) for output in result.outputs)
    known = "known      " if result.cached else "completed  "
    lines = [f"{known}{name} → {places} ({size})"]
    if result.report is not None:
        lines += [f"{_INDENT}{line}" for line in figures_of(result.report)]
    if result.report is not None and not result.cached:
        lines += [f"{_INDENT}{plain(warning)}" for warning in result.report.warnings]
    return "\n".join(lines)


def figures_of(report: AnyReport) -> list[str]:
    """Return what was kept and what was saved, one line for each thing that was made."""
    match report:
        case TextureReport():
            return _texture(report)
        case ModelReport():
            return _model(report)
        case AudioReport():
            before, after = _levels(report.before), _levels(report.after)
            sound = f"{report.sample_rate} Hz, {report.channels} ch, {report.bitrate_kbps:g} kbit/s"
            return [f"{sound}; {before} → {after}"]


def plain(text: str) -> str:
    """Return a name that a terminal shows as it is, whatever its bytes."""
    shown = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return "".join(letter if letter.isprintable() else f"\\u{ord(letter):04x}" for letter in shown)


def _texture(report: TextureReport) -> list[str]:
    lines = []
    for measure in report.measures:
        parts = [f"{measure.encoding}, {measure.width} × {measure.height}"]
        if measure.levels > 1:
            parts.append(f"{measure.levels} levels")
        parts.append(f"{format_bytes(measure.vram_bytes)} of video memory")
        if measure.psnr_db is None:
            parts.append("equal to the source")
        else:
            parts.append(f"{measure.psnr_db:.1f} dB PSNR, {measure.ssim:.4f} SSIM")
        lines.append(", ".join(parts))
    return lines


def _model(report: ModelReport) -> list[str]:
    before, after = report.before, report.after
    memory = f"{format_bytes(before.vram_bytes)} → {format_bytes(after.vram_bytes)}"
    counts = f"{before.triangles:,} → {after.triangles:,} triangles"
    lines = [f"{counts}, {before.vertices:,} → {after.vertices:,} vertices; {memory} video memory"]
    if report.lods:
        kept = ", ".join(f"{lod.triangles:,} ({lod.fraction:.0%})" for lod in report.lods)
        lines.append(f"levels of detail: {kept}")
    return lines


def _levels(levels: Levels) -> str:
    if levels.lufs is None or levels.true_peak_dbtp is None:
        return "silence"
    return f"{levels.lufs:.1f} LUFS, {levels.true_peak_dbtp:+.1f} dBTP"
