"""Build jobs: the row, its states, types and platforms.

::

    queued → building → completed | failed | cancelled
       └──────────────────────────→ failed | cancelled
"""

from __future__ import annotations

import math
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

import msgspec

from slate_desktop.domain.fields import bad, is_plain_text
from slate_desktop.domain.jobs import JobEnvelope
from slate_desktop.domain.logs import LogLevel
from slate_desktop.late_pattern import late_pattern

MAX_PARALLEL_JOBS = 256
_COMMIT = late_pattern(r"[0-9a-fA-F]{7,40}")
_PARALLEL_JOBS = ("parallelJobs", "parallel_jobs")


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


def check_build_options(options: object) -> dict[str, Any]:
    """Return a build's options; those that SLATE does not know are the build tool's.

    Raises:
        CommandError: ``bad_request`` naming ``options``.
    """
    if not isinstance(options, dict) or not _is_storable(options):
        bad("options", "options must be an object of JSON values without NUL")
    for name in _PARALLEL_JOBS:
        jobs = options.get(name, 1)
        if type(jobs) is not int or not 1 <= jobs <= MAX_PARALLEL_JOBS:
            bad("options", f"{name} must be a whole number from 1 to {MAX_PARALLEL_JOBS}")
    return options


def _is_storable(value: object) -> bool:
    if isinstance(value, str):
        return is_plain_text(value)
    if isinstance(value, dict):
        return all(isinstance(k, str) and _is_storable(k) for k in value) and all(
            map(_is_storable, value.values())
        )
    if isinstance(value, list):
        return all(map(_is_storable, value))
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, bool | int)


def check_source_commit(commit: object) -> str | None:
    """Return a commit's name, which is handed to programs: hexadecimal digits and nothing else.

    Raises:
        CommandError: ``bad_request`` naming ``source_commit``.
    """
    if commit is None:
        return None
    if not isinstance(commit, str) or _COMMIT.fullmatch(commit) is None:
        bad("source_commit", "source_commit must be 7 to 40 hexadecimal digits")
    return commit


def check_progress(progress: object) -> int:
    """Return a progress in whole percent.

    Raises:
        CommandError: ``bad_request`` naming ``progress``.
    """
    if type(progress) is not int or not 0 <= progress <= 100:
        bad("progress", "progress must be 0 to 100 percent")
    return progress


class BuildNeeds(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a worker must offer to take a build; None and empty mean anything will do.

    ``systems`` are ``linux``, ``windows``, ``macos``; ``memory_bytes`` is what its container gets.
    """

    systems: list[str] | None = None
    capability: str | None = None
    driver: str | None = None
    memory_bytes: int | None = None


class BuildJob(msgspec.Struct, frozen=True, kw_only=True):
    """One row of ``slate_build_jobs``. ``progress`` is percent, 0 to 100, and never goes back.

    Attributes:
        envelope: what the user signed; None for a build that a script runs by itself.
        queue_position: lower is built earlier, among builds of one ``priority``.
        attempt: how often workers began it; ``lease_owner`` names the one that has or had it.
        verdict: ``passed``, ``failed`` or ``suspect`` once a worker has ended it.
        witness: which of exit, errors and artifact disagrees with the others.
        errors: findings with file and line, as ``domain.builds.findings.Finding`` in JSON.
        source: what was built: ``sha256`` of the files, ``files``, ``commit``, ``dirty``.
        commands: the programs' words.
        notes: sentences on what options could not do.
    """

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
    engine: str | None = None
    engine_version: str | None = None
    driver: str | None = None
    priority: int = 0
    queue_position: Decimal = Decimal(0)
    needs: BuildNeeds = BuildNeeds()
    licence: str | None = None
    envelope: JobEnvelope | None = None
    attempt: int = 0
    lease_owner: str | None = None
    cancel_requested: bool = False
    verdict: str | None = None
    witness: str = ""
    verdict_reason: str | None = None
    errors: list[dict[str, Any]] = []
    warnings: list[dict[str, Any]] = []
    error_count: int = 0
    warning_count: int = 0
    source: dict[str, Any] = {}
    commands: list[list[str]] = []
    notes: list[str] = []

    @property
    def is_final(self) -> bool:
        """Whether the build has ended."""
        return self.status not in ACTIVE_BUILD_STATES

    @property
    def agent_id(self) -> str | None:
        """The agent whose worker has or had it."""
        return None if self.lease_owner is None else self.lease_owner.rpartition(".")[0]

    @property
    def duration_s(self) -> float | None:
        """Seconds from start to end; None for one that has not both."""
        if self.started_at is None or self.completed_at is None:
            return None
        return (self.completed_at - self.started_at).total_seconds()


class BuildArtifact(msgspec.Struct, frozen=True, kw_only=True):
    """One file that a build made: its path below the output, and the object with its bytes."""

    build_id: str
    attempt: int
    path: str
    name: str
    size: int
    sha256: str
    object: str
    is_executable: bool = False
    is_main: bool = False


class BuildLogLine(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One line of a build's log; ``seq`` counts from 1 within its attempt."""

    seq: int
    step: str
    stream: str
    ts_ns: int
    level: LogLevel
    message: str


class BuildStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """Figures over the finished and unfinished builds of a project, or of all projects.

    Rates are fractions, 0 to 1, of the builds that completed or failed (cancelled ones count for
    neither, a suspect one is completed but no success); durations are seconds from start to end of
    completed builds.
    """

    total: int
    completed: int
    failed: int
    cancelled: int
    active: int = 0
    suspect: int = 0
    success_rate: float | None
    failure_rate: float | None
    mean_duration_s: float | None
    median_duration_s: float | None
    p90_duration_s: float | None


class GroupStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of one platform and type."""

    target_platform: TargetPlatform
    build_type: BuildType
    figures: BuildStatistics


class DayStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of the builds that ended on one day, which begins at ``day`` (UTC)."""

    day: datetime
    figures: BuildStatistics
