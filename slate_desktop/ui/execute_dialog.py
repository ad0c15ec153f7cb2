"""The Execute prompt: one command inside the running session, and what it printed."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from slate_desktop.ui.console import ansi
from slate_desktop.ui.problems import Problem
from slate_desktop.ui.text import plain_label, set_primary, spin_box, wrapped_label
from slate_desktop.ui.theme import Theme
from slate_desktop.ui.tokens import BUTTON_GAP, DIALOG_MARGINS

if TYPE_CHECKING:
    from slate_desktop.control.values import ExecResult

_MAX_HISTORY = 50


class ExecuteDialog(QDialog):
    """Type a command, press Return, read the output; stays open for the next one."""

    execute_wanted = Signal(list, float)

    def __init__(self, parent: QWidget, theme: Theme, title: str, history: list[str]) -> None:
        super().__init__(parent)
        self._history, self._place = history, len(history)
        self.setWindowTitle(self.tr("Execute in {title}").format(title=title))
        self.resize(720, 440)
        self.field = QLineEdit()
        self.field.setFont(theme.mono_font())
        self.field.setPlaceholderText(self.tr("ls -l /app/project"))
        self.field.setAccessibleName(self.tr("Command"))
        self.field.returnPressed.connect(self._on_run)
        self.run_button = QPushButton(self.tr("Run"))
        set_primary(self.run_button)
        self.run_button.clicked.connect(self._on_run)
        self.limit = spin_box()
        self.limit.setRange(1, 600)
        self.limit.setValue(30)
        self.limit.setSuffix(self.tr(" s"))
        self.limit.setToolTip(self.tr("The command is ended after this time"))
        self.limit.setAccessibleName(self.tr("Time limit in seconds"))
        self.output = QPlainTextEdit()
        self.output.setReadOnly(True)
        self.output.setFont(theme.mono_font())
        self.output.setMaximumBlockCount(20_000)
        self.output.setAccessibleName(self.tr("Output"))
        self.output.setPlaceholderText(
            self.tr("Output appears here. The command runs without a shell: no pipes, no $NAMES.")
        )
        self.state = wrapped_label(role="muted")
        row = QHBoxLayout()
        row.setSpacing(BUTTON_GAP)
        row.addWidget(self.field, 1)
        row.addWidget(plain_label(self.tr("Limit"), role="muted"))
        row.addWidget(self.limit)
        row.addWidget(self.run_button)
        foot = QHBoxLayout()
        foot.setSpacing(BUTTON_GAP)
        foot.addWidget(self.state, 1)
        close = QPushButton(self.tr("Close"))
        close.setAutoDefault(False)
        close.clicked.connect(self.reject)
        foot.addWidget(close)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(*DIALOG_MARGINS)
        layout.setSpacing(10)
        layout.addLayout(row)
        layout.addWidget(self.output, 1)
        layout.addLayout(foot)

    def show_running(self, line: str) -> None:
        """Say that a command is under way."""
        self.run_button.setEnabled(False)
        self.state.setText(self.tr("Running…"))
        self.output.appendPlainText(f"$ {line}")

    def show_result(self, result: ExecResult) -> None:
        """Show what a command printed and how it ended."""
        for text in (result.stdout, result.stderr):
            if text:
                lines = (ansi.strip(line) for line in text.rstrip("\n").split("\n"))
                self.output.appendPlainText("\n".join(lines))
        words = self.tr("Exit code {code} after {ms} ms").format(
            code=result.exit_code, ms=result.duration_ms
        )
        if result.truncated:
            words = f"{words} · {self.tr('long output was cut')}"
        self._done(words)

    def show_problem(self, problem: Problem) -> None:
        """Show why a command did not run."""
        self._done(" ".join(part for part in (problem.why, problem.next_step) if part))

    def _done(self, words: str) -> None:
        self.run_button.setEnabled(True)
        self.state.setText(words)
        self.field.setFocus()
        self.field.selectAll()

    def _on_run(self) -> None:
        line = self.field.text().strip()
        if not line or not self.run_button.isEnabled():
            return
        try:
            argv = shlex.split(line)
        except ValueError:
            self.state.setText(self.tr("A quotation mark is not closed. Close it and run again."))
            return
        if line not in self._history:
            self._history.append(line)
            del self._history[:-_MAX_HISTORY]
        self.show_running(line)
        self.execute_wanted.emit(argv, float(self.limit.value()))
