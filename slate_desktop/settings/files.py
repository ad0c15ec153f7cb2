"""Files that only the user may read, written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

from slate_desktop.errors import SettingsError

MAX_PRIVATE_BYTES = 4 * 1024 * 1024
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
_CLOEXEC = getattr(os, "O_CLOEXEC", 0)
_NONBLOCK = getattr(os, "O_NONBLOCK", 0)
_BINARY = getattr(os, "O_BINARY", 0)


def ensure_private_dir(path: Path) -> Path:
    """Make ``path`` a directory that only this user may enter (0700), and return it.

    Raises:
        SettingsError: it is no directory, belongs to somebody else, or cannot be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            path.mkdir(mode=0o700)
        link, target = path.lstat(), path.stat()
    except OSError as exc:
        raise SettingsError(
            f"The directory {path} cannot be used: {exc.strerror or exc}.",
            hint="Free the path, or point SLATE_DATA_DIR to another directory.",
        ) from exc
    if not stat.S_ISDIR(target.st_mode):
        raise SettingsError(f"{path} is not a directory.")
    if os.name != "nt":
        # A symlink is fine where the user made it; somebody else's in /tmp is not.
        if {link.st_uid, target.st_uid} != {os.geteuid()}:
            raise SettingsError(
                f"The directory {path} belongs to another user.",
                hint="Remove it, or point SLATE_DATA_DIR to a directory of your own.",
            )
        if stat.S_IMODE(target.st_mode) & 0o077:
            path.chmod(0o700)
    return path


def write_private(path: Path, data: bytes) -> None:
    """Replace ``path`` with ``data``, mode 0600: after a crash the old or the new file is there.

    Raises:
        SettingsError: the file cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.urandom(6).hex()}.tmp")
    try:
        _write_new(temporary, data)
        try:
            temporary.replace(path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        _sync_dir(path.parent)
    except OSError as exc:
        raise SettingsError(f"{path} cannot be written: {exc.strerror or exc}.") from exc


def read_private(
    path: Path, *, max_bytes: int = MAX_PRIVATE_BYTES, is_mode_checked: bool = True
) -> bytes:
    """Read a file that must be regular, this user's, and closed to everybody else.

    Without ``is_mode_checked`` others may read it too.

    Raises:
        FileNotFoundError: there is no such file.
        SettingsError: it is a symlink, a device, too large, readable by others, or unreadable.
    """
    try:
        fd = os.open(path, os.O_RDONLY | _NOFOLLOW | _CLOEXEC | _NONBLOCK | _BINARY)
    except FileNotFoundError:
        raise
    except OSError as exc:
        raise SettingsError(f"{path} cannot be read: {exc.strerror or exc}.") from exc
    try:
        _check_private(path, os.fstat(fd), max_bytes, is_mode_checked)
        chunks = bytearray()
        while len(chunks) <= max_bytes and (chunk := os.read(fd, 65_536)):
            chunks += chunk
    except OSError as exc:
        raise SettingsError(f"{path} cannot be read: {exc.strerror or exc}.") from exc
    finally:
        os.close(fd)
    if len(chunks) > max_bytes:
        raise SettingsError(f"{path} is larger than {max_bytes} bytes.")
    return bytes(chunks)


def remove(path: Path) -> None:
    """Delete ``path`` if it is there."""
    with contextlib.suppress(OSError):
        path.unlink()


def _write_new(path: Path, data: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NOFOLLOW | _CLOEXEC | _BINARY
    fd = os.open(path, flags, 0o600)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]
        os.fsync(fd)
    except OSError:
        os.close(fd)
        path.unlink(missing_ok=True)
        raise
    os.close(fd)


def _check_private(path: Path, info: os.stat_result, max_bytes: int, is_mode_checked: bool) -> None:
    if not stat.S_ISREG(info.st_mode):
        raise SettingsError(f"{path} is not a regular file.")
    if info.st_size > max_bytes:
        raise SettingsError(f"{path} is larger than {max_bytes} bytes.")
    if os.name == "nt":
        return
    if info.st_uid != os.geteuid():
        raise SettingsError(f"{path} belongs to another user.")
    if is_mode_checked and stat.S_IMODE(info.st_mode) & 0o077:
        raise SettingsError(f"{path} can be read by other users.", hint=f"Run: chmod 600 '{path}'")


def _sync_dir(path: Path) -> None:
    if os.name == "nt":
        return
    fd = os.open(path, os.O_RDONLY | _CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
