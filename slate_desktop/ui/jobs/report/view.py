"""Shows the report of a job: sections of aligned facts and tables, folded ones at the end."""

from __future__ import annotations

import re

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication, QResizeEvent
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from slate_desktop.domain.assets.kinds import AssetJobStatus
from slate_desktop.ui import icons
from slate_desktop.ui.jobs import words
from slate_desktop.ui.jobs.report.parts import Fact, Report, Section, Table, as_text
from slate_desktop.ui.jobs.report.table import ReportTable
from slate_desktop.ui.text import ElidedLabel, plain_label, set_role, wrapped_label
from slate_desktop.ui.theme import Theme

# A word that is longer does not break, and would push the column out of the pane.
_LONG_WORD = 26
_UNIT = re.compile(r"(?<=\d) (?=[A-Za-z%]{1,6}\b|%)")


class ReportView(QWidget):
    """Shows one report.

    ``file_wanted`` carries what to do (``open``, ``reveal``, or ``missing`` for one that is not
    there) and the file as the report names it.
    """

    file_wanted = Signal(str, str)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("pane")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._theme = theme
        self._status = AssetJobStatus.QUEUED
        self._open: dict[str, bool] = {}
        self._names_px = 0
        self.report: Report | None = None
        self.mark = plain_label()
        self.name = ElidedLabel(mode=Qt.TextElideMode.ElideMiddle)
        self.state = plain_label(role="muted")
        self.copy = QToolButton()
        self.copy.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.copy.setAccessibleName(self.tr("Copy the report as text"))
        self.copy.setToolTip(self.tr("Copy the report as text"))
        self.copy.clicked.connect(self._on_copy)
        self.reason = wrapped_label()
        self.advice = wrapped_label(role="muted")
        self.empty = wrapped_label(
            self.tr("Choose a job to read what it made, or why it failed."), role="muted"
        )
        self.area = QScrollArea()
        self.area.setObjectName("reportArea")
        self.area.setAccessibleName(self.tr("Report of the chosen job"))
        self.area.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.area.setWidgetResizable(True)
        self.area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._lay_out()
        theme.changed.connect(self._on_theme_changed)
        self.show_report(None)

    def show_report(
        self, report: Report | None, status: AssetJobStatus = AssetJobStatus.QUEUED
    ) -> None:
        """Show a report, or that none is chosen; what is shown already stays as it is."""
        older, self.report = self.report, report
        self._status = status
        self.empty.setVisible(report is None)
        self._whole.setVisible(report is not None)
        if report is None:
            return
        if report != older:
            self._show_head(report)
        if older is None or (report.path, report.sections) != (older.path, older.sections):
            self._show_sections(report)
            if older is None or report.path != older.path:
                self.area.verticalScrollBar().setValue(0)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Say in a tooltip what there is no room for."""
        super().resizeEvent(event)
        words = self.empty.text()
        is_cut = self.empty.heightForWidth(self.width()) > self.height()
        self.empty.setToolTip(words if is_cut else "")

    def text(self) -> str:
        """Return what is shown as plain text."""
        return "" if self.report is None else as_text(self.report)

    def _lay_out(self) -> None:
        self._whole = QWidget()
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self.mark)
        head.addWidget(self.name, 1)
        head.addWidget(self.state)
        head.addWidget(self.copy)
        whole = QVBoxLayout(self._whole)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(6)
        above = QVBoxLayout()
        above.setContentsMargins(12, 8, 10, 0)
        above.setSpacing(6)
        above.addLayout(head)
        above.addWidget(self.reason)
        above.addWidget(self.advice)
        whole.addLayout(above)
        whole.addWidget(self.area, 1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self.empty)
        outer.addWidget(self._whole, 1)
        self.empty.setContentsMargins(12, 10, 12, 10)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignTop)

    def _show_head(self, report: Report) -> None:
        icon, color = words.look(self._status)
        self.mark.setPixmap(icons.pixmap(icon, self._theme.tokens, color))
        self.name.setFont(self._theme.ui_font(is_bold=True))
        self.name.setText(report.path)
        self.state.setText(report.state)
        set_role(self.reason, "error" if report.has_failed else "muted")
        for label, text in ((self.reason, report.reason), (self.advice, report.advice)):
            label.setText(text)
            label.setVisible(bool(text))
        self.copy.setIcon(icons.icon("copy", self._theme.tokens))

    def _show_sections(self, report: Report) -> None:
        inner = QWidget()
        inner.setObjectName("pane")
        column = QVBoxLayout(inner)
        column.setContentsMargins(12, 6, 12, 12)
        column.setSpacing(14)
        # Columns of all sections begin at one place.
        metrics = self.fontMetrics()
        shown = [fact.name for section in report.sections for fact in section.facts]
        self._names_px = max(map(metrics.horizontalAdvance, shown), default=0)
        for section in report.sections:
            whole = QVBoxLayout()
            whole.setSpacing(5)
            if section.is_folded:
                self._add_folded(whole, section)
            else:
                title = plain_label(section.title)
                title.setFont(self._theme.ui_font(is_bold=True))
                whole.addWidget(title)
                whole.addLayout(self._body(section))
            column.addLayout(whole)
        column.addStretch(1)
        self.area.setWidget(inner)

    def _body(self, section: Section) -> QVBoxLayout:
        body = QVBoxLayout()
        body.setContentsMargins(0, 0, 0, 0)
        body.setSpacing(6)
        if section.facts:
            body.addLayout(_facts(section.facts, self._names_px))
        for note in section.notes:
            body.addWidget(wrapped_label(note, role="" if section.is_folded else "warn"))
        if section.table is not None and section.table.rows:
            self._add_table(body, section.table)
        return body

    def _add_folded(self, whole: QVBoxLayout, section: Section) -> None:
        holder = QWidget()
        fold = QToolButton()
        fold.setText(section.title)
        fold.setCheckable(True)
        fold.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        fold.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        fold.setFont(self._theme.ui_font(is_bold=True))
        whole.addWidget(fold, 0, Qt.AlignmentFlag.AlignLeft)
        whole.addWidget(holder)

        def show(is_on: bool) -> None:
            self._open[section.title] = is_on
            name = "chevron-down" if is_on else "chevron-right"
            fold.setIcon(icons.icon(name, self._theme.tokens))
            # Many rows that few look at: styling them would take half of the time of a report.
            if is_on and holder.layout() is None:
                holder.setLayout(self._body(section))
            holder.setVisible(is_on)

        def unfold(is_on: bool) -> None:
            show(is_on)
            if is_on:
                # Once it is laid out, what was unfolded is brought into sight.
                QTimer.singleShot(0, holder, lambda: self.area.ensureWidgetVisible(holder, 0, 8))

        fold.setChecked(self._open.get(section.title, False))
        show(fold.isChecked())
        fold.toggled.connect(unfold)

    def _add_table(self, body: QVBoxLayout, table: Table) -> None:
        shown = ReportTable(table)
        body.addWidget(shown)
        if not table.paths:
            return
        buttons = (
            [("missing", self.tr("Show its folder"))]
            if table.is_missing
            else [("open", self.tr("Open")), ("reveal", self.tr("Reveal"))]
        )
        row = QHBoxLayout()
        row.setSpacing(6)
        for what, text in buttons:
            button = QPushButton(text)
            button.clicked.connect(
                lambda _on=False, what=what: self.file_wanted.emit(what, shown.chosen_path)
            )
            row.addWidget(button)
        row.addStretch(1)
        body.addLayout(row)
        first = buttons[0][0]
        shown.path_wanted.connect(lambda path: self.file_wanted.emit(first, path))

    def _on_copy(self) -> None:
        QGuiApplication.clipboard().setText(self.text())

    def _on_theme_changed(self) -> None:
        if self.report is not None:
            self._show_head(self.report)
            self._show_sections(self.report)


def _facts(facts: tuple[Fact, ...], names_px: int) -> QGridLayout:
    grid = QGridLayout()
    grid.setHorizontalSpacing(14)
    grid.setVerticalSpacing(3)
    grid.setColumnStretch(1, 1)
    grid.setColumnMinimumWidth(0, names_px)
    for row, fact in enumerate(facts):
        # A figure and its unit stay in one line.
        value: QLabel = wrapped_label(_UNIT.sub("\u00a0", fact.value))
        if max(map(len, fact.value.split()), default=0) > _LONG_WORD:
            value = ElidedLabel(fact.value, mode=Qt.TextElideMode.ElideMiddle)
        label = plain_label(fact.name, role="faint")
        grid.addWidget(label, row, 0, Qt.AlignmentFlag.AlignTop)
        grid.addWidget(value, row, 1)
    return grid
