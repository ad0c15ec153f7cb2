"""``slate session``: start, stop, restart, list, show and remove sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from slate_desktop.cli.exits import EXIT_FAILED, EXIT_OK
from slate_desktop.cli.options import (
    DriverChoice,
    Json,
    NetworkChoice,
    ProjectArgument,
    SessionArgument,
    Wait,
    WaitLimit,
    read_env,
)
from slate_desktop.cli.output import Output
from slate_desktop.cli.project_commands import split_command
from slate_desktop.cli.rows import age, outcome_words, session_row
from slate_desktop.cli.run import with_slate

if TYPE_CHECKING:
    from slate_desktop.control.client import Slate
    from slate_desktop.control.values import CommandOutcome
    from slate_desktop.domain.session import RuntimeSession

app = typer.Typer(help="Runtime sessions: a project's engine, running.", no_args_is_help=True)

_Memory = Annotated[str | None, typer.Option(metavar="4g", help="Limit of memory.")]
_Cpus = Annotated[float | None, typer.Option(metavar="2", help="Limit of processors.")]
_Bandwidth = Annotated[
    str | None,
    typer.Option(metavar="20mbit", help="Limit of what it sends, and receives, in a second."),
]
_Env = Annotated[list[str] | None, typer.Option("--env", metavar="K=V", help="Repeatable.")]
_Port = Annotated[
    list[str] | None,
    typer.Option("--port", metavar="PORT[:HOST]", help="Publish a port; repeatable."),
]
_UNSET_HELP = (
    "Take a default away: memory, cpus, bandwidth, image, command, driver, env.K; repeatable."
)


@app.command()
def start(
    project: ProjectArgument,
    driver: Annotated[DriverChoice | None, typer.Option(help="How it is run.")] = None,
    memory: _Memory = None,
    cpus: _Cpus = None,
    bandwidth: _Bandwidth = None,
    gpu: Annotated[bool | None, typer.Option("--gpu/--no-gpu", help="Use the GPU.")] = None,
    env: _Env = None,
    image: Annotated[str | None, typer.Option(help="Another image.")] = None,
    tag: Annotated[str | None, typer.Option(help="Another tag of the image.")] = None,
    port: _Port = None,
    network: Annotated[NetworkChoice | None, typer.Option(help="The network.")] = None,
    pull: Annotated[
        bool | None, typer.Option("--pull/--no-pull", help="Pull a missing image.")
    ] = None,
    command: Annotated[
        str | None, typer.Option(metavar='"…"', help="Another command; no shell is involved.")
    ] = None,
    unset: Annotated[
        list[str] | None,
        typer.Option("--unset", metavar="NAME", help=_UNSET_HELP),
    ] = None,
    host: Annotated[
        str | None, typer.Option(metavar="HOST", help="Where; the host with the most free.")
    ] = None,
    wait: Wait = False,
    timeout: WaitLimit = None,
    as_json: Json = False,
) -> None:
    """Start a new session of a project."""
    given: dict[str, Any] = {
        "driver": driver.value if driver else None,
        "memory": memory,
        "cpus": cpus,
        "bandwidth": bandwidth,
        "gpu": gpu,
        "env": read_env(env),
        "image": image,
        "tag": tag,
        "ports": _read_ports(port),
        "networkMode": network.value if network else None,
        "pull": pull,
        "command": split_command(command),
        "unset": unset or None,
    }
    config = {name: value for name, value in given.items() if value is not None}

    async def action(slate: Slate, output: Output) -> int:
        found = await slate.find_project(project)
        session = await slate.create_runtime_session(found.id, config)
        row = await _start(slate, output, session, host=host, wait=wait, timeout_s=timeout)
        return await _show_outcome(slate, output, row)

    with_slate(as_json, action)


@app.command()
def stop(
    session: SessionArgument,
    wait: Wait = False,
    timeout: WaitLimit = None,
    as_json: Json = False,
) -> None:
    """Stop a session gracefully."""

    async def action(slate: Slate, output: Output) -> int:
        found = await slate.find_session(session)
        outcome = await slate.stop_container(found.id, wait=wait, timeout_s=timeout)
        await _show_outcome(slate, output, outcome.session)
        if wait and not outcome.is_done:
            output.note("It was started again by somebody else meanwhile.")
            return EXIT_FAILED
        return EXIT_OK

    with_slate(as_json, action)


@app.command()
def restart(
    session: SessionArgument,
    wait: Wait = False,
    timeout: WaitLimit = None,
    as_json: Json = False,
) -> None:
    """Stop a session and start it again. One that does not run is started."""

    async def action(slate: Slate, output: Output) -> int:
        found = await slate.find_session(session)
        outcome = await slate.restart_container(found.id, wait=wait, timeout_s=timeout)
        code = await _show_outcome(slate, output, outcome.session)
        if wait and not outcome.is_done:
            output.note(
                "It was not started again: somebody stopped it meanwhile, or its end failed."
            )
            return EXIT_FAILED
        return code

    with_slate(as_json, action)


@app.command("list")
def list_(
    project: Annotated[
        str | None, typer.Option("--project", metavar="PROJECT", help="Only of this project.")
    ] = None,
    active: Annotated[bool, typer.Option("--active", help="Only those that are not over.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="The newest so many.")] = 100,
    as_json: Json = False,
) -> None:
    """List sessions, newest first."""

    async def action(slate: Slate, output: Output) -> None:
        project_id = (await slate.find_project(project)).id if project else None
        if active:
            rows = (await slate.get_active_sessions(project_id))[:limit]
        else:
            rows = await slate.list_runtime_sessions(project_id, limit=limit)
        if output.as_json:
            output.result({"sessions": [await _row(slate, row) for row in rows]})
        elif not rows:
            output.say("There are no sessions. Start one with: slate session start PROJECT")
        else:
            names = {item.id: item.name for item in await slate.list_projects()}
            output.table(
                ("ID", "PROJECT", "STATUS", "DRIVER", "AGE", "WHY"),
                (
                    (
                        row.id[:8],
                        names.get(row.project_id, row.project_id[:8]),
                        row.status.value,
                        row.driver,
                        age(row.created_at),
                        row.error_message,
                    )
                    for row in rows
                ),
            )

    with_slate(as_json, action)


@app.command()
def show(session: SessionArgument, as_json: Json = False) -> None:
    """Show a session, and the whole configuration that it runs with."""

    async def action(slate: Slate, output: Output) -> None:
        output.result(await _row(slate, await slate.find_session(session)))

    with_slate(as_json, action)


@app.command()
def remove(session: SessionArgument, as_json: Json = False) -> None:
    """Remove a session that does not run from the lists."""

    async def action(slate: Slate, output: Output) -> None:
        found = await slate.find_session(session)
        await slate.delete_runtime_session(found.id)
        output.result({"id": found.id, "removed": True}, f"{found.id} is removed.")

    with_slate(as_json, action)


async def _start(
    slate: Slate,
    output: Output,
    session: RuntimeSession,
    *,
    host: str | None,
    wait: bool,
    timeout_s: float | None,
) -> RuntimeSession:
    """Start a new session; what was refused leaves no row behind."""
    from slate_desktop.domain.session import SessionStatus
    from slate_desktop.errors import (
        AgentOfflineError,
        CommandError,
        DeniedError,
        NotConnectedError,
        OutcomeUnknownError,
    )

    try:
        outcome: CommandOutcome = await slate.start_container(
            session.id, host=host, wait=wait, timeout_s=timeout_s
        )
    except OutcomeUnknownError:
        raise
    except (CommandError, AgentOfflineError, DeniedError, NotConnectedError):
        row = await slate.get_runtime_session(session.id)
        if row.status is not SessionStatus.CREATING:
            return row
        await slate.delete_runtime_session(session.id)
        raise
    for note in outcome.notes:
        output.note(note)
    return outcome.session


async def _show_outcome(slate: Slate, output: Output, row: RuntimeSession) -> int:
    from slate_desktop.domain.session import SessionStatus

    output.result(await _row(slate, row), outcome_words(row))
    return EXIT_FAILED if row.status in (SessionStatus.FAILED, SessionStatus.LOST) else EXIT_OK


async def _row(slate: Slate, row: RuntimeSession) -> dict[str, Any]:
    from slate_desktop.domain.container import container_config_to_json

    return session_row(row, container_config_to_json(await slate.effective_config(row)))


def _read_ports(items: list[str] | None) -> dict[str, int | str] | None:
    if not items:
        return None
    found: dict[str, int | str] = {}
    for item in items:
        inner, is_pair, outer = item.partition(":")
        if not inner.isdecimal() or (is_pair and not outer.isdecimal()):
            raise typer.BadParameter(f"{item!r} is not PORT or PORT:HOST", param_hint="--port")
        if inner in found:
            raise typer.BadParameter(f"port {inner} is given twice", param_hint="--port")
        found[inner] = int(outer) if is_pair else int(inner)
    return found
