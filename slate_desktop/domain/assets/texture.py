"""Options of a texture job, and the report of its result.

Sides are pixels, PSNR is decibels over the channels that were kept, sizes are bytes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum

import msgspec

from slate_desktop.domain.assets.fields import read_choice, read_names, read_real, read_whole
from slate_desktop.domain.assets.product import AssetReport
from slate_desktop.domain.fields import bad, flag

MAX_SIDE = 16_384
MAX_PIXELS = 67_108_864
MAX_WEBP_SIDE = 16_383
_SIZE = re.compile(r"(?=.*\d)(\d{0,9}) ?[xX×] ?(\d{0,9})(?:(?: +|:)([a-z]+))?")


class TextureFormat(StrEnum):
    """Formats that a texture is written in."""

    WEBP = "webp"
    PNG = "png"
    JPEG = "jpeg"
    AVIF = "avif"
    TGA = "tga"
    KTX2 = "ktx2"
    DDS = "dds"

    @property
    def is_container(self) -> bool:
        """Whether it holds what a GPU samples: blocks and mips."""
        return self in (TextureFormat.KTX2, TextureFormat.DDS)


class GpuContainer(StrEnum):
    """Where blocks go when ``format`` is an image format."""

    KTX2 = "ktx2"
    DDS = "dds"


class Compression(StrEnum):
    """Block compression; ``auto`` is by usage."""

    AUTO = "auto"
    NONE = "none"
    BC1 = "bc1"
    BC3 = "bc3"
    BC4 = "bc4"
    BC5 = "bc5"
    BC6H = "bc6h"
    BC7 = "bc7"
    ETC2 = "etc2"
    ASTC = "astc"
    BASIS = "basis"


class TextureUsage(StrEnum):
    """What a texture is for; ``auto`` looks at its name and content."""

    AUTO = "auto"
    COLOUR = "colour"
    NORMAL = "normal"
    MASK = "mask"


class ColorSpace(StrEnum):
    """How 8-bit values are to be read; ``auto`` is by usage."""

    AUTO = "auto"
    SRGB = "srgb"
    LINEAR = "linear"


class Effort(StrEnum):
    """``preview``: at once, good enough to look at. ``ship``: what players get."""

    PREVIEW = "preview"
    SHIP = "ship"


class Fit(StrEnum):
    """How a picture gets into a size.

    ``inside``: as large as fits, proportions kept, never enlarged. ``cover``: fills it, the rest is
    cut off both ends. ``exact``: stretched, which keeps texture coordinates right.
    """

    INSIDE = "inside"
    COVER = "cover"
    EXACT = "exact"


class AstcBlock(StrEnum):
    """Pixels in an ASTC block of 16 bytes."""

    B4X4 = "4x4"
    B5X5 = "5x5"
    B6X6 = "6x6"
    B8X8 = "8x8"

    @property
    def sides(self) -> tuple[int, int]:
        """Width and height."""
        width, _, height = self.value.partition("x")
        return int(width), int(height)


class Resize(msgspec.Struct, frozen=True, kw_only=True):
    """A size to reach; a side that is None follows from the other by the picture's proportions."""

    width: int | None = None
    height: int | None = None
    fit: Fit = Fit.INSIDE


class TextureOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What shall be done with a texture.

    Attributes:
        format: what is written first.
        compression: of the GPU's file. With an image format and any other than ``none``, both
            files are written.
        container: of the GPU's file beside an image format.
        generate_mipmaps: write all mip levels into the GPU's file.
        quality: 0 to 100, of lossy image formats.
        lossless: let WebP keep every value.
        effort: of block compression.
        resize: size of the largest level.
        power_of_two: round both sides to the nearest power of two.
        color_space: of the input, which the output keeps.
        usage: what it is for.
        astc_block: pixels in a block of ASTC.
        alpha_cutoff: threshold of cut-outs, whose covered area the mips keep.
    """

    format: TextureFormat = TextureFormat.KTX2
    compression: Compression = Compression.AUTO
    container: GpuContainer = GpuContainer.KTX2
    generate_mipmaps: bool = True
    quality: int = 90
    lossless: bool = False
    effort: Effort = Effort.SHIP
    resize: Resize | None = None
    power_of_two: bool = False
    color_space: ColorSpace = ColorSpace.AUTO
    usage: TextureUsage = TextureUsage.AUTO
    astc_block: AstcBlock = AstcBlock.B6X6
    alpha_cutoff: float = 0.5

    @property
    def gpu_container(self) -> TextureFormat | None:
        """Return the format of the GPU's file, or None when there is none."""
        if self.format.is_container:
            return self.format
        if self.compression is Compression.NONE:
            return None
        return TextureFormat(self.container.value)


