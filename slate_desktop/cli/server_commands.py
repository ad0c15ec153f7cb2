"""``slate server``: makes and runs a studio's own server, and says who may join it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from slate_desktop.cli import server_care_commands, server_cluster_commands
from slate_desktop.cli.options import Json
from slate_desktop.cli.output import Output
from slate_desktop.cli.run import alone
from slate_desktop.cli.server_place import Directory, server_files

if TYPE_CHECKING:
    from slate_desktop.domain.joining import Joiner
    from slate_desktop.domain.roles import Role
    from slate_desktop.server.config import ServerFiles
    from slate_desktop.server.database import ServerDatabase

app = typer.Typer(help="A server of your own for many workstations.", no_args_is_help=True)
server_care_commands.register(app)
server_cluster_commands.register(app)

OutFile = Annotated[
    Path | None, typer.Option("--out", metavar="FILE", help="Where the join file is written.")
]
Days = Annotated[
    float, typer.Option(min=0.01, max=365, help="How long the invitation holds, in days.")
]


class RoleChoice(StrEnum):
    """Roles in a project, and none."""

    OWNER = "owner"
    DEVELOPER = "developer"
    ARTIST = "artist"
    VIEWER = "viewer"
    NONE = "none"


@app.command()
def init(
    host: Annotated[
        list[str] | None,
        typer.Option(help="Name or address of this host as workstations reach it; repeatable."),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="What the server is called; the first host otherwise.")
    ] = None,
    listen: Annotated[str, typer.Option(help="The address to listen on.")] = "0.0.0.0",  # noqa: S104
    nats_port: Annotated[int, typer.Option(help="The broker's port.")] = 4222,
    database_port: Annotated[int, typer.Option(help="PostgreSQL's port.")] = 5432,
    cluster_port: Annotated[
        int, typer.Option(help="The port for further brokers, if there will be any.")
    ] = 6222,
    agent: Annotated[
        bool, typer.Option("--agent/--no-agent", help="Run an agent here too.")
    ] = True,
    directory: Directory = None,
    as_json: Json = False,
) -> None:
    """Make a server with its certificates and configuration."""

    async def action(output: Output) -> None:
        from slate_desktop.server import setup
        from slate_desktop.server.config import ServerConfig

        hosts = tuple(host or setup.default_hosts())
        config = ServerConfig(
            name=name or setup.default_name(hosts),
            hosts=hosts,
            listen=listen,
            nats_port=nats_port,
            database_port=database_port,
            cluster_port=cluster_port,
            agent=agent,
        )
        found = server_files(directory)
        setup.init_server(found, config)
        output.result(
            {"name": config.name, "directory": str(found.directory), "nats_url": config.nats_url},
            f"The server {config.name} is in {found.directory}.\n"
            "Start it:        slate server run\n"
            "Invite somebody: slate server add-user NAME",
        )

    alone(as_json, action)


@app.command()
def run(directory: Directory = None) -> None:
    """Run the server in the foreground."""
    from slate_desktop.log import setup
    from slate_desktop.settings.model import log_level

    output = Output(as_json=False)
    try:
        setup.configure(log_level())
        import asyncio

        from slate_desktop.server.run import run as run_server

        code = asyncio.run(run_server(server_files(directory)))
    except KeyboardInterrupt:
        code = 0
    except Exception as exc:  # noqa: BLE001 - the boundary of a command
        code = output.error(exc)
    raise typer.Exit(code)


@app.command("add-user")
def add_user(
    name: Annotated[str, typer.Argument(help="The person's name, as others will see it.")],
    out: OutFile = None,
    days: Days = 7.0,
    grant: Annotated[
        list[str] | None,
        typer.Option(metavar="PROJECT=ROLE", help="A role in a project; repeatable."),
    ] = None,
    admin: Annotated[
        bool, typer.Option("--admin", help="They may take hosts out of service.")
    ] = False,
    directory: Directory = None,
    as_json: Json = False,
) -> None:
    """Write an invitation for a person. It is used once, by `slate connect FILE`."""

    async def action(output: Output) -> None:
        from slate_desktop.domain.joining import Joiner
        from slate_desktop.domain.roles import Role
        from slate_desktop.errors import CommandError, ErrorCode

        wanted: dict[str, str] = {}
        for text in grant or ():
            project, _, role = text.rpartition("=")
            wanted[project] = role
        if bad := [role for role in wanted.values() if role not in set(Role)]:
            raise CommandError(
                ErrorCode.BAD_REQUEST, f"{bad[0]!r} is no role.", field="grant",
                hint="Roles are: " + ", ".join(Role),
            )  # fmt: skip
        grants: dict[str, Role] = {}
        if wanted:
            async with _opened(directory) as database:
                for text, role in wanted.items():
                    found = await database.database.projects.find(text)
                    if not found:
                        raise CommandError(ErrorCode.NOT_FOUND, f"There is no project {text!r}.")
                    grants[found[0].id] = Role(role)
        _invite(
            output, server_files(directory), Joiner.PERSON, name, out, days, grants, is_admin=admin
        )

    alone(as_json, action)


@app.command("add-agent")
def add_agent(
    agent_id: Annotated[str, typer.Argument(metavar="ID", help="What the host is called.")],
    out: OutFile = None,
    days: Days = 7.0,
    directory: Directory = None,
    as_json: Json = False,
) -> None:
    """Write an invitation for a host. It joins by `slate connect --agent DIR FILE`."""

    async def action(output: Output) -> None:
        from slate_desktop.domain.ids import check_id
        from slate_desktop.domain.joining import Joiner

        check_id(agent_id, "agent_id")
        _invite(output, server_files(directory), Joiner.AGENT, agent_id, out, days, {})

    alone(as_json, action)


@app.command("remove-user")
def remove_user(
    person: Annotated[str, typer.Argument(help="Name or id.")],
    directory: Directory = None,
    as_json: Json = False,
) -> None:
    """Withdraw a person's key and login at once. What they made stays."""

    async def action(output: Output) -> None:
        async with _opened(directory) as database:
            user = await database.remove_person(person)
        output.result({"id": user.id, "name": user.name}, f"{user.name} cannot sign in any more.")

    alone(as_json, action)


