"""Build jobs and figures over them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from slate_desktop.domain.build import (
    BuildJob,
    BuildStatistics,
    BuildStatus,
    BuildType,
    TargetPlatform,
    check_build_options,
    check_progress,
    check_source_commit,
)
from slate_desktop.domain.ids import check_id, new_id
from slate_desktop.errors import CommandError, ErrorCode, StaleWriteError
from slate_desktop.store.errors import not_found
from slate_desktop.store.port import Runner

MAX_PAGE = 500


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
    ) -> BuildJob:
        """Insert the intent to build, in ``queued``.

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
        )
        return _build(row)

    async def get(self, build_id: str) -> BuildJob:
        """Return a build; raises ``not_found``."""
        row = await self._run.one("get_build", id=build_id)
        if row is None:
            raise not_found("build", "build_id")
        return _build(row)

    async def list(
        self,
        *,
        project_id: str | None = None,
        statuses: Iterable[BuildStatus] | None = None,
        before: BuildJob | None = None,
        limit: int = 100,
    ) -> list[BuildJob]:
        """Return builds, newest first; ``before`` is the last row of the page before."""
        rows = await self._run.many(
            "list_builds",
            project_id=project_id,
            statuses=None if statuses is None else [BuildStatus(s).value for s in statuses],
            before_time=before.created_at if before else None,
            before_id=before.id if before else None,
            limit=max(1, min(limit, MAX_PAGE)),
        )
        return [_build(row) for row in rows]

    async def active(self, *, project_id: str | None = None) -> list[BuildJob]:
        """Return builds that are queued or running, oldest first."""
        rows = await self._run.many("active_builds", project_id=project_id)
        return [_build(row) for row in rows]

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
        """Change a build; None leaves a field as it is, progress never goes back.

        Raises:
            CommandError: ``not_found``; ``illegal_state`` for a move that is not legal or a change
                of a build that has ended; ``bad_request`` for a progress outside 0 to 100.
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
            return _build(row)
        known = await self.get(build_id)
        if version is not None and known.version != version:
            raise StaleWriteError("The build was changed meanwhile.", hint="Look again.")
        raise CommandError(ErrorCode.ILLEGAL_STATE, f"The build is {known.status} already.")

    async def delete(self, build_id: str) -> None:
        """Soft-delete a build; raises ``not_found``."""
        if await self._run.value("delete_build", id=build_id) is None:
            raise not_found("build", "build_id")

    async def statistics(self, *, project_id: str | None = None) -> BuildStatistics:
        """Return counts, rates and durations over a project's builds, or over all."""
        row = dict(await self._run.one("build_statistics", project_id=project_id) or {})
        judged = row["completed"] + row["failed"]
        return BuildStatistics(
            **row,
            success_rate=row["completed"] / judged if judged else None,
            failure_rate=row["failed"] / judged if judged else None,
        )


def _build(row: Any) -> BuildJob:
    return msgspec.convert(dict(row), BuildJob)


def _member(kind: type[BuildType] | type[TargetPlatform], text: str, field: str) -> str:
    try:
        return kind(text).value
    except ValueError as exc:
        names = ", ".join(kind)
        raise CommandError(
            ErrorCode.BAD_REQUEST, f"{field} must be one of: {names}", field=field
        ) from exc
