"""Which jobs are shown, and in which order; and the way from one list of rows to another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from slate_desktop.domain.assets.job import AssetJob
from slate_desktop.domain.assets.kinds import AssetJobStatus

# A number for what is counted, a text for the rest, None for an empty cell.
Value = float | str | None
_S = AssetJobStatus
# As a job goes, and what needs a look before what went well.
STAGES = (_S.PROCESSING, _S.QUEUED, _S.FAILED, _S.CANCELLED, _S.COMPLETED)


def in_order(
    jobs: Iterable[AssetJob], value: Callable[[AssetJob], Value], *, is_descending: bool
) -> list[AssetJob]:
    """Return jobs by a value of one type; equals stay as they were, empty ones come last."""
    valued = [(value(job), job) for job in jobs]
    filled = [pair for pair in valued if pair[0] is not None]
    filled.sort(key=lambda pair: pair[0], reverse=is_descending)  # type: ignore[arg-type, return-value]
    return [job for _, job in filled] + [job for each, job in valued if each is None]


def has_words(job: AssetJob, text: str) -> bool:
    """Tell whether a job's path has all words of a text, in any case of letters."""
    path = job.path.casefold()
    return all(word in path or job.id.startswith(word) for word in text.casefold().split())


def runs(rows: Sequence[int]) -> list[tuple[int, int]]:
    """Return rising numbers as first and last of those that follow each other."""
    found: list[tuple[int, int]] = []
    for row in rows:
        if found and row == found[-1][1] + 1:
            found[-1] = (found[-1][0], row)
        else:
            found.append((row, row))
    return found
