"""The workers' side of builds: ``agent.jobs.port.JobStore`` on ``slate_build_jobs``.

A worker takes only what it can do: the platform's queue, its system, its drivers, the capabilities
that its administrator set, and a free seat of a licence. Two builds can never hold one seat: the
database keeps seats unique.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from slate_desktop.domain.build import BuildJob, BuildLogLine, BuildStatus
from slate_desktop.domain.jobs import JobRow, Lease, Outcome
from slate_desktop.errors import CommandError, ErrorCode, StaleWriteError
from slate_desktop.store.builds import build_from_row
from slate_desktop.store.port import Runner

# When a message counts as lost, seconds.
QUEUED_S, EXPIRED_S = 10.0, 30.0
# Files that the row itself names; all of them are rows of their own.
MAX_ROW_ARTIFACTS = 200


class WorkerFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker can do, as a claim asks."""

    system: str
    drivers: tuple[str, ...]
    capabilities: tuple[str, ...] = ()
    licences: Mapping[str, int] = {}
    # Of the host; None where it is not known, and then no build is too big.
    memory_bytes: int | None = None
    # What is held by other things than builds.
    held_bytes: int = 0


class MadeArtifact(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a build that lies in the object store."""

    path: str
    name: str
    size: int
    sha256: str
    is_executable: bool = False
    is_main: bool = False


class BuildOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """The ``result`` of an outcome of a build."""

    verdict: str
    witness: str = ""
    reason: str = ""
    output_path: str | None = None
    artifacts: tuple[MadeArtifact, ...] = ()
    errors: list[dict[str, Any]] = []
    warnings: list[dict[str, Any]] = []
    error_count: int = 0
    warning_count: int = 0


class HeldLease(msgspec.Struct, frozen=True, kw_only=True):
    """Who has a build, and whether the lease is good."""

    build_id: str
    attempt: int
    owner: str
    is_live: bool


class BuildLeases:
    """Fenced writes of workers."""

    def __init__(self, runner: Runner) -> None:
        self._run = runner

    async def find(self, job_id: str) -> JobRow | None:
        """Return a build; None for one that is unknown, deleted, or of a removed project."""
        row = await self._run.one("get_open_build", id=job_id)
        return None if row is None else _row(row)

    async def claim_fitting(
        self, platform: str, *, owner: str, lease_s: float, facts: WorkerFacts
    ) -> Lease | None:
        """Take the most urgent build of a platform that a worker with these facts can do."""
        if facts.licences:
            await self._run.run("free_expired_seats")
        try:
            row = await self._run.one(
                "claim_build",
                platform=platform,
                owner=owner,
                lease_s=float(lease_s),
                system=facts.system,
                drivers=list(facts.drivers),
                capabilities=list(facts.capabilities),
                licences=dict(facts.licences),
                memory_bytes=facts.memory_bytes,
                held_bytes=facts.held_bytes,
                agent=_agent_of(owner),
            )
        except CommandError as error:
            # Another worker took the last seat in the same moment.
            if "slate_build_jobs_seats" in str(error.__cause__):
                return None
            # Or it used up the project's quota.
            if error.code is ErrorCode.QUOTA_EXCEEDED:
                return None
            raise
        if row is None:
            return None
        job = _row(row)
        return Lease(job=job, attempt=job.attempt, owner=owner)

    async def extend(self, lease: Lease, *, lease_s: float) -> JobRow | None:
        """Keep a lease; None when it is another's, or the build has ended."""
        row = await self._run.one("extend_build_lease", **_fence(lease), lease_s=float(lease_s))
        return None if row is None else _row(row)

    async def release(self, lease: Lease) -> None:
        """Let another worker take the build at once."""
        await self._run.run("release_build_lease", **_fence(lease))

    async def release_earlier(self, owner: str) -> Sequence[tuple[JobRow, int]]:
        """Release what earlier processes of ``owner``'s agent had.

        Returns the builds with the numbers of their next messages.
        """
        rows = await self._run.many("release_earlier_builds", owner=owner, agent=_agent_of(owner))
        return [(_row(row), row["publish_count"]) for row in rows]

    async def held(self) -> list[HeldLease]:
        """Return who has which build."""
        rows = await self._run.many("list_build_leases")
        return [
            HeldLease(
                build_id=row["id"],
                attempt=row["attempt"],
                owner=row["lease_owner"],
                is_live=row["is_live"],
            )
            for row in rows
        ]

    async def cancelled(self, owner: str) -> Sequence[str]:
        """Return the ids of this worker's builds that are to end."""
        rows = await self._run.many("list_cancelled_build_leases", owner=owner)
        return [row["id"] for row in rows]

    async def note_progress(self, lease: Lease, percent: int, message: str) -> None:
        """Store progress; it never goes back, and a lost lease writes nothing."""
        await self._run.run(
            "note_build_progress", **_fence(lease), progress=percent, message=message or None
        )

    async def note_start(
        self,
        lease: Lease,
        *,
        driver: str,
        engine_version: str | None,
        source: Mapping[str, Any],
        commands: Sequence[Sequence[str]],
        notes: Sequence[str],
        memory_bytes: int = 0,
    ) -> None:
        """Store what is built, and how.

        ``memory_bytes`` is what its containers get; the row counts no less from now on.

        Raises:
            CommandError: ``quota_exceeded``: the row asked for less than that.
            StaleWriteError: the lease is lost.
        """
        found = await self._run.one(
            "note_build_start",
            **_fence(lease),
            driver=driver,
            engine_version=engine_version,
            source=dict(source),
            commands=[list(words) for words in commands],
            notes=list(notes),
            memory_bytes=memory_bytes,
        )
        if found is None:
            raise StaleWriteError("Another worker has this build.")

    async def append_logs(self, lease: Lease, lines: Sequence[BuildLogLine]) -> None:
        """Store lines of an attempt; doing it again is harmless."""
        if lines:
            await self._run.run(
                "insert_build_logs",
                build_id=lease.job.id,
                attempt=lease.attempt,
                seqs=[line.seq for line in lines],
                steps=[line.step for line in lines],
                streams=[line.stream for line in lines],
                stamps=[line.ts_ns for line in lines],
                levels=[line.level.value for line in lines],
                messages=[line.message for line in lines],
            )

    async def finish(self, lease: Lease, outcome: Outcome) -> JobRow | None:
        """Record the end, the verdict and the artifacts in one transaction."""
        made = outcome.result if isinstance(outcome.result, BuildOutcome) else None
        artifacts = made.artifacts if made else ()
        async with self._run.connection() as connection, connection.transaction():
            row = await self._run.on(
                connection,
                "finish_build",
                **_fence(lease),
                status=outcome.status.value,
                output_path=made.output_path if made else None,
                artifacts=[_brief(a) for a in artifacts[:MAX_ROW_ARTIFACTS]],
                error_code=outcome.error_code,
                error_message=outcome.error_message,
                verdict=made.verdict if made else _verdict_of(outcome),
                witness=made.witness if made else "",
                verdict_reason=made.reason if made else outcome.error_message,
                errors=made.errors if made else [],
                warnings=made.warnings if made else [],
                error_count=made.error_count if made else 0,
                warning_count=made.warning_count if made else 0,
            )
            if row is None:
                return None
            for artifact in artifacts:
                await self._run.on(
                    connection,
                    "insert_build_artifact",
                    build_id=lease.job.id,
                    attempt=lease.attempt,
                    object=f"sha256/{artifact.sha256}",
                    **msgspec.structs.asdict(artifact),
                )
        return _row(row)

    async def is_finished_by(self, lease: Lease) -> JobRow | None:
        """Return the row when this lease's own end is what it holds."""
        row = await self._run.one("get_finished_build", **_fence(lease))
        return None if row is None else _row(row)

    async def refuse(self, job_id: str, code: str, message: str) -> JobRow | None:
        """Fail a build that nobody may work on; None when it runs or has ended."""
        row = await self._run.one(
            "refuse_build", id=job_id, error_code=str(code), error_message=message
        )
        return None if row is None else _row(row)

    async def request_cancel(self, job_id: str) -> JobRow | None:
        """End a queued build, or tell the worker of a running one; returns the row then."""
        row = await self._run.one("cancel_build", id=job_id)
        return _row(row) if row is not None else await self.find(job_id)

    async def end_abandoned(self) -> Sequence[JobRow]:
        """End the builds that were cancelled when their worker was gone."""
        return [_row(row) for row in await self._run.many("end_abandoned_builds")]

    async def count_open(self, kind: str) -> int:
        """Return how many builds of a platform wait or run."""
        return await self._run.value("count_open_builds", platform=kind)

    async def take_unpublished(
        self, kind: str, *, limit: int, queued_s: float = QUEUED_S, expired_s: float = EXPIRED_S
    ) -> Sequence[tuple[JobRow, int]]:
        """Return builds whose message may be lost, with the number of this repetition."""
        rows = await self._run.many(
            "take_unpublished_builds",
            platform=kind,
            limit=limit,
            queued_s=float(queued_s),
            expired_s=float(expired_s),
        )
        return [(_row(row), row["publish_count"]) for row in rows]


def job_row(build: BuildJob) -> JobRow:
    """Return a build as the workers' machinery sees it."""
    return JobRow(
        id=build.id,
        project_id=build.project_id,
        user_id=build.user_id,
        envelope=build.envelope,
        status=build.status.value,
        attempt=build.attempt,
        is_final=build.is_final,
        is_queued=build.status is BuildStatus.QUEUED,
        cancel_requested=build.cancel_requested,
        row=build,
    )


def _row(row: Any) -> JobRow:
    values = dict(row)
    values.pop("publish_count", None)
    return job_row(build_from_row(values))


def _agent_of(owner: str) -> str:
    return owner.rpartition(".")[0]


def _fence(lease: Lease) -> dict[str, Any]:
    return {"id": lease.job.id, "attempt": lease.attempt, "owner": lease.owner}


def _brief(artifact: MadeArtifact) -> dict[str, Any]:
    return {
        "name": artifact.name,
        "path": artifact.path,
        "size": artifact.size,
        "sha256": artifact.sha256,
    }


def _verdict_of(outcome: Outcome) -> str | None:
    return "failed" if outcome.status.value == "failed" else None
