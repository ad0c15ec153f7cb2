"""Who may do what in a project. Only owners start and change runtimes; members may look."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """Roles of a person in a project, from most to least rights."""

    OWNER = "owner"
    DEVELOPER = "developer"
    ARTIST = "artist"
    VIEWER = "viewer"


class Operation(StrEnum):
    """Commands on a session, as they stand in the subject."""

    START = "start"
    STOP = "stop"
    RESTART = "restart"
    EXECUTE = "execute"
    STATS = "stats"
    UPDATE = "update"


_ALLOWED: dict[Operation, frozenset[Role]] = {
    Operation.START: frozenset({Role.OWNER}),
    Operation.STOP: frozenset({Role.OWNER}),
    Operation.RESTART: frozenset({Role.OWNER}),
    Operation.EXECUTE: frozenset({Role.OWNER}),
    Operation.STATS: frozenset(Role),
    Operation.UPDATE: frozenset({Role.OWNER}),
}


def is_allowed(role: Role, operation: Operation) -> bool:
    """Tell whether a person with ``role`` may do ``operation`` on the project's sessions."""
    return role in _ALLOWED[operation]
