"""What the end of a runtime means for its session: a pure function of what the engine says."""

from __future__ import annotations

import msgspec

from slate_desktop.agent.drivers.base import Inspection, RuntimeState
from slate_desktop.domain.session import SessionStatus
from slate_desktop.errors import CommandError, ErrorCode

COMMAND_NOT_FOUND_CODES = frozenset({126, 127})
# With an init process a missing binary is a good start and an early exit.
COMMAND_NOT_FOUND_WITHIN_S = 1.0
_MIB = 1024 * 1024


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The final state of an attempt; ``note`` is for the log of a session that ended well."""

    status: SessionStatus
    exit_code: int | None = None
    oom_killed: bool = False
    error_code: ErrorCode | None = None
    error_message: str | None = None
    note: str | None = None


def judge(
    inspection: Inspection, *, was_asked: bool, ran_s: float, memory_limit: int | None
) -> Verdict:
    """Return the verdict on a runtime that has ended.

    Args:
        inspection: the engine's last word.
        was_asked: somebody stopped it.
        ran_s: seconds since its start.
        memory_limit: its limit in bytes, None for none.
    """
    code, oom = inspection.exit_code, inspection.oom_killed
    if was_asked:
        return Verdict(status=SessionStatus.STOPPED, exit_code=code, oom_killed=oom)
    if inspection.state is RuntimeState.ABSENT:
        return _failed(inspection, ErrorCode.CONTAINER_LOST, "the runtime is gone: it was removed")
    if oom and code != 0:
        return _failed(inspection, ErrorCode.OOM, _oom_message(inspection, memory_limit))
    if code == 0:
        note = None
        if oom:
            note = f"{_oom_message(inspection, memory_limit)} (a process inside; it ended well)"
        return Verdict(status=SessionStatus.STOPPED, exit_code=0, oom_killed=oom, note=note)
    if code in COMMAND_NOT_FOUND_CODES and ran_s <= COMMAND_NOT_FOUND_WITHIN_S:
        what = "cannot be executed" if code == 126 else "was not found"
        return _failed(inspection, ErrorCode.COMMAND_NOT_FOUND, f"the command {what} (exit {code})")
    return _failed(inspection, ErrorCode.EXITED, _exit_message(inspection))


def judge_error(error: CommandError) -> Verdict:
    """Return the verdict on an attempt whose runtime did not start."""
    return Verdict(status=SessionStatus.FAILED, error_code=error.code, error_message=error.message)


def _failed(inspection: Inspection, code: ErrorCode, message: str) -> Verdict:
    return Verdict(
        status=SessionStatus.FAILED,
        exit_code=inspection.exit_code,
        oom_killed=inspection.oom_killed,
        error_code=code,
        error_message=message,
    )


def _oom_message(inspection: Inspection, limit: int | None) -> str:
    parts = ["out of memory: killed by the system"]
    if limit:
        parts.append(f"limit {limit / _MIB:.0f} MiB")
    if inspection.memory_peak:
        parts.append(f"peak {inspection.memory_peak / _MIB:.0f} MiB")
    return ", ".join(parts)


def _exit_message(inspection: Inspection) -> str:
    code = inspection.exit_code
    if code is None:
        return inspection.error or "the runtime ended, and its exit code is not known"
    text = f"the runtime ended with exit code {code}"
    if code > 128:
        text += f" (signal {code - 128})"
    return f"{text}: {inspection.error}" if inspection.error else text
