"""Pixels: linear light, mips, coverage, normals, sizes, usage, names; no file is touched."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pytest

from slate_desktop.domain.assets.naming import product_stem
from slate_desktop.domain.assets.texture import (
    ColorSpace,
    Compression,
    TextureUsage,
    parse_texture_options,
)
from slate_desktop.errors import AssetError, ErrorCode
from slate_desktop.pipeline.texture.image import TextureFacts
from slate_desktop.pipeline.texture.light import Curve, pack, unpack
from slate_desktop.pipeline.texture.metrics import compare
from slate_desktop.pipeline.texture.mips import (
    colour_mips,
    float_mips,
    keep_coverage,
    normal_mips,
)
from slate_desktop.pipeline.texture.resize import resize_colour, shrink, target_size
from slate_desktop.pipeline.texture.usage import best_compression, judge, usage_of_name
from tests.services.pictures import landscape, normal_map

# Mean of black and white in linear light, as sRGB stores it.
LINEAR_GREY = 188


def checker(size: int) -> Any:
    pixels = np.full((size, size, 4), 255, np.uint8)
    pixels[::2, ::2, :3] = pixels[1::2, 1::2, :3] = 0
    return pixels


def facts(**values: Any) -> TextureFacts:
    given = {"format": "png", "width": 64, "height": 64, "channels": 3, "bits": 8, "mode": "RGB"}
    return TextureFacts(**{**given, **values})


@pytest.mark.parametrize("curve", list(Curve))
@pytest.mark.parametrize("has_alpha", [False, True])
def test_every_value_survives_the_way_to_linear_light(curve: Curve, has_alpha: bool) -> None:
    pixels = np.full((16, 16, 4), 255, np.uint8)
    pixels[..., :3] = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)

    assert (
        unpack(pack(pixels, curve, has_alpha=has_alpha), curve, has_alpha=has_alpha) == pixels
    ).all()


def test_colours_are_averaged_in_linear_light() -> None:
    assert (
        colour_mips(checker(8), Curve.SRGB, has_alpha=False)[1][..., 0].tolist()
        == [[LINEAR_GREY] * 4] * 4
    )
    assert colour_mips(checker(8), Curve.LINEAR, has_alpha=False)[1][0, 0, 0] == 128


def test_clear_pixels_do_not_bleed_into_the_mips() -> None:
    pixels = np.zeros((4, 4, 4), np.uint8)
    pixels[:, 0::2] = (255, 0, 0, 255)
    pixels[:, 1::2] = (0, 255, 0, 0)

    smaller = colour_mips(pixels, Curve.SRGB, has_alpha=True)[1]

    assert (smaller == (255, 0, 0, 128)).all()


def test_colour_of_what_is_all_clear_stays() -> None:
    pixels = np.zeros((4, 4, 4), np.uint8)
    pixels[..., :3] = (10, 20, 30)

    levels = colour_mips(pixels, Curve.SRGB, has_alpha=True)

    assert (levels[-1] == (10, 20, 30, 0)).all()


@pytest.mark.parametrize("has_alpha", [False, True])
@pytest.mark.parametrize("size", [(7, 5), (1, 9), (30, 15), (33, 64), (1, 1)])
def test_odd_sides_keep_their_mean(size: tuple[int, int], has_alpha: bool) -> None:
    pixels = landscape(*size)
    if has_alpha:
        pixels[0, 0, 3] = 254

    levels = colour_mips(pixels, Curve.LINEAR, has_alpha=has_alpha)

    assert [level.shape[1] for level in levels][-1] == 1
    assert levels[-1].shape == (1, 1, 4)
    mean = pixels[..., :3].astype(float).mean(axis=(0, 1))
    assert np.abs(levels[-1][0, 0, :3] - mean).max() < 3


def test_normals_keep_unit_length_in_every_level() -> None:
    for level in normal_mips(normal_map(48, 20)):
        vectors = level[..., :3].astype(float) / 127.5 - 1
        assert np.abs(np.linalg.norm(vectors, axis=-1) - 1).max() < 0.02


def test_hdr_mips_are_means() -> None:
    pixels = np.zeros((4, 4, 4), np.float16)
    pixels[0, 0] = (1000, 0, 0, 1)

    levels = float_mips(pixels)

    assert levels[1][0, 0, 0] == 250
    assert levels[2][0, 0, 0] == 62.5


def test_cutouts_keep_the_area_that_they_cover() -> None:
    alpha = (np.random.default_rng(3).random((128, 128)) < 0.3).astype(np.uint8) * 255
    pixels = np.dstack([np.full((128, 128, 3), 90, np.uint8), alpha])
    levels = colour_mips(pixels, Curve.SRGB, has_alpha=True)

    def covered(level: Any) -> float:
        return float((level[..., 3] >= 128).mean())

    kept = keep_coverage(levels, 0.5)

    assert covered(levels[3]) < 0.05
    assert [covered(level) for level in kept[:5]] == pytest.approx([0.3] * 5, abs=0.06)


def test_likeness_is_that_of_the_definition() -> None:
    first = landscape(50, 30)
    second = np.clip(first.astype(int) + 6, 0, 255).astype(np.uint8)
    error = (first[..., :3].astype(float) - second[..., :3]) ** 2

    found = compare(first.shape, lambda a, b: first[a:b], lambda a, b: second[a:b], (0, 1, 2), 4)
    same = compare(first.shape, lambda a, b: first[a:b], lambda a, b: first[a:b], (0, 1, 2), 4)

    assert found.psnr_db == pytest.approx(10 * np.log10(255**2 / error.mean()), abs=0.01)
    assert 0.9 < found.ssim < 1
    assert (same.psnr_db, same.ssim) == (None, 1.0)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"resize": {"width": 32, "height": 32}}, (32, 16)),
        ({"resize": {"width": 32, "height": 32, "fit": "exact"}}, (32, 32)),
        ({"resize": {"width": 32, "height": 32, "fit": "cover"}}, (32, 32)),
        ({"resize": {"width": 1000, "height": 1000}}, (100, 50)),
        ({"resize": {"height": 25}}, (50, 25)),
        ({"power_of_two": True}, (128, 64)),
        ({}, (100, 50)),
    ],
)
def test_sizes_follow_the_options(given: dict[str, Any], expected: tuple[int, int]) -> None:
    assert target_size(parse_texture_options(given), 100, 50) == expected


def test_a_side_that_follows_may_not_be_too_large() -> None:
    options = parse_texture_options({"resize": {"width": 16_384, "fit": "exact"}})

    with pytest.raises(AssetError) as refused:
        target_size(options, 10, 100)

    assert refused.value.code is ErrorCode.ASSET_LIMIT


def test_resizing_is_done_in_linear_light() -> None:
    pixels = checker(240)
    box = (0.0, 0.0, 240.0, 240.0)

    by_lanczos = resize_colour(pixels, (100, 100), box, Curve.SRGB, has_alpha=False)
    halved_first = resize_colour(pixels, (17, 17), box, Curve.SRGB, has_alpha=False)

    assert abs(int(by_lanczos[50, 50, 0]) - LINEAR_GREY) <= 3
    assert np.abs(halved_first[..., 0].astype(int) - LINEAR_GREY).max() <= 1
    assert shrink(pixels, 60).shape == (60, 60, 4)


@pytest.mark.parametrize(
    ("stem", "usage"),
    [
        ("wall_normal", TextureUsage.NORMAL),
        ("hull_nor_gl_1k", TextureUsage.NORMAL),
        ("BrickNormal", TextureUsage.NORMAL),
        ("brick_n", TextureUsage.NORMAL),
        ("metal_plate_albedo", TextureUsage.COLOUR),
        ("Wood_BaseColor", TextureUsage.COLOUR),
        ("hull_arm_1k", TextureUsage.MASK),
        ("wood-roughness", TextureUsage.MASK),
        ("normandy", TextureUsage.AUTO),
        ("photo", TextureUsage.AUTO),
        ("n", TextureUsage.AUTO),
    ],
)
def test_names_say_what_a_texture_is_for(stem: str, usage: TextureUsage) -> None:
    assert usage_of_name(stem) is usage


def test_usage_is_seen_in_the_pixels() -> None:
    options = parse_texture_options({})

    seen = judge(normal_map(64, 64), facts(), "x", options)
    colour = judge(landscape(64, 64), facts(), "x", options)
    height = judge(landscape(64, 64), facts(channels=1, bits=16), "x", options)
    hdr = judge(np.ones((4, 4, 4), np.float32), facts(is_float=True), "x", options)

    assert (seen.usage, seen.color_space) == (TextureUsage.NORMAL, ColorSpace.LINEAR)
    assert (colour.usage, colour.color_space) == (TextureUsage.COLOUR, ColorSpace.SRGB)
    assert height.usage is TextureUsage.MASK
    assert best_compression(seen, is_float=False) is Compression.BC5
    assert best_compression(colour, is_float=False) is Compression.BC7
    assert best_compression(height, is_float=False) is Compression.BC4
    assert best_compression(hdr, is_float=True) is Compression.BC6H


def test_a_mask_of_three_channels_keeps_them() -> None:
    verdict = judge(landscape(32, 32), facts(), "hull_orm", parse_texture_options({}))

    assert verdict.usage is TextureUsage.MASK
    assert best_compression(verdict, is_float=False) is Compression.BC7


def test_the_users_word_wins() -> None:
    options = parse_texture_options({"usage": "mask", "color_space": "srgb"})

    verdict = judge(normal_map(32, 32), facts(), "wall_normal", options)

    assert (verdict.usage, verdict.color_space) == (TextureUsage.MASK, ColorSpace.SRGB)


@pytest.mark.parametrize(
    "name", ["wood.png", "-rf.png", "Ünïcödé.png", "a b.c.png", "🚢.png", "👩‍🚀.png"]
)
def test_names_of_products_are_those_of_their_sources(name: str) -> None:
    assert product_stem(PurePosixPath(name)) == name.removesuffix(".png")


@pytest.mark.parametrize(
    "name",
    ["CON.png", "a\nb.png", "a\u202eb.png", "x" * 250 + ".png", "nul.tar.png", "\udcff.png", "a:b"],
)
def test_names_that_a_system_cannot_hold_are_changed_and_stay_different(name: str) -> None:
    stem = product_stem(PurePosixPath(name))

    assert stem.encode("utf-8")
    assert len(stem.encode("utf-8")) < 200
    assert stem.isprintable()
    assert stem != product_stem(PurePosixPath("y" + name))
    assert stem.split("-")[0].lower() != "con"
