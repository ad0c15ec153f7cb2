"""What a picture may demand, and how a decoder's complaints become one error."""

from __future__ import annotations

import contextlib
import struct
import zlib
from collections.abc import Iterator

from PIL import Image, UnidentifiedImageError

from slate_desktop.domain.assets.texture import MAX_PIXELS, MAX_SIDE
from slate_desktop.errors import AssetError

MAX_FILE_BYTES = 1024 * 1024 * 1024
# Floats take four times the room of bytes: 8192 × 4096, the largest common panorama.
MAX_FLOAT_PIXELS = 33_554_432

# Of the process: pictures are read in the parser's child, which does nothing else.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS

_BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    AttributeError,
    OverflowError,
    ZeroDivisionError,
    RuntimeError,
    struct.error,
    zlib.error,
)

# How encoders say that they got no memory: libwebp's VP8_ENC_ERROR_OUT_OF_MEMORY, then libavif's.
_SHORT_OF_MEMORY = ("encoding error 1", "Out of memory", "Encoding of color planes failed")


def check_sides(width: int, height: int, *, is_float: bool = False) -> None:
    """Refuse a size before memory is taken for it.

    Raises:
        AssetError: no pixels, or more than are allowed.
    """
    if width < 1 or height < 1:
        raise AssetError.invalid("The picture has no pixels.")
    most = MAX_FLOAT_PIXELS if is_float else MAX_PIXELS
    if max(width, height) > MAX_SIDE or width * height > most:
        raise AssetError.limit(
            f"The picture has {width} × {height} pixels; at most {MAX_SIDE} each way and {most} in"
            " all are read."
        )


@contextlib.contextmanager
def decoding(title: str) -> Iterator[None]:
    """Turn what a decoder raises into an ``AssetError``; ``title`` names the format.

    Raises:
        AssetError: the file is not sound, or demands more than is allowed.
    """
    try:
        yield
    except AssetError:
        raise
    except (MemoryError, Image.DecompressionBombError, Image.DecompressionBombWarning) as exc:
        raise AssetError.limit(f"The {title} needs more memory than is allowed.") from exc
    except UnidentifiedImageError as exc:
        raise AssetError.invalid(f"The {title} is damaged: its header makes no sense.") from exc
    except _BROKEN as exc:
        if "too large" in str(exc):
            raise AssetError.limit(f"The {title} unpacks to more than is allowed.") from exc
        if str(exc).endswith(_SHORT_OF_MEMORY):
            raise AssetError.limit(f"The {title} needs more memory than is allowed.") from exc
        raise AssetError.invalid(f"The {title} is damaged: {_reason(exc)}.") from exc


def _reason(exc: Exception) -> str:
    text = " ".join(str(exc).split()).rstrip(".")[:160]
    return text.encode("ascii", "replace").decode("ascii") or type(exc).__name__
