"""What textures are made of: every kind of picture is read as it is meant, whatever its name."""

from __future__ import annotations

import io
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
import pytest
from PIL import Image, ImageCms

from slate_desktop.domain.assets.texture import (
    Compression,
)
from slate_desktop.pipeline.texture import inspect, read
from tests.integration.texture_work import Work, psnr, work
from tests.services.pictures import landscape, png, psd, radiance, save

__all__ = ["work"]  # the fixture


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
    assert image.facts.notes == ("Of 16 bits per channel 8 are used.",)
    assert np.abs(image.pixels[..., 0] - values / 257).max() <= 0.5


def test_sixteen_bits_of_colour_are_read(work: Work) -> None:
    values = (np.arange(12).reshape(2, 6) * 5000).astype(">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in values)

    image = read(work.put("a.png", png(2, 2, depth=16, data=rows)))

    assert image.facts.bits == 16
    assert image.facts.notes
    assert np.abs(image.pixels[..., :3].reshape(2, 6) - values / 257).max() <= 1


@pytest.mark.parametrize("form", ["png", "tga", "webp", "dds"])
@pytest.mark.parametrize(("dtype", "bits"), [(np.uint16, 16), (np.int32, 32)])
def test_depth_that_a_result_lost_is_said(work: Work, form: str, dtype: Any, bits: int) -> None:
    stream = io.BytesIO()
    Image.fromarray(np.arange(64, dtype=dtype).reshape(8, 8)).save(stream, "TIFF")

    _, report = work.process(work.put("height.tif", stream.getvalue()), format=form)

    assert f"Of {bits} bits per channel 8 are used." in report.warnings


def test_sixteen_bits_of_a_pixel_are_none_of_a_channel(work: Work) -> None:
    masks = struct.pack("<3I", 0xF800, 0x07E0, 0x001F)
    header = struct.pack("<IiiHHIIiiII", 40, 2, 1, 1, 16, 3, 4, 0, 0, 0, 0) + masks
    data = b"BM" + struct.pack("<IHHI", 14 + 52 + 4, 0, 0, 66) + header + b"\x00\xf8\x1f\x00"

    image = read(work.put("a.bmp", data))

    assert image.pixels.tolist() == [[[255, 0, 0, 255], [0, 0, 255, 255]]]
    assert (image.facts.bits, image.facts.notes) == (8, ())


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
