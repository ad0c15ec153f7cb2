"""The Jobs pane: the queue with progress and reasons, options, and the report of a result."""

from __future__ import annotations

from collections import Counter

from PySide6.QtCore import QItemSelection, QModelIndex, QPoint, Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QSplitter,
    QStackedWidget,
    QTabWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from slate_desktop.domain.assets.job import AssetJob
from slate_desktop.domain.assets.kinds import AssetJobStatus
from slate_desktop.ui.actions import ActionRegistry
from slate_desktop.ui.empty import EmptyState
from slate_desktop.ui.flow import FlowLayout
from slate_desktop.ui.jobs.filter_bar import JobFilter
from slate_desktop.ui.jobs.report.build import report_of
from slate_desktop.ui.jobs.report.view import ReportView
from slate_desktop.ui.jobs.rows import COLUMNS, JOB_ROLE, JobRows, JobSource
from slate_desktop.ui.jobs.submit_form import SubmitForm
from slate_desktop.ui.jobs.view import JobsView
from slate_desktop.ui.rows import choose_only
from slate_desktop.ui.table_memory import Arrangement
from slate_desktop.ui.text import ElidedLabel
from slate_desktop.ui.theme import Theme

ACTIONS = (
    *("jobs.add", "jobs.cancel", "jobs.retry", "jobs.retry_failed"),
    *("jobs.open", "jobs.reveal", "jobs.pause"),
)
_REPAINT_MS = 250


