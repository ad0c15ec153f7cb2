"""Whether assets are as they were processed: the one source of every badge and filter.

An asset is stale when processing it again would not give what there is: its content, or that of a
file it refers to, is not what its job read; options were chosen for it since; or, where the workers
are on this machine, a tool was exchanged. Size and time of a file say whether it has to be read at
all: touching a file changes nothing.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from slate_desktop.domain.assets.job import MISSING, AssetInput, AssetJob, AssetRow
from slate_desktop.domain.assets.key import job_key
from slate_desktop.domain.assets.kinds import AssetJobStatus
from slate_desktop.domain.assets.options import parse_options
from slate_desktop.errors import CommandError
from slate_desktop.pipeline.tools import tool_versions

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
        has_tools: whether the workers' tools are this machine's own.
    """

    def __init__(self, root: Path, *, has_tools: bool = False) -> None:
        self._root = root
        self._has_tools = has_tools
        self._digests: dict[str, tuple[int, int, int, str]] = {}

    def look(
        self,
        rows: Iterable[AssetRow],
        jobs: Iterable[AssetJob] = (),
        chosen: Callable[[str], Mapping[str, object]] | None = None,
    ) -> dict[str, AssetState]:
        """Return the state of each row's asset by path. Blocks; belongs into a thread.

        Args:
            rows: the assets as they were last processed. One that is gone has no state.
            jobs: known jobs; those of the rows say what else an asset was made of, and how.
            chosen: returns the options that were chosen for an asset itself, by its path.
        """
        known = {job.id: job for job in jobs}
        found: dict[str, AssetState] = {}
        for row in rows:
            state = self._state(row, known.get(row.job_id), chosen(row.path) if chosen else {})
            if state is not None:
                found[row.path] = state
        return found

    def _state(
        self, row: AssetRow, job: AssetJob | None, chosen: Mapping[str, object]
    ) -> AssetState | None:
        own = AssetInput(name="", path=row.path, sha256=row.content_sha256, size=row.size)
        if not (self._root / row.path).is_file():
            return None
        files = [own, *(job.inputs[1:] if job is not None else ())]
        if not all(self._is_same(file, row.updated_at) for file in files):
            return AssetState.STALE
        if not (self._is_made_so(job, chosen) if job is not None else self._has_same_tools(row)):
            return AssetState.STALE
        is_failed = row.status is AssetJobStatus.FAILED
        return AssetState.FAILED if is_failed else AssetState.PROCESSED

    def _is_made_so(self, job: AssetJob, chosen: Mapping[str, object]) -> bool:
        """Tell whether a job had today's options and tools."""
        try:
            options = parse_options(job.kind, job.options)
            wanted = parse_options(job.kind, {**job.options, **chosen})
        except CommandError:
            return False  # an option that is not known any more, or not fit for the others
        if wanted != options:
            return False
        if not self._has_tools or not job.inputs:
            return True
        return job.key == job_key(job.kind, job.contents, options, tool_versions(job.kind, options))

    def _has_same_tools(self, row: AssetRow) -> bool:
        """Tell the same of a job that is not at hand, by its report."""
        report = row.metadata.get("report")
        if not self._has_tools or not isinstance(report, dict):
            return True
        made_with = report.get("tools") or {}
        now = tool_versions(row.kind)
        return all(made_with.get(name, version) == version for name, version in now.items())

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
