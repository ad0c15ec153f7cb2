"""``slate quota``: how much a project or a person may take, and what is taken."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from slate_desktop.cli.options import Json
from slate_desktop.cli.output import Output
from slate_desktop.cli.run import with_slate

if TYPE_CHECKING:
    from slate_desktop.control.client import Slate
    from slate_desktop.domain.quotas import QuotaLine, Scope

app = typer.Typer(help="How much projects and people may take.", no_args_is_help=True)

Project = Annotated[
    str | None, typer.Argument(metavar="[PROJECT]", help="Id, beginning of an id, name or path.")
]
Person = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="A person in all projects, by name or id; 'me' for you."),
]


def _limit(what: str) -> Any:
    return typer.Option(metavar="N", help=f"{what}; none for no limit.")


@app.command()
def show(project: Project = None, person: Person = None, as_json: Json = False) -> None:
    """Show quotas of a project or person, and what is taken of them."""

    async def action(slate: Slate, output: Output) -> None:
        scope, subject_id, name = await _subject(slate, project, person)
        _print(output, scope, subject_id, name, await slate.get_quotas(scope, subject_id))

    with_slate(as_json, action)


@app.command("set")
def set_quota(
    project: Project = None,
    person: Person = None,
    sessions: Annotated[str | None, _limit("Sessions at once")] = None,
    memory: Annotated[
        str | None, _limit("Memory of running containers and builds in sum, such as 64g")
    ] = None,
    cpus: Annotated[str | None, _limit("Cores of running containers in sum")] = None,
    builds: Annotated[str | None, _limit("Builds at once")] = None,
    disk: Annotated[
        str | None, _limit("Synchronised files, results of assets and artifacts, such as 200g")
    ] = None,
    bandwidth: Annotated[
        str | None,
        _limit("What each container may send, and receive, in a second, such as 50mbit"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Limit a project or a person. Owners limit projects, administrators both."""

    async def action(slate: Slate, output: Output) -> None:
        from slate_desktop.domain.quotas import Limit, read_amount
        from slate_desktop.errors import CommandError, ErrorCode

        given = zip(Limit, (sessions, memory, cpus, builds, disk, bandwidth), strict=True)
        limits = {limit: read_amount(limit, text) for limit, text in given if text is not None}
        if not limits:
            raise CommandError(
                ErrorCode.BAD_REQUEST,
                "No limit was given.",
                hint="Give one of --sessions, --memory, --cpus, --builds, --disk, --bandwidth.",
            )
        scope, subject_id, name = await _subject(slate, project, person)
        _print(output, scope, subject_id, name, await slate.set_quotas(scope, subject_id, limits))

    with_slate(as_json, action)


async def _subject(slate: Slate, project: str | None, person: str | None) -> tuple[Scope, str, str]:
    from slate_desktop.domain.ids import is_id
    from slate_desktop.domain.quotas import Scope
    from slate_desktop.errors import CommandError, ErrorCode

    if (project is None) == (person is None):
        raise CommandError(
            ErrorCode.BAD_REQUEST,
            "Name a project, or a person with --person.",
            hint="For example: slate quota show pulse, or slate quota show --person me.",
        )
    if project is not None:
        try:
            found = await slate.find_project(project)
        except CommandError as error:
            # An administrator limits projects that they cannot see.
            is_unseen = error.code is ErrorCode.NOT_FOUND and is_id(project)
            if is_unseen and await slate.may_limit(Scope.PROJECT, project):
                return Scope.PROJECT, project, project
            raise
        return Scope.PROJECT, found.id, found.name
    if person == "me":
        return Scope.PERSON, slate.user.id, slate.user.name
    user_id, name = await slate.find_person(person or "")
    return Scope.PERSON, user_id, name


def _print(
    output: Output, scope: Scope, subject_id: str, name: str, lines: list[QuotaLine]
) -> None:
    from slate_desktop.domain.quotas import format_amount, format_used

    if output.as_json:
        rows = {
            line.limit.value: {
                "used": line.used,
                "limit": line.most,
                "level": line.level.value if line.level else None,
                "set_by": line.set_by or None,
            }
            for line in lines
        }
        output.result({"scope": scope.value, "id": subject_id, "name": name, "quotas": rows})
        return
    output.table(
        ("QUOTA", "USED", "LIMIT", "SET BY"),
        (
            (
                line.limit.value.removesuffix("_bytes").removesuffix("_bits"),
                format_used(line),
                "none" if line.most is None else format_amount(line.limit, line.most),
                f"{line.set_by} ({line.level.value})" if line.level else "",
            )
            for line in lines
        ),
    )
