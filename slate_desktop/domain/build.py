"""Build jobs: the row, its states, types and platforms.

::

    queued → building → completed | failed | cancelled
       └──────────────────────────→ failed | cancelled
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec


class BuildStatus(StrEnum):
    """States of a build job."""

    QUEUED = "queued"
    BUILDING = "building"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class BuildType(StrEnum):
    """Development is fast with debug symbols; staging is lightly optimised; production fully."""

    DEVELOPMENT = "development"
    STAGING = "staging"
    PRODUCTION = "production"


class TargetPlatform(StrEnum):
    """The nine platforms of the original system."""

    WINDOWS = "windows"
    MACOS = "macos"
    LINUX = "linux"
    ANDROID = "android"
    IOS = "ios"
    WEBGL = "webgl"
    PS5 = "ps5"
    XBOX_SERIES_X = "xbox-series-x"
    SWITCH = "switch"


_B = BuildStatus
LEGAL_BUILD_MOVES: dict[BuildStatus, frozenset[BuildStatus]] = {
    _B.QUEUED: frozenset({_B.BUILDING, _B.FAILED, _B.CANCELLED}),
    _B.BUILDING: frozenset({_B.COMPLETED, _B.FAILED, _B.CANCELLED}),
    _B.COMPLETED: frozenset(),
    _B.FAILED: frozenset(),
    _B.CANCELLED: frozenset(),
}
ACTIVE_BUILD_STATES = frozenset({_B.QUEUED, _B.BUILDING})


def is_legal_build_move(old: BuildStatus, new: BuildStatus) -> bool:
    """Tell whether a build may go from ``old`` to ``new``; staying is always legal."""
    return old == new or new in LEGAL_BUILD_MOVES[old]


class BuildJob(msgspec.Struct, frozen=True, kw_only=True):
    """One row of ``slate_build_jobs``. ``progress`` is percent, 0 to 100, and never goes back."""

    id: str
    project_id: str
    user_id: str
    build_type: BuildType
    target_platform: TargetPlatform
    status: BuildStatus
    progress: int = 0
    progress_message: str | None = None
    source_commit: str | None = None
    options: dict[str, Any] = {}
    output_path: str | None = None
    artifacts: list[dict[str, Any]] = []
    error_code: str | None = None
    error_message: str | None = None
    version: int = 1
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None = None
    completed_at: datetime | None = None
    deleted_at: datetime | None = None


class BuildStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """Figures over the finished and unfinished builds of a project, or of all projects.

    Rates are fractions, 0 to 1, of the builds that completed or failed (cancelled ones count for
    neither); durations are seconds from start to end of completed builds.
    """

    total: int
    completed: int
    failed: int
    cancelled: int
    active: int
    success_rate: float | None
    failure_rate: float | None
    mean_duration_s: float | None
    median_duration_s: float | None
    p90_duration_s: float | None
