"""Who asks, and whether that person may do it: users by key, roles from the database.

Answers are kept for five seconds at most, never from the 30 s cache of reads: a key that was
revoked must stop working soon. Without the database nobody is let in.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from cachetools import TTLCache

from slate_desktop.domain.project import Project, User
from slate_desktop.domain.roles import Operation, Role, is_allowed
from slate_desktop.errors import CommandError, ErrorCode

if TYPE_CHECKING:
    from slate_desktop.store import Database

KEEP_S = 5.0
KEEP_ENTRIES = 4_096


class Authorizer:
    """Answers "may this person do that?" from users, projects and members.

    Args:
        db: the database.
        clock: monotonic seconds, for tests.
    """

    def __init__(self, db: Database, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._db = db
        self._users: TTLCache[str, User] = TTLCache(KEEP_ENTRIES, KEEP_S, timer=clock)
        self._roles: TTLCache[tuple[str, str], Role] = TTLCache(KEEP_ENTRIES, KEEP_S, timer=clock)

    async def user_of(self, pubkey: str) -> User:
        """Return the user with this key.

        Raises:
            CommandError: ``forbidden`` for an unknown key, ``revoked`` for a withdrawn one.
            DatabaseError: nobody can be let in now.
        """
        user = self._users.get(pubkey)
        if user is None:
            user = await self._db.users.get_by_pubkey(pubkey)
            if user is None:
                raise CommandError(
                    ErrorCode.FORBIDDEN,
                    "this key belongs to no user of this SLATE",
                    hint="ask the project's owner to add you with your public key",
                )
            self._users[pubkey] = user
        if user.revoked_at is not None:
            raise CommandError(ErrorCode.REVOKED, "this key was revoked")
        return user

    async def check(self, user: User, project: Project, operation: Operation) -> None:
        """Let a user do an operation on a project's sessions, or refuse.

        Raises:
            CommandError: ``not_found`` for somebody who is no member (and learns nothing),
                ``forbidden`` for a member without the role.
            DatabaseError: nobody can be let in now.
        """
        role = await self.role_of(user, project)
        if role is None:
            raise no_such_session()
        if not is_allowed(role, operation):
            raise CommandError(
                ErrorCode.FORBIDDEN,
                f"a {role.value} of {project.name!r} may not {operation.value} its sessions",
                hint="ask an owner of the project",
            )

    async def role_of(self, user: User, project: Project) -> Role | None:
        """Return a user's role in a project, None for somebody who is no member."""
        if user.id == project.owner_id:
            return Role.OWNER
        key = (project.id, user.id)
        role = self._roles.get(key)
        if role is None:
            role = await self._db.projects.role_of(project.id, user.id)
            if role is not None:
                self._roles[key] = role
        return role


def no_such_session() -> CommandError:
    """Return the one answer for a session that is absent, deleted, or none of the caller's."""
    return CommandError(ErrorCode.NOT_FOUND, "there is no such session", field="session_id")
