"""Log rows as plain text: for the clipboard, files and the command line."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from slate_desktop.control.console_chunks import LogRow, RowKind

# Source: ECMA-48, 5.4: control sequences; and operating system commands up to BEL or ST.
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def plain(text: str) -> str:
    """Return ``text`` without ANSI sequences and control characters but tab and line end."""
    return _CONTROL.sub("", _ANSI.sub("", text))


def format_time(timestamp_ns: int) -> str:
    """Return an ISO time in UTC with milliseconds."""
    moment = datetime.fromtimestamp(timestamp_ns // 1_000_000_000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{timestamp_ns % 1_000_000_000 // 1_000_000:03}Z"


def row_text(row: LogRow, *, with_times: bool = False) -> str:
    """Return a row as one line of plain text, without a line end."""
    if row.kind is RowKind.GAP:
        return f"[lines {row.seq} to {row.last_seq} are missing]"
    text = plain(row.message)
    if with_times:
        return f"{format_time(row.timestamp_ns)} {row.level.value:5} {text}"
    return text
