"""Reading of any texture: the one door for jobs, previews and ``inspect``."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from slate_desktop.pipeline.opening import open_regular
from slate_desktop.pipeline.texture import exr, hdr, pictures
from slate_desktop.pipeline.texture.container import GpuTexture
from slate_desktop.pipeline.texture.dds import read_dds
from slate_desktop.pipeline.texture.gpuformats import level_sizes
from slate_desktop.pipeline.texture.image import OnGlance, Pixels, TextureFacts, TextureImage
from slate_desktop.pipeline.texture.ktx2 import read_ktx2
from slate_desktop.pipeline.texture.limits import MAX_FILE_BYTES, decoding
from slate_desktop.pipeline.texture.resize import shrink
from slate_desktop.pipeline.texture.sniff import HEAD_BYTES, sniff
from slate_desktop.pipeline.texture.unblocks import decode_level

_CONTAINERS = {"dds": read_dds, "ktx2": read_ktx2}


def read(
    path: Path,
    *,
    max_side: int | None = None,
    is_data: bool = False,
    only_largest: bool = False,
    on_glance: OnGlance | None = None,
) -> TextureImage:
    """Read a texture, with every mip that its file holds.

    Args:
        path: a regular file.
        max_side: pixels that are enough. Larger levels are left out; a picture, or a file whose
            smallest level is larger, is made smaller.
        is_data: values are no colours, so that no colour profile is applied.
        only_largest: leave the smaller mips out.
        on_glance: called once with a small picture of a large one, as soon as its pixels are
            decoded and before they are laid out; not for every format.

    Raises:
        AssetError: it is not sound, demands more than is allowed, or is in no known format.
    """
    with open_regular(path, max_bytes=MAX_FILE_BYTES) as stream:
        form = _form(stream, path)
        if form in _CONTAINERS:
            texture = _CONTAINERS[form](stream)
            levels = _decode(texture, form, max_side, 1 if only_largest else len(texture.levels))
            return TextureImage(levels=levels, facts=texture.facts(form))
        pixels, facts = _read_picture(
            stream, form, max_side=max_side, is_data=is_data, on_glance=on_glance
        )
    if max_side is not None:
        pixels = shrink(pixels, max_side)
    return TextureImage(levels=(pixels,), facts=facts)


def read_facts(path: Path) -> TextureFacts:
    """Return what a texture's header says; no pixel is decoded.

    Raises:
        AssetError: it is not sound, demands more than is allowed, or is in no known format.
    """
    with open_regular(path, max_bytes=MAX_FILE_BYTES) as stream:
        form = _form(stream, path)
        match form:
            case "dds" | "ktx2":
                return _CONTAINERS[form](stream).facts(form)
            case "exr":
                return exr.read_facts(stream)
            case "hdr":
                return hdr.read_facts(stream)
            case _:
                return pictures.read_facts(stream, form)


def _form(stream: BinaryIO, path: Path) -> str:
    form = sniff(stream.read(HEAD_BYTES), path.name)
    stream.seek(0)
    return form


def _read_picture(
    stream: BinaryIO,
    form: str,
    *,
    max_side: int | None,
    is_data: bool,
    on_glance: OnGlance | None,
) -> tuple[Pixels, TextureFacts]:
    match form:
        case "exr":
            return exr.read_exr(stream)
        case "hdr":
            return hdr.read_hdr(stream)
        case _:
            return pictures.read_picture(
                stream, form, is_data=is_data, max_side=max_side, on_glance=on_glance
            )


def _decode(texture: GpuTexture, form: str, max_side: int | None, most: int) -> tuple[Pixels, ...]:
    sides = level_sizes(texture.width, texture.height)[: len(texture.levels)]
    wanted = [
        (data, side)
        for data, side in zip(texture.levels, sides, strict=True)
        if max_side is None or max(side) <= max_side
    ][:most]
    is_too_large = not wanted
    if is_too_large:
        wanted = [(texture.levels[-1], sides[-1])]
    with decoding(form.upper()):
        levels = tuple(decode_level(data, *side, texture.gpu) for data, side in wanted)
    if is_too_large and max_side is not None:
        return (shrink(levels[0], max_side),)
    return levels
