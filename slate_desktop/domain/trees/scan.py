"""Looks through a project's folder: what is in it, what has changed, and what cannot travel.

A file whose size, time and inode are as they were at the last look is not read again: looking
through a project in which nothing changed costs little more than walking it.
"""

from __future__ import annotations

import hashlib
import os
import stat
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import msgspec

from slate_desktop.domain.engine import Engine
from slate_desktop.domain.trees.folders import Folder, NotAFolderError, enter
from slate_desktop.domain.trees.ignore import IGNORE_FILE, MAX_FILE_BYTES, IgnoreRules, read_lines
from slate_desktop.domain.trees.manifest import MAX_FILES, Entry, digest_of_link
from slate_desktop.domain.trees.paths import fold, problem_of, problem_of_link
from slate_desktop.errors import CommandError, ErrorCode

_BLOCK = 1024 * 1024
# File systems keep times this coarsely at worst; what is younger is read again the next time.
_RACY_NS = 2_000_000_000
_SHOWN = 1_000
_NO_INODE = -1
_KIND = 0o170000
_OPEN = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_OPEN |= getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


class Known(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A file at the last look: its times and inode, and what was in it."""

    mtime_ns: int
    size: int
    inode: int
    is_executable: bool
    sha256: str
    link: str | None = None

    def entry(self, path: str) -> Entry:
        """Return the file as an entry; where its content is stored is not known here."""
        size = 0 if self.link is not None else self.size
        return Entry(path, size, self.mtime_ns, self.sha256, self.is_executable, self.link)

    def is_at(self, info: os.stat_result) -> bool:
        """Tell whether a file is as it was at that look, by its times and inode."""
        return (info.st_mtime_ns, info.st_size, info.st_ino) == (
            self.mtime_ns,
            self.size,
            self.inode,
        )


class Skipped(msgspec.Struct, frozen=True):
    """A file that cannot travel, with the reason."""

    path: str
    reason: str


class Scan(msgspec.Struct, frozen=True, kw_only=True):
    """A folder at one look.

    Attributes:
        files: by path.
        read: paths of those that were read anew.
        skipped: what cannot travel; the first thousand.
        problems: patterns of ``.slateignore`` that are none.
        recent: paths of those that may be written again within the same time.
    """

    files: dict[str, Known]
    read: tuple[str, ...]
    skipped: tuple[Skipped, ...] = ()
    problems: tuple[str, ...] = ()
    recent: tuple[str, ...] = ()

    @property
    def remember(self) -> dict[str, Known]:
        """The files for the next look; those that changed just now are read again by it."""
        if not self.recent:
            return self.files
        doubtful = {
            path: msgspec.structs.replace(self.files[path], inode=_NO_INODE) for path in self.recent
        }
        return {**self.files, **doubtful}


def read_rules(root: Path, engine: Engine) -> IgnoreRules:
    """Return what of a project does not travel."""
    try:
        descriptor = os.open(root / IGNORE_FILE, _OPEN)
    except OSError:
        return IgnoreRules(engine)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            return IgnoreRules(engine)
        return IgnoreRules(engine, read_lines(file.read(MAX_FILE_BYTES)))


def scan(
    root: Path,
    rules: IgnoreRules,
    known: Mapping[str, Known],
    *,
    stop: threading.Event | None = None,
) -> Scan:
    """Look through a folder; blocks for as long as it takes.

    Args:
        root: the folder.
        rules: what is left out.
        known: the files of the last look.
        stop: set by another thread, it ends the look.

    Raises:
        CommandError: ``bad_request`` for a folder that cannot be read, ``too_large``,
            ``cancelled``.
    """
    look = _Look(str(root), rules, known, stop or threading.Event())
    try:
        look.run()
    except OSError as exc:
        raise CommandError(
            ErrorCode.BAD_REQUEST,
            f"The project's files cannot be read: {exc.strerror} ({exc.filename}).",
            field="project",
        ) from exc
    return Scan(
        files=look.files,
        read=tuple(look.read),
        skipped=tuple(look.skipped[:_SHOWN]),
        problems=tuple(rules.problems),
        recent=tuple(look.recent),
    )


def look_at(root: Path, path: str) -> Known | None:
    """Read one file of a folder; None where there is none that can travel."""
    if problem_of(path) is not None:
        return None
    *folders, name = path.split("/")
    try:
        with enter(root, folders) as folder:
            return _read(folder, name, path, folder.stat(name))
    except (OSError, ValueError):
        return None


class _Look:
    """One look; ``run`` fills the rest."""

    def __init__(
        self, root: str, rules: IgnoreRules, known: Mapping[str, Known], stop: threading.Event
    ) -> None:
        self.files: dict[str, Known] = {}
        self.read: list[str] = []
        self.recent: list[str] = []
        self.skipped: list[Skipped] = []
        self._root = root
        self._rules = rules
        self._known = known
        self._stop = stop
        self._young_ns = time.time_ns() - _RACY_NS

    def run(self) -> None:
        """Walk the folder and read what is new."""
        with enter(Path(self._root), ()) as folder:
            self._walk(folder, "")

    def _walk(self, folder: Folder, prefix: str) -> None:
        if self._stop.is_set():
            raise CommandError(ErrorCode.CANCELLED, "It was ended.")
        entries = folder.entries()
        below = self._look_at_all(folder, entries, prefix)
        if len(self.files) > MAX_FILES:
            raise CommandError(
                ErrorCode.TOO_LARGE,
                f"The project has more than {MAX_FILES} files.",
                field="project",
                hint=f"Leave folders out in {IGNORE_FILE}.",
            )
        for name in below:
            try:
                inner = folder.enter(name)
            except (FileNotFoundError, NotAFolderError):
                continue  # it has just gone
            except PermissionError:
                self._skip(prefix + name, "cannot be read")
                continue
            try:
                self._walk(inner, f"{prefix}{name}/")
            finally:
                inner.close()

    def _look_at_all(
        self, folder: Folder, entries: list[os.DirEntry[str]], prefix: str
    ) -> list[str]:
        """Take a folder's files; returns the names of the folders in it."""
        known, files, ignores, young_ns = (
            self._known,
            self.files,
            self._rules.ignores,
            self._young_ns,
        )
        clashing = self._clashing([entry.name for entry in entries], prefix)
        below: list[str] = []
        for entry in entries:
            name = entry.name
            path = prefix + name
            is_dir = entry.is_dir(follow_symlinks=False)
            if ignores(path, name, is_dir=is_dir) or name in clashing:
                continue
            if is_dir:
                if (problem := problem_of(path)) is None:
                    below.append(name)
                else:
                    self._skip(path, problem)
                continue
            try:
                info = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            old = known.get(path)
            if (
                old is not None
                and old.mtime_ns == info.st_mtime_ns
                and old.size == info.st_size
                and old.inode == info.st_ino
                and old.is_executable == bool(info.st_mode & 0o100)
                and (info.st_mode & _KIND == stat.S_IFREG) == (old.link is None)
            ):
                files[path] = old
                if info.st_mtime_ns > young_ns:
                    self.recent.append(path)
            elif (problem := problem_of(path)) is None:
                self._read_new(folder, name, path, info)
            else:
                self._skip(path, problem)
        return below

    def _read_new(self, folder: Folder, name: str, path: str, info: os.stat_result) -> None:
        if self._stop.is_set():
            raise CommandError(ErrorCode.CANCELLED, "It was ended.")
        try:
            found = _read(folder, name, path, info)
        except FileNotFoundError:
            return
        except OSError:
            self._skip(path, "cannot be read")
            return
        except ValueError as exc:
            self._skip(path, str(exc))
            return
        self.files[path] = found
        self.read.append(path)
        if found.mtime_ns > self._young_ns:
            self.recent.append(path)

    def _clashing(self, names: list[str], prefix: str) -> frozenset[str]:
        """Return the names that are another's but for case; the first by order travels."""
        joined = "\0".join(names)
        folded = joined.lower().split("\0") if joined.isascii() else map(fold, names)
        if len(set(folded)) >= len(names):
            return frozenset()
        seen: dict[str, str] = {}
        clashing: set[str] = set()
        for name in sorted(names):
            other = seen.setdefault(fold(name), name)
            if other != name:
                clashing.add(name)
                self._skip(prefix + name, f"is the same as {other!r} on some systems")
        return frozenset(clashing)

    def _skip(self, path: str, reason: str) -> None:
        self.skipped.append(Skipped(path.encode("utf-8", "replace").decode(), reason))


def _read(folder: Folder, name: str, path: str, info: os.stat_result) -> Known:
    """Read a file or link; raises ``OSError``, or ``ValueError`` with why it cannot travel."""
    if stat.S_ISLNK(info.st_mode):
        target = folder.read_link(name).replace(os.sep, "/")
        problem = problem_of_link(path, target)
        if problem is not None:
            raise ValueError(f"is a link that {problem}")
        return Known(
            info.st_mtime_ns, info.st_size, info.st_ino, bool(info.st_mode & 0o100),
            digest_of_link(target), target,
        )  # fmt: skip
    if not stat.S_ISREG(info.st_mode):
        raise ValueError("is neither a file nor a link")
    digest, size = hashlib.sha256(), 0
    with os.fdopen(folder.open(name), "rb", buffering=0) as file:
        before = os.fstat(file.fileno())
        if not stat.S_ISREG(before.st_mode):
            raise ValueError("is neither a file nor a link")
        while chunk := file.read(_BLOCK):
            digest.update(chunk)
            size += len(chunk)
    # The times of before: what is written meanwhile shows at the next look.
    return Known(
        before.st_mtime_ns, size, before.st_ino, bool(before.st_mode & 0o100), digest.hexdigest()
    )
