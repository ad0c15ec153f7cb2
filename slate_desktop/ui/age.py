"""How old what is shown is, in the title of a pane: hidden while the servers answer."""

from __future__ import annotations

from datetime import datetime

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QHBoxLayout, QWidget

from slate_desktop.ui import icons
from slate_desktop.ui.text import format_age, format_time, plain_label
from slate_desktop.ui.theme import Theme

_LOOK_MS = 5000


class AgeLabel(QWidget):
    """Says ``12 min old``, and in its tooltip why."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.moment: datetime | None = None
        self._mark = plain_label()
        self.words = plain_label(role="warn")
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 0, 8, 0)
        row.setSpacing(5)
        row.addWidget(self._mark)
        row.addWidget(self.words)
        self._clock = QTimer(self)
        self._clock.setInterval(_LOOK_MS)
        self._clock.timeout.connect(self._show)
        theme.changed.connect(self._show)
        self.hide()

    def set_moment(self, moment: datetime | None) -> None:
        """Say that what is shown was true at a moment, or that it is true now."""
        self.moment = moment
        self.setVisible(moment is not None)
        if moment is None:
            self._clock.stop()
        else:
            self._clock.start()
            self._show()

    def _show(self) -> None:
        if self.moment is None:
            return
        self._mark.setPixmap(icons.pixmap("clock", self._theme.tokens, "state.warn", 13))
        self.words.setText(self.tr("{age} old").format(age=format_age(self.moment)))
        self.setToolTip(
            self.tr("The servers do not answer. This is what they said last, at {time}.").format(
                time=format_time(self.moment)
            )
        )
        self.setAccessibleName(f"{self.words.text()}. {self.toolTip()}")
