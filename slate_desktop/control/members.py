"""Who is in a project, and as what: its owners decide."""

from __future__ import annotations

from slate_desktop.control.operations import Operations
from slate_desktop.domain.ids import check_id
from slate_desktop.domain.project import Member
from slate_desktop.domain.roles import Role
from slate_desktop.errors import CommandError, ErrorCode


class MemberOperations(Operations):
    """The part of ``Slate`` that works on members.

    Changes count within a second at the broker, at once in the database, and at agents within five
    seconds. The person who added a project stays its owner.
    """

    async def list_members(self, project_id: str) -> list[Member]:
        """Return who is in a project, in the order in which they came.

        Raises:
            CommandError: ``not_found``.
            DatabaseError: the database does not answer.
        """
        project = await self.db.projects.get(check_id(project_id, "project_id"))
        return await self.db.projects.members(project.id)

    async def set_member(self, project_id: str, person: str, role: Role | str) -> Member:
        """Give a person a role in a project, who need not have been in it; returns the member.

        Args:
            project_id: the project.
            person: an id, or the exact name in any case.
            role: the role.

        Raises:
            CommandError: ``not_found`` for a person or project, ``bad_request`` for a name that
                several have or a role that is none, ``forbidden`` for one who is no owner,
                ``illegal_state`` for the person who added the project.
        """
        try:
            chosen = Role(role)
        except ValueError:
            raise CommandError(
                ErrorCode.BAD_REQUEST,
                f"{role!r} is no role.",
                field="role",
                hint="Roles are: " + ", ".join(Role),
            ) from None
        project = await self.db.projects.get(check_id(project_id, "project_id"))
        await self._check_owner(project.id)
        user_id, name = await self.find_person(person)
        await self.db.projects.set_member(project.id, user_id, chosen)
        self._projects_changed.emit()
        return Member(project_id=project.id, user_id=user_id, role=chosen, name=name)

    async def remove_member(self, project_id: str, person: str) -> Member:
        """Take a person out of a project; what they made stays. Returns who it was.

        Raises:
            CommandError: ``not_found`` for one who is not in it, and as ``set_member``.
        """
        members = await self.list_members(project_id)
        found = [m for m in members if m.user_id == person] or [
            m for m in members if m.name.casefold() == person.casefold()
        ]
        if not found:
            raise CommandError(
                ErrorCode.NOT_FOUND, f"Nobody called {person!r} is in this project.", field="person"
            )
        _check_one(person, [m.user_id for m in found])
        await self._check_owner(project_id)
        await self.db.projects.remove_member(project_id, found[0].user_id)
        self._projects_changed.emit()
        return found[0]

    async def _check_owner(self, project_id: str) -> None:
        # The database refuses it as well, but an update of rows that one may not change is silent.
        if await self.db.projects.role_of(project_id, self.user.id) is not Role.OWNER:
            raise CommandError(
                ErrorCode.FORBIDDEN,
                "Only an owner of the project decides who is in it.",
                hint="Ask one of its owners.",
            )

    async def find_person(self, text: str) -> tuple[str, str]:
        """Return id and name of the person with this id or exact name, in any case.

        Raises:
            CommandError: ``not_found``, ``bad_request`` for a name that several have.
        """
        found = await self.db.users.find(text.strip())
        if not found:
            raise CommandError(
                ErrorCode.NOT_FOUND,
                f"There is nobody called {text!r} here.",
                field="person",
                hint="They join the server first; names are compared as a whole.",
            )
        if found[0][0] != text:
            _check_one(text, [user_id for user_id, _ in found])
        return found[0]


def _check_one(text: str, ids: list[str]) -> None:
    if len(ids) > 1:
        raise CommandError(
            ErrorCode.BAD_REQUEST,
            f"Several people are called {text!r}.",
            field="person",
            hint="Name one by id: " + ", ".join(ids),
        )
