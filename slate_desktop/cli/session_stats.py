"""``slate session stats``: what a session uses now, and what it used."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from slate_desktop.cli.options import Json
from slate_desktop.cli.output import Output
from slate_desktop.cli.run import with_slate
from slate_desktop.cli.stats_output import csv_of, show_history, show_now, write_file

if TYPE_CHECKING:
    from slate_desktop.control.client import Slate

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_MAX_S = 30 * 86_400


def register(app: typer.Typer) -> None:
    """Add the command to ``slate session``."""
    app.command("stats")(stats)


def stats(
    sessions: Annotated[
        list[str],
        typer.Argument(
            metavar="SESSION…", help="Id, beginning of an id, or 'last'; several side by side."
        ),
    ],
    history: Annotated[
        str | None,
        typer.Option(metavar="1h", help="What was kept of the last so long: 10m, 1h, 7d, 30d."),
    ] = None,
    points: Annotated[
        int, typer.Option(min=1, max=5000, metavar="N", help="At most so many points of history.")
    ] = 60,
    csv: Annotated[
        Path | None,
        typer.Option(
            "--csv",
            metavar="FILE",
            help="Write the history (1h if none is named) as CSV; - for standard output.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show the use of CPU, memory, network and disk now. With --history what it was."""
    is_to_output = str(csv) == "-"
    if is_to_output and as_json:
        raise typer.BadParameter("not standard output together with --json", param_hint="--csv")
    span_s = None if history is None and csv is None else read_span(history or "1h")

    async def action(slate: Slate, output: Output) -> None:
        rows = [await slate.find_session(text) for text in sessions]
        ids = list(dict.fromkeys(row.id for row in rows))
        if span_s is None:
            show_now(output, [(name, await slate.get_container_stats(name)) for name in ids])
            return
        from datetime import UTC, datetime, timedelta

        end = datetime.now(UTC)
        start = end - timedelta(seconds=span_s)
        found = [(name, await slate.get_stats_history(name, start, end, points)) for name in ids]
        if csv is None:
            show_history(output, found)
            return
        text, lines = csv_of(found, span_s, points, end)
        if is_to_output:
            output.text(text)
            return
        write_file(csv, text)
        row = {"sessions": ids, "file": str(csv), "points": lines}
        output.result(row, f"{lines:,} points are in {csv}.")

    with_slate(as_json, action)


def read_span(text: str) -> int:
    """Return the seconds of ``90s``, ``10m``, ``1h`` or ``30d``.

    Raises:
        typer.BadParameter: it is none, or longer than anything is kept.
    """
    number, unit = text[:-1], text[-1:]
    if not number.isdecimal() or unit not in _UNITS_S:
        raise typer.BadParameter(f"{text!r} is no span like 10m, 1h or 7d", param_hint="--history")
    seconds = int(number) * _UNITS_S[unit]
    if not 1 <= seconds <= _MAX_S:
        raise typer.BadParameter("must be from 1s to 30d", param_hint="--history")
    return seconds