class TextureMeasure(msgspec.Struct, frozen=True, kw_only=True):
    """What a product is, found by opening it again.

    Attributes:
        path: the product's.
        encoding: such as ``bc7`` or ``webp``.
        width: of the largest level.
        height: of the largest level.
        levels: how many mips it holds, 1 without any.
        vram_bytes: that a GPU needs for it; an image format counts as RGBA without mips.
        psnr_db: of the largest level against what was encoded; None is equal. Of lossy image
            formats with alpha: of the colours as they show.
        ssim: the same, 0 to 1.
        level_psnr_db: of each level.
        level_ssim: the same.
    """

    path: str
    encoding: str
    width: int
    height: int
    levels: int
    vram_bytes: int
    psnr_db: float | None
    ssim: float
    level_psnr_db: tuple[float | None, ...] = ()
    level_ssim: tuple[float, ...] = ()


class TextureReport(AssetReport, frozen=True, kw_only=True, tag="texture"):
    """What became of a texture.

    Attributes:
        input_format: short name, such as ``png``.
        input_width: of the file, after its orientation was applied.
        input_height: the same.
        width: of what was written.
        height: of what was written.
        has_alpha: some pixel is not opaque.
        is_cutout: nearly all pixels are opaque or clear, so that the mips keep the covered area.
        usage: chosen or found.
        color_space: chosen or found.
        compression: chosen or found; ``none`` without a GPU's file.
        better_compression: what would have been better than the choice, or None.
        measures: of each product.
    """

    input_format: str
    input_width: int
    input_height: int
    width: int
    height: int
    has_alpha: bool
    is_cutout: bool = False
    usage: TextureUsage
    color_space: ColorSpace
    compression: Compression
    better_compression: Compression | None = None
    measures: tuple[TextureMeasure, ...] = ()


def parse_texture_options(data: Mapping[str, object]) -> TextureOptions:
    """Check the options of a texture job.

    An image format without a word on compression gets no file for the GPU.

    Raises:
        CommandError: ``bad_request`` naming the field.
    """
    given = read_names(data, TextureOptions.__struct_fields__)
    values = {name: _read(name, value) for name, value in given.items()}
    options = msgspec.convert(values, TextureOptions)
    if "compression" not in values and not options.format.is_container:
        options = msgspec.structs.replace(options, compression=Compression.NONE)
    _check_together(options)
    return options


def _read(name: str, value: object) -> object:
    match name:
        case "format":
            return read_choice(_known_as(value, {"jpg": "jpeg"}), name, TextureFormat)
        case "usage":
            return read_choice(_known_as(value, {"color": "colour"}), name, TextureUsage)
        case "compression":
            return read_choice(value, name, Compression)
        case "container":
            return read_choice(value, name, GpuContainer)
        case "effort":
            return read_choice(value, name, Effort)
        case "color_space":
            return read_choice(value, name, ColorSpace)
        case "astc_block":
            return read_choice(value, name, AstcBlock)
        case "quality":
            return read_whole(value, name, 0, 100)
        case "alpha_cutoff":
            return read_real(value, name, 0.01, 0.99)
        case "resize":
            return _read_resize(value)
        case _:
            return flag(value, name)


def _known_as(value: object, names: dict[str, str]) -> object:
    return names.get(value.lower(), value) if isinstance(value, str) else value


def read_size(text: str) -> dict[str, object] | None:
    """Return what a text such as ``1024x512``, ``1024x`` or ``1024 × 512 cover`` asks of a size.

    Returns:
        The sides that are named, pixels, and the fit; None for any other text.
    """
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        return None
    sides = {"width": found[1], "height": found[2]}
    size: dict[str, object] = {name: int(side) for name, side in sides.items() if side}
    return size | ({"fit": found[3]} if found[3] else {})


def size_text(size: Resize) -> str:
    """Return a size as ``read_size`` reads it."""
    sides = f"{size.width or ''} × {size.height or ''}".strip()
    return sides if size.fit is Fit.INSIDE else f"{sides} {size.fit.value}"


def _read_resize(value: object) -> Resize:
    if isinstance(value, Resize):
        return value
    if isinstance(value, str):
        value = read_size(value)
    if not isinstance(value, Mapping):
        bad(
            "resize",
            "resize must be a width, a height or both, such as 1024x512, 1024x or 1024x512:cover",
        )
    given = read_names(value, Resize.__struct_fields__)
    sides = {
        name: read_whole(given[name], "resize", 1, MAX_SIDE, "pixels")
        for name in ("width", "height")
        if name in given
    }
    if not sides or set(sides.values()) == {1}:
        bad("resize", f"resize must name a width or a height, larger than 1, up to {MAX_SIDE}")
    if len(sides) == 2 and sides["width"] * sides["height"] > MAX_PIXELS:
        bad("resize", f"resize must be at most {MAX_PIXELS} pixels in all")
    fit = read_choice(given.get("fit", Fit.INSIDE.value), "resize", Fit)
    return Resize(width=sides.get("width"), height=sides.get("height"), fit=fit)


def _check_together(options: TextureOptions) -> None:
    only_ktx2 = (Compression.ETC2, Compression.ASTC, Compression.BASIS)
    if options.gpu_container is TextureFormat.DDS and options.compression in only_ktx2:
        bad("compression", f"DDS cannot hold {options.compression.value}; KTX2 can")
