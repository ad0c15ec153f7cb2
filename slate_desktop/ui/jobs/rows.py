"""The rows of the Jobs pane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    Signal,
)

from slate_desktop.domain.assets.job import AssetJob
from slate_desktop.domain.assets.kinds import AssetJobStatus
from slate_desktop.ui import icons
from slate_desktop.ui.jobs import arranging, words
from slate_desktop.ui.text import clean, format_time
from slate_desktop.ui.theme import Theme

Index = QModelIndex | QPersistentModelIndex
JOB_ROLE = Qt.ItemDataRole.UserRole + 1
ASSET, KIND, STATE, PROGRESS, WORKER, MADE, DETAIL = range(7)
# What they are called where their order is kept, whatever the window's language.
COLUMNS = ("asset", "kind", "state", "progress", "worker", "made", "detail")
# Columns whose words change while a job runs.
_LIVE = (STATE, PROGRESS, WORKER, DETAIL)


class JobSource(Protocol):
    """Jobs newest first: live, or as they were last seen."""

    @property
    def jobs(self) -> Sequence[AssetJob]:
        """The jobs."""
        ...

    @property
    def messages(self) -> Mapping[str, str]:
        """What running jobs do, by id."""
        ...

    def progress_of(self, job: AssetJob) -> int:
        """Return a job's newest progress, percent."""
        ...

    def waits_for(self, job: AssetJob) -> str | None:
        """Say why a queued job waits; None for one that does not wait."""
        ...


