"""Ways to look at two textures, and which piece of a widget shows which of them."""

from __future__ import annotations

from enum import Enum

from PySide6.QtCore import QRect


class CompareMode(Enum):
    """How two textures are shown."""

    WIPE = "wipe"
    SIDE = "side"
    BLINK = "blink"
    DIFFERENCE = "difference"


def panes(
    whole: QRect, mode: CompareMode | None, wipe: float, *, is_second: bool
) -> list[tuple[QRect, int]]:
    """Return pieces of a widget, and which picture is in each.

    Args:
        whole: the widget.
        mode: None where there is one texture alone.
        wipe: where the edge is, 0 left to 1 right.
        is_second: whether blinking shows the second one now.
    """
    if mode is None or mode is CompareMode.DIFFERENCE:
        return [(whole, 0)]
    if mode is CompareMode.BLINK:
        return [(whole, 1 if is_second else 0)]
    edge = round(whole.width() * (wipe if mode is CompareMode.WIPE else 0.5))
    left = QRect(0, 0, edge, whole.height())
    return [(left, 0), (QRect(edge, 0, whole.width() - edge, whole.height()), 1)]
