"""Folders that are held open, so that what lies in them is reached without a name that may change.

A runtime that writes to its tree can put a link in any folder's place; a call relative to an open
folder does not notice. Windows has no such calls: there each step is looked at first.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)
_FOLDER |= getattr(os, "O_CLOEXEC", 0)
_FILE = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_FILE |= getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


class NotAFolderError(OSError):
    """Something that is no folder lies on the way to a file; ``filename`` is its name."""


class Folder(Protocol):
    """An open folder of a tree."""

    def close(self) -> None:
        """Let it go."""
        ...

    def enter(self, name: str) -> Folder:
        """Open a folder in it; raises ``NotAFolderError`` for anything else."""
        ...

    def stat(self, name: str) -> os.stat_result:
        """Return what a name is of, following no link."""
        ...

    def is_folder(self, name: str) -> bool:
        """Tell whether a name is a folder's."""
        ...

    def entries(self) -> list[os.DirEntry[str]]:
        """Return what is in it."""
        ...

    def open(self, name: str) -> int:
        """Open a file in it for reading, following no link; returns a descriptor."""
        ...

    def read_link(self, name: str) -> str:
        """Return what a link says."""
        ...

    def make(self, name: str, owner: tuple[int, int] | None) -> None:
        """Make a folder unless something has the name."""
        ...

    def unlink(self, name: str) -> None:
        """Remove a file or link."""
        ...

    def rmdir(self, name: str) -> None:
        """Remove an empty folder."""
        ...

    def rename(self, name: str, new: str) -> None:
        """Give a file another name."""
        ...

    def take(self, name: str, staged: Path) -> None:
        """Move a file in from elsewhere, in the place of what has the name."""
        ...

    def link(self, name: str, target: str, owner: tuple[int, int] | None) -> None:
        """Make a link, in the place of what has the name."""
        ...


@contextlib.contextmanager
def enter(root: Path, parts: Sequence[str]) -> Iterator[Folder]:
    """Open a folder of a tree step by step.

    Args:
        root: the tree.
        parts: names of the folders on the way; each was checked.

    Raises:
        NotAFolderError: something else lies there.
        OSError: there is none, or it cannot be opened.
    """
    cursor = FolderCursor(root)
    try:
        yield cursor.at(list(parts))
    finally:
        cursor.close()


class FolderCursor:
    """Keeps the last folder open: most files lie in the same one as the file before.

    Args:
        root: the tree.
        owner: user and group of folders that are made; None for this process's own.
    """

    def __init__(self, root: Path, owner: tuple[int, int] | None = None) -> None:
        self._root = root
        self._owner = owner
        self._open: tuple[list[str], Folder] | None = None

    def at(self, parts: list[str], *, make: bool = False) -> Folder:
        """Return a folder, open until the next call; raises like ``enter``."""
        if self._open is not None and self._open[0] == parts:
            return self._open[1]
        self.close()
        folder = _open_root(self._root)
        try:
            for part in parts:
                if make:
                    folder.make(part, self._owner)
                below = folder.enter(part)
                folder.close()
                folder = below
        except BaseException:
            folder.close()
            raise
        self._open = (parts, folder)
        return folder

    def close(self) -> None:
        """Let the folder go, as must be done before folders are removed or renamed."""
        if self._open is not None:
            self._open[1].close()
            self._open = None


def open_file(root: Path, path: str) -> int:
    """Open a file of a tree for reading; returns a descriptor.

    Raises:
        OSError: there is none, or a link leads to it.
    """
    *folders, name = path.split("/")
    with enter(root, folders) as folder:
        return folder.open(name)


def _open_root(root: Path) -> Folder:
    if sys.platform == "win32":
        return _NameFolder(Path(os.path.realpath(root)))
    # The root itself was named by a person, who may have named a link.
    return _FdFolder(os.open(root, _FOLDER & ~getattr(os, "O_NOFOLLOW", 0)))


