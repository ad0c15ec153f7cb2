"""Quotas: what a project or a person may take, from outside: agents, builds, files, races."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from slate_desktop.domain.assets.job import AssetInput, AssetJob
from slate_desktop.domain.assets.kinds import AssetJobStatus, AssetKind
from slate_desktop.domain.jobs import JobEnvelope
from slate_desktop.domain.quotas import Level, Limit, Quota, Scope, waiting_words
from slate_desktop.domain.session import RuntimeSession, SessionStatus
from slate_desktop.domain.sizes import GIB, MIB
from slate_desktop.domain.trees.manifest import TreeRef
from slate_desktop.errors import CommandError, ErrorCode
from slate_desktop.store.build_leases import WorkerFacts
from slate_desktop.store.database import Database
from tests.integration.agent_world import AgentWorld, agent_world
from tests.integration.store_rows import make_project
from tests.services.postgres import PostgresDsn

__all__ = ["agent_world"]  # the fixture ``world``
pytestmark = [pytest.mark.nats, pytest.mark.postgres]


async def test_a_start_over_the_quota_is_refused_in_words_until_one_ends(
    world: AgentWorld,
) -> None:
    await world.start_agent()
    async with await world.connect_slate() as slate:
        await slate.set_quotas("project", world.project.id, {Limit.SESSIONS: 1})
        first, second = await world.new_session(), await world.new_session()
        assert (await slate.start_container(first.id, wait=True, timeout_s=30)).is_done
        with pytest.raises(CommandError) as caught:
            await slate.start_container(second.id)
        assert caught.value.code is ErrorCode.QUOTA_EXCEEDED
        assert str(caught.value) == "project 1 may run 1 session at once, and 1 runs."
        assert "An owner of the project can raise" in caught.value.hint
        assert (await world.db.sessions.get(second.id)).status is SessionStatus.CREATING
        # What runs is not touched, and may be restarted.
        await slate.restart_container(first.id, wait=True, timeout_s=30)
        line = (await slate.get_quotas("project", world.project.id))[0]
        assert (line.used, line.most, line.level) == (1.0, 1.0, Level.OWNER)
        await slate.stop_container(first.id, wait=True, timeout_s=30)
        assert (await slate.start_container(second.id, wait=True, timeout_s=30)).is_done
        trail = {row.action: row.detail for row in await slate.list_audit(limit=50)}
        assert trail["quota.set"] == "level owner, sessions 1"


async def test_memory_and_cpus_count_in_sum_also_when_changed_while_it_runs(
    world: AgentWorld,
) -> None:
    await world.start_agent()
    async with await world.connect_slate() as slate:
        limits = {Limit.MEMORY: 300 * MIB, Limit.CPUS: 2.0}
        await slate.set_quotas("person", world.user.id, limits)
        config = {"memory": "100m", "cpus": 0.5}
        sessions = [await world.new_session(container_config=config) for _ in range(2)]
        small = await world.new_session(container_config={"memory": "20m", "cpus": 0.5})
        for session in sessions:
            await slate.start_container(session.id, wait=True, timeout_s=30)
        with pytest.raises(CommandError) as caught:
            await slate.change_limits(sessions[0].id, memory="250m")
        assert caught.value.code is ErrorCode.QUOTA_EXCEEDED
        assert str(caught.value) == (
            "person may hold 300 MB of memory in sum; 200 MB are held, and this asks for 150 MB."
        )
        assert "An administrator" in caught.value.hint
        await slate.change_limits(sessions[0].id, memory="150m", cpus=1.5)
        with pytest.raises(CommandError, match=r"2 are held, and this asks for 0\.5"):
            await slate.start_container(small.id)
        used = {line.limit: line.used for line in await slate.get_quotas("person", world.user.id)}
        assert (used[Limit.MEMORY], used[Limit.CPUS]) == (250 * MIB, 2.0)
        # A container without a limit could take all that the host has.
        other = await world.new_session(container_config={"unset": ["memory"]})
        await slate.set_quotas("person", world.user.id, {Limit.CPUS: None})
        with pytest.raises(CommandError, match="of memory in sum"):
            await slate.start_container(other.id)


async def test_two_agents_that_claim_at_once_do_not_pass_a_quota_together(
    database: Database,
) -> None:
    project_id, user_id = await make_project(database)
    await database.quotas.put(
        Quota(scope=Scope.PROJECT, subject_id=project_id, level=Level.OWNER, sessions=3)
    )
    rows = [
        await database.sessions.create(project_id=project_id, user_id=user_id, runtime_type="godot")
        for _ in range(8)
    ]
    agent = await database.agents.register("a1", name="host", pubkey=None, capabilities={})

    async def claim(row: RuntimeSession) -> bool:
        try:
            await database.sessions.claim(
                row.id,
                version=row.version,
                agent_id="a1",
                epoch=agent.epoch,
                driver="docker",
                container_name=row.id,
            )
        except CommandError as error:
            return error.code is not ErrorCode.QUOTA_EXCEEDED
        return True

    assert sum(await asyncio.gather(*map(claim, rows))) == 3


async def test_a_build_over_the_quota_waits_and_says_for_what(database: Database) -> None:
    project_id, user_id = await make_project(database)
    builds = [
        await database.builds.create(
            project_id=project_id,
            user_id=user_id,
            build_type="staging",
            target_platform="linux",
            envelope=JobEnvelope(subject="slate.build.submit.linux", headers={}, body="{}"),
        )
        for _ in range(2)
    ]
    await database.quotas.put(
        Quota(scope=Scope.PERSON, subject_id=user_id, level=Level.ADMINISTRATOR, builds=1)
    )
    facts = WorkerFacts(system="linux", drivers=("process",))

    async def claim(owner: str) -> str | None:
        lease = await database.build_leases.claim_fitting(
            "linux", owner=owner, lease_s=30.0, facts=facts
        )
        return None if lease is None else lease.job.id

    taken = {found for found in await asyncio.gather(claim("a.1"), claim("b.1")) if found}
    assert len(taken) == 1
    assert await claim("c.1") is None
    (left,) = {build.id for build in builds} - taken
    assert await database.quotas.build_waits_for(taken.pop()) is None
    facts_of = await database.quotas.build_waits_for(left)
    assert facts_of is not None
    assert waiting_words(facts_of) == (
        "Ann may run 1 build at once, and 1 runs."
        " An administrator of the server can raise this quota."
    )
    await database.quotas.put(
        Quota(scope=Scope.PERSON, subject_id=user_id, level=Level.ADMINISTRATOR)
    )
    assert await claim("b.1") == left


async def test_files_over_the_quota_are_not_brought_and_nothing_more_is_made(
    database: Database, postgres_dsn: PostgresDsn
) -> None:
    project_id, user_id = await make_project(database)
    await database.quotas.put(
        Quota(scope=Scope.PROJECT, subject_id=project_id, level=Level.OWNER, disk_bytes=GIB)
    )
    async with await Database.connect(postgres_dsn.user) as person:

        async def bring(version: int | None, size_bytes: int) -> int:
            tree = await person.trees.put(
                project_id,
                TreeRef(sha256="0" * 64, size=10),
                version=version,
                files=1,
                size_bytes=size_bytes,
                user_id=user_id,
            )
            return tree.version

        version = await bring(None, GIB // 2)
        with pytest.raises(CommandError) as caught:
            await bring(version, 2 * GIB)
        assert caught.value.code is ErrorCode.QUOTA_EXCEEDED
        assert str(caught.value) == "Game may keep 1 GB of files, and 512 MB are kept."
        version = await bring(version, GIB)
        with pytest.raises(CommandError, match="may keep 1 GB"):
            await person.builds.create(
                project_id=project_id,
                user_id=user_id,
                build_type="staging",
                target_platform="linux",
            )
        # Less is always welcome.
        await bring(version, GIB // 4)
        state = await person.quotas.use(Scope.PROJECT, project_id)
        assert state.disk_bytes == GIB // 4


async def test_the_least_of_what_is_set_holds_and_the_rest_stays(world: AgentWorld) -> None:
    async with await world.connect_slate() as slate:
        project = world.project.id
        await slate.set_quotas("project", project, {Limit.SESSIONS: 5, Limit.BUILDS: 2})
        await world.db.quotas.put(
            Quota(scope=Scope.PROJECT, subject_id=project, level=Level.ADMINISTRATOR, sessions=3)
        )
        lines = {line.limit: line for line in await slate.get_quotas("project", project)}
        assert (lines[Limit.SESSIONS].most, lines[Limit.BUILDS].most) == (3.0, 2.0)
        assert lines[Limit.SESSIONS].level is Level.ADMINISTRATOR
        await slate.set_quotas("project", project, {Limit.SESSIONS: None})
        own = await slate.get_own_limits("project", project)
        assert (own.sessions, own.builds) == (None, 2)
        await slate.set_quotas("project", project, {Limit.BUILDS: None})
        assert [q.level for q in await world.db.quotas.list(Scope.PROJECT, project)] == [
            Level.ADMINISTRATOR
        ]
        with pytest.raises(CommandError) as caught:
            await slate.set_quotas("person", "nobody-of-that-id", {Limit.SESSIONS: 1})
        assert caught.value.code is ErrorCode.NOT_FOUND


async def test_asset_job_over_the_quota_of_disk_is_refused_until_there_is_room(
    database: Database, postgres_dsn: PostgresDsn
) -> None:
    project_id, user_id = await make_project(database)
    other = await database.projects.add(
        name="Other", owner_id=user_id, root="/games/o", engine="godot"
    )

    async def limit(size_bytes: int | None) -> None:
        await database.quotas.put(
            Quota(
                scope=Scope.PROJECT, subject_id=project_id, level=Level.OWNER, disk_bytes=size_bytes
            )
        )

    async with await Database.connect(postgres_dsn.user) as person:

        async def submit(project: str, job_id: str) -> AssetJob:
            return await person.asset_jobs.create(
                job_id=job_id,
                project_id=project,
                user_id=user_id,
                kind=AssetKind.TEXTURE,
                path="a.png",
                inputs=[AssetInput(name="a.png", path="a.png", sha256="0" * 64, size=1)],
                options={},
                key="0" * 64,
                envelope=JobEnvelope(subject="slate.asset.process.texture", headers={}, body="{}"),
            )

        await person.trees.put(
            project_id,
            TreeRef(sha256="0" * 64, size=10),
            version=None,
            files=1,
            size_bytes=GIB,
            user_id=user_id,
        )
        await limit(GIB)
        with pytest.raises(CommandError) as caught:
            await submit(project_id, "j1")
        assert caught.value.code is ErrorCode.QUOTA_EXCEEDED
        assert str(caught.value) == "Game may keep 1 GB of files, and 1 GB are kept."
        assert await person.asset_jobs.get_many(["j1"]) == []
        assert (await submit(other.id, "j2")).status is AssetJobStatus.QUEUED
        await limit(2 * GIB)
        assert (await submit(project_id, "j1")).status is AssetJobStatus.QUEUED


async def test_what_a_build_says_that_it_needs_can_neither_mislead_nor_stop_others(
    database: Database, postgres_dsn: PostgresDsn
) -> None:
    project_id, user_id = await make_project(database)
    insert = (
        "insert into slate_build_jobs (id, project_id, user_id, build_type, target_platform, needs,"
        " envelope) values ($1, $2, $3, 'staging', 'linux', $4, $5)"
    )
    envelope = {"subject": "slate.build.submit.linux", "headers": {}, "body": "{}"}
    async with await Database.connect(postgres_dsn.user) as person:
        async with person.connection() as connection:
            for needs in (
                {"memory_bytes": "abc"}, {"memory_bytes": -GIB}, {"memory_bytes": 0.5},
                {"memory_bytes": 2**63}, {"memory_bytes": [1]}, {"systems": 5},
                {"systems": [1]}, {"systems": {"linux": 1}}, {"capability": []}, {"driver": 1},
            ):  # fmt: skip
                with pytest.raises(asyncpg.CheckViolationError):
                    await connection.execute(insert, "bad", project_id, user_id, needs, envelope)
        async with person.connection() as connection:
            await connection.execute(
                insert, "b1", project_id, user_id, {"memory_bytes": MIB}, envelope
            )
            with pytest.raises(asyncpg.CheckViolationError, match="submitted with"):
                await connection.execute("update slate_build_jobs set needs = '{}' where id = 'b1'")
            with pytest.raises(asyncpg.CheckViolationError, match="submitted with"):
                await connection.execute(
                    "update slate_build_jobs set licence = 'unity' where id = 'b1'"
                )
    lease = await database.build_leases.claim_fitting(
        "linux", owner="a.1", lease_s=30.0, facts=WorkerFacts(system="linux", drivers=("docker",))
    )
    assert lease is not None

    async def begin(memory_bytes: int) -> None:
        await database.build_leases.note_start(
            lease,
            driver="docker",
            engine_version=None,
            source={},
            commands=[],
            notes=[],
            memory_bytes=memory_bytes,
        )

    # The agent knows better: what its container gets is what counts.
    await begin(GIB)
    assert (await database.quotas.use(Scope.PROJECT, project_id)).memory_bytes == GIB
    await begin(MIB)
    assert (await database.quotas.use(Scope.PROJECT, project_id)).memory_bytes == GIB
    await database.quotas.put(
        Quota(scope=Scope.PROJECT, subject_id=project_id, level=Level.OWNER, memory_bytes=2 * GIB)
    )
    with pytest.raises(CommandError, match="may hold 2 GB of memory in sum") as caught:
        await begin(3 * GIB)
    assert caught.value.code is ErrorCode.QUOTA_EXCEEDED
    assert (await database.quotas.use(Scope.PROJECT, project_id)).memory_bytes == GIB
