"""One texture job: read, judge, resize, write the picture and the GPU's file, check both."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from slate_desktop.domain.assets.kinds import AssetKind
from slate_desktop.domain.assets.naming import product_stem
from slate_desktop.domain.assets.product import Product
from slate_desktop.domain.assets.report import ProcessResult
from slate_desktop.domain.assets.texture import (
    ColorSpace,
    Compression,
    TextureFormat,
    TextureMeasure,
    TextureOptions,
    TextureReport,
    TextureUsage,
)
from slate_desktop.pipeline.run import Progress
from slate_desktop.pipeline.texture import basis
from slate_desktop.pipeline.texture.canvas import Canvas
from slate_desktop.pipeline.texture.check import check_gpu, check_picture
from slate_desktop.pipeline.texture.gpu_write import (
    choose_gpu_format,
    compared_channels,
    in_type_of,
    make_levels,
    to_bytes,
    write_gpu,
)
from slate_desktop.pipeline.texture.gpuformats import GpuFormat
from slate_desktop.pipeline.texture.image import Pixels, TextureImage
from slate_desktop.pipeline.texture.light import Curve
from slate_desktop.pipeline.texture.picture_write import check_format, write_picture
from slate_desktop.pipeline.texture.resize import (
    crop_box,
    resize_colour,
    resize_float,
    resize_normals,
    target_size,
)
from slate_desktop.pipeline.texture.source import read, read_facts
from slate_desktop.pipeline.texture.unblocks import with_z
from slate_desktop.pipeline.texture.usage import (
    Verdict,
    best_compression,
    judge,
    usage_of_name,
)
from slate_desktop.pipeline.tools import basisu_version, tool_versions

_ENDING = {TextureFormat.JPEG: "jpg"}
_DATA = (TextureUsage.NORMAL, TextureUsage.MASK)
_BLOCK = 4
_TITLES = {
    TextureUsage.COLOUR: "a colour texture",
    TextureUsage.NORMAL: "a normal map",
    TextureUsage.MASK: "a mask texture",
}


@dataclass(slots=True)
class _Job:
    """What one job knows and has made so far."""

    source: Path
    out_dir: Path
    options: TextureOptions
    progress: Progress
    started_s: float = field(default_factory=time.monotonic)
    warnings: list[str] = field(default_factory=list)
    products: list[Product] = field(default_factory=list)
    measures: list[TextureMeasure] = field(default_factory=list)
    tools: dict[str, str] = field(default_factory=dict)


def process(
    source: Path, out_dir: Path, options: TextureOptions, *, progress: Progress
) -> ProcessResult:
    """Make the products of a texture in ``out_dir``.

    Args:
        source: a regular file.
        out_dir: the job's own folder, which exists.
        options: what shall be done.
        progress: told the fraction that is done, and what is being done.

    Raises:
        AssetError: the file is not sound, needs more than is allowed, or cannot be written so.
    """
    job = _Job(source, out_dir, options, progress)
    job.tools.update(tool_versions(AssetKind.TEXTURE))
    input_size = source.stat(follow_symlinks=False).st_size
    progress(0.02, "reading")
    if not options.format.is_container:
        # Before anything is decoded: what cannot be written need not be read.
        header = read_facts(source)
        check_format(options.format, *target_size(options, header.width, header.height))
    image = _read(job)
    facts = image.facts
    verdict = judge(image.pixels, facts, source.stem, options)
    canvas = Canvas(_resized(job, image, verdict))
    del image
    height, width = canvas.shape[:2]
    compression = _compression(options, verdict, is_float=facts.is_float)
    try:
        if not options.format.is_container:
            check_format(options.format, width, height)
        # The GPU's file first: for the picture's encoder the pixels may have to step aside.
        if options.gpu_container is not None:
            _make_gpu(job, canvas.pixels(), verdict, compression)
        if not options.format.is_container:
            _make_picture(job, canvas, verdict)
    finally:
        canvas.close()
    better = _better(job, verdict, compression, is_float=facts.is_float)
    progress(1.0, "done")
    report = TextureReport(
        input_size=input_size,
        duration_ms=round((time.monotonic() - job.started_s) * 1000),
        tools=dict(sorted(job.tools.items())),
        warnings=tuple(dict.fromkeys([*facts.notes, *job.warnings])),
        input_format=facts.format,
        input_width=facts.width,
        input_height=facts.height,
        width=width,
        height=height,
        has_alpha=verdict.has_alpha,
        is_cutout=verdict.is_cutout,
        usage=verdict.usage,
        color_space=verdict.color_space,
        compression=compression,
        better_compression=better,
        measures=tuple(job.measures),
    )
    return ProcessResult(kind=AssetKind.TEXTURE, products=tuple(job.products), report=report)


def _read(job: _Job) -> TextureImage:
    usage = job.options.usage
    if usage is TextureUsage.AUTO:
        usage = usage_of_name(job.source.stem)
    is_data = usage in _DATA or job.options.color_space is ColorSpace.LINEAR
    image = read(job.source, is_data=is_data, only_largest=True)
    if image.facts.mode in ("bc5", "eac_rg") and usage is not TextureUsage.MASK:
        return TextureImage(levels=(with_z(image.pixels),), facts=image.facts)
    return image


def _resized(job: _Job, image: TextureImage, verdict: Verdict) -> Pixels:
    pixels = image.pixels
    height, width = pixels.shape[:2]
    target = target_size(job.options, width, height)
    box = crop_box(job.options, width, height, target)
    if target == (width, height):
        return pixels
    job.progress(0.15, "resizing")
    if pixels.dtype != np.uint8:
        return resize_float(pixels, target, box)
    if verdict.usage is TextureUsage.NORMAL:
        return resize_normals(pixels, target, box)
    curve = Curve.SRGB if verdict.color_space is ColorSpace.SRGB else Curve.LINEAR
    return resize_colour(pixels, target, box, curve, has_alpha=verdict.has_alpha)


def _compression(options: TextureOptions, verdict: Verdict, *, is_float: bool) -> Compression:
    if options.gpu_container is None:
        return Compression.NONE
    if options.compression is Compression.AUTO:
        return best_compression(verdict, is_float=is_float)
    return options.compression


def _make_picture(job: _Job, canvas: Canvas, verdict: Verdict) -> None:
    form = job.options.format
    job.progress(0.85, f"writing {form.value}")
    if canvas.is_float:
        job.warnings.append(f"{form.value.upper()} holds no HDR: what is brighter than 1 is cut.")
        canvas = Canvas(to_bytes(canvas.pixels()))
    path = job.out_dir / f"{product_stem(job.source)}.{_ENDING.get(form, form.value)}"
    job.warnings += write_picture(path, canvas, job.options, verdict)
    job.progress(0.95, f"checking {form.value}")
    has_alpha = verdict.has_alpha and form is not TextureFormat.JPEG
    channels = (0, 1, 2, 3) if has_alpha else (0, 1, 2)
    _add(job, path, check_picture(path, canvas, form, channels), form.value, "primary")


def _make_gpu(job: _Job, pixels: Pixels, verdict: Verdict, compression: Compression) -> None:
    container = job.options.gpu_container
    assert container is not None  # noqa: S101 - the caller looked
    role = "primary" if job.options.format.is_container else "gpu"
    path = job.out_dir / f"{product_stem(job.source)}.{container.value}"
    start = 0.2
    if compression is Compression.BASIS:
        program = basis.find_program()
        job.tools[basis.PROGRAM] = basisu_version()
        job.progress(start, "compressing to basis")
        if pixels.dtype != np.uint8:
            job.warnings.append("BASIS holds no HDR: what is brighter than 1 is cut.")
            pixels = to_bytes(pixels)
        measure = basis.write_basis(path, pixels, verdict, job.options, program)
        _add(job, path, measure, container.value, role)
        return
    is_float = pixels.dtype != np.uint8
    gpu = choose_gpu_format(compression, verdict, job.options, is_float=is_float)
    if is_float and not gpu.is_float:
        job.warnings.append(f"{gpu.name.upper()} holds no HDR: what is brighter than 1 is cut.")
        gpu = gpu.in_space(is_srgb=True)
    pixels = in_type_of(pixels, gpu, verdict)
    job.progress(start, "making mips")
    levels = make_levels(pixels, verdict, job.options)

    def told(fraction: float) -> None:
        job.progress(start + 0.5 * fraction, f"compressing to {gpu.name}")

    write_gpu(path, levels, gpu, verdict, job.options, told)
    job.progress(0.75, f"checking {container.value}")
    measure = check_gpu(path, levels, gpu, compared_channels(gpu, verdict))
    _add(job, path, measure, container.value, role)
    _warn_of_format(job, gpu, verdict, (pixels.shape[1], pixels.shape[0]))


def _warn_of_format(job: _Job, gpu: GpuFormat, verdict: Verdict, size: tuple[int, int]) -> None:
    """Say what a format could not keep, and where it will not be welcome."""
    title = gpu.name.upper()
    if gpu.channels < 4 and verdict.has_alpha and verdict.usage is not TextureUsage.NORMAL:
        job.warnings.append(f"{title} holds no alpha: it was left out.")
    if gpu.channels < 3 and verdict.usage is not TextureUsage.NORMAL and verdict.data_channels > 1:
        kept = "red" if gpu.channels == 1 else "red and green"
        job.warnings.append(f"{title} keeps {kept} alone: the other channels were left out.")
    if verdict.color_space is ColorSpace.SRGB and not gpu.is_srgb and not gpu.is_float:
        job.warnings.append(f"{title} has no sRGB form: a shader has to convert the colours.")
    if gpu.name.startswith("bc") and any(side % _BLOCK for side in size):
        job.warnings.append(
            f"{size[0]} × {size[1]} are no multiples of 4, which Direct3D wants of {title}; "
            "resize it, or round it with power_of_two."
        )


def _better(
    job: _Job, verdict: Verdict, compression: Compression, *, is_float: bool
) -> Compression | None:
    """Return what would have been better than an explicit choice, and say so."""
    if compression is Compression.NONE and job.options.gpu_container is None:
        return None
    if job.options.compression is Compression.AUTO:
        return None
    best = best_compression(verdict, is_float=is_float)
    # These are choices of a platform, not of a usage.
    if compression in (best, Compression.ETC2, Compression.ASTC, Compression.BASIS):
        return None
    better, chosen = best.value.upper(), compression.value.upper()
    what = "HDR" if is_float else _TITLES[verdict.usage]
    job.warnings.append(f"{better} would be better than {chosen} for {what}.")
    return best


def _add(job: _Job, path: Path, measure: TextureMeasure, form: str, role: str) -> None:
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    size = path.stat().st_size
    # The one that was asked for comes first.
    place = 0 if role == "primary" else len(job.products)
    product = Product(path=path.name, role=role, format=form, size=size, sha256=digest)
    job.products.insert(place, product)
    job.measures.insert(place, measure)
