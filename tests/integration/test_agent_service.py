"""The agent on a real broker and a real database, with a scripted engine."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest

from slate_desktop.bus.port import Message
from slate_desktop.domain.runs import Run
from slate_desktop.domain.session import SessionStatus
from slate_desktop.domain.stats import StatsPoint
from slate_desktop.errors import CommandError, ErrorCode
from slate_desktop.wire.events import LogEvent, StatusEvent, read_event, read_heartbeat
from slate_desktop.wire.subjects import HEARTBEAT_ALL, RUNTIME_ALL
from tests.integration.agent_world import AgentWorld, agent_world

__all__ = ["agent_world"]  # the fixture ``world``
pytestmark = [pytest.mark.nats, pytest.mark.postgres]
S = SessionStatus


async def test_session_starts_logs_and_stops(world: AgentWorld) -> None:
    await world.start_agent()
    session = await world.new_session()
    reply = await world.ask("start", session.id)
    assert reply["status"] == "running", reply
    stats = await world.ask("stats", session.id)
    assert stats["age_ms"] >= 0, stats
    reply = await world.ask("stop", session.id)
    assert reply["status"] == "stopped", reply
    row = await world.db.sessions.get(session.id)
    assert (row.status, row.exit_code, row.log_complete) == (S.STOPPED, 143, True)
    assert row.started_at is not None
    assert row.stopped_at is not None
    assert await world.messages(session.id) == ["hello"]
    assert world.engine.runtimes() == []
    assert (await world.ask("stats", session.id))["error"]["code"] == "not_running"


async def test_figures_and_runs_stay_when_the_runtime_and_its_agent_are_gone(
    world: AgentWorld,
) -> None:
    await world.start_agent()
    session = await world.new_session()
    assert (await world.ask("start", session.id))["status"] == "running"
    sample = await world.ask("stats", session.id)
    assert (await world.ask("stop", session.id))["status"] == "stopped"
    assert world.engine.runtimes() == []
    end = datetime.now(UTC) + timedelta(minutes=1)
    start = end - timedelta(hours=1)

    async def points_of(step_s: int) -> list[StatsPoint]:
        """The last samples are stored soon after the end."""
        while True:
            points = await world.db.stats.list(
                session.id, step_s=step_s, start=start, end=end, width_s=step_s
            )
            if points:
                return points
            await asyncio.sleep(0.1)

    async def peak() -> Run:
        while True:
            runs = await world.db.runs.of_project(session.project_id, session.runtime_type, 5)
            if runs and runs[0].memory_peak:
                return runs[0]
            await asyncio.sleep(0.1)

    async with asyncio.timeout(60):
        for step_s in (1, 10, 60):
            assert (await points_of(step_s))[0].memory_usage == sample["memory_usage"]
        run = await peak()
        await world.end_agent()
        await world.start_agent()
        assert await points_of(60)
    assert (run.status, run.memory_peak) == ("stopped", sample["memory_usage"])
    assert await world.messages(session.id) == ["hello"]


async def test_start_is_answered_within_the_settling_time(world: AgentWorld) -> None:
    await world.start_agent()
    session = await world.new_session()
    started = time.monotonic()
    await world.ask("start", session.id)
    # Two seconds on a quiet machine; one that waited for the end would take for ever.
    assert time.monotonic() - started < 8


async def test_windows_hear_status_and_logs(world: AgentWorld) -> None:
    await world.start_agent()
    events: list[Message] = []

    async def hear(message: Message) -> None:
        events.append(message)

    await world.bus.subscribe(RUNTIME_ALL, hear)
    session = await world.new_session()
    await world.ask("start", session.id)
    await world.ask("stop", session.id)
    await world.until_status(session.id, S.STOPPED)
    kinds = [read_event(e.data) for e in events if session.id in e.subject]
    statuses = [e.data.status for e in kinds if isinstance(e, StatusEvent) and not e.data.note]
    assert statuses == [S.STARTING, S.RUNNING, S.STOPPING, S.STOPPED]
    lines = [e for e in kinds if isinstance(e, LogEvent)]
    assert lines[0].data.first_seq == 1


@pytest.mark.parametrize(
    ("script", "code", "exit_code"), [("fails", "exited", 3), ("greedy", "oom", 137)]
)
async def test_session_says_why_it_failed(
    world: AgentWorld, script: str, code: str, exit_code: int
) -> None:
    await world.start_agent()
    project = await world.add_project(world.user, command=[script])
    session = await world.new_session(project, container_config={"memory": "64m"})
    await world.ask("start", session.id)
    row = await world.until_status(session.id, S.FAILED)
    assert (row.error_code, row.exit_code) == (code, exit_code)
    assert row.error_message


async def test_stop_that_is_ignored_ends_by_kill(world: AgentWorld) -> None:
    await world.start_agent()
    project = await world.add_project(world.user, command=["deaf"])
    session = await world.new_session(project)
    await world.ask("start", session.id)
    started = time.monotonic()
    await world.ask("stop", session.id, {"grace": 0.3})
    row = await world.until_status(session.id, S.STOPPED)
    assert row.exit_code == 137
    assert time.monotonic() - started < 8


async def test_restart_makes_a_new_attempt(world: AgentWorld) -> None:
    await world.start_agent()
    session = await world.new_session()
    await world.ask("start", session.id)
    reply = await world.ask("restart", session.id)
    assert (reply["status"], reply["attempt"]) == ("running", 2), reply
    await world.ask("stop", session.id)
    await world.until_status(session.id, S.STOPPED)
    assert await world.messages(session.id) == ["hello", "hello"]


async def test_limits_are_changed_while_it_runs_noted_and_kept_by_a_restart(
    world: AgentWorld,
) -> None:
    await world.start_agent()
    session = await world.new_session(container_config={"memory": "200m"})
    refused = await world.ask("update", session.id, {"memory": "300m"})
    assert refused["error"]["code"] == "illegal_state"
    await world.ask("start", session.id)
    await world.until_status(session.id, S.RUNNING)
    for body, code in (
        ({}, "bad_request"),
        ({"memory": "much"}, "bad_request"),
        ({"memory": "300m", "pids": 5}, "bad_request"),
        ({"memory": "900t"}, "limit_denied"),
    ):
        assert (await world.ask("update", session.id, body))["error"]["code"] == code
    reply = await world.ask("update", session.id, {"memory": "300m", "cpus": 1.5})
    assert reply["status"] == "running", reply
    await until_limit(world, session.id, 300 * 1024**2)
    note = "limits changed: 300 MB of memory and 1.5 CPUs"
    async with asyncio.timeout(30):
        while True:
            if note in await world.messages(session.id):
                break
            await asyncio.sleep(0.02)
    await world.ask("restart", session.id)
    await world.until(session.id, lambda row: row.attempt == 2 and row.status is S.RUNNING)
    await until_limit(world, session.id, 300 * 1024**2)
    soon = datetime.now(UTC) + timedelta(minutes=1)
    begin = datetime.fromtimestamp(0, UTC)
    # The agent notes the limits of a run after it has said that it runs.
    async with asyncio.timeout(30):
        while True:
            runs = await world.db.runs.of_sessions([session.id], begin, soon)
            if [run.memory_limit for run in runs] == [300 * 1024**2] * 2:
                break
            await asyncio.sleep(0.02)


async def until_limit(world: AgentWorld, session_id: str, memory_bytes: int) -> None:
    """Wait for a sample that was taken with a limit."""
    async with asyncio.timeout(30):
        while True:
            if (await world.ask("stats", session_id)).get("memory_limit") == memory_bytes:
                return
            await asyncio.sleep(0.1)


async def test_start_again_after_the_end_numbers_on(world: AgentWorld) -> None:
    await world.start_agent()
    project = await world.add_project(world.user, command=["short"])
    session = await world.new_session(project)
    for attempt in (1, 2):
        await world.ask("start", session.id)
        await world.until(session.id, lambda row, n=attempt: row.is_final and row.attempt == n)
    page = await world.db.logs.page(session.id)
    assert [line.seq for line in page.lines] == [1, 2, 3, 4]


async def test_stop_before_start_ends_the_session(world: AgentWorld) -> None:
    await world.start_agent()
    session = await world.new_session()
    assert (await world.ask("stop", session.id))["status"] == "stopped"


async def test_heartbeat_names_engines_and_capabilities(world: AgentWorld) -> None:
    beats: list[Message] = []
    heard = asyncio.Event()

    async def hear(message: Message) -> None:
        beats.append(message)
        heard.set()

    await world.bus.subscribe(HEARTBEAT_ALL, hear)
    await world.start_agent()
    await asyncio.wait_for(heard.wait(), 30)
    beat = read_heartbeat(beats[0].data)
    assert beat.capabilities["drivers"] == ["scripted"]
    assert beat.engines["scripted"]["is_available"]
    agents = await world.db.agents.list()
    assert beat.agent_id in {agent.id for agent in agents}


async def test_failed_start_tells_the_reason_at_once(world: AgentWorld) -> None:
    await world.start_agent()
    session = await world.new_session()
    world.engine.faults["start"] = CommandError(ErrorCode.PORT_CONFLICT, "port 8080 is in use")
    reply = await world.ask("start", session.id)
    assert reply["error"]["code"] == "port_conflict"
    row = await world.db.sessions.get(session.id)
    assert (row.status, row.error_code) == (S.FAILED, "port_conflict")
    assert world.engine.runtimes() == []