class JobsPane(QWidget):
    """Shows the jobs of one project; says which one was chosen.

    Args:
        kept: how the table was filtered and sorted the last time.
    """

    job_selected = Signal(object)
    job_activated = Signal(object)
    menu_wanted = Signal(object, QPoint)
    file_wanted = Signal(str, str)  # what to do, and the file as the report names it

    def __init__(
        self, theme: Theme, actions: ActionRegistry, empty: EmptyState, *, kept: object = None
    ) -> None:
        super().__init__()
        self._wanted = ""
        self.rows = JobRows(theme, self)
        self.view = JobsView()
        self.view.setModel(self.rows)
        self.view.set_up_columns()
        self.view.setRootIsDecorated(False)
        self.view.setUniformRowHeights(True)
        # The end of a path is the file's name.
        self.view.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.view.setAllColumnsShowFocus(True)
        self.view.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.view.setAccessibleName(self.tr("Asset jobs"))
        self.view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.view.customContextMenuRequested.connect(self._on_menu)
        self.view.doubleClicked.connect(lambda index: self._activate(index))
        self.view.enter_pressed.connect(lambda: self._activate(self.view.currentIndex()))
        self.view.selectionModel().currentChanged.connect(self._on_current)
        self.view.selectionModel().selectionChanged.connect(self._on_selection)
        self.rows.leaving.connect(self._on_leaving)
        self.filter = JobFilter(theme, self.rows, self.view)
        self.arrangement = Arrangement(
            self.filter.field, self.filter.states, self.view.header(), COLUMNS
        )
        self.arrangement.restore(kept)
        self.report = ReportView(theme)
        self.report.file_wanted.connect(self.file_wanted)
        self.options = SubmitForm()
        self.side = QTabWidget()
        self.side.setAccessibleName(self.tr("Report and options of assets"))
        self.side.addTab(self.report, self.tr("Report"))
        self.side.addTab(self.options, self.tr("Options"))
        self._stack = QStackedWidget()
        self._stack.addWidget(empty)
        self._stack.addWidget(self.view)
        self._stack.addWidget(EmptyState(theme, "filter", self.tr("No job matches the filter.")))
        self.rows.rowsInserted.connect(self._show_page)
        self.rows.rowsRemoved.connect(self._show_page)
        split = QSplitter(Qt.Orientation.Horizontal)
        split.setObjectName("panes")
        split.addWidget(self._stack)
        split.addWidget(self.side)
        split.setStretchFactor(0, 3)
        split.setStretchFactor(1, 2)
        split.setSizes([620, 340])
        self.summary = ElidedLabel(role="muted")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        # Stands in the title bar of the dock.
        self.bar = self._make_bar(actions)
        layout.addWidget(split, 1)
        self._repaint = QTimer(self)
        self._repaint.setSingleShot(True)
        self._repaint.setInterval(_REPAINT_MS)
        self._repaint.timeout.connect(self._on_repaint)
        self.refresh()

    @property
    def job(self) -> AssetJob | None:
        """The chosen job."""
        return self.view.currentIndex().data(JOB_ROLE)

    @property
    def selected(self) -> list[AssetJob]:
        """All chosen jobs."""
        return [index.data(JOB_ROLE) for index in self.view.selectionModel().selectedRows()]

    def set_source(self, source: JobSource | None) -> None:
        """Show the jobs of a live model, those that were last seen, or none."""
        self.rows.set_source(source)
        self.refresh()

    def refresh(self) -> None:
        """Show the model's jobs as they are now."""
        chosen = self.job.id if self.job is not None else None
        self.rows.refresh()
        row = self.rows.row_of(chosen) if chosen else -1
        if row >= 0 and self.job is None:
            choose_only(self.view, self.rows.index(row, 0))
        self._choose_wanted()
        self._show_page()
        self.summary.setText(self._summary())
        self._show_report()

    def choose(self, job_id: str) -> None:
        """Choose a job, once it is in the list; a filter that hides it then keeps it hidden."""
        self._wanted = job_id
        self._choose_wanted()

    def _choose_wanted(self) -> None:
        row = self.rows.row_of(self._wanted) if self._wanted else -1
        if row >= 0:
            choose_only(self.view, self.rows.index(row, 0))
        if any(job.id == self._wanted for job in self.rows.known):
            self._wanted = ""

    def note_progress(self, _job_id: str) -> None:
        """Repaint soon, however often progress comes."""
        if not self._repaint.isActive():
            self._repaint.start()

    def _make_bar(self, actions: ActionRegistry) -> QWidget:
        tools = QWidget()
        bar = FlowLayout(tools)
        bar.setContentsMargins(6, 3, 8, 3)
        self.filter.add_to(bar)
        for action_id in ACTIONS:
            button = QToolButton()
            button.setDefaultAction(actions[action_id])
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            is_main = action_id == "jobs.add"
            style = Qt.ToolButtonStyle
            button.setToolButtonStyle(
                style.ToolButtonTextBesideIcon if is_main else style.ToolButtonIconOnly
            )
            button.setAccessibleName(actions[action_id].text().replace("&", ""))
            bar.addWidget(button)
        self.summary.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.summary.setMinimumWidth(100)
        bar.addSpacing(8)
        bar.addWidget(self.summary)
        return tools

    def _summary(self) -> str:
        counts = Counter(job.status for job in self.rows.known)
        parts = [
            (AssetJobStatus.PROCESSING, self.tr("processing")),
            (AssetJobStatus.QUEUED, self.tr("waiting")),
            (AssetJobStatus.COMPLETED, self.tr("done")),
            (AssetJobStatus.FAILED, self.tr("failed")),
        ]
        return "  ·  ".join(f"{counts[status]} {word}" for status, word in parts if counts[status])

    def _show_page(self) -> None:
        """Show the table, or why it is empty; there is nothing to filter before the first job."""
        has_jobs = bool(self.rows.known)
        self._stack.setCurrentIndex(0 if not has_jobs else 1 if self.rows.jobs else 2)
        self.filter.show(has_jobs)

    def _show_report(self) -> None:
        job = self.job
        if job is None:
            self.report.show_report(None)
        else:
            self.report.show_report(report_of(job, self.rows.detail_of(job)), job.status)

    def _on_current(self, _current: QModelIndex, _previous: QModelIndex) -> None:
        self._show_report()
        self.job_selected.emit(self.job)

    def _on_selection(self, _chosen: QItemSelection, _left: QItemSelection) -> None:
        # A filter takes jobs out of it whose place is not the current one.
        self.job_selected.emit(self.job)

    def _on_leaving(self, ids: set[str]) -> None:
        # Qt would have a neighbour be the current one, which nobody chose.
        if self.job is not None and self.job.id in ids:
            self.view.selectionModel().clearCurrentIndex()

    def _activate(self, index: QModelIndex) -> None:
        self.job_activated.emit(index.data(JOB_ROLE))

    def _on_menu(self, position: QPoint) -> None:
        job = self.view.indexAt(position).data(JOB_ROLE)
        if job is not None:
            self.menu_wanted.emit(job, self.view.viewport().mapToGlobal(position))

    def _on_repaint(self) -> None:
        self.rows.touch()
        self._show_report()
