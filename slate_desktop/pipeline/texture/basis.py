"""Basis Universal through an installed ``basisu``; no library with a licence does it in Python."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from PIL import Image

from slate_desktop.domain.assets.texture import (
    ColorSpace,
    Effort,
    TextureMeasure,
    TextureOptions,
    TextureUsage,
)
from slate_desktop.errors import AssetError, CommandError, ErrorCode
from slate_desktop.pipeline.texture.gpuformats import BY_NAME, level_sizes
from slate_desktop.pipeline.texture.image import Pixels
from slate_desktop.pipeline.texture.ktx2 import read_basis_facts
from slate_desktop.pipeline.texture.metrics import compare
from slate_desktop.pipeline.texture.source import read
from slate_desktop.pipeline.texture.usage import Verdict

PROGRAM = "basisu"
_LIMIT_S = 240
# Of its scale of 0 to 4.
_LEVEL = {Effort.PREVIEW: 0, Effort.SHIP: 2}


def find_program() -> str:
    """Return the path of ``basisu``.

    Raises:
        CommandError: ``bad_request``: it is not installed here.
    """
    found = shutil.which(PROGRAM)
    if found is None:
        raise CommandError(
            ErrorCode.BAD_REQUEST,
            f"Basis Universal needs the program {PROGRAM}, which is not installed here.",
            field="compression",
            hint=f"Install {PROGRAM} on the workers, or choose bc7, astc or etc2.",
        )
    return found


def write_basis(
    path: Path, pixels: Pixels, verdict: Verdict, options: TextureOptions, program: str
) -> TextureMeasure:
    """Write a KTX2 with UASTC and compare its largest level.

    Args:
        path: to write; its folder also holds what lies between.
        pixels: uint8 RGBA.
        verdict: about the texture.
        options: of the job.
        program: path of ``basisu``.

    Raises:
        AssetError: the program fails, or made something else.
    """
    folder = path.parent / f".{path.stem[:40]}.basis"
    folder.mkdir()
    try:
        picture = folder / "picture.png"
        Image.fromarray(pixels if verdict.has_alpha else pixels[..., :3]).save(picture)
        command = [program, "-ktx2", "-uastc", "-uastc_level", str(_LEVEL[options.effort])]
        command += ["-file", str(picture), "-output_file", str(folder / "made.ktx2")]
        if options.generate_mipmaps:
            command.append("-mipmap")
        if verdict.color_space is not ColorSpace.SRGB:
            command.append("-linear")
        if verdict.usage is TextureUsage.NORMAL:
            command.append("-mip_renorm")
        _run(command)
        measure = _check(path, folder, pixels, verdict, options, program)
        (folder / "made.ktx2").rename(path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return measure


def _check(
    path: Path,
    folder: Path,
    pixels: Pixels,
    verdict: Verdict,
    options: TextureOptions,
    program: str,
) -> TextureMeasure:
    height, width = pixels.shape[:2]
    sizes = level_sizes(width, height)
    levels = len(sizes) if options.generate_mipmaps else 1
    with (folder / "made.ktx2").open("rb") as stream:
        if read_basis_facts(stream) != (width, height, levels):
            raise AssetError.crash(f"{path.name} does not hold what was encoded.")
    _run([program, "-unpack", "-no_ktx", "-file", "made.ktx2"], folder)
    # UASTC is a part of ASTC: this is what it holds, without a further loss.
    decoded = _unpacked(folder, "rgb")
    if verdict.has_alpha:
        decoded[..., 3] = _unpacked(folder, "a")[..., 0]
    channels = (0, 1, 2, 3) if verdict.has_alpha else (0, 1, 2)
    likeness = compare(
        pixels.shape,
        lambda top, bottom: pixels[top:bottom],
        lambda top, bottom: decoded[top:bottom],
        channels,
        1,
    )
    return TextureMeasure(
        path=path.name,
        encoding="basis",
        width=width,
        height=height,
        levels=levels,
        # What it becomes on a desktop's GPU.
        vram_bytes=sum(BY_NAME["bc7"].level_bytes(*size) for size in sizes[:levels]),
        psnr_db=likeness.psnr_db,
        ssim=likeness.ssim,
    )


def _unpacked(folder: Path, part: str) -> Pixels:
    found = folder / f"made_unpacked_{part}_ASTC_RGBA_0_0_0000.png"
    if not found.exists():
        raise AssetError.crash(f"{PROGRAM} cannot unpack what it made.")
    return read(found, is_data=True).pixels


def _run(command: list[str], folder: Path | None = None) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - options are ours, names lie in our own folder
            command, cwd=folder, capture_output=True, timeout=_LIMIT_S, check=True
        )
    except subprocess.TimeoutExpired as exc:
        raise AssetError.limit(f"{PROGRAM} took longer than {_LIMIT_S} s.") from exc
    except (OSError, subprocess.CalledProcessError) as exc:
        raise AssetError.crash(f"{PROGRAM} failed.") from exc
    return done.stdout.decode("utf-8", "replace")
