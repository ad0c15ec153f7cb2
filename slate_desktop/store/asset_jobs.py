"""Asset jobs: intents from people, fenced writes of workers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from typing import Any

import msgspec

from slate_desktop.domain.assets.job import AssetInput, AssetJob, AssetResult
from slate_desktop.domain.assets.kinds import AssetJobStatus, AssetKind
from slate_desktop.domain.assets.naming import named_for
from slate_desktop.domain.assets.product import Product
from slate_desktop.domain.assets.report import result_from_json, result_to_json
from slate_desktop.domain.jobs import JobEnvelope, JobRow, Lease, Outcome, OutcomeStatus
from slate_desktop.errors import CommandError, ErrorCode
from slate_desktop.store.errors import not_found
from slate_desktop.store.port import Runner

MAX_PAGE = 1000
# When a message counts as lost, seconds.
QUEUED_S, EXPIRED_S = 10.0, 30.0
# Failures that the same input with the same options would meet again.
STORED_FAILURES = frozenset(
    {ErrorCode.ASSET_INVALID, ErrorCode.ASSET_LIMIT, ErrorCode.ASSET_CRASH, ErrorCode.POISON}
)


class AssetOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """The ``result`` of an outcome of an asset job.

    Attributes:
        result: ``report.result_to_json``; None for a failure.
        products: with the objects that hold them.
        is_cached: a stored result was taken.
        is_shared: all inputs came from the project's own folder, so that products can go there.
    """

    result: dict[str, Any] | None = None
    products: tuple[Product, ...] = ()
    is_cached: bool = False
    is_shared: bool = False


class AssetJobs:
    """Rows of ``slate_asset_jobs`` and what belongs to them."""

    def __init__(self, runner: Runner) -> None:
        self._run = runner

    async def create(
        self,
        *,
        job_id: str,
        project_id: str,
        user_id: str,
        kind: AssetKind,
        path: str,
        inputs: Sequence[AssetInput],
        options: dict[str, Any],
        key: str,
        envelope: JobEnvelope,
        batch_id: str | None = None,
        out_dir: str | None = None,
        priority: int = 0,
        time_limit_s: int = 300,
        forced: bool = False,
    ) -> AssetJob:
        """Insert the intent to process an asset: ``queued``, or ended where the key is known.

        Doing it again with the same id and the same request returns the row that is there.

        Raises:
            CommandError: ``bad_request``; ``not_found`` for an unknown project;
                ``idempotency_mismatch`` for another request under a known id.
        """
        row = await self._run.one(
            "insert_asset_job",
            id=job_id,
            project_id=project_id,
            user_id=user_id,
            batch_id=batch_id,
            kind=kind.value,
            path=path,
            inputs=msgspec.to_builtins(list(inputs)),
            options=options,
            key=key,
            out_dir=out_dir,
            priority=priority,
            time_limit_s=time_limit_s,
            forced=forced,
            envelope=msgspec.to_builtins(envelope),
        )
        if row is not None:
            return _job(row)
        known = await self.get(job_id)
        is_same = (
            known.options == options
            and known.inputs == list(inputs)
            and (known.project_id, known.user_id, known.path) == (project_id, user_id, path)
        )
        if not is_same:
            raise CommandError(
                ErrorCode.IDEMPOTENCY_MISMATCH,
                "This job id stands for another request.",
                field="job_id",
            )
        return known

    async def get(self, job_id: str) -> AssetJob:
        """Return a job; raises ``not_found``."""
        row = await self._run.one("get_asset_job", id=job_id)
        if row is None:
            raise not_found("asset job", "job_id")
        return _job(row)

    async def get_many(self, job_ids: Iterable[str]) -> list[AssetJob]:
        """Return the jobs of these ids that there are, in no order."""
        rows = await self._run.many("get_asset_jobs_by_id", ids=list(job_ids))
        return [_job(row) for row in rows]

    async def list(
        self,
        *,
        project_id: str | None = None,
        batch_id: str | None = None,
        path: str | None = None,
        statuses: Iterable[AssetJobStatus] | None = None,
        before: AssetJob | None = None,
        limit: int = 100,
    ) -> list[AssetJob]:
        """Return jobs, newest first; ``before`` is the last row of the page before."""
        rows = await self._run.many(
            "list_asset_jobs",
            project_id=project_id,
            batch_id=batch_id,
            path=path,
            statuses=None if statuses is None else [AssetJobStatus(s).value for s in statuses],
            before_time=before.created_at if before else None,
            before_id=before.id if before else None,
            limit=max(1, min(limit, MAX_PAGE)),
        )
        return [_job(row) for row in rows]

    async def counts(
        self, project_id: str, *, batch_id: str | None = None
    ) -> dict[AssetJobStatus, int]:
        """Return how many jobs of a project are in each state."""
        rows = await self._run.many("count_asset_jobs", project_id=project_id, batch_id=batch_id)
        return {AssetJobStatus(row["status"]): row["count"] for row in rows}

    async def delete(self, job_id: str) -> None:
        """Soft-delete a job that has ended; raises ``not_found`` or ``illegal_state``."""
        if await self._run.value("delete_asset_job", id=job_id) is None:
            raise not_found("asset job", "job_id")

    async def result_of(self, key: str) -> AssetResult | None:
        """Return what a key gave, None when nobody had it yet."""
        row = await self._run.one("get_asset_result", key=key)
        return None if row is None else msgspec.convert(dict(row), AssetResult)

    async def results_of(self, keys: Iterable[str]) -> dict[str, AssetResult]:
        """Return what keys gave, where somebody had them."""
        rows = await self._run.many("get_asset_results", keys=list(keys))
        return {row["key"]: msgspec.convert(dict(row), AssetResult) for row in rows}

    # The workers' side: agent.jobs.port.JobStore.

    async def find(self, job_id: str) -> JobRow | None:
        """Return a job; None for one that is unknown, deleted, or of a deleted project."""
        row = await self._run.one("get_open_asset_job", id=job_id)
        return None if row is None else _row(_job(row))

    async def claim(self, _job_id: str, kind: str, *, owner: str, lease_s: float) -> Lease | None:
        """Take the most urgent job of a type; the one that a message named may have to wait."""
        try:
            row = await self._run.one(
                "claim_asset_job", kind=kind, owner=owner, lease_s=float(lease_s)
            )
        except CommandError as error:
            # Another worker took a job with the same key in the same moment.
            if "slate_asset_jobs_one_per_key" in str(error.__cause__):
                return None
            raise
        if row is None:
            return None
        job = _job(row)
        return Lease(job=_row(job), attempt=job.attempt, owner=owner)

    async def extend(self, lease: Lease, *, lease_s: float) -> JobRow | None:
        """Keep a lease; None when it is another's, or the job has ended."""
        row = await self._run.one("extend_asset_lease", **_fence(lease), lease_s=float(lease_s))
        return None if row is None else _row(_job(row))

    async def release(self, lease: Lease) -> None:
        """Let another worker take the job at once."""
        await self._run.run("release_asset_lease", **_fence(lease))

    async def cancelled(self, owner: str) -> Sequence[str]:
        """Return the ids of this worker's jobs that are to end."""
        rows = await self._run.many("list_cancelled_asset_leases", owner=owner)
        return [row["id"] for row in rows]

    async def note_progress(self, lease: Lease, percent: int, message: str) -> None:
        """Store progress; it never goes back, and a lost lease writes nothing."""
        await self._run.run(
            "note_asset_progress", **_fence(lease), progress=percent, message=message or None
        )

    async def note_key(self, lease: Lease, key: str) -> bool:
        """Store the key that a worker found; False when the lease is lost."""
        return await self._run.one("note_asset_key", **_fence(lease), key=key) is not None

    async def finish(self, lease: Lease, outcome: Outcome) -> JobRow | None:
        """Record the end, its products, and what the key gave, in one transaction."""
        job: AssetJob = lease.job.row
        made = outcome.result if isinstance(outcome.result, AssetOutcome) else None
        async with self._run.connection() as connection, connection.transaction():
            row = await self._run.on(
                connection,
                "finish_asset_job",
                **_fence(lease),
                status=outcome.status.value,
                cached=made is not None and made.is_cached,
                result=made.result if made else None,
                error_code=outcome.error_code,
                error_message=outcome.error_message,
            )
            if row is None:
                return None
            for product in made.products if made and not made.is_cached else ():
                await self._run.on(
                    connection,
                    "insert_asset_product",
                    job_id=job.id,
                    attempt=lease.attempt,
                    role=product.role,
                    name=product.path,
                    format=product.format,
                    size=product.size,
                    sha256=product.sha256,
                    object=f"sha256/{product.sha256}",
                )
            if row["worker_key"] is not None and _is_stored(outcome):
                await self._run.on(
                    connection,
                    "upsert_asset_result",
                    key=row["worker_key"],
                    kind=job.kind.value,
                    status=outcome.status.value,
                    result=made.result if made else None,
                    error_code=outcome.error_code,
                    error_message=outcome.error_message,
                )
        return _row(_job(row))

    async def is_finished_by(self, lease: Lease) -> JobRow | None:
        """Return the row when this lease's own end is what it holds."""
        row = await self._run.one("get_finished_asset_job", **_fence(lease))
        return None if row is None else _row(_job(row))

    async def refuse(self, job_id: str, code: str, message: str) -> JobRow | None:
        """Fail a job that nobody may work on; None when it runs or has ended."""
        row = await self._run.one(
            "refuse_asset_job", id=job_id, error_code=str(code), error_message=message
        )
        return None if row is None else _row(_job(row))

    async def request_cancel(self, job_id: str) -> JobRow | None:
        """End a queued job, or tell the worker of a running one; returns the row as it is then."""
        row = await self._run.one("cancel_asset_job", id=job_id)
        return _row(_job(row)) if row is not None else await self.find(job_id)

    async def end_abandoned(self) -> Sequence[JobRow]:
        """End the jobs that were cancelled when their worker was gone."""
        rows = await self._run.many("end_abandoned_asset_jobs")
        return [_row(_job(row)) for row in rows]

    async def count_open(self, kind: str) -> int:
        """Return how many jobs of a type wait or run."""
        return await self._run.value("count_open_asset_jobs", kind=kind)

    async def take_unpublished(
        self, kind: str, *, limit: int, queued_s: float = QUEUED_S, expired_s: float = EXPIRED_S
    ) -> Sequence[tuple[JobRow, int]]:
        """Return jobs whose message may be lost, with the number of this repetition."""
        rows = await self._run.many(
            "take_unpublished_asset_jobs",
            kind=kind,
            limit=limit,
            queued_s=float(queued_s),
            expired_s=float(expired_s),
        )
        return [(_row(_job(row)), row["publish_count"]) for row in rows]

    async def note_delivery(self, job_id: str) -> None:
        """Record that the products lie under their names in the project."""
        await self._run.run("note_asset_delivery", id=job_id)

    async def find_twin(
        self, *, project_id: str, kind: AssetKind, path: str, out_dir: str
    ) -> tuple[str, bool] | None:
        """Return another asset whose products have the names of this one's, if there is one.

        Returns:
            Its path, and whether it lies in the project's folder. An asset that was processed
            before the other one has none: it keeps its names.
        """
        row = await self._run.one(
            "find_asset_twin",
            project_id=project_id,
            kind=kind.value,
            path=path,
            out_dir=out_dir,
            stem=PurePosixPath(path).stem,
        )
        return None if row is None else (row["path"], row["is_in_project"])

    async def undelivered(
        self, *, older_than_s: float, but: Iterable[str] = (), limit: int = 100
    ) -> Sequence[AssetJob]:
        """Return completed jobs whose products are not yet where they belong, oldest first.

        A job of which the signature is over is not among them, nor are those of the ids ``but``.
        """
        rows = await self._run.many(
            "list_undelivered_asset_jobs",
            older_than_s=float(older_than_s),
            but=list(but),
            limit=limit,
        )
        return [_job(row) for row in rows]


