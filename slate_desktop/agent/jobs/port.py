"""What a sort of job brings along: its rows (``JobStore``) and its work (``JobKind``).

The worker does the rest: it fetches, verifies, claims, keeps the lease alive, cancels, records the
end and tells the windows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from slate_desktop.domain.jobs import JobRow, Lease, Outcome
from slate_desktop.domain.roles import Role
from slate_desktop.wire.subjects import JobEventKind


class Progress(Protocol):
    """Takes how far the work is; may be called as often as one likes, from the loop's thread."""

    def __call__(self, fraction: float, message: str = "") -> None:
        """Note a fraction, 0 to 1; one that goes back or is no number is ignored."""
        ...


class JobStore(Protocol):
    """The rows of one sort of job. Every method may raise ``DatabaseError``."""

    async def find(self, job_id: str) -> JobRow | None:
        """Return a job; None for one that is unknown, deleted, or of a deleted project."""
        ...

    async def claim(self, job_id: str, kind: str, /, *, owner: str, lease_s: float) -> Lease | None:
        """Take a job that is queued or whose lease is over, and raise its attempt.

        Args:
            job_id: which the message named; the store may give another one that is more urgent.
            kind: type of work, the last token of the queue's subject.
            owner: the worker.
            lease_s: until when, from now by the database's clock.

        Returns:
            None when nothing of this type can be taken now.
        """
        ...

    async def extend(self, lease: Lease, *, lease_s: float) -> JobRow | None:
        """Keep a lease; None when it is another's, or the job has ended."""
        ...

    async def release(self, lease: Lease) -> None:
        """Let another worker take the job at once."""
        ...

    async def cancelled(self, owner: str) -> Sequence[str]:
        """Return the ids of this worker's jobs that are to end."""
        ...

    async def note_progress(self, lease: Lease, percent: int, message: str) -> None:
        """Store progress; it never goes back, and a lost lease writes nothing."""
        ...

    async def finish(self, lease: Lease, outcome: Outcome) -> JobRow | None:
        """Record the end with everything that belongs to it, in one transaction.

        Returns:
            The row; None when the lease is another's or the job has ended, also by the same call
            whose answer was lost: ``is_finished_by`` tells.
        """
        ...

    async def is_finished_by(self, lease: Lease) -> JobRow | None:
        """Return the row when this lease's own end is what it holds."""
        ...

    async def refuse(self, job_id: str, code: str, message: str) -> JobRow | None:
        """Fail a job that nobody may work on; None when it runs or has ended."""
        ...

    async def request_cancel(self, job_id: str) -> JobRow | None:
        """End a queued job, or tell the worker of a running one; returns the row as it is then."""
        ...

    async def end_abandoned(self) -> Sequence[JobRow]:
        """End jobs that were cancelled and whose worker is gone; returns them."""
        ...

    async def count_open(self, kind: str) -> int:
        """Return how many jobs of a type wait or run."""
        ...

    async def take_unpublished(self, kind: str, *, limit: int) -> Sequence[tuple[JobRow, int]]:
        """Return jobs whose message may be lost, with the number of this repetition.

        They are queued for more than 10 s, or their lease is over for more than 30 s; each is
        returned to one agent, and not again for a while.
        """
        ...


class JobKind(Protocol):
    """One sort of job, as a worker does it."""

    @property
    def name(self) -> str:
        """For logs and directories: ``asset``, ``build``."""
        ...

    @property
    def store(self) -> JobStore:
        """Its rows."""
        ...

    def time_limit_s(self, lease: Lease) -> float:
        """Return how long an attempt may take, in seconds."""
        ...

    def allows(self, role: Role) -> bool:
        """Tell whether a member with this role may have such a job done."""
        ...

    def check(self, job: JobRow) -> None:
        """Compare what was signed with the row.

        Raises:
            CommandError: they do not agree, or it cannot be done.
        """
        ...

    async def execute(
        self, lease: Lease, directory: Path, *, progress: Progress, cancel: asyncio.Event
    ) -> Outcome:
        """Do the work.

        Args:
            lease: what to do.
            directory: an empty one of this attempt's own, removed afterwards.
            progress: how far it is.
            cancel: set when the job is to end; what was started then ends within ten seconds and
                ``Outcome.cancelled()`` is returned. The coroutine is cancelled when the lease is
                lost or the time is over: then, too, nothing may go on.

        Raises:
            CommandError: it cannot be done; its code and sentence become the job's.
        """
        ...

    async def after_finish(self, lease: Lease, outcome: Outcome, directory: Path) -> None:
        """Do what follows the committed end, such as making a result visible under its name."""
        ...

    def subject(self, job: JobRow, kind: JobEventKind) -> str:
        """Return the subject of the job's events."""
        ...

    def words(self, job: JobRow) -> str:
        """Return what a job is, for the audit trail."""
        ...

    def describe(self, job: JobRow) -> dict[str, object]:
        """Return the ``data`` of a status event."""
        ...
