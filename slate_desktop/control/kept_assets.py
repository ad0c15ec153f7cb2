"""The asset jobs of a project as they were last seen, for the Jobs pane."""

from __future__ import annotations

from slate_desktop.control.last_seen import SeenAssets
from slate_desktop.domain.assets.job import AssetJob
from slate_desktop.domain.assets.kinds import AssetKind


class KeptAssetJobs:
    """What ``AssetJobsModel`` shows, without a server: nothing of it changes."""

    def __init__(self, project_id: str, seen: SeenAssets) -> None:
        self.project_id = project_id
        self.jobs = seen.jobs
        self.assets = {row.path: row for row in seen.assets}
        self.messages: dict[str, str] = {}
        self.paused: frozenset[AssetKind] = frozenset()

    def progress_of(self, job: AssetJob) -> int:
        """Return a job's last progress, percent."""
        return job.progress

    def waits_for(self, job: AssetJob) -> str | None:  # noqa: ARG002 - the live model looks at it
        """Say nothing: why a job waits is not known any more."""
        return None
