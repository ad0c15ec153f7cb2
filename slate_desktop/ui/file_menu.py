"""The menu of a file or folder of the project tree, and what any menu of a file ends with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QPoint
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMenu

from slate_desktop.errors import SlateError
from slate_desktop.ui import outside

if TYPE_CHECKING:
    from slate_desktop.ui.window import MainWindow


def open_file_menu(window: MainWindow, path: Path, position: QPoint, *, is_dir: bool) -> None:
    """Open the menu of a file or folder at a place of the screen."""
    from slate_desktop.domain.assets.kinds import kind_of

    menu = QMenu(window)
    if not is_dir:
        menu.addAction(_tr("Open"), lambda: window.documents.open_path(path))
    if is_dir or kind_of(path) is not None:
        words = _tr("Process the assets in it") if is_dir else _tr("Process")
        process = menu.addAction(words, lambda: _process(window, path))
        process.setEnabled(window.job_commands.takes([path]))
    menu.addSeparator()
    add_outside(menu, path, window.show_error)
    menu.addSeparator()
    menu.addAction(window.registry["project.add"])
    menu.aboutToHide.connect(menu.deleteLater)
    menu.popup(position)


def add_outside(menu: QMenu, path: Path, failed: Callable[[SlateError, str], object]) -> None:
    """Add what hands a file to other programs; ``failed`` is told why that could not be done."""

    def hand_over(act: Callable[[Path], None]) -> None:
        try:
            act(path)
        except SlateError as error:
            failed(error, _tr("The file could not be handed over."))

    menu.addAction(_tr("Reveal in file manager"), lambda: hand_over(outside.reveal))
    menu.addAction(_tr("Open in another program"), lambda: hand_over(outside.open_externally))
    menu.addAction(_tr("Copy path"), lambda: QGuiApplication.clipboard().setText(str(path)))


def _process(window: MainWindow, path: Path) -> None:
    window.tasks.spawn(window.job_commands.submit([path]), "submit assets", window)


def _tr(text: str) -> str:
    return QCoreApplication.translate("FileMenu", text)
