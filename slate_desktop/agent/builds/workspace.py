"""The folder that a build happens in: a copy of the project, so that neither harms the other.

::

    <workspaces>/<project>/<platform>-<n>/
        source/         the project's files; engines keep their caches in it
        output/         what the build makes, empty at its start
        manifest.json   size, time and hash of every file that was copied

An incremental build copies what changed and keeps the rest; ``clean`` starts with nothing. The
project's folder is only read. A workspace belongs to one build at a time.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import stat
import threading
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import msgspec

from slate_desktop.agent.disk import RESERVE_BYTES, check_disk
from slate_desktop.domain.builds.artifacts import file_sha256
from slate_desktop.errors import CommandError, ErrorCode

MANIFEST = "manifest.json"
# Version control, and what SLATE itself puts in.
_SKIPPED = frozenset({".git", ".hg", ".svn", ".slate"})
_MAX_FILES = 500_000
_NOBODY = (65534, 65534)


class FileEntry(msgspec.Struct, frozen=True, array_like=True):
    """One copied file: bytes, time of change in nanoseconds, SHA-256."""

    size: int
    mtime_ns: int
    sha256: str


class SourceState(msgspec.Struct, frozen=True, kw_only=True):
    """What was built: one hash over names and contents, how many files, how many were copied."""

    sha256: str
    files: int
    copied: int
    size_bytes: int


class Workspace:
    """One build's folder.

    Args:
        base: where it lies; belongs to this build for now.
    """

    def __init__(self, base: Path) -> None:
        self.base = base
        self.source = base / "source"
        self.output = base / "output"
        # Folders that were looked at since the last build.
        self._real: set[Path] = set()

    def prepare(
        self, project: Path, *, is_clean: bool, caches: tuple[str, ...], stop: threading.Event
    ) -> SourceState:
        """Bring the workspace up to date with the project, and empty the output.

        Args:
            project: where the files are read.
            is_clean: throw away what earlier builds left.
            caches: the engine's folders, which are neither copied nor removed.
            stop: set by another thread, it ends the work after the present file.

        Raises:
            CommandError: ``disk_low``, ``bad_request`` for a project that cannot be read,
                ``cancelled`` when it was stopped.
        """
        self._real.clear()
        if is_clean:
            shutil.rmtree(self.base, ignore_errors=True)
        shutil.rmtree(self.output, ignore_errors=True)
        self.source.mkdir(parents=True, exist_ok=True, mode=0o755)
        self.output.mkdir(parents=True, exist_ok=True, mode=0o755)
        try:
            state = self._synchronise(project, frozenset(caches) | _SKIPPED, stop)
        except OSError as exc:
            raise CommandError(
                ErrorCode.BAD_REQUEST,
                f"The project's files cannot be copied: {exc.strerror} ({exc.filename})",
                field="project_id",
            ) from exc
        return state

    def put(self, path: str, data: bytes) -> None:
        """Write a file of SLATE's own into the source."""
        target = self._make_room(path)
        target.unlink(missing_ok=True)
        target.write_bytes(data)

    def give_away(self) -> None:
        """Let a container's user, who is nobody, write here when the agent is root."""
        if os.name != "posix" or os.geteuid() != 0:
            return
        for folder, names, files in os.walk(self.base):
            for name in (".", *names, *files):
                with contextlib.suppress(FileNotFoundError):
                    os.lchown(Path(folder) / name, *_NOBODY)

    def _synchronise(
        self, project: Path, skipped: frozenset[str], stop: threading.Event
    ) -> SourceState:
        before = self._read_manifest()
        found: dict[str, os.stat_result] = dict(_walk(project, skipped))
        self._check_disk(sum(info.st_size for info in found.values()), bool(before))
        # First of all: where a folder has become a link, its old files would be looked for there.
        for path in before.keys() - found.keys():
            self._remove(path)
        after: dict[str, FileEntry] = {}
        copied = 0
        for path, info in found.items():
            if stop.is_set():
                # The manifest still tells of the last whole state: what differs is copied again.
                raise CommandError(ErrorCode.CANCELLED, "The build was ended.")
            known = before.get(path)
            target = self._make_room(path)
            if known is not None and _is_same(known, info) and _is_untouched(target, known):
                after[path] = known
                continue
            after[path] = _copy(project / path, target, info)
            copied += 1
        data = msgspec.json.encode(after)
        partial = self.base / (MANIFEST + ".part")
        partial.write_bytes(data)
        partial.replace(self.base / MANIFEST)
        return SourceState(
            sha256=_hash(after),
            files=len(after),
            copied=copied,
            size_bytes=sum(entry.size for entry in after.values()),
        )

    def _make_room(self, path: str) -> Path:
        """Return where a file goes, in real folders alone.

        A build may have put a link where a folder was. What is written through it would land
        outside of the workspace, with the agent's rights.
        """
        folder = self.source
        for name in PurePosixPath(path).parts[:-1]:
            folder = folder / name
            if folder in self._real:
                continue
            if not _is_real_folder(folder):
                folder.unlink(missing_ok=True)
                folder.mkdir(mode=0o755)
            self._real.add(folder)
        return self.source / path

    def _remove(self, path: str) -> None:
        """Remove a file that the project no longer has; never one behind a link."""
        folder = self.source
        for name in PurePosixPath(path).parts[:-1]:
            folder = folder / name
            if not _is_real_folder(folder):
                return
        target = self.source / path
        if not _is_real_folder(target):
            target.unlink(missing_ok=True)

    def _read_manifest(self) -> dict[str, FileEntry]:
        try:
            return msgspec.json.decode(
                (self.base / MANIFEST).read_bytes(), type=dict[str, FileEntry]
            )
        except (OSError, msgspec.MsgspecError):
            return {}

    def _check_disk(self, project_bytes: int, is_incremental: bool) -> None:
        needed = RESERVE_BYTES + project_bytes * (1 if is_incremental else 2)
        check_disk(self.base, needed, "This build")


