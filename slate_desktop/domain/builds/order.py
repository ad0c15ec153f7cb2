"""The order in which people see builds, and the places of those that wait."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec

from slate_desktop.domain.build import BuildJob, BuildStatus, TargetPlatform

_RANK = {BuildStatus.BUILDING: 0, BuildStatus.QUEUED: 1}
_ENDED = 2


class Place(msgspec.Struct, frozen=True):
    """A waiting build's place among those of its platform, 1 for the next one."""

    position: int
    of: int


def in_order(builds: Iterable[BuildJob]) -> list[BuildJob]:
    """Return what runs, then what waits in the order of the queue, then the rest, newest first."""
    return sorted(builds, key=_key)


def places(builds: Iterable[BuildJob]) -> dict[str, Place]:
    """Return the places of the builds that wait for a worker.

    Args:
        builds: in the order of ``in_order``.
    """
    waiting = [build for build in builds if waits(build)]
    totals = Counter(build.target_platform for build in waiting)
    seen: Counter[TargetPlatform] = Counter()
    found: dict[str, Place] = {}
    for build in waiting:
        seen[build.target_platform] += 1
        found[build.id] = Place(seen[build.target_platform], totals[build.target_platform])
    return found


def waits(build: BuildJob) -> bool:
    """Tell whether a build stands in the queue of the workers."""
    return build.status is BuildStatus.QUEUED and build.envelope is not None


def _key(build: BuildJob) -> tuple[Any, ...]:
    rank = _RANK.get(build.status, _ENDED)
    if build.status is BuildStatus.QUEUED:
        return (rank, -build.priority, build.queue_position, build.id)
    began = build.started_at or build.created_at
    if build.status is BuildStatus.BUILDING:
        return (rank, began.timestamp(), 0, build.id)
    return (rank, -build.created_at.timestamp(), 0, build.id)
