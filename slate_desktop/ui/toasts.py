"""Notifications: a short stack at the lower right, and the history under the bell."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QPoint, Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QPushButton,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from slate_desktop.translation import sentence
from slate_desktop.ui import icons
from slate_desktop.ui.problems import Problem
from slate_desktop.ui.text import clean, format_time, plain_label, wrapped_label
from slate_desktop.ui.theme import Theme

if TYPE_CHECKING:
    from slate_desktop.control.notices import Notice

_MAX_TOASTS = 3
_SHOW_MS = 6000
_WIDTH = 360
# By the values of NoticeLevel, which is imported after the first paint.
_LOOKS = {
    "info": ("info", "accent.text"),
    "success": ("circle-check", "state.ok"),
    "warning": ("triangle-alert", "state.warn"),
    "error": ("circle-x", "state.error"),
}


class NoticeCard(QFrame):
    """One notice, as toast or in the history."""

    session_wanted = Signal(str)
    details_wanted = Signal(object)
    closed = Signal(object)

    def __init__(self, theme: Theme, notice: Notice, *, is_toast: bool) -> None:
        super().__init__()
        self.notice = notice
        self.setObjectName("toast" if is_toast else "card")
        self.setAccessibleName(f"{sentence(notice.title)} {sentence(notice.text)}")
        icon, role = _LOOKS[notice.level]
        mark = plain_label()
        mark.setPixmap(icons.pixmap(icon, theme.tokens, role, 18))
        title = wrapped_label(clean(sentence(notice.title)))
        title.setFont(theme.ui_font(is_bold=True))
        texts = QVBoxLayout()
        texts.setSpacing(3)
        texts.addWidget(title)
        if notice.text:
            texts.addWidget(wrapped_label(clean(sentence(notice.text)), role="muted"))
        texts.addLayout(self._buttons(is_toast))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 10, 6, 6)
        layout.setSpacing(10)
        layout.addWidget(mark, 0, Qt.AlignmentFlag.AlignTop)
        layout.addLayout(texts, 1)
        if is_toast:
            close = QToolButton()
            close.setIcon(icons.icon("x", theme.tokens))
            close.setToolTip(self.tr("Hide"))
            close.setAccessibleName(self.tr("Hide this notification"))
            close.clicked.connect(lambda: self.closed.emit(self))
            layout.addWidget(close, 0, Qt.AlignmentFlag.AlignTop)

    def _buttons(self, is_toast: bool) -> QHBoxLayout:
        notice = self.notice
        row = QHBoxLayout()
        row.setSpacing(4)
        if notice.session_id:
            show = QPushButton(self.tr("Show session"))
            show.setProperty("flat", True)
            show.clicked.connect(lambda: self.session_wanted.emit(notice.session_id))
            row.addWidget(show)
        if notice.raw:
            details = QPushButton(self.tr("Details"))
            details.setProperty("flat", True)
            problem = Problem(
                what=sentence(notice.title), why=sentence(notice.text), raw=notice.raw
            )
            details.clicked.connect(lambda: self.details_wanted.emit(problem))
            row.addWidget(details)
        row.addStretch(1)
        if not is_toast:
            row.addWidget(plain_label(format_time(notice.at), role="faint"))
        return row


class ToastStack(QWidget):
    """Up to three toasts over the window's lower right corner; errors stay until they are read."""

    session_wanted = Signal(str)
    details_wanted = Signal(object)

    def __init__(self, theme: Theme, window: QWidget) -> None:
        super().__init__(window)
        self._theme, self._window = theme, window
        self.cards: list[NoticeCard] = []
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(8)
        window.installEventFilter(self)
        self.hide()

    def show_notice(self, notice: Notice) -> None:
        """Show one notice; the oldest leaves when there are too many."""
        card = NoticeCard(self._theme, notice, is_toast=True)
        card.closed.connect(self._remove)
        card.session_wanted.connect(self.session_wanted)
        card.session_wanted.connect(lambda _id: self._remove(card))
        card.details_wanted.connect(self.details_wanted)
        card.details_wanted.connect(lambda _problem: self._remove(card))
        self.cards.append(card)
        self._layout.addWidget(card)
        # The layout leaves out what is not shown, and would show it only later by itself.
        card.show()
        while len(self.cards) > _MAX_TOASTS:
            self._remove(self.cards[0])
        if notice.level in ("info", "success"):
            QTimer.singleShot(_SHOW_MS, card, lambda: self._remove(card))
        self._place()

    def clear(self) -> None:
        """Hide every toast."""
        for card in list(self.cards):
            self._remove(card)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Stay in the corner."""
        if event.type() == QEvent.Type.Resize:
            self._place()
        return super().eventFilter(watched, event)

    def _remove(self, card: NoticeCard) -> None:
        if card in self.cards:
            self.cards.remove(card)
            self._layout.removeWidget(card)
            card.hide()
            card.deleteLater()
            self._place()

    def _place(self) -> None:
        self.setVisible(bool(self.cards))
        if not self.cards:
            return
        width = round(_WIDTH * self._theme.zoom)
        self.setFixedWidth(width)
        height = self._layout.heightForWidth(width)
        height = height if height > 0 else self.sizeHint().height()
        self.setGeometry(
            self._window.width() - width - 16, self._window.height() - height - 44, width, height
        )
        self.raise_()


class NoticeHistory(QFrame):
    """The list under the bell, newest first."""

    session_wanted = Signal(str)
    details_wanted = Signal(object)

    def __init__(self, theme: Theme, window: QWidget) -> None:
        super().__init__(window, Qt.WindowType.Popup)
        self._theme, self._window = theme, window
        self.setObjectName("toast")
        self.setAccessibleName(self.tr("Notifications"))
        self._list = QScrollArea(self)
        self._list.setAccessibleName(self.tr("Notifications"))
        self._list.setWidgetResizable(True)
        title = plain_label(self.tr("Notifications"))
        title.setFont(theme.ui_font(is_bold=True))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 10, 10, 10)
        layout.addWidget(title)
        layout.addWidget(self._list, 1)
        self.resize(round(400 * theme.zoom), round(440 * theme.zoom))

    def open_at(self, corner: QPoint, notices: Iterable[Notice]) -> None:
        """Show the notices with the lower right corner of the list at ``corner``."""
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 4, 0)
        found = list(notices)
        for notice in reversed(found):
            card = NoticeCard(self._theme, notice, is_toast=False)
            card.session_wanted.connect(self.session_wanted)
            card.session_wanted.connect(lambda _id: self.close())
            card.details_wanted.connect(self._on_details)
            column.addWidget(card)
        if not found:
            text = self.tr("Nothing has happened yet. Failures and finished work appear here.")
            column.addWidget(wrapped_label(text, role="muted"))
        column.addStretch(1)
        self._list.setWidget(page)
        self.move(corner - QPoint(self.width(), self.height()))
        self.show()

    def _on_details(self, problem: Problem) -> None:
        self.close()
        self.details_wanted.emit(problem)
