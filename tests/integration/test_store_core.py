"""People, projects, agents, requests and figures on a real PostgreSQL."""

from __future__ import annotations

import asyncio
import functools
import time

import pytest

from slate_desktop.domain.logs import LogLevel
from slate_desktop.domain.roles import Role
from slate_desktop.domain.runs import RunUse
from slate_desktop.domain.session import SessionStatus
from slate_desktop.domain.stats import STEPS, ContainerStats, StatsPoint, down_sample
from slate_desktop.errors import CommandError, ErrorCode, StaleWriteError
from slate_desktop.store.database import Database
from slate_desktop.store.stats import moment
from tests.integration.store_rows import claim, make_project, make_session, record
from tests.services.postgres import PUBKEY

pytestmark = pytest.mark.postgres
SHA = "0" * 64


async def test_a_user_is_found_by_key_and_revoked(database: Database) -> None:
    user = await database.users.create("Ann", PUBKEY)
    assert await database.users.get_by_pubkey(PUBKEY) == user
    assert await database.users.get_by_pubkey("U" + "B" * 55) is None
    await database.users.revoke(user.id)
    found = await database.users.get_by_pubkey(PUBKEY)
    assert found is not None
    assert found.revoked_at is not None
    with pytest.raises(CommandError) as info:
        await database.users.create("Eve", "no key")
    assert info.value.code is ErrorCode.BAD_REQUEST


async def test_a_project_is_found_by_id_prefix_name_and_root(database: Database) -> None:
    project_id, user_id = await make_project(database)
    for text in (project_id, project_id[:8], "gAME", "/games/g"):
        assert [p.id for p in await database.projects.find(text, member=user_id)] == [project_id]
    assert await database.projects.find("Game", member="somebody") == []
    assert await database.projects.find("%") == []
    assert [p.id for p in await database.projects.list(member=user_id)] == [project_id]


async def test_the_same_root_twice_is_refused_until_it_is_removed(database: Database) -> None:
    project_id, user_id = await make_project(database)
    with pytest.raises(CommandError) as info:
        await database.projects.add(name="B", owner_id=user_id, root="/games/g", engine="unity")
    assert info.value.code is ErrorCode.BAD_REQUEST
    await database.projects.remove(project_id)
    await database.projects.add(name="B", owner_id=user_id, root="/games/g", engine="unity")


async def test_a_project_with_a_live_session_cannot_be_removed(database: Database) -> None:
    session_id = await make_session(database)
    row = await claim(database, session_id)
    with pytest.raises(CommandError) as info:
        await database.projects.remove(row.project_id)
    assert info.value.code is ErrorCode.ILLEGAL_STATE


async def test_a_project_changes_under_its_version(database: Database) -> None:
    project_id, _ = await make_project(database)
    row = await database.projects.update(
        project_id, name="New", command=["run", "it"], settings={"memory": "1g"}, version=1
    )
    assert (row.name, row.command, row.settings, row.version) == (
        "New",
        ["run", "it"],
        {"memory": "1g"},
        2,
    )
    with pytest.raises(StaleWriteError):
        await database.projects.update(project_id, name="Old", version=1)


async def test_roles_are_given_and_taken(database: Database) -> None:
    project_id, user_id = await make_project(database)
    other = await database.users.create("Bob", "U" + "B" * 55)
    assert await database.projects.role_of(project_id, user_id) is Role.OWNER
    assert await database.projects.role_of(project_id, other.id) is None
    await database.projects.set_member(project_id, other.id, Role.ARTIST)
    assert await database.projects.role_of(project_id, other.id) is Role.ARTIST
    assert {m.user_id for m in await database.projects.members(project_id)} == {user_id, other.id}
    await database.projects.remove_member(project_id, other.id)
    assert await database.projects.role_of(project_id, other.id) is None


async def test_an_agents_epoch_rises_and_outdates_the_older_process(database: Database) -> None:
    first = await database.agents.register("a1", name="h", pubkey=PUBKEY, capabilities={"cpus": 2})
    second = await database.agents.register("a1", name="h", pubkey=PUBKEY, capabilities={})
    assert second.epoch == first.epoch + 1
    await database.agents.seen("a1", epoch=second.epoch, capabilities={"cpus": 4})
    with pytest.raises(StaleWriteError):
        await database.agents.seen("a1", epoch=first.epoch)
    assert (await database.agents.get("a1")).capabilities == {"cpus": 4}
    assert [a.id for a in await database.agents.list()] == ["a1"]


async def test_only_one_of_many_requests_with_a_key_is_new(database: Database) -> None:
    begun = await asyncio.gather(
        *(database.requests.begin("U1", "k", subject="s", body_sha=SHA, epoch=1) for _ in range(6))
    )
    assert sum(row is None for row in begun) == 1
    await database.requests.finish("U1", "k", b"answer")
    row = await database.requests.begin("U1", "k", subject="s", body_sha=SHA, epoch=2)
    assert row is not None
    assert (row.state, row.response, row.epoch) == ("done", b"answer", 1)
    await database.requests.abandon("U1", "k")
    assert await database.requests.get("U1", "k") is not None
    await database.requests.prune(0)
    assert await database.requests.get("U1", "k") is None


async def test_an_abandoned_request_can_be_made_again(database: Database) -> None:
    for _ in range(2):
        assert await database.requests.begin("U1", "k", subject="s", body_sha=SHA, epoch=1) is None
        await database.requests.abandon("U1", "k")


