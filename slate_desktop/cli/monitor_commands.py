"""``slate hosts``, ``slate session advice|limits``: what is free, what is needed, what is given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from slate_desktop.cli.options import Json, ProjectArgument, SessionArgument, Wait, WaitLimit
from slate_desktop.cli.output import Output
from slate_desktop.cli.run import with_slate

if TYPE_CHECKING:
    from slate_desktop.control.client import Slate
    from slate_desktop.domain.hosts import Host

HostArgument = Annotated[str, typer.Argument(metavar="HOST", help="Id or name.")]
Reason = Annotated[str, typer.Option(metavar="WORDS", help="Why, for those who wonder.")]


def register(app: typer.Typer, session_app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(hosts_app, name="hosts")
    session_app.command()(advice)
    session_app.command()(limits)


hosts_app = typer.Typer(help="The hosts: what is free, and which are out of service.")


@hosts_app.callback(invoke_without_command=True)
def hosts(context: typer.Context, as_json: Json = False) -> None:
    """Show every agent's host: how busy it is, and what is free."""
    if context.invoked_subcommand is not None:
        return

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
                        _state(host),
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


@hosts_app.command()
def cordon(host: HostArgument, reason: Reason = "", as_json: Json = False) -> None:
    """Take a host out of service. Nothing new begins there, what runs goes on."""

    async def action(slate: Slate, output: Output) -> None:
        _show(output, await slate.cordon_host(host, reason))

    with_slate(as_json, action)


@hosts_app.command()
def drain(
    host: HostArgument,
    reason: Reason = "",
    wait: Wait = False,
    timeout: WaitLimit = None,
    as_json: Json = False,
) -> None:
    """Take a host out of service and stop its sessions. Jobs there end by themselves."""

    async def action(slate: Slate, output: Output) -> None:
        _show(output, await slate.drain_host(host, reason, wait=wait, timeout_s=timeout))

    with_slate(as_json, action)


@hosts_app.command()
def uncordon(host: HostArgument, as_json: Json = False) -> None:
    """Put a host back into service."""

    async def action(slate: Slate, output: Output) -> None:
        _show(output, await slate.uncordon_host(host))

    with_slate(as_json, action)


def _show(output: Output, host: Host) -> None:
    output.result(msgspec.to_builtins(host), f"{host.name} is {_state(host)}.")


def _state(host: Host) -> str:
    words = "online" if host.is_online else "offline"
    if host.is_cordoned:
        words += ", draining" if host.is_draining else ", cordoned"
        words += f" ({host.cordon_reason})" if host.cordon_reason else ""
    return words


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
    """Say how much memory and CPU a project needs, by its last runs."""

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
    """Change what a running session may take, until it ends. A restart keeps it."""
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
