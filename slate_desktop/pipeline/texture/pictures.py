"""Reading of pictures through Pillow, one named format each.

PNG, JPEG, WebP, AVIF, TGA, BMP, TIFF, GIF, and PSD (its flattened picture).
"""

from __future__ import annotations

import contextlib
import io
import re
import warnings
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, BinaryIO

import numpy as np
from PIL import ExifTags, Image, ImageCms, ImageFile, ImageOps

from slate_desktop.errors import AssetError
from slate_desktop.pipeline.texture.bands import row_bands
from slate_desktop.pipeline.texture.image import GLANCE_SIDE, OnGlance, Pixels, TextureFacts
from slate_desktop.pipeline.texture.limits import check_sides, decoding
from slate_desktop.pipeline.texture.png import check_png

ImageFile.LOAD_TRUNCATED_IMAGES = False
TITLES = {
    "png": "PNG",
    "jpeg": "JPEG",
    "webp": "WebP",
    "avif": "AVIF",
    "tga": "TGA",
    "bmp": "BMP",
    "tiff": "TIFF",
    "gif": "GIF",
    "psd": "PSD",
}
# Further frames of TIFF and PSD are pages and layers, not an animation.
_ANIMATED = ("gif", "webp", "png", "avif")
_GREY_16 = ("I;16", "I;16L", "I;16B", "I;16N")
# Pillow's name of two bytes per channel, in one order or the other; "BGR;16" is a whole pixel.
_DEEP = re.compile(";16[BLN]")
_CHANNELS = {"1": 1, "L": 1, "I": 1, "F": 1, "LA": 2, "La": 2, "PA": 4, "RGBA": 4, "RGBa": 4}


def read_facts(stream: BinaryIO, form: str) -> TextureFacts:
    """Return what the header of a picture says; no pixel is decoded.

    Raises:
        AssetError: it is not sound, or demands more than is allowed.
    """
    with decoding(TITLES[form]), _opened(stream, form) as picture:
        return _facts(picture, form)


def read_picture(
    stream: BinaryIO,
    form: str,
    *,
    is_data: bool = False,
    max_side: int | None = None,
    on_glance: OnGlance | None = None,
) -> tuple[Pixels, TextureFacts]:
    """Read a picture in its right orientation.

    Args:
        stream: of the file.
        form: short name of its format.
        is_data: values are no colours, so that no colour profile is applied.
        max_side: pixels that are enough; a JPEG is decoded at a fraction of its size then, never
            below this.
        on_glance: called with a small picture of a large upright one as soon as it is decoded.

    Returns:
        uint8 RGBA (height, width, 4) with straight alpha, or float32 linear values.

    Raises:
        AssetError: it is not sound, or demands more than is allowed.
    """
    with decoding(TITLES[form]), _opened(stream, form) as picture:
        facts = _facts(picture, form)
        if max_side is not None:
            picture.draft(picture.mode, (max_side, max_side))
        picture.load()
        if on_glance is not None and _orientation(picture) == 1:
            _glance(picture, on_glance, is_data=is_data)
        notes: list[str] = []
        picture = _in_srgb(_upright(picture, notes), notes, is_data=is_data)
        return _extract(picture), replace(facts, notes=(*facts.notes, *notes))


