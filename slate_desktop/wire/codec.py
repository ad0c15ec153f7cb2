"""Bodies: JSON that has exactly one reading, and no value that a later layer could trip over.

Refused are duplicate keys, NaN and infinities (also as ``1e999``), integers beyond ±2⁵³, nesting
deeper than 16, byte-order marks, invalid UTF-8, NUL and lone surrogates. Every refusal costs a few
milliseconds at most: whole-text checks run as single passes in C, before anything is built.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

import msgspec

from slate_desktop.errors import CommandError, ErrorCode

MAX_BODY_BYTES = 65_536
MAX_DEPTH = 16
MAX_OBJECTS = 4096
MAX_INTEGER = 2**53

_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.S)
_AS_SQUARE = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS = bytes(sorted(set(range(256)) - set(b"[]{}")))
# Escapes are walked from the left, so that an escaped backslash before `u0000` is no NUL.
_SOUND_ESCAPES = re.compile(
    r"(?:[^\\]++"
    r"|\\[^u]"
    r"|\\u(?!0000|[dD][89a-fA-F])[0-9a-fA-F]{4}"
    r"|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})*+",
    re.S,
)
_LONG_DIGITS = re.compile(r"[0-9]{16}")
_LONG_INTEGER = re.compile(rb"(?<![0-9.eE+-])-?([0-9]{16,})(?![0-9.eE])")
# A number overflows only with an exponent of three digits or a very long mantissa.
_MAYBE_INFINITE = re.compile(r"[0-9][eE]\+?[0-9]{3}|[0-9]{200}")

_encoder = msgspec.json.Encoder()


def decode_strict(data: bytes, *, max_bytes: int = MAX_BODY_BYTES) -> object:
    """Read a JSON body.

    Raises:
        CommandError: ``too_large``, or ``bad_request`` for anything that is not sound JSON.
    """
    head = data[:max_bytes]
    if head.count(b"[") + head.count(b"{") > MAX_DEPTH:
        _check_depth(head)
    if len(data) > max_bytes:
        raise CommandError(
            ErrorCode.TOO_LARGE,
            f"The body has {len(data)} bytes; {max_bytes} are allowed",
            field="body",
        )
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise _bad("The body is not UTF-8") from exc
    if "\\" in text and _SOUND_ESCAPES.fullmatch(text) is None:
        raise _bad("A string in the body holds NUL, half a character or a broken escape")
    if _LONG_DIGITS.search(text) is not None:
        _check_integers(data)
    try:
        return _loads(text)
    except (ValueError, RecursionError) as exc:
        raise _bad("The body is not JSON") from exc


def decode_object(data: bytes, *, max_bytes: int = MAX_BODY_BYTES) -> dict[str, Any]:
    """Read a JSON body that must be an object.

    Raises:
        CommandError: as ``decode_strict``, and ``bad_request`` for another type.
    """
    value = decode_strict(data, max_bytes=max_bytes)
    if not isinstance(value, dict):
        raise _bad("The body must be a JSON object")
    return value


def encode(value: object) -> bytes:
    """Write a body; structs, enums and times are understood.

    Raises:
        CommandError: ``bad_request`` for text that cannot be UTF-8 and for unknown types.
    """
    try:
        return _encoder.encode(value)
    except (msgspec.MsgspecError, TypeError, ValueError, RecursionError) as exc:
        raise _bad("The message cannot be written as JSON") from exc


def _loads(text: str) -> object:
    objects = 0

    def take_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal objects
        objects += 1
        if objects > MAX_OBJECTS:
            raise _bad(f"The body holds more than {MAX_OBJECTS} objects")
        result = dict(pairs)
        if len(result) != len(pairs):
            raise _bad("The body names a key twice")
        return result

    # A hook per number is slow: it is used only where one could be out of range.
    return json.loads(
        text,
        object_pairs_hook=take_object,
        parse_constant=_refuse_constant,
        parse_float=_take_float if _MAYBE_INFINITE.search(text) else None,
    )


def _check_depth(data: bytes) -> None:
    bare = _STRING.sub(b"", data) if b'"' in data else data
    # Each round removes the innermost level; which kind of bracket it is, the parser checks.
    brackets = bare.translate(_AS_SQUARE, _NO_BRACKETS)
    for _ in range(MAX_DEPTH):
        shorter = brackets.replace(b"[]", b"")
        if len(shorter) == len(brackets):
            break
        brackets = shorter
    if b"[]" in brackets or brackets.count(b"[") > MAX_DEPTH:
        raise _bad(f"The body is nested deeper than {MAX_DEPTH}")


def _check_integers(data: bytes) -> None:
    # 2^53 has 16 digits; a longer one is never converted.
    for match in _LONG_INTEGER.finditer(_STRING.sub(b"", data)):
        if len(match[1]) > 16 or int(match[1]) > MAX_INTEGER:
            raise _bad("An integer in the body is beyond 2^53")


def _take_float(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise _bad("A number in the body is too large")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise _bad(f"{name} is not a JSON number")


def _bad(message: str) -> CommandError:
    return CommandError(ErrorCode.BAD_REQUEST, message, field="body")
