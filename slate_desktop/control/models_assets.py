"""The asset jobs of a project, live."""

from __future__ import annotations

import logging

from slate_desktop.bus.port import ConnectionState, Message
from slate_desktop.control.client import Slate
from slate_desktop.control.live import Lifetime, Rereading
from slate_desktop.control.signals import Signal
from slate_desktop.domain.assets.job import AssetJob, AssetRow
from slate_desktop.domain.assets.kinds import ACTIVE_JOB_STATES, AssetJobStatus, AssetKind
from slate_desktop.domain.ids import check_id
from slate_desktop.errors import CommandError, SlateError
from slate_desktop.wire.asset_messages import JobProgressEvent, read_asset_event

logger = logging.getLogger(__name__)
_BUSY_S = 5.0
MAX_SHOWN = 500


class AssetJobsModel:
    """The asset jobs of a project, what was processed, and which types are paused.

    Attributes:
        jobs: newest first.
        assets: rows of processed assets by path, for badges.
        progress: percent of running jobs by id, newer than their rows.
        messages: what running jobs do, by id.
        paused: types of which no job is begun.
        error: why the last reading failed, or None.
    """

    jobs_changed = Signal()
    progress_changed = Signal(str)  # job id
    error_changed = Signal(object)  # SlateError | None

    def __init__(self, slate: Slate, project_id: str) -> None:
        self.project_id = check_id(project_id, "project_id")
        self.jobs: list[AssetJob] = []
        self.assets: dict[str, AssetRow] = {}
        self.progress: dict[str, int] = {}
        self.messages: dict[str, str] = {}
        self.paused: frozenset[AssetKind] = frozenset()
        self.error: SlateError | None = None
        self._slate = slate
        self._life = Lifetime(f"assets.{project_id}")
        self._rereading: Rereading | None = None

    @property
    def active(self) -> list[AssetJob]:
        """Jobs that wait or run."""
        return [job for job in self.jobs if job.status in ACTIVE_JOB_STATES]

    @property
    def is_cut(self) -> bool:
        """Whether there may be older jobs than these."""
        return len(self.jobs) >= MAX_SHOWN

    async def open(self) -> None:
        """Read the jobs and go live.

        Raises:
            SlateError: they cannot be read.
        """
        self._life.own(
            await self._slate.bus.subscribe(f"slate.job.{self.project_id}.*.*", self._on_event)
        )
        self._life.own(self._slate.on_assets_changed(self._on_changed))
        self._life.own(self._slate.bus.on_state(self._on_connection))
        await self.refresh()
        self._rereading = Rereading(self._life, self.refresh, self._set_error, every_s=_BUSY_S)

    async def refresh(self) -> None:
        """Read the jobs again.

        Raises:
            SlateError: they cannot be read.
        """
        jobs = await self._slate.list_asset_jobs(self.project_id, limit=MAX_SHOWN)
        paused = await self._slate.paused_assets(self.project_id)
        if jobs == self.jobs and paused == self.paused:
            return
        rows = await self._slate.list_assets(self.project_id)
        self.jobs, self.paused = jobs, paused
        self.assets = {row.path: row for row in rows}
        running = {job.id for job in jobs if job.status is AssetJobStatus.PROCESSING}
        self.progress = {key: value for key, value in self.progress.items() if key in running}
        self.messages = {key: value for key, value in self.messages.items() if key in running}
        self.jobs_changed.emit()

    async def aclose(self) -> None:
        """Stop following."""
        await self._life.aclose()

    def progress_of(self, job: AssetJob) -> int:
        """Return a job's newest progress, percent."""
        return max(job.progress, self.progress.get(job.id, 0))

    def waits_for(self, job: AssetJob) -> str | None:
        """Say why a queued job waits; None for one that does not wait."""
        if job.status is not AssetJobStatus.QUEUED:
            return None
        if job.kind in self.paused:
            return f"{job.kind.value} jobs are paused"
        for other in self.jobs:
            is_same = other.key == job.key and other.id != job.id
            if is_same and other.status is AssetJobStatus.PROCESSING:
                return f"waits for the same work on {other.path}"
        return "waits for a free worker"

    async def _on_event(self, message: Message) -> None:
        try:
            event = read_asset_event(message.data)
        except CommandError:
            logger.warning("unreadable job event", extra={"subject": message.subject})
            return
        if not message.subject.startswith(f"slate.job.{self.project_id}.{event.job_id}."):
            return
        if isinstance(event, JobProgressEvent):
            self.progress[event.job_id] = event.data.progress
            self.messages[event.job_id] = event.data.message
            self.progress_changed.emit(event.job_id)
        elif self._rereading is not None:
            self._rereading.ask()

    def _on_changed(self, project_id: str) -> None:
        if project_id == self.project_id and self._rereading is not None:
            self._rereading.ask()

    def _on_connection(self, state: ConnectionState) -> None:
        if state is ConnectionState.CONNECTED and self._rereading is not None:
            self._rereading.ask()

    def _set_error(self, error: SlateError | None) -> None:
        self.error = error
        self.error_changed.emit(error)
