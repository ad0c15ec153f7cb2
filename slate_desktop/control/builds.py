"""Operations on build jobs as rows; ``build_requests`` has them done, ``build_results`` reads."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from slate_desktop.control.sync import SyncOperations
from slate_desktop.domain.build import (
    ACTIVE_BUILD_STATES,
    BuildJob,
    BuildStatistics,
    BuildStatus,
    BuildType,
    DayStatistics,
    GroupStatistics,
    TargetPlatform,
)
from slate_desktop.domain.ids import check_id
from slate_desktop.errors import CommandError, ErrorCode


class BuildRows(SyncOperations):
    """The part of ``Slate`` that works on rows of build jobs."""

    async def create_build_job(
        self,
        project_id: str,
        build_type: BuildType | str,
        target_platform: TargetPlatform | str,
        *,
        source_commit: str | None = None,
        options: dict[str, Any] | None = None,
    ) -> BuildJob:
        """Insert a build in ``queued``. No worker takes it before ``start_build``.

        Args:
            project_id: what to build.
            build_type: development, staging or production.
            target_platform: one of the nine platforms.
            source_commit: 7 to 40 hexadecimal digits.
            options: ``clean``, ``optimization``, ``compressionFormat``, ``parallelJobs`` ….

        Raises:
            CommandError: ``bad_request`` or ``not_found``.
        """
        project = await self.db.projects.get(check_id(project_id, "project_id"))
        job = await self.db.builds.create(
            project_id=project.id,
            user_id=self.user.id,
            build_type=str(build_type),
            target_platform=str(target_platform),
            source_commit=source_commit,
            options=options,
            engine=project.engine.value,
        )
        await self._build_changed(job)
        return job

    async def get_build_job(self, build_id: str, *, is_fresh: bool = False) -> BuildJob:
        """Return a build job; ``is_fresh`` reads past the cache.

        Raises:
            CommandError: ``not_found``.
        """
        check_id(build_id, "build_id")
        return await (self.db.builds.get if is_fresh else self.reads.get_build)(build_id)

    async def find_build(self, text: str) -> BuildJob:
        """Return the one build whose id or unique prefix is ``text``; ``last`` is the newest.

        Raises:
            CommandError: ``not_found``, or ``bad_request`` when several fit.
        """
        rows = await self.db.builds.list(limit=500)
        if text == "last":
            found = rows[:1]
        else:
            check_id(text, "build_id")
            found = [row for row in rows if row.id.startswith(text)]
            found = [row for row in found if row.id == text] or found
            if not found:
                return await self.db.builds.get(text)
        if len(found) == 1:
            return found[0]
        if not found:
            raise CommandError(
                ErrorCode.NOT_FOUND,
                f"There is no build {text!r}.",
                field="build",
                hint="`slate build list` shows them.",
            )
        raise CommandError(
            ErrorCode.BAD_REQUEST,
            f"{text!r} is the beginning of {len(found)} builds.",
            field="build",
            hint="Give more of the id.",
        )

    async def list_build_jobs(
        self,
        project_id: str | None = None,
        *,
        status: BuildStatus | None = None,
        limit: int = 100,
        is_fresh: bool = False,
    ) -> list[BuildJob]:
        """Return build jobs, newest first; ``is_fresh`` reads past the cache."""
        if project_id is not None:
            check_id(project_id, "project_id")
        read = self.db.builds.list if is_fresh else self.reads.list_builds
        return await read(
            project_id=project_id, statuses=None if status is None else [status], limit=limit
        )

    async def update_build_job(
        self,
        build_id: str,
        *,
        status: BuildStatus | str | None = None,
        progress: int | None = None,
        progress_message: str | None = None,
        output_path: str | None = None,
        artifacts: list[dict[str, Any]] | None = None,
        error_message: str | None = None,
    ) -> BuildJob:
        """Change a build job that no worker has; illegal moves are refused.

        Raises:
            CommandError: ``not_found``, ``illegal_state`` or ``bad_request``.
        """
        try:
            wanted = None if status is None else BuildStatus(status)
        except ValueError as exc:
            names = ", ".join(BuildStatus)
            raise CommandError(
                ErrorCode.BAD_REQUEST, f"status must be one of: {names}", field="status"
            ) from exc
        job = await self.db.builds.update(
            check_id(build_id, "build_id"),
            status=wanted,
            progress=progress,
            progress_message=progress_message,
            output_path=output_path,
            artifacts=artifacts,
            error_message=error_message,
        )
        await self._build_changed(job)
        return job

    async def update_build_progress(
        self, build_id: str, percent: int, message: str | None = None
    ) -> BuildJob:
        """Note how far a build is that a script runs by itself; progress never goes back.

        Raises:
            CommandError: ``not_found``, ``illegal_state`` or ``bad_request``.
        """
        job = await self.db.builds.get(check_id(build_id, "build_id"))
        status = BuildStatus.BUILDING if job.status is BuildStatus.QUEUED else None
        return await self.update_build_job(
            build_id, status=status, progress=percent, progress_message=message
        )

    async def complete_build(
        self,
        build_id: str,
        output_path: str | None = None,
        artifacts: list[dict[str, Any]] | None = None,
    ) -> BuildJob:
        """Complete a build that a script runs by itself.

        Raises:
            CommandError: ``not_found``, ``illegal_state`` or ``bad_request``.
        """
        job = await self.db.builds.get(check_id(build_id, "build_id"))
        if job.status is BuildStatus.QUEUED:
            await self.update_build_job(build_id, status=BuildStatus.BUILDING)
        return await self.update_build_job(
            build_id, status=BuildStatus.COMPLETED, output_path=output_path, artifacts=artifacts
        )

    async def delete_build_job(self, build_id: str) -> None:
        """Remove a build job that is not active (soft delete).

        Raises:
            CommandError: ``not_found``, or ``illegal_state`` while it is queued or building.
        """
        job = await self.db.builds.get(check_id(build_id, "build_id"))
        if job.status in ACTIVE_BUILD_STATES:
            raise CommandError(
                ErrorCode.ILLEGAL_STATE, f"The build is {job.status.value}; cancel it first."
            )
        await self.db.builds.delete(job.id)
        await self._build_changed(job)

    async def get_active_builds(self, project_id: str | None = None) -> list[BuildJob]:
        """Return the builds that are queued or building, newest first."""
        if project_id is not None:
            check_id(project_id, "project_id")
        return await self.reads.list_builds(
            project_id=project_id, statuses=ACTIVE_BUILD_STATES, limit=500
        )

    async def list_active_builds(self) -> list[BuildJob]:
        """Return the builds of all projects that are queued or building, oldest first, uncached."""
        return await self.db.builds.active()

    async def get_recent_builds(
        self, project_id: str | None = None, *, limit: int = 10
    ) -> list[BuildJob]:
        """Return the newest builds."""
        return await self.list_build_jobs(project_id, limit=limit)

    async def get_build_statistics(self, project_id: str | None = None) -> BuildStatistics:
        """Return figures over the builds of one or all projects."""
        if project_id is not None:
            check_id(project_id, "project_id")
        return await self.reads.build_statistics(project_id=project_id)

    async def get_build_statistics_by(
        self, project_id: str | None = None, *, since: datetime | None = None
    ) -> list[GroupStatistics]:
        """Return the figures of each platform and type."""
        if project_id is not None:
            check_id(project_id, "project_id")
        return await self.db.builds.statistics_by(project_id=project_id, since=since)

    async def get_build_statistics_over_time(
        self, project_id: str | None = None, *, since: datetime | None = None
    ) -> list[DayStatistics]:
        """Return the figures of each day (UTC) on which builds ended, oldest first."""
        if project_id is not None:
            check_id(project_id, "project_id")
        return await self.db.builds.statistics_over_time(project_id=project_id, since=since)

    async def _build_changed(self, job: BuildJob) -> None:
        """Forget cached copies of a build that this client changed, and tell its models."""
        await self._forget_build(job)
        self._builds_changed.emit(job.project_id)
