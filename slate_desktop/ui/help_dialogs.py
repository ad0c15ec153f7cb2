"""Help: every shortcut on one page, and what the program is made of."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, qVersion
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from slate_desktop import __version__
from slate_desktop.ui import dialogs
from slate_desktop.ui.actions import plain_title
from slate_desktop.ui.text import plain_label, wrapped_label

if TYPE_CHECKING:
    from slate_desktop.ui.window import MainWindow


async def show_keys(window: MainWindow) -> None:
    """Show every action that has a key."""
    page = QWidget()
    grid = QGridLayout(page)
    grid.setHorizontalSpacing(28)
    grid.setVerticalSpacing(5)
    row, menu = 0, None
    for spec, action in window.registry.all():
        if action.shortcut().isEmpty():
            continue
        if spec.menu != menu:
            menu = spec.menu
            head = plain_label(plain_title(menu))
            head.setFont(window.theme.ui_font(is_bold=True))
            grid.addWidget(head, row, 0, 1, 2)
            row += 1
        key = plain_label(action.shortcut().toString(QKeySequence.SequenceFormat.NativeText))
        key.setFont(window.theme.mono_font())
        grid.addWidget(plain_label(plain_title(spec.text), role="muted"), row, 0)
        grid.addWidget(key, row, 1, Qt.AlignmentFlag.AlignRight)
        row += 1
    scroll = QScrollArea()
    scroll.setWidgetResizable(True)
    scroll.setWidget(page)
    await _show(window, window.tr("Keyboard shortcuts"), scroll, 520)


async def show_about(window: MainWindow) -> None:
    """Show versions and licences."""
    text = window.tr(
        "SLATE {version}, Apache License 2.0.\n\nPython {python}, Qt {qt} (LGPL-3.0), icons by "
        "Lucide (ISC), fonts Inter and JetBrains Mono (OFL-1.1)."
    ).format(version=__version__, python=platform.python_version(), qt=qVersion())
    await _show(window, window.tr("About SLATE"), wrapped_label(text), 120)


async def _show(window: MainWindow, title: str, content: QWidget, height: int) -> None:
    dialog = QDialog(window)
    dialog.setWindowTitle(title)
    dialog.setMinimumWidth(460)
    content.setMinimumHeight(height)
    buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
    buttons.rejected.connect(dialog.reject)
    layout = QVBoxLayout(dialog)
    layout.setContentsMargins(18, 16, 18, 14)
    layout.addWidget(content, 1)
    layout.addWidget(buttons)
    await dialogs.wait_for(dialog)
