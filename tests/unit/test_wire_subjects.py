"""Subjects: nothing but checked ids enters one."""

from __future__ import annotations

import pytest

from slate_desktop.domain.roles import Operation
from slate_desktop.errors import CommandError, ErrorCode
from slate_desktop.wire import subjects

BAD_IDS = [
    "*", ">", "a.b", "..", "é", "", "a\n", "-a", "_a", "a" * 65, "a" * 5000, "a b", "a\x00",
]  # fmt: skip


@pytest.mark.parametrize("bad", BAD_IDS)
@pytest.mark.parametrize(
    "build",
    [
        lambda bad: subjects.container(Operation.START, bad),
        lambda bad: subjects.runtime("p1", bad, "status"),
        lambda bad: subjects.runtime(bad, "s1", "status"),
        lambda bad: subjects.runtime_of_session("p1", bad),
        lambda bad: subjects.runtime_of_project(bad),
        lambda bad: subjects.agent_heartbeat(bad),
        lambda bad: subjects.agent_request(bad),
        lambda bad: subjects.parse_container(f"slate.container.start.{bad}"),
        lambda bad: subjects.parse_runtime(f"slate.runtime.{bad}.s1.status"),
    ],
)
def test_bad_id_is_refused_before_a_subject_is_built(build, bad: str) -> None:
    with pytest.raises(CommandError) as caught:
        build(bad)
    assert caught.value.code is ErrorCode.BAD_REQUEST


@pytest.mark.parametrize("name", ["submit", "cancel"])
def test_reserved_project_is_refused(name: str) -> None:
    with pytest.raises(CommandError):
        subjects.runtime_of_project(name)


@pytest.mark.parametrize("name", ["any", "jobs"])
def test_an_agent_cannot_be_called_like_an_audience_of_all(name: str) -> None:
    with pytest.raises(CommandError, match="no agent can be called"):
        subjects.agent_request(name)


@pytest.mark.parametrize("operation", list(Operation))
def test_command_subject_round_trips(operation: Operation) -> None:
    subject = subjects.container(operation, "s-1")
    assert subject == f"slate.container.{operation.value}.s-1"
    assert subjects.parse_container(subject) == (operation, "s-1")
    assert subjects.container_any(operation) == f"slate.container.{operation.value}.*"


def test_event_subject_round_trips() -> None:
    subject = subjects.runtime("p1", "s1", subjects.EventKind.LOGS)
    assert subject == "slate.runtime.p1.s1.logs"
    assert subjects.parse_runtime(subject) == ("p1", "s1", subjects.EventKind.LOGS)


@pytest.mark.parametrize(
    "subject",
    ["", "slate", "slate.container.start", "slate.container.explode.s1",
     "slate.container.start.s.x", "x.container.start.s1", "slate.container.*.s1"],
)  # fmt: skip
def test_foreign_subject_is_no_command(subject: str) -> None:
    with pytest.raises(CommandError):
        subjects.parse_container(subject)


@pytest.mark.parametrize("subject", ["", "slate.runtime.p1.s1", "slate.runtime.p1.s1.other"])
def test_foreign_subject_is_no_event(subject: str) -> None:
    with pytest.raises(CommandError):
        subjects.parse_runtime(subject)
