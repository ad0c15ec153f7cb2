"""Work folders: one for each request, private, and gone when it is over."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

_PREFIX = "slate-"


@contextlib.contextmanager
def work_folder(base: Path | None = None) -> Iterator[Path]:
    """Make a private folder below ``base`` (the system's temporary one), and remove it at the end.

    Raises:
        OSError: it cannot be made.
    """
    if base is not None:
        base.mkdir(parents=True, exist_ok=True)
    path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=base))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def empty(folder: Path) -> None:
    """Remove what is in a work folder.

    Raises:
        OSError: something of it stays.
    """
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def remove_stale(base: Path, *, older_than_s: float) -> None:
    """Remove work folders below ``base`` whose process was killed before it could."""
    before_s = time.time() - older_than_s
    for path in base.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            if path.lstat().st_mtime < before_s:
                shutil.rmtree(path, ignore_errors=True)
