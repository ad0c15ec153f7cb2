"""How model files are opened: regular files of a bounded size, and those beside them.

Own resolver: a name in a model is data of a stranger. It never leaves the model's folder, whatever
its spelling, and never reaches another machine.
"""

from __future__ import annotations

import base64
import binascii
import mmap
import os
import re
import stat
from pathlib import Path, PurePosixPath
from urllib.parse import unquote_to_bytes

from slate_desktop.errors import AssetError

MAX_BYTES = 512 * 1024 * 1024
_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_DATA = re.compile(r"data:([A-Za-z0-9.+/-]*)((?:;[A-Za-z0-9.+=-]*)*?)(;base64)?,")


def read_file(path: Path, max_bytes: int = MAX_BYTES) -> bytes:
    """Return a regular file's content.

    Raises:
        AssetError: it is none, is empty, cannot be read, or has more than ``max_bytes``.
    """
    try:
        descriptor = os.open(path, _FLAGS)
    except OSError as exc:
        raise AssetError.invalid(f"{path.name} cannot be read: {exc.strerror}.") from exc
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise AssetError.invalid(f"{path.name} is not a regular file.")
    with os.fdopen(descriptor, "rb") as file:
        if os.fstat(file.fileno()).st_size > max_bytes:
            size = f"{max_bytes // (1024 * 1024)} MiB"
            raise AssetError.limit(f"{path.name} is larger than {size}.")
        data = file.read(max_bytes + 1)
    if not data:
        raise AssetError.invalid(f"{path.name} is empty.")
    return data


def map_own_file(path: Path) -> mmap.mmap:
    """Return the content of a file that this process wrote and that nobody else can change.

    Nothing is copied, and pages come many at once. A file of somebody else that became shorter
    meanwhile would end the process.

    Raises:
        AssetError: it is empty, or cannot be read.
    """
    try:
        with path.open("rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError as exc:
        raise AssetError.invalid(f"{path.name} cannot be read: {exc.strerror}.") from exc
    except ValueError as exc:
        raise AssetError.invalid(f"{path.name} is empty.") from exc


class Siblings:
    """Files beside a model, by the names it gives them.

    Attributes:
        total_bytes: that were read so far; all of them count to the model's limit.
    """

    def __init__(self, folder: Path, used_bytes: int = 0) -> None:
        self._folder = folder
        self.total_bytes = used_bytes

    def name_of(self, uri: str) -> str:
        """Return the relative name, with ``/``, that a uri stands for.

        Raises:
            AssetError: it leads out of the model's folder or to another machine.
        """
        try:
            name = unquote_to_bytes(uri).decode("utf-8")
        except UnicodeError as exc:
            raise _foreign(uri) from exc
        parts = PurePosixPath(name).parts
        is_foreign = name.startswith("/") or "\\" in name or "\0" in name or ".." in parts
        if not parts or is_foreign or _SCHEME.match(name) or _SCHEME.match(uri):
            raise _foreign(uri)
        return "/".join(part for part in parts if part != ".")

    def read(self, uri: str) -> bytes:
        """Return the content of a sibling.

        Raises:
            AssetError: the name leads elsewhere, the file is missing or not regular, or all files
                of the model are too large together. ``details["missing"]`` names a missing one.
        """
        name = self.name_of(uri)
        path = self._folder.joinpath(*name.split("/"))
        folder = Path(os.path.realpath(self._folder))
        if not Path(os.path.realpath(path.parent)).is_relative_to(folder):
            raise _foreign(uri)
        if not os.path.lexists(path):
            raise AssetError.invalid(
                f"The model refers to {_short(name)}, which is not beside it.", missing=name
            )
        data = read_file(path, MAX_BYTES - self.total_bytes)
        self.total_bytes += len(data)
        return data

    def read_uri(self, uri: str) -> tuple[bytes, str]:
        """Return what a uri holds or names, and the media type it states, or ``""``.

        Raises:
            AssetError: as ``read``; or the uri's own data are damaged.
        """
        if not is_data(uri):
            return self.read(uri), ""
        head = _DATA.match(uri[:256])
        if head is None:
            raise AssetError.invalid("The model holds a data: uri in an unknown form.")
        body = uri[head.end() :]
        try:
            if head.group(3):
                return base64.b64decode(unquote_to_bytes(body), validate=True), head.group(1)
        except (binascii.Error, ValueError) as exc:
            raise AssetError.invalid("The model holds a data: uri that is damaged.") from exc
        return unquote_to_bytes(body), head.group(1)


def is_data(uri: str) -> bool:
    """Tell whether a uri holds its data itself."""
    return uri[:5].lower() == "data:"


def _foreign(uri: str) -> AssetError:
    return AssetError.invalid(
        f"The model refers to {_short(uri)}, which is not a file beside it.",
        hint="Only files in the model's own folder are read.",
    )


def _short(name: str) -> str:
    return repr(name if len(name) <= 120 else f"{name[:100]}…")
