"""What runs stands above what waits, and that above what has ended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from slate_desktop.domain.build import BuildJob, BuildStatus, BuildType, TargetPlatform
from slate_desktop.domain.builds.order import Place, in_order, places
from slate_desktop.domain.jobs import JobEnvelope

_START = datetime(2026, 1, 1, tzinfo=UTC)
_ENVELOPE = JobEnvelope(subject="slate.build.submit.linux", headers={}, body="{}")
_S = BuildStatus


def build(name: str, status: BuildStatus, minute: int, **more: Any) -> BuildJob:
    when = _START + timedelta(minutes=minute)
    values: dict[str, Any] = {
        "id": name,
        "project_id": "p",
        "user_id": "u",
        "build_type": BuildType.STAGING,
        "target_platform": TargetPlatform.LINUX,
        "status": status,
        "created_at": when,
        "updated_at": when,
        "envelope": _ENVELOPE,
    }
    return BuildJob(**(values | more))


def test_running_then_the_queue_then_the_newest_of_the_rest() -> None:
    rows = [
        build("old", _S.FAILED, 0),
        build("new", _S.COMPLETED, 9),
        build("waits", _S.QUEUED, 3, queue_position=Decimal(3)),
        build("runs", _S.BUILDING, 2),
        build("urgent", _S.QUEUED, 8, queue_position=Decimal(8), priority=1),
        build("moved", _S.QUEUED, 7, queue_position=Decimal("2.5")),
    ]
    names = [row.id for row in in_order(rows)]
    assert names == ["runs", "urgent", "moved", "waits", "new", "old"]


def test_places_count_by_platform_what_workers_have() -> None:
    rows = [
        build("a", _S.QUEUED, 1, queue_position=Decimal(1)),
        build("web", _S.QUEUED, 2, queue_position=Decimal(2), target_platform="webgl"),
        build("by hand", _S.QUEUED, 3, queue_position=Decimal(3), envelope=None),
        build("b", _S.QUEUED, 4, queue_position=Decimal(4)),
        build("runs", _S.BUILDING, 5),
    ]
    found = places(in_order(rows))
    assert found == {"a": Place(1, 2), "web": Place(1, 1), "b": Place(2, 2)}