def _glance(picture: Image.Image, on_glance: OnGlance, *, is_data: bool) -> None:
    """Show every nth pixel: turning all of them into what is asked for takes as long again."""
    width, height = picture.size
    step = -(-max(width, height) // GLANCE_SIDE)
    if step > 1:
        size = (max(1, width // step), max(1, height // step))
        small = picture.resize(size, Image.Resampling.NEAREST)
        on_glance(_extract(_in_srgb(small, [], is_data=is_data)), width, height)


@contextlib.contextmanager
def _opened(stream: BinaryIO, form: str) -> Iterator[Image.Image]:
    if form == "png":
        check_png(stream)
    with warnings.catch_warnings():
        # What Pillow warns of is a bomb, or damaged metadata that has no bearing on the pixels.
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with Image.open(stream, formats=[TITLES[form].upper()]) as picture:
            check_sides(*picture.size)
            if form in _ANIMATED and getattr(picture, "is_animated", False):
                raise AssetError.limit(f"The {TITLES[form]} is animated; textures have one frame.")
            yield picture


def _facts(picture: Image.Image, form: str) -> TextureFacts:
    width, height = picture.size
    tiles = getattr(picture, "tile", None)
    raw = str(tiles[0].args) if tiles else ""
    if _orientation(picture) >= 5:
        width, height = height, width
    has_16 = picture.mode in _GREY_16 or _DEEP.search(raw) is not None
    bits = 32 if picture.mode in ("F", "I") else 16 if has_16 else 1 if picture.mode == "1" else 8
    channels = _CHANNELS.get(picture.mode, 1 if picture.mode in _GREY_16 else 3)
    if "transparency" in picture.info:
        channels = 4 if channels >= 3 else 2
    notes: list[str] = []
    if bits > 8 and picture.mode != "F":
        notes.append(f"Of {bits} bits per channel 8 are used.")
    pages = getattr(picture, "n_frames", 1) if form == "tiff" else 1
    if pages > 1:
        notes.append(f"The TIFF has {pages} pages; the first is used.")
    extra: dict[str, Any] = {"has_profile": bool(picture.info.get("icc_profile"))}
    if (orientation := _orientation(picture)) != 1:
        extra["orientation"] = orientation
    return TextureFacts(
        format=form,
        width=width,
        height=height,
        channels=channels,
        bits=bits,
        mode=picture.mode,
        is_float=picture.mode == "F",
        gpu_bytes=width * height * 4,
        notes=tuple(notes),
        extra=extra,
    )


def _orientation(picture: Image.Image) -> int:
    """Return the Exif orientation, 1 (upright) to 8; damaged Exif data counts as upright."""
    if picture.format == "PNG" and "exif" not in picture.info:
        return 1  # asking would decode the pixels, as it may follow them
    with contextlib.suppress(Exception):
        value = picture.getexif().get(ExifTags.Base.Orientation, 1)
        if isinstance(value, int) and 1 <= value <= 8:
            return value
    return 1


def _upright(picture: Image.Image, notes: list[str]) -> Image.Image:
    if _orientation(picture) == 1:
        return picture
    notes.append("The picture was turned as its Exif data says.")
    turned = ImageOps.exif_transpose(picture)
    return turned if turned is not None else picture


def _in_srgb(picture: Image.Image, notes: list[str], *, is_data: bool) -> Image.Image:
    """Apply an embedded colour profile; a damaged one is left out."""
    profile = picture.info.get("icc_profile")
    if picture.mode == "LAB":
        lab = ImageCms.createProfile("LAB")
        return _converted(picture, lab, "RGB")
    if not profile or (is_data and picture.mode != "CMYK") or picture.mode not in _PROFILED:
        return picture
    try:
        opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        name = ImageCms.getProfileDescription(opened)
        if picture.mode in ("RGB", "RGBA") and "srgb" in name.lower():
            return picture
        converted = _converted(picture, opened, _PROFILED[picture.mode])
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        notes.append("The colour profile in the file is damaged and was left out.")
        return picture
    notes.append("The colours were converted to sRGB from the file's own profile.")
    return converted


_PROFILED = {"RGB": "RGB", "RGBA": "RGBA", "CMYK": "RGB", "L": "RGB"}


def _converted(picture: Image.Image, profile: Any, mode: str) -> Image.Image:
    converted = ImageCms.profileToProfile(
        picture, profile, ImageCms.createProfile("sRGB"), outputMode=mode
    )
    if converted is None:
        raise ValueError("nothing was converted")
    if "transparency" in picture.info:
        converted.info["transparency"] = picture.info["transparency"]
    return converted


def _extract(picture: Image.Image) -> Pixels:
    """Return the pixels, band by band: a second copy of the whole picture would be too much."""
    width, height = picture.size
    if picture.mode in ("F", "I"):
        return _extract_grey(picture)
    pixels = np.empty((height, width, 4), np.uint8)
    for top, bottom in row_bands(height, width, 1):
        band = picture.crop((0, top, width, bottom))
        if picture.mode in _GREY_16:
            grey = np.asarray(band).astype(np.uint32)
            pixels[top:bottom, :, :3] = ((grey + 128) // 257)[..., None]
            pixels[top:bottom, :, 3] = 255
            continue
        if band.mode not in ("RGB", "RGBA", "L", "LA", "P", "1") and band.mode != "RGBa":
            band = band.convert("RGB")
        pixels[top:bottom] = np.asarray(band.convert("RGBA"))
    return pixels


def _extract_grey(picture: Image.Image) -> Pixels:
    """Return 32-bit grey values: floats as they are, whole numbers as 16 bits or by their range."""
    values = np.asarray(picture)
    if picture.mode == "F":
        check_sides(*picture.size, is_float=True)
        grey = np.nan_to_num(values.astype(np.float32), nan=0.0, posinf=65504.0, neginf=0.0)
        alpha = np.ones_like(grey)
        return np.stack([grey, grey, grey, alpha], axis=-1)
    most = 65_535 if values.max(initial=0) <= 65_535 else int(values.max())
    scaled = np.clip(values.astype(np.float64) * (255 / most) + 0.5, 0, 255).astype(np.uint8)
    return np.stack([scaled, scaled, scaled, np.full_like(scaled, 255)], axis=-1)
