"""Projects and who is in them."""

from __future__ import annotations

from typing import Any

import msgspec

from slate_desktop.domain.ids import check_id, new_id
from slate_desktop.domain.project import Member, Project
from slate_desktop.domain.roles import Role
from slate_desktop.errors import CommandError, ErrorCode, StaleWriteError
from slate_desktop.store.errors import not_found
from slate_desktop.store.port import Runner


class Projects:
    """Rows of ``slate_projects`` and ``slate_project_members``."""

    def __init__(self, runner: Runner) -> None:
        self._run = runner

    async def add(
        self,
        *,
        name: str,
        owner_id: str,
        root: str,
        engine: str,
        engine_version: str | None = None,
        command: list[str] | None = None,
        settings: dict[str, Any] | None = None,
        project_id: str | None = None,
    ) -> Project:
        """Add a project; its owner becomes a member with that role.

        Raises:
            CommandError: ``bad_request`` for a root that the owner has added already, or a bad id.
        """
        row = await self._run.one(
            "insert_project",
            id=check_id(project_id or new_id(), "project_id"),
            name=name,
            owner_id=owner_id,
            root=root,
            engine=engine,
            engine_version=engine_version,
            command=command,
            settings=settings or {},
        )
        return _project(row)

    async def get(self, project_id: str) -> Project:
        """Return a project; raises ``not_found``."""
        row = await self._run.one("get_project", id=project_id)
        if row is None:
            raise not_found("project", "project_id")
        return _project(row)

    async def find(self, text: str, *, member: str | None = None) -> list[Project]:
        """Return what a text may mean: an id, the beginning of one, a name, or a root.

        The likeliest comes first: the exact id, then the root, then the name.
        """
        rows = await self._run.many("find_projects", text=text, member=member)
        return [_project(row) for row in rows]

    async def find_by_name(self, name: str) -> Project | None:
        """Return the oldest project of that name, without regard to case."""
        found = await self.find(name)
        return next((p for p in found if p.name.lower() == name.lower()), None)

    async def list(self, *, member: str | None = None) -> list[Project]:
        """Return the projects that a person is in, or all, by name."""
        rows = await self._run.many("list_projects", member=member)
        return [_project(row) for row in rows]

    async def update(
        self,
        project_id: str,
        *,
        name: str | None = None,
        engine: str | None = None,
        engine_version: str | None = None,
        command: list[str] | None = None,
        settings: dict[str, Any] | None = None,
        version: int | None = None,
    ) -> Project:
        """Change a project; None leaves a field as it is.

        Raises:
            CommandError: ``not_found``.
            StaleWriteError: ``version`` was given and the row has moved on.
        """
        row = await self._run.one(
            "update_project",
            id=project_id,
            name=name,
            engine=engine,
            engine_version=engine_version,
            command=command,
            settings=settings,
            version=version,
        )
        if row is None:
            await self.get(project_id)
            raise StaleWriteError("The project was changed meanwhile.", hint="Look again.")
        return _project(row)

    async def remove(self, project_id: str) -> None:
        """Soft-delete a project; nothing on disk is touched.

        Raises:
            CommandError: ``not_found``, or ``illegal_state`` while one of its sessions is live.
        """
        if await self._run.value("delete_project", id=project_id) is None:
            await self.get(project_id)
            raise CommandError(
                ErrorCode.ILLEGAL_STATE,
                "The project has a session that runs.",
                hint="Stop it, then remove the project.",
            )

    async def role_of(self, project_id: str, user_id: str) -> Role | None:
        """Return a person's role in a project, None for none."""
        role = await self._run.value("role_of", project_id=project_id, user_id=user_id)
        return None if role is None else Role(role)

    async def set_member(self, project_id: str, user_id: str, role: Role) -> None:
        """Give a person a role."""
        await self._run.run(
            "set_member", project_id=project_id, user_id=user_id, role=Role(role).value
        )

    async def remove_member(self, project_id: str, user_id: str) -> None:
        """Take a person out of a project."""
        await self._run.run("remove_member", project_id=project_id, user_id=user_id)

    async def members(self, project_id: str) -> list[Member]:
        """Return who is in a project."""
        rows = await self._run.many("list_members", project_id=project_id)
        return [msgspec.convert(dict(row), Member) for row in rows]


def _project(row: Any) -> Project:
    return msgspec.convert(dict(row), Project)
