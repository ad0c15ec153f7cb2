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
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="The join file.", show_default=False)
    ] = None,
    import_env: Annotated[
        Path | None,
        typer.Option(
            "--import-env",
            metavar="ENV",
            help="Instead: take over addresses from the .env of an existing SLATE installation.",
        ),
    ] = None,
    agent: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Join as an agent, whose files go into this directory."),
    ] = None,
    broker: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Join as a further broker, whose files go into this directory."
        ),
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
        from slate_desktop.errors import CommandError, ErrorCode
        from slate_desktop.settings.model import save_settings
        from slate_desktop.settings.secrets import SecretPlace

        if (file is None) == (import_env is None):
            raise CommandError(
                ErrorCode.BAD_REQUEST, "Name a join file, or a .env with --import-env."
            )
        if import_env is not None:
            _import(output, import_env)
            return
        assert file is not None  # noqa: S101 - one of both is named
        if agent is not None and broker is not None:
            raise CommandError(
                ErrorCode.BAD_REQUEST, "A directory is an agent's or a broker's, not both."
            )
        invitation = joining.load_join_file(file)
        kind = Joiner.AGENT if agent is not None else Joiner.PERSON
        joining.check_is_for(invitation, Joiner.BROKER if broker is not None else kind)
        directory = agent or broker
        found = await joining.join(
            invitation,
            directory=directory.absolute() if directory is not None else None,
            on_place=lambda place: (
                output.note(
                    "There is no keyring here: your key is in a file that only you can read."
                )
                if place is SecretPlace.FILE
                else None
            ),
        )
        result = {"server": found.server.name, "id": found.server.id}
        if directory is not None:
            what = "agent" if agent is not None else "server broker"
            words = f"Run it:  slate {what} --joined {found.directory}"
            output.result(result | {"directory": str(found.directory)}, words)
            return
        if use:
            save_settings({"profile": found.server.name})
        words = f"You have joined {found.server.name}."
        words += " It is used from now on; go back with: slate profile use local" if use else ""
        output.result(result | {"used": use}, words)

    alone(as_json, action)


def _import(output: Output, path: Path) -> None:
    """Take over a ``.env``, and say what was left."""
    from slate_desktop.settings import env_import

    found = env_import.read_env(path)
    env_import.take_over(found)
    for note in found.notes:
        output.note(note)
    for name, reason in found.left.items():
        output.note(f"{name} was not taken over: it is {reason}.")
    taken = sorted(found.settings)
    words = f"Taken over: {', '.join(taken) or 'nothing'}."
    if found.has_profile:
        words += " The profile remote is used from now on; test it: slate profile test remote"
    output.result(
        {
            "settings": taken,
            "secrets": sorted(found.secrets),
            "left": found.left,
            "notes": list(found.notes),
            "used": found.has_profile,
        },
        words,
    )


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
    """Test a connection step by step, and say what is wrong."""

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
