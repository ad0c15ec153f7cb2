"""Builds as jobs: which rows a worker takes, what was signed, and the way from claim to verdict.

::

    project read → plan → workspace → programs (container or process) → verdict → artifacts stored
         └ refused before an engine starts      └ cancel ends them
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from slate_desktop.agent.builds.build import Build
from slate_desktop.agent.builds.buildlog import BuildLog, kept
from slate_desktop.agent.builds.debts import Debt, Debts
from slate_desktop.agent.builds.programs import LABEL_SUFFIX, ProgramRunner
from slate_desktop.agent.builds.settings import BuildSettings, environment_secrets
from slate_desktop.agent.builds.workspace import Workspaces
from slate_desktop.agent.fleet import Fleet
from slate_desktop.agent.jobs.port import Progress
from slate_desktop.agent.trees.places import ProjectPlaces
from slate_desktop.bus.objects import ObjectStore
from slate_desktop.bus.port import Bus
from slate_desktop.domain.build import BuildJob
from slate_desktop.domain.builds.options import parse_build_options
from slate_desktop.domain.builds.request import BuildRequest, request_of
from slate_desktop.domain.jobs import JobRow, Lease, Outcome
from slate_desktop.domain.roles import Role
from slate_desktop.errors import CommandError, DatabaseError, ErrorCode, SlateError
from slate_desktop.store.build_leases import BuildLeases, WorkerFacts
from slate_desktop.wire.subjects import JobEventKind
from slate_desktop.wire.subjects import build as build_subject

if TYPE_CHECKING:
    from slate_desktop.store import Database

_log = logging.getLogger(__name__)
# An attempt ends itself in time; the worker's own limit is only for one that does not.
_LIMIT_RESERVE_S = 180.0
_MAY_BUILD = frozenset({Role.OWNER, Role.DEVELOPER})


class BuildStore(BuildLeases):
    """The rows of builds, claimed with what this worker can do."""

    def __init__(self, db: Database, fleet: Fleet, settings: BuildSettings) -> None:
        super().__init__(db)
        self._fleet = fleet
        self._settings = settings
        self._claiming = asyncio.Lock()

    async def claim(
        self, _job_id: str, kind: str, /, *, owner: str, lease_s: float
    ) -> Lease | None:
        """Take the most urgent build of a platform that can be done here now."""
        infos = await self._fleet.usable_infos()
        facts = WorkerFacts(
            system=self._settings.system,
            drivers=tuple(name.value for name, info in infos.items() if info.is_available),
            capabilities=self._settings.capabilities,
            licences=self._settings.licences,
            memory_bytes=self._fleet.memory_bytes or None,
            held_bytes=sum(size for _, size in self._fleet.holders()),
        )
        # One after the other: two at once would both see the same free memory.
        async with self._claiming:
            return await self.claim_fitting(kind, owner=owner, lease_s=lease_s, facts=facts)


class BuildKind:
    """Builds, as the workers' machinery does them.

    Args:
        db: the database.
        bus: for log lines.
        fleet: the drivers of this host.
        objects: where artifacts go.
        agent_id: this agent.
        settings: what its administrator allows.
        places: where projects' files are on this host.
    """

    name = "build"

    def __init__(
        self,
        db: Database,
        bus: Bus,
        fleet: Fleet,
        objects: ObjectStore,
        *,
        agent_id: str,
        settings: BuildSettings,
        places: ProjectPlaces | None = None,
    ) -> None:
        self._places = places or ProjectPlaces(
            db, objects, settings.directory / "projects", agent_id=agent_id
        )
        self.store = BuildStore(db, fleet, settings)
        self._db = db
        self._bus = bus
        self._fleet = fleet
        self._objects = objects
        self._agent_id = agent_id
        self._settings = settings
        self._workspaces = Workspaces(settings.directory / "workspaces")
        self._debts = Debts(settings.directory / "debts")
        # Builds whose debts are being paid: those runtimes are no leftovers.
        self._paying: set[str] = set()

    def time_limit_s(self, lease: Lease) -> float:
        """Return how long an attempt may take, in seconds."""
        return _limit_s(lease.job.row) + _LIMIT_RESERVE_S

    def allows(self, role: Role) -> bool:
        """Owners and developers build."""
        return role in _MAY_BUILD

    def check(self, job: JobRow) -> None:
        """Compare what was signed with the row.

        Raises:
            CommandError: ``bad_signature`` or ``bad_request``.
        """
        if job.envelope is None:
            raise CommandError(ErrorCode.UNSIGNED, "The build carries no signature.")
        try:
            signed = msgspec.json.decode(job.envelope.data, type=BuildRequest)
        except (msgspec.MsgspecError, UnicodeDecodeError) as exc:
            raise CommandError(
                ErrorCode.BAD_REQUEST, f"The signed build is no build: {exc}"
            ) from exc
        build: BuildJob = job.row
        if signed != request_of(build):
            raise CommandError(ErrorCode.BAD_SIGNATURE, "The build is not what its user signed.")
        expected = f".{build.target_platform.value}"
        if not job.envelope.subject.endswith(expected):
            raise CommandError(
                ErrorCode.BAD_SIGNATURE, "The build was signed for another platform."
            )

    async def execute(
        self, lease: Lease, directory: Path, *, progress: Progress, cancel: asyncio.Event
    ) -> Outcome:
        """Build.

        Raises:
            CommandError: it cannot be built; an engine was not started.
        """
        del directory
        await self._end_earlier(lease)
        build: BuildJob = lease.job.row
        project = await self._db.projects.get(build.project_id)
        with self._workspaces.lend(build.project_id, build.target_platform.value) as workspace:
            work = Build(
                lease,
                project,
                workspace,
                store=self.store,
                bus=self._bus,
                fleet=self._fleet,
                objects=self._objects,
                agent_id=self._agent_id,
                settings=self._settings,
                debts=self._debts,
                places=self._places,
                progress=progress,
                bandwidth_bits=await self._db.quotas.most_bandwidth(
                    build.project_id, build.user_id
                ),
            )
            return await work.run(cancel, _limit_s(build))

    async def after_finish(self, lease: Lease, outcome: Outcome, directory: Path) -> None:
        """Nothing follows: artifacts were stored before the end was committed."""

    def subject(self, job: JobRow, kind: JobEventKind) -> str:
        """Return the subject of a build's events."""
        return build_subject(job.project_id, job.id, kind)

    def words(self, job: JobRow) -> str:
        """Return which sort of build it is, and for what."""
        build: BuildJob = job.row
        return f"{build.build_type.value} for {build.target_platform.value}"

    def describe(self, job: JobRow) -> dict[str, object]:
        """Return the ``data`` of a status event."""
        build: BuildJob = job.row
        return {
            "status": build.status.value,
            "version": build.version,
            "attempt": build.attempt,
            "progress": build.progress,
            "verdict": build.verdict,
            "target_platform": build.target_platform.value,
            "build_type": build.build_type.value,
            "error_code": build.error_code,
            "error_message": build.error_message,
        }

    async def remove_leftovers(self, owner: str) -> int:
        """End runtimes of builds that no worker has any more; returns how many.

        Args:
            owner: of this process; an earlier process of this agent holds nothing any more.
        """
        try:
            held = await self.store.held()
        except DatabaseError:
            return 0
        mine = {(lease.build_id, lease.attempt) for lease in held if lease.owner == owner}
        return await self._end_runtimes(lambda build_id, attempt: (build_id, attempt) not in mine)

    async def pay_debts(self, owner: str) -> None:
        """Run what builds of earlier processes of this agent owe, such as a licence's return."""
        for debt in await asyncio.to_thread(self._debts.left_by_others, owner):
            self._paying.add(debt.build_id)
            try:
                await self._pay(debt)
            except (SlateError, TimeoutError) as error:
                _log.warning(
                    "a licence is not returned yet",
                    extra={"build": debt.build_id, "reason": str(error)},
                )
            finally:
                self._paying.discard(debt.build_id)

    async def _pay(self, debt: Debt) -> None:
        secrets = environment_secrets(tuple(debt.secrets))
        last = await self._db.builds.log_lines(debt.build_id, debt.attempt, limit=1)
        after = last[-1].seq if last else 0
        lease = debt.lease()
        log = BuildLog(lease, self.store, self._bus, secrets=list(secrets.values()), after=after)
        config = msgspec.structs.replace(debt.config, env={**debt.config.env, **secrets})
        runner = ProgramRunner(
            self._fleet[debt.driver],
            lease,
            self._agent_id,
            config,
            debt.root,
            secrets,
            log,
            lambda _step, _line: None,
            lambda _step: None,
            self._debts,
        )
        async with kept(log):
            await runner.run_always(debt.steps)

    async def _end_earlier(self, lease: Lease) -> None:
        """End what an earlier attempt on this host left running."""
        await self._end_runtimes(
            lambda build_id, attempt: build_id == lease.job.id and attempt < lease.attempt
        )

    async def _end_runtimes(self, is_left: Callable[[str, int], bool]) -> int:
        count = 0
        for driver in self._fleet.drivers.values():
            try:
                runtimes = await driver.list_runtimes(self._agent_id + LABEL_SUFFIX)
                for handle, _ in runtimes:
                    if handle.labels.session in self._paying:
                        continue
                    if is_left(handle.labels.session, handle.labels.attempt):
                        await driver.remove(handle)
                        count += 1
            except SlateError as error:
                _log.debug("left-over builds are not ended", extra={"reason": str(error)})
        if count:
            _log.info("left-over builds were ended", extra={"count": count})
        return count


def _limit_s(build: BuildJob) -> float:
    try:
        return float(parse_build_options(build.options).time_limit_s)
    except CommandError:
        return 60.0
