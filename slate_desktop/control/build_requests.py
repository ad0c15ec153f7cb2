"""Builds that workers do: submit, cancel, retry, rebuild, and wait for their end."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from slate_desktop.control.build_planning import BuildPlanning, target_of, type_of
from slate_desktop.domain.build import BuildJob, BuildStatus, BuildType, TargetPlatform
from slate_desktop.domain.ids import check_id, new_id
from slate_desktop.errors import CommandError, ErrorCode

_LOOK_EVERY_S = 0.5


class BuildRequests(BuildPlanning):
    """The part of ``Slate`` that has builds done."""

    async def submit_build(
        self,
        project_id: str,
        build_type: BuildType | str,
        target_platform: TargetPlatform | str,
        *,
        source_commit: str | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> BuildJob:
        """Have a project built by the workers.

        Args:
            project_id: what to build.
            build_type: development, staging or production.
            target_platform: one of the nine platforms.
            source_commit: 7 to 40 hexadecimal digits; None builds the files as they are.
            options: see ``domain.builds.options.BuildOptions``, either spelling.

        Raises:
            CommandError: ``not_found``; ``bad_request`` with the reason why it cannot be built.
        """
        project = await self.db.projects.get(check_id(project_id, "project_id"))
        await self._bring_files(project.id)
        prepared = await self._prepare(
            project,
            new_id(),
            type_of(build_type),
            target_of(target_platform),
            source_commit,
            options,
        )
        job = await self.db.builds.create(
            project_id=project.id,
            user_id=self.user.id,
            build_type=prepared.request.build_type,
            target_platform=prepared.request.target_platform,
            source_commit=prepared.request.source_commit,
            options=prepared.request.options,
            build_id=prepared.request.build_id,
            engine=project.engine.value,
            engine_version=prepared.version,
            priority=prepared.priority,
            needs=prepared.needs,
            licence=prepared.licence,
            envelope=prepared.envelope,
        )
        return await self._publish(job)

    async def start_build(
        self, build_id: str, options: Mapping[str, Any] | None = None
    ) -> BuildJob:
        """Hand a build of ``create_build_job`` to the workers.

        Args:
            build_id: a build that is queued.
            options: instead of those of the row.

        Raises:
            CommandError: ``not_found``, ``illegal_state`` when it was started, ``bad_request``.
        """
        job = await self.db.builds.get(check_id(build_id, "build_id"))
        project = await self.db.projects.get(job.project_id)
        if job.user_id != self.user.id:
            raise CommandError(
                ErrorCode.FORBIDDEN, "Somebody else made this build; make one of your own."
            )
        await self._bring_files(project.id)
        prepared = await self._prepare(
            project,
            job.id,
            job.build_type,
            job.target_platform,
            job.source_commit,
            job.options if options is None else options,
        )
        job = await self.db.builds.submit(
            job.id,
            options=prepared.request.options,
            engine=project.engine.value,
            engine_version=prepared.version,
            priority=prepared.priority,
            needs=prepared.needs,
            licence=prepared.licence,
            envelope=prepared.envelope,
        )
        return await self._publish(job)

    async def cancel_build(self, build_id: str) -> BuildJob:
        """End a build: a queued one at once, a running one within seconds.

        Raises:
            SlateError: no agent could be asked, or it refused.
        """
        from slate_desktop.control.job_requests import cancel_job

        job = await self.db.builds.get(check_id(build_id, "build_id"))
        if job.is_final:
            return job
        if job.envelope is None:
            return await self.update_build_job(job.id, status=BuildStatus.CANCELLED)
        await cancel_job(self.requester, job.id)
        job = await self.db.builds.get(job.id)
        await self._build_changed(job)
        return job

    async def retry_build(self, build_id: str) -> BuildJob:
        """Have the same built again, as a new build.

        Raises:
            CommandError: see ``submit_build``.
        """
        return await self.rebuild(build_id)

    async def rebuild(
        self,
        build_id: str,
        *,
        build_type: BuildType | str | None = None,
        target_platform: TargetPlatform | str | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> BuildJob:
        """Have a build done again with changes; ``options`` are laid over the former ones.

        Raises:
            CommandError: see ``submit_build``.
        """
        job = await self.db.builds.get(check_id(build_id, "build_id"))
        return await self.submit_build(
            job.project_id,
            build_type or job.build_type,
            target_platform or job.target_platform,
            source_commit=job.source_commit,
            options={**job.options, **(options or {})},
        )

    async def wait_for_build(self, build_id: str, *, timeout_s: float | None = None) -> BuildJob:
        """Return the build once it has ended.

        Raises:
            CommandError: ``not_found``.
            TimeoutError: it has not ended in time.
        """
        check_id(build_id, "build_id")
        changed = asyncio.Event()
        end = self.events.on_build(
            lambda event: changed.set() if event.job_id == build_id else None
        )
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    changed.clear()
                    job = await self.db.builds.get(build_id)
                    if job.is_final:
                        await self._build_changed(job)
                        return job
                    # Events are hints: the row is looked at now and then all the same.
                    try:
                        async with asyncio.timeout(_LOOK_EVERY_S):
                            await changed.wait()
                    except TimeoutError:
                        continue
        finally:
            end()

    async def _publish(self, job: BuildJob) -> BuildJob:
        from slate_desktop.bus.queue import BUILDS
        from slate_desktop.control.job_requests import publish_job

        await self._build_changed(job)
        if job.envelope is not None:
            await publish_job(self.bus, BUILDS, job.target_platform.value, job.id, job.envelope)
        return job
