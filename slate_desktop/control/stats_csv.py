"""The values of graphs as CSV."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Protocol

from slate_desktop.control.stats_history import Series

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


class Track(Protocol):
    """One session's points, and what it is called."""

    @property
    def title(self) -> str:
        """Its name, for a person."""
        ...

    @property
    def series(self) -> Series:
        """Its points."""
        ...


def as_csv(shown: Sequence[Track], end_ns: int) -> str:
    """Return the points of sessions, a line each: time (UTC), session, and every figure.

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
