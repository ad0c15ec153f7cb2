"""The whole way on the process driver: command line, broker, agent, database."""

from __future__ import annotations

import asyncio
import csv
import json
import subprocess
import time
from typing import Any

import asyncpg
import nats
import pytest

from slate_desktop.domain.ids import new_id

pytestmark = [pytest.mark.nats, pytest.mark.postgres, pytest.mark.timeout(180)]


async def stored(slate, query: str, *arguments: Any) -> Any:
    connection = await asyncpg.connect(slate.json("stack", "status")["database_url"])
    try:
        return await connection.fetchrow(query, *arguments)
    finally:
        await connection.close()


async def sessions_in(database_url: str) -> list[Any]:
    """Return all rows of sessions, whole; a command that lists them takes far longer."""
    connection = await asyncpg.connect(database_url)
    try:
        return await connection.fetch("select * from slate_runtime_sessions order by id")
    finally:
        await connection.close()


async def status_of(slate, session_id: str) -> str:
    row = await stored(slate, "select status from slate_runtime_sessions where id = $1", session_id)
    return row["status"]


def await_line(slate, session_id: str, text: str) -> None:
    deadline = time.monotonic() + 60
    while not slate("session", "logs", session_id, "--grep", text, "--json", code=0).lines:
        assert time.monotonic() < deadline


def await_whole_log(slate, session_id: str) -> dict[str, Any]:
    """Return the row of a session that is over, once its log is complete too."""
    deadline = time.monotonic() + 60
    while not (row := slate.json("session", "show", session_id))["log_complete"]:
        assert time.monotonic() < deadline
    return row


@pytest.fixture(scope="module")
def database_url(slate) -> str:
    return slate.json("stack", "status")["database_url"]


@pytest.fixture(scope="module")
def session(slate, looping) -> dict[str, Any]:
    """A session that runs; tests leave it running."""
    return slate.json("session", "start", "looping", "--driver", "process", "--wait")


async def test_status_admits_a_third_party_client(slate):
    status = slate.json("stack", "status")
    assert status["running"]
    assert status["agents"]
    client = await nats.connect(**status["nats_connect"])
    assert client.is_connected
    assert str(client.connected_url.netloc) in status["nats_url"]
    await client.close()


async def test_unsigned_request_of_the_original_system_is_refused(slate, session):
    client = await nats.connect(**slate.json("stack", "status")["nats_connect"])
    try:
        for operation in ("stop", "stats", "start"):
            answer = await client.request(
                f"slate.container.{operation}.{session['id']}", b"{}", timeout=30
            )
            assert json.loads(answer.data)["error"]["code"] == "unsigned"
    finally:
        await client.close()
    assert await status_of(slate, session["id"]) == "running"


def test_project_add_again_gives_the_same_project(slate, looping):
    again = slate.json("project", "add", looping["root"], "--name", "other")
    assert again["id"] == looping["id"]
    assert looping["engine"] == "custom"
    for text in (looping["id"], looping["id"][:8], "LOOPING", looping["root"]):
        assert slate.json("project", "show", text)["id"] == looping["id"]
    assert looping["id"] in [row["id"] for row in slate.json("project", "list")["projects"]]


async def test_start_prints_the_row_that_is_stored(slate, session):
    assert session["status"] == "running"
    assert session["driver"] == "process"
    assert session["error"] is None
    assert session["container_config"]["driver"] == "process"
    row = await stored(
        slate,
        "select status, attempt, started_at from slate_runtime_sessions where id = $1",
        session["id"],
    )
    assert (row["status"], row["attempt"]) == ("running", session["attempt"])
    assert row["started_at"].isoformat() == session["started_at"]


def test_logs_have_no_holes_and_filters_work(slate, session):
    lines = slate("session", "logs", session["id"], "--limit", "0", "--json", code=0).lines
    assert [line["seq"] for line in lines] == list(range(1, len(lines) + 1))
    newest = slate("session", "logs", session["id"], "--limit", "5", "--json", code=0).lines
    assert len(newest) == 5
    before = slate("session", "logs", session["id"], "--before", "4", "--json", code=0).lines
    assert [line["seq"] for line in before] == [1, 2, 3]
    errors = slate("session", "logs", session["id"], "--level", "error", "--json", code=0).lines
    assert all(line["level"] == "error" for line in errors)
    words = ("--grep", "LINE 3", "--limit", "0")
    found = slate("session", "logs", session["id"], *words, "--json", code=0).lines
    assert found[0]["message"] == "line 3"


def test_logs_are_chosen_by_expression_and_exported_so(slate, session, tmp_path):
    await_line(slate, session["id"], "line 12")
    words = ("--grep", r"^line 1\d$", "--regex")
    found = slate("session", "logs", session["id"], *words, "--limit", "0", "--json", code=0).lines
    assert found[0]["message"] == "line 10"
    assert all(len(line["message"]) == 7 for line in found)
    file = tmp_path / "tens.jsonl"
    done = slate.json("logs", "export", session["id"], str(file), *words, "--since", "2h")
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    assert done["lines"] == len(rows)
    assert [row["message"] for row in rows[: len(found)]] == [line["message"] for line in found]
    nothing = tmp_path / "old.log"
    assert slate.json("logs", "export", session["id"], str(nothing), "--until", "2h")["lines"] == 0
    assert nothing.read_text() == ""


