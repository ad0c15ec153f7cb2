"""Whose containers may leave their own network: a project decides, for all of its own."""

from __future__ import annotations

from slate_desktop.domain.container import NetworkMode, parse_container_config
from slate_desktop.domain.project import Project
from slate_desktop.errors import CommandError, ErrorCode


def has_way_out(project: Project) -> bool:
    """Tell whether the project's own configuration has a way out to the internet."""
    return parse_container_config(project.settings).network_mode is NetworkMode.INTERNET


def check_way_out(project: Project) -> None:
    """Refuse a way out that only a session, a request or a file of the project asks for.

    Raises:
        CommandError: ``forbidden``.
    """
    if not has_way_out(project):
        raise CommandError(
            ErrorCode.FORBIDDEN,
            "The containers of this project have no way out to the internet",
            field="networkMode",
            hint="Let the project have it: `slate project update PROJECT --network internet`.",
        )
