"""``slate stack``: the embedded broker, database and agent."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from slate_desktop.cli.options import Json
from slate_desktop.cli.output import Output
from slate_desktop.cli.run import alone

app = typer.Typer(
    help="The embedded broker, database and agent of this user.", no_args_is_help=True
)


@app.command()
def up(
    allow_unsigned: Annotated[
        bool,
        typer.Option("--allow-unsigned", help="The agent serves unsigned commands too."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Start the stack and keep it until `slate stack down`."""

    async def action(output: Output) -> None:
        from slate_desktop.cli.run import on_steps
        from slate_desktop.stack import client

        await client.ensure_up(on_step=on_steps(output), linger=True, allow_unsigned=allow_unsigned)
        _show(output, await client.status())

    alone(as_json, action)


@app.command()
def status(as_json: Json = False) -> None:
    """Say what runs and how to connect to it."""

    async def action(output: Output) -> None:
        from slate_desktop.stack import client

        _show(output, await client.status())

    alone(as_json, action)


@app.command()
def down(as_json: Json = False) -> None:
    """Stop the stack. Containers go on, and are adopted at the next start."""

    async def action(output: Output) -> None:
        from slate_desktop.stack import client

        was_running = await client.down()
        words = "The stack has stopped." if was_running else "The stack was not running."
        output.result({"running": False, "stopped": was_running}, words)

    alone(as_json, action)


def _show(output: Output, status: dict[str, Any]) -> None:
    if output.as_json:
        output.result(status)
    elif not status["running"]:
        output.say("The stack does not run. Start it with: slate stack up")
    else:
        agents = [f"{agent['id']} ({agent['state']})" for agent in status["agents"]]
        output.fields(
            {
                "broker": status["nats_url"],
                "database": _without_password(status["database_url"]),
                "agents": ", ".join(agents) or "none",
                "files": status["data_dir"],
                "process": status["pid"],
            }
        )


def _without_password(dsn: str) -> str:
    import re

    return re.sub(r"(://[^:/@]+):[^@]*@", r"\1:…@", dsn)
