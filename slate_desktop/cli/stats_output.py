"""What sessions use and used, as words, tables, JSON and CSV."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from slate_desktop.cli.output import Output

if TYPE_CHECKING:
    from datetime import datetime

    from slate_desktop.control.stats_history import Series
    from slate_desktop.control.values import StatsReading
    from slate_desktop.domain.stats import ContainerStats, StatsPoint

_SHORT_ID = 8
_HEADERS = ("TIME", "STEP", "CPU", "CPU MAX", "MEMORY", "MEMORY MAX", "LIMIT", "PROCESSES")


def show_now(output: Output, found: Sequence[tuple[str, StatsReading]]) -> None:
    """Print the newest samples: of one session line by line, of several as a table."""
    if output.as_json:
        rows = [(name, _fields(reading)) for name, reading in found]
        one = rows[0][1]
        several = {"sessions": [{"session": name, **fields} for name, fields in rows]}
        output.result(one if len(rows) == 1 else several)
    elif len(found) == 1:
        reading = found[0][1]
        output.fields({**_words(reading.stats), "age": f"{reading.age_ms} ms"})
    else:
        words = [(name, _words(reading.stats)) for name, reading in found]
        names = list(dict.fromkeys(name for _, row in words for name in row))
        headers = ("SESSION", *(name.upper() for name in names))
        rows = ((name[:_SHORT_ID], *(row.get(n, "–") for n in names)) for name, row in words)
        output.table(headers, rows)


def show_history(output: Output, found: Sequence[tuple[str, list[StatsPoint]]]) -> None:
    """Print points of history, of several sessions by time."""
    if output.as_json:
        rows = [{"session_id": name, "points": [_point(p) for p in pts]} for name, pts in found]
        output.result(rows[0] if len(rows) == 1 else {"sessions": rows})
        return
    placed = sorted(((p.at_ns, name, p) for name, pts in found for p in pts), key=lambda x: x[:2])
    if not placed:
        output.say("Nothing was measured in that time.")
    elif len(found) == 1:
        output.table(_HEADERS, (_cells(point) for _, _, point in placed))
    else:
        headers = ("SESSION", *_HEADERS)
        output.table(headers, ((name[:_SHORT_ID], *_cells(p)) for _, name, p in placed))


class _Track(msgspec.Struct, frozen=True):
    title: str
    series: Series


def csv_of(
    found: Sequence[tuple[str, list[StatsPoint]]], span_s: int, points: int, end: datetime
) -> tuple[str, int]:
    """Return the points as the window writes what its graphs show, and how many there are.

    Args:
        found: points of each session.
        span_s: seconds of history.
        points: how many were asked for.
        end: the end of the span.
    """
    from slate_desktop.control.stats_csv import as_csv
    from slate_desktop.control.stats_history import StatsHistory

    end_ns = int(end.timestamp() * 1e9)
    step_s = max(1, -(-span_s // points))
    tracks: list[_Track] = []
    for name, rows in found:
        history = StatsHistory()
        history.load_span(rows)
        tracks.append(_Track(name, history.series(span_s, end_ns=end_ns, step_s=step_s)))
    text = as_csv(tracks, end_ns)
    return text, text.count("\n") - 1


def write_file(path: Path, text: str) -> None:
    """Write a file.

    Raises:
        CommandError: ``bad_request`` when it cannot be written.
    """
    from slate_desktop.errors import CommandError, ErrorCode

    try:
        path.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise CommandError(
            ErrorCode.BAD_REQUEST, f"{path} cannot be written: {error}", field="csv"
        ) from error


def _fields(reading: StatsReading) -> dict[str, Any]:
    fields = msgspec.structs.asdict(reading.stats)
    del fields["sampled_at_ns"]
    return {**fields, "age_ms": reading.age_ms}


def _words(sample: ContainerStats) -> dict[str, str]:
    from slate_desktop.domain.sizes import format_bytes

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
    return rows


def _point(point: StatsPoint) -> dict[str, Any]:
    return {"at": _time_of(point).isoformat(), **msgspec.structs.asdict(point)}


def _cells(point: StatsPoint) -> tuple[str, ...]:
    from slate_desktop.domain.sizes import format_bytes

    return (
        f"{_time_of(point).astimezone():%Y-%m-%d %H:%M:%S}",
        f"{point.step_s} s",
        f"{point.cpu_percent:.1f} %",
        f"{point.cpu_percent_max:.1f} %",
        format_bytes(point.memory_usage),
        format_bytes(point.memory_usage_max),
        format_bytes(point.memory_limit) if point.memory_limit else "–",
        str(point.pids),
    )


def _time_of(point: StatsPoint) -> datetime:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(point.at_ns / 1e9, UTC)
