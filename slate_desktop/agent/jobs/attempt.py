"""One attempt at one job: from the claim to the committed end.

::

    claimed → admitted → executed → finished (one transaction) → message acknowledged
                 │           └ lease lost: discarded, nothing acknowledged
                 └ refused: failed with that code
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

from slate_desktop.agent.audit import AuditTrail, clipped
from slate_desktop.agent.jobs.admission import Admission
from slate_desktop.agent.jobs.events import JobEvents
from slate_desktop.agent.jobs.lease import LeaseKeeper
from slate_desktop.agent.jobs.port import JobKind
from slate_desktop.agent.jobs.progress import ProgressReporter
from slate_desktop.agent.retry import until_database_answers
from slate_desktop.bus.queue import Delivery
from slate_desktop.domain.audit import AuditCommand, moment_of_ms
from slate_desktop.domain.jobs import MAX_ATTEMPTS, JobRow, Outcome, OutcomeStatus
from slate_desktop.errors import CommandError, ErrorCode, SlateError
from slate_desktop.wire.envelope import H_ISSUED, H_KEY

_log = logging.getLogger(__name__)
# How long work that is to end may take for it: SIGTERM, ten seconds, SIGKILL, and a little more.
END_WITHIN_S = 15.0
_TIME = re.compile(r"[0-9]{13}")


class Attempt:
    """Does one job under one lease.

    Args:
        kind: the sort of job.
        keeper: of its lease.
        delivery: the message that is held meanwhile.
        admission: who may have jobs done.
        audit: where jobs are noted.
        events: where windows hear of it.
        directory: for files, of this attempt alone.
    """

    def __init__(
        self,
        kind: JobKind,
        keeper: LeaseKeeper,
        delivery: Delivery,
        *,
        admission: Admission,
        audit: AuditTrail,
        events: JobEvents,
        directory: Path,
    ) -> None:
        self._kind = kind
        self._keeper = keeper
        self._lease = keeper.lease
        self._delivery = delivery
        self._admission = admission
        self._audit = audit
        self._events = events
        self._directory = directory

    @property
    def job_id(self) -> str:
        """Which job."""
        return self._lease.job.id

    def cancel_job(self) -> None:
        """Tell the work that its job was cancelled."""
        self._keeper.cancel.set()

    async def run(self) -> None:
        """Do the attempt; when it is cancelled (the agent ends) another worker may take over."""
        keeping = asyncio.create_task(self._keeper.run(), name=f"lease-{self.job_id}")
        try:
            await self._events.status(self._lease.job)
            noted = self._noted()
            # The row is the job's own, and ends with it; here it gets to know who works on it.
            await until_database_answers(lambda: self._audit.begin(noted), max_s=2.0)
            outcome = await self._outcome()
            if outcome is not None and not self._keeper.is_lost.is_set():
                await self._finish(outcome)
        except asyncio.CancelledError:
            await asyncio.shield(self._give_back())
            raise
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
            await asyncio.to_thread(shutil.rmtree, self._directory, ignore_errors=True)

    async def _outcome(self) -> Outcome | None:
        """Return how it ended; None when the lease was lost."""
        if self._lease.attempt > MAX_ATTEMPTS:
            return Outcome.failed(
                ErrorCode.POISON,
                f"Workers began this {MAX_ATTEMPTS} times and ended before it was done.",
            )
        try:
            await until_database_answers(
                lambda: self._admission.check(self._kind, self._lease.job), max_s=2.0
            )
        except CommandError as error:
            return Outcome.failed(error.code.value, error.message)
        return await self._execute()

    async def _execute(self) -> Outcome | None:
        await asyncio.to_thread(_make_empty, self._directory)
        progress = ProgressReporter(self._lease, self._kind.store, self._events)
        reporting = asyncio.create_task(progress.run(), name=f"progress-{self.job_id}")
        working = asyncio.create_task(
            self._kind.execute(
                self._lease, self._directory, progress=progress, cancel=self._keeper.cancel
            ),
            name=f"work-{self.job_id}",
        )
        losing = asyncio.create_task(self._keeper.is_lost.wait(), name=f"lost-{self.job_id}")
        cancelling = asyncio.create_task(self._keeper.cancel.wait(), name=f"cancel-{self.job_id}")
        limit_s = self._kind.time_limit_s(self._lease)
        helpers = {reporting, losing, cancelling}
        try:
            await asyncio.wait(
                {working, losing, cancelling},
                timeout=limit_s,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if cancelling.done() and not working.done():
                await asyncio.wait(
                    {working, losing},
                    timeout=END_WITHIN_S,
                    return_when=asyncio.FIRST_COMPLETED,
                )
            return await self._judge(working, limit_s)
        finally:
            for task in (working, *helpers):
                task.cancel()
            await asyncio.gather(working, *helpers, return_exceptions=True)

    async def _judge(self, working: asyncio.Task[Outcome], limit_s: float) -> Outcome | None:
        if self._keeper.is_lost.is_set():
            return None
        if not working.done():
            working.cancel()
            await asyncio.wait({working}, timeout=END_WITHIN_S)
            if self._keeper.cancel.is_set():
                return Outcome.cancelled()
            return Outcome.failed(
                ErrorCode.ASSET_LIMIT, f"It took longer than {limit_s:g} s and was ended."
            )
        try:
            return working.result()
        except CommandError as error:
            if self._keeper.cancel.is_set():
                return Outcome.cancelled()
            return Outcome.failed(error.code.value, error.told)
        except SlateError as error:
            return Outcome.failed(ErrorCode.INTERNAL, str(error))
        except Exception:  # noqa: BLE001 - the boundary of a worker
            _log.exception("a job failed", extra={"job": self.job_id})
            return Outcome.failed(ErrorCode.INTERNAL, "The worker failed; its log says more.")

    def _noted(self) -> AuditCommand:
        job, envelope = self._lease.job, self._lease.job.envelope
        issued = "" if envelope is None else envelope.headers.get(H_ISSUED, "")
        return AuditCommand(
            project_id=job.project_id,
            user_id=job.user_id,
            signer="" if envelope is None else envelope.headers.get(H_KEY, "")[:64],
            idem=job.id,
            action=f"{self._kind.name}.run",
            target=job.id,
            detail=clipped(self._kind.words(job)),
            # Not checked yet: what is no time stands as now.
            asked_at=moment_of_ms(int(issued)) if _TIME.fullmatch(issued) else datetime.now(UTC),
        )

    async def _finish(self, outcome: Outcome) -> None:
        """Commit the end, then acknowledge; the last write outlasts a cancellation."""
        finishing = asyncio.create_task(self._store_end(outcome), name=f"finish-{self.job_id}")
        try:
            job = await asyncio.shield(finishing)
        except asyncio.CancelledError:
            await asyncio.wait({finishing}, timeout=2.0)
            if not finishing.done():
                finishing.cancel()
            raise
        if job is None:
            _log.warning("a result came too late and is dropped", extra={"job": self.job_id})
            return
        with contextlib.suppress(SlateError, TimeoutError):
            await self._delivery.ack()
        await self._after(outcome)
        await self._events.status(job)

    async def _store_end(self, outcome: Outcome) -> JobRow | None:
        store = self._kind.store
        try:
            job = await until_database_answers(
                lambda: store.finish(self._lease, outcome), max_s=2.0
            )
        except CommandError as error:
            # The database refuses the result itself; without one the job would never end.
            _log.exception("a result cannot be stored", extra={"job": self.job_id})
            refused = Outcome.failed(ErrorCode.INTERNAL, f"The result is refused: {error.message}")
            job = await until_database_answers(
                lambda: store.finish(self._lease, refused), max_s=2.0
            )
        if job is not None:
            return job
        # Either somebody else has the job, or the first commit went through without telling.
        return await until_database_answers(lambda: store.is_finished_by(self._lease), max_s=2.0)

    async def _after(self, outcome: Outcome) -> None:
        if outcome.status is not OutcomeStatus.COMPLETED:
            return
        try:
            await self._kind.after_finish(self._lease, outcome, self._directory)
        except SlateError as error:
            _log.warning(
                "a result is stored but not delivered yet",
                extra={"job": self.job_id, "reason": str(error)},
            )

    async def _give_back(self) -> None:
        """Best effort: without it the job waits until its lease is over."""
        with contextlib.suppress(SlateError, TimeoutError):
            async with asyncio.timeout(2.0):
                await self._kind.store.release(self._lease)
                await self._delivery.nak()


def _make_empty(directory: Path) -> None:
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True, mode=0o700)
