"""A job that processes one asset, as a row."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from slate_desktop.domain.assets.kinds import ACTIVE_JOB_STATES, AssetJobStatus, AssetKind
from slate_desktop.domain.jobs import JobEnvelope

MIN_PRIORITY, MAX_PRIORITY = -100, 100
DEFAULT_TIME_LIMIT_S = 300
MAX_TIME_LIMIT_S = 7200


# Stands for the digest of a file that an asset refers to and that is not there.
MISSING = "missing"
# Where products go in a project, below it the folders of their assets.
DEFAULT_OUT_DIR = "processed"


class AssetInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file that a job reads; a job's first input is the asset itself.

    Attributes:
        name: relative to the asset's folder, as the asset spells it.
        path: relative to the project's root, where the file lies below it.
        sha256: of its content; what a worker reads must have it. ``MISSING`` blocks the job.
        size: bytes.
    """

    name: str
    path: str | None = None
    sha256: str
    size: int


class AssetJob(msgspec.Struct, frozen=True, kw_only=True):
    """One row of ``slate_asset_jobs``.

    ``key`` is what the user's machine found, ``worker_key`` what the worker did: results are stored
    under the latter only. ``progress`` is percent; ``attempt`` fences workers; ``cached`` says that
    a stored result was taken and nothing was computed; ``result`` is ``report.result_to_json``.
    Times are aware UTC.
    """

    id: str
    project_id: str
    user_id: str
    batch_id: str | None = None
    kind: AssetKind
    path: str
    inputs: list[AssetInput]
    options: dict[str, Any] = {}
    key: str
    worker_key: str | None = None
    out_dir: str | None = None
    priority: int = 0
    time_limit_s: int = DEFAULT_TIME_LIMIT_S
    forced: bool = False
    envelope: JobEnvelope | None = None
    status: AssetJobStatus
    cached: bool = False
    progress: int = 0
    progress_message: str | None = None
    attempt: int = 0
    lease_owner: str | None = None
    cancel_requested: bool = False
    result: dict[str, Any] | None = None
    delivered_at: datetime | None = None
    error_code: str | None = None
    error_message: str | None = None
    version: int = 1
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None = None
    completed_at: datetime | None = None
    deleted_at: datetime | None = None

    @property
    def is_final(self) -> bool:
        """Whether the job has ended."""
        return self.status not in ACTIVE_JOB_STATES

    @property
    def contents(self) -> dict[str, str]:
        """The digests of the job's files by name, the asset itself as ``""``, for its key."""
        asset, *others = self.inputs
        return {"": asset.sha256} | {entry.name: entry.sha256 for entry in others}


class AssetRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row of ``slate_assets``: an asset as it was last processed."""

    project_id: str
    path: str
    kind: AssetKind
    content_sha256: str
    size: int
    key: str
    job_id: str
    status: AssetJobStatus
    metadata: dict[str, Any] = {}
    error_code: str | None = None
    error_message: str | None = None
    created_at: datetime
    updated_at: datetime


class AssetResult(msgspec.Struct, frozen=True, kw_only=True):
    """One row of ``slate_asset_results``: what a key gave."""

    key: str
    kind: AssetKind
    status: AssetJobStatus
    result: dict[str, Any] | None = None
    error_code: str | None = None
    error_message: str | None = None
