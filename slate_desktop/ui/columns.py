"""Widths of columns: what titles and usual words need, and the rest for what says why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from PySide6.QtWidgets import QAbstractItemView, QHeaderView

# Beside the text of a cell or a title, in logical pixels, as the style sheet has it.
PADDING = 16


@dataclass(frozen=True)
class Column:
    """How wide a column is made.

    Attributes:
        section: its number.
        usual: with room.
        least: where there is none; its title is whole then, too.
    """

    section: int
    usual: int
    least: int


def column(
    view: QAbstractItemView,
    header: QHeaderView,
    section: int,
    words: Iterable[str],
    *,
    beside: int = 0,
    can_shrink: bool = False,
) -> Column:
    """Return the widths of a column that shows such words.

    Args:
        view: whose font they are in.
        header: of the view.
        section: the column's number.
        words: the longest ones that are usual.
        beside: pixels that stand beside them, such as an icon's.
        can_shrink: whether words may be cut where there is no room, but never the title.
    """
    metrics = view.fontMetrics()
    widest = max((metrics.horizontalAdvance(text) for text in words), default=0)
    title = header.sectionSizeHint(section)
    usual = max(title, widest + beside + PADDING)
    return Column(section, usual, title if can_shrink else usual)


def shared(columns: Sequence[Column], room: int) -> dict[int, int]:
    """Return the width of each column in so many pixels; those that come first give way first."""
    missing = sum(each.usual for each in columns) - room
    widths = {}
    for each in columns:
        given = max(0, min(missing, each.usual - each.least))
        missing -= given
        widths[each.section] = each.usual - given
    return widths
