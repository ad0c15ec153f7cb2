"""Identifiers: what may enter a NATS subject, a container name or a path.

Source: docs/architecture.md, "Ids". ``fullmatch`` is used because ``$`` admits a trailing newline.
"""

from __future__ import annotations

import re
import uuid
from typing import NewType

from slate_desktop.errors import CommandError, ErrorCode

ProjectId = NewType("ProjectId", str)
SessionId = NewType("SessionId", str)
UserId = NewType("UserId", str)
AgentId = NewType("AgentId", str)
BuildId = NewType("BuildId", str)

ID_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
# A grant on `slate.build.submit.>` is the work queue, so no project may have these names. An agent
# is named in audiences, where "any" and "jobs" stand for whoever takes the request or the job.
RESERVED_IDS = {
    "project_id": frozenset({"submit", "cancel"}),
    "agent_id": frozenset({"any", "jobs"}),
}


def new_id() -> str:
    """Return a new random id: UUID text, 36 characters."""
    return str(uuid.uuid4())


def is_id(text: object) -> bool:
    """Tell whether ``text`` may be used in a subject or a path."""
    return isinstance(text, str) and ID_PATTERN.fullmatch(text) is not None


def check_id(text: object, field: str) -> str:
    """Return ``text`` when it is a valid id.

    Args:
        text: what somebody sent.
        field: the name that the error reports, such as ``session_id``.

    Raises:
        CommandError: ``bad_request`` naming the field.
    """
    if not isinstance(text, str) or ID_PATTERN.fullmatch(text) is None:
        raise CommandError(
            ErrorCode.BAD_REQUEST,
            f"{field} must be 1 to 64 letters, digits, '-' or '_', starting with a letter or digit",
            field=field,
        )
    if text in RESERVED_IDS.get(field, ()):
        raise CommandError(
            ErrorCode.BAD_REQUEST,
            f"no {field.removesuffix('_id')} can be called {text!r}: it is reserved",
            field=field,
        )
    return text
