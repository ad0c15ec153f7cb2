"""SLATE in the system's tray: what runs, without its window.

The icon is there while sessions run, and as long as closing the window only hides it. Where the
system has no tray, there is nothing of this.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QSystemTrayIcon

from slate_desktop.domain.session import RuntimeSession
from slate_desktop.translation import plural
from slate_desktop.ui import icons, status
from slate_desktop.ui.text import clean

if TYPE_CHECKING:
    from slate_desktop.ui.window import MainWindow

_MAX_NAME = 60
_MAX_SHOWN = 12


def add_tray(window: MainWindow, *, keeps: bool) -> None:
    """Put SLATE into the tray, if there is one.

    Args:
        window: whose sessions are shown.
        keeps: whether closing the window hides it.
    """
    if QSystemTrayIcon.isSystemTrayAvailable():
        window.tray = Tray(window, QSystemTrayIcon(icons.application_icon(), window), keeps=keeps)


class Tray(QObject):
    """The icon with its menu, kept true to the workspace's sessions.

    Args:
        icon: takes the menu; hidden while there is nothing to show.
    """

    def __init__(self, window: MainWindow, icon: QSystemTrayIcon, *, keeps: bool) -> None:
        super().__init__(window)
        self._window, self.icon, self._keeps = window, icon, keeps
        self._shown: list[tuple[str, str, str]] | None = None
        self._has_told = False
        self.menu = QMenu()
        icon.setContextMenu(self.menu)
        icon.activated.connect(self._on_activated)
        window.workspace.sessions_changed.connect(self._show)
        window.workspace.session_changed.connect(self._show)
        window.workspace.projects_changed.connect(self._show)
        self._show()

    @property
    def keeps(self) -> bool:
        """Whether closing the window hides it."""
        return self._keeps

    def set_keeps(self, keeps: bool) -> None:
        """Let closing the window hide it, or end the program."""
        self._keeps = keeps
        self._show_icon()

    def hide_window(self) -> bool:
        """Hide the window instead of closing it; tells whether that is what the user wants."""
        if not self._keeps:
            return False
        self._window.hide()
        if not self._has_told:
            self._has_told = True
            self.icon.showMessage(
                self.tr("SLATE runs on in the tray"),
                self.tr("Its menu shows the window again, or ends SLATE."),
                icons.application_icon(),
            )
        return True

    def show_window(self) -> None:
        """Bring the window to the front, from wherever it is."""
        window = self._window
        window.setWindowState(window.windowState() & ~Qt.WindowState.WindowMinimized)
        window.show()
        window.raise_()
        window.activateWindow()

    def close(self) -> None:
        """Take the icon away."""
        self.icon.hide()
        self.menu.deleteLater()

    def _show(self, _session: object = None) -> None:
        live = [session for session in self._window.workspace.sessions if session.is_live]
        shown = [(s.id, self._title(s), status.status_words(s.status)) for s in live]
        if shown == self._shown:
            return
        self._shown = shown
        words = plural("{count} session runs", "{count} sessions run", len(live))
        if not live:
            words = self.tr("Nothing runs")
        self.icon.setToolTip(f"SLATE: {words}")
        self.menu.clear()
        head = self._add(self.menu, words, None)
        head.setEnabled(False)
        for session, (_id, title, state) in zip(live[:_MAX_SHOWN], shown, strict=False):
            self._add_session(session, f"{title}  –  {state}")
        if len(live) > _MAX_SHOWN:
            more = len(live) - _MAX_SHOWN
            self._add(self.menu, self.tr("{n} more…").format(n=more), self.show_window)
        self.menu.addSeparator()
        self._add(self.menu, self.tr("Show SLATE"), self.show_window)
        self._add(self.menu, self.tr("Quit SLATE"), self._window.quit)
        self._show_icon()

    def _show_icon(self) -> None:
        self.icon.setVisible(bool(self._shown) or self._keeps)

    def _add_session(self, session: RuntimeSession, title: str) -> None:
        menu = self.menu.addMenu(title.replace("&", "&&"))
        self._add(menu, self.tr("Show"), lambda: self._show_session(session.id))
        stop = self._add(menu, self.tr("Stop"), lambda: self._stop(session.id))
        stop.setEnabled(session.status.value in ("starting", "running"))

    def _add(self, menu: QMenu, text: str, slot: object) -> QAction:
        action = menu.addAction(text)
        if callable(slot):
            action.triggered.connect(lambda _checked=False: slot())
        return action

    def _title(self, session: RuntimeSession) -> str:
        title = clean(self._window.session_title(session)).replace("\n", " ")
        return title if len(title) <= _MAX_NAME else f"{title[: _MAX_NAME - 1]}…"

    def _show_session(self, session_id: str) -> None:
        self.show_window()
        self._window.workspace.choose_session(session_id)

    def _stop(self, session_id: str) -> None:
        window = self._window
        window.tasks.spawn(window.commands.stop_session(session_id), "stop", window)

    def _on_activated(self, reason: QSystemTrayIcon.ActivationReason) -> None:
        if reason is QSystemTrayIcon.ActivationReason.Trigger:
            self.show_window()
