"""Rows as plain data, with the names that scripts rely on, and as words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from slate_desktop.domain.logs import LogLine
    from slate_desktop.domain.project import Project
    from slate_desktop.domain.session import RuntimeSession


def project_row(project: Project) -> dict[str, Any]:
    """Return a project for ``--json``."""
    return {
        "id": project.id,
        "name": project.name,
        "engine": project.engine.value,
        "engine_version": project.engine_version,
        "root": project.root,
        "command": project.command,
        "settings": project.settings,
        "created_at": iso(project.created_at),
        "updated_at": iso(project.updated_at),
    }


def session_row(session: RuntimeSession, container_config: dict[str, Any]) -> dict[str, Any]:
    """Return a session for ``--json``; ``container_config`` is the whole one that it runs with."""
    error = None
    if session.error_code or session.error_message:
        error = {"code": session.error_code, "message": session.error_message}
    return {
        "id": session.id,
        "project_id": session.project_id,
        "runtime_type": session.runtime_type,
        "status": session.status.value,
        "driver": session.driver,
        "attempt": session.attempt,
        "agent_id": session.agent_id,
        "container_id": session.container_id,
        "container_name": session.container_name,
        "container_config": container_config,
        "image_digest": session.image_digest,
        "exit_code": session.exit_code,
        "oom_killed": session.oom_killed,
        "error": error,
        "log_complete": session.log_complete,
        "created_at": iso(session.created_at),
        "updated_at": iso(session.updated_at),
        "started_at": iso(session.started_at),
        "stopped_at": iso(session.stopped_at),
    }


def log_row(line: LogLine) -> dict[str, Any]:
    """Return a log line for ``--json``."""
    return {
        "seq": line.seq,
        "timestamp": iso_ns(line.timestamp_ns),
        "level": line.level.value,
        "message": line.message,
        "stream": line.stream,
        "partial": line.partial,
        "metadata": line.metadata,
    }


def iso(moment: datetime | None) -> str | None:
    """Return a time in ISO 8601, UTC."""
    return None if moment is None else moment.astimezone(UTC).isoformat()


def iso_ns(timestamp_ns: int) -> str:
    """Return nanoseconds since the epoch in ISO 8601, UTC, with nine digits."""
    seconds, rest = divmod(timestamp_ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09}Z"


def outcome_words(session: RuntimeSession) -> str:
    """Return a session's state in one line."""
    words = f"{session.id}  {session.status.value}"
    if session.exit_code is not None and session.is_final:
        words += f", exit code {session.exit_code}"
    if session.error_message:
        words += f": {session.error_message}"
    return words


def age(moment: datetime | None, now: datetime | None = None) -> str:
    """Return how long ago something was, roughly."""
    if moment is None:
        return ""
    seconds = max(0, int(((now or datetime.now(UTC)) - moment).total_seconds()))
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
