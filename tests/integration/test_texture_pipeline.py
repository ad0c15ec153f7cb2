"""Texture jobs from file to file, and readers of others on what came out."""

from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
import pytest
import texture2ddecoder
from PIL import Image, ImageCms

from slate_desktop.domain.assets.kinds import AssetKind
from slate_desktop.domain.assets.report import ProcessResult
from slate_desktop.domain.assets.texture import (
    ColorSpace,
    Compression,
    TextureReport,
    TextureUsage,
    parse_texture_options,
)
from slate_desktop.pipeline import run
from slate_desktop.pipeline.texture import inspect, read
from slate_desktop.pipeline.texture.ktx2 import read_ktx2
from tests.services.pictures import landscape, normal_map, png, psd, radiance, save
from tests.services.shared_assets import shared_assets_dir


class Work:
    """A folder with a source, and the products of jobs on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.out = folder / "out"
        self.told: list[float] = []

    def put(self, name: str, data: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(data)
        return path

    def process(self, source: Path, **options: Any) -> tuple[ProcessResult, TextureReport]:
        self.out = self.folder / f"out{len(list(self.folder.glob('out*')))}"
        self.out.mkdir()
        result = run.process(
            AssetKind.TEXTURE,
            source,
            self.out,
            parse_texture_options(options),
            progress=lambda fraction, _: self.told.append(fraction),
        )
        assert isinstance(result.report, TextureReport)
        return result, result.report

    def only(self, result: ProcessResult) -> Path:
        assert len(result.products) == 1
        return self.out / result.products[0].path


@pytest.fixture
def work(tmp_path: Path) -> Work:
    return Work(tmp_path)


def psnr(first: Any, second: Any) -> float:
    return float(10 * np.log10(255**2 / np.mean((first.astype(float) - second.astype(float)) ** 2)))


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


def test_gpu_files_are_sources_too(work: Work) -> None:
    pixels = landscape(64, 64)
    first, _ = work.process(work.put("a.png", save(pixels, "PNG", "RGB")), format="dds")

    result, report = work.process(work.only(first), format="png")

    assert report.input_format == "dds"
    assert psnr(np.asarray(Image.open(work.only(result)).convert("RGBA")), pixels) > 34


def exr(path: Path, pixels: Any) -> None:
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    with OpenEXR.File(header, {"RGBA": pixels}) as file:
        file.write(str(path))


def test_exr_becomes_bc6h(work: Work) -> None:
    pixels = (landscape(64, 32) / 16).astype(np.float16)
    pixels[..., 3] = 1
    exr(work.folder / "sky.exr", pixels)

    result, report = work.process(work.folder / "sky.exr")

    image = read(work.only(result))
    assert report.compression is Compression.BC6H
    assert image.pixels.dtype == np.float32
    assert len(image.levels) == 7
    assert np.abs(image.pixels - pixels).mean() < 0.2
    assert image.pixels.max() > 10


def test_hdr_as_a_picture_is_cut_and_said(work: Work) -> None:
    pixels = np.full((16, 16, 3), 0.5, np.float32)
    pixels[0, 0] = 40

    result, report = work.process(work.put("sky.hdr", radiance(pixels)), format="png")

    picture = np.asarray(Image.open(work.only(result)).convert("RGB"))
    assert abs(int(picture[8, 8, 0]) - 188) <= 1
    assert picture[0, 0, 0] == 255
    assert any("brighter than 1" in warning for warning in report.warnings)


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("a.png", lambda p: save(p, "PNG", "RGB")),
        ("a.tga", lambda p: save(p, "TGA", "RGB")),
        ("a.bmp", lambda p: save(p, "BMP", "RGB")),
        ("a.tif", lambda p: save(p, "TIFF", "RGB", compression="tiff_lzw")),
        ("a.psd", psd),
        ("a.webp", lambda p: save(p, "WEBP", "RGB", lossless=True)),
        ("a.gif", lambda p: save(p // 128 * 128, "GIF", "RGB")),
    ],
)
def test_pictures_are_read_as_they_are(work: Work, name: str, make: Any) -> None:
    pixels = landscape(31, 17)
    expected = pixels // 128 * 128 if name == "a.gif" else pixels
    path = work.put(name, make(pixels))

    found = inspect(path)

    assert (read(path).pixels[..., :3] == expected[..., :3]).all()
    assert (found["width"], found["height"]) == (31, 17)


def test_the_file_tells_its_format_not_its_name(work: Work) -> None:
    path = work.put("a.png", save(landscape(8, 8), "JPEG", "RGB"))

    assert inspect(path)["format"] == "jpeg"


def test_turned_pictures_come_upright(work: Work) -> None:
    pixels = landscape(24, 10)
    exif = Image.Exif()
    exif[0x0112] = 6
    path = work.put("a.jpg", save(pixels, "JPEG", "RGB", exif=exif, quality=95))

    image = read(path)

    assert (image.facts.width, image.facts.height) == (10, 24)
    assert psnr(image.pixels, np.rot90(pixels, -1)) > 25


def test_cmyk_becomes_rgb(work: Work) -> None:
    path = work.put("a.jpg", save(landscape(32, 32), "JPEG", "CMYK", quality=95))

    image = read(path)

    assert image.facts.mode == "CMYK"
    assert psnr(image.pixels, landscape(32, 32)) > 20


def test_sixteen_bits_of_grey_become_eight(work: Work) -> None:
    values = np.linspace(0, 65_535, 64, dtype=np.uint16).reshape(8, 8)
    stream = io.BytesIO()
    Image.fromarray(values).save(stream, "PNG")

    image = read(work.put("height.png", stream.getvalue()))

    assert (image.facts.bits, image.facts.channels) == (16, 1)
    assert np.abs(image.pixels[..., 0] - values / 257).max() <= 0.5


def test_sixteen_bits_of_colour_are_read(work: Work) -> None:
    values = (np.arange(12).reshape(2, 6) * 5000).astype(">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in values)

    image = read(work.put("a.png", png(2, 2, depth=16, data=rows)))

    assert image.facts.bits == 16
    assert image.facts.notes
    assert np.abs(image.pixels[..., :3].reshape(2, 6) - values / 257).max() <= 1


def test_palette_with_alpha(work: Work) -> None:
    picture = Image.new("P", (2, 1))
    picture.putpalette([255, 0, 0, 0, 255, 0])
    picture.putpixel((1, 0), 1)
    stream = io.BytesIO()
    picture.save(stream, "PNG", transparency=bytes([255, 40]))

    image = read(work.put("a.png", stream.getvalue()))

    assert image.pixels.tolist() == [[[255, 0, 0, 255], [0, 255, 0, 40]]]


@pytest.mark.parametrize("profile", [b"broken", b"\0" * 400])
def test_broken_profile_is_left_out(work: Work, profile: bytes) -> None:
    pixels = landscape(16, 16)
    path = work.put("a.png", save(pixels, "PNG", "RGB", icc_profile=profile))

    image = read(path)

    assert (image.pixels == pixels).all()
    assert any("damaged" in note for note in image.facts.notes)


def test_profiles_are_applied_to_colours_alone(work: Work) -> None:
    pixels = landscape(16, 16)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    # The same profile under a name that is not sRGB's, and with swapped primaries.
    swapped = profile.replace("sRGB".encode("utf-16-be"), "test".encode("utf-16-be"))
    swapped = swapped.replace(b"rXYZ", b"tmpX")
    swapped = swapped.replace(b"gXYZ", b"rXYZ").replace(b"tmpX", b"gXYZ")
    path = work.put("a.png", save(pixels, "PNG", "RGB", icc_profile=swapped))

    colours, data = read(path), read(path, is_data=True)

    assert (data.pixels == pixels).all()
    assert np.abs(colours.pixels[..., 0].astype(int) - pixels[..., 1]).mean() < 12


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


def test_names_that_are_awkward(work: Work) -> None:
    data = save(landscape(8, 8), "PNG", "RGB")
    for name in ["-v.png", "a\nb.png", "a\u202eb.png", "x" * 245 + ".png", "CON.png", "👩‍🚀.png"]:
        result, _ = work.process(work.put(name, data))
        assert work.only(result).exists()
        assert result.products[0].path.isprintable() or "👩" in name
    if os.name != "nt":
        path = os.fsencode(work.folder) + b"/\xff.png"
        Path(os.fsdecode(path)).write_bytes(data)
        result, _ = work.process(Path(os.fsdecode(path)))
        assert result.products[0].path.encode("utf-8")


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
