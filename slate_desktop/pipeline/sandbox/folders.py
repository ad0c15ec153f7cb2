"""Work folders: one for each request, private, and gone when it is over."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def work_folder(base: Path | None = None) -> Iterator[Path]:
    """Make a private folder below ``base`` (the system's temporary one), and remove it at the end.

    Raises:
        OSError: it cannot be made.
    """
    if base is not None:
        base.mkdir(parents=True, exist_ok=True)
    path = Path(tempfile.mkdtemp(prefix="slate-", dir=base))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
