"""The agent on a real Docker engine: run, command, kill, adopt, run out of memory."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from slate_desktop.control.monitor import MonitorOperations
from slate_desktop.domain.marks import MarkKind
from slate_desktop.domain.session import SessionStatus
from slate_desktop.store import Database
from tests.integration.docker_world import DockerWorld, docker_world

__all__ = ["docker_world"]  # the fixture ``world``
pytestmark = [pytest.mark.nats, pytest.mark.postgres, pytest.mark.docker]
S = SessionStatus
COUNT = "i=0; while [ $i -lt 5000 ]; do echo line $i; i=$((i+1)); done; exec sleep 600"


async def test_container_runs_obeys_and_leaves_nothing(world: DockerWorld) -> None:
    await world.start_docker_agent()
    session = await world.new_container("echo up; exec sleep 600")
    await world.run(session.id)
    done = await world.ask("execute", session.id, {"command": ["sh", "-c", "echo out; exit 4"]})
    assert (done["stdout"], done["exit_code"]) == ("out\n", 4)
    stats = await world.ask("stats", session.id)
    assert stats["memory_limit"] == 64 * 1024 * 1024, stats
    await world.ask("restart", session.id, {"grace": 1})
    await world.until(session.id, lambda r: r.attempt == 2 and r.status is S.RUNNING, 30)
    await world.until_messages(session.id, ["up", "up"])
    await world.ask("stop", session.id, {"grace": 0})
    row = await world.until_status(session.id, S.STOPPED, 30)
    assert row.log_complete
    assert await world.messages(session.id) == ["up", "up"]
    await world.until_no_container(session.id)


async def test_container_that_ran_out_of_memory_says_so(world: DockerWorld) -> None:
    await world.start_docker_agent()
    session = await world.new_container("sleep 0.6; x=x; while true; do x=$x$x; done")
    await world.ask("start", session.id)
    row = await world.until_status(session.id, S.FAILED, 30)
    assert (row.error_code, row.oom_killed) == ("oom", True)
    assert "64 MiB" in (row.error_message or "")


class Reader(MonitorOperations):
    """A person who reads afterwards, on a connection of their own."""

    def __init__(self, db: Database) -> None:
        self.db = db


async def test_everything_of_a_run_outlives_its_container_and_its_agent(
    world: DockerWorld,
) -> None:
    await world.start_docker_agent()
    script = "i=0; while [ $i -lt 30 ]; do echo line $i; i=$((i+1)); sleep 0.1; done; exit 3"
    session = await world.new_container(script, cpus=0.5)
    row = await world.run(session.id)
    await world.until_status(session.id, S.FAILED, 60)
    await world.until_no_container(session.id)
    await world.end_agent()
    db = await Database.connect(world.dsn.user, application_name="afterwards")
    try:
        reader = Reader(db)
        kept = await db.sessions.get(session.id)
        # The verdict, and what it ran with.
        assert (kept.status, kept.exit_code, kept.error_code) == (S.FAILED, 3, "exited")
        assert kept.error_message
        assert kept.log_complete
        assert kept.container_config == row.container_config
        assert (kept.container_config["memory"], kept.container_config["cpus"]) == ("64m", 0.5)
        # The log, whole and in order.
        lines = (await db.logs.page(session.id, limit=100)).lines
        assert [line.message for line in lines] == [f"line {n}" for n in range(30)]
        # The graph with its limit, and its marks.
        async with asyncio.timeout(20):
            while True:
                points = await reader.get_stats_history(session.id)
                if points:
                    break
                await asyncio.sleep(0.1)
        assert points[-1].memory_limit == 64 * 1024**2
        now = datetime.now(UTC)
        marks = await reader.get_marks([session.id], None, now - timedelta(hours=1), now)
        assert [mark.kind for mark in marks] == [MarkKind.START, MarkKind.FAILED]
        assert marks[-1].words == "failed with code 3"
    finally:
        await db.aclose()


async def test_missing_command_is_named(world: DockerWorld) -> None:
    await world.start_docker_agent()
    session = await world.new_container("exec /no/such/program")
    await world.ask("start", session.id)
    row = await world.until_status(session.id, S.FAILED, 30)
    assert row.error_code == "command_not_found"


async def test_container_is_adopted_with_its_log_whole(world: DockerWorld) -> None:
    await world.start_docker_agent()
    session = await world.new_container(COUNT)
    before = await world.run(session.id)
    await world.end_agent()
    await world.start_docker_agent()
    row = await world.db.sessions.get(session.id)
    assert (row.status, row.container_id) == (S.RUNNING, before.container_id)
    async with asyncio.timeout(30):
        while len(await world.messages(session.id)) < 5000:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    await world.ask("stop", session.id, {"grace": 0})
    await world.until_status(session.id, S.STOPPED, 30)
    assert await world.messages(session.id) == [f"line {i}" for i in range(5000)]


async def test_missing_image_is_refused(world: DockerWorld) -> None:
    await world.start_docker_agent()
    session = await world.new_container("true", image="slate-tests/not-there")
    reply = await world.ask("start", session.id)
    assert reply["error"]["code"] == "image_missing"
    reply = await world.ask("start", session.id, {"image": "evil.example.org/x"})
    assert reply["error"]["code"] == "image_denied"
    await world.until_no_container(session.id)


async def test_noise_long_and_unfinished_lines_are_stored(world: DockerWorld) -> None:
    await world.start_docker_agent()
    session = await world.new_container(
        r"printf 'a\000b\377c \033[31mred\n'; head -c 200000 /dev/zero | tr '\0' x; echo;"
        r" head -c 3000 /dev/urandom; echo; printf tail"
    )
    await world.ask("start", session.id)
    row = await world.until(session.id, lambda row: row.is_final, 30)
    assert (row.status, row.log_complete) == (S.STOPPED, True)
    page = await world.db.logs.page(session.id, limit=5000)
    lines, whole = [line for line in page.lines if line.stream == "stdout"], [""]
    for line in lines:
        whole[-1] += line.message
        if not line.partial:
            whole.append("")
    assert whole[0] == "ab\ufffdc \x1b[31mred"
    assert whole[1] == "x" * 200_000
    assert whole[-2:] == ["tail", ""]
    assert [line.seq for line in page.lines] == list(range(1, len(page.lines) + 1))
