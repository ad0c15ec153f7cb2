"""How long and how much of a project's logs is kept, what goes first, and what is too much."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from slate_desktop.errors import CommandError, ErrorCode

DEFAULT_AGE_DAYS = 90
DEFAULT_BYTES = 20 * 1024**3
MAX_AGE_DAYS = 3650
MIN_BYTES = 1024 * 1024
DEFAULT_LINES_PER_S = 200_000
DEFAULT_RUN_BYTES = 1024**3
MIN_LINES_PER_S = 100
MAX_LINES_PER_S = 10_000_000


class LogPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a project's logs; None is without limit.

    ``max_bytes`` counts what the lines of all sessions take in the database, indexes included.
    ``lines_per_s`` and ``run_bytes`` are what one run may write: lines in a second, and bytes of
    text in all. What is beyond is dropped by the agent, and a line of the log says how much.
    ``pruned_at`` and ``pruned_lines`` tell of the last time that something was dropped on request.
    """

    max_age_days: int | None = DEFAULT_AGE_DAYS
    max_bytes: int | None = DEFAULT_BYTES
    lines_per_s: int | None = DEFAULT_LINES_PER_S
    run_bytes: int | None = DEFAULT_RUN_BYTES
    prune_requested_at: datetime | None = None
    pruned_at: datetime | None = None
    pruned_lines: int = 0


class StoredSession(msgspec.Struct, frozen=True, kw_only=True):
    """The stored log of a session: its lines' numbers, and whether the session is over."""

    session_id: str
    is_over: bool
    first_seq: int
    last_seq: int

    @property
    def lines(self) -> int:
        """How many lines there are at most."""
        return max(0, self.last_seq - self.first_seq + 1)


def check_policy(
    max_age_days: int | None,
    max_bytes: int | None,
    lines_per_s: int | None = DEFAULT_LINES_PER_S,
    run_bytes: int | None = DEFAULT_RUN_BYTES,
) -> LogPolicy:
    """Return a policy.

    Raises:
        CommandError: ``bad_request`` for a limit that is out of range.
    """
    if max_age_days is not None and not 1 <= max_age_days <= MAX_AGE_DAYS:
        raise CommandError(
            ErrorCode.BAD_REQUEST,
            f"Logs are kept from 1 to {MAX_AGE_DAYS} days.",
            field="max_age_days",
        )
    if max_bytes is not None and not MIN_BYTES <= max_bytes < 1 << 60:
        raise CommandError(ErrorCode.BAD_REQUEST, "Logs take 1 MiB at least.", field="max_bytes")
    if lines_per_s is not None and not MIN_LINES_PER_S <= lines_per_s <= MAX_LINES_PER_S:
        raise CommandError(
            ErrorCode.BAD_REQUEST,
            f"A run may write from {MIN_LINES_PER_S} to {MAX_LINES_PER_S:,} lines a second.",
            field="lines_per_s",
        )
    if run_bytes is not None and not MIN_BYTES <= run_bytes < 1 << 60:
        raise CommandError(
            ErrorCode.BAD_REQUEST, "A run may write 1 MiB at least.", field="run_bytes"
        )
    return LogPolicy(
        max_age_days=max_age_days,
        max_bytes=max_bytes,
        lines_per_s=lines_per_s,
        run_bytes=run_bytes,
    )


def drop_for_size(
    sessions: Sequence[StoredSession], bytes_per_line: float, max_bytes: int | None
) -> dict[str, int]:
    """Return up to which number lines go, by session, so that the rest fits.

    Args:
        sessions: oldest first.
        bytes_per_line: what a line takes.
        max_bytes: what may be taken; None is without limit.

    Whole old sessions go before any line of a newer one; of a session that runs nothing goes, and
    of the others the last line stays: numbers go on behind it.
    """
    if max_bytes is None or bytes_per_line <= 0:
        return {}
    excess = sum(s.lines for s in sessions) - int(max_bytes / bytes_per_line)
    upto: dict[str, int] = {}
    for session in sessions:
        if excess <= 0:
            break
        if not session.is_over or session.lines <= 1:
            continue
        count = min(excess, session.lines - 1)
        upto[session.session_id] = session.first_seq + count - 1
        excess -= count
    return upto
