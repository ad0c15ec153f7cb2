"""Block codecs and containers, held against readers and encoders of others; all in memory."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
import texture2ddecoder
import zstandard
from PIL import Image

from slate_desktop.domain.assets.texture import Effort
from slate_desktop.errors import AssetError, ErrorCode
from slate_desktop.pipeline.texture.bc6h import decode_bc6h
from slate_desktop.pipeline.texture.blocks import encode_level
from slate_desktop.pipeline.texture.container import GpuTexture
from slate_desktop.pipeline.texture.dds import dds_pieces, read_dds
from slate_desktop.pipeline.texture.gpuformats import BY_NAME, level_sizes
from slate_desktop.pipeline.texture.hdr import read_hdr
from slate_desktop.pipeline.texture.ktx2 import ktx2_pieces, read_ktx2
from slate_desktop.pipeline.texture.light import Curve
from slate_desktop.pipeline.texture.mips import colour_mips
from slate_desktop.pipeline.texture.unblocks import decode_level, with_z
from tests.services.pictures import landscape, normal_map, radiance

LEVEL_ENTRY = struct.Struct("<3Q")
FIRST_LEVEL = 80


def psnr(first: Any, second: Any) -> float:
    error = np.mean((first.astype(float) - second.astype(float)) ** 2)
    return 99.0 if error == 0 else 10 * np.log10(255**2 / error)


def texture_of(name: str, pixels: Any, *, is_srgb: bool = True) -> GpuTexture:
    gpu = BY_NAME[name].in_space(is_srgb=is_srgb)
    has_alpha = bool((pixels[..., 3] < 255).any())
    levels = colour_mips(pixels, Curve.SRGB, has_alpha=has_alpha)
    data = tuple(encode_level(level, gpu, Effort.PREVIEW, has_alpha=has_alpha) for level in levels)
    return GpuTexture(gpu=gpu, width=pixels.shape[1], height=pixels.shape[0], levels=data)


def ktx2_of(texture: GpuTexture) -> bytes:
    return b"".join(ktx2_pieces(texture, "tests"))


@pytest.mark.parametrize(
    ("name", "channels", "least_db"),
    [
        ("bc1", 3, 32),
        ("bc3", 4, 32),
        ("bc4", 1, 40),
        ("bc5", 2, 40),
        ("bc7", 4, 36),
        ("etc2_rgb", 3, 30),
        ("etc2_rgba", 4, 30),
        ("eac_r", 1, 38),
        ("eac_rg", 2, 38),
        ("astc_4x4", 4, 36),
        ("astc_6x6", 4, 30),
        ("astc_8x8", 4, 27),
    ],
)
@pytest.mark.parametrize("size", [(64, 48), (13, 9)])
def test_blocks_decode_to_what_was_encoded(
    name: str, channels: int, least_db: float, size: tuple[int, int]
) -> None:
    pixels = landscape(*size, alpha=True)
    before = pixels.copy()
    gpu = BY_NAME[name]

    data = encode_level(pixels, gpu, Effort.SHIP, has_alpha=True)
    decoded = decode_level(data, *size, gpu)

    assert len(data) == gpu.level_bytes(*size)
    assert decoded.shape == pixels.shape
    assert psnr(decoded[..., :channels], pixels[..., :channels]) > least_db - (
        2 if size[0] < 64 else 0
    )
    assert (pixels == before).all()  # etcpak writes into what it is given


@pytest.mark.parametrize("effort", list(Effort))
def test_sorted_blocks_of_a_picture_with_alpha_come_back_in_their_places(effort: Effort) -> None:
    pixels = landscape(256, 128, alpha=True)
    pixels[:32, :64] = (9, 8, 7, 0)
    pixels[96:, 192:] = (200, 100, 50, 255)

    data = encode_level(pixels, BY_NAME["bc7"], effort, has_alpha=True)
    bgra = np.frombuffer(texture2ddecoder.decode_bc7(data, 256, 128), np.uint8)
    decoded = bgra.reshape(128, 256, 4)[..., (2, 1, 0, 3)]

    assert psnr(decoded, pixels) > 36
    assert np.abs(decoded[:32, :64].astype(int) - (9, 8, 7, 0)).max() <= 2


def test_bc6h_is_decoded_as_pillow_does_in_every_mode() -> None:
    random = np.random.default_rng(11)
    blocks = random.integers(0, 256, (32 * 64, 16), np.uint8)
    blocks[:, 0] = (blocks[:, 0] & 0xE0) | np.repeat(np.arange(32, dtype=np.uint8), 64)
    gpu = BY_NAME["bc6h"]
    texture = GpuTexture(
        gpu=gpu, width=4 * len(blocks) // 64, height=256, levels=(blocks.tobytes(),)
    )

    ours = decode_bc6h(blocks.tobytes(), texture.width, texture.height).astype(np.float32)
    file = io.BytesIO(b"".join(dds_pieces(texture, has_alpha=False)))
    theirs = np.asarray(Image.open(file).convert("RGB")).astype(int)

    assert np.abs(np.clip(np.nan_to_num(ours, posinf=1), 0, 1) * 255 - theirs).max() < 1.2


def test_bc6h_keeps_what_is_brighter_than_white() -> None:
    pixels = landscape(64, 64).astype(np.float16) / 16
    pixels[..., 3] = 1

    data = encode_level(pixels, BY_NAME["bc6h"], Effort.SHIP, has_alpha=False)
    decoded = decode_level(data, 64, 64, BY_NAME["bc6h"])

    assert pixels.max() > 10
    assert np.abs(decoded[..., :3] - pixels[..., :3]).mean() < 0.2


def test_pillow_reads_every_dds_level_count_and_sees_bc7() -> None:
    pixels = landscape(128, 64)
    texture = texture_of("bc7", pixels)

    file = b"".join(dds_pieces(texture, has_alpha=False))
    theirs = np.asarray(Image.open(io.BytesIO(file)).convert("RGBA"))
    ours = decode_level(texture.levels[0], 128, 64, texture.gpu)

    assert np.abs(theirs.astype(int) - ours).max() <= 1
    assert psnr(theirs, pixels) > 35
    assert read_dds(io.BytesIO(file)).levels == texture.levels


@pytest.mark.parametrize("name", ["bc1", "bc3", "bc5"])
def test_pillow_reads_the_other_blocks(name: str) -> None:
    pixels = landscape(64, 64)
    texture = texture_of(name, pixels, is_srgb=False)

    file = io.BytesIO(b"".join(dds_pieces(texture, has_alpha=False)))
    theirs = np.asarray(Image.open(file).convert("RGB")).astype(int)
    ours = decode_level(texture.levels[0], 64, 64, texture.gpu)

    channels = texture.gpu.channels if texture.gpu.channels < 3 else 3
    assert np.abs(theirs[..., :channels] - ours[..., :channels]).max() <= 8


@pytest.mark.parametrize("name", ["bc1", "bc7", "etc2_rgba", "astc_5x5"])
@pytest.mark.parametrize("is_srgb", [False, True])
def test_ktx2_gives_back_what_was_put_in(name: str, is_srgb: bool) -> None:
    texture = texture_of(name, landscape(40, 23, alpha=True), is_srgb=is_srgb)

    found = read_ktx2(io.BytesIO(ktx2_of(texture)))

    assert found.gpu == texture.gpu
    assert (found.width, found.height) == (40, 23)
    assert [bytes(level) for level in found.levels] == list(texture.levels)
    assert found.facts("ktx2").gpu_bytes == sum(map(len, texture.levels))


def test_levels_of_ktx2_lie_smallest_first_and_aligned() -> None:
    file = ktx2_of(texture_of("bc7", landscape(32, 32)))

    entries = [LEVEL_ENTRY.unpack_from(file, FIRST_LEVEL + 24 * level) for level in range(6)]
    places = [place for place, _, _ in entries]

    assert places == sorted(places, reverse=True)
    assert all(place % 16 == 0 for place in places)
    assert places[0] + entries[0][1] == len(file)


@pytest.mark.parametrize(
    ("scheme", "pack"), [(2, zstandard.ZstdCompressor().compress), (3, zlib.compress)]
)
def test_packed_levels_of_ktx2_are_read(scheme: int, pack: Any) -> None:
    plain = landscape(8, 8).tobytes()
    texture = GpuTexture(gpu=BY_NAME["rgba8"], width=8, height=8, levels=(plain,))
    file = bytearray(ktx2_of(texture))
    place, _, size = LEVEL_ENTRY.unpack_from(file, FIRST_LEVEL)
    packed = pack(plain)
    struct.pack_into("<I", file, 44, scheme)
    LEVEL_ENTRY.pack_into(file, FIRST_LEVEL, place, len(packed), size)

    found = read_ktx2(io.BytesIO(bytes(file[:place]) + packed))

    assert bytes(found.levels[0]) == plain


def _scheme(file: bytearray, value: int) -> bytes:
    struct.pack_into("<I", file, 44, value)
    return bytes(file)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda file: bytes(file[:60]), ErrorCode.ASSET_INVALID),
        (lambda file: bytes(file[:-9]), ErrorCode.ASSET_INVALID),
        (lambda file: bytes(file[:20]) + struct.pack("<2I", 1 << 31, 1 << 31) + bytes(file[28:]),
         ErrorCode.ASSET_LIMIT),
        (lambda file: bytes(file[:20]) + struct.pack("<2I", 0, 8) + bytes(file[28:]),
         ErrorCode.ASSET_INVALID),
        (lambda file: bytes(file[:40]) + struct.pack("<I", 31) + bytes(file[44:]),
         ErrorCode.ASSET_INVALID),
        (lambda file: bytes(file[:12]) + struct.pack("<I", 999) + bytes(file[16:]),
         ErrorCode.ASSET_INVALID),
        (lambda file: _scheme(file, 1), ErrorCode.ASSET_INVALID),
        (lambda file: _scheme(file, 2), ErrorCode.ASSET_INVALID),
        (lambda file: _scheme(file, 77), ErrorCode.ASSET_INVALID),
    ],
)  # fmt: skip
def test_damaged_ktx2_is_refused(change: Any, code: ErrorCode) -> None:
    file = bytearray(ktx2_of(texture_of("bc7", landscape(16, 16))))

    with pytest.raises(AssetError) as refused:
        read_ktx2(io.BytesIO(change(file)))

    assert refused.value.code is code


@pytest.mark.parametrize("cut", [0, 4, 127, 140, -1])
def test_cut_dds_is_refused(cut: int) -> None:
    file = b"".join(dds_pieces(texture_of("bc7", landscape(16, 16)), has_alpha=False))

    with pytest.raises(AssetError) as refused:
        read_dds(io.BytesIO(file[:cut]))

    assert refused.value.code is ErrorCode.ASSET_INVALID


@pytest.mark.parametrize(("mode", "settings"), [
    ("RGBA", {}), ("RGB", {}), ("L", {}),
    ("RGBA", {"pixel_format": "DXT1"}), ("RGBA", {"pixel_format": "DXT3"}),
    ("RGBA", {"pixel_format": "DXT5"}),
])  # fmt: skip
def test_dds_files_of_pillow_are_read(mode: str, settings: dict[str, str]) -> None:
    picture = Image.fromarray(landscape(32, 16)).convert(mode)
    stream = io.BytesIO()
    picture.save(stream, "DDS", **settings)
    theirs = np.asarray(Image.open(io.BytesIO(stream.getvalue())).convert("RGBA"))

    texture = read_dds(io.BytesIO(stream.getvalue()))
    ours = decode_level(texture.levels[0], 32, 16, texture.gpu)

    assert np.abs(ours.astype(int) - theirs).max() <= (8 if settings else 0)


def test_third_channel_of_normals_follows_from_the_others() -> None:
    pixels = normal_map(32, 32)
    gpu = BY_NAME["bc5"]

    decoded = decode_level(encode_level(pixels, gpu, Effort.SHIP, has_alpha=False), 32, 32, gpu)

    assert np.abs(with_z(decoded)[..., 2].astype(int) - pixels[..., 2]).max() <= 6


@pytest.mark.parametrize("name", ["r8", "rg8", "rgb8", "bgra8", "rgba16", "rgba16f", "rg32f"])
def test_plain_formats_are_read(name: str) -> None:
    gpu = BY_NAME[name]
    data = bytes(range(240))[: gpu.level_bytes(3, 2)]
    texture = GpuTexture(gpu=gpu, width=3, height=2, levels=(data,))

    found = read_ktx2(io.BytesIO(ktx2_of(texture)))

    assert found.gpu == gpu
    assert decode_level(found.levels[0], 3, 2, gpu).shape == (2, 3, 4)
    if name == "bgra8":
        assert decode_level(data, 3, 2, gpu)[0, 0].tolist() == [2, 1, 0, 3]


@pytest.mark.parametrize("is_packed", [False, True])
def test_radiance_pictures_are_read(is_packed: bool) -> None:
    pixels = landscape(40, 12)[..., :3].astype(np.float32) * 3
    pixels[4, :30] = 700.0

    found, facts = read_hdr(io.BytesIO(radiance(pixels, is_packed=is_packed)))

    assert (facts.width, facts.height, facts.is_float) == (40, 12, True)
    assert (np.abs(found[..., :3] - pixels) <= pixels.max(axis=-1, keepdims=True) / 100).all()


@pytest.mark.parametrize("cut", [11, 40, -1, 200])
def test_cut_radiance_pictures_are_refused(cut: int) -> None:
    file = radiance(landscape(40, 12)[..., :3].astype(np.float32))

    with pytest.raises(AssetError) as refused:
        read_hdr(io.BytesIO(file[:cut]))

    assert refused.value.code is ErrorCode.ASSET_INVALID


def test_repetitions_of_old_radiance_pictures_are_unrolled() -> None:
    body = bytes((10, 20, 30, 129)) + bytes((1, 1, 1, 5)) + bytes((40, 50, 60, 129)) * 2
    file = b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 2 +X 4\n" + body

    found, _ = read_hdr(io.BytesIO(file))

    assert found[..., 0].tolist() == [[10 / 128] * 4, [10 / 128] * 2 + [40 / 128] * 2]


def test_level_sizes_end_at_one_pixel() -> None:
    assert level_sizes(5, 2) == [(5, 2), (2, 1), (1, 1)]
    assert level_sizes(1, 1) == [(1, 1)]
