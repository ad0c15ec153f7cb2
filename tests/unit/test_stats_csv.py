"""Figures as CSV: what was measured, and nothing that a spreadsheet would run."""

from __future__ import annotations

import csv
import io
from types import SimpleNamespace

import pytest

from slate_desktop.cli.stats_output import csv_of
from slate_desktop.control.stats_csv import as_csv
from slate_desktop.control.stats_history import StatsHistory
from slate_desktop.domain.stats import ContainerStats, StatsPoint, down_sample

NS = 1_000_000_000
END = 1_800_000_000


def sample(at_s: int, cpu: float = 12.5, received: int = 0) -> ContainerStats:
    return ContainerStats(
        cpu_percent=cpu,
        memory_usage=1024,
        memory_limit=4096,
        network_rx_bytes=received,
        network_tx_bytes=0,
        sampled_at_ns=at_s * NS,
        pids=3,
    )


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def points(*at_s: int) -> list[StatsPoint]:
    return down_sample([sample(at, received=at * 100) for at in at_s], 1)


def test_each_point_is_a_line_with_time_session_and_figures() -> None:
    from datetime import UTC, datetime

    found = [("one", points(END - 3, END - 2)), ("two", points(END - 1))]
    text, count = csv_of(found, 10, 10, datetime.fromtimestamp(END, UTC))
    rows = read(text)
    assert count == len(rows) == 3
    assert [row["session"] for row in rows] == ["one", "one", "two"]
    assert rows[0]["time"] == datetime.fromtimestamp(END - 3, UTC).isoformat(
        timespec="milliseconds"
    )
    assert (rows[1]["cpu_percent"], rows[1]["memory_bytes"], rows[1]["pids"]) == (
        "12.5",
        "1024",
        "3",
    )
    assert rows[1]["rx_bytes_per_s"] == "100"
    assert rows[0]["gpu_percent"] == ""
    assert rows[0]["memory_limit_bytes"] == "4096"


def test_breaks_of_a_line_are_no_points() -> None:
    from datetime import UTC, datetime

    text, count = csv_of(
        [("one", points(END - 500, END - 1))], 600, 600, datetime.fromtimestamp(END, UTC)
    )
    assert count == len(read(text)) == 2


@pytest.mark.parametrize("title", ["=cmd()", "+1", "-1", "@x", "\tx"])
def test_no_name_is_a_formula(title: str) -> None:
    history = StatsHistory()
    history.add(sample(END - 1))
    track = SimpleNamespace(title=title, series=history.series(10, end_ns=END * NS))
    (row,) = read(as_csv([track], END * NS))  # pyright: ignore[reportArgumentType]
    assert row["session"] == f"'{title}"
