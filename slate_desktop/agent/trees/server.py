"""Answers requests about projects' files: look, apply, collect.

All of them may be asked again with the same effect, so that they need no row of their own: what
takes longer than an answer may goes on, and the next question joins it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from slate_desktop.agent.answers import ANSWER_WITHIN_S
from slate_desktop.agent.audit import AuditTrail, command_of
from slate_desktop.agent.authorize import Authorizer
from slate_desktop.agent.idempotency import in_progress
from slate_desktop.agent.tasks import TaskOwner
from slate_desktop.agent.trees.places import ProjectPlaces
from slate_desktop.bus.port import Message
from slate_desktop.domain.project import Project, User
from slate_desktop.domain.roles import Role
from slate_desktop.errors import CommandError, ErrorCode
from slate_desktop.wire.envelope import SignedBy
from slate_desktop.wire.tree_messages import TreeAct, TreeReply, read_tree_request

if TYPE_CHECKING:
    from slate_desktop.store import Database

# Who may change files of a project.
_MAY_BRING = frozenset({Role.OWNER, Role.DEVELOPER, Role.ARTIST})


class TreeRequests:
    """The requests about projects' files of one agent.

    Args:
        db: for projects.
        authorizer: who may what.
        audit: notes what changes files.
        places: the files.
        tasks: owns what takes longer than its answer may.
    """

    def __init__(
        self,
        db: Database,
        authorizer: Authorizer,
        audit: AuditTrail,
        places: ProjectPlaces,
        tasks: TaskOwner,
    ) -> None:
        self._db = db
        self._authorizer = authorizer
        self._audit = audit
        self._places = places
        self._tasks = tasks
        self._running: dict[tuple[TreeAct, str], asyncio.Task[TreeReply]] = {}

    async def serve(self, message: Message, signed: SignedBy) -> TreeReply:
        """Have one request's effect.

        Raises:
            CommandError: ``not_found`` for somebody who is no member, ``forbidden``,
                ``in_progress`` for what goes on, and what is wrong with the files.
            DatabaseError: nobody can be let in now.
        """
        request = read_tree_request(message.data)
        user = await self._authorizer.user_of(signed.key)
        project = await self._project(request.project_id, user, request.act)
        if request.act is TreeAct.LOOK:
            found = await self._places.standing(project)
            return TreeReply(shared=found.shared, version=found.version, whole=found.whole)
        key = (request.act, project.id)
        task = self._running.get(key)
        if task is None:
            noted = command_of(signed, user, request.act.value, project.id, project.id)
            effect = self._audit.follow(noted, self._effect(request.act, project, user))
            task = self._running[key] = self._tasks.spawn(effect, f"{request.act}.{project.id}")
            task.add_done_callback(lambda _: self._running.pop(key, None))
        done, _ = await asyncio.wait({task}, timeout=ANSWER_WITHIN_S)
        if not done:
            raise in_progress()
        return task.result()

    async def _project(self, project_id: str, user: User, act: TreeAct) -> Project:
        project = await self._db.projects.get(project_id)
        role = await self._authorizer.role_of(user, project)
        if role is None:
            raise CommandError(ErrorCode.NOT_FOUND, "There is no such project.", field="project_id")
        if act is not TreeAct.LOOK and role not in _MAY_BRING:
            raise CommandError(
                ErrorCode.FORBIDDEN,
                f"a {role.value} of {project.name!r} may not change its files",
                hint="ask an owner of the project",
            )
        return project

    async def _effect(self, act: TreeAct, project: Project, user: User) -> TreeReply:
        if act is TreeAct.APPLY:
            applied = await self._places.apply(project)
            return TreeReply(
                shared=not applied.version,
                version=applied.version,
                written=applied.written,
                removed=applied.removed,
                kept_twice=list(applied.kept_twice),
            )
        found = await self._places.collect(project, user.id)
        return TreeReply(
            shared=False,
            version=found.version,
            collected=found.changed,
            kept_twice=list(found.kept_twice),
        )