class JobRows(QAbstractTableModel):
    """Jobs: newest first, or as they are sorted; filtered here, since a proxy asks for each cell.

    Attributes:
        known: all of them, newest first.
        jobs: those that are shown, row by row.
    """

    # The ids of jobs whose rows are about to go.
    leaving = Signal(object)

    def __init__(self, theme: Theme, parent: QObject) -> None:
        super().__init__(parent)
        self._theme = theme
        self._source: JobSource | None = None
        self.known: list[AssetJob] = []
        self.jobs: list[AssetJob] = []
        self._words = ""
        self._status: AssetJobStatus | None = None
        self._column, self._is_descending = -1, False

    def set_source(self, source: JobSource | None) -> None:
        """Show the jobs of a model, or none."""
        self._source = source
        self.refresh()

    def refresh(self) -> None:
        """Take the model's jobs; those that were shown before keep their rows' identity."""
        self.known = list(self._source.jobs) if self._source is not None else []
        self._arrange()

    def set_words(self, text: str) -> None:
        """Show only jobs whose path has all of these words."""
        self._words = text
        self._arrange()

    def set_status(self, status: AssetJobStatus | None) -> None:
        """Show only jobs in a state; None for all."""
        self._status = status
        self._arrange()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by a column, -1 for newest first."""
        self._column, self._is_descending = column, order is Qt.SortOrder.DescendingOrder
        self._arrange()

    def touch(self) -> None:
        """Show what running jobs do now, where they belong now."""
        if self._column in _LIVE:
            self._arrange()
        elif self.jobs:
            self._repaint()

    def row_of(self, job_id: str) -> int:
        """Return the row of a job, or -1."""
        return next((i for i, job in enumerate(self.jobs) if job.id == job_id), -1)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Return the number of jobs."""
        return 0 if parent.isValid() else len(self.jobs)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Return the number of columns."""
        return 0 if parent.isValid() else DETAIL + 1

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Return the columns' titles."""
        if role != Qt.ItemDataRole.DisplayRole or orientation is not Qt.Orientation.Horizontal:
            return None
        titles = (
            self.tr("Asset"),
            self.tr("Kind"),
            self.tr("State"),
            self.tr("Progress"),
            self.tr("Worker"),
            self.tr("Made"),
            self.tr("Details"),
        )
        return titles[section]

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what the view paints."""
        if not index.isValid() or index.row() >= len(self.jobs):
            return None
        job = self.jobs[index.row()]
        if role == JOB_ROLE:
            return job
        if role == Qt.ItemDataRole.DecorationRole and index.column() == ASSET:
            icon, color = words.look(job.status)
            return icons.icon(icon, self._theme.tokens, color)
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return clean(self._text(job, index.column()))
        if role == Qt.ItemDataRole.ToolTipRole and index.column() in (ASSET, DETAIL):
            # Zero-width space first: Qt guesses rich text from a leading tag.
            text = clean(self._text(job, index.column()))
            return f"\u200b{text}" if text else None
        return None

    def detail_of(self, job: AssetJob) -> str:
        """Return why a job is as it is, in words."""
        return self._text(job, DETAIL)

    def _text(self, job: AssetJob, column: int) -> str:
        source = self._source
        if column == ASSET:
            return job.path
        if column == KIND:
            return words.kind_words(job.kind)
        if column == STATE:
            return words.state_words(job)
        if column == PROGRESS:
            progress = self._progress(job)
            return "" if progress is None else f"{progress} %"
        if column == WORKER:
            return "" if job.cached else (job.lease_owner or "")
        if column == MADE:
            return format_time(job.created_at)
        waits_for = source.waits_for(job) if source is not None else None
        message = source.messages.get(job.id, "") if source is not None else ""
        return words.detail(job, waits_for, message)

    def _progress(self, job: AssetJob) -> int | None:
        if job.status is not AssetJobStatus.PROCESSING or self._source is None:
            return None
        return self._source.progress_of(job)

    def _value(self, job: AssetJob) -> arranging.Value:
        """Return what a job is sorted by."""
        if self._column == STATE:
            return arranging.STAGES.index(job.status)
        if self._column == PROGRESS:
            return self._progress(job)
        if self._column == MADE:
            return job.created_at.timestamp()
        return self._text(job, self._column).casefold() or None

    def _arrange(self) -> None:
        """Bring the rows to what is to be shown, without a reset: that loses what is chosen."""
        wanted = [
            job
            for job in self.known
            if self._status in (None, job.status) and arranging.has_words(job, self._words)
        ]
        if self._column >= 0:
            wanted = arranging.in_order(wanted, self._value, is_descending=self._is_descending)
        ids = {job.id for job in wanted}
        self._remove([row for row, job in enumerate(self.jobs) if job.id not in ids])
        shown = {job.id for job in self.jobs}
        self._permute([job for job in wanted if job.id in shown])
        self._insert(wanted, [row for row, job in enumerate(wanted) if job.id not in shown])
        if wanted:
            self._repaint()

    def _remove(self, rows: list[int]) -> None:
        if not rows:
            return
        self.leaving.emit({self.jobs[row].id for row in rows})
        for first, last in reversed(arranging.runs(rows)):
            self.beginRemoveRows(QModelIndex(), first, last)
            del self.jobs[first : last + 1]
            self.endRemoveRows()

    def _permute(self, jobs: list[AssetJob]) -> None:
        """Show the same jobs, newer and in another order."""
        places = {job.id: row for row, job in enumerate(jobs)}
        moved = [places[job.id] for job in self.jobs]
        if moved == sorted(moved):
            self.jobs = jobs
            return
        self.layoutAboutToBeChanged.emit()
        before = self.persistentIndexList()
        self.jobs = jobs
        after = [self.index(moved[index.row()], index.column()) for index in before]
        self.changePersistentIndexList(before, after)
        self.layoutChanged.emit()

    def _insert(self, wanted: list[AssetJob], rows: list[int]) -> None:
        for first, last in arranging.runs(rows):
            self.beginInsertRows(QModelIndex(), first, last)
            self.jobs[first:first] = wanted[first : last + 1]
            self.endInsertRows()

    def _repaint(self) -> None:
        self.dataChanged.emit(self.index(0, 0), self.index(len(self.jobs) - 1, DETAIL))
