"""The first steps: a session, an asset and a build of the samples, each with button and tick."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QPushButton, QVBoxLayout

from slate_desktop.ui import icons
from slate_desktop.ui.text import plain_label, wrapped_label
from slate_desktop.ui.theme import Theme


@dataclass(frozen=True)
class Step:
    """One step; ``name`` is what ``Workspace.succeeded`` tells when it is done."""

    name: str
    title: str
    text: str
    button: str


def steps() -> tuple[Step, ...]:
    """Return the steps in their order."""
    return (
        Step(
            "session",
            _tr("Start a session"),
            _tr("hello-runtime is a small server: its log streams below, its graphs draw beside."),
            _tr("Start it"),
        ),
        Step(
            "asset",
            _tr("Process an asset"),
            _tr("A crate's texture: the report says what was made of it, and how well."),
            _tr("Process it"),
        ),
        Step(
            "build",
            _tr("Build a game"),
            _tr("hello-build becomes a program of its own, with progress and a verdict."),
            _tr("Build it"),
        ),
    )


class GuideCard(QFrame):
    """Shows the steps; whoever listens does them."""

    step_wanted = Signal(str)
    hide_wanted = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("card")
        self._theme = theme
        self._done: frozenset[str] = frozenset()
        self._busy = ""
        self._title = plain_label(self.tr("First steps"))
        self._count = plain_label(role="muted")
        self.hide_button = QPushButton(self.tr("Hide"))
        self.hide_button.setProperty("flat", True)
        self.hide_button.setAccessibleName(self.tr("Hide the first steps"))
        self.hide_button.clicked.connect(self.hide_wanted)
        head = QHBoxLayout()
        head.addWidget(self._title)
        head.addWidget(self._count)
        head.addStretch(1)
        head.addWidget(self.hide_button)
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(12)
        grid.setColumnStretch(1, 1)
        self._marks, self.buttons = {}, {}
        for row, step in enumerate(steps()):
            mark = self._marks[step.name] = plain_label()
            button = self.buttons[step.name] = QPushButton(step.button)
            button.clicked.connect(lambda _on=False, name=step.name: self.step_wanted.emit(name))
            title = plain_label(step.title)
            title.setFont(theme.ui_font(is_bold=True))
            texts = QVBoxLayout()
            texts.setSpacing(2)
            texts.addWidget(title)
            texts.addWidget(wrapped_label(step.text, role="muted"))
            grid.addWidget(mark, row, 0, Qt.AlignmentFlag.AlignTop)
            grid.addLayout(texts, row, 1)
            grid.addWidget(button, row, 2, Qt.AlignmentFlag.AlignVCenter)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 16, 14)
        layout.setSpacing(10)
        layout.addLayout(head)
        layout.addLayout(grid)
        theme.changed.connect(self.apply_theme)
        self.apply_theme()

    def show_done(self, done: Collection[str], busy: str = "") -> None:
        """Tick what is done; ``busy`` is the step that is being done."""
        # What is switched off loses the focus to whatever comes next on the page.
        if busy and any(button.hasFocus() for button in self.buttons.values()):
            self.setFocus()
        self._done, self._busy = frozenset(done), busy
        self.apply_theme()
        if not busy and self.hasFocus():
            following = [step.name for step in steps() if step.name not in self._done]
            self.buttons[following[0] if following else steps()[-1].name].setFocus()

    def apply_theme(self) -> None:
        """Take icons and font of the theme."""
        self._title.setFont(self._theme.ui_font(scale=1.15, is_bold=True))
        all_steps = steps()
        following = next((step.name for step in all_steps if step.name not in self._done), "")
        for step in all_steps:
            icon, role, words = self._look(step.name)
            mark = self._marks[step.name]
            mark.setPixmap(icons.pixmap(icon, self._theme.tokens, role, 18))
            mark.setAccessibleName(f"{step.title}: {words}")
            button = self.buttons[step.name]
            button.setText(self.tr("Again") if step.name in self._done else step.button)
            button.setAccessibleName(f"{step.title}: {button.text()}")
            button.setEnabled(not self._busy)
            button.setProperty("primary", step.name == following)
            button.style().unpolish(button)
            button.style().polish(button)
        count = sum(step.name in self._done for step in all_steps)
        self._count.setText(self.tr("{n} of {all}").format(n=count, all=len(all_steps)))

    def _look(self, name: str) -> tuple[str, str, str]:
        if name == self._busy:
            return "circle-dashed", "state.busy", self.tr("being done")
        if name in self._done:
            return "circle-check", "state.ok", self.tr("done")
        return "circle", "state.idle", self.tr("not done yet")


def _tr(text: str) -> str:
    return QCoreApplication.translate("Guide", text)
