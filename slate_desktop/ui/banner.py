"""A strip that says what happened, why and what to do, with the raw text one click away."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from slate_desktop.ui import icons
from slate_desktop.ui.problems import Problem
from slate_desktop.ui.text import plain_label, wrapped_label
from slate_desktop.ui.theme import Theme
from slate_desktop.ui.tokens import BUTTON_GAP

# What a text needs beside the buttons, with the mark and the button that closes it, in pixels.
_LEAST_TEXT = 300


class Banner(QFrame):
    """Hidden until there is a problem."""

    details_wanted = Signal(object)
    action_wanted = Signal()
    dismissed = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.problem: Problem | None = None
        self.setObjectName("banner")
        self._mark = plain_label()
        self.what = wrapped_label()
        self.why = wrapped_label()
        self.next_step = wrapped_label(role="muted")
        self.action = QPushButton()
        self.action.clicked.connect(self.action_wanted)
        self.details = QPushButton(self.tr("Details"))
        self.details.setProperty("flat", True)
        self.details.clicked.connect(lambda: self.details_wanted.emit(self.problem))
        self.close_button = QToolButton()
        self.close_button.setToolTip(self.tr("Hide this message"))
        self.close_button.setAccessibleName(self.tr("Hide this message"))
        self.close_button.clicked.connect(self._on_close)
        texts = QVBoxLayout()
        texts.setSpacing(3)
        for label in (self.what, self.why, self.next_step):
            texts.addWidget(label)
        self._buttons = QWidget()
        row = QHBoxLayout(self._buttons)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(BUTTON_GAP)
        row.addWidget(self.details)
        row.addWidget(self.action)
        top = Qt.AlignmentFlag.AlignTop
        self._grid = layout = QGridLayout(self)
        layout.setContentsMargins(14, 9, 8, 9)
        layout.setHorizontalSpacing(10)
        layout.setVerticalSpacing(6)
        layout.setColumnStretch(1, 1)
        layout.addWidget(self._mark, 0, 0, top)
        layout.addLayout(texts, 0, 1)
        layout.addWidget(self._buttons, 0, 2, top)
        layout.addWidget(self.close_button, 0, 3, top)
        self._is_narrow = False
        theme.changed.connect(self.apply_theme)
        self.apply_theme()
        self.hide()

    def show_problem(self, problem: Problem | None, *, action: str = "") -> None:
        """Show a problem with an optional button, or nothing."""
        self.problem = problem
        self.setVisible(problem is not None)
        if problem is None:
            return
        for label, text in (
            (self.what, problem.what),
            (self.why, problem.why),
            (self.next_step, problem.next_step),
        ):
            label.setText(text)
            label.setVisible(bool(text))
        self.action.setText(action)
        self.action.setVisible(bool(action))
        self.details.setVisible(bool(problem.raw))
        self.setAccessibleName(problem.text)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Put the buttons below the text where they would leave it no room beside them."""
        super().resizeEvent(event)
        is_narrow = event.size().width() - self._buttons.sizeHint().width() < _LEAST_TEXT
        if is_narrow != self._is_narrow:
            self._is_narrow = is_narrow
            side = Qt.AlignmentFlag.AlignTop
            place = (1, 1) if is_narrow else (0, 2)
            self._grid.addWidget(
                self._buttons, *place, side | Qt.AlignmentFlag.AlignLeft if is_narrow else side
            )

    def apply_theme(self) -> None:
        """Take icons and font of the theme."""
        tokens = self._theme.tokens
        self._mark.setPixmap(icons.pixmap("triangle-alert", tokens, "state.error", 18))
        self.close_button.setIcon(icons.icon("x", tokens))
        self.what.setFont(self._theme.ui_font(is_bold=True))

    def _on_close(self) -> None:
        self.show_problem(None)
        self.dismissed.emit()
