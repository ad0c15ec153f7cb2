"""The title bar of a dock: title, tools of its pane, small widgets and buttons at the right."""

from __future__ import annotations

from typing import NamedTuple

from PySide6.QtCore import QEvent, QRect, QSize, Qt, QTimer
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QDockWidget, QStyle, QTabBar, QWidget

from slate_desktop.ui.flow import ANY_WIDTH
from slate_desktop.ui.text import ElidedLabel

_SIDE, _END, _GAP, _PAD, _BORDER = 10, 5, 12, 3, 1
# Between two widgets at the right end.
_CLOSE = 2


class _Plan(NamedTuple):
    """Where the parts stand, in logical pixels; None for what does not show."""

    height: int
    label: QRect | None
    tools: QRect | None


class _Hints(NamedTuple):
    """What Qt is told of a bar in a dock of a width."""

    size: QSize
    least: QSize


class TitleBar(QWidget):
    """Lays its parts out itself: a dock asks for a height and does not say for which width.

    The tools stand between title and buttons where they fit there, else in rows of their own below.
    Where no tools show, the title always does.

    Attributes:
        tools: a pane's tools, None without any.
        is_named: whether the title shows beside tools; a tab says it, too.
    """

    def __init__(self, title: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("dockTitle")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.label = ElidedLabel(title, self)
        self.tools: QWidget | None = None
        self.is_named = True
        self._ends: list[QWidget] = []
        self._told_height = 0
        # By width, for one turn of the loop: Qt asks hundreds of times while docks are placed.
        self._hints: dict[int, _Hints] = {}
        self._forgetting = QTimer(self)
        self._forgetting.setSingleShot(True)
        self._forgetting.timeout.connect(self._hints.clear)

    def add_end(self, widget: QWidget, *, is_first: bool = False) -> None:
        """Put a small widget at the right end, before those that are there where ``is_first``."""
        _adopt(widget, self)
        self._ends.insert(0 if is_first else len(self._ends), widget)

    def set_tools(self, tools: QWidget) -> None:
        """Show a pane's tools."""
        _adopt(tools, self)
        self.tools = tools
        self.rearrange()

    def rearrange(self) -> None:
        """Lay out anew, and tell the dock where that takes another height."""
        self._hints.clear()
        plan = self._plan(self.width())
        self.label.setVisible(plan.label is not None)
        for widget, place in ((self.label, plan.label), (self.tools, plan.tools)):
            if widget is not None and place is not None:
                self._put(widget, place)
        row, x = self._row_height(), self.width() - self._ends_width() + _CLOSE
        for widget in self._shown_ends():
            size = widget.sizeHint()
            self._put(widget, QRect(x, (row - size.height()) // 2, size.width(), size.height()))
            x += size.width() + _CLOSE
        # Also where it has that height already: the least size of the dock goes with it.
        if plan.height != self._told_height:
            self._told_height = plan.height
            self.updateGeometry()

    @property
    def line_width(self) -> int:
        """The width, in logical pixels, at which tools and buttons stand in one row, untitled."""
        tools = self._shown_tools()
        return (0 if tools is None else tools.sizeHint().width()) + self._ends_width()

    # -- QWidget ---------------------------------------------------------------------------

    def sizeHint(self) -> QSize:
        """Return the height for the width of the dock."""
        return self._told().size

    def minimumSizeHint(self) -> QSize:
        """Allow any width at which the buttons and the widest tool show whole."""
        return self._told().least

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Lay out."""
        super().resizeEvent(event)
        self.rearrange()

    def event(self, event: QEvent) -> bool:
        """Lay out when a part comes, goes or takes another size."""
        if event.type() in (QEvent.Type.LayoutRequest, QEvent.Type.LayoutDirectionChange):
            self.rearrange()
        return super().event(event)

    # -- private ---------------------------------------------------------------------------

    def _told(self) -> _Hints:
        width = self._dock_width()
        hints = self._hints.get(width)
        if hints is None:
            height, ends = self._plan(width).height, self._ends_width()
            least = _SIDE + ends
            if (tools := self._shown_tools()) is not None:
                least = max(least, tools.minimumSizeHint().width())
            size = QSize(self.label.sizeHint().width() + ends, height)
            hints = self._hints[width] = _Hints(size, QSize(least, height))
            self._forgetting.start(0)
        return hints

    def _dock_width(self) -> int:
        dock = self.parentWidget()
        if not isinstance(dock, QDockWidget):
            return self.width()
        # Qt keeps a dock behind another tab beside the window, as narrow as it can be. More rows
        # there would count for the height of all the docks of that place.
        width = dock.width()
        is_parked = dock.x() + width <= 0 and not dock.isFloating()
        return ANY_WIDTH if is_parked else width

    def _plan(self, width: int) -> _Plan:
        row, right = self._row_height(), width - self._ends_width()
        tools = self._shown_tools()
        alone = QRect(_SIDE, 0, max(0, right - _SIDE), row)
        if tools is None:
            return _Plan(row + _BORDER, alone, None)
        title = self.label.sizeHint().width() if self.is_named else 0
        left = _SIDE + title + _GAP if title else 0
        room = right - left
        beside = max(row, _height(tools, room))
        below = row + _height(tools, width)
        # More rows beside a title leave a hole below it.
        fits = beside <= row + _PAD or (not title and beside <= below)
        if room < tools.minimumSizeHint().width() or not fits:
            return _Plan(below + _BORDER, alone, QRect(0, row, width, below - row))
        label = QRect(_SIDE, 0, title, row) if title else None
        if isinstance(tools, QTabBar):
            # What it leaves is where the dock is taken hold of. Tabs stand on the bar's edge.
            place = QRect(left, 0, min(room, tools.sizeHint().width()), beside)
        else:
            high = _height(tools, room)
            place = QRect(left, (beside - high) // 2, room, high)
        return _Plan(beside + _BORDER, label, place)

    def _shown_tools(self) -> QWidget | None:
        return None if self.tools is None or self.tools.isHidden() else self.tools

    def _shown_ends(self) -> list[QWidget]:
        return [widget for widget in self._ends if not widget.isHidden()]

    def _ends_width(self) -> int:
        return _END + sum(widget.sizeHint().width() + _CLOSE for widget in self._shown_ends())

    def _row_height(self) -> int:
        parts = [self.label, *self._shown_ends()]
        return max(part.sizeHint().height() for part in parts) + 2 * _PAD

    def _put(self, widget: QWidget, place: QRect) -> None:
        widget.setGeometry(QStyle.visualRect(self.layoutDirection(), self.rect(), place))


def _adopt(widget: QWidget, parent: QWidget) -> None:
    """Take a widget over. What was never shown nor hidden is shown from now on."""
    is_hidden = widget.isHidden() and widget.testAttribute(
        Qt.WidgetAttribute.WA_WState_ExplicitShowHide
    )
    widget.setParent(parent)
    widget.setVisible(not is_hidden)


def _height(widget: QWidget, width: int) -> int:
    height = widget.heightForWidth(width) if widget.hasHeightForWidth() else -1
    return height if height >= 0 else widget.sizeHint().height()
