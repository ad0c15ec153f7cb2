"""``slate connect`` and ``slate profile``: joins servers, and chooses between them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from slate_desktop.cli.options import Json
from slate_desktop.cli.output import Output
from slate_desktop.cli.run import alone

app = typer.Typer(
    help="This machine's own stack and the servers that were joined.", no_args_is_help=True
)


def connect(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The join file.")],
    agent: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Join as an agent, whose files go into this directory."),
    ] = None,
    use: Annotated[
        bool, typer.Option("--use/--no-use", help="Make it the profile that is used from now on.")
    ] = True,
    as_json: Json = False,
) -> None:
    """Join a server with the file that its administrator gave you."""

    async def action(output: Output) -> None:
        from slate_desktop.control import joining
        from slate_desktop.domain.joining import Joiner
        from slate_desktop.settings.model import save_settings
        from slate_desktop.settings.secrets import SecretPlace

        invitation = joining.load_join_file(file)
        joining.check_is_for(invitation, Joiner.PERSON if agent is None else Joiner.AGENT)
        found = await joining.join(
            invitation,
            directory=agent.absolute() if agent is not None else None,
            on_place=lambda place: (
                output.note(
                    "There is no keyring here: your key is in a file that only you can read."
                )
                if place is SecretPlace.FILE
                else None
            ),
        )
        result = {"server": found.server.name, "id": found.server.id}
        if agent is not None:
            words = f"Run the agent:  slate agent --joined {found.directory}"
            output.result(result | {"directory": str(found.directory)}, words)
            return
        if use:
            save_settings({"profile": found.server.name})
        words = f"You have joined {found.server.name}."
        words += " It is used from now on; go back with: slate profile use local" if use else ""
        output.result(result | {"used": use}, words)

    alone(as_json, action)


@app.command("list")
def list_profiles(as_json: Json = False) -> None:
    """List the profiles, and say which one is used."""

    async def action(output: Output) -> None:
        from slate_desktop.control import profiles
        from slate_desktop.settings import joined
        from slate_desktop.settings.model import load_settings

        settings = load_settings()
        used = settings.profile
        if used == "auto":
            used = "local" if settings.is_local else "remote"
        rows: list[dict[str, Any]] = []
        for name in profiles.names():
            address = ""
            if name == "remote":
                address = settings.nats_url or ""
            elif name != "local":
                address = joined.read(joined.directory_of(name)).server.nats_url
            rows.append({"name": name, "address": address, "used": name == used})
        if output.as_json:
            output.result({"profiles": rows})
            return
        output.table(
            ("", "profile", "address"),
            [("*" if row["used"] else "", row["name"], row["address"]) for row in rows],
        )

    alone(as_json, action)


@app.command("use")
def use_profile(
    name: Annotated[str, typer.Argument(help="local, remote or a joined server.")],
    as_json: Json = False,
) -> None:
    """Use a profile from now on."""

    async def action(output: Output) -> None:
        from slate_desktop.control import profiles
        from slate_desktop.errors import SettingsError
        from slate_desktop.settings.model import save_settings

        known = profiles.names()
        if name not in known:
            raise SettingsError(
                f"There is no profile {name!r}.", hint=f"Profiles are: {', '.join(known)}."
            )
        save_settings({"profile": name})
        output.result({"profile": name}, f"{name} is used from now on.")

    alone(as_json, action)


@app.command("test")
def check_connection(
    name: Annotated[
        str | None, typer.Argument(help="local, remote or a joined server; the used one.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Test a connection step by step, and name what keeps it from working."""

    async def action(output: Output) -> int:
        from slate_desktop.cli.checks import show_checks
        from slate_desktop.cli.exits import EXIT_ENVIRONMENT, EXIT_OK
        from slate_desktop.diagnosis.check import State
        from slate_desktop.diagnosis.profile import check_profile
        from slate_desktop.settings.model import load_settings

        settings = load_settings()
        used = ("local" if settings.is_local else "remote") if settings.profile == "auto" else ""
        found = [check async for check in check_profile(name or used or settings.profile)]
        return EXIT_OK if show_checks(output, found, State.FAILED) else EXIT_ENVIRONMENT

    alone(as_json, action)


@app.command("remove")
def remove_profile(
    name: Annotated[str, typer.Argument(help="A joined server.")], as_json: Json = False
) -> None:
    """Forget a server on this machine, with your key for it."""

    async def action(output: Output) -> None:
        from slate_desktop.control import joining
        from slate_desktop.settings.model import load_settings, save_settings

        await joining.leave(name)
        if load_settings().profile == name:
            save_settings({"profile": None})
        output.result({"removed": name}, f"{name} is forgotten on this machine.")

    alone(as_json, action)
