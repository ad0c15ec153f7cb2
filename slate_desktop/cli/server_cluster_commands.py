"""``slate server add-broker|remove-broker|brokers|broker``: a cluster of brokers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from slate_desktop.cli.options import Json
from slate_desktop.cli.output import Output
from slate_desktop.cli.run import alone
from slate_desktop.cli.server_place import Directory, server_files


def register(app: typer.Typer) -> None:
    """Add the commands to ``slate server``."""
    app.command("add-broker")(add_broker)
    app.command("remove-broker")(remove_broker)
    app.command("brokers")(brokers)
    app.command("broker")(broker)


def add_broker(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the broker is called.")],
    host: Annotated[
        list[str],
        typer.Option(help="Name or address under which all others reach it; repeatable."),
    ],
    nats_port: Annotated[int, typer.Option(help="Its port for clients.")] = 4222,
    cluster_port: Annotated[int, typer.Option(help="Its port for the other brokers.")] = 6222,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Where the join file is written.")
    ] = None,
    days: Annotated[
        float, typer.Option(min=0.01, max=365, help="How long the invitation holds, in days.")
    ] = 7.0,
    directory: Directory = None,
    as_json: Json = False,
) -> None:
    """Write an invitation for a further broker. It joins by `slate connect --broker DIR FILE`."""

    async def action(output: Output) -> None:
        from slate_desktop.domain.joining import BrokerPlace, check_server_name, write_join_file
        from slate_desktop.server import cluster_members
        from slate_desktop.server.invitations import invite_broker
        from slate_desktop.settings import files

        found = server_files(directory)
        config = found.read_config()
        check_server_name(name)
        place = BrokerPlace(
            name=name, hosts=tuple(host), nats_port=nats_port, cluster_port=cluster_port
        )
        known = cluster_members.present(cluster_members.read_brokers(found.brokers))
        cluster_members.check_place(place, config, [one.place for one in known])
        join_file = invite_broker(found, config, place, days=days)
        path = out or Path(f"{config.name}-{name}.slate-join")
        files.write_private(path.absolute(), write_join_file(join_file))
        output.result(
            cluster_members.to_json(place)
            | {"file": str(path), "expires_ms": join_file.expires_ms},
            f"The invitation for the broker {name} is in {path}. On its host:\n"
            f"  slate connect --broker /var/lib/slate-broker {path.name}\n"
            "  slate server broker --joined /var/lib/slate-broker\n"
            + _next(1 + len({one.place.name for one in known} | {name})),
        )

    alone(as_json, action)


def remove_broker(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    directory: Directory = None,
    as_json: Json = False,
) -> None:
    """Let a further broker in no more. Its share of the streams goes to another one."""

    async def action(output: Output) -> None:
        from slate_desktop.server import cluster_members

        cluster_members.mark_removed(server_files(directory), name)
        output.result({"name": name}, f"{name} is no broker of the cluster any more.")

    alone(as_json, action)


def brokers(directory: Directory = None, as_json: Json = False) -> None:
    """List the brokers, and say whether they are a cluster."""

    async def action(output: Output) -> None:
        from slate_desktop.server import cluster_members

        found = server_files(directory)
        config = found.read_config()
        places = [config.own_place]
        places += [
            one.place
            for one in cluster_members.present(cluster_members.read_brokers(found.brokers))
        ]
        begun = cluster_members.is_begun(found)
        if output.as_json:
            rows = [cluster_members.to_json(place) for place in places]
            output.result({"is_cluster": begun, "brokers": rows})
            return
        output.table(
            ("name", "clients", "brokers"),
            [(place.name, place.address, place.route) for place in places],
        )
        output.note("They are a cluster." if begun else _next(len(places)))

    alone(as_json, action)


def broker(
    joined: Annotated[
        Path, typer.Option(metavar="DIR", help="The directory of slate connect --broker.")
    ],
    listen: Annotated[str, typer.Option(help="The address to listen on.")] = "0.0.0.0",  # noqa: S104
    listen_nats_port: Annotated[
        int | None, typer.Option(help="The port to bind, where another is mapped to it.")
    ] = None,
    listen_cluster_port: Annotated[
        int | None, typer.Option(help="The same for the other brokers.")
    ] = None,
) -> None:
    """Run a further broker in the foreground."""
    from slate_desktop.log import setup
    from slate_desktop.settings.model import log_level

    output = Output(as_json=False)
    try:
        setup.configure(log_level())
        import asyncio

        from slate_desktop.server.broker_host import Binding, run_broker

        binding = Binding(host=listen, nats_port=listen_nats_port, cluster_port=listen_cluster_port)
        code = asyncio.run(run_broker(joined.absolute(), binding))
    except KeyboardInterrupt:
        code = 0
    except Exception as exc:  # noqa: BLE001 - the boundary of a command
        code = output.error(exc)
    raise typer.Exit(code)


def _next(count: int) -> str:
    if count < 3:
        return "A cluster begins at three brokers: add another one, then restart the server."
    return "Once they run, restart the server: the cluster begins then."
