"""A font's sample sheet, drawn in the child: font programs are code of a stranger."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from slate_desktop.errors import AssetError
from slate_desktop.pipeline.preview.planes import write_plane
from slate_desktop.pipeline.run import Progress

MAX_BYTES = 64 * 1024 * 1024
SIZES = (12, 16, 20, 28, 40, 60)
_ALPHABET = (
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "abcdefghijklmnopqrstuvwxyz",
    "0123456789 .,:;!?\u2013\u2014()[]{}@#%&*+=/\\\u20ac$£",
    "ÄÖÜ äöü ß ÀÉÑÇ àéñç ŁŠŽ łšž",
)
_MAX_WIDTH = 4000
_MARGIN, _GAP = 24, 14


def sample_sheet(arguments: dict[str, Any], work_dir: Path, progress: Progress) -> object:  # noqa: ARG001
    """Draw ``text`` in several sizes and the alphabet below; white on nothing, one byte a pixel.

    Raises:
        AssetError: the file is no font that can be drawn.
    """
    path = Path(arguments["source"])
    info = path.lstat()
    if not stat.S_ISREG(info.st_mode):
        raise AssetError.invalid("This is not a regular file.")
    if info.st_size > MAX_BYTES:
        raise AssetError.limit("The font is larger than 64 MiB.")
    width = min(max(int(arguments["width"]), 200), _MAX_WIDTH)
    scale = min(max(float(arguments["scale"]), 0.5), 4.0)
    text = str(arguments["text"])[:200].replace("\n", " ")
    lines = [(size, text) for size in SIZES] + [(22, line) for line in _ALPHABET]
    try:
        drawn = [_line(path, round(size * scale), words, width) for size, words in lines]
        name, style = ImageFont.truetype(str(path), 20).getname()
    except (OSError, ValueError, MemoryError) as exc:
        raise AssetError.invalid(f"The file is no font that can be drawn: {exc}.") from exc
    gap = round(_GAP * scale)
    height = sum(image.height + gap for image in drawn) + 2 * round(_MARGIN * scale)
    sheet = Image.new("L", (width, height))
    top = round(_MARGIN * scale)
    for image in drawn:
        sheet.paste(image, (round(_MARGIN * scale), top))
        top += image.height + gap
    return {
        "plane": write_plane(work_dir / "sheet", np.asarray(sheet)),
        "family": name or "",
        "style": style or "",
    }


def _line(path: Path, size: int, text: str, width: int) -> Image.Image:
    font = ImageFont.truetype(str(path), size)
    ascent, descent = font.getmetrics()
    height = min(max(ascent + descent, size), size * 4)
    image = Image.new("L", (width, height))
    ImageDraw.Draw(image).text((0, 0), text, font=font, fill=255)
    return image
