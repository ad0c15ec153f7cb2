"""How products reach the folder where people look: whole, or not at all.

Every file is written beside its place under a hidden name, synchronised and closed; only when all
of them lie there are they renamed. A job that fails leaves nothing behind. What a process that was
killed left under a hidden name goes when the next one publishes there, some minutes later.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import stat
import time
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from slate_desktop.errors import EnvironmentFaultError

_CHUNK_BYTES = 1024 * 1024
_PREFIX, _SUFFIX = ".slate-", ".tmp"
# Nobody takes longer from a file's last byte to its rename.
STALE_AFTER_S = 600.0
_MAX_FOLDERS = 1_000
# When folders were looked at for what was left behind, on the monotonic clock.
_looked_at: dict[Path, float] = {}
_FLAGS = (
    os.O_WRONLY
    | os.O_CREAT
    | os.O_EXCL
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


def publish(files: Mapping[str, Path], out_dir: Path) -> tuple[Path, ...]:
    """Copy files to their names in ``out_dir``, which is made when missing.

    Args:
        files: sources by relative name with ``/``; files that bear these names are replaced.
        out_dir: where people look for them.

    Returns:
        The published paths, in the order of ``files``.

    Raises:
        EnvironmentFaultError: the folder cannot be written; it is as it was before.
        ValueError: a name leads out of ``out_dir``.
    """
    targets = {name: _target(out_dir, name) for name in files}
    staged: dict[Path, Path] = {}
    fresh: list[Path] = []
    try:
        for name, source in files.items():
            target = targets[name]
            target.parent.mkdir(parents=True, exist_ok=True)
            _tidy(target.parent)
            temporary = target.with_name(f"{_PREFIX}{secrets.token_hex(8)}{_SUFFIX}")
            staged[temporary] = target
            copy_synced(source, temporary)
        for temporary, target in staged.items():
            is_new = not target.exists()
            temporary.replace(target)
            if is_new:
                fresh.append(target)
        for folder in {target.parent for target in targets.values()}:
            sync_folder(folder)
    except BaseException as exc:
        for path in [*staged, *fresh]:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
        if isinstance(exc, OSError):
            reason = exc.strerror or str(exc)
            if isinstance(exc, FileExistsError | NotADirectoryError):
                reason = "it is no folder, or lies in none"
            raise EnvironmentFaultError(f"{out_dir} cannot be written: {reason}.") from exc
        raise
    return tuple(targets.values())


def remove_stale(folder: Path, *, older_than_s: float = STALE_AFTER_S) -> None:
    """Remove what processes that were killed while they published left in a folder."""
    before_s = time.time() - older_than_s
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if not (entry.name.startswith(_PREFIX) and entry.name.endswith(_SUFFIX)):
                continue
            with contextlib.suppress(OSError):
                info = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(info.st_mode) and info.st_mtime < before_s:
                    os.unlink(entry.path)  # noqa: PTH108 - an entry, not a Path


def _tidy(folder: Path) -> None:
    """Remove what is stale, once in a while: a folder may hold many files."""
    now = time.monotonic()
    if now - _looked_at.get(folder, -STALE_AFTER_S) < STALE_AFTER_S:
        return
    if len(_looked_at) > _MAX_FOLDERS:
        _looked_at.clear()
    _looked_at[folder] = now
    remove_stale(folder)


def copy_synced(source: Path, target: Path) -> str:
    """Copy a file to a name that is free, synchronise it, and return its SHA-256.

    Raises:
        OSError: it cannot be read or written, or the name is taken.
    """
    digest = hashlib.sha256()
    with source.open("rb") as reader:
        descriptor = os.open(target, _FLAGS, 0o666)
        # Closed before the rename: a writer that is never closed swallows a full disk.
        with os.fdopen(descriptor, "wb") as writer:
            while chunk := reader.read(_CHUNK_BYTES):
                digest.update(chunk)
                writer.write(chunk)
            writer.flush()
            os.fsync(writer.fileno())
    return digest.hexdigest()


def sync_folder(folder: Path) -> None:
    """Make renames in a folder last; without effect where folders cannot be synchronised."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _target(out_dir: Path, name: str) -> Path:
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or "\\" in name or ".." in parts or "\0" in name:
        raise ValueError(f"not a relative name: {name!r}")
    return out_dir.joinpath(*parts)
