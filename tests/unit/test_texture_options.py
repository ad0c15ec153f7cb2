"""Options of a texture job: what is understood, filled in, and refused."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from slate_desktop.domain.assets.kinds import AssetKind
from slate_desktop.domain.assets.options import options_to_json, parse_options
from slate_desktop.domain.assets.report import (
    ProcessResult,
    Product,
    result_from_json,
    result_to_json,
)
from slate_desktop.domain.assets.texture import (
    ColorSpace,
    Compression,
    Fit,
    Resize,
    TextureFormat,
    TextureMeasure,
    TextureOptions,
    TextureReport,
    TextureUsage,
    parse_texture_options,
)
from slate_desktop.errors import CommandError, ErrorCode


def test_options_of_the_original_system_are_understood() -> None:
    options = parse_texture_options(
        {
            "format": "webp",
            "compression": "bc7",
            "generateMipmaps": True,
            "quality": 90,
            "resize": {"width": 512, "height": 256, "fit": "cover"},
            "colorSpace": "sRGB",
            "usage": "color",
        }
    )

    assert options.format is TextureFormat.WEBP
    assert options.compression is Compression.BC7
    assert options.gpu_container is TextureFormat.KTX2
    assert options.resize == Resize(width=512, height=256, fit=Fit.COVER)
    assert options.color_space is ColorSpace.SRGB
    assert options.usage is TextureUsage.COLOUR


@pytest.mark.parametrize(
    ("given", "compression", "container"),
    [
        ({}, Compression.AUTO, TextureFormat.KTX2),
        ({"format": "dds"}, Compression.AUTO, TextureFormat.DDS),
        ({"format": "png"}, Compression.NONE, None),
        ({"format": "jpg"}, Compression.NONE, None),
        ({"format": "png", "compression": "auto"}, Compression.AUTO, TextureFormat.KTX2),
        (
            {"format": "avif", "compression": "bc5", "container": "dds"},
            Compression.BC5,
            TextureFormat.DDS,
        ),
        ({"format": "ktx2", "compression": "none"}, Compression.NONE, TextureFormat.KTX2),
    ],
)
def test_a_file_for_the_gpu_is_written_where_it_is_asked_for(
    given: Mapping[str, object], compression: Compression, container: TextureFormat | None
) -> None:
    options = parse_texture_options(given)

    assert options.compression is compression
    assert options.gpu_container is container


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"format": "exe"}, "format"),
        ({"format": 7}, "format"),
        ({"quality": -1}, "quality"),
        ({"quality": 101}, "quality"),
        ({"quality": "high"}, "quality"),
        ({"quality": True}, "quality"),
        ({"quality": 80.5}, "quality"),
        ({"resize": 0}, "resize"),
        ({"resize": {"width": 0, "height": 0}}, "resize"),
        ({"resize": {"width": 1, "height": 1}}, "resize"),
        ({"resize": {"width": 10**6, "height": 10**6}}, "resize"),
        ({"resize": {"width": 16_384, "height": 16_384}}, "resize"),
        ({"resize": {"width": 12.5}}, "resize"),
        ({"resize": {"width": "64"}}, "resize"),
        ({"resize": {}}, "resize"),
        ({"resize": {"width": 64, "fit": "fill"}}, "resize"),
        ({"resize": {"depth": 64}}, "depth"),
        ({"compression": "bc9"}, "compression"),
        ({"format": "dds", "compression": "astc"}, "compression"),
        ({"format": "png", "container": "dds", "compression": "etc2"}, "compression"),
        ({"usage": "sprite"}, "usage"),
        ({"color_space": "cmyk"}, "color_space"),
        ({"generate_mipmaps": 1}, "generate_mipmaps"),
        ({"alpha_cutoff": float("nan")}, "alpha_cutoff"),
        ({"mips": True}, "mips"),
    ],
)
def test_bad_options_are_refused_by_name(given: Mapping[str, object], field: str) -> None:
    with pytest.raises(CommandError) as refused:
        parse_texture_options(given)

    assert refused.value.code is ErrorCode.BAD_REQUEST
    assert refused.value.field == field


def test_canonical_json_reads_back() -> None:
    options = parse_options(AssetKind.TEXTURE, {"format": "jpg", "resize": {"width": 64}})

    values = options_to_json(options)

    assert list(values) == sorted(values)
    assert set(values) == set(TextureOptions.__struct_fields__)
    assert parse_options(AssetKind.TEXTURE, values) == options


def test_result_survives_json() -> None:
    measure = TextureMeasure(
        path="a.ktx2",
        encoding="bc7",
        width=8,
        height=4,
        levels=2,
        vram_bytes=48,
        psnr_db=None,
        ssim=1.0,
        level_psnr_db=(None, 44.5),
    )
    report = TextureReport(
        input_size=10,
        duration_ms=3,
        tools={"ispc_texcomp": "1"},
        input_format="png",
        input_width=8,
        input_height=4,
        width=8,
        height=4,
        has_alpha=False,
        usage=TextureUsage.COLOUR,
        color_space=ColorSpace.SRGB,
        compression=Compression.BC7,
        measures=(measure,),
    )
    product = Product(path="a.ktx2", role="primary", format="ktx2", size=4, sha256="0" * 64)
    result = ProcessResult(kind=AssetKind.TEXTURE, products=(product,), report=report)

    assert result_from_json(result_to_json(result)) == result
