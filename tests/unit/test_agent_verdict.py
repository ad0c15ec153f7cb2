"""What the end of a runtime means."""

from __future__ import annotations

import pytest

from slate_desktop.agent.drivers.base import Inspection, RuntimeState
from slate_desktop.agent.verdict import judge, judge_error
from slate_desktop.domain.session import SessionStatus
from slate_desktop.errors import CommandError, ErrorCode

MIB = 1024 * 1024


def exited(code: int | None, **more: object) -> Inspection:
    return Inspection(state=RuntimeState.EXITED, exit_code=code, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("inspection", "ran_s", "status", "code"),
    [
        (exited(0), 5.0, SessionStatus.STOPPED, None),
        (exited(3), 5.0, SessionStatus.FAILED, ErrorCode.EXITED),
        (exited(139), 5.0, SessionStatus.FAILED, ErrorCode.EXITED),
        (exited(127), 0.5, SessionStatus.FAILED, ErrorCode.COMMAND_NOT_FOUND),
        (exited(126), 0.5, SessionStatus.FAILED, ErrorCode.COMMAND_NOT_FOUND),
        (exited(127), 5.0, SessionStatus.FAILED, ErrorCode.EXITED),
        (exited(137, oom_killed=True), 5.0, SessionStatus.FAILED, ErrorCode.OOM),
        (exited(0, oom_killed=True), 5.0, SessionStatus.STOPPED, None),
        (exited(None), 5.0, SessionStatus.FAILED, ErrorCode.EXITED),
        (
            Inspection(state=RuntimeState.ABSENT),
            5.0,
            SessionStatus.FAILED,
            ErrorCode.CONTAINER_LOST,
        ),
    ],
)
def test_judge_names_the_reason_when_nobody_asked(
    inspection: Inspection, ran_s: float, status: SessionStatus, code: ErrorCode | None
) -> None:
    verdict = judge(inspection, was_asked=False, ran_s=ran_s, memory_limit=None)
    assert (verdict.status, verdict.error_code) == (status, code)
    assert verdict.exit_code == inspection.exit_code


@pytest.mark.parametrize("code", [0, 1, 137, 143])
def test_judge_is_stopped_when_it_was_asked(code: int) -> None:
    verdict = judge(exited(code), was_asked=True, ran_s=5, memory_limit=None)
    assert verdict.status is SessionStatus.STOPPED
    assert verdict.exit_code == code
    assert verdict.error_code is None


def test_judge_tells_limit_and_peak_when_memory_ran_out() -> None:
    inspection = exited(137, oom_killed=True, memory_peak=63 * MIB)
    verdict = judge(inspection, was_asked=False, ran_s=5, memory_limit=64 * MIB)
    assert verdict.error_message is not None
    assert "64 MiB" in verdict.error_message
    assert "63 MiB" in verdict.error_message


def test_judge_warns_when_only_a_child_was_killed() -> None:
    verdict = judge(exited(0, oom_killed=True), was_asked=False, ran_s=5, memory_limit=64 * MIB)
    assert verdict.note is not None
    assert verdict.oom_killed


def test_judge_error_keeps_code_and_sentence() -> None:
    verdict = judge_error(CommandError(ErrorCode.IMAGE_MISSING, "no such image"))
    assert verdict.status is SessionStatus.FAILED
    assert verdict.error_code is ErrorCode.IMAGE_MISSING
    assert verdict.error_message == "no such image"
