"""``slate project``: add, list, show and remove projects."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from slate_desktop.cli.options import EngineChoice, Json, NetworkChoice, ProjectArgument
from slate_desktop.cli.output import Output
from slate_desktop.cli.rows import project_row
from slate_desktop.cli.run import with_slate

if TYPE_CHECKING:
    from slate_desktop.control.client import Slate

app = typer.Typer(help="Projects: directories that engines work on.", no_args_is_help=True)


@app.command()
def add(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="The project's directory.")],
    name: Annotated[str | None, typer.Option(metavar="N", help="Another name.")] = None,
    engine: Annotated[
        EngineChoice | None, typer.Option(help="Instead of what the files tell.")
    ] = None,
    command: Annotated[
        str | None,
        typer.Option(
            metavar='"…"',
            help="What a custom project runs: a program and its arguments; no shell is involved.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Add a directory as a project; engine and version are detected."""
    argv = split_command(command)

    async def action(slate: Slate, output: Output) -> None:
        project = await slate.add_project(
            path, name=name, engine=engine.value if engine else None, command=argv
        )
        output.result(project_row(project))

    with_slate(as_json, action)


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List the projects."""

    async def action(slate: Slate, output: Output) -> None:
        projects = await slate.list_projects()
        if output.as_json:
            output.result({"projects": [project_row(project) for project in projects]})
        elif not projects:
            output.say("There are no projects. Add one with: slate project add PATH")
        else:
            output.table(
                ("ID", "NAME", "ENGINE", "ROOT"),
                (
                    (
                        project.id[:8],
                        project.name,
                        f"{project.engine.value} {project.engine_version or ''}".strip(),
                        project.root,
                    )
                    for project in projects
                ),
            )

    with_slate(as_json, action)


@app.command()
def show(project: ProjectArgument, as_json: Json = False) -> None:
    """Show a project, and what its sessions are started with."""

    async def action(slate: Slate, output: Output) -> None:
        from slate_desktop.domain.container import container_config_to_json

        found = await slate.find_project(project)
        row = project_row(found)
        row["container_config"] = container_config_to_json(
            await slate.default_container_config(found.id)
        )
        output.result(row)

    with_slate(as_json, action)


@app.command()
def update(
    project: ProjectArgument,
    name: Annotated[str | None, typer.Option(metavar="N", help="Another name.")] = None,
    engine: Annotated[EngineChoice | None, typer.Option(help="Another engine.")] = None,
    command: Annotated[
        str | None, typer.Option(metavar='"…"', help="Another command; no shell is involved.")
    ] = None,
    network: Annotated[
        NetworkChoice | None,
        typer.Option(help="Of its sessions; internet lets builds and sessions have a way out."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Change a project's name, engine, command or network. Running sessions go on as they are."""
    argv = split_command(command)

    async def action(slate: Slate, output: Output) -> None:
        found = await slate.find_project(project)
        settings = {**found.settings, "networkMode": network.value} if network else None
        changed = await slate.update_project(
            found.id,
            name=name,
            engine=engine.value if engine else None,
            command=argv,
            settings=settings,
        )
        output.result(project_row(changed))

    with_slate(as_json, action)


@app.command()
def remove(project: ProjectArgument, as_json: Json = False) -> None:
    """Remove a project from SLATE; its files stay."""

    async def action(slate: Slate, output: Output) -> None:
        found = await slate.find_project(project)
        await slate.remove_project(found.id)
        output.result({"id": found.id, "removed": True}, f"{found.name} is removed.")

    with_slate(as_json, action)


def split_command(text: str | None) -> list[str] | None:
    """Split a command line as a shell would, without running one.

    Raises:
        BadParameter: a quote is not closed, or there is no word.
    """
    if text is None:
        return None
    try:
        argv = shlex.split(text)
    except ValueError as exc:
        raise typer.BadParameter(f"{exc}", param_hint="--command") from exc
    if not argv:
        raise typer.BadParameter("it names no program", param_hint="--command")
    return argv
