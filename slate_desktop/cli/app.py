"""The command ``slate``: its groups, and what happens to errors.

Modules of commands import nothing slow at their top, so that ``slate --help`` stays quick.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from slate_desktop.cli import (
    alert_commands,
    asset_commands,
    audit_commands,
    build_commands,
    connect_commands,
    log_commands,
    member_commands,
    monitor_commands,
    project_commands,
    quota_commands,
    server_commands,
    session_commands,
    session_exec,
    session_logs,
    session_stats,
    settings_commands,
    stack_commands,
    support_commands,
    sync_commands,
    system_commands,
)
from slate_desktop.cli.exits import EXIT_INTERRUPTED
from slate_desktop.cli.output import Output
from slate_desktop.cli.sections import Sections

_ClickException: Any = typer.BadParameter.__mro__[2]

app = typer.Typer(
    name="slate",
    cls=Sections,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(stack_commands.app, name="stack")
app.add_typer(project_commands.app, name="project")
app.add_typer(session_commands.app, name="session")
app.add_typer(asset_commands.app, name="asset")
app.add_typer(build_commands.app, name="build")
app.add_typer(log_commands.app, name="logs")
app.add_typer(sync_commands.app, name="sync")
app.add_typer(audit_commands.app, name="audit")
app.add_typer(alert_commands.app, name="alerts")
app.add_typer(quota_commands.app, name="quota")
app.add_typer(server_commands.app, name="server")
app.add_typer(settings_commands.app, name="settings")
app.add_typer(support_commands.app, name="support")
app.command("connect")(connect_commands.connect)
app.add_typer(connect_commands.app, name="profile")
member_commands.register(project_commands.app)
session_exec.register(session_commands.app)
session_logs.register(session_commands.app)
session_stats.register(session_commands.app)
monitor_commands.register(app, session_commands.app)
system_commands.register(app)


def _print_version(wanted: bool) -> None:
    if wanted:
        from slate_desktop import __version__

        sys.stdout.write(f"slate {__version__}\n")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and end."
        ),
    ] = False,
) -> None:
    """The control centre for people who make games."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Letters that the terminal has not, such as those of a name that is no text, end nothing.
        sys.stdout.reconfigure(errors="backslashreplace")
    own = arguments[: arguments.index("--")] if "--" in arguments else arguments
    output = Output(as_json="--json" in own)
    command = typer.main.get_command(app)
    try:
        result = command.main(args=arguments, prog_name="slate", standalone_mode=False)
    except _ClickException as exc:
        return output.usage(exc)
    except typer.Abort:
        return EXIT_INTERRUPTED
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except Exception as exc:  # noqa: BLE001 - the boundary of the program
        return output.error(exc)
    return result if isinstance(result, int) else 0


__all__ = ["app", "main"]
