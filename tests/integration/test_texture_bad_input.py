"""Hostile and damaged textures, made here: the named error, within the limits of memory.

Rows are those of the project's table of bad inputs.
"""

from __future__ import annotations

import importlib
import os
import socket
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from slate_desktop.domain.assets.kinds import AssetKind
from slate_desktop.domain.assets.texture import TextureFormat, parse_texture_options
from slate_desktop.errors import AssetError, CommandError, ErrorCode
from slate_desktop.pipeline.sandbox.parent import Sandbox
from slate_desktop.pipeline.texture import inspect, process
from slate_desktop.pipeline.texture.picture_write import check_format
from tests.services.pictures import PNG_MARK, animated, chunk, landscape, png, save

INVALID, LIMIT = ErrorCode.ASSET_INVALID, ErrorCode.ASSET_LIMIT
SMALL = png(4, 4)
JPEG = save(landscape(64, 64), "JPEG", "RGB")
NO_ROOM = struct.pack(">IIBBBBB", 2**31 - 1, 2**31 - 1, 8, 2, 0, 0, 0)


def bomb() -> bytes:
    packed = zlib.compress(bytes(200_000_000), 9)
    assert len(packed) < 200_000
    return png(4, 4, chunk(b"zTXt", b"note\0\0" + packed))


