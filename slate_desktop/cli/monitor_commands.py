"""``slate hosts``, ``slate session advice|limits``: what is free, what is needed, what is given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from slate_desktop.cli.options import Json, ProjectArgument, SessionArgument
from slate_desktop.cli.output import Output
from slate_desktop.cli.run import with_slate

if TYPE_CHECKING:
    from slate_desktop.control.client import Slate


def register(app: typer.Typer, session_app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(hosts)
    session_app.command()(advice)
    session_app.command()(limits)


def hosts(as_json: Json = False) -> None:
    """Show every agent's host: how busy it is, and what is free."""

    async def action(slate: Slate, output: Output) -> None:
        from slate_desktop.domain.sizes import format_bytes

        found = await slate.list_hosts()
        if output.as_json:
            output.result({"hosts": msgspec.to_builtins(found)})
        elif not found:
            output.say("No agent has been seen yet.")
        else:
            output.table(
                ("HOST", "STATE", "CPU", "MEMORY", "HELD", "DISK FREE", "RUNS"),
                (
                    (
                        host.name,
                        "online" if host.is_online else "offline",
                        f"{host.load.cpu_percent:.0f} % of {host.load.cpus}" if host.load else "–",
                        f"{format_bytes(host.load.memory_used)} of "
                        f"{format_bytes(host.load.memory_total)}"
                        if host.load
                        else "–",
                        format_bytes(host.memory_held) if host.memory_held else "–",
                        format_bytes(host.load.disk_free) if host.load else "–",
                        ", ".join(host.drivers),
                    )
                    for host in found
                ),
            )

    with_slate(as_json, action)


def advice(
    project: ProjectArgument,
    runs: Annotated[
        int, typer.Option(min=1, max=100, metavar="N", help="Look at so many of the last runs.")
    ] = 12,
    apply: Annotated[
        bool, typer.Option("--apply", help="Make it the project's setting for new sessions.")
    ] = False,
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="SESSION", help="Give it to this session, which runs, too."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say how much memory and CPU a project's sessions need, by its last runs."""

    async def action(slate: Slate, output: Output) -> None:
        from slate_desktop.domain.runs import advice_words

        found = await slate.find_project(project)
        advised = await slate.get_advice(found.id, runs)
        applied = False
        if apply and advised is not None and advised.is_change:
            await slate.apply_advice(found.id, advised)
            applied = True
        given = None
        if to is not None and advised is not None and advised.is_change:
            given = (await slate.find_session(to)).id
            await slate.change_limits(given, memory=advised.memory_bytes, cpus=advised.cpus)
        row = None if advised is None else msgspec.to_builtins(advised)
        words = "No run has been measured yet." if advised is None else advice_words(advised)
        if applied:
            words = f"{words} New sessions of the project get that."
        if given is not None:
            words = f"{words} The session {given[:8]} has it now."
        output.result(
            {
                "project_id": found.id,
                "advice": row,
                "words": words,
                "applied": applied,
                "session_id": given,
            },
            words,
        )

    with_slate(as_json, action)


def limits(
    session: SessionArgument,
    memory: Annotated[
        str | None, typer.Option("--memory", metavar="8g", help="Memory that it may take.")
    ] = None,
    cpus: Annotated[
        float | None, typer.Option("--cpus", metavar="N", help="CPUs that it may take.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Change what a running session may take, until it ends; a restart keeps it."""
    if memory is None and cpus is None:
        raise typer.BadParameter("name one at least", param_hint="--memory, --cpus")

    async def action(slate: Slate, output: Output) -> None:
        found = await slate.find_session(session)
        await slate.change_limits(found.id, memory=memory, cpus=cpus)
        words = " and ".join(
            [*([f"{memory} of memory"] if memory else []), *([f"{cpus:g} CPUs"] if cpus else [])]
        )
        output.result(
            {"session_id": found.id, "memory": memory, "cpus": cpus},
            f"The session may take {words} now.",
        )

    with_slate(as_json, action)
