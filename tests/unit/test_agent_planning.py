"""Layers of configuration, the driver, and the command of a start."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import pytest

from slate_desktop.agent.drivers.base import DriverInfo, Handle
from slate_desktop.agent.fleet import Fleet
from slate_desktop.agent.planning import StartPlan, container_name, make_plan
from slate_desktop.agent.statspump import STORE_EVERY, StatsPump, Taken
from slate_desktop.domain.container import DriverName, NetworkMode, container_config_to_json
from slate_desktop.domain.engine import Engine, default_container_config
from slate_desktop.domain.project import Project
from slate_desktop.domain.session import RuntimeSession
from slate_desktop.domain.stats import ContainerStats
from slate_desktop.errors import CommandError, DatabaseError, ErrorCode
from tests.unit.fake_recorder import NOW, new_row
from tests.unit.fake_runtime import HANDLE

GIB = 1024**3


def project(engine: Engine = Engine.CUSTOM, **more: Any) -> Project:
    fields: dict[str, Any] = {
        "id": "p1", "name": "p", "owner_id": "u1", "root": "/tmp", "engine": engine,
        "created_at": NOW, "updated_at": NOW,
    }  # fmt: skip
    return Project(**(fields | more))


def infos(*names: DriverName, memory: int = 16 * GIB, cpus: float = 8) -> dict[DriverName, Any]:
    return {
        name: DriverInfo(driver=name, is_available=True, memory_bytes=memory, cpus=cpus)
        for name in names
    }


def test_later_layers_win_and_environments_join() -> None:
    plan = make_plan(
        {"memory": "2g", "env": {"B": "row"}},
        project(command=["x"], settings={"memory": "1g", "env": {"A": "set", "B": "set"}}),
        {"cpus": 1, "env": {"C": "body"}},
        infos(DriverName.SCRIPTED),
    )
    assert (plan.config.memory_bytes, plan.config.cpus) == (2 * GIB, 1)
    assert plan.config.env == {"A": "set", "B": "row", "C": "body"}


def test_preset_is_sized_down_with_a_note_on_a_small_host() -> None:
    small = infos(DriverName.DOCKER, memory=2 * GIB, cpus=1)
    plan = make_plan({}, project(Engine.UNITY), {}, small)
    assert plan.config.memory_bytes is not None
    assert plan.config.memory_bytes < 2 * GIB
    assert (plan.config.cpus, plan.config.gpu) == (1, False)
    assert len(plan.notes) == 3


def test_stored_preset_is_sized_down_as_the_preset_itself() -> None:
    stored = container_config_to_json(default_container_config(Engine.UNITY))
    small = infos(DriverName.DOCKER, memory=2 * GIB, cpus=1)
    assert len(make_plan(stored, project(Engine.UNITY), {}, small).notes) == 3


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"memory": "4g"}, ErrorCode.LIMIT_DENIED),
        ({"cpus": 2}, ErrorCode.LIMIT_DENIED),
        ({"gpu": True}, ErrorCode.GPU_UNAVAILABLE),
        ({"runtime": "nvidia"}, ErrorCode.BAD_REQUEST),
    ],
)
def test_what_a_person_asked_for_is_given_or_refused(body: dict[str, Any], code: ErrorCode) -> None:
    with pytest.raises(CommandError) as caught:
        make_plan(
            {}, project(command=["x"]), body, infos(DriverName.SCRIPTED, memory=2 * GIB, cpus=1)
        )
    assert caught.value.code is code


def test_custom_command_runs_locally_and_an_engine_in_its_image() -> None:
    both = infos(DriverName.DOCKER, DriverName.PROCESS)
    custom = make_plan({}, project(command=["{python}", "x.py"]), {}, both)
    assert (custom.driver, custom.argv) == (DriverName.PROCESS, [sys.executable, "x.py"])
    godot = make_plan({}, project(Engine.GODOT), {}, both)
    assert (godot.driver, godot.argv) == (DriverName.DOCKER, None)
    assert godot.config.command
    assert godot.config.command[0].startswith("godot")


def test_own_command_overrides_the_image() -> None:
    plan = make_plan(
        {"command": ["sleep", "1"]}, project(Engine.GODOT), {}, infos(DriverName.DOCKER)
    )
    assert plan.argv == ["sleep", "1"]


def test_spec_names_the_attempt() -> None:
    plan: StartPlan = make_plan({}, project(command=["x"]), {}, infos(DriverName.SCRIPTED))
    spec = plan.spec(new_row(attempt=3, agent_id="a1", agent_epoch=9))
    assert spec.name == container_name("s1", 3) == "slate-s1-3"
    assert (spec.labels.agent, spec.labels.attempt, spec.labels.epoch) == ("a1", 3, 9)


async def test_image_of_an_unlisted_registry_is_denied() -> None:
    class Docker:
        async def fingerprint(self) -> DriverInfo:
            return infos(DriverName.DOCKER)[DriverName.DOCKER]

    fleet = Fleet({DriverName.DOCKER: Docker()}, {"registry.local:5000"})  # type: ignore[dict-item]
    await fleet.plan({"image": "registry.local:5000/a"}, project(), {})
    with pytest.raises(CommandError) as caught:
        await fleet.plan({"image": "evil.example.org/a"}, project(), {})
    assert caught.value.code is ErrorCode.IMAGE_DENIED


def sample(cpu: float, memory: int, at: int) -> ContainerStats:
    return ContainerStats(
        cpu_percent=cpu, memory_usage=memory, memory_limit=100, network_rx_bytes=at,
        network_tx_bytes=at, sampled_at_ns=at,
    )  # fmt: skip


async def test_stats_are_published_each_time_and_stored_ten_at_a_time() -> None:
    published: list[ContainerStats] = []
    stored: list[list[ContainerStats]] = []
    is_away = True

    async def publish(taken: list[tuple[RuntimeSession, ContainerStats]]) -> None:
        published.extend(stats for _, stats in taken)

    async def store(taken: list[Taken]) -> None:
        nonlocal is_away
        if is_away:
            is_away = False
            raise DatabaseError("away")
        stored.extend(samples for _, samples in taken)

    class Driver:
        def stats_at_once(self, handle: Handle) -> None:
            """It is always asked."""

        async def stats(self, handle: Handle) -> ContainerStats:
            return sample(1, 1, len(published))

    pump = StatsPump(publish, store, period_s=0.01)
    task = asyncio.create_task(pump.run())
    pump.watch(new_row(), Driver(), HANDLE)  # type: ignore[arg-type]
    async with asyncio.timeout(10):
        while not stored or len(published) == len(stored[0]):  # noqa: ASYNC110 - two lists
            await asyncio.sleep(0.01)
        # What could not be stored came with the next.
        assert len(stored[0]) > STORE_EVERY
        assert [item.sampled_at_ns for item in stored[0]] == list(range(len(stored[0])))
        found = pump.newest("s1")
        assert found is not None
        pump.forget("s1")
        assert pump.newest("s1") is None
        # The rest of a session that is over is stored, too.
        while sum(map(len, stored)) < len(published):  # noqa: ASYNC110 - the same
            await asyncio.sleep(0.01)
    assert [item for part in stored for item in part] == published
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def test_only_a_project_gives_its_sessions_a_way_out() -> None:
    docker = infos(DriverName.DOCKER)
    wish = {"networkMode": "internet", "image": "debian"}
    for row, body in ((wish, {}), ({"image": "debian"}, {"network_mode": "internet"})):
        with pytest.raises(CommandError) as refused:
            make_plan(row, project(command=["x"]), body, docker)
        assert (refused.value.code, refused.value.field) == (ErrorCode.FORBIDDEN, "networkMode")
    allowed = project(command=["x"], settings={"networkMode": "internet", "image": "debian"})
    assert make_plan({}, allowed, {}, docker).config.network_mode is NetworkMode.INTERNET
    narrower = make_plan({"networkMode": "bridge"}, allowed, {}, docker)
    assert narrower.config.network_mode is NetworkMode.BRIDGE


def test_limit_of_bandwidth_is_refused_or_told_where_a_process_has_no_network_of_its_own() -> None:
    both = infos(DriverName.PROCESS, DriverName.DOCKER)
    limited = project(command=["x"], settings={"bandwidth": "20mbit"})
    plan = make_plan({}, limited, {}, both)
    assert plan.config.bandwidth_bits is None
    assert plan.notes == ["Bandwidth: not limited; a local process shares the host's network."]
    for row, body in (({"bandwidth": "5mbit"}, {}), ({}, {"bandwidth": "5mbit"})):
        with pytest.raises(CommandError) as caught:
            make_plan(row, limited, body, both)
        assert (caught.value.code, caught.value.field) == (ErrorCode.LIMIT_DENIED, "bandwidth")
    contained = make_plan({"driver": "docker", "image": "x"}, limited, {}, both)
    assert contained.config.bandwidth_bits == 20_000_000
    free = make_plan({"driver": "docker", "image": "x", "unset": ["bandwidth"]}, limited, {}, both)
    assert free.config.bandwidth_bits is None
