"""One line in the details of a project: whether its files are where they are needed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QPushButton, QWidget

from slate_desktop.ui import icons
from slate_desktop.ui.text import plain_label, wrapped_label
from slate_desktop.ui.theme import Theme

if TYPE_CHECKING:
    from slate_desktop.control.sync_values import SyncHost, SyncStatus

_ONE_LINE_WIDTH = 620
# What is shown: an icon, its colour, a sentence.
Look = tuple[str, str, str]


class SyncRow(QWidget):
    """A sentence with an icon, and buttons for what can be done; hidden where nothing travels."""

    push_wanted = Signal()
    pull_wanted = Signal()
    decide_wanted = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._look: Look = ("folder", "state.idle", "")
        self._icon = plain_label()
        self.words = wrapped_label(role="muted")
        self.push = QPushButton(self.tr("Push"))
        self.push.setToolTip(self.tr("Bring what changed here to the hosts"))
        self.push.clicked.connect(self.push_wanted)
        self.pull = QPushButton(self.tr("Pull"))
        self.pull.setToolTip(self.tr("Bring what others and runtimes changed into this folder"))
        self.pull.clicked.connect(self.pull_wanted)
        self.decide = QPushButton(self.tr("Decide…"))
        self.decide.setToolTip(self.tr("Show the files that changed on both sides"))
        self.decide.clicked.connect(self.decide_wanted)
        said = QHBoxLayout()
        said.setSpacing(8)
        said.addWidget(self._icon)
        said.addWidget(self.words, 1)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        for button in (self.decide, self.pull, self.push):
            buttons.addWidget(button)
        buttons.addStretch(0)
        self._layout = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(8)
        self._layout.addLayout(said, 1)
        self._layout.addLayout(buttons)
        theme.changed.connect(self.apply_theme)
        self.setVisible(False)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Put the buttons below the words where there is no room beside them."""
        way = QBoxLayout.Direction
        is_narrow = event.size().width() < _ONE_LINE_WIDTH
        self._layout.setDirection(way.TopToBottom if is_narrow else way.LeftToRight)
        super().resizeEvent(event)

    def show_nothing(self) -> None:
        """Show nothing: no host needs this project's files."""
        self.setVisible(False)

    def show_work(self, words: str) -> None:
        """Say what is under way."""
        self._show(("refresh-cw", "state.busy", words))
        for button in (self.push, self.pull, self.decide):
            button.setEnabled(False)

    def show_status(self, now: SyncStatus, hosts: Sequence[SyncHost]) -> None:
        """Show how the folder stands."""
        self._show(look_of(now, hosts))
        self.push.setVisible(bool(now.push))
        self.pull.setVisible(bool(now.pull) or any(host.version for host in hosts))
        self.decide.setVisible(bool(now.conflicts))
        for button in (self.push, self.pull, self.decide):
            button.setEnabled(True)

    def apply_theme(self) -> None:
        """Take icons of the theme."""
        name, role, _ = self._look
        self._icon.setPixmap(icons.pixmap(name, self._theme.tokens, role))

    def _show(self, look: Look) -> None:
        self._look = look
        self.words.setText(look[2])
        self.apply_theme()
        self.setVisible(True)


def look_of(now: SyncStatus, hosts: Sequence[SyncHost]) -> Look:
    """Return how a state is shown, the most urgent part of it first."""
    parts: list[str] = []
    if now.conflicts:
        many = _tr("{n} files changed on both sides")
        parts.append(_count(_tr("1 file changed on both sides"), many, len(now.conflicts)))
    if now.push:
        parts.append(_count(_tr("1 file to push"), _tr("{n} files to push"), len(now.push)))
    if now.pull:
        parts.append(_count(_tr("1 file to pull"), _tr("{n} files to pull"), len(now.pull)))
    if now.conflicts:
        return ("triangle-alert", "state.warn", " · ".join(parts))
    if parts:
        return ("arrow-down-up", "accent.text", " · ".join(parts))
    names = [host.name for host in hosts if not host.shared and host.version == now.version]
    if names and now.version:
        words = _tr("Files in sync with {hosts}").format(hosts=", ".join(names[:3]))
        return ("circle-check", "state.ok", words)
    return ("circle-check", "state.ok", _tr("Files in sync; hosts take them at a start or build"))


def _count(one: str, many: str, count: int) -> str:
    return one if count == 1 else many.format(n=f"{count:,}")


def _tr(source: str) -> str:
    return QCoreApplication.translate("Sync", source)