def test_logs_of_several_sessions_by_time_and_side_by_side(slate, session, looping):
    other = slate.json("session", "start", "looping", "--driver", "process", "--wait")
    both = (session["id"], other["id"])
    try:
        await_line(slate, other["id"], "line 1")
        merged = slate("session", "logs", *both, "--limit", "0", "--json", code=0).lines
        assert {line["session"] for line in merged} == set(both)
        for one in both:
            seqs = [line["seq"] for line in merged if line["session"] == one]
            assert seqs == list(range(1, len(seqs) + 1))
        times = [line["timestamp"] for line in merged]
        assert times == sorted(times)
        columns = slate("session", "logs", *both, "--side-by-side", "--limit", "20", code=0).out
        head, _, *rows = columns.splitlines()
        assert [name.strip() for name in head.split("│")] == [one[:8] for one in both]
        assert all("│" in row for row in rows)
        assert any("line" in row.split("│")[1] for row in rows)
        last = slate("session", "logs", session["id"], "--since", "2h", "--json", code=0).lines
        assert last
        assert (
            slate("session", "logs", session["id"], "--until", "2h", "--json", code=0).lines == []
        )
        slate("session", "logs", session["id"], "--side-by-side", code=2)
        slate("session", "logs", session["id"], "--since", "yesterday", code=2)
    finally:
        slate("session", "stop", other["id"], "--wait", code=0)


def test_alerts_are_told_of_a_running_session_and_tried(slate, session):
    add = ("alerts", "add", "looping", "tens", "--kind", "text")
    rule = slate.json(*add, "--regex", r"^line \d+0$", "--cooldown", "3600")
    assert slate.json("alerts", "list", "looping")["rules"] == [
        {key: value for key, value in rule.items() if key != "project_id"}
    ]
    deadline = time.monotonic() + 90
    while not (told := slate.json("alerts", "list", "looping", "--told")["alerts"]):
        assert time.monotonic() < deadline
    assert [(a["session_id"], a["rule_name"]) for a in told] == [(session["id"], "tens")]
    trial = slate.json("alerts", "test", "looping", "tens", "--session", session["id"])
    assert trial["matches"] >= 1
    assert len(trial["alerts"]) == 1
    wrong = slate(*add[:3], "wrong", "--kind", "text", "--regex", "(", "--json", code=2)
    assert wrong.json["error"]["field"] == "pattern"
    assert slate.json("alerts", "switch", "looping", "tens", "--off")["is_enabled"] is False
    assert slate.json("alerts", "remove", "looping", rule["id"][:8])["id"] == rule["id"]
    assert slate.json("alerts", "list", "looping")["rules"] == []


def test_what_a_run_may_write_is_shown_and_changed(slate, session):
    changed = slate.json("logs", "policy", "looping", "--rate", "50000", "--run-size", "none")
    assert (changed["lines_per_s"], changed["run_bytes"]) == (50_000, None)
    assert slate.json("logs", "policy", "looping") == changed
    wrong = slate("logs", "policy", "looping", "--rate", "9", "--json", code=2)
    assert wrong.json["error"]["field"] == "lines_per_s"


def test_stats_are_those_of_a_living_process(slate, session):
    stats = slate.json("session", "stats", session["id"])
    assert stats["memory_usage"] > 1_000_000
    assert {"cpu_percent", "memory_limit", "network_rx_bytes", "network_tx_bytes"} <= stats.keys()
    assert 0 <= stats["age_ms"] < 10_000


def test_stats_of_several_sessions_and_their_history_as_csv(slate, session, tmp_path):
    other = slate.json("session", "start", "looping", "--driver", "process", "--wait")
    both = (session["id"], other["id"])
    try:
        now = slate.json("session", "stats", *both)["sessions"]
        assert [row["session"] for row in now] == list(both)
        assert all(row["memory_usage"] > 1_000_000 for row in now)
        deadline = time.monotonic() + 60
        while True:
            kept = slate.json("session", "stats", *both, "--history", "10m")["sessions"]
            if all(row["points"] for row in kept):
                break
            assert time.monotonic() < deadline
        assert [row["session_id"] for row in kept] == list(both)
        file = tmp_path / "graphs.csv"
        done = slate.json("session", "stats", *both, "--history", "10m", "--csv", str(file))
        rows = list(csv.DictReader(file.read_text().splitlines()))
        assert done["points"] == len(rows) >= 2
        assert {row["session"] for row in rows} == set(both)
        assert all(float(row["memory_bytes"]) > 1_000_000 for row in rows)
    finally:
        slate("session", "stop", other["id"], "--wait", code=0)


