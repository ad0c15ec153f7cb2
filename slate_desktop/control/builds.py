"""Operations on build jobs as rows."""

from __future__ import annotations

from typing import Any

from slate_desktop.domain.build import (
    BuildJob,
    BuildStatistics,
    BuildStatus,
    BuildType,
    TargetPlatform,
)


class BuildOperations:
    """The part of ``Slate`` that works on build jobs."""

    async def create_build_job(
        self,
        project_id: str,
        build_type: BuildType | str,
        target_platform: TargetPlatform | str,
        *,
        source_commit: str | None = None,
        options: dict[str, Any] | None = None,
    ) -> BuildJob:
        """Insert a build in ``queued``.

        Raises:
            CommandError: ``bad_request`` or ``not_found``.
        """
        raise NotImplementedError

    async def get_build_job(self, build_id: str) -> BuildJob:
        """Return a build job.

        Raises:
            CommandError: ``not_found``.
        """
        raise NotImplementedError

    async def list_build_jobs(
        self, project_id: str | None = None, *, status: BuildStatus | None = None, limit: int = 100
    ) -> list[BuildJob]:
        """Return build jobs, newest first."""
        raise NotImplementedError

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
        """Change a build job; illegal moves and progress that goes back are refused."""
        raise NotImplementedError

    async def delete_build_job(self, build_id: str) -> None:
        """Remove a build job that is not active (soft delete)."""
        raise NotImplementedError

    async def get_active_builds(self, project_id: str | None = None) -> list[BuildJob]:
        """Return the builds that are queued or building."""
        raise NotImplementedError

    async def get_recent_builds(
        self, project_id: str | None = None, *, limit: int = 10
    ) -> list[BuildJob]:
        """Return the newest builds."""
        raise NotImplementedError

    async def get_build_statistics(self, project_id: str | None = None) -> BuildStatistics:
        """Return figures over the builds of one or all projects of this user."""
        raise NotImplementedError
