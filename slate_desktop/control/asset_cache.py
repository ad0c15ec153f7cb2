"""What this machine knows about assets: digests of files, results by key, what was published.

A database beside a folder of products, both in the cache: deleting them costs time and nothing
else. Several processes may use it at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Self

import msgspec

from slate_desktop.domain.assets.outcome import AssetFault
from slate_desktop.domain.assets.report import ProcessResult
from slate_desktop.errors import EnvironmentFaultError, StackError
from slate_desktop.pipeline.sandbox import folders
from slate_desktop.stack.locks import FileLock

_FORM = 1
# A file that was changed this shortly before it was hashed may change again unseen.
_SETTLED_NS = 2_000_000_000
_OTHERS_WAIT_S = 10.0
# A use is noted this often at most, and a work folder that old is nobody's.
_USE_NOTED_S = 3600.0
_WORK_STALE_S = 86_400.0
# How often another process that makes the same is looked at, and when it is believed to hang.
_OTHERS_LOOK_S = 0.05
_OTHERS_HANG_S = 900.0
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
create table if not exists origins (path blob primary key, source blob) without rowid;
"""
_ORIGIN = "select source from origins where path = ?"
_USE = "update results set used_at = ?1 where key = ?2"
_FORGET = "delete from results where key = ?1"
_PUT = "insert or replace into results values (?, ?, ?, ?, ?)"


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
            raise self._fault(exc) from exc

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

    @contextlib.asynccontextmanager
    async def alone_with(self, key: str) -> AsyncIterator[None]:
        """Wait while another process makes or takes what has this key, then keep others waiting.

        Where no lock can be made, or another process holds it for a quarter of an hour, things go
        on without: what is lost is work that is done twice.
        """
        lock = await self._lock(key)
        try:
            yield
        finally:
            if lock is not None:
                lock.release(is_removed=True)

    async def _lock(self, key: str) -> FileLock | None:
        end_s = time.monotonic() + _OTHERS_HANG_S
        path = self.folder / "locks" / f"{key}.lock"
        try:
            path.parent.mkdir(exist_ok=True)
            while time.monotonic() < end_s:
                lock = FileLock.acquire(path)
                if lock is None:
                    await asyncio.sleep(_OTHERS_LOOK_S)
                elif lock.is_on_disk:
                    return lock
                else:
                    lock.release()  # who had it took its file away
        except (OSError, StackError):
            pass
        return None

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
            raise self._fault(exc) from exc

    def digest_of(self, path: Path, facts: os.stat_result) -> str | None:
        """Return the digest of a file that looks as it did when it was hashed."""
        return self._look_up("contents", path, facts)

    def keep_digest(self, path: Path, facts: os.stat_result, sha256: str) -> None:
        """Keep a file's digest, unless it was changed a moment ago."""
        if time.time_ns() - facts.st_mtime_ns > _SETTLED_NS:
            self._keep("contents", path, facts, sha256)

    def links_of(self, sha256: str) -> tuple[str, ...] | None:
        """Return the files that a content refers to, None where it was never read."""
        found = self._first("select names from links where sha256 = ?", sha256)
        return None if found is None else tuple(json.loads(found[0]))

    def keep_links(self, sha256: str, names: tuple[str, ...]) -> None:
        """Keep the files that a content refers to."""
        self._write("insert or replace into links values (?, ?)", sha256, json.dumps(names))

    def find(self, key: str) -> Known | AssetFault | None:
        """Return what is known of a key."""
        found = self._first("select result, fault, used_at from results where key = ?", key)
        if found is None:
            return None
        if time.time() - found[2] > _USE_NOTED_S:
            self._write(_USE, time.time(), key)
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
            self._database.execute(_PUT, values)
        except (OSError, sqlite3.Error) as exc:
            # Nobody would find them, nor ever remove them.
            shutil.rmtree(folder, ignore_errors=True)
            raise self._fault(exc) from exc

    def keep_fault(self, key: str, fault: AssetFault) -> None:
        """Keep a failure, so that the key is not tried again."""
        self._write(_PUT, key, None, json.dumps(msgspec.to_builtins(fault)), 0, time.time())

    def forget(self, key: str) -> None:
        """Drop what is known of a key, and its products."""
        self._write(_FORGET, key)
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

    def origin_of(self, path: Path) -> Path | None:
        """Return the asset whose product was put at a place last."""
        found = self._first(_ORIGIN, os.fsencode(path.absolute()))
        return None if found is None else Path(os.fsdecode(found[0]))

    def keep_origin(self, path: Path, source: Path) -> None:
        """Note whose product lies at a place."""
        values = (os.fsencode(path.absolute()), os.fsencode(source.absolute()))
        self._write("insert or replace into origins values (?, ?)", *values)

    def prune(self, max_bytes: int = MAX_CACHE_BYTES) -> int:
        """Forget the results that were used longest ago; return how many bytes became free.

        What processes that were killed at work left behind goes, too.
        """
        folders.remove_stale(self.folder / "work", older_than_s=_WORK_STALE_S)
        kept, freed = 0, 0
        try:
            rows = self._database.execute("select key, size from results order by used_at desc")
            found = rows.fetchall()
        except sqlite3.Error:
            return 0
        for key, size in found:
            kept += size
            if kept > max_bytes:
                self.forget(key)
                freed += size
        return freed

    def _first(self, query: str, *values: object) -> Any:
        try:
            return self._database.execute(query, values).fetchone()
        except sqlite3.Error as exc:
            raise self._fault(exc) from exc

    def _write(self, statement: str, *values: object) -> None:
        """Write what only saves time: a full or damaged cache ends no work."""
        with contextlib.suppress(sqlite3.Error):
            self._database.execute(statement, values)

    def _fault(self, reason: Exception) -> EnvironmentFaultError:
        words = (reason.strerror if isinstance(reason, OSError) else None) or str(reason)
        return EnvironmentFaultError(
            f"The cache of assets in {self.folder} cannot be used: {words}.",
            hint="Make room there, point SLATE_CACHE_DIR to another folder, or delete this one.",
        )

    def _look_up(self, table: str, path: Path, facts: os.stat_result) -> str | None:
        row = self._first(
            f"select size, mtime_ns, inode, sha256 from {table} where path = ?",  # noqa: S608 - ours
            os.fsencode(path.absolute()),
        )
        if row is None or row[:3] != (facts.st_size, facts.st_mtime_ns, facts.st_ino):
            return None
        return str(row[3])

    def _keep(self, table: str, path: Path, facts: os.stat_result, sha256: str) -> None:
        self._write(
            f"insert or replace into {table} values (?, ?, ?, ?, ?)",  # noqa: S608 - ours
            os.fsencode(path.absolute()),
            facts.st_size,
            facts.st_mtime_ns,
            facts.st_ino,
            sha256,
        )
