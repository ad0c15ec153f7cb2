"""Puts files into a tree that something else may write to as well, and never outside it.

A folder is entered step by step, without following links, and a file appears under its name whole:
what a runtime plants in its tree leads nowhere.
"""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

from slate_desktop.domain.trees.folders import FolderCursor, NotAFolderError
from slate_desktop.domain.trees.manifest import Entry
from slate_desktop.domain.trees.paths import check_path
from slate_desktop.domain.trees.scan import Known, look_at

# More files than these are synchronised by one call for all.
_SYNC_EACH = 64


class Placer:
    """Changes the files of one tree.

    Args:
        root: the tree; it exists.
        owner: user and group of what is made here; None for this process's own.
    """

    def __init__(self, root: Path, owner: tuple[int, int] | None = None) -> None:
        self.root = root
        self._owner = owner
        self._cursor = FolderCursor(root, owner)

    def close(self) -> None:
        """Hold no folder open any more; it can be used again."""
        self._cursor.close()

    def put(self, entry: Entry, staged: Path | None) -> Known:
        """Give a file its name; what has the name is replaced.

        Args:
            entry: the file or link.
            staged: its content, on the same file system; it is moved. None for a link.

        Raises:
            NotAFolderError: a file lies where a folder must be.
            OSError: it cannot be written; a folder with files in it has the name.
        """
        *folders, name = check_path(entry.path).split("/")
        at = self._cursor.at(folders, make=True)
        if at.is_folder(name):
            self.close()
            at = self._cursor.at(folders)
            at.rmdir(name)
        if entry.link is not None:
            at.link(name, entry.link, self._owner)
        elif staged is not None:
            staged.chmod(0o755 if entry.is_executable else 0o644)
            os.utime(staged, ns=(entry.mtime_ns, entry.mtime_ns))
            if self._owner is not None:
                os.chown(staged, *self._owner)
            at.take(name, staged)
        info = at.stat(name)
        return Known(
            info.st_mtime_ns, info.st_size, info.st_ino, bool(info.st_mode & 0o100), entry.sha256,
            entry.link,
        )  # fmt: skip

    def remove(self, path: str) -> None:
        """Remove a file, and folders that are empty then; one that is gone is well."""
        *folders, name = check_path(path).split("/")
        with contextlib.suppress(FileNotFoundError, NotAFolderError):
            at = self._cursor.at(folders)
            if at.is_folder(name):
                return
            at.unlink(name)
        while folders:
            self.close()
            *above, last = folders
            try:
                self._cursor.at(above).rmdir(last)
            except OSError:
                return
            folders = above

    def rename(self, path: str, new_name: str) -> None:
        """Give a file another name in the same folder.

        Raises:
            OSError: there is no such file.
        """
        *folders, name = check_path(path).split("/")
        self.close()
        self._cursor.at(folders).rename(name, check_path(new_name).split("/")[-1])

    def clear_way(self, path: str) -> str | None:
        """Return the file that lies where a folder of ``path`` must be; a link there is removed."""
        parts = check_path(path).split("/")[:-1]
        for count in range(1, len(parts) + 1):
            *folders, name = parts[:count]
            try:
                at = self._cursor.at(folders)
                info = at.stat(name)
                if stat.S_ISLNK(info.st_mode):
                    at.unlink(name)
                    return None
            except FileNotFoundError:
                return None
            if not stat.S_ISDIR(info.st_mode):
                return "/".join(parts[:count])
        return None

    def known(self, path: str) -> Known | None:
        """Read a file of the tree; None where there is none."""
        return look_at(self.root, path)

    def stat(self, path: str) -> os.stat_result | None:
        """Return what a file's name is of; None where there is none.

        Raises:
            NotAFolderError: something else lies where a folder must be.
        """
        *folders, name = check_path(path).split("/")
        try:
            return self._cursor.at(folders).stat(name)
        except FileNotFoundError:
            return None


def synchronise(paths: list[Path]) -> None:
    """Make sure that files outlast a loss of power; many of them by one call for all."""
    if len(paths) > _SYNC_EACH and hasattr(os, "sync"):
        os.sync()
        return
    for path in paths:
        with path.open("rb+") as file:
            os.fsync(file.fileno())
