"""What the servers last said: small files of this user, read while no server answers.

One folder for each profile. ``index`` says when each of the others was last known to be true;
each is replaced whole. Everything is bounded: rows, lines, bytes, and how many logs are kept.
What cannot be read, or was written by another version, counts as never seen.
"""

from __future__ import annotations

import logging
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import msgspec

from slate_desktop.control.console import LogBuffer, RowKind
from slate_desktop.domain.assets.job import AssetJob, AssetRow
from slate_desktop.domain.build import BuildJob
from slate_desktop.domain.logs import LogLine
from slate_desktop.domain.session import RuntimeSession
from slate_desktop.domain.stats import ContainerStats
from slate_desktop.errors import SettingsError
from slate_desktop.settings import files

log = logging.getLogger(__name__)

SESSIONS, BUILDS = "sessions", "builds"
MAX_ROWS = 300
MAX_LINES, MAX_LINE_CHARACTERS = 2000, 2000
MAX_KEPT = 40
_INDEX = "index"
_MAX_BYTES = 3 * 1024 * 1024


class SeenSessions(msgspec.Struct, frozen=True, kw_only=True):
    """Sessions of all projects, newest first."""

    sessions: list[RuntimeSession]


class SeenBuilds(msgspec.Struct, frozen=True, kw_only=True):
    """Builds of all projects, newest first."""

    builds: list[BuildJob]


class SeenAssets(msgspec.Struct, frozen=True, kw_only=True):
    """The asset jobs of one project, newest first, and its processed assets."""

    jobs: list[AssetJob]
    assets: list[AssetRow]


class SeenLog(msgspec.Struct, frozen=True, kw_only=True):
    """The newest lines of a session's or a build's log, and a session's last hour of stats."""

    lines: list[LogLine]
    samples: list[ContainerStats] = []


Seen = SeenSessions | SeenBuilds | SeenAssets | SeenLog
S = TypeVar("S", SeenSessions, SeenBuilds, SeenAssets, SeenLog)


class LastSeen:
    """The kept files of one profile. Everything but ``moment`` blocks: call it in a thread.

    Args:
        folder: made when something is first kept.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._moments: dict[str, datetime] = {}

    def open(self) -> None:
        """Read when what was seen."""
        data = self._read(_INDEX)
        if data is not None:
            try:
                self._moments = msgspec.json.decode(data, type=dict[str, datetime])
            except (msgspec.DecodeError, RecursionError) as exc:
                log.info("what was seen last is unknown", extra={"reason": str(exc)})

    def moment(self, name: str) -> datetime | None:
        """Return when something was last known to be true, None for never."""
        return self._moments.get(name)

    def read(self, name: str, kind: type[S]) -> S | None:
        """Return what was kept under a name, None where nothing can be used."""
        if name not in self._moments:
            return None
        data = self._read(name)
        if data is None:
            return None
        try:
            return msgspec.json.decode(data, type=kind)
        except (msgspec.DecodeError, RecursionError) as exc:
            log.info("what was kept cannot be used", extra={"kept": name, "reason": str(exc)})
            return None

    def keep(self, changed: dict[str, Seen], unchanged: set[str], now: datetime) -> None:
        """Keep what is others now, and that the rest is still true.

        Args:
            changed: what to write, by name.
            unchanged: names of what was kept before and is as it was.
            now: the moment at which all of it was known, aware UTC.

        Raises:
            SettingsError: it cannot be written.
        """
        files.ensure_private_dir(self._folder.parent)
        files.ensure_private_dir(self._folder)
        for name, seen in changed.items():
            data = msgspec.json.encode(seen)
            if len(data) <= _MAX_BYTES:
                files.write_private(self._path(name), data)
                self._moments[name] = now
        for name in unchanged & self._moments.keys():
            self._moments[name] = now
        by_age = sorted(self._moments, key=lambda name: self._moments[name])
        for name in by_age[: max(0, len(by_age) - MAX_KEPT)]:
            del self._moments[name]
            files.remove(self._path(name))
        files.write_private(self._path(_INDEX), msgspec.json.encode(self._moments))

    def forget(self, name: str) -> None:
        """Remove what was kept under a name.

        Raises:
            SettingsError: that it is gone cannot be noted; its file is gone all the same.
        """
        if self._moments.pop(name, None) is not None:
            files.remove(self._path(name))
            files.write_private(self._path(_INDEX), msgspec.json.encode(self._moments))

    def _read(self, name: str) -> bytes | None:
        try:
            return files.read_private(self._path(name))
        except FileNotFoundError:
            return None
        except SettingsError as exc:
            log.info("what was kept cannot be read", extra={"kept": name, "reason": str(exc)})
            return None

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.json"


def lines_of(buffer: LogBuffer) -> list[LogLine]:
    """Return the newest lines of a buffer that may be kept; holes are left out."""
    return [
        LogLine(
            seq=row.seq,
            timestamp_ns=row.timestamp_ns,
            level=row.level,
            message=row.message,
            stream=row.stream,
            partial=row.partial,
            metadata=row.metadata,
        )
        for row in buffer.rows(len(buffer) - MAX_LINES, len(buffer))
        if row.kind is RowKind.LINE
    ]


def seen_log(lines: list[LogLine], samples: list[ContainerStats]) -> SeenLog:
    """Return lines and samples as they are kept: long lines are cut, as they are for reading."""
    kept = [
        line
        if len(line.message) <= MAX_LINE_CHARACTERS
        else msgspec.structs.replace(line, message=f"{line.message[:MAX_LINE_CHARACTERS]}…")
        for line in lines[-MAX_LINES:]
    ]
    size = 0
    for number, line in enumerate(reversed(kept)):
        size += len(line.message.encode()) + 120
        if size > _MAX_BYTES // 2:
            return SeenLog(lines=kept[len(kept) - number :], samples=samples)
    return SeenLog(lines=kept, samples=samples)
