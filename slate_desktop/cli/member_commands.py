"""``slate project members|grant|revoke``: who is in a project, and as what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from slate_desktop.cli.options import Json, ProjectArgument, RoleChoice
from slate_desktop.cli.output import Output
from slate_desktop.cli.run import with_slate

if TYPE_CHECKING:
    from slate_desktop.control.client import Slate
    from slate_desktop.domain.project import Member

Person = Annotated[str, typer.Argument(metavar="PERSON", help="Name or id.")]


def register(app: typer.Typer) -> None:
    """Add the commands to ``slate project``."""
    app.command()(members)
    app.command()(grant)
    app.command()(revoke)


def members(project: ProjectArgument, as_json: Json = False) -> None:
    """List who is in a project, and as what."""

    async def action(slate: Slate, output: Output) -> None:
        found = await slate.find_project(project)
        rows = [_row(member) for member in await slate.list_members(found.id)]
        if output.as_json:
            output.result({"project_id": found.id, "members": rows})
        else:
            output.table(
                ("PERSON", "ROLE", "ID"), ((r["name"], r["role"], r["user_id"]) for r in rows)
            )

    with_slate(as_json, action)


def grant(
    project: ProjectArgument,
    person: Person,
    role: Annotated[RoleChoice, typer.Argument(help="What they may do there.")],
    as_json: Json = False,
) -> None:
    """Give a person a role in your project. One who is not in it comes in."""

    async def action(slate: Slate, output: Output) -> None:
        found = await slate.find_project(project)
        member = await slate.set_member(found.id, person, role.value)
        words = f"{member.name} is {member.role.value} in {found.name}."
        output.result({"project_id": found.id, **_row(member)}, words)

    with_slate(as_json, action)


def revoke(project: ProjectArgument, person: Person, as_json: Json = False) -> None:
    """Take a person out of your project; what they made stays."""

    async def action(slate: Slate, output: Output) -> None:
        found = await slate.find_project(project)
        member = await slate.remove_member(found.id, person)
        words = f"{member.name} is no longer in {found.name}."
        output.result({"project_id": found.id, "user_id": member.user_id, "removed": True}, words)

    with_slate(as_json, action)


def _row(member: Member) -> dict[str, str]:
    return {"user_id": member.user_id, "name": member.name, "role": member.role.value}
