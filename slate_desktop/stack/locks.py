"""Locks that the system drops when their process ends, however it ends."""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
from pathlib import Path

from slate_desktop.errors import StackError
from slate_desktop.settings import files

if sys.platform == "win32":
    import msvcrt

    def _try_lock(fd: int) -> bool:
        try:
            os.lseek(fd, 0, os.SEEK_SET)
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
else:
    import fcntl

    def _try_lock(fd: int) -> bool:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True


class FileLock:
    """An exclusive lock on a file; held until ``release`` or the end of the process."""

    def __init__(self, path: Path, fd: int) -> None:
        self.path = path
        self._fd: int | None = fd

    @classmethod
    def acquire(cls, path: Path) -> FileLock | None:
        """Take the lock at once, or return None while somebody else holds it.

        Raises:
            StackError: the file cannot be made.
        """
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
        try:
            fd = os.open(path, flags | getattr(os, "O_CLOEXEC", 0), 0o600)
        except OSError as exc:
            raise StackError(f"{path} cannot be locked: {exc.strerror or exc}.") from exc
        if _try_lock(fd):
            return cls(path, fd)
        os.close(fd)
        return None

    @property
    def is_on_disk(self) -> bool:
        """Whether the locked file is still the one at its path."""
        try:
            return self._fd is not None and os.path.samestat(os.fstat(self._fd), self.path.stat())
        except OSError:
            return False

    def release(self, *, is_removed: bool = False) -> None:
        """Give the lock up, and delete its file if asked to."""
        fd, self._fd = self._fd, None
        if fd is None:
            return
        if is_removed and os.name != "nt":
            files.remove(self.path)
        with contextlib.suppress(OSError):
            os.close(fd)
        if is_removed and os.name == "nt":
            files.remove(self.path)


def is_held(path: Path) -> bool:
    """Tell whether a process holds the lock on ``path``."""
    if not path.exists():
        return False
    lock = FileLock.acquire(path)
    if lock is None:
        return True
    lock.release()
    return False


def hold_client(directory: Path) -> FileLock:
    """Say that this process uses the stack, for as long as it lives or until ``release``."""
    files.ensure_private_dir(directory)
    while True:
        path = directory / f"{os.getpid()}-{secrets.token_hex(4)}.lock"
        lock = FileLock.acquire(path)
        if lock is None:
            continue
        if lock.is_on_disk:
            return lock
        # The supervisor took it for a stale one between creation and lock.
        lock.release()


def count_clients(directory: Path) -> int:
    """Count the processes that use the stack, and sweep the files of those that are gone."""
    count = 0
    for path in sorted(directory.glob("*.lock")):
        lock = FileLock.acquire(path)
        if lock is None:
            count += 1
        else:
            lock.release(is_removed=True)
    return count
