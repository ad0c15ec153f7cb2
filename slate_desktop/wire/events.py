"""Events of runtimes and heartbeats of agents.

They are hints from agents: readers ignore fields that they do not know, so that a newer agent can
say more.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from slate_desktop.domain.alerts import Alert
from slate_desktop.domain.session import RuntimeSession, SessionStatus
from slate_desktop.domain.stats import ContainerStats
from slate_desktop.errors import CommandError, ErrorCode
from slate_desktop.wire.log_batch import LogBatch

T = TypeVar("T")


class StatusData(msgspec.Struct, frozen=True, kw_only=True):
    """What a status event says; ``confirmed`` is false while the database is away."""

    status: SessionStatus
    version: int | None = None
    attempt: int = 0
    exit_code: int | None = None
    oom_killed: bool = False
    error_code: str | None = None
    error_message: str | None = None
    container_id: str | None = None
    started_at: str | None = None
    stopped_at: str | None = None
    log_complete: bool = False
    confirmed: bool = True
    note: str | None = None


class StatusEvent(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="status"):
    """A session has moved."""

    session_id: str
    project_id: str
    data: StatusData


class LogEvent(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="logs"):
    """A session has written lines."""

    session_id: str
    project_id: str
    data: LogBatch


class StatsEvent(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="stats"):
    """A sample was taken."""

    session_id: str
    project_id: str
    data: ContainerStats


class AlertEvent(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="alert"):
    """A rule of the project has told something of a session."""

    session_id: str
    project_id: str
    data: Alert


RuntimeEvent = StatusEvent | LogEvent | StatsEvent | AlertEvent


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True):
    """An agent lives. ``engines`` maps a driver's name to the fields of its fingerprint."""

    agent_id: str
    epoch: int
    capabilities: dict[str, Any] = {}
    engines: dict[str, dict[str, Any]] = {}
    sessions: int = 0
    jobs: int = 0


def read_event(data: bytes) -> RuntimeEvent:
    """Read a runtime's event.

    Raises:
        CommandError: ``bad_request`` for anything else.
    """
    return _decode(_event_decoder, data)


def read_heartbeat(data: bytes) -> Heartbeat:
    """Read an agent's heartbeat.

    Raises:
        CommandError: ``bad_request`` for anything else.
    """
    return _decode(_heartbeat_decoder, data)


def status_data(session: RuntimeSession, *, confirmed: bool = True) -> StatusData:
    """Return what a status event says of a session's row."""
    return StatusData(
        status=session.status,
        version=session.version if confirmed else None,
        attempt=session.attempt,
        exit_code=session.exit_code,
        oom_killed=session.oom_killed,
        error_code=session.error_code,
        error_message=session.error_message,
        container_id=session.container_id,
        started_at=session.started_at.isoformat() if session.started_at else None,
        stopped_at=session.stopped_at.isoformat() if session.stopped_at else None,
        log_complete=session.log_complete,
        confirmed=confirmed,
    )


_event_decoder = msgspec.json.Decoder(RuntimeEvent)
_heartbeat_decoder = msgspec.json.Decoder(Heartbeat)


def _decode(decoder: msgspec.json.Decoder[T], data: bytes) -> T:
    try:
        return decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:
        raise CommandError(ErrorCode.BAD_REQUEST, "The message cannot be read") from exc
