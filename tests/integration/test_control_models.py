"""Live models against the embedded stack and its real agent, on the process driver."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from slate_desktop.bus.attested import SigningBus
from slate_desktop.bus.nats_bus import NatsBus
from slate_desktop.control import (
    BuildJobsModel,
    ContainerStatsModel,
    LampState,
    RuntimeSessionModel,
    SessionListModel,
    Slate,
)
from slate_desktop.control.connection import ConnectionModel
from slate_desktop.domain.session import SessionStatus
from slate_desktop.errors import AgentOfflineError, CommandError, ErrorCode
from slate_desktop.stack import client as stack_client
from slate_desktop.wire.codec import encode
from slate_desktop.wire.events import StatusData, StatusEvent
from slate_desktop.wire.keys import SigningKey
from slate_desktop.wire.log_batch import LogBatch
from slate_desktop.wire.subjects import runtime
from tests.services.stack import OwnStack

pytestmark = [pytest.mark.nats, pytest.mark.postgres, pytest.mark.timeout(120)]
LOOP = """
import sys, time
number = 0
while True:
    number += 1
    print("line", number, flush=True)
    time.sleep(0.01)
"""


async def until(condition: Callable[[], bool], timeout_s: float = 40.0) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "the condition did not come true"
        await asyncio.sleep(0.02)


@pytest.fixture
async def slate(own_stack: OwnStack) -> AsyncIterator[Slate]:
    async with await Slate.connect("local") as connected:
        yield connected
        for row in await connected.get_active_sessions():
            await connected.stop_container(row.id, wait=True, timeout_s=40)


@pytest.fixture
async def looping(slate: Slate, tmp_path: Path) -> str:
    root = tmp_path / "looping"
    root.mkdir()
    (root / "loop.py").write_text(LOOP)
    project = await slate.add_project(root, command=["{python}", "{root}/loop.py"])
    return project.id


async def test_a_session_lives_through_its_models(slate: Slate, looping: str):
    """One long test, because the stack takes seconds to start."""
    sessions = SessionListModel(slate)
    await sessions.open()
    lamps = ConnectionModel(slate, interval_s=0.5)
    await lamps.open()
    row = await slate.create_runtime_session(looping, {"driver": "process"})
    model = RuntimeSessionModel(slate, row.id)
    seen: list[SessionStatus] = []
    loading: list[bool] = []
    model.session_changed.connect(lambda r: seen.append(r.status))
    model.loading_changed.connect(loading.append)
    await model.open()
    stats = ContainerStatsModel(slate, row.id, interval_s=0.2)
    await stats.open()

    outcome = await model.start()
    assert outcome is not None, model.error
    await until(lambda: model.session is not None and model.session.status == "running")
    assert seen[0] is SessionStatus.CREATING
    assert loading == [True, False]
    await until(lambda: len(model.logs) > 100)
    await until(lambda: model.stats is not None and stats.reading is not None)
    assert model.stats is not None
    assert model.stats.memory_usage > 0
    await until(lambda: any(r.id == row.id and r.status == "running" for r in sessions.sessions))
    await until(
        lambda: all(lamps.lamps[n].state is LampState.OK for n in ("broker", "database", "agent"))
    )

    result = await model.execute(["echo", "hi"])
    assert result is not None
    assert result.stdout == "hi\n"
    await lines_of_scripts_keep_their_numbers(slate, row.id)
    # They took what one key may ask for at once: forty, and twenty more each second.
    await asyncio.sleep(2.0)
    again = RuntimeSessionModel(slate, row.id)
    await again.open()
    outcome = await model.restart()
    assert outcome is not None, model.error
    await until(lambda: model.session is not None and model.session.attempt == 2)
    await until(lambda: model.session is not None and model.session.status == "running")

    assert await model.start() is None
    assert isinstance(model.error, CommandError)
    assert model.error.code is ErrorCode.ILLEGAL_STATE
    await slate.stop_container(row.id, wait=True)
    await until(lambda: model.session is not None and model.session.log_complete)
    await until(lambda: model.stats is None and stats.reading is None)
    await until(lambda: model.logs.last_seq == again.logs.last_seq)
    page = await slate.get_runtime_logs(row.id, limit=1)
    await until(lambda: model.logs.last_seq == page.lines[-1].seq)
    for console in (model.logs, again.logs):
        numbers = [r.seq for r in console.rows(0, len(console))]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        assert console.gaps == []
    line = await slate.add_runtime_log(row.id, "from a script", level="warn")
    await until(lambda: model.logs.last_seq == line.seq)
    for item in (sessions, lamps, model, again, stats):
        await item.aclose()


async def lines_of_scripts_keep_their_numbers(slate: Slate, session_id: str) -> None:
    """A running session's log goes on meanwhile: what was shown is what is stored."""
    shown: dict[int, str] = {}
    row = await slate.get_runtime_session(session_id)

    def note(batch: LogBatch) -> None:
        for line in batch.lines():
            assert shown.setdefault(line.seq, line.message) == line.message

    subscription = await slate.events.follow_logs(row.project_id, session_id, note)
    lines = [await slate.add_runtime_log(session_id, f"script {n}") for n in range(10)]
    lines += await asyncio.gather(
        *(slate.add_runtime_log(session_id, f"script {n}") for n in range(10, 60))
    )
    page = await slate.get_runtime_logs(session_id, limit=5000)
    stored = {line.seq: line.message for line in page.lines}
    for line in lines:
        assert stored[line.seq] == line.message
    await until(lambda: all(line.seq in shown for line in lines))
    await subscription.unsubscribe()
    known = shown.keys() & stored.keys()
    assert len(known) > len(lines)
    assert {seq: shown[seq] for seq in known} == {seq: stored[seq] for seq in known}


