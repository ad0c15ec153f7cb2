"""Bodies of requests and replies.

Requests are read strictly: an agent names the first field that it does not know or like. Replies
are hints from agents: readers ignore fields that they do not know, so that a newer agent can say
more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from slate_desktop.domain.container import explicit_fields, parse_container_config
from slate_desktop.domain.fields import (
    bad,
    check_argv,
    check_grace,
    read_cpus,
    read_memory,
    shown,
)
from slate_desktop.domain.ids import check_id
from slate_desktop.domain.session import RuntimeSession, SessionStatus
from slate_desktop.domain.sizes import exact_size
from slate_desktop.domain.stats import ContainerStats
from slate_desktop.wire.codec import decode_object, encode
from slate_desktop.wire.events import status_data

DEFAULT_EXEC_TIMEOUT_S = 30.0
MAX_EXEC_TIMEOUT_S = 600.0


class StartRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Start a session. ``overrides`` has been checked; it is merged over preset and project.

    On the wire the configuration's fields stand in the body itself, as in the original system,
    beside ``projectId`` and ``userId``, which only confirm what the session row says.
    """

    overrides: dict[str, Any] = {}
    explicit: frozenset[str] = frozenset()
    project_id: str | None = None
    user_id: str | None = None


class StopRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Stop a session; ``grace_s`` None means the configuration's own."""

    grace_s: float | None = None


class RestartRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Stop a session and start it again as it was."""

    grace_s: float | None = None


class ExecuteRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Run a command inside a session's runtime."""

    argv: list[str]
    timeout_s: float = DEFAULT_EXEC_TIMEOUT_S


class StatsRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Ask for the newest sample."""


class UpdateRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Change what a running session may take; None leaves a limit as it is."""

    memory_bytes: int | None = None
    cpus: float | None = None


class SessionReply(msgspec.Struct, frozen=True, kw_only=True):
    """The session row after a start, stop or restart: the fields of a status event, and whose."""

    session_id: str
    project_id: str
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
    notes: list[str] = []


class ExecReply(msgspec.Struct, frozen=True, kw_only=True):
    """Outcome of a command; the streams are cut at 512 KiB each, and so that one message fits."""

    exit_code: int
    stdout: str
    stderr: str
    duration_ms: int
    truncated: bool = False


