"""Which colour is which session, where several are drawn."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from slate_desktop.ui.text import clean
from slate_desktop.ui.theme import Theme

_DOT, _GAP, _MARGIN = 8, 14, 10


class Legend(QWidget):
    """A row of coloured dots with titles, cut where there is no room; hidden for one session."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.entries: list[tuple[str, str]] = []
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setVisible(False)

    def set_entries(self, entries: Sequence[tuple[str, str]]) -> None:
        """Show titles, each with its colour's role."""
        found = [(clean(title), role) for title, role in entries]
        if found != self.entries:
            self.entries = found
            self.setVisible(len(found) > 1)
            self.setAccessibleName(", ".join(title for title, _ in found))
            self.setToolTip("\n".join(title.replace("<", "‹") for title, _ in found))
            self.updateGeometry()
            self.update()

    def sizeHint(self) -> QSize:
        """Return the height of a line of text."""
        return QSize(100, self.fontMetrics().height() + 6)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw each dot and title, in equal shares of the width."""
        if not self.entries:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        tokens = self._theme.tokens
        share = (self.width() - 2 * _MARGIN) / len(self.entries)
        metrics, middle = self.fontMetrics(), self.height() / 2
        for number, (title, role) in enumerate(self.entries):
            left = _MARGIN + number * share
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(tokens.color(role))
            painter.drawEllipse(QRectF(left, middle - _DOT / 2, _DOT, _DOT))
            painter.setPen(tokens.color("text.muted"))
            room = share - _DOT - _GAP
            text = metrics.elidedText(title, Qt.TextElideMode.ElideMiddle, int(room))
            place = QRectF(left + _DOT + 5, 0, room, self.height())
            painter.drawText(place, int(Qt.AlignmentFlag.AlignVCenter), text)
        painter.end()
