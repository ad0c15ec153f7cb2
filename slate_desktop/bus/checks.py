"""What is refused before it is sent.

A broker closes the connection for an oversized message or an over-long control line, and nats-py
checks neither headers nor the length of a subject.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from slate_desktop.errors import CommandError, ErrorCode

# The broker's default; the embedded one is configured to the same.
DEFAULT_MAX_PAYLOAD = 1_048_576
_RESERVE_BYTES = 1024
# The broker reads control lines of 4 KiB: subject, reply subject, queue group and sizes.
_MAX_SUBJECT_CHARS = 1024
_TOKEN = re.compile(r"[!-)+\--=?-~]+")
_WILDCARD_TOKEN = re.compile(r"[!-)+\--=?-~]+|\*")
_HEADER_NAME = re.compile(r"[!-9;-~]+")


def check_subject(subject: str, *, is_wildcard_allowed: bool = False) -> None:
    """Refuse a subject that the broker or nats-py would choke on.

    Raises:
        CommandError: ``bad_request``.
    """
    pattern = _WILDCARD_TOKEN if is_wildcard_allowed else _TOKEN
    tokens = subject.split(".")
    if is_wildcard_allowed and len(tokens) > 1 and tokens[-1] == ">":
        tokens = tokens[:-1]
    elif is_wildcard_allowed and tokens == [">"]:
        return
    if len(subject) > _MAX_SUBJECT_CHARS or not all(map(pattern.fullmatch, tokens)):
        raise CommandError(
            ErrorCode.BAD_REQUEST, f"{subject[:80]!r} is not a valid subject.", field="subject"
        )


def check_headers(headers: Mapping[str, str] | None) -> None:
    """Refuse headers that would arrive changed: nats-py trims them and drops line ends.

    Raises:
        CommandError: ``bad_request``.
    """
    for name, value in (headers or {}).items():
        if (
            not isinstance(value, str)
            or not _HEADER_NAME.fullmatch(name)
            or value != value.strip()
            or "\r" in value
            or "\n" in value
        ):
            raise CommandError(
                ErrorCode.BAD_REQUEST, f"The header {name!r} is not valid.", field="headers"
            )


def check_size(data: bytes, headers: Mapping[str, str] | None, max_payload: int) -> None:
    """Refuse a message that the broker would answer by closing the connection.

    Raises:
        CommandError: ``too_large``.
    """
    size = len(data) + sum(
        len(name.encode()) + len(value.encode()) + 4 for name, value in (headers or {}).items()
    )
    limit = max_payload - _RESERVE_BYTES
    if size > limit:
        raise CommandError(
            ErrorCode.TOO_LARGE,
            f"The message has {size} bytes; the broker takes {limit}.",
            details={"size": size, "limit": limit},
        )
