"""Other programs: the file manager that shows a file, and the program that opens it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QUrl
from PySide6.QtGui import QDesktopServices

from slate_desktop.errors import EnvironmentFaultError

_FILE_MANAGER = "org.freedesktop.FileManager1"


def reveal(path: Path) -> None:
    """Show a file in the system's file manager, marked where the manager can do that.

    Raises:
        EnvironmentFaultError: there is no file manager.
    """
    if sys.platform == "win32":
        # Explorer answers 1 even when it did what was asked.
        subprocess.Popen(["explorer", f"/select,{path}"])  # noqa: S603, S607
        return
    if sys.platform == "darwin":
        subprocess.Popen(["open", "-R", str(path)])  # noqa: S603, S607
        return
    if not _ask_file_manager(path):
        open_externally(path.parent)


def open_externally(path: Path) -> None:
    """Open a file or folder with the program that the system chose for it.

    Raises:
        EnvironmentFaultError: there is no such program.
    """
    if not QDesktopServices.openUrl(QUrl.fromLocalFile(str(path))):
        raise EnvironmentFaultError(
            f"No program of this system opens {path.name or path}.",
            hint="Choose a program for this kind of file in the system's settings.",
        )


def _ask_file_manager(path: Path) -> bool:
    """Ask over D-Bus, and open the folder when nobody answers; false where there is no bus.

    Source: https://www.freedesktop.org/wiki/Specifications/file-manager-interface
    """
    from PySide6.QtDBus import QDBusConnection, QDBusMessage, QDBusPendingCallWatcher

    bus = QDBusConnection.sessionBus()
    if not bus.isConnected():
        return False
    call = QDBusMessage.createMethodCall(
        _FILE_MANAGER, "/org/freedesktop/FileManager1", _FILE_MANAGER, "ShowItems"
    )
    call.setArguments([[QUrl.fromLocalFile(str(path)).toString()], ""])
    watcher = QDBusPendingCallWatcher(bus.asyncCall(call, 3000), QCoreApplication.instance())

    def on_finished(_: object) -> None:
        if watcher.isError():
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(path.parent)))
        watcher.deleteLater()

    watcher.finished.connect(on_finished)
    return True
