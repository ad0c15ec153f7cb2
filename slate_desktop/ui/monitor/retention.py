"""Asks how long and how much of a project's logs is kept, and what a run may write."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLineEdit,
    QVBoxLayout,
)

from slate_desktop.domain.retention import (
    MAX_AGE_DAYS,
    MAX_LINES_PER_S,
    MIN_BYTES,
    MIN_LINES_PER_S,
    LogPolicy,
)
from slate_desktop.domain.sizes import exact_size, parse_size
from slate_desktop.errors import SlateError
from slate_desktop.ui import dialogs
from slate_desktop.ui.button_box import ButtonBox
from slate_desktop.ui.text import clean, set_invalid, set_primary, spin_box, wrapped_label
from slate_desktop.ui.tokens import DIALOG_MARGINS

if TYPE_CHECKING:
    from slate_desktop.ui.window import MainWindow


class RetentionDialog(QDialog):
    """Days, sizes and lines in a second; 0 and an empty size are without limit."""

    def __init__(self, window: MainWindow, name: str, policy: LogPolicy) -> None:
        super().__init__(window)
        self.setWindowTitle(self.tr("Logs of {name}").format(name=clean(name)))
        self.days = spin_box()
        self.days.setRange(0, MAX_AGE_DAYS)
        self.days.setSpecialValueText(self.tr("for ever"))
        self.days.valueChanged.connect(self._show_days)
        self.days.setValue(policy.max_age_days or 0)
        self._show_days(self.days.value())
        self.days.setAccessibleName(self.tr("Days that lines are kept"))
        self.size_field = self._size(
            policy.max_bytes, self.tr("Size of all sessions' lines together")
        )
        self.rate = spin_box()
        self.rate.setRange(0, MAX_LINES_PER_S)
        self.rate.setSingleStep(10_000)
        self.rate.setGroupSeparatorShown(True)
        self.rate.setSpecialValueText(self.tr("any number of lines"))
        self.rate.setSuffix(self.tr(" lines a second"))
        self.rate.setValue(policy.lines_per_s or 0)
        self.rate.setAccessibleName(self.tr("Lines that a run may write in a second"))
        self.rate.valueChanged.connect(self._check)
        self.run_field = self._size(policy.run_bytes, self.tr("Size of what a run may write"))
        buttons = QDialogButtonBox.StandardButton
        self.buttons = ButtonBox(buttons.Save | buttons.Cancel)
        set_primary(self.buttons.button(buttons.Save))
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self.problem = wrapped_label(role="error")
        self.problem.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(*DIALOG_MARGINS)
        layout.setSpacing(12)
        words = self.tr(
            "Older lines are dropped by the agent, whole old sessions first. Sessions that run "
            "keep their recent lines; sessions, graphs and results stay."
        )
        # One form, so that all fields stand below each other.
        form = QFormLayout()
        form.setVerticalSpacing(8)
        form.setHorizontalSpacing(12)
        form.addRow(wrapped_label(words, role="muted"))
        form.addRow(self.tr("Keep lines"), self.days)
        form.addRow(self.tr("Up to"), self.size_field)
        words = self.tr(
            "What a run writes beyond this is dropped, and a line of the log says how much. "
            "A flood never holds up the run itself."
        )
        limits = wrapped_label(words, role="muted")
        limits.setContentsMargins(0, 10, 0, 0)
        form.addRow(limits)
        form.addRow(self.tr("A run writes"), self.rate)
        form.addRow(self.tr("Up to"), self.run_field)
        layout.addLayout(form)
        layout.addWidget(self.problem)
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
        return _read(self.size_field)

    @property
    def lines_per_s(self) -> int | None:
        """Lines in a second; None for any."""
        return self.rate.value() or None

    @property
    def run_bytes(self) -> int | None:
        """Bytes of one run; None for any. Raises like ``max_bytes``."""
        return _read(self.run_field)

    def _size(self, size: int | None, name: str) -> QLineEdit:
        field = QLineEdit("" if size is None else exact_size(size))
        field.setPlaceholderText(self.tr("Any size"))
        field.setAccessibleName(name)
        field.textChanged.connect(self._check)
        return field

    def _show_days(self, days: int) -> None:
        self.days.setSuffix(self.tr(" day") if days == 1 else self.tr(" days"))

    def _check(self) -> None:
        reasons: list[str] = []
        for field in (self.size_field, self.run_field):
            reason = ""
            try:
                size = _read(field)
            except ValueError:
                reason = self.tr("A size is written like 20g or 500m.")
            else:
                if size is not None and size < MIN_BYTES:
                    reason = self.tr("Logs take 1 MiB at least.")
            set_invalid(field, reason)
            reasons += [reason] if reason else []
        rate = ""
        if 0 < self.rate.value() < MIN_LINES_PER_S:
            rate = self.tr("A limit is {least} lines a second at least.").format(
                least=MIN_LINES_PER_S
            )
            reasons.append(rate)
        set_invalid(self.rate, rate)
        self.problem.setText(reasons[0] if reasons else "")
        self.problem.setVisible(bool(reasons))
        self.buttons.button(QDialogButtonBox.StandardButton.Save).setEnabled(not reasons)


def _read(field: QLineEdit) -> int | None:
    text = field.text().strip()
    return parse_size(text) if text else None


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
            project.id,
            max_age_days=dialog.max_age_days,
            max_bytes=dialog.max_bytes,
            lines_per_s=dialog.lines_per_s,
            run_bytes=dialog.run_bytes,
        )
    except SlateError as error:
        window.show_error(error, what)
        return
    window.say(window.tr("The agent keeps the logs like that."))
