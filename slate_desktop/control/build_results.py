"""What came of builds: artifacts, logs, comparisons."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from slate_desktop.control.build_requests import BuildRequests
from slate_desktop.domain.build import BuildArtifact, BuildLogLine
from slate_desktop.domain.ids import check_id
from slate_desktop.domain.logs import LEVEL_ORDER, LogLevel
from slate_desktop.errors import CommandError, ErrorCode

if TYPE_CHECKING:
    from slate_desktop.bus.nats_objects import NatsObjects
    from slate_desktop.domain.builds.comparison import Comparison

_PAGE = 2_000


class BuildOperations(BuildRequests):
    """The part of ``Slate`` that works on builds."""

    async def get_build_artifacts(self, build_id: str) -> list[BuildArtifact]:
        """Return the files that a build made, the main one first.

        Raises:
            CommandError: ``not_found``.
        """
        job = await self.db.builds.get(check_id(build_id, "build_id"))
        return await self.db.builds.artifacts(job.id)

    async def download_artifacts(
        self, build_id: str, directory: Path, *, paths: Collection[str] | None = None
    ) -> list[Path]:
        """Bring the files of a build into a directory; each appears whole and checked.

        Args:
            build_id: whose files.
            directory: made where it is missing.
            paths: only these; None for all.

        Raises:
            CommandError: ``not_found``; ``artifact_corrupt``; ``bad_request`` for a directory that
                cannot be written.
        """
        from slate_desktop.bus.nats_objects import NatsObjects

        artifacts = await self.get_build_artifacts(build_id)
        if paths is not None:
            artifacts = [artifact for artifact in artifacts if artifact.path in paths]
        if not artifacts:
            raise CommandError(
                ErrorCode.NOT_FOUND, "The build has no such artifacts.", field="build_id"
            )
        objects = NatsObjects(self.bus)
        return [await self._download(objects, artifact, directory) for artifact in artifacts]

    async def get_build_logs(
        self,
        build_id: str,
        *,
        attempt: int | None = None,
        after: int | None = None,
        limit: int = 1_000,
        level: LogLevel | None = None,
    ) -> list[BuildLogLine]:
        """Return lines of a build's log in their order: the newest, or those after a number.

        Raises:
            CommandError: ``not_found``.
        """
        job = await self.db.builds.get(check_id(build_id, "build_id"))
        return await self.db.builds.log_lines(
            job.id, attempt or job.attempt, after=after, limit=limit, levels=_from(level)
        )

    async def iterate_build_logs(
        self, build_id: str, *, level: LogLevel | None = None
    ) -> AsyncIterator[list[BuildLogLine]]:
        """Yield all lines of a build's newest attempt, in pages.

        Raises:
            CommandError: ``not_found``.
        """
        job = await self.db.builds.get(check_id(build_id, "build_id"))
        after = 0
        while lines := await self.db.builds.log_lines(
            job.id, job.attempt, after=after, limit=_PAGE, levels=_from(level)
        ):
            yield lines
            after = lines[-1].seq

    async def compare_builds(self, left_id: str, right_id: str) -> Comparison:
        """Return the differences of two builds.

        Raises:
            CommandError: ``not_found``.
        """
        from slate_desktop.domain.builds.comparison import compare

        left = await self.db.builds.get(check_id(left_id, "build_id"))
        right = await self.db.builds.get(check_id(right_id, "build_id"))
        return compare(
            left,
            await self.db.builds.artifacts(left.id),
            right,
            await self.db.builds.artifacts(right.id),
        )

    async def _download(
        self, objects: NatsObjects, artifact: BuildArtifact, directory: Path
    ) -> Path:
        # A row's path is checked like any other text from elsewhere.
        from slate_desktop.domain.builds.custom import check_relative_path

        relative = PurePosixPath(check_relative_path(artifact.path, "path"))
        target = directory.joinpath(*relative.parts)
        try:
            await asyncio.to_thread(target.parent.mkdir, parents=True, exist_ok=True)
            await objects.get(artifact.sha256, artifact.size, target)
            if artifact.is_executable:
                await asyncio.to_thread(target.chmod, 0o755)
        except OSError as exc:
            raise CommandError(
                ErrorCode.BAD_REQUEST,
                f"{target} cannot be written: {exc.strerror}",
                field="directory",
            ) from exc
        return target


def _from(level: LogLevel | None) -> list[LogLevel] | None:
    if level is None:
        return None
    return [other for other in LogLevel if LEVEL_ORDER[other] >= LEVEL_ORDER[level]]
