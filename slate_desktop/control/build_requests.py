"""Builds that workers do: plan, submit, cancel, retry, rebuild, move; and what one waits for."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from slate_desktop.bus.queue import BUILDS
from slate_desktop.control.builds import BuildRows
from slate_desktop.control.job_requests import cancel_job, publish_job
from slate_desktop.domain.build import (
    BuildJob,
    BuildNeeds,
    BuildStatus,
    BuildType,
    TargetPlatform,
    check_source_commit,
)
from slate_desktop.domain.builds.commands import BuildPlan, plan_build
from slate_desktop.domain.builds.eta import remaining_s
from slate_desktop.domain.builds.matrix import Availability, Workers, availability, this_system
from slate_desktop.domain.builds.options import (
    BuildOptions,
    options_to_json,
    parse_build_options,
)
from slate_desktop.domain.builds.request import BuildRequest
from slate_desktop.domain.builds.source import BuildSource, read_source
from slate_desktop.domain.builds.waiting import Needs, Running, Waiting, Worker, explain
from slate_desktop.domain.engine import recipe_for
from slate_desktop.domain.ids import check_id, new_id
from slate_desktop.domain.project import Project
from slate_desktop.domain.sizes import parse_size
from slate_desktop.errors import CommandError, ErrorCode

_LOOK_EVERY_S = 0.5
_ONLINE_S = 40.0
MAX_PRIORITY = 100


class BuildRequests(BuildRows):
    """The part of ``Slate`` that has builds done."""

    async def plan_build(
        self,
        project_id: str,
        build_type: BuildType | str,
        target_platform: TargetPlatform | str,
        *,
        options: Mapping[str, Any] | None = None,
    ) -> BuildPlan | None:
        """Return the programs that a build would run in its container.

        None where this machine does not see the project's folder: only the worker can tell then.

        Raises:
            CommandError: why it cannot be built: the target, a preset, an option.
        """
        project = await self.db.projects.get(check_id(project_id, "project_id"))
        parsed = parse_build_options(options or {})
        platform, kind = _target(target_platform), _type(build_type)
        source = await _source_of(project, parsed)
        workers = await self._workers()
        if source is None:
            return None
        return plan_build(source, platform, kind, parsed, workers)

    async def build_targets(
        self, project_id: str, build_type: BuildType | str = BuildType.PRODUCTION
    ) -> dict[TargetPlatform, Availability]:
        """Return for each platform whether the project can be built for it, and the reason.

        Raises:
            CommandError: ``not_found`` or ``bad_request``.
        """
        project = await self.db.projects.get(check_id(project_id, "project_id"))
        kind = _type(build_type)
        workers = await self._workers()
        try:
            source = await _source_of(project, BuildOptions())
        except CommandError:
            source = None
        if source is None:
            recipe, only = recipe_for(project.engine, project.engine_version), None
        else:
            recipe = source.recipe
            only = source.custom.platforms if recipe.id == "custom" else None
        return {
            platform: availability(recipe, platform, kind, workers, only=only)
            for platform in TargetPlatform
        }

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
        prepared = await self._prepare(
            project, new_id(), _type(build_type), _target(target_platform), source_commit, options
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

    async def prioritise_build(self, build_id: str, priority: int) -> BuildJob:
        """Give a waiting build another priority, -100 to 100; higher ones are built earlier.

        Raises:
            CommandError: ``not_found``, ``illegal_state``, ``bad_request``.
        """
        if type(priority) is not int or not -MAX_PRIORITY <= priority <= MAX_PRIORITY:
            raise CommandError(
                ErrorCode.BAD_REQUEST, "priority must be -100 to 100", field="priority"
            )
        job = await self.db.builds.set_priority(check_id(build_id, "build_id"), priority)
        await self._build_changed(job)
        return job

    async def build_first(self, build_id: str) -> BuildJob:
        """Move a waiting build to the front of the queue.

        Raises:
            CommandError: ``not_found``, ``illegal_state``.
        """
        queue = await self.db.builds.queue()
        top = max((job.priority for job in queue if job.id != build_id), default=0)
        return await self.prioritise_build(build_id, min(MAX_PRIORITY, top + 1))

    async def explain_build(self, build_id: str) -> Waiting | None:
        """Return what a queued build waits for, None for one that waits no more.

        Raises:
            CommandError: ``not_found``.
        """
        job = await self.db.builds.get(check_id(build_id, "build_id"))
        if job.status is not BuildStatus.QUEUED:
            return None
        if job.envelope is None:
            return Waiting(position=1, of=1, reason="It was not handed to the workers yet.")
        queue = await self.db.builds.queue()
        running = await self.db.builds.list(statuses=[BuildStatus.BUILDING], limit=100)
        seated = await self.db.builds.seated()
        return explain(
            Needs(
                build_id=job.id,
                systems=tuple(job.needs.systems or ()),
                capability=job.needs.capability,
                licence=job.licence,
                memory_bytes=job.needs.memory_bytes or 0,
            ),
            [other.id for other in queue if other.target_platform is job.target_platform],
            [await self._running(other, is_seated=other.id in seated) for other in running],
            await self._build_workers(),
        )

    async def build_eta_s(self, job: BuildJob) -> float | None:
        """Return the seconds that a running build still takes, learned from the project's own."""
        if job.status is not BuildStatus.BUILDING or job.started_at is None:
            return None
        history = await self.db.builds.durations(
            job.project_id, job.target_platform, job.build_type
        )
        elapsed_s = (datetime.now(UTC) - job.started_at).total_seconds()
        return remaining_s(history, max(0.0, elapsed_s), job.progress)

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
        await self._build_changed(job)
        if job.envelope is not None:
            await publish_job(self.bus, BUILDS, job.target_platform.value, job.id, job.envelope)
        return job

    async def _prepare(
        self,
        project: Project,
        build_id: str,
        kind: BuildType,
        platform: TargetPlatform,
        source_commit: str | None,
        options: Mapping[str, Any] | None,
    ) -> _Prepared:
        parsed = parse_build_options(options or {})
        commit = check_source_commit(source_commit)
        source = await _source_of(project, parsed)
        workers = await self._workers()
        needs, licence, version = BuildNeeds(), None, project.engine_version
        if source is not None:
            plan = plan_build(source, platform, kind, parsed, workers)
            needs, licence, version = _needs(plan, parsed), plan.licence, plan.version
        request = BuildRequest(
            build_id=build_id,
            project_id=project.id,
            build_type=kind.value,
            target_platform=platform.value,
            source_commit=commit,
            options=options_to_json(parsed),
        )
        body = msgspec.json.encode(request)
        envelope = self.requester.sign_job(BUILDS.subject(platform.value), body, job_id=build_id)
        return _Prepared(
            request=request,
            envelope=envelope,
            needs=needs,
            licence=licence,
            version=version,
            priority=parsed.priority,
        )

    async def _workers(self) -> Workers:
        """Return what the workers that live can do; this machine's system where nobody is known."""
        systems: set[str] = set()
        capabilities: set[str] = set()
        for worker in await self._build_workers():
            systems.add(worker.system)
            capabilities |= worker.capabilities
        return Workers(
            systems=frozenset(systems or {this_system()}), capabilities=frozenset(capabilities)
        )

    async def _build_workers(self) -> list[Worker]:
        found: list[Worker] = []
        for agent in await self.db.agents.list():
            told = agent.capabilities.get("builds")
            is_live = agent.seen_ago_s is not None and agent.seen_ago_s <= _ONLINE_S
            if isinstance(told, dict) and is_live:
                found.append(
                    Worker(
                        agent_id=agent.id,
                        system=str(told.get("system", "linux")),
                        slots=int(told.get("slots", 1)),
                        capabilities=frozenset(map(str, told.get("capabilities", ()))),
                        licences={str(k): int(v) for k, v in told.get("licences", {}).items()},
                        memory_bytes=int(agent.capabilities.get("memory_bytes") or 0),
                        held=tuple((str(name), int(size)) for name, size in told.get("held", ())),
                    )
                )
        return found

    async def _running(self, job: BuildJob, *, is_seated: bool) -> Running:
        return Running(
            build_id=job.id,
            agent_id=job.agent_id,
            licence=job.licence if is_seated else None,
            memory_bytes=job.needs.memory_bytes or 0,
            remaining_s=await self.build_eta_s(job),
        )


