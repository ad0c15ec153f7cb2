"""Tells how what this window submitted at once has ended, where some of it failed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from PySide6.QtCore import QCoreApplication

from slate_desktop.domain.assets.job import AssetJob
from slate_desktop.domain.assets.kinds import AssetJobStatus
from slate_desktop.translation import sentence


class BatchNews:
    """Knows what was submitted and has not ended.

    Args:
        notify: is called with a notice's level, title and text.
    """

    def __init__(self, notify: Callable[[str, str, str], object]) -> None:
        self._notify = notify
        self._batches: list[frozenset[str]] = []

    def expect(self, job_ids: Collection[str]) -> None:
        """Tell of these jobs once all have ended; one alone stands in front of the user."""
        if len(job_ids) > 1:
            self._batches.append(frozenset(job_ids))

    def look(self, jobs: Sequence[AssetJob], *, is_cut: bool) -> None:
        """Look at a project's jobs, newest first; ``is_cut`` says that the oldest are not there."""
        for batch in list(self._batches):
            known = [job for job in jobs if job.id in batch]
            is_whole = len(known) == len(batch) or is_cut
            if known and is_whole and all(job.is_final for job in known):
                self._batches.remove(batch)
                self._tell(known, len(batch))

    def _tell(self, jobs: Sequence[AssetJob], count: int) -> None:
        failed = [job for job in jobs if job.status is AssetJobStatus.FAILED]
        if failed:
            first = failed[-1]
            title = _tr("{failed} of {count} assets failed").format(failed=len(failed), count=count)
            self._notify("error", title, f"{first.path}: {sentence(first.error_message or '')}")


def _tr(text: str) -> str:
    return QCoreApplication.translate("BatchNews", text)
