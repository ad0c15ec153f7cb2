"""Options that choose lines of a log, the same for every command that reads one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from slate_desktop.cli.options import LevelChoice
from slate_desktop.cli.session_stats import read_span

if TYPE_CHECKING:
    from slate_desktop.control.log_merge import LogFilter

Since = Annotated[
    str | None,
    typer.Option(metavar="10m", help="Only lines of the last so long, or from a time on."),
]
Until = Annotated[
    str | None, typer.Option(metavar="5m", help="Only lines older than that, or that time.")
]
Level = Annotated[LevelChoice | None, typer.Option(help="This level and heavier ones.")]
Grep = Annotated[
    str | None, typer.Option(metavar="TEXT", help="Only lines with this text, in any case.")
]
Regex = Annotated[
    bool, typer.Option("--regex", "-E", help="The text of --grep is a regular expression.")
]


def read_filter(
    level: LevelChoice | None,
    grep: str | None,
    since: str | None,
    until: str | None,
    *,
    is_regex: bool,
) -> LogFilter:
    """Return what the options choose.

    Raises:
        typer.BadParameter: a time or an expression is none.
    """
    from slate_desktop.control.log_merge import LogFilter

    _check_expression(grep, is_regex=is_regex)
    since_ns, until_ns = read_moment("--since", since), read_moment("--until", until)
    if since_ns is not None and until_ns is not None and since_ns >= until_ns:
        raise typer.BadParameter("lies after the end of the span", param_hint="--since")
    chosen = level.value if level else None
    return LogFilter(chosen, grep, since_ns, until_ns, is_regex=is_regex)


def read_moment(option: str, text: str | None) -> int | None:
    """Return the moment that ``10m`` (ago) or an ISO time means, UTC nanoseconds.

    Raises:
        typer.BadParameter: it is neither.
    """
    import time
    from datetime import datetime

    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        pass
    else:
        return int(moment.astimezone().timestamp() * 1e9)
    try:
        return time.time_ns() - read_span(text) * 1_000_000_000
    except typer.BadParameter:
        raise typer.BadParameter(
            "say how long ago (10m, 2h, 3d) or a time (2026-05-01T12:00)", param_hint=option
        ) from None


def _check_expression(grep: str | None, *, is_regex: bool) -> None:
    import re

    if not is_regex:
        return
    if not grep:
        raise typer.BadParameter("say with --grep what to look for", param_hint="--regex")
    try:
        re.compile(grep)
    except (re.error, OverflowError, RecursionError) as error:
        raise typer.BadParameter(
            f"{grep!r} is no regular expression: {error}", param_hint="--grep"
        ) from error
