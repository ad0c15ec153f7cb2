"""The database of the cache: several commands open it at once; it may be full or damaged."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from pathlib import Path
from typing import Any

from slate_desktop.errors import EnvironmentFaultError

_FORM = 1
_OTHERS_WAIT_S = 10.0
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


class CacheDatabase:
    """The tables in one folder.

    Raises:
        EnvironmentFaultError: the folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(
                folder / f"index-{_FORM}.sqlite3", isolation_level=None, check_same_thread=False
            )
            self._connection.execute("pragma busy_timeout = 10000")
            self._write_ahead()
            self._connection.execute("pragma synchronous = normal")
            self._connection.executescript(_SCHEMA)
        except (OSError, sqlite3.Error) as exc:
            raise self.fault(exc) from exc

    def close(self) -> None:
        """Give it back."""
        self._connection.close()

    def first(self, query: str, *values: object) -> Any:
        """Return the first row, None where there is none.

        Raises:
            EnvironmentFaultError: it cannot be read.
        """
        try:
            return self._connection.execute(query, values).fetchone()
        except sqlite3.Error as exc:
            raise self.fault(exc) from exc

    def rows(self, query: str) -> list[Any]:
        """Return all rows; none where it cannot be read."""
        try:
            return self._connection.execute(query).fetchall()
        except sqlite3.Error:
            return []

    def write(self, statement: str, *values: object) -> None:
        """Write.

        Raises:
            sqlite3.Error: there is no room for it.
        """
        self._connection.execute(statement, values)

    def note(self, statement: str, *values: object) -> None:
        """Write what only saves time: a full or damaged cache ends no work."""
        with contextlib.suppress(sqlite3.Error):
            self.write(statement, *values)

    def fault(self, reason: Exception) -> EnvironmentFaultError:
        """Return what to tell where the cache cannot be used."""
        words = (reason.strerror if isinstance(reason, OSError) else None) or str(reason)
        return EnvironmentFaultError(
            f"The cache of assets in {self.folder} cannot be used: {words}.",
            hint="Make room there, point SLATE_CACHE_DIR to another folder, or delete this one.",
        )

    def _write_ahead(self) -> None:
        """Have a new database keep a log of writes; others may just do the same.

        For this one step SQLite does not wait, whatever ``busy_timeout`` says.
        """
        end_s = time.monotonic() + _OTHERS_WAIT_S
        while True:
            try:
                self._connection.execute("pragma journal_mode = wal")
            except sqlite3.OperationalError as exc:
                if exc.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > end_s:
                    raise
                time.sleep(0.01)
            else:
                return
