"""What is known of files by how they look: digests, references, and what was published where."""

from __future__ import annotations

import contextlib
import json
import os
import time
from pathlib import Path

from slate_desktop.control.asset_cache.database import CacheDatabase

# A file that was changed this shortly before it was hashed may change again unseen.
_SETTLED_NS = 2_000_000_000
_ORIGIN = "select source from origins where path = ?"


class FileNotes:
    """Notes on files, in the cache's database."""

    def __init__(self, database: CacheDatabase) -> None:
        self._database = database

    def digest_of(self, path: Path, facts: os.stat_result) -> str | None:
        """Return the digest of a file that looks as it did when it was hashed."""
        return self._look_up("contents", path, facts)

    def keep_digest(self, path: Path, facts: os.stat_result, sha256: str) -> None:
        """Keep a file's digest, unless it was changed a moment ago."""
        if time.time_ns() - facts.st_mtime_ns > _SETTLED_NS:
            self._keep("contents", path, facts, sha256)

    def links_of(self, sha256: str) -> tuple[str, ...] | None:
        """Return the files that a content refers to, None where it was never read."""
        found = self._database.first("select names from links where sha256 = ?", sha256)
        return None if found is None else tuple(json.loads(found[0]))

    def keep_links(self, sha256: str, names: tuple[str, ...]) -> None:
        """Keep the files that a content refers to."""
        self._database.note("insert or replace into links values (?, ?)", sha256, json.dumps(names))

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
        found = self._database.first(_ORIGIN, os.fsencode(path.absolute()))
        return None if found is None else Path(os.fsdecode(found[0]))

    def keep_origin(self, path: Path, source: Path) -> None:
        """Note whose product lies at a place."""
        values = (os.fsencode(path.absolute()), os.fsencode(source.absolute()))
        self._database.note("insert or replace into origins values (?, ?)", *values)

    def _look_up(self, table: str, path: Path, facts: os.stat_result) -> str | None:
        row = self._database.first(
            f"select size, mtime_ns, inode, sha256 from {table} where path = ?",  # noqa: S608 - ours
            os.fsencode(path.absolute()),
        )
        if row is None or row[:3] != (facts.st_size, facts.st_mtime_ns, facts.st_ino):
            return None
        return str(row[3])

    def _keep(self, table: str, path: Path, facts: os.stat_result, sha256: str) -> None:
        self._database.note(
            f"insert or replace into {table} values (?, ?, ?, ?, ?)",  # noqa: S608 - ours
            os.fsencode(path.absolute()),
            facts.st_size,
            facts.st_mtime_ns,
            facts.st_ino,
            sha256,
        )
