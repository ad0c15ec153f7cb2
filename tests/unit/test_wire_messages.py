"""Bodies of requests, replies and events."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import msgspec
import pytest

from slate_desktop.domain.logs import LogLevel, LogRecord
from slate_desktop.domain.session import RuntimeSession, SessionStatus
from slate_desktop.domain.stats import ContainerStats
from slate_desktop.errors import CommandError, ErrorCode, Retry
from slate_desktop.wire.codec import encode
from slate_desktop.wire.errors import error_to_reply, reply_or_raise
from slate_desktop.wire.events import (
    Heartbeat,
    LogEvent,
    StatsEvent,
    StatusEvent,
    read_event,
    read_heartbeat,
    status_data,
)
from slate_desktop.wire.log_batch import LogBatch, batches_of
from slate_desktop.wire.messages import (
    ExecReply,
    ExecuteRequest,
    RestartRequest,
    SessionReply,
    StartRequest,
    StatsReply,
    StopRequest,
    read_execute,
    read_restart,
    read_start,
    read_stats,
    read_stop,
    session_reply,
    write_execute,
    write_grace,
    write_start,
)

AT = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
SESSION = RuntimeSession(
    id="s1",
    project_id="p1",
    user_id="u1",
    runtime_type="godot",
    status=SessionStatus.RUNNING,
    container_config={},
    version=3,
    attempt=1,
    container_id="c1",
    created_at=AT,
    updated_at=AT,
    started_at=AT,
)
SAMPLE = ContainerStats(
    cpu_percent=12.5,
    memory_usage=10,
    memory_limit=100,
    network_rx_bytes=1,
    network_tx_bytes=2,
    sampled_at_ns=1_000_000_000,
)


def test_start_takes_the_configuration_flat() -> None:
    request = read_start(b'{"memory": "4g", "network_mode": "none", "projectId": "p1"}')
    assert request == StartRequest(
        overrides={"memory": "4g", "network_mode": "none"},
        explicit=frozenset({"memory", "networkMode"}),
        project_id="p1",
    )
    assert read_start(write_start(request)) == request


@pytest.mark.parametrize("name", ["userId", "user_id"])
def test_start_may_name_its_user_either_way(name: str) -> None:
    assert read_start(json.dumps({name: "u1"}).encode()).user_id == "u1"


def test_start_without_overrides_is_an_empty_object() -> None:
    assert read_start(b"{}") == StartRequest()


@pytest.mark.parametrize(
    ("read", "body", "field"),
    [
        (read_start, b"", "body"),
        (read_start, b"[]", "body"),
        (read_start, b'{"privileged": true}', "privileged"),
        (read_start, b'{"memory": "4gg"}', "memory"),
        (read_start, b'{"projectId": "a.b"}', "project_id"),
        (read_start, b'{"projectId": "submit"}', "project_id"),
        (read_start, b'{"projectId": "a", "project_id": "a"}', "projectId"),
        (read_start, b'{"userId": 5}', "user_id"),
        (read_stop, b'{"grace": -1}', "grace"),
        (read_stop, b'{"grace": 1e9}', "grace"),
        (read_stop, b'{"grace": "x"}', "grace"),
        (read_stop, b'{"grace": true}', "grace"),
        (read_stop, b'{"force": true}', "force"),
        (read_stop, b"", "body"),
        (read_restart, b'{"grace": 61}', "grace"),
        (read_restart, b'{"memory": "4g"}', "memory"),
        (read_execute, b"{}", "command"),
        (read_execute, b'{"command": "ls"}', "command"),
        (read_execute, b'{"command": []}', "command"),
        (read_execute, b'{"argv": [""]}', "argv"),
        (read_execute, b'{"command": [5]}', "command"),
        (read_execute, json.dumps({"command": ["a"] * 10_000}).encode(), "command"),
        (read_execute, b'{"command": ["a\\u0000"]}', "body"),
        (read_execute, b'{"command": ["a"], "argv": ["a"]}', "command"),
        (read_execute, b'{"command": ["a"], "user": "root"}', "user"),
        (read_execute, b'{"command": ["a"], "privileged": true}', "privileged"),
        (read_execute, b'{"command": ["a"], "timeout": 0}', "timeout"),
        (read_execute, b'{"command": ["a"], "timeout": -1}', "timeout"),
        (read_execute, b'{"command": ["a"], "timeout": 601}', "timeout"),
        (read_execute, b'{"command": ["a"], "timeout": "5"}', "timeout"),
        (read_execute, b'{"command": ["a"], "timeout": true}', "timeout"),
        (read_stats, b'{"x": 1}', "x"),
        (read_stats, b"null", "body"),
    ],
)
def test_bad_request_names_its_field(read, body: bytes, field: str) -> None:
    with pytest.raises(CommandError) as caught:
        read(body)
    assert caught.value.code is ErrorCode.BAD_REQUEST
    assert caught.value.field == field


@pytest.mark.parametrize("read", [read_start, read_stop, read_restart, read_execute, read_stats])
def test_large_request_is_refused(read) -> None:
    with pytest.raises(CommandError) as caught:
        read(b'{"command": ["' + b"a" * 65 * 1024 + b'"]}')
    assert caught.value.code is ErrorCode.TOO_LARGE


def test_requests_round_trip() -> None:
    execute = ExecuteRequest(argv=["sh", "-c", "exit 3"], timeout_s=5)
    assert read_execute(write_execute(execute)) == execute
    assert read_execute(b'{"argv": ["a"]}') == ExecuteRequest(argv=["a"])
    for request in (StopRequest(), StopRequest(grace_s=2.5)):
        assert read_stop(write_grace(request)) == request
    assert read_restart(write_grace(RestartRequest(grace_s=0))).grace_s == 0
    read_stats(b"{}")


def test_error_crosses_the_wire() -> None:
    error = CommandError(
        ErrorCode.PORT_CONFLICT,
        "The port 8080 is in use",
        field="ports",
        retry=Retry.LATER,
        details={"port": 8080},
        hint="Choose another one.",
    )
    data = error_to_reply(error, now_ms=5)
    assert json.loads(data) == {
        "error": {
            "code": "port_conflict",
            "message": "The port 8080 is in use",
            "field": "ports",
            "retry": "later",
            "details": {"port": 8080, "hint": "Choose another one."},
            "now_ms": 5,
        }
    }
    with pytest.raises(CommandError) as caught:
        reply_or_raise(data, SessionReply)
    again = caught.value
    assert (again.code, again.message, again.field) == (error.code, error.message, error.field)
    assert (again.retry, again.hint) == (error.retry, error.hint)
    assert again.details == {"port": 8080, "now_ms": 5}


def test_error_without_a_time_carries_the_clock() -> None:
    assert json.loads(error_to_reply(CommandError("busy", "x")))["error"]["now_ms"] > 1.7e12


def test_error_with_broken_text_can_be_sent() -> None:
    data = error_to_reply(CommandError("internal", "a\ud800\x00b"), now_ms=1)
    assert json.loads(data)["error"]["message"] == "a?b"


def test_details_that_cannot_be_written_are_left_out() -> None:
    error = CommandError("internal", "x", field="\ud800", details={"path": "\ud800"})
    assert json.loads(error_to_reply(error, now_ms=1))["error"]["details"] == {}


def test_code_of_a_newer_agent_is_internal_with_its_sentence() -> None:
    with pytest.raises(CommandError, match="Too hot") as caught:
        reply_or_raise(b'{"error": {"code": "too_hot", "message": "Too hot"}}', SessionReply)
    assert caught.value.code is ErrorCode.INTERNAL
    assert caught.value.details["code"] == "too_hot"


@pytest.mark.parametrize(
    "data", [b"", b"[", b"{}", b"[]", b'{"error": 5}', b"\xff", b'{"status": "flying"}', b"null"]
)
def test_unreadable_answer_is_internal(data: bytes) -> None:
    with pytest.raises(CommandError) as caught:
        reply_or_raise(data, SessionReply)
    assert caught.value.code is ErrorCode.INTERNAL


def test_session_reply_shows_the_row() -> None:
    reply = session_reply(SESSION, ["sized down"])
    assert reply_or_raise(encode(reply), SessionReply) == reply
    assert reply.session_id == "s1"
    assert reply.status is SessionStatus.RUNNING
    assert reply.started_at == "2024-01-02T03:04:05+00:00"
    assert reply.notes == ["sized down"]


def test_unconfirmed_status_has_no_version() -> None:
    assert status_data(SESSION, confirmed=False).version is None
    assert status_data(SESSION).version == 3


def test_replies_ignore_fields_of_newer_agents() -> None:
    data = b'{"exit_code": 0, "stdout": "", "stderr": "", "duration_ms": 1, "new": 1}'
    assert reply_or_raise(data, ExecReply).exit_code == 0


def test_stats_reply_says_how_old_the_sample_is() -> None:
    reply = StatsReply.from_stats(SAMPLE, now_ns=1_500_000_000)
    assert reply.age_ms == 500
    assert reply_or_raise(encode(reply), StatsReply) == reply
    assert StatsReply.from_stats(SAMPLE, now_ns=0).age_ms == 0


@pytest.mark.parametrize(
    "event",
    [
        StatusEvent(session_id="s1", project_id="p1", data=status_data(SESSION)),
        StatsEvent(session_id="s1", project_id="p1", data=SAMPLE),
        LogEvent(
            session_id="s1",
            project_id="p1",
            data=LogBatch(
                attempt=1,
                epoch=2,
                first_seq=7,
                levels="wi",
                times=[123, 124],
                messages=["x\ty", "z"],
                streams={"stderr": [0]},
                partials=[0],
                metadata=[(0, {"a": 1})],
            ),
        ),
    ],
)
def test_events_round_trip(event) -> None:
    data = encode(event)
    assert read_event(data) == event
    assert json.loads(data).keys() == {"type", "session_id", "project_id", "data"}


RECORDS = [
    LogRecord(
        seq=seq,
        container_id="c",
        stream="stderr" if seq == 8 else "stdout",
        ts_ns=seq * 10,
        ord=0,
        level=LogLevel.ERROR if seq == 7 else LogLevel.INFO,
        message=f"line {seq}",
        partial=seq == 10,
        metadata={"a": 1} if seq == 8 else {},
    )
    for seq in (7, 8, 10)
]


def test_log_lines_travel_in_the_documented_columns() -> None:
    first, second = batches_of(RECORDS, attempt=1, epoch=2)
    assert json.loads(encode(first)) == {
        "attempt": 1,
        "epoch": 2,
        "first_seq": 7,
        "levels": "ei",
        "times": [70, 80],
        "messages": ["line 7", "line 8"],
        "streams": {"stderr": [1]},
        "metadata": [[1, {"a": 1}]],
    }
    assert (second.first_seq, second.last_seq, second.partials) == (10, 10, [0])
    lines = first.lines() + second.lines()
    for line, record in zip(lines, RECORDS, strict=True):
        assert (line.seq, line.timestamp_ns, line.message) == (
            record.seq,
            record.ts_ns,
            record.message,
        )
        assert (line.level, line.stream, line.partial) == (
            record.level,
            record.stream,
            record.partial,
        )
        assert line.metadata == record.metadata


@pytest.mark.parametrize(
    "change",
    [
        {"levels": "e"},
        {"levels": "ex"},
        {"times": [1]},
        {"first_seq": 0},
        {"partials": [2]},
        {"streams": {"stderr": [-1]}},
        {"metadata": [[2, {}]]},
    ],
)
def test_columns_that_do_not_fit_are_refused(change: dict[str, object]) -> None:
    body = json.loads(encode(batches_of(RECORDS)[0])) | change
    event = {"type": "logs", "session_id": "s", "project_id": "p", "data": body}
    with pytest.raises(CommandError):
        read_event(json.dumps(event).encode())


@pytest.mark.parametrize("data", [b"", b"{}", b'{"type": "other"}', b"\xff", b"[" * 100_000])
def test_foreign_event_is_refused(data: bytes) -> None:
    with pytest.raises(CommandError):
        read_event(data)
    with pytest.raises(CommandError):
        read_heartbeat(data)


def test_heartbeat_round_trips() -> None:
    beat = Heartbeat(agent_id="a1", epoch=3, engines={"docker": {"is_available": True}}, sessions=2)
    assert read_heartbeat(encode(beat)) == beat
    assert set(msgspec.to_builtins(beat)) == {
        "agent_id",
        "epoch",
        "capabilities",
        "engines",
        "sessions",
        "jobs",
    }