@app.command("remove-agent")
def remove_agent(
    agent_id: Annotated[str, typer.Argument(metavar="ID")],
    directory: Directory = None,
    as_json: Json = False,
) -> None:
    """Withdraw a host's key and login. Its sessions become lost."""

    async def action(output: Output) -> None:
        async with _opened(directory) as database:
            await database.remove_agent(agent_id)
        output.result({"id": agent_id}, f"{agent_id} cannot sign in any more.")

    alone(as_json, action)


@app.command()
def grant(
    person: Annotated[str, typer.Argument(help="Name or id.")],
    project: Annotated[str, typer.Argument(help="Id, beginning of an id, name or path.")],
    role: Annotated[RoleChoice, typer.Argument(help="What they may do there.")],
    directory: Directory = None,
    as_json: Json = False,
) -> None:
    """Give a person a role in a project. `none` takes them out."""

    async def action(output: Output) -> None:
        from slate_desktop.domain.roles import Role

        chosen = None if role is RoleChoice.NONE else Role(role.value)
        async with _opened(directory) as database:
            user, found = await database.grant(person, project, chosen)
        output.result(
            {"user_id": user.id, "project_id": found.id, "role": role.value},
            f"{user.name} is {role.value} in {found.name}."
            if chosen
            else f"{user.name} is no longer in {found.name}.",
        )

    alone(as_json, action)


@app.command()
def admin(
    person: Annotated[str, typer.Argument(help="Name or id.")],
    off: Annotated[bool, typer.Option("--off", help="They may no longer.")] = False,
    directory: Directory = None,
    as_json: Json = False,
) -> None:
    """Make a person an administrator.

    They may take hosts out of service (`slate hosts`) and set any quota (`slate quota`).
    """

    async def action(output: Output) -> None:
        async with _opened(directory) as database:
            user = await database.set_admin(person, is_admin=not off)
        words = "may no longer" if off else "may"
        output.result(
            {"user_id": user.id, "admin": not off},
            f"{user.name} {words} take hosts out of service.",
        )

    alone(as_json, action)


@app.command()
def users(directory: Directory = None, as_json: Json = False) -> None:
    """List people and roles, agents, and unused invitations."""

    async def action(output: Output) -> None:
        from slate_desktop.server import invitations

        found = server_files(directory)
        async with _opened(directory) as database:
            members = await database.members()
            people = [
                {
                    "id": person.id,
                    "name": person.name,
                    "admin": person.is_admin,
                    "roles": {
                        m.project_id: m.role.value for m in members if m.user_id == person.id
                    },
                }
                for person in await database.people()
            ]
            agents = [agent.id for agent in await database.agents()]
        waiting = [one.name for one in invitations.read_all(found.invitations) if not one.is_used]
        if output.as_json:
            output.result({"people": people, "agents": agents, "invited": waiting})
            return
        rows = [("person", p["name"], p["id"], len(p["roles"])) for p in people]
        rows += [("agent", agent, "", "") for agent in agents]
        rows += [("invited", name, "", "") for name in waiting]
        output.table(("what", "name", "id", "projects"), rows)

    alone(as_json, action)


@app.command("renew-certificate")
def renew_certificate(directory: Directory = None, as_json: Json = False) -> None:
    """Make a new certificate for broker and database. Restart the server afterwards."""

    async def action(output: Output) -> None:
        from slate_desktop.server import setup

        found = server_files(directory)
        setup.renew_certificate(found, found.read_config())
        output.result(
            {"certificate": str(found.certificate)},
            "The new certificate is used from the server's next start on.",
        )

    alone(as_json, action)


@asynccontextmanager
async def _opened(directory: Path | None) -> AsyncIterator[ServerDatabase]:
    """The administrator's way into the database of a server that runs."""
    from slate_desktop.server.database import ServerDatabase

    found = server_files(directory)
    password = found.read_secrets().database_password
    database = ServerDatabase(found, found.read_config(), password)
    await database.open()
    try:
        yield database
    finally:
        await database.aclose()


def _invite(
    output: Output,
    found: ServerFiles,
    kind: Joiner,
    name: str,
    out: Path | None,
    days: float,
    grants: dict[str, Role],
    *,
    is_admin: bool = False,
) -> None:
    from slate_desktop.domain.joining import write_join_file
    from slate_desktop.server import invitations
    from slate_desktop.settings import files

    config = found.read_config()
    join_file = invitations.invite(
        found.invitations,
        kind=kind,
        name=name,
        server=config.name,
        nats_url=invitations.addresses(found, config),
        ca=files.read_private(found.authority_certificate).decode(),
        days=days,
        grants=grants,
        is_admin=is_admin,
    )
    path = out or Path(f"{config.name}-{_plain(name)}.slate-join")
    files.write_private(path.absolute(), write_join_file(join_file))
    output.result(
        {"file": str(path), "name": name, "expires_ms": join_file.expires_ms},
        f"The invitation for {name} is in {path}. It is good for one use: give it to nobody else.",
    )


def _plain(name: str) -> str:
    kept = "".join(letter if letter.isalnum() else "-" for letter in name.lower())
    return kept.strip("-")[:60] or "guest"
