"""What the last runs say about memory and CPU, with a button that makes it so."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from slate_desktop.domain.runs import Advice, advice_words
from slate_desktop.domain.sizes import format_bytes
from slate_desktop.translation import sentence
from slate_desktop.ui.text import wrapped_label


class AdviceRow(QWidget):
    """A sentence, and a button where something should be changed; hidden without advice."""

    wanted = Signal(object)
    wanted_now = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._advice: Advice | None = None
        self.words = wrapped_label(role="muted")
        self.button = QPushButton()
        self.button.setToolTip(
            self.tr("Start every new session of this project with what its runs need")
        )
        self.button.clicked.connect(lambda: self.wanted.emit(self._advice))
        self.now = QPushButton()
        self.now.setToolTip(self.tr("Change the limits of the session that runs, at once"))
        self.now.clicked.connect(lambda: self.wanted_now.emit(self._advice))
        self._can_change = False
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(10)
        layout.addWidget(self.words, 1)
        layout.addWidget(self.now)
        layout.addWidget(self.button)
        self.setVisible(False)

    def show_advice(self, advice: Advice | None) -> None:
        """Show advice, or none."""
        self._advice = advice
        self.setVisible(advice is not None)
        if advice is None:
            return
        self.words.setText(sentence(advice_words(advice)))
        wanted = [format_bytes(advice.memory_bytes)] if advice.memory_bytes is not None else []
        if advice.cpus is not None:
            wanted.append(self.tr("{n:g} CPUs").format(n=advice.cpus))
        self.button.setVisible(advice.is_change)
        self.button.setText(self.tr("Use {what}").format(what=", ".join(wanted)))
        self.now.setText(self.tr("Give it to this session"))
        self._show_now()

    def set_can_change(self, can_change: bool) -> None:
        """Say whether a session is chosen whose limits can be changed while it runs."""
        self._can_change = can_change
        self._show_now()

    def _show_now(self) -> None:
        is_change = self._advice is not None and self._advice.is_change
        self.now.setVisible(is_change and self._can_change)
