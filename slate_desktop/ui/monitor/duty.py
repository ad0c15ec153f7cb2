"""Takes a host out of service, and puts it back; asks for the reason first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLineEdit, QVBoxLayout

from slate_desktop.control.hosts import MAX_REASON_CHARS
from slate_desktop.errors import SlateError
from slate_desktop.ui import dialogs
from slate_desktop.ui.button_box import ButtonBox
from slate_desktop.ui.text import clean, wrapped_label
from slate_desktop.ui.tokens import DIALOG_MARGINS

if TYPE_CHECKING:
    from slate_desktop.ui.window import MainWindow


class DutyDialog(QDialog):
    """Says what happens to the host, and takes a reason, which may be empty."""

    def __init__(self, window: MainWindow, host_id: str, *, is_drain: bool) -> None:
        super().__init__(window)
        name = clean(host_id)
        self.setWindowTitle(
            self.tr("Drain {name}").format(name=name)
            if is_drain
            else self.tr("Take {name} out of service").format(name=name)
        )
        self.setMinimumWidth(420)
        words = self.tr("No session, build or asset job begins there from now on.")
        words += " " + (
            self.tr("Its sessions are stopped; jobs that run there end by themselves.")
            if is_drain
            else self.tr("What runs there goes on.")
        )
        self.field = QLineEdit()
        self.field.setMaxLength(MAX_REASON_CHARS)
        self.field.setPlaceholderText(self.tr("Why, for those who wonder"))
        self.field.setAccessibleName(self.tr("Reason"))
        buttons = ButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.yes = buttons.addButton(
            self.tr("Drain") if is_drain else self.tr("Take out of service"),
            QDialogButtonBox.ButtonRole.AcceptRole,
        )
        self.yes.setProperty("primary", True)
        self.yes.setDefault(True)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(*DIALOG_MARGINS)
        layout.setSpacing(12)
        layout.addWidget(wrapped_label(words))
        layout.addWidget(self.field)
        layout.addWidget(buttons)


async def change_duty(window: MainWindow, host_id: str, duty: str) -> None:
    """Cordon, drain or uncordon a host.

    Args:
        window: whose connection is used.
        host_id: which host.
        duty: ``cordon``, ``drain`` or ``uncordon``.
    """
    slate = window.workspace.slate
    if slate is None:
        return
    try:
        if duty == "uncordon":
            await slate.uncordon_host(host_id)
            return
        dialog = DutyDialog(window, host_id, is_drain=duty == "drain")
        if not await dialogs.wait_for(dialog):
            return
        reason = dialog.field.text()
        if duty == "drain":
            await slate.drain_host(host_id, reason)
        else:
            await slate.cordon_host(host_id, reason)
    except SlateError as error:
        window.show_error(error, window.tr("The host stays as it is."))