class Workspaces:
    """Lends workspaces; two builds of one project and platform never share one.

    Args:
        root: below it all workspaces of one agent.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._busy: set[Path] = set()

    @contextlib.contextmanager
    def lend(self, project_id: str, platform: str) -> Iterator[Workspace]:
        """Give the first workspace of the project and platform that nobody has."""
        number = 1
        while (base := self.root / project_id / f"{platform}-{number}") in self._busy:
            number += 1
        self._busy.add(base)
        try:
            base.mkdir(parents=True, exist_ok=True)
            yield Workspace(base)
        finally:
            self._busy.discard(base)


def _walk(project: Path, skipped: frozenset[str]) -> Iterator[tuple[str, os.stat_result]]:
    """Yield the files and links below the project, in a fixed order; nothing else is copied."""
    count = 0
    for folder, names, files in os.walk(project):
        links = [name for name in names if (Path(folder) / name).is_symlink()]
        names[:] = sorted(n for n in names if n not in skipped and n not in links)
        for name in sorted([*files, *links]):
            path = Path(folder) / name
            info = path.lstat()
            if not (stat.S_ISREG(info.st_mode) or stat.S_ISLNK(info.st_mode)):
                continue
            count += 1
            if count > _MAX_FILES:
                raise CommandError(
                    ErrorCode.BAD_REQUEST,
                    f"The project has more than {_MAX_FILES} files",
                    field="project_id",
                )
            yield path.relative_to(project).as_posix(), info


def _is_real_folder(path: Path) -> bool:
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False


def _copy(source: Path, target: Path, info: os.stat_result) -> FileEntry:
    if target.is_dir() and not target.is_symlink():
        shutil.rmtree(target)
    else:
        target.unlink(missing_ok=True)
    if stat.S_ISLNK(info.st_mode):
        link = source.readlink()
        target.symlink_to(link)
        return FileEntry(0, info.st_mtime_ns, hashlib.sha256(str(link).encode()).hexdigest())
    shutil.copyfile(source, target)
    target.chmod(stat.S_IMODE(info.st_mode) & 0o755 | 0o644)
    os.utime(target, ns=(info.st_atime_ns, info.st_mtime_ns))
    return FileEntry(target.stat().st_size, info.st_mtime_ns, file_sha256(target))


def _is_same(known: FileEntry, info: os.stat_result) -> bool:
    is_link = stat.S_ISLNK(info.st_mode)
    return known.mtime_ns == info.st_mtime_ns and (is_link or known.size == info.st_size)


def _is_untouched(target: Path, known: FileEntry) -> bool:
    """Tell whether the copy is still as it was made: engines rewrite files of their own accord."""
    try:
        info = target.lstat()
    except OSError:
        return False
    if stat.S_ISLNK(info.st_mode):
        return known.size == 0
    return info.st_size == known.size and info.st_mtime_ns == known.mtime_ns


def _hash(files: dict[str, FileEntry]) -> str:
    digest = hashlib.sha256()
    for path in sorted(files):
        name = path.encode("utf-8", "surrogateescape")
        digest.update(len(name).to_bytes(4, "big") + name + bytes.fromhex(files[path].sha256))
    return digest.hexdigest()
