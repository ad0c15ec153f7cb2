"""The first thing in the centre: the steps of the start, then what to begin or to go on with.

Shows NATS, PostgreSQL, agent and sample project, each with its state in words and a sign; once
SLATE is connected, ``start.welcome`` stands in their place.
"""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from slate_desktop.ui import icons
from slate_desktop.ui.banner import Banner
from slate_desktop.ui.text import plain_label, wrapped_label
from slate_desktop.ui.theme import Theme

STEPS = ("nats", "postgres", "agent", "sample")
_LOOKS = {
    "waiting": ("circle", "state.idle"),
    "working": ("circle-dashed", "state.busy"),
    "done": ("circle-check", "state.ok"),
    "failed": ("circle-x", "state.error"),
}


class StartPage(QWidget):
    """Steps that tick, then the welcome."""

    retry_wanted = Signal()
    details_wanted = Signal(object)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._theme = theme
        self.steps: dict[str, tuple[str, str]] = dict.fromkeys(STEPS, ("waiting", ""))
        self._title = plain_label("SLATE")
        self._text = wrapped_label(role="muted")
        self.banner = Banner(theme, self)
        self.banner.action_wanted.connect(self.retry_wanted)
        self.banner.details_wanted.connect(self.details_wanted)
        self._marks, self._words = {}, {}
        self._card = QFrame()
        self._card.setObjectName("card")
        self._rows: dict[str, tuple[QWidget, ...]] = {}
        grid = QGridLayout(self._card)
        grid.setContentsMargins(18, 14, 18, 14)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(9)
        grid.setColumnStretch(2, 1)
        for row, name in enumerate(STEPS):
            self._marks[name], self._words[name] = plain_label(), plain_label(role="muted")
            title = plain_label(self._step_title(name))
            self._rows[name] = (self._marks[name], title, self._words[name])
            for column, widget in enumerate(self._rows[name]):
                grid.addWidget(widget, row, column)
        self._lay_out()
        theme.changed.connect(self.apply_theme)
        self.apply_theme()
        self.show_starting()

    def show_starting(self) -> None:
        """Begin the steps anew."""
        self._text.setText(self.tr("Starting what SLATE needs on this machine. Nothing to set up."))
        self.banner.show_problem(None)
        self._card.show()
        for name in STEPS:
            self.set_step(name, "waiting", self.tr("waiting"))

    def show_connecting(self, host: str) -> None:
        """Say whose servers are asked; nothing is started on this machine."""
        self._text.setText(self.tr("Connecting to {host}.").format(host=host))
        for widget in self._rows["sample"]:
            widget.hide()

    def show_welcome(self, welcome: QWidget) -> None:
        """Show this in place of the steps."""
        self._text.setText(self.tr("The control centre for people who make games."))
        self._card.hide()
        self.banner.show_problem(None)
        self._column.insertWidget(self._column.indexOf(self._card), welcome)

    def set_step(self, name: str, state: str, words: str) -> None:
        """Show a step as ``waiting``, ``working``, ``done`` or ``failed``, with words."""
        if name not in self.steps:
            return
        self.steps[name] = (state, words)
        icon, role = _LOOKS[state]
        self._marks[name].setPixmap(icons.pixmap(icon, self._theme.tokens, role, 18))
        self._words[name].setText(words)
        self._words[name].setAccessibleName(f"{self._step_title(name)}: {words}")

    def apply_theme(self) -> None:
        """Take icons and fonts of the theme."""
        self._title.setFont(self._theme.ui_font(scale=2.0, is_bold=True))
        for name, (state, words) in self.steps.items():
            self.set_step(name, state, words)

    def _lay_out(self) -> None:
        column = self._column = QVBoxLayout()
        column.setSpacing(14)
        column.addStretch(2)
        column.addWidget(self._title)
        column.addWidget(self._text)
        # What went wrong first: the steps may reach below the edge of a small window.
        column.addWidget(self.banner)
        column.addWidget(self._card)
        column.addStretch(3)
        middle = QWidget()
        middle.setLayout(column)
        middle.setMaximumWidth(620)
        inner = QWidget()
        inner.setObjectName("page")
        row = QHBoxLayout(inner)
        row.setContentsMargins(24, 16, 24, 16)
        row.addStretch(1)
        row.addWidget(middle, 8)
        row.addStretch(1)
        area = QScrollArea()
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(inner)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(area)

    def _step_title(self, name: str) -> str:
        return {
            "nats": self.tr("NATS"),
            "postgres": self.tr("PostgreSQL"),
            "agent": self.tr("Agent"),
            "sample": self.tr("Sample project"),
        }[name]
