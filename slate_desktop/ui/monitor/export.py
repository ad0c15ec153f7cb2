"""Saves what the graphs show: the values as CSV, the picture as PNG."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from slate_desktop.ui.monitor.stack import Shown

_COLUMNS = (
    "cpu_percent",
    "cpu_percent_max",
    "memory_bytes",
    "memory_max_bytes",
    "rx_bytes_per_s",
    "tx_bytes_per_s",
    "read_bytes_per_s",
    "written_bytes_per_s",
    "pids",
    "gpu_percent",
    "gpu_memory_bytes",
)


def as_csv(shown: Sequence[Shown], end_ns: int) -> str:
    """Return the drawn points of sessions, a line each: time (UTC), session, and every figure.

    A figure that was not measured is empty.
    """
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["time", "session", *_COLUMNS, "memory_limit_bytes"])
    for item in shown:
        series = item.series
        columns = [getattr(series, name) for name in _COLUMNS]
        for index, time_s in enumerate(series.time_s):
            values = [column[index] for column in columns]
            if math.isnan(values[0]):
                continue
            moment = datetime.fromtimestamp(end_ns / 1e9 + time_s, UTC)
            cells = ["" if math.isnan(value) else f"{value:.10g}" for value in values]
            title = _harmless(item.title)
            writer.writerow(
                [moment.isoformat(timespec="milliseconds"), title, *cells, series.memory_limit]
            )
    return out.getvalue()


def _harmless(text: str) -> str:
    """Return a name that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in "=+-@\t" else text
