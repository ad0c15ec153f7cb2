"""``slate migrate``, ``agent``, ``doctor``, ``desktop`` and ``version``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from slate_desktop.cli.exits import EXIT_ENVIRONMENT, EXIT_OK
from slate_desktop.cli.options import Json
from slate_desktop.cli.output import Output
from slate_desktop.cli.run import alone, on_steps

if TYPE_CHECKING:
    from slate_desktop.agent.options import AgentOptions


def register(app: typer.Typer) -> None:
    """Add the commands to ``slate``."""
    app.command()(migrate)
    app.command()(agent)
    app.command()(doctor)
    app.command()(desktop)
    app.command()(version)


def migrate(
    database_url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Instead of the profile's database."),
    ] = None,
    status: Annotated[
        bool, typer.Option("--status", help="Only say what is there; change nothing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Bring the database to this program's schema; twice is harmless."""

    async def action(output: Output) -> None:
        from slate_desktop.cli import migration
        from slate_desktop.store import migrate as migrations

        dsn = await migration.find_database(database_url, on_steps(output))
        if dsn is None:
            # The embedded stack migrates its own database when it starts.
            report: dict[str, Any] = {"version": len(migrations.load_migrations())}
            report |= {"applied": [], "pending": []}
        else:
            found = await (migrations.status(dsn) if status else migrations.migrate(dsn))
            report = {
                "version": found.version,
                "applied": found.applied,
                "pending": found.pending,
            }
        words = f"The database has schema {report['version']}."
        if report["applied"]:
            words += f" Applied now: {', '.join(report['applied'])}."
        if report["pending"]:
            words += f" Still to come: {', '.join(report['pending'])}."
        output.result(report, words)

    alone(as_json, action)


def agent(
    agent_id: Annotated[
        str | None, typer.Option("--id", metavar="ID", help="The agent's name; this host's.")
    ] = None,
    allow_unsigned: Annotated[
        bool,
        typer.Option("--allow-unsigned", help="Serve the original system's unsigned requests."),
    ] = False,
    joined: Annotated[
        Path | None,
        typer.Option("--joined", metavar="DIR", help="Of a server joined with connect --agent."),
    ] = None,
    stack: Annotated[
        bool, typer.Option("--stack", hidden=True, help="As the embedded stack's own agent.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Run an agent in the foreground until it is told to end. Its runtimes go on."""
    from slate_desktop.log import setup
    from slate_desktop.settings.model import log_level

    output = Output(as_json=as_json)
    try:
        options = _agent_options(agent_id, joined, allow_unsigned=allow_unsigned, is_stack=stack)
        setup.configure(log_level())
        from slate_desktop.agent.service import run_agent

        code = run_agent(options)
    except KeyboardInterrupt:
        code = EXIT_OK
    except Exception as exc:  # noqa: BLE001 - the boundary of a command
        code = output.error(exc)
    else:
        if as_json:
            output.result({"agent_id": options.agent_id, "exit_code": code})
    raise typer.Exit(code)


def doctor(as_json: Json = False) -> None:
    """Check what SLATE needs, and say how to mend what is missing."""

    async def action(output: Output) -> int:
        from slate_desktop.cli.checks import show_checks
        from slate_desktop.diagnosis import run_checks
        from slate_desktop.diagnosis.check import State

        is_fine = show_checks(output, await run_checks(), State.FAILED)
        return EXIT_OK if is_fine else EXIT_ENVIRONMENT

    alone(as_json, action)


def desktop(
    what: Annotated[
        str | None,
        typer.Argument(metavar="[WHAT]", help="A folder, a file, a slate:// link or a join file."),
    ] = None,
    profile: Annotated[
        str | None, typer.Option(metavar="NAME", help="local, remote or a joined server.")
    ] = None,
) -> None:
    """Open the window."""
    from slate_desktop.cli.window import open_window

    raise typer.Exit(
        open_window([*(["--profile", profile] if profile else []), *([what] if what else [])])
    )


def version(
    changes: Annotated[
        bool, typer.Option("--changes", help="Say what is new in this version instead.")
    ] = False,
    newest: Annotated[
        bool, typer.Option("--newest", help="Ask the configured feed for the newest version.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Print the version, what is new, or whether there is a newer one."""
    import platform

    from slate_desktop import __version__

    if newest:
        alone(as_json, _show_newest)
        return
    output = Output(as_json=as_json)
    if changes:
        from slate_desktop.domain.changelog import changes_of
        from slate_desktop.settings.paths import changelog_path

        path = changelog_path()
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        found = changes_of(text, __version__)
        output.result({"version": __version__, "changes": found}, found or "Nothing is written.")
        return
    output.result(
        {"version": __version__, "python": platform.python_version()}, f"slate {__version__}"
    )


async def _show_newest(output: Output) -> None:
    from slate_desktop import __version__
    from slate_desktop.control.releases import ask_feed, newer_than_this
    from slate_desktop.errors import SettingsError
    from slate_desktop.settings.model import load_settings

    feed = load_settings().update_feed
    if not feed:
        raise SettingsError(
            "No feed of releases is configured.",
            hint="Set one with: slate settings set update_feed https://…",
        )
    release = await ask_feed(feed)
    found = {"version": __version__, "newest": None, "url": "", "is_newer": False}
    words = "The feed names no release."
    if release is not None:
        found |= {"newest": release.version, "url": release.url}
        found["is_newer"] = newer_than_this(release)
        words = f"{__version__} is the newest version."
        if found["is_newer"]:
            words = f"{release.version} is there; this one is {__version__}. {release.url}".rstrip()
    output.result(found, words)


def _agent_options(
    agent_id: str | None, joined: Path | None, *, allow_unsigned: bool, is_stack: bool
) -> AgentOptions:
    from slate_desktop.cli import agent_profile
    from slate_desktop.settings.model import load_settings

    settings = load_settings()
    if joined is not None:
        return agent_profile.joined_options(settings, joined, allow_unsigned=allow_unsigned)
    if is_stack or settings.is_local:
        return agent_profile.local_options(
            settings, agent_id, allow_unsigned=allow_unsigned, is_stack=is_stack
        )
    return agent_profile.remote_options(settings, agent_id, allow_unsigned=allow_unsigned)
