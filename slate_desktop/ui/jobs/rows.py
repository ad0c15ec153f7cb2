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
)

from slate_desktop.domain.assets.job import AssetJob
from slate_desktop.domain.assets.kinds import AssetJobStatus
from slate_desktop.ui import icons
from slate_desktop.ui.jobs import words
from slate_desktop.ui.text import clean
from slate_desktop.ui.theme import Theme

Index = QModelIndex | QPersistentModelIndex
JOB_ROLE = Qt.ItemDataRole.UserRole + 1
ASSET, STATE, PROGRESS, WORKER, DETAIL = range(5)


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
    """Jobs, newest first."""

    def __init__(self, theme: Theme, parent: QObject) -> None:
        super().__init__(parent)
        self._theme = theme
        self._source: JobSource | None = None
        self.jobs: list[AssetJob] = []

    def set_source(self, source: JobSource | None) -> None:
        """Show the jobs of a model, or none."""
        self._source = source
        self.refresh()

    def refresh(self) -> None:
        """Take the model's jobs: new ones come at the top, the others change in place."""
        jobs = list(self._source.jobs) if self._source is not None else []
        ids, known = [job.id for job in jobs], [job.id for job in self.jobs]
        added = ids.index(known[0]) if known and known[0] in ids else 0
        kept = len(ids) - added
        if known and ids and ids[added:] == known[:kept]:
            # A reset would lose what is chosen, and have headers made and painted anew.
            if kept < len(known):
                self.beginRemoveRows(QModelIndex(), kept, len(known) - 1)
                del self.jobs[kept:]
                self.endRemoveRows()
            if added:
                self.beginInsertRows(QModelIndex(), 0, added - 1)
                self.jobs = jobs
                self.endInsertRows()
            self.jobs = jobs
            self.touch()
            return
        self.beginResetModel()
        self.jobs = jobs
        self.endResetModel()

    def touch(self, job_id: str | None = None) -> None:
        """Repaint one job's row, or all."""
        if not self.jobs:
            return
        first, last = 0, len(self.jobs) - 1
        if job_id is not None:
            row = self.row_of(job_id)
            if row < 0:
                return
            first = last = row
        self.dataChanged.emit(self.index(first, 0), self.index(last, DETAIL))

    def row_of(self, job_id: str) -> int:
        """Return the row of a job, or -1."""
        return next((i for i, job in enumerate(self.jobs) if job.id == job_id), -1)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Return the number of jobs."""
        return 0 if parent.isValid() else len(self.jobs)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Return the number of columns."""
        return 0 if parent.isValid() else 5

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Return the columns' titles."""
        if role != Qt.ItemDataRole.DisplayRole or orientation is not Qt.Orientation.Horizontal:
            return None
        titles = (
            self.tr("Asset"),
            self.tr("State"),
            self.tr("Progress"),
            self.tr("Worker"),
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
        if column == STATE:
            return words.state_words(job)
        if column == PROGRESS:
            if job.status is not AssetJobStatus.PROCESSING or source is None:
                return ""
            return f"{source.progress_of(job)} %"
        if column == WORKER:
            return "" if job.cached else (job.lease_owner or "")
        waits_for = source.waits_for(job) if source is not None else None
        message = source.messages.get(job.id, "") if source is not None else ""
        return words.detail(job, waits_for, message)
