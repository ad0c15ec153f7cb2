"""The rules of a project, and what they told: a list each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QStackedWidget,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from slate_desktop.domain.alerts import Alert, AlertKind, AlertRule, rule_words
from slate_desktop.translation import sentence
from slate_desktop.ui.empty import EmptyState
from slate_desktop.ui.text import clean, plain_label, set_primary, wrapped_label
from slate_desktop.ui.theme import Theme
from slate_desktop.ui.tokens import BUTTON_GAP, DIALOG_MARGINS

_ROLE = Qt.ItemDataRole.UserRole
# The column of how often a rule told something.
_COUNT = 3


class AlertsDialog(QDialog):
    """Shows rules and alerts; signals say what is wanted, and changes are kept at once."""

    add_wanted = Signal()
    change_wanted = Signal(object)
    remove_wanted = Signal(object)
    switched = Signal(object, bool)
    alert_chosen = Signal(object)

    def __init__(self, parent: QWidget, theme: Theme, project: str) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Alerts of {name}").format(name=clean(project)))
        self.resize(760, 560)
        words = self.tr(
            "Agents look with these rules at every session of the project, whether a window is "
            "open or not. While a rule cools down, what it finds is only counted."
        )
        self.rules = _tree(self.tr("Rules"), [self.tr("Rule"), self.tr("Tells when"),
                                              self.tr("Cools down")])  # fmt: skip
        self.rules.itemSelectionChanged.connect(self._on_selected)
        self.rules.itemChanged.connect(self._on_changed)
        self.rules.itemActivated.connect(lambda *_: self._emit(self.change_wanted))
        empty = self.tr("No rule tells you of anything yet.")
        self.no_rules = EmptyState(theme, "bell", empty)
        self.rule_pages = _pages(self.rules, self.no_rules)
        self.alerts = _tree(self.tr("What they told"), [self.tr("When"), self.tr("Session"),
                            self.tr("Rule"), self.tr("Count"), self.tr("What")])  # fmt: skip
        self.alerts.itemActivated.connect(self._on_alert)
        self.no_alerts = EmptyState(theme, "bell", self.tr("No rule has told anything."))
        self.alert_pages = _pages(self.alerts, self.no_alerts)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(*DIALOG_MARGINS)
        layout.setSpacing(10)
        layout.addWidget(wrapped_label(words, role="muted"))
        layout.addWidget(self.rule_pages, 3)
        layout.addLayout(self._buttons())
        layout.addWidget(plain_label(self.tr("What they told"), role="muted"))
        layout.addWidget(self.alert_pages, 2)
        close = QPushButton(self.tr("Close"))
        close.clicked.connect(self.reject)
        foot = QHBoxLayout()
        foot.setSpacing(BUTTON_GAP)
        foot.addWidget(plain_label(self.tr("Open one to go to its moment in the log."),
                                   role="faint"))  # fmt: skip
        foot.addStretch(1)
        foot.addWidget(close)
        layout.addLayout(foot)
        self.set_rules([])
        self.set_alerts([], {})

    @property
    def rule(self) -> AlertRule | None:
        """The chosen rule."""
        chosen = self.rules.selectedItems()
        return chosen[0].data(0, _ROLE) if chosen else None

    def set_rules(self, rules: Sequence[AlertRule]) -> None:
        """Show rules; the chosen one stays chosen."""
        chosen = self.rule.id if self.rule is not None else ""
        self.rules.blockSignals(True)
        self.rules.clear()
        for rule in rules:
            item = QTreeWidgetItem([clean(rule.name), clean(sentence(rule_words(rule))),
                                    f"{rule.cooldown_s} s"])  # fmt: skip
            item.setData(0, _ROLE, rule)
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            state = Qt.CheckState.Checked if rule.is_enabled else Qt.CheckState.Unchecked
            item.setCheckState(0, state)
            item.setToolTip(1, f"\u200b{sentence(rule_words(rule))}")
            self.rules.addTopLevelItem(item)
            item.setSelected(rule.id == chosen)
        self.rules.blockSignals(False)
        self.rule_pages.setCurrentWidget(self.rules if rules else self.no_rules)
        self._on_selected()

    def set_alerts(self, alerts: Sequence[Alert], names: Mapping[str, str]) -> None:
        """Show alerts, newest first, with the names of their sessions."""
        self.alerts.clear()
        for alert in alerts:
            moment = datetime.fromtimestamp(alert.at_ns / 1e9, UTC).astimezone()
            name = names.get(alert.session_id, alert.session_id[:8])
            count = f"{alert.count:,}{'+' if alert.is_at_least else ''}"
            words = clean(_alert_words(alert))
            item = QTreeWidgetItem([f"{moment:%Y-%m-%d %H:%M:%S}", clean(name),
                                    clean(alert.rule_name), count, words])  # fmt: skip
            item.setData(0, _ROLE, alert)
            item.setTextAlignment(
                _COUNT, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            )
            item.setToolTip(4, f"\u200b{words}")
            self.alerts.addTopLevelItem(item)
        for column in range(4):
            self.alerts.resizeColumnToContents(column)
        self.alert_pages.setCurrentWidget(self.alerts if alerts else self.no_alerts)

    def _buttons(self) -> QHBoxLayout:
        self.add = QPushButton(self.tr("Add rule…"))
        set_primary(self.add)
        self.add.clicked.connect(self.add_wanted)
        self.change = QPushButton(self.tr("Change…"))
        self.change.clicked.connect(lambda: self._emit(self.change_wanted))
        self.remove = QPushButton(self.tr("Remove"))
        self.remove.clicked.connect(lambda: self._emit(self.remove_wanted))
        row = QHBoxLayout()
        row.setSpacing(BUTTON_GAP)
        for button in (self.add, self.change, self.remove):
            row.addWidget(button)
        row.addStretch(1)
        return row

    def _on_selected(self) -> None:
        for button in (self.change, self.remove):
            button.setEnabled(self.rule is not None)

    def _on_changed(self, item: QTreeWidgetItem, column: int) -> None:
        rule = item.data(0, _ROLE)
        is_on = item.checkState(0) is Qt.CheckState.Checked
        if column == 0 and rule is not None and rule.is_enabled != is_on:
            self.switched.emit(rule, is_on)

    def _on_alert(self, item: QTreeWidgetItem) -> None:
        self.alert_chosen.emit(item.data(0, _ROLE))

    def _emit(self, signal: object) -> None:
        if self.rule is not None:
            signal.emit(self.rule)  # type: ignore[attr-defined]


def _tree(name: str, headings: list[str]) -> QTreeWidget:
    tree = QTreeWidget()
    tree.setAccessibleName(name)
    tree.setHeaderLabels(headings)
    tree.setRootIsDecorated(False)
    tree.setUniformRowHeights(True)
    if len(headings) > _COUNT:
        side = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        tree.headerItem().setTextAlignment(_COUNT, side)
    header = tree.header()
    header.setStretchLastSection(True)
    header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
    header.resizeSection(0, 190)
    if len(headings) == 3:
        header.setStretchLastSection(False)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
    return tree


def _pages(full: QWidget, empty: QWidget) -> QStackedWidget:
    pages = QStackedWidget()
    pages.addWidget(full)
    pages.addWidget(empty)
    return pages


def _alert_words(alert: Alert) -> str:
    """The line that was found as it is; what was measured, or how a run ended, translated."""
    is_line = alert.kind in (AlertKind.LEVEL, AlertKind.TEXT)
    return alert.words if is_line else sentence(alert.words)
