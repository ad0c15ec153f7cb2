"""Whether assets are as they were processed: the one source of every badge and filter.

An asset is stale when its content, or that of a file it refers to, is not what its job read. Size
and time of a file say whether it has to be read at all: touching a file changes nothing.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from slate_desktop.domain.assets.job import MISSING, AssetInput, AssetJob, AssetRow
from slate_desktop.domain.assets.kinds import AssetJobStatus

_CHUNK_BYTES = 1024 * 1024
# A file that was written this long before its job ended may have changed after it was read.
_SURE_AFTER_S = 24 * 3600


class AssetState(StrEnum):
    """What is said of an asset that was submitted once."""

    PROCESSED = "processed"
    STALE = "stale"
    FAILED = "failed"


class AssetStates:
    """The states of one project's assets; remembers what it has read.

    Args:
        root: the project's folder.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._digests: dict[str, tuple[int, int, int, str]] = {}

    def look(
        self, rows: Iterable[AssetRow], jobs: Iterable[AssetJob] = ()
    ) -> dict[str, AssetState]:
        """Return the state of each row's asset by path. Blocks; belongs into a thread.

        Args:
            rows: the assets as they were last processed. One that is gone has no state.
            jobs: known jobs; those of the rows say what else an asset was made of.
        """
        inputs = {job.id: job.inputs for job in jobs}
        found: dict[str, AssetState] = {}
        for row in rows:
            state = self._state(row, inputs)
            if state is not None:
                found[row.path] = state
        return found

    def _state(self, row: AssetRow, inputs: Mapping[str, list[AssetInput]]) -> AssetState | None:
        own = AssetInput(name="", path=row.path, sha256=row.content_sha256, size=row.size)
        if not (self._root / row.path).is_file():
            return None
        files = [own, *inputs.get(row.job_id, [])[1:]]
        if not all(self._is_same(file, row.updated_at) for file in files):
            return AssetState.STALE
        is_failed = row.status is AssetJobStatus.FAILED
        return AssetState.FAILED if is_failed else AssetState.PROCESSED

    def _is_same(self, file: AssetInput, processed_at: datetime) -> bool:
        if file.path is None:
            return True  # it lies outside of the project, and is not known here
        path = self._root / file.path
        try:
            info = path.stat()
        except OSError:
            return file.sha256 == MISSING
        if info.st_size != file.size or file.sha256 == MISSING:
            return False
        written_at = datetime.fromtimestamp(max(info.st_mtime, info.st_ctime), UTC)
        if (processed_at - written_at).total_seconds() > _SURE_AFTER_S:
            return True
        return self._digest(file.path, path, info) == file.sha256

    def _digest(self, name: str, path: Path, info: os.stat_result) -> str:
        look = (info.st_size, info.st_mtime_ns, info.st_ctime_ns)
        known = self._digests.get(name)
        if known is not None and known[:3] == look:
            return known[3]
        digest = hashlib.sha256()
        try:
            with path.open("rb") as file:
                while chunk := file.read(_CHUNK_BYTES):
                    digest.update(chunk)
        except OSError:
            return ""
        self._digests[name] = (*look, digest.hexdigest())
        return digest.hexdigest()
