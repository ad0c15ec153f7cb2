"""The two workers of the benchmark of builds, in a process of their own.

Reads where broker and database are as one line of JSON, says ``ready``, and works until its
standard input ends; then it prints how often each build was begun. The engine is scripted, so that
what is measured is the way of a build through SLATE.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from slate_desktop.agent.builds.kind import BuildKind
from slate_desktop.agent.builds.settings import BuildSettings
from slate_desktop.agent.drivers.base import Handle, RuntimeSpec
from slate_desktop.agent.drivers.scripted import ScriptedDriver
from slate_desktop.agent.drivers.scripted_engine import Exit, Say, Script, ScriptedEngine
from slate_desktop.agent.fleet import Fleet
from slate_desktop.agent.jobs.host import JobHost
from slate_desktop.agent.tasks import TaskOwner
from slate_desktop.bus.directory_objects import DirectoryObjects
from slate_desktop.bus.nats_bus import NatsBus
from slate_desktop.bus.queue import BUILDS
from slate_desktop.domain.container import DriverName
from slate_desktop.domain.ids import new_id
from slate_desktop.store import Database

SLOTS = 4


class WritingDriver(ScriptedDriver):
    """Runs the script, and leaves the file that a build is asked for."""

    async def create(self, spec: RuntimeSpec, *, on_progress=None) -> Handle:
        output = Path(spec.config.env["SLATE_OUTPUT"])
        await asyncio.to_thread((output / "made").write_text, "made")
        return await super().create(spec, on_progress=on_progress)


async def _worker(
    told: dict[str, Any], number: int, begun: Counter[str]
) -> Callable[[], Awaitable[None]]:
    db = await Database.connect(told["dsn"], application_name=f"worker-{number}", max_size=10)
    bus = await NatsBus.connect(told["nats"], seed=told["seed"], name=f"worker-{number}")
    engine = ScriptedEngine({"make": Script((Say("[1/1] made"), Exit(0)))})
    fleet = Fleet({DriverName.SCRIPTED: WritingDriver(engine)})
    await fleet.refresh()
    tasks = TaskOwner(f"worker-{number}")
    directory = Path(told["directory"]) / f"worker-{number}"
    directory.mkdir()
    kind = BuildKind(
        db, bus, fleet, DirectoryObjects(directory / "objects"), agent_id=told["agent"],
        settings=BuildSettings(directory=directory, slots=SLOTS),
    )  # fmt: skip
    execute = kind.execute

    async def counted(lease, path, **more):
        begun[lease.job.id] += 1
        return await execute(lease, path, **more)

    kind.execute = counted  # type: ignore[method-assign]
    host = JobHost(
        db, bus, tasks, agent_id=told["agent"], epoch=number, directory=directory / new_id()
    )
    host.add(kind, BUILDS, ("linux",), slots=SLOTS)

    async def end() -> None:
        await tasks.aclose()
        await bus.aclose()
        await db.aclose()

    return end


async def main() -> None:
    """Work until nobody is there any more."""
    told = json.loads(sys.stdin.readline())
    begun: Counter[str] = Counter()
    ends = [await _worker(told, number, begun) for number in (1, 2)]
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    for end in ends:
        await end()
    print(json.dumps(begun), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
