"""The editor of a rule: what is wrong stands below its field, and it is tried before it is kept."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from slate_desktop.domain.alerts import (
    DEFAULT_COOLDOWN_S,
    MAX_COOLDOWN_S,
    MAX_HELD_S,
    MAX_NAME,
    MAX_PATTERN,
    MIN_COOLDOWN_S,
    AlertKind,
    AlertRule,
    make_rule,
    rule_words,
    threshold_words,
)
from slate_desktop.domain.logs import LogLevel
from slate_desktop.errors import CommandError
from slate_desktop.translation import sentence
from slate_desktop.ui.button_box import ButtonBox
from slate_desktop.ui.status import level_words
from slate_desktop.ui.text import set_invalid, set_primary, set_role, spin_box, wrapped_label
from slate_desktop.ui.tokens import DIALOG_MARGINS


class RuleEditor(QDialog):
    """Asks for a rule. ``test_wanted`` asks to try it on the chosen session.

    Args:
        parent: the window or dialog below.
        names: of the project's other rules, which are taken.
        rule: the rule that is changed, None for a new one.
        can_test: whether there is a session to try it on.
    """

    test_wanted = Signal(object)

    def __init__(
        self, parent: QWidget, names: Sequence[str], rule: AlertRule | None, *, can_test: bool
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Change rule") if rule else self.tr("Add rule"))
        self.setMinimumWidth(480)
        self._names = {name.lower() for name in names}
        self._rule = rule
        self.rule: AlertRule | None = None
        self.name = self._line(self.tr("Name"), MAX_NAME, self.tr("Such as Crashes"))
        self.kind = QComboBox()
        self.kind.setAccessibleName(self.tr("Tells when"))
        for kind, words in self._kinds():
            self.kind.addItem(words, kind)
        self.level = QComboBox()
        self.level.setAccessibleName(self.tr("Level"))
        self.pattern = self._line(
            self.tr("Text"), MAX_PATTERN, self.tr("What the line has, of any case")
        )
        self.regex = QCheckBox(self.tr("Expression"))
        self.regex.setToolTip(self.tr("The syntax is RE2's: ^ and $ are a line's ends"))
        self.threshold = self._line(self.tr("At least"), 40, "")
        self.held = self._seconds(self.tr("Held for"), 0, MAX_HELD_S)
        self.held.setSpecialValueText(self.tr("at once"))
        self.cooldown = self._seconds(self.tr("Cools down"), MIN_COOLDOWN_S, MAX_COOLDOWN_S)
        self.problem = wrapped_label(role="muted")
        self.words = wrapped_label(role="muted")
        self.test = QPushButton(self.tr("Try on the chosen session"))
        self.test.setEnabled(False)
        self._can_test = can_test
        self.test.clicked.connect(self._on_test)
        self.outcome = wrapped_label(role="muted")
        self.outcome.hide()
        self._lay_out()
        self._fill(rule)
        for field in (self.name, self.pattern, self.threshold):
            field.textChanged.connect(self._check)
        self.kind.currentIndexChanged.connect(self._on_kind)
        self.level.currentIndexChanged.connect(self._check)
        for spin in (self.held, self.cooldown):
            spin.valueChanged.connect(self._check)
        self.regex.toggled.connect(self._check)
        self._show_kind()

    def show_outcome(self, words: str) -> None:
        """Say what the rule would have told."""
        self.outcome.setText(words)
        self.outcome.show()
        self._grow()
        self.test.setEnabled(self.rule is not None and self._can_test)

    # -- private ---------------------------------------------------------------------------

    def _grow(self) -> None:
        """Give words that broke into more lines room of their own, not that of the fields."""
        self._column.activate()
        wanted = self._column.totalHeightForWidth(self.width())
        self.resize(self.width(), max(self.height(), wanted))

    def _kinds(self) -> list[tuple[AlertKind, str]]:
        return [
            (AlertKind.LEVEL, self.tr("a line has a level")),
            (AlertKind.TEXT, self.tr("a line has a text")),
            (AlertKind.CPU, self.tr("CPU is high")),
            (AlertKind.MEMORY, self.tr("memory is high")),
            (AlertKind.NETWORK, self.tr("the network is busy")),
            (AlertKind.EXIT, self.tr("a run fails")),
            (AlertKind.OOM, self.tr("a run ends for want of memory")),
        ]

    def _line(self, name: str, most: int, hint: str) -> QLineEdit:
        field = QLineEdit()
        field.setAccessibleName(name)
        field.setMaxLength(most)
        field.setPlaceholderText(hint)
        return field

    def _seconds(self, name: str, least: int, most: int) -> QSpinBox:
        box = spin_box()
        box.setAccessibleName(name)
        box.setRange(least, most)
        box.setSuffix(self.tr(" s"))
        return box

    def _lay_out(self) -> None:
        text = QHBoxLayout()
        text.addWidget(self.pattern, 1)
        text.addWidget(self.regex)
        self._form = form = QFormLayout()
        form.setVerticalSpacing(8)
        form.addRow(self.tr("Name"), self.name)
        form.addRow(self.tr("Tells when"), self.kind)
        self._text_row = QWidget()
        self._text_row.setLayout(text)
        text.setContentsMargins(0, 0, 0, 0)
        form.addRow(self.tr("Level"), self.level)
        form.addRow(self.tr("Text"), self._text_row)
        form.addRow(self.tr("At least"), self.threshold)
        form.addRow("", self.problem)
        form.addRow(self.tr("Held for"), self.held)
        form.addRow(self.tr("Cools down"), self.cooldown)
        buttons = ButtonBox()
        self.save = buttons.addButton(
            self.tr("Keep") if self._rule else self.tr("Add"),
            QDialogButtonBox.ButtonRole.AcceptRole,
        )
        set_primary(self.save)
        self.save.setDefault(True)
        buttons.addButton(QDialogButtonBox.StandardButton.Cancel)
        buttons.addButton(self.test, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        self._column = layout = QVBoxLayout(self)
        layout.setContentsMargins(*DIALOG_MARGINS)
        layout.setSpacing(12)
        layout.addLayout(form)
        layout.addWidget(self.words)
        layout.addWidget(self.outcome)
        layout.addWidget(buttons)

    def _fill(self, rule: AlertRule | None) -> None:
        self.cooldown.setValue(rule.cooldown_s if rule else DEFAULT_COOLDOWN_S)
        if rule is None:
            self._fill_levels(AlertKind.LEVEL, LogLevel.ERROR)
            return
        self.name.setText(rule.name)
        self.kind.setCurrentIndex(self.kind.findData(rule.kind))
        self._fill_levels(rule.kind, rule.level)
        self.pattern.setText(rule.pattern or "")
        self.regex.setChecked(rule.is_regex)
        self.threshold.setText(threshold_words(rule))
        self.held.setValue(rule.held_s)

    def _fill_levels(self, kind: AlertKind, chosen: LogLevel | None) -> None:
        """Offer levels; any level only where a text is looked for, too."""
        self.level.blockSignals(True)
        self.level.clear()
        if kind is AlertKind.TEXT:
            self.level.addItem(self.tr("any level"), None)
        for level in reversed(LogLevel):
            words = self.tr("{level} and worse").format(level=level_words(level))
            self.level.addItem(words if level is not LogLevel.ERROR else level_words(level), level)
        self.level.setCurrentIndex(max(0, self.level.findData(chosen)))
        self.level.blockSignals(False)

    def _on_kind(self) -> None:
        kind = AlertKind(self.kind.currentData())
        self._fill_levels(kind, LogLevel.ERROR if kind is AlertKind.LEVEL else None)
        self._show_kind()

    def _show_kind(self) -> None:
        """Show the fields that this kind has."""
        kind = AlertKind(self.kind.currentData())
        form = self._form
        form.setRowVisible(self.level, kind.is_of_lines)
        form.setRowVisible(self._text_row, kind is AlertKind.TEXT)
        form.setRowVisible(self.threshold, kind.is_of_figures)
        form.setRowVisible(self.held, kind.is_of_figures)
        hints = {
            AlertKind.CPU: self.tr("150 % (of one core)"),
            AlertKind.MEMORY: self.tr("80 % (of the limit) or 3g"),
            AlertKind.NETWORK: self.tr("10m (bytes per second, both ways)"),
        }
        self.threshold.setPlaceholderText(hints.get(kind, ""))
        self._check()

    def _check(self) -> None:
        """Make the rule, or say below the fields which one is wrong and why."""
        kind = AlertKind(self.kind.currentData())
        wrong, why = "", ""
        self.rule = None
        try:
            rule = make_rule(
                name=self.name.text(),
                kind=kind,
                level=self.level.currentData() if kind.is_of_lines else None,
                pattern=self.pattern.text() if kind is AlertKind.TEXT else None,
                is_regex=self.regex.isChecked(),
                threshold=self.threshold.text() if kind.is_of_figures else None,
                held_s=self.held.value() if kind.is_of_figures else 0,
                cooldown_s=self.cooldown.value(),
                is_enabled=self._rule.is_enabled if self._rule else True,
                rule_id=self._rule.id if self._rule else None,
            )
        except CommandError as error:
            wrong, why = error.field or "", sentence(error.message)
        else:
            if rule.name.lower() in self._names:
                wrong, why = "name", self.tr("The project has a rule of this name.")
            else:
                self.rule = rule
        self._show_wrong(wrong, why)
        is_right = self.rule is not None
        self.save.setEnabled(is_right)
        self.test.setEnabled(is_right and self._can_test)
        self.outcome.hide()
        self.words.setVisible(is_right)
        if self.rule is not None:
            words = self.tr("Tells when: {what}. Then at most once in {seconds} s.")
            self.words.setText(
                words.format(what=sentence(rule_words(self.rule)), seconds=self.rule.cooldown_s)
            )

    def _show_wrong(self, wrong: str, why: str) -> None:
        fields = {"name": self.name, "pattern": self.pattern, "threshold": self.threshold}
        # A field that nobody has filled yet is no mistake.
        is_empty = wrong in fields and not fields[wrong].text()
        for name, field in fields.items():
            set_invalid(field, why if name == wrong and not is_empty else "")
        self.problem.setText("" if is_empty else why)
        set_role(self.problem, "error" if why and not is_empty else "muted")
        self._form.setRowVisible(self.problem, bool(why) and not is_empty)

    def _on_test(self) -> None:
        if self.rule is not None:
            self.test.setEnabled(False)
            self.test_wanted.emit(self.rule)
