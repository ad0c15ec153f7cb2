"""What asset jobs and builds have in common: the signed envelope, the lease, the outcome.

::

    queued → running (a worker holds the lease) → completed | failed | cancelled

A lease is a promise until a time by the database's clock. Whoever takes a job raises its
``attempt``, which fences every write of the one before.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

# A lease that nobody extends is over after this time.
LEASE_S = 30.0
# A job that was begun this often and never ended kills its workers.
MAX_ATTEMPTS = 3


class JobEnvelope(msgspec.Struct, frozen=True, kw_only=True):
    """A job as its user signed it; ``body`` is the JSON text that the signature covers."""

    subject: str
    headers: dict[str, str]
    body: str

    @property
    def data(self) -> bytes:
        """The body's bytes."""
        return self.body.encode()


class JobRow(msgspec.Struct, frozen=True, kw_only=True):
    """What the workers' machinery knows of a job; ``row`` is the whole of it, for its own kind."""

    id: str
    project_id: str
    user_id: str
    envelope: JobEnvelope | None
    status: str
    attempt: int
    is_final: bool
    is_queued: bool
    cancel_requested: bool
    row: Any


class Lease(msgspec.Struct, frozen=True, kw_only=True):
    """The right to work on a job: ``owner`` names the worker, ``attempt`` fences the others."""

    job: JobRow
    attempt: int
    owner: str


class OutcomeStatus(StrEnum):
    """How work on a job ended."""

    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How work on a job ended; ``result`` is for its own kind."""

    status: OutcomeStatus
    result: Any = None
    error_code: str | None = None
    error_message: str | None = None

    @classmethod
    def completed(cls, result: Any = None) -> Outcome:
        """It is done."""
        return cls(status=OutcomeStatus.COMPLETED, result=result)

    @classmethod
    def failed(cls, code: str, message: str, result: Any = None) -> Outcome:
        """It cannot be done, for this reason."""
        return cls(
            status=OutcomeStatus.FAILED, error_code=code, error_message=message, result=result
        )

    @classmethod
    def cancelled(cls, message: str = "Cancelled.") -> Outcome:
        """Somebody wished that it end."""
        return cls(status=OutcomeStatus.CANCELLED, error_code="cancelled", error_message=message)
