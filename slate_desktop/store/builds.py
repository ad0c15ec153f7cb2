"""Build jobs as people see them, and figures over them. ``build_leases`` is the workers' side."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from slate_desktop.domain.build import (
    BuildArtifact,
    BuildJob,
    BuildLogLine,
    BuildNeeds,
    BuildStatistics,
    BuildStatus,
    BuildType,
    DayStatistics,
    GroupStatistics,
    TargetPlatform,
    check_build_options,
    check_progress,
    check_source_commit,
)
from slate_desktop.domain.ids import check_id, new_id
from slate_desktop.domain.jobs import JobEnvelope
from slate_desktop.domain.logs import LogLevel
from slate_desktop.errors import CommandError, ErrorCode, StaleWriteError
from slate_desktop.store.errors import not_found
from slate_desktop.store.port import Runner

MAX_PAGE = 500
MAX_LOG_PAGE = 5_000
_ROWS_A_TURN = 100


class Builds:
    """Rows of ``slate_build_jobs``."""

    def __init__(self, runner: Runner) -> None:
        self._run = runner

    async def create(
        self,
        *,
        project_id: str,
        user_id: str,
        build_type: str,
        target_platform: str,
        source_commit: str | None = None,
        options: dict[str, Any] | None = None,
        build_id: str | None = None,
        engine: str | None = None,
        engine_version: str | None = None,
        priority: int = 0,
        needs: BuildNeeds | None = None,
        licence: str | None = None,
        envelope: JobEnvelope | None = None,
    ) -> BuildJob:
        """Insert the intent to build, in ``queued``; with an envelope it is for the workers.

        Raises:
            CommandError: ``bad_request`` naming the field, ``not_found`` for an unknown project.
        """
        row = await self._run.one(
            "insert_build",
            id=check_id(build_id or new_id(), "build_id"),
            project_id=project_id,
            user_id=user_id,
            build_type=_member(BuildType, build_type, "build_type"),
            target_platform=_member(TargetPlatform, target_platform, "target_platform"),
            source_commit=check_source_commit(source_commit),
            options=check_build_options({} if options is None else options),
            engine=engine,
            engine_version=engine_version,
            priority=priority,
            needs=msgspec.to_builtins(needs or BuildNeeds()),
            licence=licence,
            envelope=None if envelope is None else msgspec.to_builtins(envelope),
        )
        return build_from_row(row)

    async def submit(
        self,
        build_id: str,
        *,
        options: dict[str, Any],
        engine: str,
        engine_version: str | None,
        priority: int,
        needs: BuildNeeds,
        licence: str | None,
        envelope: JobEnvelope,
    ) -> BuildJob:
        """Hand a queued build to the workers.

        Raises:
            CommandError: ``not_found``; ``illegal_state`` when it was handed over, or ended.
        """
        row = await self._run.one(
            "submit_build",
            id=build_id,
            options=options,
            engine=engine,
            engine_version=engine_version,
            priority=priority,
            needs=msgspec.to_builtins(needs),
            licence=licence,
            envelope=msgspec.to_builtins(envelope),
        )
        if row is not None:
            return build_from_row(row)
        known = await self.get(build_id)
        raise CommandError(ErrorCode.ILLEGAL_STATE, f"The build was started: it is {known.status}.")

    async def get(self, build_id: str) -> BuildJob:
        """Return a build; raises ``not_found``."""
        row = await self._run.one("get_build", id=build_id)
        if row is None:
            raise not_found("build", "build_id")
        return build_from_row(row)

    async def list(
        self,
        *,
        project_id: str | None = None,
        statuses: Iterable[BuildStatus] | None = None,
        platform: TargetPlatform | None = None,
        build_type: BuildType | None = None,
        before: BuildJob | None = None,
        limit: int = 100,
    ) -> list[BuildJob]:
        """Return builds, newest first; ``before`` is the last row of the page before."""
        rows = await self._run.many(
            "list_builds",
            project_id=project_id,
            statuses=None if statuses is None else [BuildStatus(s).value for s in statuses],
            platform=None if platform is None else TargetPlatform(platform).value,
            build_type=None if build_type is None else BuildType(build_type).value,
            before_time=before.created_at if before else None,
            before_id=before.id if before else None,
            limit=max(1, min(limit, MAX_PAGE)),
        )
        return await _in_turns(rows)

    async def active(self, *, project_id: str | None = None) -> list[BuildJob]:
        """Return builds that are queued or running, oldest first."""
        return await _in_turns(await self._run.many("active_builds", project_id=project_id))

    async def queue(self) -> list[BuildJob]:
        """Return the builds of all projects that wait for a worker, the next one first."""
        return [build_from_row(row) for row in await self._run.many("queued_builds")]

    async def seated(self) -> set[str]:
        """Return the ids of the builds that hold a seat of a licence."""
        return {row["id"] for row in await self._run.many("seated_builds")}

    async def recent(self, *, project_id: str | None = None, limit: int = 10) -> list[BuildJob]:
        """Return the newest builds."""
        return await self.list(project_id=project_id, limit=limit)

    async def update(
        self,
        build_id: str,
        *,
        status: BuildStatus | None = None,
        progress: int | None = None,
        progress_message: str | None = None,
        output_path: str | None = None,
        artifacts: list[dict[str, Any]] | None = None,
        error_code: str | None = None,
        error_message: str | None = None,
        version: int | None = None,
    ) -> BuildJob:
        """Change a build that no worker has; None leaves a field, progress never goes back.

        Raises:
            CommandError: ``not_found``; ``illegal_state`` for a move that is not legal, a change
                of a build that has ended, or of one that the workers have; ``bad_request`` for a
                progress outside 0 to 100.
            StaleWriteError: ``version`` was given and the row has moved on.
        """
        row = await self._run.one(
            "update_build",
            id=build_id,
            status=None if status is None else BuildStatus(status).value,
            progress=None if progress is None else check_progress(progress),
            progress_message=progress_message,
            output_path=output_path,
            artifacts=artifacts,
            error_code=error_code,
            error_message=error_message,
            version=version,
        )
        if row is not None:
            return build_from_row(row)
        known = await self.get(build_id)
        if version is not None and known.version != version:
            raise StaleWriteError("The build was changed meanwhile.", hint="Look again.")
        if known.envelope is not None and not known.is_final:
            raise CommandError(
                ErrorCode.ILLEGAL_STATE, "The workers have this build; only they change it."
            )
        raise CommandError(ErrorCode.ILLEGAL_STATE, f"The build is {known.status} already.")

    async def set_priority(self, build_id: str, priority: int) -> BuildJob:
        """Move a build that waits.

        Raises:
            CommandError: ``not_found``; ``illegal_state`` for one that waits no more.
        """
        row = await self._run.one("set_build_priority", id=build_id, priority=priority)
        if row is not None:
            return build_from_row(row)
        known = await self.get(build_id)
        raise CommandError(ErrorCode.ILLEGAL_STATE, f"The build is {known.status} already.")

    async def move(
        self, build_id: str, *, other_id: str | None = None, is_after: bool = False
    ) -> BuildJob:
        """Put a waiting build before (or after) another one; without one, before (or after) all.

        It takes the priority of its new neighbour.

        Raises:
            CommandError: ``not_found``; ``illegal_state`` when one of them waits no more.
        """
        row = await self._run.one("move_build", id=build_id, other=other_id, is_after=is_after)
        if row is not None:
            return build_from_row(row)
        known = await self.get(build_id)
        _check_waits(known)
        if other_id is not None:
            _check_waits(await self.get(other_id))
        # Alone in the queue, or before itself: it stands there already.
        return known

    async def delete(self, build_id: str) -> None:
        """Soft-delete a build; raises ``not_found``."""
        if await self._run.value("delete_build", id=build_id) is None:
            raise not_found("build", "build_id")

    async def artifacts(self, build_id: str) -> list[BuildArtifact]:
        """Return the files that a build made, the main one first."""
        rows = await self._run.many("list_build_artifacts", build_id=build_id)
        return [msgspec.convert(dict(row), BuildArtifact) for row in rows]

    async def log_lines(
        self,
        build_id: str,
        attempt: int,
        *,
        after: int | None = None,
        limit: int = 1_000,
        levels: Iterable[LogLevel] | None = None,
    ) -> list[BuildLogLine]:
        """Return lines in rising ``seq``: those after a number, or the newest ones."""
        filters: dict[str, Any] = {
            "build_id": build_id,
            "attempt": attempt,
            "limit": max(1, min(limit, MAX_LOG_PAGE)),
            "levels": None if levels is None else [level.value for level in levels],
        }
        if after is None:
            rows = reversed(await self._run.many("tail_build_logs", **filters))
        else:
            rows = await self._run.many("page_build_logs", after=after, **filters)
        return [msgspec.convert(dict(row), BuildLogLine) for row in rows]

    async def durations(
        self, project_id: str, platform: TargetPlatform, build_type: BuildType, *, limit: int = 20
    ) -> list[float]:
        """Return the seconds of the newest completed builds of a kind, newest first."""
        rows = await self._run.many(
            "build_durations",
            project_id=project_id,
            platform=platform.value,
            build_type=build_type.value,
            limit=limit,
        )
        return [row["seconds"] for row in rows]

    async def statistics(
        self,
        *,
        project_id: str | None = None,
        platform: TargetPlatform | None = None,
        build_type: BuildType | None = None,
        since: datetime | None = None,
    ) -> BuildStatistics:
        """Return counts, rates and durations over builds; None leaves a filter out."""
        row = await self._run.one(
            "build_statistics",
            project_id=project_id,
            platform=platform,
            build_type=build_type,
            since=since,
        )
        return _figures(row or {})

    async def statistics_by(
        self, *, project_id: str | None = None, since: datetime | None = None
    ) -> list[GroupStatistics]:
        """Return the figures of each platform and type."""
        rows = await self._run.many("build_statistics_by", project_id=project_id, since=since)
        return [
            GroupStatistics(
                target_platform=TargetPlatform(row["target_platform"]),
                build_type=BuildType(row["build_type"]),
                figures=_figures(row, "target_platform", "build_type"),
            )
            for row in rows
        ]

    async def statistics_over_time(
        self,
        *,
        project_id: str | None = None,
        platform: TargetPlatform | None = None,
        build_type: BuildType | None = None,
        since: datetime | None = None,
    ) -> list[DayStatistics]:
        """Return the figures of each day on which builds ended, oldest first."""
        rows = await self._run.many(
            "build_statistics_over_time",
            project_id=project_id,
            platform=platform,
            build_type=build_type,
            since=since,
        )
        return [DayStatistics(day=row["day"], figures=_figures(row, "day")) for row in rows]


def build_from_row(row: Any) -> BuildJob:
    """Return a row of ``slate_build_jobs`` as a value."""
    return msgspec.convert(dict(row), BuildJob)


def _check_waits(build: BuildJob) -> None:
    if build.status is not BuildStatus.QUEUED or build.envelope is None:
        state = "not handed to the workers yet" if not build.is_final else f"{build.status} already"
        if build.status is BuildStatus.BUILDING:
            state = "building already"
        raise CommandError(ErrorCode.ILLEGAL_STATE, f"Build {build.id[:8]} is {state}.")


async def _in_turns(rows: Sequence[Any]) -> list[BuildJob]:
    """Read rows in several turns of the loop: hundreds at once would let a window stand still."""
    found: list[BuildJob] = []
    for start in range(0, len(rows), _ROWS_A_TURN):
        found += [build_from_row(row) for row in rows[start : start + _ROWS_A_TURN]]
        await asyncio.sleep(0)
    return found


def _figures(row: Mapping[str, Any], *without: str) -> BuildStatistics:
    values = {name: value for name, value in row.items() if name not in without}
    judged = values["completed"] + values["failed"]
    bad = values["failed"] + values["suspect"]
    return BuildStatistics(
        **values,
        success_rate=(judged - bad) / judged if judged else None,
        failure_rate=bad / judged if judged else None,
    )


def _member(kind: type[BuildType] | type[TargetPlatform], text: str, field: str) -> str:
    try:
        return kind(text).value
    except ValueError as exc:
        names = ", ".join(kind)
        raise CommandError(
            ErrorCode.BAD_REQUEST, f"{field} must be one of: {names}", field=field
        ) from exc
