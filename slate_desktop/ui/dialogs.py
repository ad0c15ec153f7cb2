"""Dialogs that are awaited, never run in a nested loop.

A nested Qt loop inside a coroutine wedges the program, so every dialog here is opened with
``open()`` and answers through a future. When the awaiting task is cancelled the dialog closes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import shiboken6
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from slate_desktop.ui import icons
from slate_desktop.ui.button_box import ButtonBox
from slate_desktop.ui.problems import Problem
from slate_desktop.ui.text import plain_label, set_danger, set_primary, wrapped_label
from slate_desktop.ui.theme import Theme
from slate_desktop.ui.tokens import BUTTON_GAP, DIALOG_MARGINS

_HELP = "help"


async def wait_for(dialog: QDialog) -> bool:
    """Open a dialog and return whether it was accepted."""
    future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def on_finished(result: int) -> None:
        if not future.done():
            future.set_result(result == QDialog.DialogCode.Accepted)

    dialog.finished.connect(on_finished)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    make_room(dialog)
    fit_height(dialog)
    add_help(dialog)
    dialog.open()
    try:
        return await future
    finally:
        if shiboken6.isValid(dialog):
            dialog.close()
            dialog.deleteLater()


def make_room(dialog: QDialog) -> None:
    """Make a dialog as wide as its words need, which differs with language and zoom.

    Qt lets an explicit least size win over what the layout needs, and cuts buttons then.
    """
    layout = dialog.layout()
    if layout is not None:
        layout.activate()
        needed = layout.minimumSize()
        if layout.hasHeightForWidth():
            # That of texts at their narrowest is too much; see fit_height.
            needed.setHeight(dialog.minimumHeight())
        dialog.setMinimumSize(dialog.minimumSize().expandedTo(needed))


def add_help(dialog: QDialog) -> None:
    """Let F1 open the guide's page of a dialog, and tell “What is this?” of it."""
    from slate_desktop.ui.help.pages import topic_of, whats_this

    topic = topic_of(dialog)
    dialog.setWhatsThis(whats_this(topic))

    def show() -> None:
        from slate_desktop.ui.help.commands import show_guide

        show_guide(dialog, topic.page)

    if dialog.findChild(QShortcut, _HELP) is not None:
        return
    # The window's own F1 does not come through a dialog above it.
    shortcut = QShortcut(QKeySequence(Qt.Key.Key_F1), dialog)
    shortcut.setObjectName(_HELP)
    shortcut.activated.connect(show)


def fit_height(dialog: QDialog) -> None:
    """Give a dialog the height that its texts need at its width, where nothing in it can grow.

    Qt computes the height for the narrowest width, and a minimum width then leaves gaps.
    """
    layout = dialog.layout()
    if layout is None or dialog.testAttribute(Qt.WidgetAttribute.WA_Resized):
        return
    dialog.ensurePolished()
    layout.activate()
    if layout.hasHeightForWidth() and not layout.expandingDirections() & Qt.Orientation.Vertical:
        width = max(layout.totalSizeHint().width(), dialog.minimumWidth())
        dialog.resize(width, max(layout.totalHeightForWidth(width), dialog.minimumHeight()))


async def ask(
    parent: QWidget, theme: Theme, *, title: str, text: str, action: str, is_danger: bool = False
) -> bool:
    """Ask once, naming the deed on the button; return whether the user wants it."""
    return await wait_for(
        Question(parent, theme, title=title, text=text, action=action, is_danger=is_danger)
    )


async def choose_directory(parent: QWidget, title: str, start: Path | None = None) -> Path | None:
    """Let the user choose a directory; None when they think better of it."""
    dialog = QFileDialog(parent, title, str(start or Path.home()))
    dialog.setFileMode(QFileDialog.FileMode.Directory)
    dialog.setOption(QFileDialog.Option.ShowDirsOnly, True)
    dialog.setOption(QFileDialog.Option.DontUseNativeDialog, True)
    dialog.resize(760, 480)
    chosen: list[str] = []
    dialog.filesSelected.connect(chosen.extend)
    is_accepted = await wait_for(dialog)
    return Path(chosen[0]) if is_accepted and chosen else None


async def choose_open_file(parent: QWidget, title: str, start: Path | None = None) -> Path | None:
    """Let the user choose a file that exists; None when they think better of it."""
    dialog = QFileDialog(parent, title, str(start or Path.home()))
    dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
    dialog.setOption(QFileDialog.Option.DontUseNativeDialog, True)
    dialog.resize(760, 480)
    chosen: list[str] = []
    dialog.filesSelected.connect(chosen.extend)
    is_accepted = await wait_for(dialog)
    return Path(chosen[0]) if is_accepted and chosen else None


