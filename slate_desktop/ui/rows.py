"""One row with a badge at its right: the delegate of the Project and Sessions panes."""

from __future__ import annotations

from typing import NamedTuple

from PySide6.QtCore import (
    QItemSelectionModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRect,
    QSize,
    Qt,
)
from PySide6.QtGui import QFont, QFontMetrics, QIcon, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
)

from slate_desktop.ui.theme import Theme

_GAP = 7
# Of a badge that stands beside a whole name, in pixels.
_LEAST_BADGE = 36


def choose_only(view: QAbstractItemView, index: QModelIndex) -> None:
    """Choose a row and no other, also while somebody holds Shift or Ctrl.

    A view that takes several would take ``setCurrentIndex`` for a press with those keys.
    """
    flag = QItemSelectionModel.SelectionFlag
    view.selectionModel().setCurrentIndex(index, flag.ClearAndSelect | flag.Rows)


def whole_parts(badge: str, metrics: QFontMetrics, width: int) -> str:
    """Return a badge without those last parts that would be cut: "running" tells more than a bit.

    Args:
        badge: parts with a dot between them.
        metrics: of its font.
        width: that there is for it, in pixels.
    """
    while " · " in badge and metrics.horizontalAdvance(badge) > width:
        badge = badge.rpartition(" · ")[0]
    return badge


class _Face(NamedTuple):
    """A font and what it measures."""

    font: QFont
    metrics: QFontMetrics

    @classmethod
    def of(cls, font: QFont) -> _Face:
        return cls(font, QFontMetrics(font))


class BadgeDelegate(QStyledItemDelegate):
    """Paints icon, text and, where there is room, a faint badge.

    Args:
        badge_role: item role of the badge's text.
    """

    def __init__(self, theme: Theme, badge_role: int, parent: QObject) -> None:
        super().__init__(parent)
        self._theme, self._badge_role = theme, badge_role
        self._zoom = 0.0

    def is_bold(self, index: QModelIndex | QPersistentModelIndex) -> bool:
        """Tell whether a row's text is bold; no row's is, unless a subclass says so."""
        return False

    def sizeHint(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        """Return one height for every row."""
        return QSize(60, round(24 * self._theme.zoom))

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        """Paint a row."""
        self.paint_ground(painter, option)
        rect = QRect(option.rect)
        is_selected = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rect.adjust(4, 0, -12, 0)
        picture = index.data(Qt.ItemDataRole.DecorationRole)
        if isinstance(picture, QIcon):
            mode = QIcon.Mode.Selected if is_selected else QIcon.Mode.Normal
            place = QRect(rect.x(), rect.center().y() - 7, 16, 16)
            place = QStyle.visualRect(option.direction, option.rect, place)
            picture.paint(painter, place, Qt.AlignmentFlag.AlignCenter, mode)
            rect.setLeft(rect.left() + 16 + _GAP)
        rect = QStyle.visualRect(option.direction, option.rect, rect)
        self._paint_texts(painter, rect, index, is_selected)
        painter.restore()

    def paint_ground(self, painter: QPainter, option: QStyleOptionViewItem) -> None:
        """Paint what says that a row is chosen, under the pointer, or the one that keys act on."""
        tokens, state = self._theme.tokens, option.state
        if state & QStyle.StateFlag.State_Selected:
            painter.fillRect(option.rect, tokens.color("surface.selected"))
        elif state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(option.rect, tokens.color("surface.hover"))
        if state & QStyle.StateFlag.State_HasFocus:
            # Without antialiasing a line of 1 px lies right and below of its rectangle.
            painter.setPen(tokens.color("accent.focus"))
            painter.drawRect(option.rect.adjusted(0, 0, -1, -1))

    def _paint_texts(
        self,
        painter: QPainter,
        rect: QRect,
        index: QModelIndex | QPersistentModelIndex,
        is_selected: bool,
    ) -> None:
        tokens, align = self._theme.tokens, Qt.AlignmentFlag.AlignVCenter
        face, small = self._faces(self.is_bold(index))
        text = str(index.data(Qt.ItemDataRole.DisplayRole) or "")
        badge = str(index.data(self._badge_role) or "")
        room, used = rect.width(), 0
        if badge:
            badge_width = small.metrics.horizontalAdvance(badge) + 2
            # The name matters more: a badge gets what it leaves, or a third beside a name that is
            # cut.
            left_for_badge = room - face.metrics.horizontalAdvance(text) - _GAP
            if left_for_badge < _LEAST_BADGE:
                left_for_badge = room // 3
            if badge_width > left_for_badge:
                badge = whole_parts(badge, small.metrics, left_for_badge)
                badge = small.metrics.elidedText(
                    badge, Qt.TextElideMode.ElideRight, min(badge_width, left_for_badge)
                )
                badge_width = small.metrics.horizontalAdvance(badge) + 2
            used = badge_width - 2 + _GAP if badge else 0
            painter.setFont(small.font)
            painter.setPen(tokens.color("text.on_selected" if is_selected else "text.faint"))
            painter.drawText(rect, align | Qt.AlignmentFlag.AlignRight, badge)
        painter.setFont(face.font)
        painter.setPen(tokens.color("text.on_selected" if is_selected else "text.normal"))
        area = rect.adjusted(0, 0, -used, 0)
        area = QStyle.visualRect(painter.layoutDirection(), rect, area)
        painter.drawText(
            area, align, face.metrics.elidedText(text, Qt.TextElideMode.ElideMiddle, area.width())
        )

    def _faces(self, is_bold: bool) -> tuple[_Face, _Face]:
        """Return the faces of name and badge. They are asked for by every row of every picture."""
        theme = self._theme
        if self._zoom != theme.zoom:
            self._zoom = theme.zoom
            self._plain = _Face.of(theme.ui_font())
            self._bold = _Face.of(theme.ui_font(is_bold=True))
            self._small = _Face.of(theme.ui_font(scale=0.9))
        return self._bold if is_bold else self._plain, self._small