def header_only(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return PNG_MARK + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def dds_header(width: int, height: int) -> bytes:
    start = b"DDS " + struct.pack("<7I44x", 124, 0x1007, height, width, 0, 0, 1)
    return start + struct.pack("<2I4s5I", 32, 4, b"DXT1", 0, 0, 0, 0, 0) + bytes(20)


def psd_header(width: int, height: int) -> bytes:
    sides = struct.pack(">HIIHH", 3, height, width, 8, 3)
    return b"8BPS\0\1" + bytes(6) + sides + bytes(40)


BAD: list[tuple[str, str, Callable[[], bytes], ErrorCode]] = [
    ("45 large", "a.png", lambda: png(12_000, 12_000, depth=1, color=0), LIMIT),
    ("45 header", "a.png", lambda: header_only(20_000, 20_000), LIMIT),
    ("45 largest", "a.png", lambda: header_only(2**31 - 1, 2**31 - 1), LIMIT),
    ("45 one side", "a.png", lambda: png(16_385, 1), LIMIT),
    ("45 tga", "a.tga", lambda: bytes([0, 0, 2]) + bytes(9) + b"\xff\xff\xff\xff\x18\0", LIMIT),
    ("45 dds", "a.dds", lambda: dds_header(2**31, 2**31), LIMIT),
    ("45 psd", "a.psd", lambda: psd_header(30_000, 30_000), LIMIT),
    ("45 hdr", "a.hdr", lambda: b"#?RADIANCE\n\n-Y 99999 +X 99999\n", LIMIT),
    ("46 empty", "a.png", lambda: header_only(0, 0), INVALID),
    ("46 cut", "a.png", lambda: SMALL[:60], INVALID),
    ("46 cut pixels", "a.png", lambda: png(64, 64, data=bytes(64 * 20)), INVALID),
    ("46 cut file", "a.png", lambda: SMALL[:-20], INVALID),
    ("46 checksum", "a.png", lambda: SMALL.replace(b"IDATx", b"IDATy"), INVALID),
    ("46 checksum of header", "a.png", lambda: SMALL[:30] + b"\1" + SMALL[31:], INVALID),
    ("46 no pixels", "a.png", lambda: PNG_MARK + SMALL[8:33] + chunk(b"IEND", b""), INVALID),
    ("46 jpeg", "a.jpg", lambda: JPEG[:-200], INVALID),
    ("46 jpeg head", "a.jpg", lambda: JPEG[:20], INVALID),
    ("46 webp", "a.webp", lambda: save(landscape(64, 64), "WEBP", "RGB")[:-300], INVALID),
    ("46 tga", "a.tga", lambda: save(landscape(64, 64), "TGA", "RGB")[:-3000], INVALID),
    ("46 bmp", "a.bmp", lambda: save(landscape(64, 64), "BMP", "RGB")[:-3000], INVALID),
    ("46 tiff", "a.tif", lambda: save(landscape(64, 64), "TIFF", "RGB")[:-3000], INVALID),
    ("46 psd", "a.psd", lambda: b"8BPS\0\1" + bytes(30), INVALID),
    ("46 exr", "a.exr", lambda: b"v/1\x01\x02\0\0\0" + bytes(300), INVALID),
    ("46 ktx2", "a.ktx2", lambda: b"\xabKTX 20\xbb\r\n\x1a\n" + bytes(500), INVALID),
    ("46 dds", "a.dds", lambda: dds_header(64, 64) + bytes(100), INVALID),
    ("47 bomb", "a.png", bomb, LIMIT),
    ("48 empty", "a.png", lambda: b"", INVALID),
    ("48 one byte", "a.png", lambda: b"\x89", INVALID),
    ("48 html", "a.png", lambda: b"<!doctype html><html></html>", INVALID),
    ("48 random", "a.png", lambda: np.random.default_rng(1).bytes(5000), INVALID),
    ("48 random tga", "a.tga", lambda: np.random.default_rng(1).bytes(5000), INVALID),
    ("48 mark alone", "a.png", lambda: PNG_MARK, INVALID),
    ("49 eps", "a.png", lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", INVALID),
    ("49 binary eps", "a.png", lambda: b"\xc5\xd0\xd3\xc6" + bytes(60), INVALID),
    ("49 pdf", "a.png", lambda: b"%PDF-1.7\n", INVALID),
    ("49 svg", "a.png", lambda: b'<svg xmlns="http://www.w3.org/2000/svg"/>', INVALID),
    ("49 svg with prolog", "a.png", lambda: b"<?xml version='1.0'?><svg/>", INVALID),
    ("49 fits", "a.png", lambda: b"SIMPLE  =                    T" + bytes(3000), INVALID),
    ("49 jpeg 2000", "a.png", lambda: b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(60), INVALID),
    ("50 gif", "a.gif", lambda: animated("GIF", 10_000), LIMIT),
    ("50 webp", "a.webp", lambda: animated("WEBP", 300), LIMIT),
    ("50 apng", "a.png", lambda: animated("PNG", 10_000), LIMIT),
    ("50 two frames", "a.gif", lambda: animated("GIF", 2), LIMIT),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "make", "code"), [case[1:] for case in BAD], ids=[case[0] for case in BAD]
)
def test_bad_file_is_refused_by_name(
    tmp_path: Path, name: str, make: Callable[[], bytes], code: ErrorCode
) -> None:
    source, out = tmp_path / name, tmp_path / "out"
    source.write_bytes(make())
    out.mkdir()

    for ask in (
        lambda: process(source, out, parse_texture_options({}), progress=lambda *_: None),
        lambda: inspect(source),
    ):
        with pytest.raises(AssetError) as refused:
            ask()
        assert refused.value.code is code, str(refused.value)
        assert str(refused.value).isascii() or "×" in str(refused.value)

    assert not list(out.iterdir())


def test_what_follows_a_png_does_not_matter(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(SMALL + b"PK\x03\x04 and more")

    assert inspect(tmp_path / "a.png")["width"] == 4


def test_webp_has_a_limit_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(16_384, 2))
    (tmp_path / "out").mkdir()

    with pytest.raises(AssetError, match="WebP holds at most 16383") as refused:
        process(
            tmp_path / "a.png",
            tmp_path / "out",
            parse_texture_options({"format": "webp"}),
            progress=lambda *_: None,
        )

    assert refused.value.code is INVALID


@pytest.mark.parametrize("form", ["webp", "avif"])
def test_picture_that_its_encoder_has_no_memory_for_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    (tmp_path / "a.png").write_bytes(png(8000, 8000, depth=8, color=0))
    (tmp_path / "out").mkdir()
    module = importlib.import_module("slate_desktop.pipeline.texture.process")
    monkeypatch.setattr(module, "read", lambda *_a, **_k: pytest.fail("it was read"))

    with pytest.raises(AssetError, match="needs more memory than is allowed: resize it") as refused:
        process(
            tmp_path / "a.png",
            tmp_path / "out",
            parse_texture_options({"format": form}),
            progress=lambda *_: None,
        )

    assert refused.value.code is LIMIT
    check_format(TextureFormat(form), 4096, 4096)


@pytest.mark.skipif(os.name == "nt", reason="not on this platform")
@pytest.mark.parametrize("kind", ["link", "pipe", "socket", "folder", "device", "missing"])
def test_what_is_no_regular_file_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.png"
    match kind:
        case "link":
            (tmp_path / "real.png").write_bytes(SMALL)
            path.symlink_to(tmp_path / "real.png")
        case "pipe":
            os.mkfifo(path)
        case "socket":
            with socket.socket(socket.AF_UNIX) as server:
                os.chdir(tmp_path)
                server.bind("a.png")
        case "folder":
            path.mkdir()
        case "device":
            path = Path("/dev/zero")

    with pytest.raises(AssetError) as refused:
        inspect(path)

    assert refused.value.code is INVALID


def test_a_random_flip_of_bits_is_an_error_or_a_picture(tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    pixels = landscape(32, 32)
    files = {
        "tga": save(pixels, "TGA", "RGB", compression="tga_rle"),
        "tif": save(pixels, "TIFF", "RGB", compression="tiff_lzw"),
        "bmp": save(pixels, "BMP", "RGB"),
        "gif": save(pixels, "GIF", "RGB"),
        "jpg": save(pixels, "JPEG", "RGB"),
        "webp": save(pixels, "WEBP", "RGB"),
        "dds": save(pixels, "DDS", "RGB", pixel_format="DXT1"),
    }
    codes: list[ErrorCode] = []
    for ending, data in files.items():
        for _ in range(25):
            broken = bytearray(data)
            for place in random.integers(0, min(200, len(data)), 3):
                broken[place] ^= 1 << int(random.integers(8))
            path = tmp_path / f"a.{ending}"
            path.write_bytes(bytes(broken))
            try:
                inspect(path)
            except AssetError as exc:
                codes.append(exc.code)
    assert codes
    assert set(codes) <= {INVALID, LIMIT}


async def test_the_largest_picture_passes_in_the_child(tmp_path: Path) -> None:
    source, work = tmp_path / "zeros.png", tmp_path / "work"
    source.write_bytes(png(8000, 8000, depth=8, color=0))
    work.mkdir()
    options = parse_texture_options({"effort": "preview", "resize": {"width": 500}})

    async with Sandbox() as sandbox:
        result = await sandbox.process(AssetKind.TEXTURE, source, work, options)

        # And what demands too much is told as such, while the next file still passes.
        (tmp_path / "bomb.png").write_bytes(header_only(16_384, 16_384))
        with pytest.raises(CommandError) as refused:
            await sandbox.process(AssetKind.TEXTURE, tmp_path / "bomb.png", work, options)
        facts = await sandbox.inspect(AssetKind.TEXTURE, source)

    assert result.products[0].format == "ktx2"
    assert refused.value.code is LIMIT
    assert facts["width"] == 8000
