"""Asks how long and how much of a project's logs is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLineEdit,
    QSpinBox,
    QVBoxLayout,
)

from slate_desktop.domain.retention import MAX_AGE_DAYS, MIN_BYTES, LogPolicy
from slate_desktop.domain.sizes import exact_size, parse_size
from slate_desktop.errors import SlateError
from slate_desktop.ui import dialogs
from slate_desktop.ui.text import clean, set_invalid, wrapped_label

if TYPE_CHECKING:
    from slate_desktop.ui.window import MainWindow


class RetentionDialog(QDialog):
    """Days and size; 0 days and an empty size are without limit."""

    def __init__(self, window: MainWindow, name: str, policy: LogPolicy) -> None:
        super().__init__(window)
        self.setWindowTitle(self.tr("Logs of {name}").format(name=clean(name)))
        self.days = QSpinBox()
        self.days.setRange(0, MAX_AGE_DAYS)
        self.days.setSpecialValueText(self.tr("for ever"))
        self.days.setSuffix(self.tr(" days"))
        self.days.setValue(policy.max_age_days or 0)
        self.days.setAccessibleName(self.tr("Days that lines are kept"))
        size = "" if policy.max_bytes is None else exact_size(policy.max_bytes)
        self.size_field = QLineEdit(size)
        self.size_field.setPlaceholderText(self.tr("any size"))
        self.size_field.setAccessibleName(self.tr("Size of all sessions' lines together"))
        self.size_field.textChanged.connect(self._check)
        buttons = QDialogButtonBox.StandardButton
        self.buttons = QDialogButtonBox(buttons.Ok | buttons.Cancel)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        form = QFormLayout()
        form.addRow(self.tr("Keep lines"), self.days)
        form.addRow(self.tr("Up to"), self.size_field)
        layout = QVBoxLayout(self)
        layout.setSpacing(12)
        words = self.tr(
            "Older lines are dropped by the agent, whole old sessions first. Sessions that run "
            "keep their recent lines; sessions, graphs and results stay."
        )
        layout.addWidget(wrapped_label(words, role="muted"))
        layout.addLayout(form)
        layout.addWidget(self.buttons)
        self.setMinimumWidth(420)
        self._check()

    @property
    def max_age_days(self) -> int | None:
        """Days; None for ever."""
        return self.days.value() or None

    @property
    def max_bytes(self) -> int | None:
        """Bytes; None for any size.

        Raises:
            ValueError: the text is no size.
        """
        text = self.size_field.text().strip()
        return parse_size(text) if text else None

    def _check(self) -> None:
        reason = ""
        try:
            size = self.max_bytes
        except ValueError:
            reason = self.tr("A size is written like 20g or 500m.")
        else:
            if size is not None and size < MIN_BYTES:
                reason = self.tr("Logs take 1 MiB at least.")
        set_invalid(self.size_field, reason)
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(not reason)


async def edit_retention(window: MainWindow) -> None:
    """Show the policy of the chosen project, and change it."""
    slate, project = window.workspace.slate, window.workspace.project
    if slate is None or project is None:
        return
    what = window.tr("The policy of the logs was not changed.")
    try:
        policy = await slate.get_log_policy(project.id)
        dialog = RetentionDialog(window, project.name, policy)
        if not await dialogs.wait_for(dialog):
            return
        await slate.set_log_policy(
            project.id, max_age_days=dialog.max_age_days, max_bytes=dialog.max_bytes
        )
    except SlateError as error:
        window.show_error(error, what)
        return
    window.say(window.tr("The agent keeps the logs like that."))
