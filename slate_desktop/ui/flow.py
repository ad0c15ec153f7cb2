"""A row of tools that breaks into more rows where it is narrow; nothing of it is out of reach."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtWidgets import QLayout, QLayoutItem, QSizePolicy, QSpacerItem, QWidget

_ROW_GAP = 3
# As wide as Qt lets a widget be.
ANY_WIDTH = 16_777_215


class _Part(NamedTuple):
    """What of an item counts for its place. Widths are in logical pixels."""

    item: QLayoutItem
    width: int
    most: int
    grows: bool
    is_gap: bool


class FlowLayout(QLayout):
    """Puts items beside each other, and those that do not fit into rows below.

    An item has the width it asks for; one that expands has its least width, and takes what a row
    leaves. Gaps go where a row begins or ends.

    Args:
        parent: the widget that it lays out.
        spacing: between two items, in logical pixels.
    """

    def __init__(self, parent: QWidget, *, spacing: int = 2) -> None:
        super().__init__(parent)
        self.setSpacing(spacing)
        self._items: list[QLayoutItem] = []
        self._parts: list[_Part] | None = None
        # By width. Qt asks hundreds of times until a window stands.
        self._heights: dict[int, int] = {}

    def addSpacing(self, width: int) -> None:
        """Add a gap of a width."""
        self.addItem(QSpacerItem(width, 0, QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Minimum))

    def addStretch(self) -> None:
        """Push what follows to the other end of its row."""
        self.addItem(QSpacerItem(0, 0, QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum))

    @property
    def line_width(self) -> int:
        """The least width, in logical pixels, at which everything stands in one row."""
        parts = self._known()
        gaps = self.spacing() * max(0, len(parts) - 1)
        return sum(part.width for part in parts) + gaps + self._sides() if parts else 0

    # -- QLayout ---------------------------------------------------------------------------

    def addItem(self, item: QLayoutItem) -> None:
        """Add an item at the end."""
        self._items.append(item)
        self.invalidate()

    def count(self) -> int:
        """Return how many items there are."""
        return len(self._items)

    def itemAt(self, index: int) -> QLayoutItem | None:  # type: ignore[override]
        """Return an item, None where there is none."""
        return self._items[index] if 0 <= index < len(self._items) else None

    def takeAt(self, index: int) -> QLayoutItem | None:  # type: ignore[override]
        """Take an item out."""
        if not 0 <= index < len(self._items):
            return None
        self.invalidate()
        return self._items.pop(index)

    def invalidate(self) -> None:
        """Measure again."""
        self._parts = None
        self._heights = {}
        super().invalidate()

    def expandingDirections(self) -> Qt.Orientation:
        """Return none: it takes what it is given."""
        return Qt.Orientation(0)

    def hasHeightForWidth(self) -> bool:
        """Return that it is higher where it is narrow."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Return the height of all rows."""
        height = self._heights.get(width)
        if height is None:
            height = self._arrange(QRect(0, 0, width, 0), is_test=True)
            self._heights[width] = height
        return height

    def sizeHint(self) -> QSize:
        """Return the size of one row."""
        return QSize(self.line_width, self.heightForWidth(ANY_WIDTH))

    def minimumSize(self) -> QSize:
        """Return the size that its widest item needs."""
        widths = [item.minimumSize().width() for item in self._items if not item.isEmpty()]
        return QSize(max(widths, default=0) + self._sides(), self.heightForWidth(ANY_WIDTH))

    def setGeometry(self, rect: QRect) -> None:
        """Put every item in its place."""
        super().setGeometry(rect)
        self._arrange(rect, is_test=False)

    # -- private ---------------------------------------------------------------------------

    def _sides(self) -> int:
        margins = self.contentsMargins()
        return margins.left() + margins.right()

    def _known(self) -> list[_Part]:
        if self._parts is None:
            self._parts = [_measured(item) for item in self._items if _counts(item)]
        return self._parts

    def _rows(self, width: int) -> Iterator[list[_Part]]:
        row: list[_Part] = []
        used = 0
        for part in self._known():
            wanted = part.width + (self.spacing() if row else 0)
            if row and used + wanted > width and not part.is_gap:
                yield _trimmed(row)
                row, used, wanted = [], 0, part.width
            if row or not part.is_gap:
                row.append(part)
                used += wanted
        if row:
            yield _trimmed(row)

    def _arrange(self, rect: QRect, *, is_test: bool) -> int:
        margins = self.contentsMargins()
        width = max(1, rect.width() - self._sides())
        top = rect.top() + margins.top()
        for number, row in enumerate(self._rows(width)):
            top += _ROW_GAP if number else 0
            widths = _shared(row, width - self.spacing() * (len(row) - 1))
            heights = [_height(part.item, wide) for part, wide in zip(row, widths, strict=True)]
            high = max(heights)
            if not is_test:
                self._place(row, widths, heights, QRect(rect.x(), top, rect.width(), high))
            top += high
        return top + margins.bottom() - rect.top()

    def _place(self, row: list[_Part], widths: list[int], heights: list[int], line: QRect) -> None:
        parent = self.parentWidget()
        is_mirrored = parent is not None and parent.isRightToLeft()
        left = self.contentsMargins().left()
        for part, wide, high in zip(row, widths, heights, strict=True):
            x = line.width() - left - wide if is_mirrored else left
            y = line.y() + (line.height() - high) // 2
            part.item.setGeometry(QRect(line.x() + x, y, wide, high))
            left += wide + self.spacing()


def _counts(item: QLayoutItem) -> bool:
    return item.spacerItem() is not None or not item.isEmpty()


def _measured(item: QLayoutItem) -> _Part:
    is_gap = item.spacerItem() is not None
    grows = bool(item.expandingDirections() & Qt.Orientation.Horizontal)
    if (widget := item.widget()) is not None:
        grows |= widget.sizePolicy().horizontalPolicy() is QSizePolicy.Policy.Ignored
    least, most = item.minimumSize().width(), item.maximumSize().width()
    width = least if grows else max(least, min(most, item.sizeHint().width()))
    return _Part(item, width, most if grows else width, grows, is_gap)


def _trimmed(row: list[_Part]) -> list[_Part]:
    while row and row[-1].is_gap:
        row = row[:-1]
    return row


def _shared(row: list[_Part], width: int) -> list[int]:
    """Return each item's width: what is left goes to fields first, then to stretches."""
    widths = [min(part.width, width) for part in row]
    for of_gaps in (False, True):
        growing = [n for n, part in enumerate(row) if part.grows and part.is_gap is of_gaps]
        for count, n in zip(range(len(growing), 0, -1), growing, strict=True):
            spare = max(0, width - sum(widths)) // count
            widths[n] = min(row[n].most, widths[n] + spare)
    return widths


def _height(item: QLayoutItem, width: int) -> int:
    hint = item.heightForWidth(width) if item.hasHeightForWidth() else item.sizeHint().height()
    return max(item.minimumSize().height(), min(item.maximumSize().height(), hint))
