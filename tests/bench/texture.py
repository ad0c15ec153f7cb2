"""Textures to BC7 with all mips against Pillow with etcpak: time and likeness in the same run.

Compared is decoding, mips, compression and writing. The whole job, which also opens its product
again and measures every level, stands beside it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from slate_desktop.domain.assets.texture import (
    ColorSpace,
    Compression,
    Effort,
    TextureFormat,
    TextureOptions,
    TextureUsage,
)
from slate_desktop.pipeline import texture
from slate_desktop.pipeline.texture import gpu_write
from slate_desktop.pipeline.texture.gpuformats import BY_NAME
from slate_desktop.pipeline.texture.usage import judge
from tests.bench.harness import Result
from tests.services.shared_assets import shared_assets_dir

_ROUNDS = int(os.environ.get("SLATE_BENCH_ROUNDS", "3"))
_PEER = "Pillow + etcpak"
# By effort and whether there is alpha: the speed-up, and decibels over the peer's.
_GOALS = {
    (Effort.PREVIEW, False): (15.0, -1.5),
    (Effort.PREVIEW, True): (4.0, -1.5),
    (Effort.SHIP, False): (2.0, 1.5),
    (Effort.SHIP, True): (1.2, 1.2),
}


@dataclass
class _Times:
    """Seconds of each round, on the wall and of the processor."""

    wall: list[float] = field(default_factory=list)
    used: list[float] = field(default_factory=list)

    def add(self, work: Callable[[], object]) -> None:
        began, used = time.perf_counter(), time.process_time()
        work()
        self.wall.append(time.perf_counter() - began)
        self.used.append(time.process_time() - used)


def run() -> list[Result]:
    """Speed-up and likeness of each texture with each effort."""
    assets = shared_assets_dir()
    if assets is None:
        raise SystemExit("the shared assets are needed: see tests/README.md")
    results: list[Result] = []
    with TemporaryDirectory() as directory:
        folder = Path(directory)
        for name in ("wool_albedo.png", "texture_rock_albedo.png", "goblin_alpha.png"):
            results += _compare(assets / "textures" / name, folder)
        results += _compare(_tiled(assets / "textures" / "wool_albedo.png", folder), folder)
    for result in results:
        result.show()
    return results


def _tiled(source: Path, folder: Path) -> Path:
    """Return the texture four times beside itself, as one of 2048 pixels each way."""
    from PIL import Image

    with Image.open(source) as picture:
        width, height = picture.size
        large = Image.new("RGB", (2 * width, 2 * height))
        for left, top in ((0, 0), (width, 0), (0, height), (width, height)):
            large.paste(picture, (left, top))
    path = folder / "wool_2048_albedo.png"
    large.save(path)
    return path


def _compare(source: Path, folder: Path) -> list[Result]:
    original = texture.read(source, is_data=True).pixels
    has_alpha = bool((original[..., 3] < 255).any())
    title = f"{source.stem}, {original.shape[1]} × {original.shape[0]}"
    peer = _Times()
    path, job = ({effort: _Times() for effort in Effort} for _ in range(2))
    theirs, made = folder / "peer.dds", folder / "made.ktx2"
    product = folder / f"{source.stem}.ktx2"
    likeness: dict[Effort, float] = {}
    # The first round warms tables and caches on both sides, and is not counted.
    for number in range(_ROUNDS + 1):
        if number == 1:
            peer, path, job = _Times(), *({effort: _Times() for effort in Effort} for _ in "12")
        peer.add(lambda: _peer_path(source, theirs))
        for effort in Effort:
            made.unlink(missing_ok=True)
            path[effort].add(lambda effort=effort: _our_path(source, made, effort))
            product.unlink(missing_ok=True)
            job[effort].add(lambda effort=effort: _our_job(source, folder, effort))
            likeness[effort] = _psnr(original, product, has_alpha=has_alpha)
    their_db = _psnr(original, theirs, has_alpha=has_alpha)
    results: list[Result] = []
    for effort in Effort:
        speed, decibels = _GOALS[effort, has_alpha]
        rate = Result(f"{title}, {effort.value}", _PEER, "textures/s", goal=speed)
        rate.peer_values = [1 / seconds for seconds in peer.wall]
        rate.our_values = [1 / seconds for seconds in path[effort].wall]
        rate.note = (
            f"processor {_ratio(peer.used, path[effort].used):.1f}x; the whole job with its checks"
            f" {_ratio(peer.wall, job[effort].wall):.1f}x, {min(job[effort].wall):.2f} s,"
            f" processor {_ratio(peer.used, job[effort].used):.1f}x"
        )
        near = Result(f"{title}, {effort.value}: PSNR", f"{_PEER} {decibels:+} dB", "dB")
        near.peer_values, near.our_values = [their_db + decibels], [likeness[effort]]
        near.note = f"{likeness[effort] - their_db:+.3f} dB against the peer"
        results += [rate, near]
    return results


def _ratio(theirs: list[float], ours: list[float]) -> float:
    return min(theirs) / min(ours)


def _options(effort: Effort) -> TextureOptions:
    return TextureOptions(
        format=TextureFormat.KTX2,
        compression=Compression.BC7,
        usage=TextureUsage.COLOUR,
        color_space=ColorSpace.SRGB,
        effort=effort,
    )


def _our_path(source: Path, target: Path, effort: Effort) -> None:
    """What a job does but for its checks: decode, mips, compress, write."""
    options = _options(effort)
    image = texture.read(source, only_largest=True)
    verdict = judge(image.pixels, image.facts, source.stem, options)
    levels = gpu_write.make_levels(image.pixels, verdict, options)
    gpu = BY_NAME["bc7"].in_space(is_srgb=True)
    gpu_write.write_gpu(target, levels, gpu, verdict, options, lambda _: None)


def _our_job(source: Path, folder: Path, effort: Effort) -> None:
    texture.process(source, folder, _options(effort), progress=lambda *_: None)


def _peer_path(source: Path, target: Path) -> None:
    """What the usual libraries offer: Pillow decodes and resizes, etcpak compresses."""
    import etcpak
    import numpy as np
    from PIL import Image

    from slate_desktop.pipeline.texture.container import GpuTexture
    from slate_desktop.pipeline.texture.dds import dds_pieces

    with Image.open(source) as opened:
        level = opened.convert("RGBA")
    width, height = level.size
    encoded: list[bytes] = []
    while True:
        across, down = level.size
        pixels = np.asarray(level)
        if across % 4 or down % 4:
            pixels = np.pad(pixels, ((0, -down % 4), (0, -across % 4), (0, 0)), mode="edge")
        rows, columns = pixels.shape[:2]
        encoded.append(etcpak.compress_bc7(pixels.tobytes(), columns, rows, None))
        if level.size == (1, 1):
            break
        level = level.resize((max(1, across // 2), max(1, down // 2)), Image.Resampling.BOX)
    # Neither library writes the container: ours, whose time is hardly measurable.
    whole = GpuTexture(gpu=BY_NAME["bc7"], width=width, height=height, levels=tuple(encoded))
    with target.open("wb") as file:
        file.writelines(dds_pieces(whole, has_alpha=True))


def _psnr(original: Any, path: Path, *, has_alpha: bool) -> float:
    """Return decibels of the largest level against the source, over the channels that count."""
    import numpy as np

    channels = 4 if has_alpha else 3
    decoded = texture.read(path, is_data=True, only_largest=True).pixels
    error = np.subtract(decoded, original, dtype=np.int16)[..., :channels].astype(np.float64)
    return float(10 * np.log10(255**2 / (error * error).mean()))


if __name__ == "__main__":
    run()
