"""Builds on the scripted client."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from slate_desktop.control.events import BuildEvent
from slate_desktop.domain.build import (
    BuildArtifact,
    BuildJob,
    BuildLogLine,
    BuildStatistics,
    BuildStatus,
    BuildType,
    DayStatistics,
    GroupStatistics,
    TargetPlatform,
)
from slate_desktop.domain.builds.commands import plan_build
from slate_desktop.domain.builds.comparison import Comparison, compare
from slate_desktop.domain.builds.custom import CustomBuild
from slate_desktop.domain.builds.matrix import Availability, Workers, availability
from slate_desktop.domain.builds.options import options_to_json, parse_build_options
from slate_desktop.domain.builds.order import in_order, waits
from slate_desktop.domain.builds.presets import BuildPreset, make_preset
from slate_desktop.domain.builds.source import BuildSource
from slate_desktop.domain.builds.waiting import Waiting
from slate_desktop.domain.engine import Engine
from slate_desktop.domain.ids import new_id
from slate_desktop.domain.jobs import JobEnvelope
from slate_desktop.domain.logs import LogLevel
from slate_desktop.errors import CommandError, ErrorCode

SOURCE = BuildSource(engine=Engine.CUSTOM, name="pong", custom=CustomBuild(command=["make"]))
ENVELOPE = JobEnvelope(subject="slate.build.submit.linux", headers={}, body="{}")
START = datetime(2026, 1, 1, tzinfo=UTC)


class FakeBuilds:
    """What the window needs of ``Slate`` for builds."""

    def __init__(self) -> None:
        self.builds: dict[str, BuildJob] = {}
        self.files: dict[str, list[BuildArtifact]] = {}
        self.build_lines: dict[str, list[BuildLogLine]] = {}
        self.presets: dict[str, BuildPreset] = {}
        self.build_calls: list[tuple[str, Any]] = []
        # What every artifact is.
        self.program = ""
        self._build_listeners: list[Callable[[str], None]] = []

    def on_builds_changed(self, callback: Callable[[str], None]) -> Callable[[], None]:
        self._build_listeners.append(callback)
        return lambda: None

    def put_build(self, project_id: str, **fields: Any) -> BuildJob:
        number = len(self.builds)
        values: dict[str, Any] = {
            "id": new_id(),
            "project_id": project_id,
            "user_id": "u",
            "build_type": BuildType.PRODUCTION,
            "target_platform": TargetPlatform.LINUX,
            "status": BuildStatus.QUEUED,
            "envelope": ENVELOPE,
            "queue_position": Decimal(number),
            "created_at": START + timedelta(minutes=number),
            "updated_at": START,
        } | fields
        build = BuildJob(**values)
        self.builds[build.id] = build
        return build

    def change_build(self, build_id: str, **fields: Any) -> BuildJob:
        build = msgspec.structs.replace(self.builds[build_id], **fields)
        self.builds[build_id] = build
        for callback in self._build_listeners:
            callback(build.project_id)
        return build

    async def progress(self, build: BuildJob, percent: int, message: str) -> None:
        event = BuildEvent(
            type="progress",
            job_id=build.id,
            project_id=build.project_id,
            data={"progress": percent, "message": message},
        )
        subject = f"slate.build.{build.project_id}.{build.id}.progress"
        await self.agent_bus.publish(subject, msgspec.json.encode(event))  # type: ignore[attr-defined]

    async def list_build_jobs(self, project_id: str | None = None, **_: Any) -> list[BuildJob]:
        rows = [b for b in self.builds.values() if project_id in (None, b.project_id)]
        return sorted(rows, key=lambda row: row.created_at, reverse=True)

    async def build_targets(
        self, project_id: str, build_type: BuildType
    ) -> dict[TargetPlatform, Availability]:
        return {p: availability(SOURCE.recipe, p, build_type, Workers()) for p in TargetPlatform}

    async def plan_build(
        self, project_id: str, build_type: Any, platform: Any, *, options: Mapping[str, Any]
    ) -> Any:
        return plan_build(SOURCE, platform, build_type, parse_build_options(options), Workers())

    async def submit_build(
        self, project_id: str, build_type: Any, platform: Any, *, source_commit: Any, options: Any
    ) -> BuildJob:
        self.build_calls.append(("submit", dict(options)))
        return self.put_build(
            project_id,
            build_type=build_type,
            target_platform=platform,
            options=options_to_json(parse_build_options(options)),
        )

    async def cancel_build(self, build_id: str) -> BuildJob:
        self.build_calls.append(("cancel", build_id))
        return self.change_build(build_id, status=BuildStatus.CANCELLED)

    async def retry_build(self, build_id: str) -> BuildJob:
        self.build_calls.append(("retry", build_id))
        old = self.builds[build_id]
        return self.put_build(old.project_id, options=old.options)

    async def move_build(
        self, build_id: str, *, other_id: str | None = None, is_after: bool = False
    ) -> BuildJob:
        self.build_calls.append(("move", (build_id, other_id, is_after)))
        queue = [build.id for build in in_order(self.builds.values()) if waits(build)]
        queue.remove(build_id)
        place = len(queue) * is_after if other_id is None else queue.index(other_id) + is_after
        queue.insert(place, build_id)
        for number, known in enumerate(queue):
            self.change_build(known, queue_position=Decimal(number))
        return self.builds[build_id]

    async def list_build_presets(self, project_id: str) -> list[BuildPreset]:
        return sorted(self.presets.values(), key=lambda preset: preset.name)

    async def save_build_preset(
        self, project_id: str, name: str, build_type: Any, target_platform: Any, *,
        can_replace: bool, **more: Any,
    ) -> BuildPreset:  # fmt: skip
        if name in self.presets and not can_replace:
            raise CommandError(ErrorCode.BAD_REQUEST, "taken", field="name")
        preset = make_preset(name, build_type, target_platform, **more)
        self.presets[preset.name] = preset
        return preset

    async def delete_build_preset(self, project_id: str, name: str) -> None:
        del self.presets[name]

    async def list_active_builds(self) -> list[BuildJob]:
        return [build for build in self.builds.values() if not build.is_final]

    async def explain_build(self, build_id: str) -> Waiting | None:
        if self.builds[build_id].status is not BuildStatus.QUEUED:
            return None
        return Waiting(position=2, of=3, reason="1 build before this one, about 30 s.")

    async def build_eta_s(self, build: BuildJob) -> float | None:
        return 90.0 if build.status is BuildStatus.BUILDING else None

    async def get_build_artifacts(self, build_id: str) -> list[BuildArtifact]:
        return self.files.get(build_id, [])

    async def download_artifacts(self, build_id: str, directory: Path) -> list[Path]:
        self.build_calls.append(("download", directory))
        made = [directory / artifact.path for artifact in self.files[build_id]]
        for path in made:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self.program)
            path.chmod(0o755)
        return made

    async def get_build_logs(
        self, build_id: str, *, after: int = 0, **_: Any
    ) -> list[BuildLogLine]:
        return [line for line in self.build_lines.get(build_id, []) if line.seq > after]

    async def compare_builds(self, left_id: str, right_id: str) -> Comparison:
        return compare(
            self.builds[left_id],
            self.files.get(left_id, []),
            self.builds[right_id],
            self.files.get(right_id, []),
        )

    async def get_build_statistics(self, project_id: str | None = None) -> BuildStatistics:
        return figures(3, 1)

    async def get_build_statistics_by(self, project_id: str | None = None) -> list[GroupStatistics]:
        group = GroupStatistics(
            target_platform=TargetPlatform.PS5, build_type=BuildType.STAGING, figures=figures(3, 1)
        )
        return [group]

    async def get_build_statistics_over_time(
        self, project_id: str | None = None
    ) -> list[DayStatistics]:
        return [
            DayStatistics(day=START + timedelta(days=n), figures=figures(n + 1, n)) for n in (0, 1)
        ]


def figures(passed: int, failed: int) -> BuildStatistics:
    return BuildStatistics(
        total=passed + failed, completed=passed, failed=failed, cancelled=0,
        success_rate=passed / (passed + failed), failure_rate=failed / (passed + failed),
        mean_duration_s=10.0, median_duration_s=9.0, p90_duration_s=20.0,
    )  # fmt: skip


def build_line(seq: int, message: str) -> BuildLogLine:
    return BuildLogLine(
        seq=seq, step="build", stream="stdout", ts_ns=seq, level=LogLevel.INFO, message=message
    )
