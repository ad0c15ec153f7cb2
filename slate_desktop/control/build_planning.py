"""What a build would be: its target, its programs, and the signed wish for the workers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from slate_desktop.control.build_queue import BuildQueue
from slate_desktop.domain.build import BuildNeeds, BuildType, TargetPlatform, check_source_commit
from slate_desktop.domain.builds.request import BuildRequest
from slate_desktop.domain.engine import recipe_for
from slate_desktop.domain.ids import check_id
from slate_desktop.domain.jobs import JobEnvelope
from slate_desktop.domain.project import Project
from slate_desktop.domain.sizes import parse_size
from slate_desktop.errors import CommandError, ErrorCode

if TYPE_CHECKING:
    # Read by whoever plans a build: a window that starts has no need of them.
    from slate_desktop.domain.builds.commands import BuildPlan
    from slate_desktop.domain.builds.matrix import Availability, Workers
    from slate_desktop.domain.builds.options import BuildOptions
    from slate_desktop.domain.builds.source import BuildSource


class PreparedBuild(msgspec.Struct, frozen=True, kw_only=True):
    """A checked wish: what is signed, and what a worker must have for it."""

    request: BuildRequest
    envelope: JobEnvelope
    needs: BuildNeeds
    licence: str | None
    version: str | None
    priority: int


class BuildPlanning(BuildQueue):
    """The part of ``Slate`` that plans builds."""

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
        from slate_desktop.domain.builds.commands import plan_build
        from slate_desktop.domain.builds.options import parse_build_options

        project = await self.db.projects.get(check_id(project_id, "project_id"))
        parsed = parse_build_options(options or {})
        platform, kind = target_of(target_platform), type_of(build_type)
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
        from slate_desktop.domain.builds.matrix import availability
        from slate_desktop.domain.builds.options import BuildOptions

        project = await self.db.projects.get(check_id(project_id, "project_id"))
        kind = type_of(build_type)
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

    async def _prepare(
        self,
        project: Project,
        build_id: str,
        kind: BuildType,
        platform: TargetPlatform,
        source_commit: str | None,
        options: Mapping[str, Any] | None,
    ) -> PreparedBuild:
        from slate_desktop.bus.queue import BUILDS
        from slate_desktop.domain.builds.options import options_to_json, parse_build_options

        parsed = parse_build_options(options or {})
        commit = check_source_commit(source_commit)
        source = await _source_of(project, parsed)
        workers = await self._workers()
        needs, licence, version = BuildNeeds(), None, project.engine_version
        if source is not None:
            from slate_desktop.domain.builds.commands import plan_build

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
        return PreparedBuild(
            request=request,
            envelope=envelope,
            needs=needs,
            licence=licence,
            version=version,
            priority=parsed.priority,
        )

    async def _workers(self) -> Workers:
        """Return what the workers that live can do; this machine's system where nobody is known."""
        from slate_desktop.domain.builds.matrix import Workers, this_system

        systems: set[str] = set()
        capabilities: set[str] = set()
        for worker in await self._build_workers():
            systems.add(worker.system)
            capabilities |= worker.capabilities
        return Workers(
            systems=frozenset(systems or {this_system()}), capabilities=frozenset(capabilities)
        )


async def _source_of(project: Project, options: BuildOptions) -> BuildSource | None:
    """Read the project, where this machine sees its folder."""
    from slate_desktop.domain.builds.source import read_source

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


def target_of(text: TargetPlatform | str) -> TargetPlatform:
    """Return a platform by its name; raises ``bad_request``."""
    try:
        return TargetPlatform(text)
    except ValueError as exc:
        raise CommandError(
            ErrorCode.BAD_REQUEST,
            f"target_platform must be one of: {', '.join(TargetPlatform)}",
            field="target_platform",
        ) from exc


def type_of(text: BuildType | str) -> BuildType:
    """Return a build type by its name; raises ``bad_request``."""
    try:
        return BuildType(text)
    except ValueError as exc:
        raise CommandError(
            ErrorCode.BAD_REQUEST,
            f"build_type must be one of: {', '.join(BuildType)}",
            field="build_type",
        ) from exc
