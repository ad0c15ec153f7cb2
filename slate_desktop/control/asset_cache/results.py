"""Results and failures by key, the products beside them, and what has to go when they are many."""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
from pathlib import Path

import msgspec

from slate_desktop.control.asset_cache.database import CacheDatabase
from slate_desktop.domain.assets.outcome import AssetFault
from slate_desktop.domain.assets.report import ProcessResult

# A use is noted this often at most.
_USE_NOTED_S = 3600.0
_USE = "update results set used_at = ?1 where key = ?2"
_BY_USE = "select key, size from results order by used_at desc"
_FORGET = "delete from results where key = ?1"
_PUT = "insert or replace into results values (?, ?, ?, ?, ?)"


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """A kept result. ``name`` is that of the file it was made of, ``result`` has its names."""

    name: str
    result: ProcessResult


class KeptResults:
    """What was made of a key, or why it failed.

    Args:
        database: the cache's.
        folder: of the products.
    """

    def __init__(self, database: CacheDatabase, folder: Path) -> None:
        self._database = database
        self._folder = folder

    def find(self, key: str) -> Known | AssetFault | None:
        """Return what is known of a key."""
        found = self._database.first(
            "select result, fault, used_at from results where key = ?", key
        )
        if found is None:
            return None
        if time.time() - found[2] > _USE_NOTED_S:
            self._database.note(_USE, time.time(), key)
        try:
            if found[1] is not None:
                return msgspec.convert(json.loads(found[1]), AssetFault)
            return msgspec.convert(json.loads(found[0]), Known)
        except ValueError:
            self.forget(key)
            return None

    def keep_result(self, key: str, known: Known, work_dir: Path) -> None:
        """Take the products over from ``work_dir``, and keep the result.

        Raises:
            EnvironmentFaultError: there is no space for it.
        """
        folder = self.products(key)
        size = sum(product.size for product in known.result.products)
        values = (key, json.dumps(msgspec.to_builtins(known)), None, size, time.time())
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            if folder.exists():
                shutil.rmtree(folder)
            work_dir.rename(folder)
            self._database.write(_PUT, *values)
        except (OSError, sqlite3.Error) as exc:
            # Nobody would find them, nor ever remove them.
            shutil.rmtree(folder, ignore_errors=True)
            raise self._database.fault(exc) from exc

    def keep_fault(self, key: str, fault: AssetFault) -> None:
        """Keep a failure, so that the key is not tried again."""
        self._database.note(_PUT, key, None, json.dumps(msgspec.to_builtins(fault)), 0, time.time())

    def forget(self, key: str) -> None:
        """Drop what is known of a key, and its products."""
        self._database.note(_FORGET, key)
        shutil.rmtree(self.products(key), ignore_errors=True)

    def products(self, key: str) -> Path:
        """Return the folder of a key's products."""
        return self._folder / key[:2] / key

    def prune(self, max_bytes: int) -> int:
        """Forget those that were used longest ago; return how many bytes became free."""
        kept, freed = 0, 0
        for key, size in self._database.rows(_BY_USE):
            kept += size
            if kept > max_bytes:
                self.forget(key)
                freed += size
        return freed