def _job(row: Any) -> AssetJob:
    """Return a row as a job; a result that was known has the names of this job's own products."""
    job = msgspec.convert(dict(row), AssetJob)
    if not job.cached or job.result is None or not job.inputs:
        return job
    try:
        named = named_for(PurePosixPath(job.inputs[0].name), result_from_json(job.result))
    except CommandError:
        return job  # written by another release; whoever needs its products says so
    return job if named is None else msgspec.structs.replace(job, result=result_to_json(named))


def _row(job: AssetJob) -> JobRow:
    return JobRow(
        id=job.id,
        project_id=job.project_id,
        user_id=job.user_id,
        envelope=job.envelope,
        status=job.status.value,
        attempt=job.attempt,
        is_final=job.is_final,
        is_queued=job.status is AssetJobStatus.QUEUED,
        cancel_requested=job.cancel_requested,
        row=job,
    )


def _fence(lease: Lease) -> dict[str, Any]:
    return {"id": lease.job.id, "attempt": lease.attempt, "owner": lease.owner}


def _is_stored(outcome: Outcome) -> bool:
    """Tell whether the next job with this key would end in the same way."""
    if outcome.error_code == ErrorCode.POISON:
        return True
    # Without a result of its own kind the machinery ended it, such as for the job's own time limit.
    if not isinstance(outcome.result, AssetOutcome) or outcome.result.is_cached:
        return False
    if outcome.status is OutcomeStatus.COMPLETED:
        return True
    return outcome.status is OutcomeStatus.FAILED and outcome.error_code in STORED_FAILURES
