"""Block compression of one level: BC1–BC7 by ISPC, ETC2 and EAC by etcpak, ASTC by astcenc.

Levels are cut into bands of whole block rows, which are independent of each other. BC7 sorts the
blocks of a picture with alpha: a profile without alpha is much faster, but discards it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Literal

import astc_encoder
import etcpak
import ispc_texcomp
import numpy as np
import texture2ddecoder

from slate_desktop.domain.assets.texture import Effort
from slate_desktop.pipeline.texture.bands import MAX_THREADS, map_threads, row_bands, thread_count
from slate_desktop.pipeline.texture.gpuformats import GpuFormat
from slate_desktop.pipeline.texture.image import Pixels

# A uint32 of a pixel whose alpha, its highest byte on little-endian machines, is 255.
_OPAQUE = np.uint32(0xFF000000)

# Profiles for opaque blocks and for others; and what a preview's worst blocks are done again with.
_BC7: dict[Effort, tuple[Any, Any]] = {
    Effort.PREVIEW: ("ultrafast", "alpha_ultrafast"),
    Effort.SHIP: ("veryfast", "alpha_veryfast"),
}
_WORST_SHARE = 0.03
_JUDGED_ROWS = (0, 2)
# More partitions of mode 1 and none of mode 3 give 0.01 to 0.03 dB in less time than the profile as
# it comes; one partition of mode 7 instead of four costs 0.15 dB and saves a fifth.
_BC7_TUNING = {
    "veryfast": {"fast_skip_threshold_mode1": 4, "fast_skip_threshold_mode3": 0},
    "alpha_veryfast": {"fast_skip_threshold_mode7": 1},
}
_BC6H: dict[Effort, Literal["veryfast", "fast", "basic"]] = {
    Effort.PREVIEW: "veryfast",
    Effort.SHIP: "basic",
}
# Of astcenc's scale of 0 to 100.
_ASTC_QUALITY = {Effort.PREVIEW: 0, Effort.SHIP: 60}


def encode_level(pixels: Pixels, gpu: GpuFormat, effort: Effort, *, has_alpha: bool) -> bytes:
    """Compress one level; see ``encode_levels``."""
    return encode_levels([pixels], gpu, effort, has_alpha=has_alpha)[0]


def encode_levels(
    levels: Sequence[Pixels],
    gpu: GpuFormat,
    effort: Effort,
    *,
    has_alpha: bool,
    progress: Callable[[float], None] = lambda _: None,
) -> list[bytes]:
    """Compress levels, bands of all of them side by side.

    Args:
        levels: each (height, width, 4), uint8, or float16 for BC6H. Sides need not fit the blocks.
        gpu: block format to reach, not a plain one.
        effort: how long to search.
        has_alpha: some pixel is not opaque; otherwise alpha is not looked at.
        progress: told the fraction that is done.
    """
    bands = [
        (number, top, bottom)
        for number, level in enumerate(levels)
        for top, bottom in _bands_of(level, gpu)
    ]
    sizes = [(bottom - top) * levels[number].shape[1] for number, top, bottom in bands]
    total, done = sum(sizes), 0

    def tell(number: int) -> None:
        nonlocal done
        done += sizes[number]
        progress(done / total)

    encode = _band_encoder(gpu, effort, has_alpha=has_alpha)

    def work(band: tuple[int, int, int]) -> bytes:
        number, top, bottom = band
        return encode(levels[number][top:bottom])

    # astcenc has threads of its own; etcpak keeps the interpreter's lock, so that threads would
    # only wait for each other.
    most = 1 if gpu.name.startswith(("astc", "etc2", "eac")) else MAX_THREADS
    parts: list[list[bytes]] = [[] for _ in levels]
    for (number, _, _), part in zip(bands, map_threads(work, bands, tell, most), strict=True):
        parts[number].append(part)
    return [b"".join(each) for each in parts]


def _bands_of(level: Pixels, gpu: GpuFormat) -> list[tuple[int, int]]:
    height, width = level.shape[:2]
    if gpu.name.startswith("astc"):
        return [(0, height)]
    return row_bands(height, width, gpu.block_height)


def _padded(band: Pixels, gpu: GpuFormat) -> Pixels:
    """Return a band in whole blocks, contiguous; the last row and column are repeated."""
    height, width = band.shape[:2]
    across, down = gpu.blocks(width, height)
    right, below = across * gpu.block_width - width, down * gpu.block_height - height
    if right or below:
        band = np.pad(band, ((0, below), (0, right), (0, 0)), mode="edge")
    return np.ascontiguousarray(band)


def _band_encoder(gpu: GpuFormat, effort: Effort, *, has_alpha: bool) -> Callable[[Pixels], bytes]:
    if gpu.name.startswith("astc"):
        return lambda band: _astc(band, gpu, effort)
    encode = _block_encoder(gpu, effort, has_alpha=has_alpha)
    return lambda band: encode(_padded(band, gpu))


def _block_encoder(gpu: GpuFormat, effort: Effort, *, has_alpha: bool) -> Callable[[Pixels], bytes]:
    match gpu.name:
        case "bc1":
            return _bc1
        case "bc3":
            return lambda band: ispc_texcomp.compress_blocks_bc3(_surface(band))
        case "bc4":
            return lambda band: ispc_texcomp.compress_blocks_bc4(_surface(band[..., :1]))
        case "bc5":
            return lambda band: ispc_texcomp.compress_blocks_bc5(_surface(band[..., :2]))
        case "bc6h":
            return lambda band: ispc_texcomp.compress_blocks_bc6h(
                _surface(band), _bc6h_settings(_BC6H[effort])
            )
        case "bc7":
            if has_alpha:
                return lambda band: _bc7_sorted(band, effort)
            settings = _bc7_settings(_BC7[effort][0])
            return lambda band: ispc_texcomp.compress_blocks_bc7(_surface(band), settings)
        case _:
            return _etc_encoder(gpu)


def _surface(band: Pixels) -> ispc_texcomp.RGBASurface:
    height, width = band.shape[:2]
    data = np.ascontiguousarray(band)
    return ispc_texcomp.RGBASurface(data.data, width, height, data.strides[0])


def _bc1(band: Pixels) -> bytes:
    height, width = band.shape[:2]
    # WORKAROUND(ispc-texcomp 1.0.1): BC1 returns twice the bytes, the second half unused; see
    # https://github.com/K0lb3/ispc_texcomp_py. Right once the length is that of the blocks.
    return ispc_texcomp.compress_blocks_bc1(_surface(band))[: width * height // 2]


def _bc7_sorted(band: Pixels, effort: Effort) -> bytes:
    """Encode blocks of one colour once each, opaque ones without alpha, and the rest with it."""
    height, width = band.shape[:2]
    count = width * height // 16
    # A row of a block is 16 bytes: moved as one value.
    rows = band.reshape(height, width * 4).view("V16").reshape(height // 4, 4, width // 4)
    blocks = np.ascontiguousarray(rows.transpose(0, 2, 1)).reshape(count, 4)
    texels = blocks.view(np.uint32).reshape(count, 16)
    is_plain = (texels == texels[:, :1]).all(axis=1)
    is_opaque = (np.bitwise_and.reduce(texels, axis=1) >= _OPAQUE) & ~is_plain
    result = np.empty(count, "V16")
    if is_plain.any():
        _, first, inverse = np.unique(texels[is_plain, 0], return_index=True, return_inverse=True)
        result[is_plain] = _bc7_strip(blocks[is_plain][first], "alpha_veryfast")[inverse]
    for chosen, index in ((is_opaque, 0), (~is_plain & ~is_opaque, 1)):
        if chosen.any():
            result[chosen] = _bc7_blocks(blocks[chosen], effort, index)
    return result.tobytes()


def _bc7_blocks(blocks: Any, effort: Effort, index: int) -> Any:
    """Encode blocks; a preview does its worst ones again, which hold most of the error."""
    result = _bc7_strip(blocks, _BC7[effort][index])
    worst = int(len(blocks) * _WORST_SHARE)
    if effort is Effort.SHIP or not worst:
        return result
    loss = _loss(blocks, result)
    again = np.argpartition(loss, -worst)[-worst:]
    result = result.copy()
    result[again] = _bc7_strip(blocks[again], _BC7[Effort.SHIP][index])
    return result


def _loss(blocks: Any, encoded: Any) -> Any:
    """Return about how far encoded blocks are off, by every second row of each."""
    bgra = texture2ddecoder.decode_bc7(encoded.tobytes(), len(blocks) * 4, 4)
    decoded = np.frombuffer(bgra, np.uint8).reshape(4, len(blocks), 4, 4)
    source = blocks.view(np.uint8).reshape(len(blocks), 4, 4, 4)
    loss = np.zeros(len(blocks), np.float32)
    for row in _JUDGED_ROWS:
        # The decoder's order is blue, green, red.
        for ours, theirs in ((0, 2), (1, 1), (2, 0), (3, 3)):
            error = np.subtract(
                decoded[row, :, :, theirs], source[:, row, :, ours], dtype=np.int16
            ).astype(np.float32)
            loss += np.einsum("ab,ab->a", error, error)
    return loss


def _bc7_strip(blocks: Any, profile: Any) -> Any:
    """Encode blocks (n, 4 rows of 16 bytes) side by side, as the encoder is fastest."""
    strip = np.ascontiguousarray(blocks.T)
    surface = ispc_texcomp.RGBASurface(
        strip.view(np.uint8).data, len(blocks) * 4, 4, len(blocks) * 16
    )
    encoded = ispc_texcomp.compress_blocks_bc7(surface, _bc7_settings(profile))
    return np.frombuffer(encoded, "V16")


def _etc_encoder(gpu: GpuFormat) -> Callable[[Pixels], bytes]:
    compress = {
        "etc2_rgb": etcpak.compress_etc2_rgb,
        "etc2_rgba": etcpak.compress_etc2_rgba,
        "eac_r": etcpak.compress_eac_r,
        "eac_rg": etcpak.compress_eac_rg,
    }[gpu.name]

    def encode(band: Pixels) -> bytes:
        height, width = band.shape[:2]
        # etcpak swaps red and blue in the caller's bytes: these are nobody else's.
        # WORKAROUND(etcpak 0.9.15): one channel returns twice the bytes, the second half unused;
        # see https://github.com/K0lb3/etcpak. Right once the length is that of the blocks.
        return compress(band.tobytes(), width, height)[: gpu.level_bytes(width, height)]

    return encode


def _astc(pixels: Pixels, gpu: GpuFormat, effort: Effort) -> bytes:
    height, width = pixels.shape[:2]
    context = astc_encoder.ASTCContext(
        astc_encoder.ASTCConfig(
            astc_encoder.ASTCProfile.LDR_SRGB if gpu.is_srgb else astc_encoder.ASTCProfile.LDR,
            gpu.block_width,
            gpu.block_height,
            1,
            _ASTC_QUALITY[effort],
        ),
        thread_count(),
    )
    image = astc_encoder.ASTCImage(
        astc_encoder.ASTCType.U8, width, height, 1, np.ascontiguousarray(pixels).tobytes()
    )
    return context.compress(image, astc_encoder.ASTCSwizzle())


@lru_cache
def _bc7_settings(name: Any) -> Any:
    settings = ispc_texcomp.BC7EncSettings.from_profile(name)
    for field, value in _BC7_TUNING.get(name, {}).items():
        setattr(settings, field, value)
    return settings


@lru_cache
def _bc6h_settings(name: Literal["veryfast", "fast", "basic"]) -> Any:
    return ispc_texcomp.BC6HEncSettings.from_profile(name)