class _Prepared(msgspec.Struct, frozen=True, kw_only=True):
    request: BuildRequest
    envelope: Any
    needs: BuildNeeds
    licence: str | None
    version: str | None
    priority: int


async def _source_of(project: Project, options: BuildOptions) -> BuildSource | None:
    """Read the project, where this machine sees its folder."""
    root = Path(project.root)
    if not await asyncio.to_thread(root.is_dir):
        return None
    return await asyncio.to_thread(
        read_source, root, project.engine, project.name, engine_version=options.engine_version
    )


def _needs(plan: BuildPlan, options: BuildOptions) -> BuildNeeds:
    is_process = options.driver is not None and options.driver.value != "docker"
    memory = None if plan.image is None or is_process else parse_size(plan.image.memory)
    return BuildNeeds(
        systems=list(plan.systems) or None,
        capability=plan.capability,
        driver=options.driver.value if options.driver else None,
        memory_bytes=memory,
    )


def _target(text: TargetPlatform | str) -> TargetPlatform:
    try:
        return TargetPlatform(text)
    except ValueError as exc:
        raise CommandError(
            ErrorCode.BAD_REQUEST,
            f"target_platform must be one of: {', '.join(TargetPlatform)}",
            field="target_platform",
        ) from exc


def _type(text: BuildType | str) -> BuildType:
    try:
        return BuildType(text)
    except ValueError as exc:
        raise CommandError(
            ErrorCode.BAD_REQUEST,
            f"build_type must be one of: {', '.join(BuildType)}",
            field="build_type",
        ) from exc