async def test_builds_and_refusals(slate: Slate, looping: str):
    builds = BuildJobsModel(slate, looping)
    await builds.open()
    job = await slate.create_build_job(looping, "development", "linux", options={"clean": True})
    await until(lambda: builds.active_job is not None and builds.active_job.id == job.id)
    assert (await slate.get_build_job(job.id)).progress == 0
    assert [j.id for j in await slate.get_active_builds(looping)] == [job.id]
    assert (await slate.get_build_statistics(looping)).active == 1
    assert [j.id for j in await slate.get_recent_builds(looping)] == [job.id]
    with pytest.raises(CommandError):
        await slate.delete_build_job(job.id)
    await slate.update_build_job(job.id, status="building", progress=40)
    assert (await slate.update_build_job(job.id, progress=10)).progress == 40
    await slate.update_build_job(job.id, status="completed", output_path="out")
    with pytest.raises(CommandError):
        await slate.update_build_job(job.id, status="building")
    await until(lambda: builds.active_job is None)
    assert builds.jobs[0].status == "completed"
    assert (await slate.get_build_statistics(looping)).success_rate == 1.0
    await slate.delete_build_job(job.id)
    await until(lambda: builds.jobs == [])
    await builds.aclose()

    row = await slate.create_runtime_session(looping)
    changed = await slate.update_runtime_session(row.id, {"memory": "512m"})
    assert changed.container_config == {"memory": "512m"}
    config = await slate.effective_config(changed)
    assert config.memory_bytes == 512 * 1024**2
    for call in (slate.get_container_stats(row.id), slate.execute_command(row.id, ["ls"])):
        with pytest.raises(CommandError):
            await call
    await slate.delete_runtime_session(row.id)
    with pytest.raises(CommandError) as caught:
        await slate.get_runtime_session(row.id)
    assert caught.value.code is ErrorCode.NOT_FOUND


@pytest.mark.fault
async def test_the_row_wins_over_an_event_that_contradicts_it(slate: Slate, looping: str):
    row = await slate.create_runtime_session(looping, {"driver": "process"})
    sessions, model = SessionListModel(slate), RuntimeSessionModel(slate, row.id)
    await sessions.open()
    await model.open()
    seen: list[int] = []
    listed: list[int] = []
    model.session_changed.connect(lambda r: seen.append(r.version))
    sessions.session_changed.connect(lambda r: listed.append(r.version))
    agent = stack_client.agent_endpoint()
    assert agent is not None
    # The agent itself is wrong: what it says is signed, and does not fit the row.
    connection = await NatsBus.connect(agent.nats_url, seed=agent.seed, name="liar")
    bus = SigningBus(connection, SigningKey.from_seed(agent.seed), first_sequence=500)
    bus.epoch = (await slate.db.agents.get(agent.agent_id)).epoch
    for version in (99, 0, -5):
        lie = StatusData(status=SessionStatus.RUNNING, version=version, exit_code=3)
        event = StatusEvent(session_id=row.id, project_id=row.project_id, data=lie)
        await bus.publish(runtime(row.project_id, row.id, "status"), encode(event))
    await bus.publish(runtime(row.project_id, row.id, "status"), b"[" * 1000)
    await until(lambda: 99 in seen and 99 in listed)
    await until(lambda: model.session == row and sessions.get(row.id) == row)
    assert await model.start() is not None, model.error
    await until(lambda: model.session is not None and model.session.status == "running")
    for item in (sessions, model, bus):
        await item.aclose()


async def test_a_dead_agent_is_told_at_once(own_stack: OwnStack, tmp_path: Path):
    await own_stack.up(agent=False)
    async with await Slate.connect_to(await _endpoint()) as slate:
        root = tmp_path / "p"
        root.mkdir()
        project = await slate.add_project(root, command=["true"])
        row = await slate.create_runtime_session(project.id)
        with pytest.raises(AgentOfflineError):
            await slate.start_container(row.id)
        with pytest.raises(AgentOfflineError):
            await slate.stop_container(row.id)


async def _endpoint():
    from slate_desktop.control.profiles import Endpoint

    info = await stack_client.attach()
    assert info is not None
    return Endpoint(
        profile="local",
        nats_url=info.nats_url,
        seed=info.user_seed,
        database_url=info.database_url,
    )
