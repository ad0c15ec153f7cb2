"""A refusal as the body of an answer, and back."""

from __future__ import annotations

import time
from typing import Any, TypeVar

import msgspec

from slate_desktop.errors import CommandError, ErrorCode, Retry
from slate_desktop.wire.codec import encode

T = TypeVar("T")


def error_to_reply(error: CommandError, now_ms: int | None = None) -> bytes:
    """Return the body of an error reply.

    ``now_ms`` is the agent's clock, from which a client with a wrong one learns the difference.
    """
    fields: dict[str, Any] = {
        "code": error.code.value,
        "message": _printable(error.message),
        "field": None if error.field is None else _printable(error.field),
        "retry": error.retry.value,
        "details": error.details | ({"hint": error.hint} if error.hint else {}),
        "now_ms": now_ms if now_ms is not None else time.time_ns() // 1_000_000,
    }
    try:
        return encode({"error": fields})
    except CommandError:
        # The refusal matters more than its details, which may quote what cannot be written.
        return encode({"error": fields | {"details": {}}})


def reply_or_raise(data: bytes, kind: type[T]) -> T:
    """Return a reply's value.

    Raises:
        CommandError: what the agent answered, with its clock as ``now_ms`` in ``details``; or
            ``internal`` when the answer cannot be read.
    """
    try:
        error = _error_decoder.decode(data).error
        if error is None:
            return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:
        raise CommandError(ErrorCode.INTERNAL, "The agent's answer cannot be read") from exc
    raise _to_command_error(error)


class _Error(msgspec.Struct, frozen=True):
    code: str
    message: str = ""
    field: str | None = None
    retry: str = "never"
    details: dict[str, Any] = {}
    now_ms: int | None = None


class _ErrorReply(msgspec.Struct, frozen=True):
    error: _Error | None = None


_error_decoder = msgspec.json.Decoder(_ErrorReply)


def _to_command_error(error: _Error) -> CommandError:
    details = dict(error.details)
    hint = details.pop("hint", "")
    if error.now_ms is not None:
        details["now_ms"] = error.now_ms
    try:
        code, retry = ErrorCode(error.code), Retry(error.retry)
    except ValueError:
        # A newer agent may know more codes; the sentence still says what happened.
        code, retry = ErrorCode.INTERNAL, Retry.NEVER
        details["code"] = error.code
    return CommandError(
        code,
        error.message or "The agent refused the command",
        field=error.field,
        retry=retry,
        details=details,
        hint=hint if isinstance(hint, str) else "",
    )


def _printable(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8").replace("\x00", "")