def test_exec_keeps_streams_code_and_arguments_apart(slate, session):
    done = slate.json("session", "exec", session["id"], "--", "echo", "a b", "$HOME", "--json")
    assert done["stdout"] == "a b $HOME --json\n"
    assert done["exit_code"] == 0
    failed = slate(
        "session", "exec", session["id"], "--", "sh", "-c", "echo out; echo err >&2; exit 7"
    )
    assert (failed.code, failed.out, failed.err) == (7, "out\n", "err\n")
    assert slate("session", "exec", session["id"], "--json", "--", "false", code=1).json[
        "exit_code"
    ]


def test_exec_outlasts_one_answer_and_is_killed_in_time(slate, session):
    slow = slate.json("session", "exec", session["id"], "--", "sh", "-c", "sleep 3; echo done")
    assert slow["stdout"] == "done\n"
    assert slow["duration_ms"] >= 2900
    late = slate(
        "session", "exec", session["id"], "--timeout", "1", "--json", "--", "sleep", "60", code=6
    )
    assert late.json["error"]["code"] == "exec_timeout"


async def test_restart_makes_a_new_attempt(slate, session):
    again = slate.json("session", "restart", session["id"], "--wait")
    assert again["status"] == "running"
    assert again["attempt"] > session["attempt"]
    assert await status_of(slate, session["id"]) == "running"


async def test_follow_ends_with_the_session(slate, looping):
    row = slate.json("session", "start", "looping", "--driver", "process", "--wait")
    following = subprocess.Popen(  # noqa: ASYNC220
        slate.command(["session", "logs", row["id"], "--follow", "--limit", "0", "--json"]),
        stdout=subprocess.PIPE,
        text=True,
        env=slate.environment(),
    )
    assert following.stdout is not None
    first = json.loads(following.stdout.readline())
    assert first["seq"] == 1
    stopped = slate.json("session", "stop", row["id"], "--wait")
    # Not communicate(): it passes over what readline() has buffered.
    rest = await asyncio.wait_for(asyncio.to_thread(following.stdout.read), 90)
    assert following.wait(30) == 0
    following.stdout.close()
    seqs = [1, *(json.loads(line)["seq"] for line in rest.splitlines())]
    assert seqs == list(range(1, len(seqs) + 1))
    assert stopped["status"] == "stopped"
    assert await status_of(slate, row["id"]) == "stopped"
    shown = slate.json("session", "show", row["id"])
    assert shown["log_complete"]
    stored_rows = await stored(
        slate, "select max(seq) as newest from slate_runtime_logs where session_id = $1", row["id"]
    )
    assert seqs[-1] == stored_rows["newest"]
    assert slate("session", "stop", row["id"], code=0)
    assert slate("session", "stats", row["id"], "--json", code=4).json["error"]["code"] == (
        "not_running"
    )
    slate("session", "remove", row["id"], "--json", code=0)
    slate("session", "show", row["id"], code=3)


def test_failed_start_prints_the_row_and_exits_1(slate, tmp_path):
    slate.json("project", "add", str(tmp_path), "--name", "failing", "--command", "sh -c 'exit 3'")
    row = slate("session", "start", "failing", "--driver", "process", "--wait", "--json", code=1)
    assert row.json["status"] == "failed"
    assert row.json["exit_code"] == 3
    assert row.json["error"]["code"]
    # Later tests compare all rows, and this one is written once more with the end of its log.
    await_whole_log(slate, row.json["id"])


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (("session", "start", "looping", "--memory", "4gg"), 2, "bad_request"),
        (("session", "start", "looping", "--memory", "1m"), 4, "limit_denied"),
        (("session", "start", "looping", "--env", "=x"), 2, "usage"),
        (("session", "start", "looping", "--port", "22"), 4, "port_denied"),
        (("session", "start", "nothing"), 3, "not_found"),
        (("session", "start"), 2, "usage"),
        (("session", "show", "a.b"), 2, "bad_request"),
        (("session", "show", new_id()), 3, "not_found"),
        (("project", "add", "/nowhere"), 2, "bad_request"),
        (("project", "add", "/etc/hostname"), 2, "bad_request"),
        (("project", "add", "/tmp", "--name", "a\u202eb"), 2, "bad_request"),
        (("project", "add", "/tmp", "--engine", "quake"), 2, "usage"),
        (("project", "add", "/tmp", "--command", "'"), 2, "usage"),
    ],
)
async def test_bad_input_is_refused_with_its_code(
    slate, looping, database_url, arguments, code, error
):
    before = await sessions_in(database_url)
    result = slate(*arguments, "--json", code=code)
    assert result.json["error"]["code"] == error
    assert result.json["error"]["message"]
    assert await sessions_in(database_url) == before


def test_project_remove_is_refused_while_it_runs(slate, session):
    assert slate("project", "remove", "looping", "--json", code=4).json["error"]["code"] == (
        "illegal_state"
    )


def test_migrate_version_and_doctor_answer(slate):
    assert slate.json("migrate")["pending"] == []
    assert slate.json("version")["version"]
    checks = slate("doctor", "--json").json["checks"]
    assert {"Python", "nats-server", "PostgreSQL", "stack"} <= {check["name"] for check in checks}
