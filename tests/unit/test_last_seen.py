"""What the servers last said, kept in small files and read without them."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from slate_desktop.control import last_seen
from slate_desktop.control.console import LogBuffer
from slate_desktop.control.kept_log import KeptLog
from slate_desktop.control.last_seen import LastSeen, SeenBuilds, SeenLog, SeenSessions, seen_log
from slate_desktop.control.log_search import SearchPattern
from slate_desktop.control.stats_history import StatsHistory
from slate_desktop.domain.logs import LogLevel, LogLine
from slate_desktop.domain.session import RuntimeSession, SessionStatus
from slate_desktop.domain.stats import ContainerStats

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
NS = 1_000_000_000


def session(name: str) -> RuntimeSession:
    return RuntimeSession(
        id=name, project_id="p", user_id="u", runtime_type="godot", status=SessionStatus.RUNNING,
        container_config={"environment": {"TOKEN": "x"}}, created_at=NOW, updated_at=NOW,
    )  # fmt: skip


def line(seq: int, message: str = "hello", level: LogLevel = LogLevel.INFO) -> LogLine:
    return LogLine(seq=seq, timestamp_ns=seq * NS, level=level, message=message)


def test_kept_rows_are_read_by_another_process_with_their_moment(tmp_path: Path) -> None:
    first = LastSeen(tmp_path / "seen" / "local")
    rows = SeenSessions(sessions=[session("a"), session("b")])
    first.keep({last_seen.SESSIONS: rows}, set(), NOW)
    later = NOW + timedelta(minutes=5)
    first.keep({last_seen.BUILDS: SeenBuilds(builds=[])}, {last_seen.SESSIONS, "never"}, later)
    second = LastSeen(tmp_path / "seen" / "local")
    second.open()
    assert second.read(last_seen.SESSIONS, SeenSessions) == rows
    assert second.moment(last_seen.SESSIONS) == later
    assert second.moment("never") is None
    if os.name != "nt":
        modes = {p.stat().st_mode & 0o777 for p in (tmp_path / "seen" / "local").iterdir()}
        assert modes == {0o600}


@pytest.mark.parametrize("data", [b"", b"{", b"[1]", b"\xff", b'{"sessions": 7}', b"[" * 100_000])
def test_torn_and_foreign_files_count_as_never_seen(tmp_path: Path, data: bytes) -> None:
    seen = LastSeen(tmp_path / "seen")
    seen.keep({last_seen.SESSIONS: SeenSessions(sessions=[session("a")])}, set(), NOW)
    (tmp_path / "seen" / "sessions.json").write_bytes(data)
    assert seen.read(last_seen.SESSIONS, SeenSessions) is None
    (tmp_path / "seen" / "index.json").write_bytes(data)
    again = LastSeen(tmp_path / "seen")
    again.open()
    assert again.moment(last_seen.SESSIONS) is None


def test_oldest_logs_go_when_there_are_too_many(tmp_path: Path) -> None:
    seen = LastSeen(tmp_path / "seen")
    for number in range(last_seen.MAX_KEPT + 5):
        log = SeenLog(lines=[line(1)])
        seen.keep({f"log-{number}": log}, set(), NOW + timedelta(seconds=number))
    files = {path.stem for path in (tmp_path / "seen").iterdir()}
    assert len(files) == last_seen.MAX_KEPT + 1  # and the index
    assert "log-4" not in files
    assert "log-5" in files


def test_removed_session_leaves_no_log(tmp_path: Path) -> None:
    seen = LastSeen(tmp_path / "seen")
    seen.keep({"log-a": SeenLog(lines=[line(1)]), "log-b": SeenLog(lines=[])}, set(), NOW)
    seen.forget("log-a")
    seen.forget("never")
    assert not (tmp_path / "seen" / "log-a.json").exists()
    again = LastSeen(tmp_path / "seen")
    again.open()
    assert again.moment("log-a") is None
    assert again.moment("log-b") == NOW


def test_kept_log_is_bounded_in_lines_and_bytes() -> None:
    many = seen_log([line(n) for n in range(1, last_seen.MAX_LINES + 11)], [])
    assert [many.lines[0].seq, many.lines[-1].seq] == [11, last_seen.MAX_LINES + 10]
    long = seen_log([line(n, "x" * 10_000) for n in range(1, 2001)], [])
    assert sum(len(each.message) for each in long.lines) < 2_000_000
    assert long.lines[-1].seq == 2000
    assert len(long.lines[-1].message) == last_seen.MAX_LINE_CHARACTERS + 1


def test_lines_of_a_buffer_leave_its_holes_out() -> None:
    buffer = LogBuffer()
    buffer.append([line(1), line(2)])
    buffer.append_gap(3, 5)
    buffer.append([line(6, "boom", LogLevel.ERROR)])
    assert [each.seq for each in last_seen.lines_of(buffer)] == [1, 2, 6]


async def test_kept_log_is_searched_and_stepped_through() -> None:
    lines = [line(11), line(12, "oh", LogLevel.ERROR), line(13), line(14, "ah", LogLevel.WARN)]
    kept = KeptLog("s", SeenLog(lines=lines))
    await kept.open()
    assert (kept.log.first_seq, kept.log.last_seq) == (11, 14)
    assert kept.log.row(1).message == "oh"
    assert await kept.find_error(11, 1) == 12
    assert await kept.find_error(12, -1) is None
    density = await kept.problem_density(4)
    assert density == {LogLevel.WARN: {3: 1}, LogLevel.ERROR: {1: 1}}
    search = kept.search_logs(SearchPattern("a", is_regex=False), near=14)
    await search.run()
    assert search.count == 1
    await kept.aclose()


def test_kept_samples_draw_the_span_that_ended_with_the_last() -> None:
    history = StatsHistory()
    for second in range(0, 600, 10):
        history.add(
            ContainerStats(
                cpu_percent=second / 10, memory_usage=second, memory_limit=1000,
                network_rx_bytes=second, network_tx_bytes=0, sampled_at_ns=NS * (1000 + second),
            )
        )  # fmt: skip
    kept = KeptLog("s", SeenLog(lines=[], samples=history.samples()))
    drawn = kept.stats_history.series(300)
    assert drawn.time_s[-1] == 0
    assert drawn.cpu_percent[-1] == 59
    assert len(drawn.time_s) >= 30
