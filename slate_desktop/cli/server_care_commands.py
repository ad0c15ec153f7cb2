"""``slate server backup|restore|rotate|upgrade|prune|doctor``: keeping a server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from slate_desktop.cli.exits import EXIT_ENVIRONMENT, EXIT_OK
from slate_desktop.cli.options import Json
from slate_desktop.cli.output import Output
from slate_desktop.cli.run import alone
from slate_desktop.cli.server_place import Directory, server_files


def register(app: typer.Typer) -> None:
    """Add the commands to ``slate server``."""
    for command in (backup, restore, rotate, upgrade, prune, doctor):
        app.command()(command)


def backup(
    file: Annotated[Path, typer.Argument(help="Where it is written; an old one is replaced.")],
    directory: Directory = None,
    as_json: Json = False,
) -> None:
    """Back everything up into one file. The server may run on.

    The file holds database, streams, objects and keys.
    """

    async def action(output: Output) -> None:
        from slate_desktop.domain.sizes import format_bytes
        from slate_desktop.server import backup as backups

        found = await backups.backup(
            server_files(directory), file.absolute(), say=lambda what: output.note(f"{what} …")
        )
        row = backups.manifest_row(found) | {"file": str(file)}
        output.result(
            row,
            f"{format_bytes(file.stat().st_size)} are in {file}. It holds every secret of the"
            " server: keep it where nobody else reads it.",
        )

    alone(as_json, action)


def restore(
    file: Annotated[Path, typer.Argument(help="A file of slate server backup.")],
    check: Annotated[
        bool, typer.Option("--check", help="Only read it and compare every digest.")
    ] = False,
    host: Annotated[
        list[str] | None,
        typer.Option(help="Name or address of another host than the backup's; repeatable."),
    ] = None,
    nats_port: Annotated[int | None, typer.Option(help="Another port of the broker.")] = None,
    database_port: Annotated[int | None, typer.Option(help="Another port of PostgreSQL.")] = None,
    directory: Directory = None,
    as_json: Json = False,
) -> None:
    """Make a server from a backup, in an empty directory."""

    async def action(output: Output) -> None:
        from slate_desktop.server import backup as backups

        if check:
            found = await backups.check(file)
            words = f"{file} is whole: {found.server}, schema {found.schema}."
            output.result(backups.manifest_row(found) | {"file": str(file)}, words)
            return
        target = server_files(directory)
        config = await backups.restore(
            target,
            file,
            elsewhere=backups.Elsewhere(
                hosts=tuple(host) if host else None,
                nats_port=nats_port,
                database_port=database_port,
            ),
            say=lambda what: output.note(f"{what} …"),
        )
        output.result(
            {"name": config.name, "directory": str(target.directory)},
            f"The server {config.name} is in {target.directory}. Start it: slate server run",
        )

    alone(as_json, action)


def rotate(
    certificate: Annotated[
        bool, typer.Option("--certificate/--no-certificate", help="Of broker and database.")
    ] = True,
    agent: Annotated[
        bool, typer.Option("--agent/--no-agent", help="The key of this host's agent.")
    ] = True,
    directory: Directory = None,
    as_json: Json = False,
) -> None:
    """Make new keys and use them at once. What runs goes on, and clients reconnect."""

    async def action(output: Output) -> None:
        from slate_desktop.server import rotate as keys

        done = await keys.rotate(server_files(directory), certificate=certificate, agent=agent)
        names = [name for name in ("certificate", "agent") if done[name]]
        words = f"New keys: {', '.join(names) or 'none'}."
        words += (
            " The server uses them now." if done["reloaded"] else " They are used from its start."
        )
        output.result(done, words)

    alone(as_json, action)


def upgrade(directory: Directory = None, as_json: Json = False) -> None:
    """Check, back up and migrate a stopped server. Run it after a new version was installed."""

    async def action(output: Output) -> None:
        from slate_desktop.server.upgrade import upgrade as run

        done = await run(server_files(directory), say=lambda what: output.note(f"{what} …"))
        row = {
            "before": done.before,
            "after": done.after,
            "backup": None if done.backup is None else str(done.backup),
        }
        words = (
            f"The database has schema {done.after}; there is nothing to do."
            if done.backup is None
            else f"From schema {done.before} to {done.after}. The backup is {done.backup}."
        )
        output.result(row, words)

    alone(as_json, action)


def prune(
    apply: Annotated[
        bool, typer.Option("--apply", help="Remove them; else they are only counted.")
    ] = False,
    grace: Annotated[
        float, typer.Option(min=0, metavar="HOURS", help="How long what nobody names stays.")
    ] = 24.0,
    directory: Directory = None,
    as_json: Json = False,
) -> None:
    """Remove stored files that no tree, job or build names. A server does it by itself too."""

    async def action(output: Output) -> None:
        from slate_desktop.domain.sizes import format_bytes
        from slate_desktop.server import prune as pruning

        found = await pruning.prune(
            server_files(directory),
            apply=apply,
            grace_s=grace * 3600,
            say=lambda what: output.note(f"{what} …"),
        )
        words = (
            f"{found.objects:,} objects, {format_bytes(found.size_bytes)}; nobody names"
            f" {found.waiting:,} that stay for now, and {found.due:,} that are due"
            f" ({format_bytes(found.due_bytes)})."
        )
        words += (
            f" {found.removed:,} were removed, and {found.uploads:,} broken-off uploads."
            if apply
            else " Nothing was removed: --apply does."
        )
        output.result(msgspec.to_builtins(found), words)

    alone(as_json, action)


def doctor(directory: Directory = None, as_json: Json = False) -> None:
    """Check the server, and say how to mend what is wrong.

    It looks at certificate, clock, ports, disk, schema and agents.
    """

    async def action(output: Output) -> int:
        from slate_desktop.cli.checks import show_checks
        from slate_desktop.diagnosis.check import State
        from slate_desktop.diagnosis.server import check_server

        is_fine = show_checks(output, await check_server(server_files(directory)), State.FAILED)
        return EXIT_OK if is_fine else EXIT_ENVIRONMENT

    alone(as_json, action)
