"""What this machine knows about assets: digests of files, results by key, what was published.

A database beside a folder of products, both in the cache: deleting them costs time and nothing
else. Several processes may use it at once.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import time
from pathlib import Path
from typing import Any, Self

import msgspec

from slate_desktop.domain.assets.outcome import AssetFault
from slate_desktop.domain.assets.report import ProcessResult
from slate_desktop.errors import EnvironmentFaultError

_FORM = 1
# A file that was changed this shortly before it was hashed may change again unseen.
_SETTLED_NS = 2_000_000_000
_OTHERS_WAIT_S = 10.0
MAX_CACHE_BYTES = 20 * 1024**3
_SCHEMA = """
create table if not exists contents (
    path blob primary key, size integer, mtime_ns integer, inode integer, sha256 text
) without rowid;
create table if not exists links (sha256 text primary key, names text) without rowid;
create table if not exists results (
    key text primary key, result text, fault text, size integer, used_at real
) without rowid;
create table if not exists published (
    path blob primary key, size integer, mtime_ns integer, inode integer, sha256 text
) without rowid;
"""


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """A kept result. ``name`` is that of the file it was made of, ``result`` has its names."""

    name: str
    result: ProcessResult


class AssetCache:
    """The cache in one folder; a context manager.

    Raises:
        EnvironmentFaultError: the folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(
                folder / f"index-{_FORM}.sqlite3", isolation_level=None, check_same_thread=False
            )
            self._database.execute("pragma busy_timeout = 10000")
            self._write_ahead()
            self._database.execute("pragma synchronous = normal")
            self._database.executescript(_SCHEMA)
        except (OSError, sqlite3.Error) as exc:
            raise EnvironmentFaultError(
                f"The cache of assets in {folder} cannot be used: {exc}.",
                hint="Point SLATE_CACHE_DIR to another folder, or delete this one.",
            ) from exc

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def _write_ahead(self) -> None:
        """Have a new database keep a log of writes; others may just do the same.

        For this one step SQLite does not wait, whatever ``busy_timeout`` says.
        """
        end_s = time.monotonic() + _OTHERS_WAIT_S
        while True:
            try:
                self._database.execute("pragma journal_mode = wal")
            except sqlite3.OperationalError as exc:
                if exc.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > end_s:
                    raise
                time.sleep(0.01)
            else:
                return

    def digest_of(self, path: Path, facts: os.stat_result) -> str | None:
        """Return the digest of a file that looks as it did when it was hashed."""
        return self._look_up("contents", path, facts)

    def keep_digest(self, path: Path, facts: os.stat_result, sha256: str) -> None:
        """Keep a file's digest, unless it was changed a moment ago."""
        if time.time_ns() - facts.st_mtime_ns > _SETTLED_NS:
            self._keep("contents", path, facts, sha256)

    def links_of(self, sha256: str) -> tuple[str, ...] | None:
        """Return the files that a content refers to, None where it was never read."""
        row = self._database.execute("select names from links where sha256 = ?", (sha256,))
        found = row.fetchone()
        return None if found is None else tuple(json.loads(found[0]))

    def keep_links(self, sha256: str, names: tuple[str, ...]) -> None:
        """Keep the files that a content refers to."""
        values = (sha256, json.dumps(names))
        self._database.execute("insert or replace into links values (?, ?)", values)

    def find(self, key: str) -> Known | AssetFault | None:
        """Return what is known of a key."""
        row = self._database.execute("select result, fault from results where key = ?", (key,))
        found = row.fetchone()
        if found is None:
            return None
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
            OSError: there is no space for it.
        """
        folder = self.products(key)
        folder.parent.mkdir(parents=True, exist_ok=True)
        if folder.exists():
            shutil.rmtree(folder)
        work_dir.rename(folder)
        size = sum(product.size for product in known.result.products)
        self._put(key, json.dumps(msgspec.to_builtins(known)), None, size)

    def keep_fault(self, key: str, fault: AssetFault) -> None:
        """Keep a failure, so that the key is not tried again."""
        self._put(key, None, json.dumps(msgspec.to_builtins(fault)), 0)

    def forget(self, key: str) -> None:
        """Drop what is known of a key, and its products."""
        self._database.execute("delete from results where key = ?", (key,))
        shutil.rmtree(self.products(key), ignore_errors=True)

    def products(self, key: str) -> Path:
        """Return the folder of a key's products."""
        return self.folder / "products" / key[:2] / key

    def is_published(self, path: Path, sha256: str) -> bool:
        """Tell whether a product lies at its place, as it was put there."""
        try:
            return self._look_up("published", path, path.stat()) == sha256
        except OSError:
            return False

    def keep_published(self, path: Path, sha256: str) -> None:
        """Note that a product lies at its place."""
        with contextlib.suppress(OSError):
            self._keep("published", path, path.stat(), sha256)

    def prune(self, max_bytes: int = MAX_CACHE_BYTES) -> int:
        """Forget the results that were used longest ago; return how many bytes became free."""
        rows = self._database.execute("select key, size from results order by used_at desc")
        kept, freed = 0, 0
        for key, size in rows.fetchall():
            kept += size
            if kept > max_bytes:
                self.forget(key)
                freed += size
        return freed

    def _put(self, key: str, result: str | None, fault: str | None, size: int) -> None:
        values = (key, result, fault, size, time.time())
        self._database.execute("insert or replace into results values (?, ?, ?, ?, ?)", values)

    def _look_up(self, table: str, path: Path, facts: os.stat_result) -> str | None:
        row = self._database.execute(
            f"select size, mtime_ns, inode, sha256 from {table} where path = ?",  # noqa: S608 - ours
            (os.fsencode(path.absolute()),),
        ).fetchone()
        if row is None or row[:3] != (facts.st_size, facts.st_mtime_ns, facts.st_ino):
            return None
        return str(row[3])

    def _keep(self, table: str, path: Path, facts: os.stat_result, sha256: str) -> None:
        values: tuple[Any, ...] = (
            os.fsencode(path.absolute()),
            facts.st_size,
            facts.st_mtime_ns,
            facts.st_ino,
            sha256,
        )
        self._database.execute(
            f"insert or replace into {table} values (?, ?, ?, ?, ?)",  # noqa: S608 - ours
            values,
        )
