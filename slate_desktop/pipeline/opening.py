"""How an untrusted file is opened: a regular one, no link followed, no wait at a pipe."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO

from slate_desktop.domain.sizes import format_bytes
from slate_desktop.errors import AssetError

_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


def open_regular(path: Path, *, max_bytes: int) -> BinaryIO:
    """Open a file for reading.

    Raises:
        AssetError: it is a link, pipe, device, socket or folder, cannot be read, or is larger than
            ``max_bytes``.
    """
    try:
        descriptor = os.open(path, _FLAGS)
    except (OSError, ValueError) as exc:
        if isinstance(exc, OSError) and path.is_symlink():
            raise AssetError.invalid(
                "This is a symbolic link.", hint="Name the file that it leads to."
            ) from exc
        reason = getattr(exc, "strerror", None) or str(exc)
        raise AssetError.invalid(f"The file cannot be opened: {reason}.") from exc
    facts = os.fstat(descriptor)
    if not stat.S_ISREG(facts.st_mode):
        os.close(descriptor)
        raise AssetError.invalid("This is not a regular file.")
    if facts.st_size > max_bytes:
        os.close(descriptor)
        raise AssetError.limit(f"The file is larger than {format_bytes(max_bytes)}.")
    return os.fdopen(descriptor, "rb")
