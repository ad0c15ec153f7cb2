"""What sessions use, printed: one session line by line, several in a table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from slate_desktop.cli.output import Output
from slate_desktop.cli.stats_output import show_history, show_now, write_file
from slate_desktop.control.values import StatsReading
from slate_desktop.domain.stats import ContainerStats, down_sample
from slate_desktop.errors import CommandError, ErrorCode

SAMPLE = ContainerStats(
    cpu_percent=12.5,
    memory_usage=2**20,
    memory_limit=2**30,
    network_rx_bytes=1,
    network_tx_bytes=2,
    sampled_at_ns=1_800_000_000 * 10**9,
    pids=3,
)
NOW = StatsReading(stats=SAMPLE, age_ms=7)
POINTS = down_sample([SAMPLE], 10)


def rows_of(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


def test_one_session_keeps_its_shape(capsys: pytest.CaptureFixture[str]) -> None:
    show_now(Output(as_json=True), [("aaaaaaaaaa", NOW)])
    found = json.loads(capsys.readouterr().out)
    assert (found["cpu_percent"], found["age_ms"]) == (12.5, 7)
    show_history(Output(as_json=True), [("aaaaaaaaaa", POINTS)])
    found = json.loads(capsys.readouterr().out)
    assert (found["session_id"], len(found["points"])) == ("aaaaaaaaaa", 1)
    show_now(Output(as_json=False), [("aaaaaaaaaa", NOW)])
    assert rows_of(capsys.readouterr().out)[0] == ["cpu", "12.5", "%", "of", "one", "core"]


def test_several_sessions_stand_in_one_table(capsys: pytest.CaptureFixture[str]) -> None:
    names = ("aaaaaaaaaa", "bbbbbbbbbb")
    show_now(Output(as_json=True), [(name, NOW) for name in names])
    found = json.loads(capsys.readouterr().out)["sessions"]
    assert [row["session"] for row in found] == list(names)
    show_now(Output(as_json=False), [(name, NOW) for name in names])
    head, *rows = rows_of(capsys.readouterr().out)
    assert head[:2] == ["SESSION", "CPU"]
    assert [row[0] for row in rows] == ["aaaaaaaa", "bbbbbbbb"]
    show_history(Output(as_json=False), [(name, POINTS) for name in names])
    head, *rows = rows_of(capsys.readouterr().out)
    assert head[:2] == ["SESSION", "TIME"]
    assert [row[0] for row in rows] == ["aaaaaaaa", "bbbbbbbb"]
    show_history(Output(as_json=False), [(name, []) for name in names])
    assert "Nothing was measured" in capsys.readouterr().out


def test_a_file_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CommandError) as refused:
        write_file(tmp_path, "x")
    assert refused.value.code is ErrorCode.BAD_REQUEST
