"""What a log says where the engine threw lines away before they could be read."""

from __future__ import annotations

from typing import Any

from slate_desktop.agent.drivers.base import LogFrame


def gap_of(first: LogFrame, last_ns: int, *, is_expected: bool) -> tuple[str, dict[str, Any]]:
    """Return the words and the metadata of the line before the first frame after a gap.

    Args:
        first: the frame.
        last_ns: when the newest line came that was read before, UTC nanoseconds; 0 for none.
        is_expected: the reading should have begun with lines that are stored already.
    """
    metadata: dict[str, Any] = {}
    if first.lost_lines:
        metadata["rotated"] = first.lost_lines
    if not (first.is_after_gap or is_expected):
        return f"log gap: {_lines(first.lost_lines)} rotated away before being read", metadata
    span_s = (first.ts_ns - last_ns) / 1e9 if last_ns else 0.0
    span = f" of {span_s:,.3f} s" if span_s > 0 else ""
    if span:
        metadata["span_ns"] = first.ts_ns - last_ns
    if first.is_after_gap:
        least = f", {_lines(first.lost_lines)} at least" if first.lost_lines else ""
        text = f"log gap: the engine replaced its log unread; lines{span} may be missing{least}"
        return text, metadata
    return f"log gap: the engine dropped the lines{span} before they could be read", metadata


def _lines(count: int) -> str:
    return f"{count:,} line{'' if count == 1 else 's'}"
