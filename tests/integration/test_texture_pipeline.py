"""Texture jobs from file to file, and readers of others on what came out."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import texture2ddecoder
from PIL import Image

from slate_desktop.domain.assets.texture import (
    ColorSpace,
    Compression,
    TextureUsage,
)
from slate_desktop.pipeline.texture import read
from slate_desktop.pipeline.texture.ktx2 import read_ktx2
from tests.integration.texture_work import Work, psnr, work
from tests.services.pictures import landscape, normal_map, radiance, save
from tests.services.shared_assets import shared_assets_dir

__all__ = ["work"]  # the fixture


def bc7_levels(path: Path) -> list[Any]:
    """Decode the BC7 levels of a KTX2 with nothing but its index and texture2ddecoder."""
    data = path.read_bytes()
    count = int.from_bytes(data[40:44], "little")
    width, height = (int.from_bytes(data[at : at + 4], "little") for at in (20, 24))
    levels = []
    for level in range(count):
        place, size = (
            int.from_bytes(data[80 + 24 * level + at : 88 + 24 * level + at], "little")
            for at in (0, 8)
        )
        across, down = max(1, width >> level), max(1, height >> level)
        bgra = texture2ddecoder.decode_bc7(data[place : place + size], across, down)
        levels.append(np.frombuffer(bgra, np.uint8).reshape(down, across, 4)[..., (2, 1, 0, 3)])
    return levels


def test_webp_with_bc7_gives_both_files(work: Work) -> None:
    pixels = landscape(96, 64, alpha=True)
    source = work.put("rock.png", save(pixels, "PNG"))

    result, report = work.process(source, format="webp", compression="bc7")

    assert [(p.path, p.role, p.format) for p in result.products] == [
        ("rock.webp", "primary", "webp"),
        ("rock.ktx2", "gpu", "ktx2"),
    ]
    for product in result.products:
        data = (work.out / product.path).read_bytes()
        assert (product.size, product.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert {path.name for path in work.out.iterdir()} == {"rock.webp", "rock.ktx2"}
    webp, gpu = report.measures
    with Image.open(work.out / "rock.webp") as picture:
        assert picture.size == (96, 64)
    assert webp.psnr_db is not None
    assert webp.psnr_db > 28
    assert (gpu.levels, gpu.encoding) == (7, "bc7")
    levels = bc7_levels(work.out / "rock.ktx2")
    assert psnr(levels[0], pixels) == pytest.approx(gpu.psnr_db, abs=0.02)
    blocks = [-(-level.shape[0] // 4) * -(-level.shape[1] // 4) for level in levels]
    assert gpu.vram_bytes == 16 * sum(blocks)
    assert work.told == sorted(work.told)
    assert work.told[-1] == 1.0


@pytest.mark.parametrize(
    ("form", "ending", "least_db"),
    [
        ("png", "png", 99),
        ("tga", "tga", 99),
        ("webp", "webp", 30),
        ("jpeg", "jpg", 28),
        ("avif", "avif", 30),
    ],
)
def test_image_formats_are_written(work: Work, form: str, ending: str, least_db: float) -> None:
    pixels = landscape(80, 50)
    source = work.put("rock_albedo.bmp", save(pixels, "BMP", "RGB"))

    result, report = work.process(source, format=form)

    path = work.only(result)
    assert path.name == f"rock_albedo.{ending}"
    theirs = np.asarray(Image.open(path).convert("RGBA"))
    assert theirs.shape == pixels.shape
    found = report.measures[0].psnr_db
    assert (found is None) == (least_db == 99)
    assert found is None or found > least_db
    assert report.compression is Compression.NONE


@pytest.mark.parametrize(
    ("name", "make", "encoding", "usage"),
    [
        (
            "a_normal.png",
            lambda: save(normal_map(64, 64), "PNG", "RGB"),
            "bc5",
            TextureUsage.NORMAL,
        ),
        ("a_rough.png", lambda: save(landscape(64, 64), "PNG", "L"), "bc4", TextureUsage.MASK),
        ("a_orm.png", lambda: save(landscape(64, 64), "PNG", "RGB"), "bc7", TextureUsage.MASK),
        ("a.png", lambda: save(landscape(64, 64), "PNG", "RGB"), "bc7", TextureUsage.COLOUR),
        ("a.hdr", lambda: radiance(landscape(64, 64)[..., :3] / 9.0), "bc6h", TextureUsage.COLOUR),
    ],
)
def test_auto_chooses_by_usage(
    work: Work, name: str, make: Any, encoding: str, usage: TextureUsage
) -> None:
    _, report = work.process(work.put(name, make()), format="dds")

    assert report.measures[0].encoding == encoding
    assert report.measures[0].levels == 7
    assert report.usage is usage
    assert report.better_compression is None
    expected = ColorSpace.SRGB if name == "a.png" else ColorSpace.LINEAR
    assert report.color_space is expected


def test_a_choice_is_honoured_and_judged(work: Work) -> None:
    source = work.put("wall_normal.png", save(normal_map(64, 64), "PNG", "RGB"))

    _, report = work.process(source, compression="bc1")

    assert report.measures[0].encoding == "bc1"
    assert report.better_compression is Compression.BC5
    assert any("BC5 would be better than" in warning for warning in report.warnings)


def test_what_a_format_cannot_keep_is_said(work: Work) -> None:
    source = work.put("a.png", save(landscape(30, 30, alpha=True), "PNG"))

    _, report = work.process(source, format="jpeg", compression="bc4")

    said = " ".join(report.warnings)
    assert "JPEG holds no alpha" in said
    assert "BC4 keeps red alone" in said
    assert "no multiples of 4" in said


def test_resize_without_mips(work: Work) -> None:
    source = work.put("a.png", save(landscape(128, 64), "PNG", "RGB"))

    _, report = work.process(source, resize={"width": 32}, generate_mipmaps=False)

    assert (report.input_width, report.input_height) == (128, 64)
    assert (report.width, report.height) == (32, 16)
    assert report.measures[0].levels == 1


@pytest.mark.parametrize("compression", ["etc2", "astc", "bc3", "none", "bc6h"])
def test_every_compression_is_checked(work: Work, compression: str) -> None:
    source = work.put("a.tga", save(landscape(48, 48, alpha=True), "TGA"))

    _, report = work.process(source, compression=compression, effort="preview")

    measure = report.measures[0]
    assert len(measure.level_psnr_db) == 6
    assert measure.psnr_db is None or measure.psnr_db > 26


def test_previews_get_what_they_ask_for(work: Work) -> None:
    result, _ = work.process(work.put("a.png", save(landscape(128, 64), "PNG", "RGB")))
    ktx2 = work.only(result)

    whole = read(ktx2)
    small = read(ktx2, max_side=32)
    picture = read(work.folder / "a.png", max_side=32)

    assert [level.shape[1] for level in whole.levels] == [128, 64, 32, 16, 8, 4, 2, 1]
    assert [level.shape[1] for level in small.levels] == [32, 16, 8, 4, 2, 1]
    assert picture.pixels.shape == (16, 32, 4)
    with ktx2.open("rb") as stream:
        assert whole.facts.gpu_bytes == sum(map(len, read_ktx2(stream).levels))


@pytest.mark.parametrize(
    ("name", "usage", "encoding", "least_db"),
    [
        ("textures/wool_albedo.png", TextureUsage.COLOUR, "bc7", 38.5),
        ("textures/wool_normal.png", TextureUsage.NORMAL, "bc5", 38),
        ("textures/goblin_alpha.png", TextureUsage.COLOUR, "bc7", 38),
        ("ship/textures/dutch_ship_medium_hull_arm_1k.jpg", TextureUsage.MASK, "bc7", 41),
    ],
)
def test_real_assets(
    work: Work, name: str, usage: TextureUsage, encoding: str, least_db: float
) -> None:
    assets = shared_assets_dir()
    if assets is None:
        pytest.skip("shared assets are absent")

    result, report = work.process(assets / name)

    measure = report.measures[0]
    assert (report.usage, measure.encoding) == (usage, encoding)
    assert measure.psnr_db is not None
    assert measure.psnr_db > least_db
    assert measure.ssim > 0.99
    if encoding == "bc7":
        channels = 4 if report.has_alpha else 3
        pixels = np.asarray(Image.open(assets / name).convert("RGBA"))
        levels = bc7_levels(work.only(result))
        assert psnr(levels[0][..., :channels], pixels[..., :channels]) == pytest.approx(
            measure.psnr_db, abs=0.02
        )
        assert len(levels) == measure.levels
