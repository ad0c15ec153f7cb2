"""Finds the line of a moment among the lines that are in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from slate_desktop.control.console import LogBuffer


def seq_at(buffer: LogBuffer, at_ns: int) -> int | None:
    """Return the number of the first line at or after a moment (UTC nanoseconds).

    Returns:
        The newest line's number for a moment behind the end; None for one before the first line
        in memory, which only the database knows, and for a buffer without lines.
    """
    if not len(buffer) or at_ns < buffer.row(0).timestamp_ns:
        return None
    # Times of two streams may step back a little: the search ends near the line, which is enough.
    first, last = 0, len(buffer)
    while first < last:
        middle = (first + last) // 2
        if buffer.row(middle).timestamp_ns < at_ns:
            first = middle + 1
        else:
            last = middle
    return buffer.row(min(first, len(buffer) - 1)).seq
