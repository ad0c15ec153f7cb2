"""Runtime sessions: the row, its states, and which moves are legal.

::

    creating → starting → running → stopping → stopped
        │          │          │         │
        └──────────┴──────────┴─────────┴──→ failed        lost (agent gone) → adopted back

The database enforces the same table with a trigger (migrations/002_runtime_and_builds.sql); a test
compares the two.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec


class SessionStatus(StrEnum):
    """States of a runtime session."""

    CREATING = "creating"
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"
    LOST = "lost"


_S = SessionStatus
LEGAL_MOVES: dict[SessionStatus, frozenset[SessionStatus]] = {
    _S.CREATING: frozenset({_S.STARTING, _S.STOPPED, _S.FAILED}),
    _S.STARTING: frozenset({_S.RUNNING, _S.STOPPING, _S.STOPPED, _S.FAILED, _S.LOST}),
    _S.RUNNING: frozenset({_S.STOPPING, _S.STOPPED, _S.FAILED, _S.LOST}),
    _S.STOPPING: frozenset({_S.STOPPED, _S.STARTING, _S.FAILED, _S.LOST}),
    _S.STOPPED: frozenset({_S.STARTING}),
    _S.FAILED: frozenset({_S.STARTING}),
    _S.LOST: frozenset({_S.STARTING, _S.RUNNING, _S.STOPPING, _S.STOPPED, _S.FAILED}),
}
# A runtime exists, or may exist, for a session in one of these.
LIVE_STATES = frozenset({_S.STARTING, _S.RUNNING, _S.STOPPING, _S.LOST})
# `active` in the sense of the original system: not over yet.
ACTIVE_STATES = LIVE_STATES | {_S.CREATING}
FINAL_STATES = frozenset({_S.STOPPED, _S.FAILED})


def is_legal_move(old: SessionStatus, new: SessionStatus) -> bool:
    """Tell whether a session may go from ``old`` to ``new``; staying is always legal."""
    return old == new or new in LEGAL_MOVES[old]


class RuntimeSession(msgspec.Struct, frozen=True, kw_only=True):
    """One row of ``slate_runtime_sessions``.

    ``version`` rises with every change and fences writers; ``attempt`` counts starts; ``agent_id``
    and ``agent_epoch`` name the agent that owns the runtime. Times are aware UTC.
    """

    id: str
    project_id: str
    user_id: str
    runtime_type: str
    status: SessionStatus
    container_config: dict[str, Any]
    driver: str | None = None
    desired: str = "stopped"
    version: int = 1
    attempt: int = 0
    agent_id: str | None = None
    agent_epoch: int | None = None
    container_id: str | None = None
    container_name: str | None = None
    image_digest: str | None = None
    exit_code: int | None = None
    oom_killed: bool = False
    error_code: str | None = None
    error_message: str | None = None
    log_complete: bool = False
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None = None
    stopped_at: datetime | None = None
    deleted_at: datetime | None = None

    @property
    def is_live(self) -> bool:
        """Whether a runtime exists, or may exist, for this session."""
        return self.status in LIVE_STATES

    @property
    def is_final(self) -> bool:
        """Whether the session has ended."""
        return self.status in FINAL_STATES
