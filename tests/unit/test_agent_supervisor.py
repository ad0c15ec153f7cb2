"""The life of one session, with a scripted engine and a recorder in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import cast

import pytest

from slate_desktop.agent.drivers.base import Driver, RuntimeState
from slate_desktop.agent.drivers.scripted import ScriptedDriver
from slate_desktop.agent.drivers.scripted_engine import (
    Exit,
    Hold,
    Say,
    Script,
    ScriptedEngine,
    Use,
    Wait,
)
from slate_desktop.agent.logdoors import PumpLimits
from slate_desktop.agent.planning import StartPlan
from slate_desktop.agent.recorder import Recorder
from slate_desktop.agent.services import Services
from slate_desktop.agent.statspump import StatsPump
from slate_desktop.agent.supervisor import Life
from slate_desktop.agent.tasks import TaskOwner
from slate_desktop.domain.container import ContainerConfig, DriverName
from slate_desktop.domain.logs import LogLevel
from slate_desktop.domain.session import RuntimeSession, SessionStatus
from slate_desktop.domain.stats import ContainerStats
from slate_desktop.errors import CommandError, ErrorCode
from tests.unit.fake_recorder import FakeRecorder, new_row

S = SessionStatus
LIMITS = PumpLimits(delay_s=0.001, store_interval_s=0.0, retry_s=0.005)
MIB = 1024 * 1024
SCRIPTS = {
    "hold": Script((Say("hello"), Hold())),
    "short": Script((Say("one"), Say("two"), Exit(0))),
    "fails": Script((Say("bad"), Exit(3))),
    "fails late": Script((Wait(0.2), Exit(3))),
    "missing": Script((Exit(127),)),
    "deaf": Script((Hold(),), on_stop=None),
    "greedy": Script((Wait(0.01), Use(100 * MIB), Hold())),
}


class World:
    """One session and what surrounds it."""

    def __init__(self) -> None:
        self.engine = ScriptedEngine(SCRIPTS)
        self.driver = ScriptedDriver(self.engine)
        self.recorder = FakeRecorder(new_row())
        self.stats = StatsPump(self._ignore, self._ignore, period_s=0.05)
        self.tasks = TaskOwner("test")

    async def _ignore(self, row: RuntimeSession, stats: ContainerStats) -> None:
        del row, stats

    def plan(self, script: str, **config: object) -> StartPlan:
        return StartPlan(
            driver=DriverName.SCRIPTED,
            config=ContainerConfig(**config),  # type: ignore[arg-type]
            argv=[script],
            root="/tmp",
        )

    async def begin(self, script: str, **config: object) -> Life:
        plan = self.plan(script, **config)
        row = await self.recorder.claim(self.recorder.row, plan)
        services = Services(cast("Recorder", self.recorder), self.stats, self.tasks, LIMITS)
        life = Life(services, row, cast("Driver", self.driver), plan)
        self.tasks.spawn(life.run(), "life")
        return life


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    monkeypatch.setattr("slate_desktop.agent.supervisor.SETTLE_S", 0.02)
    world = World()
    yield world
    await world.tasks.aclose()
    await world.engine.aclose()


async def ended(life: Life) -> RuntimeSession:
    async with asyncio.timeout(30):
        await life.wait_until(lambda row: row.is_final)
        return await life.wait_until(lambda _: False)


async def running(life: Life) -> RuntimeSession:
    async with asyncio.timeout(30):
        return await life.wait_until(lambda row: row.status is S.RUNNING)


async def test_life_runs_and_stops_with_the_log_whole(world: World) -> None:
    life = await world.begin("hold")
    await running(life)
    await life.stop(1)
    row = await ended(life)
    assert world.recorder.history == [S.CREATING, S.STARTING, S.RUNNING, S.STOPPING, S.STOPPED]
    assert (row.exit_code, row.log_complete) == (143, True)
    assert world.recorder.sink.messages() == ["hello"]
    assert world.engine.runtimes() == []


async def test_life_is_stopped_when_it_exits_with_zero(world: World) -> None:
    row = await ended(await world.begin("short"))
    assert (row.status, row.exit_code, row.log_complete) == (S.STOPPED, 0, True)
    assert world.recorder.sink.messages() == ["one", "two"]


@pytest.mark.parametrize(
    ("script", "code", "exit_code"),
    [("fails", ErrorCode.EXITED, 3), ("missing", ErrorCode.COMMAND_NOT_FOUND, 127)],
)
async def test_life_fails_with_the_reason_when_nobody_asked(
    world: World, script: str, code: ErrorCode, exit_code: int
) -> None:
    row = await ended(await world.begin(script))
    assert (row.status, row.error_code, row.exit_code) == (S.FAILED, code, exit_code)
    assert world.engine.runtimes() == []


async def test_a_wrong_clock_of_the_engine_makes_nothing_run_that_falls_over(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("slate_desktop.agent.supervisor.SETTLE_S", 10.0)
    now_ns = world.engine.now_ns
    monkeypatch.setattr(world.engine, "now_ns", lambda: now_ns() - 3600 * 10**9)
    row = await ended(await world.begin("fails late"))
    assert world.recorder.history == [S.CREATING, S.STARTING, S.FAILED]
    assert row.exit_code == 3


async def test_life_tells_limit_and_peak_when_memory_ran_out(world: World) -> None:
    row = await ended(await world.begin("greedy", memory_bytes=64 * MIB))
    assert (row.status, row.error_code, row.oom_killed) == (S.FAILED, ErrorCode.OOM, True)
    assert "64 MiB" in (row.error_message or "")
    assert "100 MiB" in (row.error_message or "")


async def test_life_kills_what_ignores_the_stop(world: World) -> None:
    life = await world.begin("deaf")
    await running(life)
    await life.stop(0.05)
    row = await ended(life)
    assert (row.status, row.exit_code) == (S.STOPPED, 137)


async def test_life_fails_and_leaves_nothing_when_the_start_is_refused(world: World) -> None:
    world.engine.faults["start"] = CommandError(ErrorCode.PORT_CONFLICT, "port 8080 is taken")
    life = await world.begin("hold")
    row = await ended(life)
    assert (row.status, row.error_code) == (S.FAILED, ErrorCode.PORT_CONFLICT)
    assert life.error is not None
    assert world.engine.runtimes() == []


async def test_restart_gives_a_new_attempt_and_numbers_on(world: World) -> None:
    life = await world.begin("hold")
    await running(life)
    await life.restart(cast("Driver", world.driver), world.plan("hold"), 1)
    async with asyncio.timeout(30):
        row = await life.wait_until(lambda r: r.attempt == 2 and r.status is S.RUNNING)
    assert row.container_name == "slate-s1-2"
    assert [r.handle.name for r in world.engine.runtimes()] == ["slate-s1-2"]
    await life.stop(1)
    await ended(life)
    assert world.recorder.sink.messages() == ["hello", "hello"]
    assert sorted(world.recorder.sink.rows) == [1, 2]


async def test_stop_wins_when_a_restart_is_under_way(world: World) -> None:
    life = await world.begin("deaf")
    await running(life)
    await life.restart(cast("Driver", world.driver), world.plan("hold"), 0.1)
    await life.stop(None)
    row = await ended(life)
    assert (row.status, row.attempt) == (S.STOPPED, 1)


async def test_final_state_is_written_when_the_database_comes_back(world: World) -> None:
    life = await world.begin("hold")
    await running(life)
    await life.stop(0.1)
    world.recorder.away_for = 2
    row = await ended(life)
    assert row.status is S.STOPPED
    assert world.engine.runtimes() == []


async def test_runtime_is_kept_when_the_end_is_not_yet_written(world: World) -> None:
    life = await world.begin("hold")
    await running(life)
    world.recorder.away_for = 1_000_000
    world.engine.crash("slate-s1-1", 3)
    world.recorder.was_refused.clear()
    await asyncio.wait_for(world.recorder.was_refused.wait(), 30)
    assert len(world.engine.runtimes()) == 1
    world.recorder.away_for = 0
    row = await ended(life)
    assert (row.status, row.exit_code) == (S.FAILED, 3)


async def test_life_ends_without_touching_the_runtime_when_it_was_fenced(world: World) -> None:
    life = await world.begin("hold")
    await running(life)
    world.recorder.is_stale = True
    world.engine.crash("slate-s1-1", 3)
    async with asyncio.timeout(20):
        await life.wait_until(lambda _: False)
    assert len(world.engine.runtimes()) == 1


async def test_execute_is_refused_when_nothing_runs(world: World) -> None:
    life = await world.begin("short")
    await ended(life)
    with pytest.raises(CommandError) as caught:
        await life.execute(["true"], 1)
    assert caught.value.code is ErrorCode.ILLEGAL_STATE


async def test_adopted_life_records_the_end_that_nobody_saw(world: World) -> None:
    plan = world.plan("fails")
    row = await world.recorder.claim(world.recorder.row, plan)
    handle = await world.driver.create(plan.spec(row))
    await world.driver.start(handle)
    await world.driver.wait(handle)
    services = Services(cast("Recorder", world.recorder), world.stats, world.tasks, LIMITS)
    life = Life(
        services, row, cast("Driver", world.driver), plan, handle=handle, state=RuntimeState.EXITED
    )
    world.tasks.spawn(life.run(), "life")
    row = await ended(life)
    assert (row.status, row.exit_code) == (S.FAILED, 3)
    assert world.recorder.sink.messages() == ["bad"]


async def test_stop_before_the_runtime_exists_starts_nothing(world: World) -> None:
    life = await world.begin("hold")
    await life.stop(1)
    row = await ended(life)
    assert row.status is S.STOPPED
    assert world.engine.runtimes() == []


async def test_stats_follow_a_running_session_only(world: World) -> None:
    sampling = asyncio.create_task(world.stats.run())
    life = await world.begin("hold")
    await running(life)
    found = await world.stats.sample("s1")
    assert found is not None
    await life.stop(1)
    await ended(life)
    assert world.stats.newest("s1") is None
    sampling.cancel()
    await asyncio.gather(sampling, return_exceptions=True)


async def test_person_s_line_goes_through_the_log_that_is_carried(world: World) -> None:
    life = await world.begin("hold")
    await running(life)
    sink = world.recorder.sink
    sink.is_away = True
    asyncio.get_running_loop().call_later(0.05, setattr, sink, "is_away", False)
    # Were it sent past the pump, the database that is away would refuse it.
    record = await asyncio.wait_for(life.add_line(LogLevel.WARN, "mine", {}), 30)
    assert sink.rows[record.seq].message == "mine"
    await life.stop(1)
    await ended(life)
    assert sink.messages() == ["hello", "mine"]
    late = await life.add_line(LogLevel.INFO, "late", {})
    assert (late.seq, sink.published[-1]) == (3, late)
