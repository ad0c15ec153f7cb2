"""The dialog of the audit trail: a table with filters, which draws itself anew while it is open."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QPushButton,
    QStackedWidget,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from slate_desktop.domain.audit import AuditEntry
from slate_desktop.domain.project import Project
from slate_desktop.translation import plural
from slate_desktop.ui.audit.rows import (
    DETAIL,
    AuditFilter,
    AuditRows,
    ResultFilter,
    person_key,
)
from slate_desktop.ui.empty import EmptyState
from slate_desktop.ui.text import clean, plain_label, wrapped_label
from slate_desktop.ui.theme import Theme
from slate_desktop.ui.tokens import BUTTON_GAP, DIALOG_MARGINS

_DAYS = (1, 7, 30, 0)
_MEASURED_ROWS = 60
# In logical pixels.
_COLUMN_GAP, _WIDEST = 12, 160


class AuditDialog(QDialog):
    """Shows entries; whoever listens reads them, and writes files.

    Signals:
        wanted: the project or the span was changed, so that other entries are to be read.
        older_wanted: more of the same.
    """

    wanted = Signal()
    older_wanted = Signal()
    export_wanted = Signal()

    def __init__(self, parent: QWidget, theme: Theme, projects: Sequence[Project]) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setWindowTitle(self.tr("Audit trail"))
        self.resize(1120, 600)
        self.rows = AuditRows(theme, self)
        self.filter = AuditFilter(self.rows)
        self.view = QTableView()
        self.projects = QComboBox()
        self.spans = QComboBox()
        self.people = QComboBox()
        self.results = QComboBox()
        self.field = QLineEdit()
        self.count = plain_label(role="muted")
        self.message = wrapped_label(role="error")
        self.message.hide()
        self.older_button = QPushButton(self.tr("Show older"))
        self.export_button = QPushButton(self.tr("Export CSV…"))
        self._empty = EmptyState(theme, "list-checks", "")
        self._stack = QStackedWidget()
        self._set_up_filters(projects)
        self._set_up_view()
        self._lay_out()
        self.show_entries((), has_older=False)

    @property
    def project_id(self) -> str | None:
        """The chosen project; None for all."""
        return self.projects.currentData() or None

    @property
    def since(self) -> datetime | None:
        """From when entries are wanted; None for the beginning."""
        days = int(self.spans.currentData())
        return datetime.now(UTC) - timedelta(days=days) if days else None

    def show_entries(self, entries: Sequence[AuditEntry], *, has_older: bool) -> None:
        """Show these, newest first."""
        is_first = not self.rows.entries
        self.rows.set_entries(entries)
        if is_first and entries:
            self._fit_columns()
        self.older_button.setVisible(has_older)
        people = {person_key(entry): entry.user_name for entry in reversed(entries)}
        chosen = self.people.currentData()
        self.people.blockSignals(True)
        while self.people.count() > 1:
            self.people.removeItem(1)
        for user_id, name in sorted(people.items(), key=lambda item: item[1].casefold()):
            self.people.addItem(clean(name), user_id)
        self.people.setCurrentIndex(max(0, self.people.findData(chosen)))
        self.people.blockSignals(False)
        self._filter()

    def show_message(self, text: str) -> None:
        """Say why entries cannot be shown or written; empty for nothing."""
        self.message.setText(text)
        self.message.setVisible(bool(text))

    def _fit_columns(self) -> None:
        """Give the short columns what they need; names of projects may be longer than that."""
        header = self.view.horizontalHeader()
        for column in range(DETAIL):
            wanted = max(self.view.sizeHintForColumn(column), header.sectionSizeHint(column))
            header.resizeSection(column, min(wanted + _COLUMN_GAP, _WIDEST))

    def _filter(self) -> None:
        self.filter.set(
            person=self.people.currentData() or "",
            result=ResultFilter(self.results.currentData()),
            text=self.field.text().strip(),
        )
        shown, known = self.filter.rowCount(), len(self.rows.entries)
        words = self.tr("{n} of {all}").format(n=shown, all=known)
        self.count.setText(
            words if shown != known else plural("{count} entry", "{count} entries", known)
        )
        self._empty.label.setText(
            self.tr("Nothing fits these filters.")
            if known
            else self.tr("Nothing was asked for in this time.")
        )
        self._stack.setCurrentIndex(1 if shown else 0)
        self.export_button.setEnabled(bool(known))

    # -- parts -----------------------------------------------------------------------------

    def _set_up_filters(self, projects: Sequence[Project]) -> None:
        self.projects.addItem(self.tr("All projects"), "")
        for project in projects:
            self.projects.addItem(clean(project.name), project.id)
        names = (self.tr("Last 24 hours"), self.tr("Last 7 days"), self.tr("Last 30 days"),
                 self.tr("All of it"))  # fmt: skip
        for days, name in zip(_DAYS, names, strict=True):
            self.spans.addItem(name, days)
        self.spans.setCurrentIndex(1)
        self.people.addItem(self.tr("Everybody"), "")
        for result, name in (
            (ResultFilter.ALL, self.tr("Any result")),
            (ResultFilter.DONE, self.tr("Done")),
            (ResultFilter.FAILED, self.tr("Refused or failed")),
            (ResultFilter.OPEN, self.tr("Under way")),
        ):
            self.results.addItem(name, result.value)
        self.field.setPlaceholderText(self.tr("Filter"))
        self.field.setClearButtonEnabled(True)
        for widget, name in (
            (self.projects, self.tr("Project")),
            (self.spans, self.tr("Time")),
            (self.people, self.tr("Person")),
            (self.results, self.tr("Result")),
            (self.field, self.tr("Text that a row holds")),
        ):
            widget.setAccessibleName(name)
        for box in (self.projects, self.spans):
            box.currentIndexChanged.connect(lambda _: self.wanted.emit())
        for box in (self.people, self.results):
            box.currentIndexChanged.connect(lambda _: self._filter())
        self.field.textChanged.connect(lambda _: self._filter())

    def _set_up_view(self) -> None:
        view = self.view
        view.setModel(self.filter)
        view.setAccessibleName(self.tr("Audit trail"))
        view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        view.setShowGrid(False)
        view.setAlternatingRowColors(True)
        view.setTextElideMode(Qt.TextElideMode.ElideRight)
        view.setWordWrap(False)
        view.verticalHeader().hide()
        view.verticalHeader().setDefaultSectionSize(24)
        header = view.horizontalHeader()
        # Of few rows, as those that come later are like them; people may change it.
        header.setResizeContentsPrecision(_MEASURED_ROWS)
        header.setSectionResizeMode(DETAIL, QHeaderView.ResizeMode.Stretch)
        header.setHighlightSections(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)

    def _lay_out(self) -> None:
        bar = QHBoxLayout()
        bar.setSpacing(8)
        for box in (self.projects, self.spans, self.people, self.results):
            box.setMinimumWidth(120)
            # Names of projects may be long, and the field needs room for words.
            box.setSizeAdjustPolicy(
                QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            )
            box.setMinimumContentsLength(12)
            bar.addWidget(box)
        bar.addWidget(self.field, 1)
        self._stack.addWidget(self._empty)
        self._stack.addWidget(self.view)
        close = QPushButton(self.tr("Close"))
        close.clicked.connect(self.reject)
        for button, signal in (
            (self.older_button, self.older_wanted),
            (self.export_button, self.export_wanted),
        ):
            button.clicked.connect(signal.emit)
        foot = QHBoxLayout()
        foot.setSpacing(BUTTON_GAP)
        foot.addWidget(self.count)
        foot.addWidget(self.older_button)
        foot.addStretch(1)
        foot.addWidget(self.export_button)
        foot.addWidget(close)
        for button in (self.older_button, self.export_button, close):
            button.setAutoDefault(False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(*DIALOG_MARGINS)
        layout.setSpacing(12)
        layout.addLayout(bar)
        layout.addWidget(self._stack, 1)
        layout.addWidget(self.message)
        layout.addLayout(foot)
