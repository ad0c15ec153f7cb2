"""Soft wrap: where the lines of a row on the screen begin and end.

Only rows that are looked at are ever measured, so that a log of millions costs a screenful.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

Span = tuple[int, int]
# Narrower than this nothing is readable: the rest is cut off at the edge.
_MIN_COLUMNS = 16


def cut(text: str, prefix: int, columns: int, width_of: Callable[[str], float]) -> tuple[Span, ...]:
    """Return first column and end of each line on the screen that a row takes; at least one.

    Lines end behind a space where one is in their second half.

    Args:
        text: the whole row.
        prefix: columns before the message; further lines are indented by as many.
        columns: of the screen.
        width_of: the width of a character in columns, asked for what is not ASCII.
    """
    columns = max(_MIN_COLUMNS, columns)
    if len(text) <= columns and text.isascii():
        return ((0, len(text)),)
    rest = columns - indent_of(prefix, columns)
    if text.isascii():
        return _cut_ascii(text, columns, rest)
    return _cut_wide(text, columns, rest, width_of)


def indent_of(prefix: int, columns: int) -> int:
    """Return by how many columns further lines are indented: as the message, where it has room."""
    return prefix if prefix * 2 <= columns else 2


@lru_cache(maxsize=2048)
def _cut_ascii(text: str, first: int, rest: int) -> tuple[Span, ...]:
    spans: list[Span] = []
    start, width = 0, first
    while len(text) - start > width:
        end = _break(text, start, start + width)
        spans.append((start, end))
        start, width = end, rest
    spans.append((start, len(text)))
    return tuple(spans)


@lru_cache(maxsize=512)
def _cut_wide(
    text: str, first: int, rest: int, width_of: Callable[[str], float]
) -> tuple[Span, ...]:
    spans: list[Span] = []
    start, width, used = 0, float(first), 0.0
    position = 0
    while position < len(text):
        used += width_of(text[position])
        if used > width and position > start:
            end = _break(text, start, position)
            spans.append((start, end))
            start, width, position, used = end, float(rest), end, 0.0
        else:
            position += 1
    spans.append((start, len(text)))
    return tuple(spans)


def _break(text: str, start: int, limit: int) -> int:
    space = text.rfind(" ", start + (limit - start) // 2, limit)
    return space + 1 if space >= 0 else limit
