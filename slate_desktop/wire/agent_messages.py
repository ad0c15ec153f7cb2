"""Requests to one agent, on ``slate.agent.<agent>.request``: what is no command on a runtime.

The body's ``type`` says what is asked. ``log`` adds a line of a person's to a session's log: the
agent that carries the log numbers it, because numbers that it has published may not be stored yet.
"""

from __future__ import annotations

from typing import Any

import msgspec

from slate_desktop.domain.fields import bad, shown
from slate_desktop.domain.ids import check_id
from slate_desktop.domain.logs import MAX_LINE_BYTES, LogLevel
from slate_desktop.errors import CommandError, ErrorCode
from slate_desktop.wire.codec import decode_object, encode

# A message of 64 KiB takes up to six times that when every character of it is escaped.
MAX_LINE_BODY_BYTES = 512 * 1024
_TYPE = "log"
_FIELDS = frozenset({"type", "sessionId", "level", "message", "metadata"})


class AddLineRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Add a line to a session's log."""

    session_id: str
    message: str
    level: LogLevel = LogLevel.INFO
    metadata: dict[str, Any] = {}


class LineReply(msgspec.Struct, frozen=True, kw_only=True):
    """The number and time (UTC nanoseconds) under which the line is stored."""

    seq: int
    timestamp_ns: int
    stream: str


def make_add_line(
    session_id: object, message: object, level: object, metadata: object
) -> AddLineRequest:
    """Check the parts of a line, whoever brings them.

    Raises:
        CommandError: ``bad_request`` with the field that is wrong.
    """
    if not isinstance(session_id, str):
        bad("session_id", "session_id must be a text")
    if not isinstance(message, str) or "\x00" in message:
        bad("message", "A message is a text without NUL")
    if len(message.encode("utf-8", "replace")) > MAX_LINE_BYTES:
        bad("message", f"A message has at most {MAX_LINE_BYTES} bytes")
    if not isinstance(level, str) or level not in set(LogLevel):
        bad("level", f"level must be one of: {', '.join(LogLevel)}")
    if metadata is not None and not isinstance(metadata, dict):
        bad("metadata", "metadata must be an object")
    return AddLineRequest(
        session_id=check_id(session_id, "session_id"),
        message=message,
        level=LogLevel(level),
        metadata=metadata or {},
    )


def read_add_line(body: bytes) -> AddLineRequest:
    """Read a request for a line.

    Raises:
        CommandError: ``bad_request``, ``too_large``.
    """
    fields = decode_object(body, max_bytes=MAX_LINE_BODY_BYTES)
    if fields.get("type") != _TYPE:
        bad("type", f"An agent is asked for: {_TYPE}")
    for name in fields.keys() - _FIELDS:
        bad(shown(name), f"Unknown field {shown(name)!r}")
    return make_add_line(
        fields.get("sessionId"),
        fields.get("message"),
        fields.get("level", LogLevel.INFO),
        fields.get("metadata"),
    )


def write_add_line(request: AddLineRequest) -> bytes:
    """Return the body of a request for a line.

    Raises:
        CommandError: ``bad_request`` for what JSON cannot hold, ``too_large``.
    """
    body = encode(
        {
            "type": _TYPE,
            "sessionId": request.session_id,
            "level": request.level.value,
            "message": request.message,
            "metadata": request.metadata,
        }
    )
    if len(body) > MAX_LINE_BODY_BYTES:
        raise CommandError(
            ErrorCode.TOO_LARGE,
            f"The line has {len(body)} bytes; {MAX_LINE_BODY_BYTES} are allowed",
            field="metadata",
        )
    # Nothing is sent that an agent would refuse, a metadata nested too deeply for example.
    read_add_line(body)
    return body
