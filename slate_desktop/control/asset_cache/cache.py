"""What this machine knows about assets: digests of files, results by key, what was published.

A database beside a folder of products, both in the cache: deleting them costs time and nothing
else. Several processes may use it at once.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from slate_desktop.control.asset_cache.database import CacheDatabase
from slate_desktop.control.asset_cache.files import FileNotes
from slate_desktop.control.asset_cache.locks import KeyLocks
from slate_desktop.control.asset_cache.results import KeptResults
from slate_desktop.pipeline.sandbox import folders

# A work folder that old is nobody's.
_WORK_STALE_S = 86_400.0
MAX_CACHE_BYTES = 20 * 1024**3


class AssetCache:
    """The cache in one folder; a context manager.

    Attributes:
        folder: which one.
        files: what is known of files.
        results: what is known of keys.
        locks: one command at a time for each key.

    Raises:
        EnvironmentFaultError: the folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._database = CacheDatabase(folder)
        self.files = FileNotes(self._database)
        self.results = KeptResults(self._database, folder / "products")
        self.locks = KeyLocks(folder / "locks")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    @contextlib.contextmanager
    def work_folder(self) -> Iterator[Path]:
        """Make a private folder for one asset, and remove it at the end.

        Raises:
            EnvironmentFaultError: it cannot be made, or what is in it not be kept.
        """
        try:
            with folders.work_folder(self.folder / "work") as folder:
                yield folder
        except OSError as exc:
            raise self._database.fault(exc) from exc

    def prune(self, max_bytes: int = MAX_CACHE_BYTES) -> int:
        """Forget the results that were used longest ago; return how many bytes became free.

        What processes that were killed at work left behind goes, too.
        """
        folders.remove_stale(self.folder / "work", older_than_s=_WORK_STALE_S)
        return self.results.prune(max_bytes)
