"""A scripted client at the window's door: rows in memory, events over the memory bus."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from slate_desktop.bus.memory_bus import MemoryBroker, MemoryBus
from slate_desktop.control.configs import project_config
from slate_desktop.control.events import Events
from slate_desktop.control.values import CommandOutcome, ExecResult
from slate_desktop.domain.assets.job import AssetJob, AssetRow
from slate_desktop.domain.assets.kinds import AssetJobStatus, AssetKind
from slate_desktop.domain.container import ContainerConfig, container_config_to_json
from slate_desktop.domain.engine import Engine
from slate_desktop.domain.ids import new_id
from slate_desktop.domain.logs import LogLevel, LogLine, LogPage
from slate_desktop.domain.marks import Mark
from slate_desktop.domain.project import Project, User
from slate_desktop.domain.retention import LogPolicy
from slate_desktop.domain.runs import Advice
from slate_desktop.domain.session import RuntimeSession, SessionStatus
from slate_desktop.domain.stats import ContainerStats, StatsPoint
from slate_desktop.errors import CommandError, DatabaseError, ErrorCode, SlateError
from slate_desktop.wire.keys import SigningKey
from slate_desktop.wire.log_batch import batches_of
from tests.gui.alert_fakes import FakeAlerts
from tests.gui.build_fakes import FakeBuilds
from tests.gui.studio_fakes import FakeStudio


class FakeDatabase:
    """Answers the lamp's ping, or is away."""

    is_available = True

    async def ping(self) -> None:
        if not self.is_available:
            raise DatabaseError("The database does not answer.")