async def choose_save_file(
    parent: QWidget, title: str, name: str, filters: Sequence[str] = ()
) -> Path | None:
    """Let the user choose where to save; the dialog itself asks before it overwrites.

    Args:
        parent: the window.
        title: of the dialog.
        name: what is proposed.
        filters: kinds of files as Qt writes them, ``Text (*.log)``; the first one's suffix is added
            to a name without any.
    """
    dialog = QFileDialog(parent, title, str(Path.home()))
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setOption(QFileDialog.Option.DontUseNativeDialog, True)
    if filters:
        dialog.setNameFilters(list(filters))
    dialog.selectFile(name)
    dialog.resize(760, 480)
    chosen: list[str] = []
    dialog.filesSelected.connect(chosen.extend)
    is_accepted = await wait_for(dialog)
    return Path(chosen[0]) if is_accepted and chosen else None


class Question(QDialog):
    """Asks for one deed by its name; where it destroys something, Return does not do it."""

    def __init__(
        self,
        parent: QWidget,
        theme: Theme,
        *,
        title: str,
        text: str,
        action: str,
        is_danger: bool = False,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setMinimumWidth(420)
        head = QHBoxLayout()
        head.setSpacing(12)
        look = ("triangle-alert", "state.warn") if is_danger else ("info", "accent.text")
        head.addWidget(_mark(theme, *look))
        head.addWidget(wrapped_label(text), 1)
        buttons = ButtonBox()
        yes = buttons.addButton(action, QDialogButtonBox.ButtonRole.AcceptRole)
        (set_danger if is_danger else set_primary)(yes)
        no = buttons.addButton(QDialogButtonBox.StandardButton.Cancel)
        (no if is_danger else yes).setDefault(True)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(*DIALOG_MARGINS)
        layout.setSpacing(16)
        layout.addLayout(head)
        layout.addWidget(buttons)


class ProblemDialog(QDialog):
    """Says what happened, why, and what to do next; the raw text opens below.

    Signals:
        report_wanted: of a fault of the program, that a support bundle is to be shown.
    """

    report_wanted = Signal()

    def __init__(self, parent: QWidget, theme: Theme, problem: Problem) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Problem"))
        self.setMinimumWidth(520)
        what = wrapped_label(problem.what)
        what.setFont(theme.ui_font(scale=1.1, is_bold=True))
        texts = QVBoxLayout()
        texts.setSpacing(8)
        texts.addWidget(what)
        if problem.why:
            texts.addWidget(wrapped_label(problem.why))
        if problem.next_step:
            texts.addWidget(wrapped_label(problem.next_step, role="muted"))
        head = QHBoxLayout()
        head.setSpacing(14)
        look = ("circle-x", "state.error") if problem.is_bug else ("triangle-alert", "state.warn")
        mark = _mark(theme, *look)
        head.addWidget(mark, 0, Qt.AlignmentFlag.AlignTop)
        head.addLayout(texts, 1)
        self.raw = QPlainTextEdit(problem.raw)
        self.raw.setReadOnly(True)
        self.raw.setFont(theme.mono_font())
        self.raw.setAccessibleName(self.tr("Raw text of the error"))
        self.raw.setMinimumHeight(200)
        self.raw.hide()
        self.toggle = QPushButton(self.tr("Show raw text"))
        self.toggle.setCheckable(True)
        self.toggle.toggled.connect(self._on_toggle)
        copy = QPushButton(self.tr("Copy"))
        copy.clicked.connect(
            lambda: QGuiApplication.clipboard().setText(f"{problem.text}\n\n{problem.raw}")
        )
        close = QPushButton(self.tr("Close"))
        set_primary(close)
        close.setDefault(True)
        close.clicked.connect(self.accept)
        row = QHBoxLayout()
        row.setSpacing(BUTTON_GAP)
        row.addWidget(self.toggle)
        row.addWidget(copy)
        if problem.is_bug:
            report = QPushButton(self.tr("Support bundle…"))
            report.clicked.connect(self.report_wanted)
            report.clicked.connect(self.accept)
            row.addWidget(report)
        row.addStretch(1)
        row.addWidget(close)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(*DIALOG_MARGINS)
        layout.setSpacing(14)
        layout.addLayout(head)
        layout.addWidget(self.raw, 1)
        layout.addLayout(row)

    def _on_toggle(self, is_on: bool) -> None:
        self.raw.setVisible(is_on)
        self.toggle.setText(self.tr("Hide raw text") if is_on else self.tr("Show raw text"))
        self.adjustSize()


def _mark(theme: Theme, name: str, role: str) -> QLabel:
    label = plain_label()
    label.setPixmap(icons.pixmap(name, theme.tokens, role, 28))
    label.setAlignment(Qt.AlignmentFlag.AlignTop)
    return label
