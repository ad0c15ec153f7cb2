"""What the command line says of an asset that was processed."""

from __future__ import annotations

import msgspec

from slate_desktop.cli.asset_words import words_of
from slate_desktop.domain.assets.kinds import AssetJobStatus
from slate_desktop.domain.assets.outcome import AssetFault, AssetJobResult, AssetOutput
from slate_desktop.domain.assets.report import AnyReport

COUNTS = {
    "triangles": 1200,
    "vertices": 900,
    "draw_calls": 1,
    "nodes": 1,
    "meshes": 1,
    "materials": 1,
    "textures": 0,
    "skins": 0,
    "bones": 0,
    "animations": 0,
    "morph_targets": 0,
    "vram_bytes": 2048,
}
COMMON = {"input_size": 10, "duration_ms": 5, "tools": {}, "warnings": ["It is odd."]}


def result_of(report: dict[str, object], *, cached: bool = False) -> AssetJobResult:
    product = AssetOutput(path="out/a.bin", role="primary", format="bin", size=2048, sha256="0")
    read: AnyReport = msgspec.convert({**COMMON, **report}, AnyReport)
    return AssetJobResult(
        input="a\n.png",
        state=AssetJobStatus.COMPLETED,
        cached=cached,
        outputs=(product,),
        report=read,
    )


def texture() -> dict[str, object]:
    measure = {"encoding": "bc7", "width": 64, "height": 32, "levels": 7, "vram_bytes": 3072}
    measure |= {"path": "a.ktx2", "psnr_db": 41.234, "ssim": 0.99321}
    return {
        "kind": "texture",
        "input_format": "png",
        "input_width": 64,
        "input_height": 32,
        "width": 64,
        "height": 32,
        "has_alpha": False,
        "usage": "colour",
        "color_space": "srgb",
        "compression": "bc7",
        "measures": [measure],
    }


def test_texture_is_told_with_its_likeness() -> None:
    lines = words_of(result_of(texture())).splitlines()
    assert lines[0] == "completed  a\\u000a.png → out/a.bin (2 KB)"
    wanted = "bc7, 64 × 32, 7 levels, 3 KB of video memory, 41.2 dB PSNR, 0.9932 SSIM"
    assert lines[1].strip() == wanted
    assert lines[2].strip() == "It is odd."


def test_known_result_has_its_figures_and_no_notes() -> None:
    lines = words_of(result_of(texture(), cached=True)).splitlines()
    assert lines[0].startswith("known ")
    assert "41.2 dB PSNR" in lines[1]
    assert len(lines) == 2


def test_model_is_told_with_its_levels() -> None:
    lods = [
        {"level": 1, "fraction": 0.5, "triangles": 600, "vertices": 500, "error": 0.01},
        {"level": 2, "fraction": 0.25, "triangles": 300, "vertices": 260, "error": 0.02},
    ]
    report = {
        "kind": "model",
        "input_format": "obj",
        "format": "glb",
        "output_size": 2048,
        "before": COUNTS,
        "after": {**COUNTS, "vertices": 800, "vram_bytes": 1024},
        "lods": lods,
        "bounds": [[0, 0, 0], [1, 1, 1]],
    }
    lines = words_of(result_of(report)).splitlines()
    assert "1,200 → 1,200 triangles, 900 → 800 vertices; 2 KB → 1 KB video memory" in lines[1]
    assert lines[2].strip() == "levels of detail: 600 (50%), 300 (25%)"


def test_sound_is_told_with_its_loudness() -> None:
    levels = {"lufs": -13.24, "true_peak_dbtp": 1.1, "sample_peak_dbfs": 0.9}
    silent = {"lufs": None, "true_peak_dbtp": None, "sample_peak_dbfs": None}
    report = {
        "kind": "audio",
        "input_format": "wav",
        "input_sample_rate": 44100,
        "input_channels": 2,
        "input_duration_s": 2.0,
        "format": "ogg",
        "sample_rate": 48000,
        "channels": 1,
        "duration_s": 2.0,
        "bitrate_kbps": 64.5,
        "before": levels,
        "after": silent,
    }
    lines = words_of(result_of(report)).splitlines()
    assert lines[1].strip() == "48000 Hz, 1 ch, 64.5 kbit/s; -13.2 LUFS, +1.1 dBTP → silence"


def test_failure_is_told_with_its_reason() -> None:
    fault = AssetFault(code="asset_invalid", message="The PNG is cut off.")
    failed = AssetJobResult(input="b.png", state=AssetJobStatus.FAILED, cached=True, error=fault)
    assert words_of(failed).startswith("failed     b.png: The PNG is cut off. (failed before;")