class FakeSlate(FakeAlerts, FakeStudio, FakeBuilds):
    """What the window needs of ``Slate``. ``refuse`` maps an operation to the error it raises."""

    is_beside_workers = False

    def __init__(self) -> None:
        super().__init__()
        self.broker = MemoryBroker()
        self.bus = MemoryBus(self.broker)
        self.agent_bus = MemoryBus(self.broker)
        self.db = FakeDatabase()
        self.profile = "local"
        self.events = Events(self.bus, self._on_row_changed)
        self.projects: dict[str, Project] = {}
        self.sessions: dict[str, RuntimeSession] = {}
        self.user = User(
            id="me", name="Me", pubkey=SigningKey.generate().public, created_at=datetime.now(UTC)
        )
        self.lines: dict[str, list[LogLine]] = {}
        self.refuse: dict[str, SlateError] = {}
        self.calls: list[tuple[str, Any]] = []
        self.is_closed = False
        self._listeners: list[Callable[[], None]] = []
        self.asset_jobs: list[AssetJob] = []
        self.assets: list[AssetRow] = []
        self.paused: set[AssetKind] = set()
        self.presets: dict[str, Any] = {}
        self.log_policy = LogPolicy()
        self.advice: Advice | None = None
        self.marks: list[Mark] = []
        self.started_on: str | None = None
        self.stats_points: dict[str, list[StatsPoint]] = {}
        self.asset_listeners: list[Callable[[str], None]] = []

    # -- assets ----------------------------------------------------------------------------

    def on_assets_changed(self, callback: Callable[[str], None]) -> Callable[[], None]:
        self.asset_listeners.append(callback)
        return lambda: self.asset_listeners.remove(callback)

    async def list_asset_jobs(self, project_id: str | None = None, **_: Any) -> list[AssetJob]:
        return [job for job in self.asset_jobs if job.project_id == project_id]

    async def list_assets(self, project_id: str, **_: Any) -> list[AssetRow]:
        return [row for row in self.assets if row.project_id == project_id]

    async def paused_assets(self, project_id: str) -> frozenset[AssetKind]:
        return frozenset(self.paused)

    async def pause_assets(self, project_id: str, kind: AssetKind) -> None:
        self.paused.add(kind)
        self.tell_assets(project_id)

    async def resume_assets(self, project_id: str, kind: AssetKind) -> None:
        self.paused.discard(kind)
        self.tell_assets(project_id)

    async def project_presets(self, project_id: str) -> dict[str, Any]:
        return dict(self.presets)

    async def save_project_preset(self, project_id: str, preset: Any) -> None:
        self._note("save_project_preset", preset.id)
        self.presets[preset.id] = preset

    async def delete_project_preset(self, project_id: str, preset_id: str) -> None:
        del self.presets[preset_id]

    async def process_asset(
        self, asset: Path, project_id: str, options: Any = None, *, kind: Any = None, submit: Any
    ) -> AssetJob:
        self._note("process_asset", (asset, kind, dict(options or {})))
        return self.put_asset_job(project_id, asset.name, kind, AssetJobStatus.QUEUED)

    async def cancel_asset_job(self, job_id: str) -> None:
        self.calls.append(("cancel_asset_job", job_id))
        self.change_asset_job(job_id, status=AssetJobStatus.CANCELLED)

    async def retry_asset_job(self, job_id: str) -> None:
        self.calls.append(("retry_asset_job", job_id))
        job = next(job for job in self.asset_jobs if job.id == job_id)
        self.put_asset_job(job.project_id, job.path, job.kind, AssetJobStatus.QUEUED)

    def put_asset_job(
        self, project_id: str, path: str, kind: AssetKind, status: AssetJobStatus, **more: Any
    ) -> AssetJob:
        now = datetime.now(UTC)
        job = AssetJob(
            id=new_id(),
            project_id=project_id,
            user_id="u",
            kind=kind,
            path=path,
            inputs=[],
            key=new_id(),
            status=status,
            created_at=now,
            updated_at=now,
            **more,
        )
        self.asset_jobs.insert(0, job)
        self.tell_assets(project_id)
        return job

    def change_asset_job(self, job_id: str, **fields: Any) -> None:
        self.asset_jobs = [
            msgspec.structs.replace(job, **fields) if job.id == job_id else job
            for job in self.asset_jobs
        ]
        self.tell_assets(next(job for job in self.asset_jobs if job.id == job_id).project_id)

    def tell_assets(self, project_id: str) -> None:
        for listener in list(self.asset_listeners):
            listener(project_id)

    # -- reading ---------------------------------------------------------------------------

    async def list_projects(self) -> list[Project]:
        return sorted(self.projects.values(), key=lambda project: project.name)

    async def list_runtime_sessions(
        self, project_id: str | None = None, **_: Any
    ) -> list[RuntimeSession]:
        rows = sorted(self.sessions.values(), key=lambda row: row.created_at, reverse=True)
        return [row for row in rows if project_id in (None, row.project_id)]

    async def get_runtime_session(self, session_id: str) -> RuntimeSession:
        return self.sessions[session_id]

    async def get_runtime_logs(
        self, session_id: str, *, limit: int = 1000, before: int | None = None,
        after: int | None = None, min_level: Any = None, text: str | None = None,
    ) -> LogPage:  # fmt: skip
        lines = self.lines.get(session_id, [])
        lines = [line for line in lines if before is None or line.seq < before]
        lines = [line for line in lines if after is None or line.seq > after]
        lines = [line for line in lines if min_level is None or line.level is min_level]
        page = lines[:limit] if after is not None else lines[-limit:]
        return LogPage(lines=page, has_older=len(lines) > len(page), has_newer=False)

    async def search_runtime_logs(
        self, session_id: str, first: int, last: int, pattern: str, *, is_regex: bool = False
    ) -> list[tuple[int, str | None]]:
        if "search" in self.refuse:
            raise self.refuse["search"]
        found = re.compile(pattern if is_regex else re.escape(pattern), re.IGNORECASE)
        lines = self.lines.get(session_id, [])[first - 1 : last]
        return [(line.seq, None) for line in lines if found.search(line.message)]

    async def find_runtime_log_at(self, session_id: str, timestamp_ns: int) -> int | None:
        lines = self.lines.get(session_id, [])
        return next((line.seq for line in lines if line.timestamp_ns >= timestamp_ns), None)

    async def get_problem_density(
        self, session_id: str, first: int, last: int, buckets: int = 256
    ) -> dict[LogLevel, dict[int, int]]:
        counts: dict[LogLevel, dict[int, int]] = {LogLevel.WARN: {}, LogLevel.ERROR: {}}
        for line in self.lines.get(session_id, []):
            if line.level in counts and first <= line.seq <= last:
                bucket = (line.seq - first) * buckets // (last - first + 1)
                counts[line.level][bucket] = counts[line.level].get(bucket, 0) + 1
        return counts

    async def get_stats_history(self, session_id: str, *_: Any, **__: Any) -> list[StatsPoint]:
        return self.stats_points.get(session_id, [])

    async def get_marks(self, *_: Any) -> list[Mark]:
        return self.marks

    async def get_advice(self, project_id: str, runs: int = 12) -> Advice | None:
        return self.advice

    async def apply_advice(self, project_id: str, advice: Advice) -> None:
        self._note("apply_advice", advice)

    async def change_limits(self, session_id: str, **limits: Any) -> None:
        self._note("change_limits", (session_id, limits))

    async def get_log_policy(self, project_id: str) -> LogPolicy:
        return self.log_policy

    async def set_log_policy(self, project_id: str, **fields: Any) -> None:
        self._note("set_log_policy", fields)
        self.log_policy = LogPolicy(**fields)

    async def list_agents(self) -> list[Any]:
        return []

    async def default_container_config(self, project_id: str) -> ContainerConfig:
        return project_config(self.projects[project_id])

    async def effective_config(self, session: RuntimeSession) -> ContainerConfig:
        from slate_desktop.domain.container import parse_container_config

        return parse_container_config(session.container_config)

    def on_sessions_changed(self, callback: Callable[[], None]) -> Callable[[], None]:
        self._listeners.append(callback)
        return lambda: None

    def on_log_added(self, callback: Callable[[str], None]) -> Callable[[], None]:
        return lambda: None

    # -- changing --------------------------------------------------------------------------

    async def add_project(
        self, path: Any, *, name: str | None = None, engine: Any = None, command: Any = None
    ) -> Project:
        self._note("add_project", str(path))
        return self.put_project(name or "project", str(path), Engine(engine or "custom"), command)

    async def update_project(self, project_id: str, **fields: Any) -> Project:
        self._note("update_project", fields)
        row = msgspec.structs.replace(self.projects[project_id], **fields)
        self.projects[project_id] = row
        return row

    async def remove_project(self, project_id: str) -> None:
        self._note("remove_project", project_id)
        del self.projects[project_id]

    async def create_runtime_session(self, project_id: str, config: Any) -> RuntimeSession:
        self._note("create", config)
        base = config or await self.default_container_config(project_id)
        return self.put_session(project_id, SessionStatus.CREATING, container_config_to_json(base))

    async def delete_runtime_session(self, session_id: str) -> None:
        self._note("delete", session_id)
        del self.sessions[session_id]

    async def start_container(
        self, session_id: str, config: Any = None, *, host: str | None = None
    ) -> CommandOutcome:
        self._note("start", config)
        self.started_on = host
        await self.move(session_id, SessionStatus.STARTING, attempt=1, agent_id=host)
        await self.move(session_id, SessionStatus.RUNNING, started_at=datetime.now(UTC))
        return CommandOutcome(session=self.sessions[session_id], is_done=True)

    async def stop_container(self, session_id: str) -> CommandOutcome:
        self._note("stop", session_id)
        await self.move(session_id, SessionStatus.STOPPING)
        await self.move(session_id, SessionStatus.STOPPED, exit_code=0)
        return CommandOutcome(session=self.sessions[session_id], is_done=True)

    async def restart_container(self, session_id: str) -> CommandOutcome:
        await self.stop_container(session_id)
        self._note("restart", session_id)
        return await self.start_container(session_id)

    async def execute_command(self, session_id: str, argv: list[str], timeout_s: float) -> Any:
        self._note("execute", argv)
        return ExecResult(exit_code=0, stdout=" ".join(argv), stderr="", duration_ms=3)

    async def aclose(self) -> None:
        self.is_closed = True
        await self.events.aclose()
        await self.bus.aclose()
        await self.agent_bus.aclose()

    # -- the script ------------------------------------------------------------------------

    def put_project(
        self, name: str, root: str, engine: Engine = Engine.GODOT, command: Any = None
    ) -> Project:
        now = datetime.now(UTC)
        project = Project(
            id=new_id(), name=name, owner_id="u", root=root, engine=engine, engine_version="3",
            command=command, created_at=now, updated_at=now,
        )  # fmt: skip
        self.projects[project.id] = project
        return project

    def put_session(
        self, project_id: str, status: SessionStatus, config: dict[str, Any] | None = None,
        **fields: Any,
    ) -> RuntimeSession:  # fmt: skip
        now = datetime.now(UTC)
        project = self.projects[project_id]
        row = RuntimeSession(
            id=new_id(), project_id=project_id, user_id="u", runtime_type=project.engine.value,
            status=status, container_config=config or {}, created_at=now, updated_at=now, **fields,
        )  # fmt: skip
        self.sessions[row.id] = row
        for listener in self._listeners:
            listener()
        return row

    async def move(self, session_id: str, status: SessionStatus, **fields: Any) -> None:
        """Move a row as the recorder would, and publish the event."""
        old = self.sessions[session_id]
        row = msgspec.structs.replace(old, status=status, version=old.version + 1, **fields)
        self.sessions[session_id] = row
        data = {
            "status": status.value, "version": row.version, "attempt": row.attempt,
            "exit_code": row.exit_code, "oom_killed": row.oom_killed,
            "error_code": row.error_code, "error_message": row.error_message,
        }  # fmt: skip
        await self._publish(row, "status", data)

    async def log(self, session_id: str, *messages: str, level: LogLevel = LogLevel.INFO) -> None:
        """Write lines as the agent would."""
        kept = self.lines.setdefault(session_id, [])
        first = len(kept) + 1
        now = time.time_ns()
        for number, message in enumerate(messages, first):
            kept.append(LogLine(seq=number, timestamp_ns=now, level=level, message=message))
        for batch in batches_of(kept[first - 1 :], attempt=1, epoch=1):
            data = msgspec.to_builtins(batch)
            await self._publish(self.sessions[session_id], "logs", data)

    async def sample(self, session_id: str, stats: ContainerStats) -> None:
        """Publish a sample."""
        data = msgspec.to_builtins(stats)
        await self._publish(self.sessions[session_id], "stats", data)

    async def _publish(self, row: RuntimeSession, kind: str, data: dict[str, Any]) -> None:
        body = {"type": kind, "session_id": row.id, "project_id": row.project_id, "data": data}
        subject = f"slate.runtime.{row.project_id}.{row.id}.{kind}"
        await self.agent_bus.publish(subject, msgspec.json.encode(body))

    async def _on_row_changed(self, _event: Any) -> None:
        await asyncio.sleep(0)

    def _note(self, operation: str, value: Any) -> None:
        self.calls.append((operation, value))
        error = self.refuse.get(operation)
        if error is not None:
            raise error


def port_conflict() -> CommandError:
    """An error as an agent sends it."""
    return CommandError(ErrorCode.PORT_CONFLICT, "The host's port 8080 is in use", field="ports")