class StatsReply(msgspec.Struct, frozen=True, kw_only=True):
    """The newest sample and how old it is; units as in ``ContainerStats``."""

    cpu_percent: float
    memory_usage: int
    memory_limit: int
    network_rx_bytes: int
    network_tx_bytes: int
    sampled_at_ns: int
    age_ms: int
    pids: int = 0
    memory_peak: int = 0
    disk_read_bytes: int = 0
    disk_write_bytes: int = 0
    gpu_percent: float | None = None
    gpu_memory: int | None = None

    @classmethod
    def from_stats(cls, stats: ContainerStats, now_ns: int) -> StatsReply:
        """Wrap a sample."""
        age_ms = max(0, (now_ns - stats.sampled_at_ns) // 1_000_000)
        return cls(**msgspec.structs.asdict(stats), age_ms=age_ms)


def read_start(body: bytes) -> StartRequest:
    """Read a start request; ``{}`` means no overrides.

    Raises:
        CommandError: whatever is wrong with the body or the configuration in it.
    """
    fields = decode_object(body)
    project_id = _take_id(fields, "projectId", "project_id")
    user_id = _take_id(fields, "userId", "user_id")
    parse_container_config(fields)
    return StartRequest(
        overrides=fields,
        explicit=explicit_fields(fields),
        project_id=project_id,
        user_id=user_id,
    )


def write_start(request: StartRequest) -> bytes:
    """Return the body of a start request."""
    body = dict(request.overrides)
    if request.project_id is not None:
        body["projectId"] = request.project_id
    if request.user_id is not None:
        body["userId"] = request.user_id
    return encode(body)


def read_stop(body: bytes) -> StopRequest:
    """Read a stop request.

    Raises:
        CommandError: ``bad_request``.
    """
    return StopRequest(grace_s=_read_grace(body))


def read_restart(body: bytes) -> RestartRequest:
    """Read a restart request.

    Raises:
        CommandError: ``bad_request``.
    """
    return RestartRequest(grace_s=_read_grace(body))


def write_grace(request: StopRequest | RestartRequest) -> bytes:
    """Return the body of a stop or restart request."""
    return encode({} if request.grace_s is None else {"grace": request.grace_s})


def read_execute(body: bytes) -> ExecuteRequest:
    """Read an execute request: ``command`` or ``argv``, a list, and ``timeout`` in seconds.

    Raises:
        CommandError: ``bad_request``.
    """
    fields = decode_object(body)
    if "command" in fields and "argv" in fields:
        bad("command", "A request names either command or argv")
    name = "argv" if "argv" in fields else "command"
    argv = check_argv(fields.pop(name, None), name)
    timeout_s = fields.pop("timeout", DEFAULT_EXEC_TIMEOUT_S)
    _refuse_rest(fields)
    is_number = isinstance(timeout_s, int | float) and not isinstance(timeout_s, bool)
    if not is_number or not 0 < timeout_s <= MAX_EXEC_TIMEOUT_S:
        bad("timeout", f"timeout must be more than 0 and at most {MAX_EXEC_TIMEOUT_S:g} seconds")
    return ExecuteRequest(argv=argv, timeout_s=float(timeout_s))


def write_execute(request: ExecuteRequest) -> bytes:
    """Return the body of an execute request."""
    return encode({"command": request.argv, "timeout": request.timeout_s})


def read_stats(body: bytes) -> StatsRequest:
    """Read a stats request, which has no fields.

    Raises:
        CommandError: ``bad_request``.
    """
    _refuse_rest(decode_object(body))
    return StatsRequest()


def read_update(body: bytes) -> UpdateRequest:
    """Read an update request: ``memory`` as a size, ``cpus``, one of them at least.

    Raises:
        CommandError: ``bad_request`` or ``limit_denied``, naming the field.
    """
    fields = decode_object(body)
    memory, cpus = fields.pop("memory", None), fields.pop("cpus", None)
    _refuse_rest(fields)
    if memory is None and cpus is None:
        bad("memory", "An update names memory, cpus, or both")
    return UpdateRequest(
        memory_bytes=None if memory is None else read_memory(memory),
        cpus=None if cpus is None else read_cpus(cpus),
    )


def write_update(request: UpdateRequest) -> bytes:
    """Return the body of an update request."""
    fields: dict[str, object] = {}
    if request.memory_bytes is not None:
        fields["memory"] = exact_size(request.memory_bytes)
    if request.cpus is not None:
        fields["cpus"] = request.cpus
    return encode(fields)


def session_reply(session: RuntimeSession, notes: list[str] | None = None) -> SessionReply:
    """Return the reply that shows a session's row."""
    fields = msgspec.structs.asdict(status_data(session))
    del fields["note"]
    return SessionReply(
        session_id=session.id, project_id=session.project_id, notes=notes or [], **fields
    )


def _take_id(fields: dict[str, Any], camel: str, snake: str) -> str | None:
    if camel in fields and snake in fields:
        bad(camel, f"{camel} is given twice, in two spellings")
    value = fields.pop(camel, fields.pop(snake, None))
    return None if value is None else check_id(value, snake)


def _read_grace(body: bytes) -> float | None:
    fields = decode_object(body)
    value = fields.pop("grace", None)
    _refuse_rest(fields)
    return None if value is None else check_grace(value, "grace")


def _refuse_rest(fields: Mapping[str, Any]) -> None:
    for name in fields:
        bad(shown(name), f"Unknown field {shown(name)!r}")
