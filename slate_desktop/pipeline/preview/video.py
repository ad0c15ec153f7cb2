"""A video's first frame and facts, through the ffmpeg of this machine, in a child without rights.

Source: https://ffmpeg.org/ffmpeg-protocols.html for the white lists of protocols and formats.
"""

from __future__ import annotations

import io
import shutil
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from PIL import Image

from slate_desktop.errors import AssetError
from slate_desktop.pipeline.preview.planes import write_plane
from slate_desktop.pipeline.run import Progress

_MAX_SIDE = 1280
_FACTS = "format=duration,format_name:stream=codec_name,width,height,avg_frame_rate"
_LIMIT_S = 30
_OPEN = (
    *("-v", "error", "-protocol_whitelist", "file,pipe"),
    *("-format_whitelist", "mov,matroska,avi,ogg,mpeg,mpegts,mpegvideo,flv,asf"),
)


def first_frame(arguments: dict[str, Any], work_dir: Path, progress: Progress) -> object:  # noqa: ARG001
    """Write the first picture of ``source`` and return what is known of it.

    Raises:
        AssetError: there is no ffmpeg, or the file is no video that it reads.
    """
    path = Path(arguments["source"])
    facts = _probe(path)
    scale = (
        f"scale='min({_MAX_SIDE},iw)':'min({_MAX_SIDE},ih)':force_original_aspect_ratio=decrease"
    )
    data = _run(
        [
            _program("ffmpeg"), "-nostdin", "-hide_banner", "-threads", "1", *_OPEN,
            "-i", f"file:{path}", "-map", "0:v:0", "-an", "-sn", "-dn", "-frames:v", "1",
            "-vf", scale, "-c:v", "png", "-f", "image2pipe", "pipe:1",
        ]
    )  # fmt: skip
    try:
        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            pixels = np.asarray(image.convert("RGBA"))
    except OSError as exc:
        raise AssetError.invalid("The file has no picture that can be read.") from exc
    return {"plane": write_plane(work_dir / "frame", pixels), **facts}


def _probe(path: Path) -> dict[str, Any]:
    data = _run(
        [
            _program("ffprobe"), "-hide_banner", *_OPEN, "-select_streams", "v:0",
            "-show_entries", _FACTS,
            "-of", "json", f"file:{path}",
        ]
    )  # fmt: skip
    try:
        found = msgspec.json.decode(data)
        stream, form = found["streams"][0], found["format"]
        top, _, bottom = str(stream.get("avg_frame_rate", "0/1")).partition("/")
        return {
            "codec": str(stream["codec_name"]),
            "width": int(stream["width"]),
            "height": int(stream["height"]),
            "rate": round(float(top) / float(bottom), 3) if float(bottom or 0) else 0.0,
            "seconds": float(form.get("duration", 0)),
            "format": str(form["format_name"]),
        }
    except (msgspec.DecodeError, KeyError, IndexError, TypeError, ValueError) as exc:
        raise AssetError.invalid("The file has no picture that can be read.") from exc


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise AssetError.invalid(f"{name} is not installed on this machine.")
    return found


def _run(argv: list[str]) -> bytes:
    try:
        done = subprocess.run(  # noqa: S603 - a program of the system, arguments of our own
            argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=_LIMIT_S, check=False
        )
    except subprocess.TimeoutExpired as exc:
        raise AssetError.limit("Reading its first picture takes too long.") from exc
    if done.returncode != 0 or not done.stdout:
        words = done.stderr.decode("utf-8", "replace").strip().splitlines()
        reason = words[-1][:200] if words else "no picture"
        raise AssetError.invalid(f"The file is no video that can be read: {reason}.")
    return done.stdout
