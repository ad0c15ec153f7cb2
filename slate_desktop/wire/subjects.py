"""NATS subjects: built from checked ids only, and read back.

::

    slate.container.<operation>.<session>          requests
    slate.runtime.<project>.<session>.<kind>       events
    slate.agent.<agent>.heartbeat | request        agents
    slate.asset.process.<kind>                     work queue of asset jobs
    slate.build.submit.<platform>                  work queue of builds
    slate.job.<project>.<job>.<kind>               events of asset jobs
    slate.build.<project>.<job>.<kind>             events of builds
    slate.job.cancel.<job>                         requests: end a job, of either sort
"""

from __future__ import annotations

from enum import StrEnum

from slate_desktop.domain.ids import check_id
from slate_desktop.domain.roles import Operation
from slate_desktop.errors import CommandError, ErrorCode

CONTAINER_ALL = "slate.container.*.*"
RUNTIME_ALL = "slate.runtime.*.*.*"
HEARTBEAT_ALL = "slate.agent.*.heartbeat"
JOB_CANCEL_ALL = "slate.job.cancel.*"
JOB_STATUS_ALL = "slate.job.*.*.status"
JOB_PROGRESS_ALL = "slate.job.*.*.progress"
# Cancellations go to one agent of this group: it notes the wish in the row, which the worker sees.
CANCEL_QUEUE = "slate-job-cancel"
# Start requests go to one agent of this group; all other operations reach every agent.
START_QUEUE = "slate-agents"


class EventKind(StrEnum):
    """The last token of a runtime event's subject."""

    STATUS = "status"
    LOGS = "logs"
    STATS = "stats"
    ALERT = "alert"


class JobEventKind(StrEnum):
    """The last token of a job event's subject."""

    STATUS = "status"
    PROGRESS = "progress"
    LOGS = "logs"


def container(operation: Operation | str, session_id: str) -> str:
    """Return the subject of a command on a session.

    Raises:
        CommandError: ``bad_request`` for an unknown operation or a bad id.
    """
    return f"slate.container.{_operation(operation)}.{check_id(session_id, 'session_id')}"


def container_any(operation: Operation | str) -> str:
    """Return the pattern of one operation on any session."""
    return f"slate.container.{_operation(operation)}.*"


def parse_container(subject: str) -> tuple[Operation, str]:
    """Return operation and session id of a command's subject.

    Raises:
        CommandError: ``bad_request`` when it is not one.
    """
    tokens = subject.split(".")
    if len(tokens) != 4 or tokens[:2] != ["slate", "container"]:
        raise CommandError(
            ErrorCode.BAD_REQUEST, "This is not the subject of a command", field="subject"
        )
    return _operation(tokens[2]), check_id(tokens[3], "session_id")


def runtime(project_id: str, session_id: str, kind: EventKind | str) -> str:
    """Return the subject of a runtime's events."""
    project, session = check_id(project_id, "project_id"), check_id(session_id, "session_id")
    return f"slate.runtime.{project}.{session}.{_kind(kind)}"


def runtime_of_session(project_id: str, session_id: str) -> str:
    """Return the pattern of all events of one session."""
    project, session = check_id(project_id, "project_id"), check_id(session_id, "session_id")
    return f"slate.runtime.{project}.{session}.*"


def runtime_of_project(project_id: str) -> str:
    """Return the pattern of all events of a project's sessions."""
    return f"slate.runtime.{check_id(project_id, 'project_id')}.*.*"


def parse_runtime(subject: str) -> tuple[str, str, EventKind]:
    """Return project id, session id and kind of an event's subject.

    Raises:
        CommandError: ``bad_request`` when it is not one.
    """
    tokens = subject.split(".")
    if len(tokens) != 5 or tokens[:2] != ["slate", "runtime"]:
        raise CommandError(
            ErrorCode.BAD_REQUEST, "This is not the subject of an event", field="subject"
        )
    project, session = check_id(tokens[2], "project_id"), check_id(tokens[3], "session_id")
    return project, session, _kind(tokens[4])


def job(project_id: str, job_id: str, kind: JobEventKind) -> str:
    """Return the subject of an asset job's events."""
    project, name = check_id(project_id, "project_id"), check_id(job_id, "job_id")
    return f"slate.job.{project}.{name}.{kind.value}"


def build(project_id: str, job_id: str, kind: JobEventKind) -> str:
    """Return the subject of a build's events."""
    project, name = check_id(project_id, "project_id"), check_id(job_id, "job_id")
    return f"slate.build.{project}.{name}.{kind.value}"


def job_cancel(job_id: str) -> str:
    """Return the subject on which a job is cancelled."""
    return f"slate.job.cancel.{check_id(job_id, 'job_id')}"


def parse_job_cancel(subject: str) -> str:
    """Return the job id of a cancellation's subject.

    Raises:
        CommandError: ``bad_request`` when it is not one.
    """
    tokens = subject.split(".")
    if len(tokens) != 4 or tokens[:3] != ["slate", "job", "cancel"]:
        raise CommandError(
            ErrorCode.BAD_REQUEST, "This is not the subject of a cancellation", field="subject"
        )
    return check_id(tokens[3], "job_id")


def agent_heartbeat(agent_id: str) -> str:
    """Return the subject of an agent's heartbeat."""
    return f"slate.agent.{check_id(agent_id, 'agent_id')}.heartbeat"


def agent_request(agent_id: str) -> str:
    """Return the subject of requests to one agent that are no commands on a runtime."""
    return f"slate.agent.{check_id(agent_id, 'agent_id')}.request"


def _operation(text: Operation | str) -> Operation:
    try:
        return Operation(text)
    except ValueError as exc:
        raise CommandError(
            ErrorCode.BAD_REQUEST, "There is no such operation", field="operation"
        ) from exc


def _kind(text: EventKind | str) -> EventKind:
    try:
        return EventKind(text)
    except ValueError as exc:
        raise CommandError(
            ErrorCode.BAD_REQUEST, "There is no such kind of event", field="kind"
        ) from exc
