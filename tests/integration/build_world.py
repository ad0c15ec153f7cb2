"""A worker's part for builds on a real database and real drivers, without a broker."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from slate_desktop.agent.builds.kind import BuildKind
from slate_desktop.agent.builds.settings import BuildSettings
from slate_desktop.agent.drivers.base import Driver
from slate_desktop.agent.drivers.process import ProcessDriver
from slate_desktop.agent.fleet import Fleet
from slate_desktop.bus.directory_objects import DirectoryObjects
from slate_desktop.bus.memory_bus import MemoryBus
from slate_desktop.domain.build import BuildJob, BuildNeeds
from slate_desktop.domain.builds.options import options_to_json, parse_build_options
from slate_desktop.domain.container import DriverName
from slate_desktop.domain.jobs import JobEnvelope, Lease, Outcome
from slate_desktop.domain.project import Project, User
from slate_desktop.store import Database
from tests.services import fake_engines
from tests.services.postgres import PUBKEY

SAMPLES = Path(__file__).parents[2] / "resources" / "samples"
NO_ENVELOPE = JobEnvelope(subject="slate.build.submit.linux", headers={}, body="{}")


class BuildWorld:
    """A person, projects, and the kind of job that builds them."""

    def __init__(
        self,
        db: Database,
        directory: Path,
        drivers: dict[DriverName, Driver],
        *,
        agent_id: str = "tests",
    ) -> None:
        self.agent_id = agent_id
        self.db = db
        self.directory = directory
        self.bus = MemoryBus()
        self.objects = DirectoryObjects(directory / "objects")
        self.settings = BuildSettings(directory=directory / "builds", licences={"unity": 1})
        self.fleet = Fleet(drivers)
        self.kind = BuildKind(
            db, self.bus, self.fleet, self.objects, agent_id=agent_id, settings=self.settings
        )
        self.progress: list[tuple[float, str]] = []
        self.on_progress: Callable[[str], None] = lambda message: None
        self.user: User

    async def open(self) -> None:
        await self.fleet.refresh()
        self.user = await self.db.users.create("Ann", PUBKEY)

    async def sample(self, name: str, engine: str) -> Project:
        root = self.directory / name
        shutil.copytree(SAMPLES / name, root)
        return await self.add(root, engine)

    async def fake(self, engine: str, **told: Any) -> Project:
        """Add a project whose engine does what it is told."""
        root = self.directory / f"{engine}-{time.time_ns()}"
        root.mkdir()
        (root / "fake.json").write_text(json.dumps(told))
        match engine:
            case "unity":
                (root / "ProjectSettings").mkdir()
                (root / "ProjectSettings" / "ProjectVersion.txt").write_text(
                    "m_EditorVersion: 6000.0.43f1\n"
                )
            case "unreal":
                (root / "Game.uproject").write_text('{"EngineAssociation": "5.4"}')
            case "godot":
                (root / "project.godot").write_text("config_version=5\n")
                (root / "export_presets.cfg").write_text(
                    '[preset.0]\nname="Linux"\nplatform="Linux"\n'
                )
        return await self.add(root, engine)

    async def add(self, root: Path, engine: str) -> Project:
        return await self.db.projects.add(
            name=root.name, owner_id=self.user.id, root=str(root), engine=engine
        )

    async def submit(self, project: Project, **more: Any) -> BuildJob:
        options = {"driver": "process"} | more.pop("options", {})
        return await self.db.builds.create(
            project_id=project.id,
            user_id=self.user.id,
            build_type=more.pop("build_type", "production"),
            target_platform=more.pop("target_platform", "linux"),
            options=options_to_json(parse_build_options(options)),
            envelope=NO_ENVELOPE,
            needs=more.pop("needs", BuildNeeds()),
            **more,
        )

    async def claim(self) -> Lease | None:
        return await self.kind.store.claim("", "linux", owner=f"{self.agent_id}.1", lease_s=30.0)

    async def build(
        self, project: Project, *, cancel: asyncio.Event | None = None, **more: Any
    ) -> tuple[BuildJob, Outcome]:
        """Submit, claim, execute and finish one build."""
        await self.submit(project, **more)
        lease = await self.claim()
        assert lease is not None
        return await self.execute(lease, cancel=cancel)

    async def execute(
        self, lease: Lease, *, cancel: asyncio.Event | None = None
    ) -> tuple[BuildJob, Outcome]:
        self.progress = []
        outcome = await self.kind.execute(
            lease,
            self.directory,
            progress=self._note_progress,
            cancel=cancel or asyncio.Event(),
        )
        row = await self.kind.store.finish(lease, outcome)
        assert row is not None
        return row.row, outcome

    def _note_progress(self, fraction: float, message: str = "") -> None:
        self.progress.append((fraction, message))
        self.on_progress(message)

    async def log_of(self, build: BuildJob) -> str:
        lines = await self.db.builds.log_lines(build.id, build.attempt, after=0)
        return "\n".join(f"{line.step}|{line.stream}|{line.message}" for line in lines)

    async def close(self) -> None:
        await self.fleet.aclose()


@pytest.fixture(name="world")
async def process_world(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[BuildWorld]:
    """Builds as local processes of engines that only pretend."""
    monkeypatch.setenv("PATH", fake_engines.install(tmp_path / "bin"))
    drivers: dict[DriverName, Driver] = {DriverName.PROCESS: ProcessDriver(tmp_path / "runtimes")}
    made = BuildWorld(database, tmp_path, drivers)
    await made.open()
    yield made
    await made.close()
