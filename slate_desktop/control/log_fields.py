"""What a line says of itself in fields: stored metadata, or the object that a JSON line is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import msgspec

from slate_desktop.control.console_chunks import LogRow, RowKind

# A longer line is no structured log, and taking it apart would stall the window.
_MAX_JSON_CHARS = 16_384
_MAX_DEPTH = 3
# Where loggers keep the words; the console shows them as the message.
# Source: field names of bunyan, pino, structlog, zap, Serilog (`@m`) and ECS.
_MESSAGE_KEYS = ("message", "msg", "event", "@m", "text", "Message")
# Shown by the console itself.
_KNOWN_KEYS = frozenset(
    {"time", "timestamp", "ts", "@t", "@timestamp", "level", "severity", "lvl", "levelname", "@l"}
)


def fields_of(row: LogRow) -> Mapping[str, Any]:
    """Return the fields of a row: metadata over those of its JSON; nested ones as ``a.b``."""
    if row.kind is not RowKind.LINE:
        return {}
    fields = json_fields(row.message)
    return {**fields, **row.metadata} if row.metadata else fields


def message_of(text: str) -> str | None:
    """Return the words of a JSON line, None where the line is none or has no words."""
    fields = json_fields(text)
    found = (fields[key] for key in _MESSAGE_KEYS if isinstance(fields.get(key), str))
    return next(found, None)


def column_keys(rows: Iterable[LogRow]) -> dict[str, int]:
    """Return the fields that rows have and a column can show, with their longest value."""
    widths: dict[str, int] = {}
    for row in rows:
        for key, value in fields_of(row).items():
            if key not in _KNOWN_KEYS and key not in _MESSAGE_KEYS:
                widths[key] = max(widths.get(key, len(key)), len(value_text(value)))
    return dict(sorted(widths.items()))


def value_text(value: object) -> str:
    """Return a value as it stands in a column."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:g}"
    return str(value) if isinstance(value, int) else msgspec.json.encode(value).decode()


@lru_cache(maxsize=4096)
def json_fields(text: str) -> Mapping[str, Any]:
    """Return the fields of a line that is a JSON object, none of any other line."""
    if not text.startswith("{") or len(text) > _MAX_JSON_CHARS:
        return {}
    try:
        decoded = msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return {}
    return dict(_flat(decoded, "", 0)) if isinstance(decoded, dict) else {}


def _flat(fields: dict[str, Any], before: str, depth: int) -> Iterable[tuple[str, Any]]:
    for key, value in fields.items():
        if isinstance(value, dict) and value and depth < _MAX_DEPTH:
            yield from _flat(value, f"{before}{key}.", depth + 1)
        else:
            yield f"{before}{key}", value
