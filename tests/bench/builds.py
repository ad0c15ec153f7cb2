"""Five hundred queued builds of a trivial project on two workers, with the window's list beside.

Rows, queue and workers are the real ones; the engine is scripted. What counts: none is lost, none
is done twice, and the list stays smooth while all of them move through it.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.display import virtual_display
from tests.bench.harness import Result
from tests.integration.agent_world import AgentWorld
from tests.services.nats import AGENT_ID
from tests.services.nats import _make as make_nats
from tests.services.postgres import PostgresDsn
from tests.services.postgres import _make as make_postgres

if TYPE_CHECKING:
    from slate_desktop.control.client import Slate
    from slate_desktop.domain.build import BuildJob

COUNT = int(os.environ.get("SLATE_BENCH_BUILDS", "500"))
GOAL_MS = 16.0
LIMIT_S = 600


def run() -> list[Result]:
    """Have them built; an AssertionError when one is lost or done twice."""
    import qasync

    from tests.bench.qt import application

    with virtual_display(), tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        nats, postgres = make_nats(directory), make_postgres(directory / "pg")
        try:
            postgres.make_template()
            dsn = PostgresDsn.of(postgres.server, postgres.create())
            program = application()
            # The list is closed before the rows are looked at.
            program.setQuitOnLastWindowClosed(False)
            with qasync.QEventLoop(program) as loop:
                asyncio.set_event_loop(loop)
                return loop.run_until_complete(_measure(AgentWorld(nats, dsn, directory)))
        finally:
            nats.stop()
            postgres.close()


async def _measure(world: AgentWorld) -> list[Result]:
    from slate_desktop.control.client import Slate
    from slate_desktop.control.models_build_list import BuildListModel
    from slate_desktop.store.cache import MemoryCache
    from slate_desktop.ui.builds.pane import BuildsPane
    from slate_desktop.ui.garbage import calm_collector
    from tests.bench.qt import Heart

    await world.open()
    await world.db.agents.register(AGENT_ID, name="a", pubkey=None, capabilities={})
    project = await world.add_project(world.user)
    (Path(project.root) / "slate.toml").write_text('[build]\ncommand = "make"\nartifact = "made"\n')
    # As on the workstation itself: the workers see the project's folder, and no file travels.
    slate = Slate(
        bus=world.bus, db=world.db, cache=MemoryCache(), user=world.user, key=world.nats.user,
        profile="local",
    )  # fmt: skip
    model = BuildListModel(slate)
    await model.open()
    pane = _pane()
    assert isinstance(pane, BuildsPane)
    names = {project.id: project.name}
    model.builds_changed.connect(lambda: pane.set_builds(model.builds, names))
    model.build_touched.connect(pane.model.touch)
    pane.set_builds(model.builds, names)
    pane.resize(1200, 400)
    pane.show()
    workers = await _start_workers(world)
    # What is done once in a window's life is not what is measured: the first paint, imports.
    first = await _build(world, slate, project.id, 1)
    # As the window does it some seconds after its start.
    calm_collector()
    began = time.perf_counter()
    with Heart() as heart:
        jobs = await _build(world, slate, project.id, COUNT)
    taken_s = time.perf_counter() - began
    jobs += first
    out, _ = await workers.communicate(b"")
    begun = Counter(json.loads(out.splitlines()[-1]))
    rows = [await world.db.builds.get(job.id) for job in jobs]
    await model.aclose()
    pane.close()
    await world.close()
    once = [row for row in rows if row.verdict == "passed" and row.attempt == 1]
    assert len(once) == len(jobs), Counter((row.verdict, row.attempt) for row in rows)
    assert begun == Counter(row.id for row in rows)
    done = Result(f"{COUNT} builds on two workers", "all of them once", "builds")
    done.peer_values.append(COUNT)
    done.our_values.append(len(once) - len(first))
    done.note = f"{COUNT / taken_s:.0f} builds a second from the wish to the verdict"
    smooth = Result(
        "The list of builds meanwhile, longest turn", "limit", "ms", higher_is_better=False
    )
    smooth.peer_values.append(GOAL_MS)
    smooth.our_values.append(heart.longest_cpu_ms)
    smooth.note = f"by a clock on the wall {heart.longest_wall_ms:.0f} ms, one beat in a thousand "
    smooth.note += f"{heart.p999_wall_ms:.0f} ms"
    for result in (done, smooth):
        result.show()
    return [done, smooth]


async def _build(world: AgentWorld, slate: Slate, project_id: str, count: int) -> list[BuildJob]:
    """Have so many builds done; returns them once the last has ended."""
    options = {"driver": "scripted"}
    jobs = [
        await slate.submit_build(project_id, "production", "linux", options=options)
        for _ in range(count)
    ]
    async with asyncio.timeout(LIMIT_S):
        while await world.db.builds.active():  # noqa: ASYNC110
            await asyncio.sleep(0.2)
    return jobs


def _pane():
    from PySide6.QtWidgets import QWidget

    from slate_desktop.ui.actions import ActionRegistry
    from slate_desktop.ui.builds.actions import build_action_specs
    from slate_desktop.ui.builds.pane import BuildsPane
    from slate_desktop.ui.empty import EmptyState
    from slate_desktop.ui.theme import Theme
    from tests.bench.qt import application

    theme = application().findChild(Theme) or Theme(application())
    registry = ActionRegistry(QWidget(), theme)
    for spec in build_action_specs(""):
        registry.add(spec, lambda *_: None)
    start = registry["build.start"]
    return BuildsPane(theme, registry, EmptyState(theme, "package", "nothing", start))


async def _start_workers(world: AgentWorld) -> asyncio.subprocess.Process:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.build_workers",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    told = {
        "nats": world.nats.url,
        "seed": world.nats.agent.seed,
        "dsn": world.dsn.agent,
        "directory": str(world.directory),
        "agent": AGENT_ID,
    }
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(told).encode() + b"\n")
    await process.stdin.drain()
    assert await process.stdout.readline() == b"ready\n"
    return process


if __name__ == "__main__":
    run()
