"""The agent on a real broker and a real database, with a scripted engine."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from datetime import UTC, datetime, timedelta

import pytest

from slate_desktop.agent.recorder import Recorder
from slate_desktop.agent.service import EXIT_OK, EXIT_SUPERSEDED
from slate_desktop.bus.nats_bus import NatsBus
from slate_desktop.bus.port import Message
from slate_desktop.domain.roles import Role
from slate_desktop.domain.runs import Run
from slate_desktop.domain.session import SessionStatus
from slate_desktop.domain.stats import StatsPoint
from slate_desktop.errors import CommandError, ErrorCode
from slate_desktop.wire.messages import LogEvent, StatusEvent, read_event, read_heartbeat
from slate_desktop.wire.subjects import HEARTBEAT_ALL, RUNTIME_ALL
from tests.integration.agent_world import AgentWorld, agent_world
from tests.services.nats import AGENT_ID

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
    assert time.monotonic() - started < 2


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
    assert time.monotonic() - started < 0.3 + 2


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
    async with asyncio.timeout(15):
        while True:
            if note in await world.messages(session.id):
                break
            await asyncio.sleep(0.02)
    await world.ask("restart", session.id)
    await world.until(session.id, lambda row: row.attempt == 2 and row.status is S.RUNNING)
    await until_limit(world, session.id, 300 * 1024**2)
    soon = datetime.now(UTC) + timedelta(minutes=1)
    runs = await world.db.runs.of_sessions([session.id], datetime.fromtimestamp(0, UTC), soon)
    assert [run.memory_limit for run in runs] == [300 * 1024**2] * 2


async def until_limit(world: AgentWorld, session_id: str, memory_bytes: int) -> None:
    """Wait for a sample that was taken with a limit."""
    async with asyncio.timeout(15):
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


async def test_illegal_moves_are_refused(world: AgentWorld) -> None:
    await world.start_agent()
    session = await world.new_session()
    reply = await world.ask("execute", session.id, {"command": ["true"]})
    assert reply["error"]["code"] == "illegal_state"
    await world.ask("start", session.id)
    reply = await world.ask("start", session.id)
    assert reply["error"]["code"] == "illegal_state"
    await world.ask("stop", session.id)
    reply = await world.ask("stop", session.id)
    assert reply["status"] == "stopped"


async def test_stop_before_start_ends_the_session(world: AgentWorld) -> None:
    await world.start_agent()
    session = await world.new_session()
    assert (await world.ask("stop", session.id))["status"] == "stopped"


async def test_refused_configuration_changes_nothing(world: AgentWorld) -> None:
    await world.start_agent()
    session = await world.new_session()
    for body, code in (
        ({"privileged": True}, "bad_request"),
        ({"memory": "4gg"}, "bad_request"),
        ({"memory": "999g"}, "limit_denied"),
        ({"cpus": 99}, "limit_denied"),
        ({"networkMode": "host"}, "bad_request"),
        ({"gpu": True}, "gpu_unavailable"),
        ({"driver": "docker"}, "bad_request"),
        ({"ports": {"80": 22}}, "port_denied"),
    ):
        reply = await world.ask("start", session.id, body)
        assert reply["error"]["code"] == code, (body, reply)
    row = await world.db.sessions.get(session.id)
    assert (row.status, row.version) == (S.CREATING, 1)
    assert world.engine.runtimes() == []


async def test_roles_and_strangers(world: AgentWorld) -> None:
    await world.start_agent()
    other_key = world.nats.other_user
    other = await world.db.users.create("other", other_key.public)
    bus = await NatsBus.connect(world.nats.url, seed=other_key.seed, name="other")
    session = await world.new_session()
    reply = await world.ask("start", session.id, key=other_key, bus=bus)
    assert reply["error"]["code"] == "not_found"
    viewed = await world.add_project(world.user)
    await world.db.projects.set_member(viewed.id, other.id, Role.VIEWER)
    session = await world.new_session(viewed)
    reply = await world.ask("start", session.id, key=other_key, bus=bus)
    assert reply["error"]["code"] == "forbidden"
    reply = await world.ask("stats", session.id, key=other_key, bus=bus)
    assert reply["error"]["code"] == "not_running"
    await world.db.users.revoke(other.id)
    async with asyncio.timeout(10):
        while reply["error"]["code"] != "revoked":
            await asyncio.sleep(0.2)
            reply = await world.ask("stats", session.id, key=other_key, bus=bus)
    await bus.aclose()


async def test_unknown_sessions_are_not_found(world: AgentWorld) -> None:
    await world.start_agent()
    for session_id in ("NOBODY", "00000000-0000-0000-0000-000000000000"):
        reply = await world.ask("start", session_id)
        assert reply["error"]["code"] == "not_found"


async def test_one_key_has_one_effect(world: AgentWorld) -> None:
    await world.start_agent()
    session = await world.new_session()
    replies = await asyncio.gather(*(world.ask("start", session.id, idem="one") for _ in range(30)))
    good = [r for r in replies if r.get("status") == "running"]
    refused = {r["error"]["code"] for r in replies if "error" in r}
    assert good
    assert refused <= {"in_progress", "rate_limited"}
    assert (await world.db.sessions.get(session.id)).attempt == 1
    await asyncio.sleep(1)
    reply = await world.ask("start", session.id, {"cpus": 1}, idem="one")
    assert reply["error"]["code"] == "idempotency_mismatch"


async def test_request_that_an_older_process_left_is_resumed(world: AgentWorld) -> None:
    await world.start_agent()
    session = await world.new_session()
    await world.db.requests.begin(
        world.nats.user.public,
        "left",
        subject=f"slate.container.start.{session.id}",
        body_sha=hashlib.sha256(b"{}").hexdigest(),
        epoch=0,
    )
    first = await world.ask("start", session.id, idem="left")
    assert first["status"] == "running", first
    assert await world.ask("start", session.id, idem="left") == first
    assert (await world.db.sessions.get(session.id)).attempt == 1


async def test_restart_that_an_older_process_carried_out_is_not_done_again(
    world: AgentWorld,
) -> None:
    await world.start_agent()
    session = await world.new_session()
    await world.ask("start", session.id)
    await world.ask("restart", session.id)
    await world.until(session.id, lambda row: row.attempt == 2 and row.status is S.RUNNING)
    for idem, attempt, expected in (("done", 1, 2), ("not_done", 2, 3)):
        await world.db.requests.begin(
            world.nats.user.public,
            idem,
            subject=f"slate.container.restart.{session.id}",
            body_sha=hashlib.sha256(b"{}").hexdigest(),
            epoch=0,
            agent_id=AGENT_ID,
            attempt=attempt,
        )
        reply = await world.ask("restart", session.id, idem=idem)
        assert reply["status"] == "running", reply
        assert (await world.db.sessions.get(session.id)).attempt == expected


async def test_session_that_no_agent_took_is_failed(world: AgentWorld) -> None:
    session = await world.new_session()
    async with world.db.connection() as connection:
        await connection.execute(
            "update slate_runtime_sessions set created_at = now() - interval '16 minutes'"
        )
    recorder = Recorder(world.db, world.bus, AGENT_ID, 1)
    await recorder.tidy()
    row = await world.db.sessions.get(session.id)
    assert (row.status, row.error_code) == (S.FAILED, ErrorCode.NO_AGENT)


async def test_unsigned_request_of_the_original_client(world: AgentWorld) -> None:
    await world.start_agent()
    body = json.dumps(
        {"image": "slate/x", "memory": "64m", "env": {"PROJECT_ID": world.project.name}}
    ).encode()
    reply = await world.bus.request("slate.container.start.legacy1", body)
    assert json.loads(reply.data)["error"]["code"] == "unsigned"
    await world.end_agent()
    await world.start_agent(allow_unsigned=True)
    reply = json.loads((await world.bus.request("slate.container.start.legacy1", body)).data)
    assert reply["status"] == "running", reply
    row = await world.db.sessions.get("legacy1")
    assert (row.project_id, row.user_id) == (world.project.id, world.user.id)
    reply = json.loads((await world.bus.request("slate.container.stats.legacy1", b"")).data)
    assert reply["memory_limit"] == 64 * 1024 * 1024
    reply = json.loads((await world.bus.request("slate.container.stop.legacy1", b"")).data)
    assert reply["status"] == "stopped"
    reply = json.loads((await world.bus.request("slate.container.start.legacy2", b"{}")).data)
    assert reply["error"]["code"] == "not_found"


async def test_agent_adopts_its_sessions_when_it_comes_back(world: AgentWorld) -> None:
    await world.start_agent()
    session = await world.new_session()
    before = await world.ask("start", session.id)
    assert await world.end_agent() == EXIT_OK
    runtime = world.engine.runtimes()[0]
    world.engine.say(runtime.handle.runtime_id, "while away")
    await world.start_agent()
    row = await world.db.sessions.get(session.id)
    assert (row.status, row.container_id) == (S.RUNNING, before["container_id"])
    world.engine.say(runtime.handle.runtime_id, "after")
    await world.ask("stop", session.id)
    await world.until_status(session.id, S.STOPPED)
    assert await world.messages(session.id) == ["hello", "while away", "after"]


async def test_end_that_nobody_saw_is_recorded_with_its_code(world: AgentWorld) -> None:
    await world.start_agent()
    session = await world.new_session()
    await world.ask("start", session.id)
    await world.end_agent()
    runtime = world.engine.runtimes()[0]
    world.engine.say(runtime.handle.runtime_id, "last words")
    world.engine.crash(runtime.handle.runtime_id, 42)
    await world.start_agent()
    row = await world.until_status(session.id, S.FAILED)
    assert (row.exit_code, row.log_complete) == (42, True)
    assert await world.messages(session.id) == ["hello", "last words"]
    assert world.engine.runtimes() == []


async def test_runtime_that_is_gone_is_container_lost(world: AgentWorld) -> None:
    await world.start_agent()
    session = await world.new_session()
    await world.ask("start", session.id)
    await world.end_agent()
    world.engine.drop(world.engine.runtimes()[0].handle.runtime_id)
    await world.start_agent()
    row = await world.until_status(session.id, S.FAILED)
    assert row.error_code == ErrorCode.CONTAINER_LOST


async def test_nothing_is_judged_while_the_engine_is_away(world: AgentWorld) -> None:
    await world.start_agent()
    session = await world.new_session()
    await world.ask("start", session.id)
    await world.end_agent()
    world.engine.is_away = True
    await world.start_agent()
    assert (await world.db.sessions.get(session.id)).status is S.RUNNING
    reply = await world.ask("stop", session.id)
    assert reply["error"]["retry"] == "later"
    assert len(world.engine.runtimes()) == 1


async def test_newer_process_takes_over(world: AgentWorld) -> None:
    await world.start_agent()
    session = await world.new_session()
    await world.ask("start", session.id)
    _, old = world.agents.pop()
    await world.start_agent()
    assert await asyncio.wait_for(old, 10) == EXIT_SUPERSEDED
    reply = await world.ask("stop", session.id)
    assert reply["status"] == "stopped", reply


async def test_heartbeat_names_engines_and_capabilities(world: AgentWorld) -> None:
    beats: list[Message] = []
    heard = asyncio.Event()

    async def hear(message: Message) -> None:
        beats.append(message)
        heard.set()

    await world.bus.subscribe(HEARTBEAT_ALL, hear)
    await world.start_agent()
    await asyncio.wait_for(heard.wait(), 10)
    beat = read_heartbeat(beats[0].data)
    assert beat.capabilities["drivers"] == ["scripted"]
    assert beat.engines["scripted"]["is_available"]
    agents = await world.db.agents.list()
    assert beat.agent_id in {agent.id for agent in agents}


async def test_session_of_another_agent_is_refused(world: AgentWorld) -> None:
    await world.start_agent()
    reply = await world.ask("stop", "s1", audience="nobody-knows-it")
    assert reply["error"]["code"] == "wrong_audience"


async def test_failed_start_tells_the_reason_at_once(world: AgentWorld) -> None:
    await world.start_agent()
    session = await world.new_session()
    world.engine.faults["start"] = CommandError(ErrorCode.PORT_CONFLICT, "port 8080 is in use")
    reply = await world.ask("start", session.id)
    assert reply["error"]["code"] == "port_conflict"
    row = await world.db.sessions.get(session.id)
    assert (row.status, row.error_code) == (S.FAILED, "port_conflict")
    assert world.engine.runtimes() == []