def stats_of(second: int, cpu: float) -> ContainerStats:
    return ContainerStats(
        cpu_percent=cpu,
        memory_usage=int(cpu),
        memory_limit=100,
        network_rx_bytes=second,
        network_tx_bytes=0,
        sampled_at_ns=second * 1_000_000_000,
        memory_peak=int(cpu) + 1,
        disk_write_bytes=2 * second,
        pids=3,
    )


async def test_stats_are_kept_in_steps_and_read_as_wider_points(database: Database) -> None:
    session_id = await make_session(database)
    for samples in (
        [stats_of(1_200, 10.0), stats_of(1_209, 30.0)],
        [stats_of(1_210, 50.0)],
        [stats_of(1_260, 70.0)],
    ):
        for step_s, _ in STEPS:
            await database.stats.add([(session_id, down_sample(samples, step_s))])

    async def read(step_s: int, width_s: int, end: int = 2_000) -> list[StatsPoint]:
        return await database.stats.list(
            session_id, step_s=step_s, start=moment(0), end=moment(end * 10**9), width_s=width_s
        )

    assert [p.at_ns // 10**9 for p in await read(1, 1)] == [1_200, 1_209, 1_210, 1_260]
    tens = await read(10, 10)
    assert [(p.samples, p.cpu_percent, p.cpu_percent_max) for p in tens] == [
        (2, 20.0, 30.0),
        (1, 50.0, 50.0),
        (1, 70.0, 70.0),
    ]
    minute = (await read(60, 60, end=1_260))[0]
    assert (minute.samples, minute.cpu_percent, minute.cpu_percent_min) == (3, 30.0, 10.0)
    assert (minute.memory_usage_max, minute.memory_peak, minute.pids) == (50, 51, 3)
    assert (minute.network_rx_bytes, minute.disk_write_bytes) == (1_210, 2_420)
    assert minute.gpu_percent is None
    wide = await read(1, 120)
    assert [(p.at_ns // 10**9, p.samples, p.step_s) for p in wide] == [(1_200, 4, 120)]


async def test_stats_of_each_step_are_dropped_when_they_are_old(database: Database) -> None:
    session_id = await make_session(database)
    now = int(time.time())
    ages = (10, 2 * 3600, 2 * 86_400, 31 * 86_400)
    for age in ages:
        for step_s, _ in STEPS:
            await database.stats.add(
                [(session_id, down_sample([stats_of(now - age, 1.0)], step_s))]
            )
    await database.stats.prune()
    kept = [
        len(
            await database.stats.list(
                session_id,
                step_s=step_s,
                start=moment(0),
                end=moment(now * 10**9 + 10**9),
                width_s=step_s,
            )
        )
        for step_s, _ in STEPS
    ]
    assert kept == [1, 2, 3]


async def test_runs_are_recorded_with_their_peaks_and_ends(database: Database) -> None:
    session_id = await make_session(database)
    row = await claim(database, session_id)
    epoch = row.agent_epoch
    assert epoch is not None
    move = functools.partial(database.sessions.move, session_id, epoch=epoch)
    await move(SessionStatus.RUNNING, attempt=1, started_at=moment(10**18))
    use = functools.partial(RunUse, session_id=session_id, attempt=1)
    await database.runs.note_uses([use(memory_peak=70, cpu_peak=120.0, memory_limit=100)])
    await database.runs.note_uses([use(memory_peak=60, cpu_limit=2.0)])
    await move(SessionStatus.STOPPING, attempt=1)
    await claim(database, session_id, epoch=epoch)
    await move(SessionStatus.RUNNING, attempt=2, started_at=moment(10**18 + 10**9))
    ended = {"oom_killed": True, "exit_code": 137, "stopped_at": moment(10**18 + 2 * 10**9)}
    row = await move(SessionStatus.FAILED, attempt=2, **ended)
    newest, first = await database.runs.of_project(row.project_id, "godot", 12)
    assert (first.attempt, first.status, first.oom_killed) == (1, "stopped", False)
    assert (first.memory_peak, first.cpu_peak) == (70, 120.0)
    assert (first.memory_limit, first.cpu_limit) == (100, 2.0)
    assert (newest.attempt, newest.status, newest.exit_code) == (2, "failed", 137)
    assert newest.oom_killed
    assert newest.stopped_at == ended["stopped_at"]
    start, end = moment(10**18), moment(10**18 + 5 * 10**8)
    found = await database.runs.of_sessions([session_id], start, end)
    assert [run.attempt for run in found] == [1]


async def test_moments_beside_runs_are_found(database: Database) -> None:
    session_id = await make_session(database)
    row = await claim(database, session_id)
    assert row.agent_epoch is not None
    lines = [record(n, level=LogLevel.ERROR if n % 2 else LogLevel.INFO) for n in range(1, 7)]
    await database.logs.append(session_id, lines, epoch=row.agent_epoch)
    times = await database.runs.error_times([session_id], 0, 4_000_000)
    assert sorted(times) == [(session_id, 1_000_000), (session_id, 3_000_000)]
    span = (moment(0), moment(10**18))
    assert await database.runs.builds(row.project_id, *span) == []
    assert await database.runs.assets(row.project_id, *span, 60.0) == []
