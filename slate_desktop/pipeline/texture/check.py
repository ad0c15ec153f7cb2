"""Every product is opened again: sides, levels, and how near it is to what went in."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from slate_desktop.domain.assets.texture import TextureFormat, TextureMeasure
from slate_desktop.errors import AssetError
from slate_desktop.pipeline.texture.canvas import Canvas
from slate_desktop.pipeline.texture.container import GpuTexture
from slate_desktop.pipeline.texture.dds import read_dds
from slate_desktop.pipeline.texture.gpuformats import GpuFormat
from slate_desktop.pipeline.texture.image import Pixels
from slate_desktop.pipeline.texture.ktx2 import read_ktx2
from slate_desktop.pipeline.texture.metrics import Likeness, compare
from slate_desktop.pipeline.texture.source import read
from slate_desktop.pipeline.texture.unblocks import decode_rows

# Less than this is no loss of compression but a wrong picture: noise compares with noise at 8 dB.
_LEAST_DB = 7.0
# On fewer pixels than this a single colour may be far off.
_TELLING_PIXELS = 64
_LOSSLESS = (TextureFormat.PNG, TextureFormat.TGA)


def check_gpu(
    path: Path, levels: list[Pixels], gpu: GpuFormat, channels: tuple[int, ...]
) -> TextureMeasure:
    """Open a GPU's file again and compare each level.

    Args:
        path: of the file.
        levels: what went in.
        gpu: the format that was asked for.
        channels: that the format was asked to keep.

    Raises:
        AssetError: ``asset_crash``: an encoder made something else.
    """
    with path.open("rb") as stream:
        is_dds = path.suffix == f".{TextureFormat.DDS.value}"
        texture = read_dds(stream) if is_dds else read_ktx2(stream)
    sides = texture.height, texture.width, len(texture.levels)
    if sides != (*levels[0].shape[:2], len(levels)) or not _is_same(texture.gpu, gpu):
        raise AssetError.crash(f"{path.name} does not hold what was encoded.")
    found = [_compare_level(texture, levels, index, channels) for index in range(len(levels))]
    if not gpu.is_float:
        _check_likeness(path, found[0], levels[0].shape)
    return TextureMeasure(
        path=path.name,
        encoding=gpu.name,
        width=texture.width,
        height=texture.height,
        levels=len(levels),
        vram_bytes=sum(map(len, texture.levels)),
        psnr_db=found[0].psnr_db,
        ssim=found[0].ssim,
        level_psnr_db=tuple(likeness.psnr_db for likeness in found),
        level_ssim=tuple(likeness.ssim for likeness in found),
    )


def check_picture(
    path: Path, canvas: Canvas, form: TextureFormat, channels: tuple[int, ...]
) -> TextureMeasure:
    """Open a picture again and compare it.

    Raises:
        AssetError: ``asset_crash``: an encoder made something else.
    """
    image = read(path, is_data=True)
    decoded = image.pixels
    if decoded.shape != canvas.shape or image.facts.format != form.value:
        raise AssetError.crash(f"{path.name} does not hold what was encoded.")
    # Lossy formats do not keep the colour of what is clear.
    see = _as_seen if form not in _LOSSLESS and 3 in channels else _as_stored
    found = compare(
        canvas.shape,
        lambda top, bottom: see(canvas.rows(top, bottom)),
        lambda top, bottom: see(decoded[top:bottom]),
        channels,
        1,
    )
    _check_likeness(path, found, canvas.shape)
    if form in _LOSSLESS and found.psnr_db is not None:
        raise AssetError.crash(f"{path.name} is not equal to what was encoded.")
    return TextureMeasure(
        path=path.name,
        encoding=form.value,
        width=image.facts.width,
        height=image.facts.height,
        levels=1,
        vram_bytes=image.facts.gpu_bytes,
        psnr_db=found.psnr_db,
        ssim=found.ssim,
    )


def _compare_level(
    texture: GpuTexture, levels: list[Pixels], index: int, channels: tuple[int, ...]
) -> Likeness:
    data, encoded, gpu = texture.levels[index], levels[index], texture.gpu
    width = encoded.shape[1]

    return compare(
        encoded.shape,
        lambda top, bottom: encoded[top:bottom],
        lambda top, bottom: decode_rows(data, width, (top, bottom), gpu),
        channels,
        gpu.block_height,
    )


def _as_seen(pixels: Pixels) -> Pixels:
    """Return colours multiplied by alpha."""
    wide = pixels.astype(np.uint16)
    wide[..., :3] = (wide[..., :3] * wide[..., 3:] + 127) // 255
    return wide.astype(np.uint8)


def _as_stored(pixels: Pixels) -> Pixels:
    return pixels


def _is_same(found: GpuFormat, wanted: GpuFormat) -> bool:
    # DXGI has one number for BC1 with and without clear pixels.
    names = {found.name, wanted.name}
    return len(names) == 1 or names == {"bc1", "bc1a"}


def _check_likeness(path: Path, found: Likeness, shape: tuple[int, ...]) -> None:
    is_telling = shape[0] * shape[1] >= _TELLING_PIXELS
    if is_telling and found.psnr_db is not None and found.psnr_db < _LEAST_DB:
        raise AssetError.crash(f"{path.name} does not look like what was encoded.")
