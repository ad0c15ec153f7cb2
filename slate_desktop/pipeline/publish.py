"""How products reach the folder where people look: whole, or not at all.

Every file is written beside its place under a hidden name, synchronised and closed; only when all
of them lie there are they renamed. A job that fails leaves nothing behind.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from slate_desktop.errors import EnvironmentFaultError

_CHUNK_BYTES = 1024 * 1024
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
            temporary = target.with_name(f".{secrets.token_hex(8)}.tmp")
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
            raise EnvironmentFaultError(f"{out_dir} cannot be written: {reason}.") from exc
        raise
    return tuple(targets.values())


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
