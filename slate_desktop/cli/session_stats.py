"""``slate session stats``: what a session uses now, and what it used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from slate_desktop.cli.options import Json, SessionArgument
from slate_desktop.cli.output import Output
from slate_desktop.cli.run import with_slate

if TYPE_CHECKING:
    from slate_desktop.control.client import Slate
    from slate_desktop.domain.stats import ContainerStats, StatsPoint

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_MAX_S = 30 * 86_400


def register(app: typer.Typer) -> None:
    """Add the command to ``slate session``."""
    app.command("stats")(stats)


def stats(
    session: SessionArgument,
    history: Annotated[
        str | None,
        typer.Option(metavar="1h", help="What was kept of the last so long: 10m, 1h, 7d, 30d."),
    ] = None,
    points: Annotated[
        int, typer.Option(min=1, max=5000, metavar="N", help="At most so many points of history.")
    ] = 60,
    as_json: Json = False,
) -> None:
    """Show the use of CPU, memory, network and disk now; with --history what it was."""
    span_s = None if history is None else read_span(history)

    async def action(slate: Slate, output: Output) -> None:
        found = await slate.find_session(session)
        if span_s is None:
            reading = await slate.get_container_stats(found.id)
            _show_now(output, reading.stats, reading.age_ms)
            return
        from datetime import UTC, datetime, timedelta

        end = datetime.now(UTC)
        rows = await slate.get_stats_history(found.id, end - timedelta(seconds=span_s), end, points)
        _show_history(output, found.id, rows)

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


def _show_now(output: Output, sample: ContainerStats, age_ms: int) -> None:
    from slate_desktop.domain.sizes import format_bytes

    if output.as_json:
        fields = msgspec.structs.asdict(sample)
        del fields["sampled_at_ns"]
        output.result({**fields, "age_ms": age_ms})
        return
    limit = format_bytes(sample.memory_limit) if sample.memory_limit else "no limit"
    rows = {
        "cpu": f"{sample.cpu_percent:.1f} % of one core",
        "memory": f"{format_bytes(sample.memory_usage)} of {limit}",
        "memory peak": format_bytes(sample.memory_peak) if sample.memory_peak else "not known",
        "received": format_bytes(sample.network_rx_bytes),
        "sent": format_bytes(sample.network_tx_bytes),
        "disk read": format_bytes(sample.disk_read_bytes),
        "disk written": format_bytes(sample.disk_write_bytes),
        "processes": str(sample.pids),
    }
    if sample.gpu_percent is not None:
        used = format_bytes(sample.gpu_memory or 0)
        rows["gpu"] = f"{sample.gpu_percent:.0f} %, {used}"
    output.fields({**rows, "age": f"{age_ms} ms"})


def _show_history(output: Output, session_id: str, rows: list[StatsPoint]) -> None:
    from datetime import UTC, datetime

    from slate_desktop.domain.sizes import format_bytes

    def time_of(row: StatsPoint) -> datetime:
        return datetime.fromtimestamp(row.at_ns / 1e9, UTC)

    if output.as_json:
        found = [{"at": time_of(row).isoformat(), **msgspec.structs.asdict(row)} for row in rows]
        output.result({"session_id": session_id, "points": found})
    elif not rows:
        output.say("Nothing was measured in that time.")
    else:
        output.table(
            ("TIME", "STEP", "CPU", "CPU MAX", "MEMORY", "MEMORY MAX", "LIMIT", "PROCESSES"),
            (
                (
                    f"{time_of(row).astimezone():%Y-%m-%d %H:%M:%S}",
                    f"{row.step_s} s",
                    f"{row.cpu_percent:.1f} %",
                    f"{row.cpu_percent_max:.1f} %",
                    format_bytes(row.memory_usage),
                    format_bytes(row.memory_usage_max),
                    format_bytes(row.memory_limit) if row.memory_limit else "–",
                    str(row.pids),
                )
                for row in rows
            ),
        )
