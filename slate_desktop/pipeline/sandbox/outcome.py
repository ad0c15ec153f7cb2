"""How a child ended, as a value or as one error that a person can read."""

from __future__ import annotations

import json
import signal
from enum import StrEnum
from typing import Any

import msgspec

from slate_desktop.errors import AssetError, CommandError, ErrorCode, Retry
from slate_desktop.pipeline.sandbox.limits import Limits
from slate_desktop.pipeline.sandbox.request import MAX_MESSAGE_BYTES

_OF_OURS = frozenset({ErrorCode.ASSET_INVALID, ErrorCode.ASSET_LIMIT, ErrorCode.ASSET_CRASH})
_CODES = frozenset({*_OF_OURS, ErrorCode.BAD_REQUEST, ErrorCode.DISK_LOW, ErrorCode.INTERNAL})
_MAX_TEXT = 2000


class Stop(StrEnum):
    """Why the parent ended a child."""

    TIME = "time"
    CANCEL = "cancel"


class _Fault(msgspec.Struct):
    code: ErrorCode
    message: str
    field: str | None = None
    hint: str = ""
    details: dict[str, object] = {}


class Answer(msgspec.Struct):
    """One line of a child: progress, or the last word."""

    progress: float | None = None
    message: str = ""
    result: Any = msgspec.UNSET
    error: _Fault | None = None

    @property
    def has_result(self) -> bool:
        """Whether it carries a result."""
        return self.result is not msgspec.UNSET

    @property
    def is_last(self) -> bool:
        """Whether nothing follows."""
        return self.error is not None or self.has_result


def read_answer(line: bytes) -> Answer | None:
    """Return a line as an answer, or None: a child that was taken over may say anything."""
    if len(line) > MAX_MESSAGE_BYTES + 1:
        return None
    try:
        return msgspec.convert(json.loads(line), Answer)
    except (ValueError, RecursionError):
        return None


def conclude(
    answer: Answer | None, status: int | None, stop: Stop | None, limits: Limits
) -> object:
    """Return the child's result.

    Args:
        answer: its last word, None where there was none.
        status: exit code, minus the signal, None where unknown.
        stop: why the parent ended it.
        limits: that it was under.

    Raises:
        CommandError: ``cancelled``, ``disk_low``, or what the options were refused for.
        AssetError: everything else.
    """
    if answer is not None and answer.error is not None and stop is None:
        raise _told(answer.error)
    if answer is not None and answer.has_result and stop is not Stop.CANCEL:
        return answer.result
    if stop is Stop.CANCEL:
        raise CommandError(ErrorCode.CANCELLED, "It was cancelled.")
    if stop is Stop.TIME:
        raise AssetError.limit(f"The file took longer than {limits.wall_s:g} s.")
    raise _ended(status, limits)


def _told(fault: _Fault) -> CommandError:
    code = fault.code if fault.code in _CODES else ErrorCode.ASSET_CRASH
    kind = AssetError if code in _OF_OURS else CommandError
    return kind(
        code,
        fault.message[:_MAX_TEXT],
        field=fault.field,
        details=fault.details,
        hint=fault.hint[:_MAX_TEXT],
    )


def _ended(status: int | None, limits: Limits) -> AssetError:
    if status is None:
        return AssetError(
            ErrorCode.ASSET_CRASH, "The reader was lost while it ran.", retry=Retry.LATER
        )
    names = {number.value: number.name for number in signal.Signals}
    match names.get(-status, ""):
        case "SIGKILL":
            return AssetError.limit("The system ended the reader: it needed too much memory.")
        case "SIGXCPU":
            return AssetError.limit(f"The file needs more than {limits.cpu_s} s of a processor.")
        case "SIGXFSZ":
            return AssetError.limit("The result is larger than is allowed.")
        case "":
            return AssetError.crash(f"The reader ended with exit code {status}.", status=status)
        case name:
            return AssetError.crash(f"Reading the file crashed ({name}).", signal=name)
