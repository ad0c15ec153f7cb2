"""One attempt at one build, from the project's folder to the verdict."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from pathlib import Path
from shutil import which

import msgspec

from slate_desktop.agent.builds.buildlog import BuildLog, kept
from slate_desktop.agent.builds.debts import Debts
from slate_desktop.agent.builds.programs import ProgramRunner, RunResult
from slate_desktop.agent.builds.revision import export_commit, read_revision
from slate_desktop.agent.builds.settings import BuildSettings, environment_secrets
from slate_desktop.agent.builds.threads import in_thread
from slate_desktop.agent.builds.workspace import SourceState, Workspace
from slate_desktop.agent.fleet import Fleet
from slate_desktop.agent.jobs.port import Progress
from slate_desktop.agent.placement import choose_driver
from slate_desktop.agent.retry import until_database_answers
from slate_desktop.agent.trees.places import ProjectPlaces
from slate_desktop.bus.objects import ObjectStore
from slate_desktop.bus.port import Bus
from slate_desktop.domain.build import BuildJob, BuildLogLine
from slate_desktop.domain.builds.artifacts import ArtifactCheck, check_product, collect
from slate_desktop.domain.builds.commands import BuildPlan, Places, Step, plan_build, preview
from slate_desktop.domain.builds.findings import FindingCollector
from slate_desktop.domain.builds.judgement import Judgement, Verdict, judge
from slate_desktop.domain.builds.matrix import Workers
from slate_desktop.domain.builds.options import BuildOptions, parse_build_options
from slate_desktop.domain.builds.progress import MAX_RUNNING_PERCENT, ProgressTracker
from slate_desktop.domain.builds.recipe import BuildRecipe
from slate_desktop.domain.builds.source import BuildSource, read_source
from slate_desktop.domain.container import ContainerConfig, DriverName, Mount, NetworkMode
from slate_desktop.domain.jobs import Lease, Outcome
from slate_desktop.domain.project import Project
from slate_desktop.domain.sizes import GIB, format_bytes, parse_size
from slate_desktop.domain.way_out import check_way_out
from slate_desktop.errors import (
    AgentOfflineError,
    CommandError,
    ErrorCode,
    NotConnectedError,
)
from slate_desktop.settings.paths import python_program, resource_path
from slate_desktop.store.build_leases import BuildLeases, BuildOutcome, MadeArtifact

_log = logging.getLogger(__name__)
_PROJECT_TARGET = "/app/project"
_OUTPUT_TARGET = "/app/output"


@dataclass(frozen=True)
class _Work:
    """What is run: the plan, whose patterns are read, by which driver, with which secrets."""

    plan: BuildPlan
    recipe: BuildRecipe
    driver: DriverName
    secrets: dict[str, str]


class Build:
    """One attempt; see ``kind.BuildKind`` for the arguments.

    ``bandwidth_bits`` is what quotas give its containers in a second, None for any.
    """

    def __init__(
        self,
        lease: Lease,
        project: Project,
        workspace: Workspace,
        *,
        store: BuildLeases,
        bus: Bus,
        fleet: Fleet,
        objects: ObjectStore,
        agent_id: str,
        settings: BuildSettings,
        debts: Debts,
        places: ProjectPlaces,
        progress: Progress,
        bandwidth_bits: int | None = None,
    ) -> None:
        self._lease = lease
        self._build: BuildJob = lease.job.row
        self._project = project
        self._workspace = workspace
        self._store = store
        self._bus = bus
        self._fleet = fleet
        self._objects = objects
        self._agent_id = agent_id
        self._settings = settings
        self._debts = debts
        self._places = places
        self._progress = progress
        self._bandwidth_bits = bandwidth_bits

    async def run(self, cancel: asyncio.Event, limit_s: float) -> Outcome:
        """Build, within a time that begins now.

        Raises:
            CommandError: it cannot be built; no engine was started.
        """
        timer = asyncio.timeout(limit_s)
        try:
            async with timer:
                return await self._run(cancel)
        except TimeoutError:
            if not timer.expired():
                raise
            return Outcome.failed(
                ErrorCode.EXEC_TIMEOUT.value,
                f"The build took longer than {limit_s:g} s and was ended.",
            )

    async def _run(self, cancel: asyncio.Event) -> Outcome:
        try:
            # The files of the project do not change while they are copied.
            async with self._places.using(self._project, self._on_files) as project:
                work, state, commit = await self._prepare(project, cancel)
        except CommandError as error:
            if error.code is ErrorCode.CANCELLED:
                return Outcome.cancelled()
            raise
        plan = work.plan
        await asyncio.to_thread(self._finish_workspace, plan, work.driver)
        await self._note_start(work, state, commit)
        log = BuildLog(self._lease, self._store, self._bus, secrets=list(work.secrets.values()))
        for note in plan.notes:
            log.say("prepare", note)
        return await self._with_log(log, work, cancel)

    async def _prepare(
        self, project: Project, cancel: asyncio.Event
    ) -> tuple[_Work, SourceState, dict[str, object]]:
        """Read and copy the project: what is run, what was copied, and of which commit."""
        options = parse_build_options(self._build.options)
        self._tell(0, "Reading the project")
        root, commit = await self._root_of(Path(project.root))
        source = await asyncio.to_thread(
            read_source,
            root,
            project.engine,
            project.name,
            engine_version=options.engine_version,
        )
        if source.custom.network == NetworkMode.INTERNET:
            # A file of the project asks; what a shipped recipe asks is the program's own.
            check_way_out(project)
        driver = await self._choose_driver(options, source)
        plan = self._plan(source, options, driver)
        secrets = environment_secrets(plan.secrets)
        self._tell(0, "Copying the sources")
        state = await in_thread(
            lambda stop: self._workspace.prepare(
                root, is_clean=options.clean, caches=plan.caches, stop=stop
            ),
            cancel,
        )
        return _Work(plan, source.recipe, driver, secrets), state, commit

    def _on_files(self, done: int, total: int) -> None:
        self._tell(
            0, f"Bringing the project's files: {format_bytes(done)} of {format_bytes(total)}"
        )

    async def _with_log(self, log: BuildLog, work: _Work, cancel: asyncio.Event) -> Outcome:
        async with kept(log):
            return await self._run_programs(log, work, cancel)

    async def _run_programs(self, log: BuildLog, work: _Work, cancel: asyncio.Event) -> Outcome:
        tracker = ProgressTracker(work.recipe)
        roots = [_PROJECT_TARGET, str(self._workspace.source)]
        findings = FindingCollector(work.recipe, roots)

        def tell() -> None:
            self._tell(tracker.now.percent, tracker.now.message)

        def on_line(step: str, line: BuildLogLine) -> None:
            findings.feed(line.message, seq=line.seq, step=step)
            if tracker.feed(line.message) is not None:
                tell()

        def on_step(step: Step) -> None:
            tracker.step(step.title)
            tell()

        is_docker = work.driver is DriverName.DOCKER
        runner = ProgramRunner(
            self._fleet[work.driver],
            self._lease,
            self._agent_id,
            self._config(work),
            str(self._workspace.base if is_docker else self._workspace.source),
            work.secrets,
            log,
            on_line,
            on_step,
            self._debts,
            image_bytes=int(work.plan.image.size_gib * GIB) if work.plan.image else 0,
        )
        result = await runner.run(work.plan, cancel)
        if cancel.is_set():
            return Outcome.cancelled()
        return await self._judge(work.plan, result, findings, log)

    async def _judge(
        self, plan: BuildPlan, result: RunResult, findings: FindingCollector, log: BuildLog
    ) -> Outcome:
        self._tell(MAX_RUNNING_PERCENT, "Looking at the result")
        check: ArtifactCheck = await asyncio.to_thread(
            check_product, self._workspace.output, plan.product, plan.artifact
        )
        found = judge(
            result.exits, findings.errors, check.problem, tool_exit_code=findings.exit_code
        )
        log.say("verdict", f"{found.verdict.value}: {found.reason}")
        if found.verdict is Verdict.FAILED:
            code = ErrorCode.OOM if result.was_oom else ErrorCode.BUILD_FAILED
            outcome = self._outcome(found, findings, ())
            return Outcome.failed(code.value, found.reason, outcome)
        artifacts = await self._store_artifacts(plan)
        return Outcome.completed(self._outcome(found, findings, artifacts))

    def _tell(self, percent: int, message: str) -> None:
        # A little above the whole percent, so that it is not one less after rounding.
        self._progress((percent + 0.001) / 100, message)

    async def _store_artifacts(self, plan: BuildPlan) -> tuple[MadeArtifact, ...]:
        output = self._workspace.output
        found = await asyncio.to_thread(collect, output)
        made: list[MadeArtifact] = []
        for number, artifact in enumerate(found, start=1):
            self._tell(MAX_RUNNING_PERCENT, f"{number} of {len(found)}: storing {artifact.name}")
            await self._put(output / artifact.path, artifact.sha256)
            made.append(
                MadeArtifact(
                    path=artifact.path,
                    name=artifact.name,
                    size=artifact.size,
                    sha256=artifact.sha256,
                    is_executable=artifact.is_executable,
                    is_main=artifact.path == plan.product or (not plan.product and len(found) == 1),
                )
            )
        return tuple(made)

    async def _put(self, path: Path, sha256: str) -> None:
        """Store a file, waiting for a broker that is away: the build is done, only this is left."""
        pause_s = 0.2
        while True:
            try:
                await self._objects.ensure()
                await self._objects.put(path, sha256=sha256)
            except (NotConnectedError, AgentOfflineError, TimeoutError) as error:
                _log.info("an artifact waits for the broker", extra={"reason": str(error)})
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, 5.0)
            else:
                return

    def _outcome(
        self, found: Judgement, findings: FindingCollector, artifacts: tuple[MadeArtifact, ...]
    ) -> BuildOutcome:
        errors, warnings = findings.errors, findings.warnings
        return BuildOutcome(
            verdict=found.verdict.value,
            witness=found.witness,
            reason=found.reason,
            output_path=str(self._workspace.output) if artifacts else None,
            artifacts=artifacts,
            errors=msgspec.to_builtins(errors),
            warnings=msgspec.to_builtins(warnings),
            error_count=sum(error.count for error in errors),
            warning_count=sum(warning.count for warning in warnings),
        )

    async def _root_of(self, project: Path) -> tuple[Path, dict[str, object]]:
        """Return the folder that is built, and what is known of its commit."""
        if not await asyncio.to_thread(project.is_dir):
            raise CommandError(
                ErrorCode.BAD_REQUEST,
                f"The worker does not see the project's folder {project}",
                field="project_id",
            )
        wanted = self._build.source_commit
        if wanted is None:
            revision = await read_revision(project)
            return project, {"commit": revision.commit, "dirty": revision.is_dirty}
        checkout = self._workspace.base / "checkout"
        full = await export_commit(project, wanted, checkout)
        return checkout, {"commit": full, "dirty": False}

    async def _choose_driver(self, options: BuildOptions, source: BuildSource) -> DriverName:
        infos = await self._fleet.usable_infos()
        wanted = options.driver
        if wanted is None and source.custom.image is not None:
            docker = infos.get(DriverName.DOCKER)
            wanted = DriverName.DOCKER if docker and docker.is_available else None
        return choose_driver(wanted, source.engine, infos)

    def _plan(self, source: BuildSource, options: BuildOptions, driver: DriverName) -> BuildPlan:
        workers = Workers(
            systems=frozenset({self._settings.system}),
            capabilities=frozenset(self._settings.capabilities),
        )
        places = None
        if driver is not DriverName.DOCKER:
            places = Places(
                workspace=str(self._workspace.source),
                output=str(self._workspace.output),
                tool=self._local_tool(source, driver),
                python=python_program(),
            )
        return plan_build(
            source, self._build.target_platform, self._build.build_type, options, workers, places
        )

    def _local_tool(self, source: BuildSource, driver: DriverName) -> str:
        tools = source.recipe.tools
        if not tools:
            return ""
        if driver is DriverName.SCRIPTED:
            return tools[0]
        for name in tools:
            if (path := which(name)) is not None:
                return path
        raise CommandError(
            ErrorCode.COMMAND_NOT_FOUND,
            f"No {source.recipe.title} for builds was found on this machine "
            f"(looked for {', '.join(tools)})",
            hint="Install it, or build in a container.",
        )

    def _finish_workspace(self, plan: BuildPlan, driver: DriverName) -> None:
        for path, resource in plan.files.items():
            self._workspace.put(path, resource_path(*resource.split("/")).read_bytes())
        if driver is DriverName.DOCKER:
            self._workspace.give_away()
            if plan.image is not None:
                self._fleet.check_image(plan.image.name)

    async def _note_start(self, work: _Work, state: SourceState, commit: dict[str, object]) -> None:
        plan, memory = work.plan, self._config(work).memory_bytes or 0
        source = {"sha256": state.sha256, "files": state.files, "copied": state.copied, **commit}
        await until_database_answers(
            lambda: self._store.note_start(
                self._lease,
                driver=work.driver.value,
                engine_version=plan.version,
                source=source,
                commands=preview(plan),
                notes=plan.notes,
                memory_bytes=memory,
            )
        )

    def _config(self, work: _Work) -> ContainerConfig:
        plan, driver = work.plan, work.driver
        env = {**plan.env, **work.secrets}
        if driver is not DriverName.DOCKER or plan.image is None:
            return ContainerConfig(driver=driver, env=env)
        info = self._fleet.infos[driver]
        memory = parse_size(plan.image.memory)
        return ContainerConfig(
            driver=driver,
            image=plan.image.name,
            tag=plan.image.tag,
            env={"HOME": "/tmp", **env},  # noqa: S108 - the container's own
            volumes=[
                Mount(host="./source", container=_PROJECT_TARGET),
                Mount(host="./output", container=_OUTPUT_TARGET),
            ],
            memory_bytes=min(memory, info.memory_bytes) if info.memory_bytes else memory,
            cpus=min(plan.image.cpus, info.cpus) if info.cpus else plan.image.cpus,
            bandwidth_bits=self._bandwidth_bits,
            network_mode=NetworkMode(plan.image.network),
            pull="/" in plan.image.name and not plan.image.name.startswith("slate/"),
        )
