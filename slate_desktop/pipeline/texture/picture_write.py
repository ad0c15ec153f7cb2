"""Writing of image formats through Pillow."""

from __future__ import annotations

from math import isqrt
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from slate_desktop.domain.assets.texture import (
    MAX_WEBP_SIDE,
    TextureFormat,
    TextureOptions,
    TextureUsage,
)
from slate_desktop.errors import AssetError
from slate_desktop.pipeline.texture.bands import row_bands, thread_count
from slate_desktop.pipeline.texture.canvas import Canvas
from slate_desktop.pipeline.texture.image import Pixels
from slate_desktop.pipeline.texture.limits import decoding
from slate_desktop.pipeline.texture.usage import Verdict

# AVIF's encoder: 0 is slowest. Six is libavif's own choice for a person who waits.
_AVIF_SPEED = 6


# What fits into the child's memory with the encoder's own copies and the look at what was made.
_MOST_PIXELS = {TextureFormat.WEBP: 5000 * 5000, TextureFormat.AVIF: 4096 * 4096}


def check_format(form: TextureFormat, width: int, height: int) -> None:
    """Refuse sides that a format cannot hold, and pictures that its encoder has no memory for.

    Raises:
        AssetError: ``asset_invalid`` or ``asset_limit``, with the limit.
    """
    most = _MOST_PIXELS.get(form)
    if form is TextureFormat.WEBP and max(width, height) > MAX_WEBP_SIDE:
        raise AssetError.invalid(
            f"WebP holds at most {MAX_WEBP_SIDE} pixels each way, and this has {width} × {height}.",
            hint="Resize it, or choose another format.",
        )
    if most is not None and width * height > most:
        side = isqrt(most)
        raise AssetError.limit(
            f"{form.value.upper()} of {width} × {height} pixels needs more memory than is allowed:"
            f" resize it to {side} × {side} or less, or choose KTX2, DDS, PNG or TGA."
        )


def write_picture(
    path: Path, canvas: Canvas, options: TextureOptions, verdict: Verdict
) -> tuple[str, ...]:
    """Write uint8 RGBA pixels; those of a large picture step aside meanwhile.

    Returns:
        Sentences about what the format could not keep.

    Raises:
        AssetError: the encoder refuses the picture.
    """
    form = options.format
    check_format(form, canvas.shape[1], canvas.shape[0])
    notes: list[str] = []
    has_alpha = verdict.has_alpha
    if has_alpha and form is TextureFormat.JPEG:
        notes.append("JPEG holds no alpha: it was left out.")
        has_alpha = False
    is_data = verdict.usage is not TextureUsage.COLOUR
    canvas.step_aside(path.parent)
    picture = _picture(canvas, has_alpha=has_alpha, may_be_grey=form is not TextureFormat.WEBP)
    settings = _settings(form, options, is_data=is_data)
    if form is TextureFormat.WEBP and is_data and not options.lossless:
        notes.append("WebP would halve the resolution of data: it was written without loss.")
    with decoding(form.value.upper()), path.open("xb") as file:
        picture.save(file, format=form.value.upper(), **settings)
    return tuple(notes)


def _settings(form: TextureFormat, options: TextureOptions, *, is_data: bool) -> dict[str, Any]:
    match form:
        case TextureFormat.WEBP:
            is_lossless = options.lossless or is_data
            return {"quality": options.quality, "lossless": is_lossless, "exact": is_lossless}
        case TextureFormat.JPEG:
            # Data would lose half its resolution in two of three channels.
            return {"quality": max(1, options.quality), "subsampling": 0 if is_data else -1}
        case TextureFormat.AVIF:
            return {
                "quality": options.quality,
                "speed": _AVIF_SPEED,
                "subsampling": "4:4:4" if is_data else "4:2:0",
                "max_threads": thread_count(),
            }
        case TextureFormat.TGA:
            return {"compression": "tga_rle"}
        case _:
            return {}


def _picture(canvas: Canvas, *, has_alpha: bool, may_be_grey: bool) -> Image.Image:
    """Return a picture of as few channels as hold all, made band by band."""
    height, width = canvas.shape[:2]
    bands = row_bands(height, width, 1)
    is_grey = may_be_grey and not has_alpha and all(_is_grey(canvas.rows(*band)) for band in bands)
    picture = Image.new("RGBA" if has_alpha else "L" if is_grey else "RGB", (width, height))
    for top, bottom in bands:
        rows = canvas.rows(top, bottom)
        kept = rows if has_alpha else rows[..., 0] if is_grey else rows[..., :3]
        picture.paste(Image.fromarray(np.ascontiguousarray(kept)), (0, top))
    return picture


def _is_grey(rows: Pixels) -> bool:
    return bool((rows[..., :3] == rows[..., :1]).all())