class _FdFolder:
    def __init__(self, descriptor: int) -> None:
        self._fd = descriptor

    def close(self) -> None:
        os.close(self._fd)

    def enter(self, name: str) -> _FdFolder:
        try:
            return _FdFolder(os.open(name, _FOLDER, dir_fd=self._fd))
        except FileNotFoundError:
            raise
        except OSError as exc:
            raise NotAFolderError(exc.errno, exc.strerror, name) from exc

    def stat(self, name: str) -> os.stat_result:
        return os.stat(name, dir_fd=self._fd, follow_symlinks=False)

    def entries(self) -> list[os.DirEntry[str]]:
        with os.scandir(self._fd) as found:
            return list(found)

    def open(self, name: str) -> int:
        return os.open(name, _FILE, dir_fd=self._fd)

    def read_link(self, name: str) -> str:
        return os.readlink(name, dir_fd=self._fd)

    def is_folder(self, name: str) -> bool:
        return _is_folder(self, name)

    def make(self, name: str, owner: tuple[int, int] | None) -> None:
        try:
            os.mkdir(name, 0o755, dir_fd=self._fd)
        except FileExistsError:
            return
        if owner is not None:
            os.chown(name, *owner, dir_fd=self._fd, follow_symlinks=False)

    def unlink(self, name: str) -> None:
        os.unlink(name, dir_fd=self._fd)

    def rmdir(self, name: str) -> None:
        os.rmdir(name, dir_fd=self._fd)

    def rename(self, name: str, new: str) -> None:
        os.rename(name, new, src_dir_fd=self._fd, dst_dir_fd=self._fd)

    def take(self, name: str, staged: Path) -> None:
        os.replace(staged, name, dst_dir_fd=self._fd)

    def link(self, name: str, target: str, owner: tuple[int, int] | None) -> None:
        temporary = f".{secrets.token_hex(8)}.part"
        os.symlink(target, temporary, dir_fd=self._fd)
        if owner is not None:
            os.chown(temporary, *owner, dir_fd=self._fd, follow_symlinks=False)
        os.replace(temporary, name, src_dir_fd=self._fd, dst_dir_fd=self._fd)


class _NameFolder:
    """Where a system has no calls relative to an open folder: each step is looked at first."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def close(self) -> None:
        """Nothing is held open."""

    def enter(self, name: str) -> _NameFolder:
        path = self._path / name
        if not stat.S_ISDIR(path.lstat().st_mode) or os.path.realpath(path) != str(path):
            raise NotAFolderError(20, "Not a directory", name)
        return _NameFolder(path)

    def stat(self, name: str) -> os.stat_result:
        return (self._path / name).lstat()

    def entries(self) -> list[os.DirEntry[str]]:
        with os.scandir(self._path) as found:
            return list(found)

    def open(self, name: str) -> int:
        path = self._path / name
        if path.is_symlink():
            raise NotAFolderError(40, "It is a link", name)
        return os.open(path, _FILE)

    def read_link(self, name: str) -> str:
        return str((self._path / name).readlink())

    def is_folder(self, name: str) -> bool:
        return _is_folder(self, name)

    def make(self, name: str, owner: tuple[int, int] | None) -> None:
        del owner
        (self._path / name).mkdir(exist_ok=True)

    def unlink(self, name: str) -> None:
        (self._path / name).unlink()

    def rmdir(self, name: str) -> None:
        (self._path / name).rmdir()

    def rename(self, name: str, new: str) -> None:
        (self._path / name).rename(self._path / new)

    def take(self, name: str, staged: Path) -> None:
        staged.replace(self._path / name)

    def link(self, name: str, target: str, owner: tuple[int, int] | None) -> None:
        del owner
        temporary = self._path / f".{secrets.token_hex(8)}.part"
        temporary.symlink_to(target)
        temporary.replace(self._path / name)


def _is_folder(folder: Folder, name: str) -> bool:
    try:
        return stat.S_ISDIR(folder.stat(name).st_mode)
    except FileNotFoundError:
        return False
