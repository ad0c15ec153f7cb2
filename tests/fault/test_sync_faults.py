"""An agent dies while it brings a project's files: what it has is the old tree or the new one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from slate_desktop.domain.trees.state import StateFile
from slate_desktop.errors import ClientError
from tests.fault.agent_process import AgentProcess
from tests.integration.sync_world import SyncWorld, files_of
from tests.services.nats import AGENT_ID, RealNats
from tests.services.postgres import PostgresDsn

pytestmark = [pytest.mark.nats, pytest.mark.postgres, pytest.mark.fault]


@pytest.fixture
async def world(
    nats: RealNats, postgres_dsn: PostgresDsn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[SyncWorld]:
    monkeypatch.setenv("SLATE_DATA_DIR", str(tmp_path / "person"))
    world = SyncWorld(nats, postgres_dsn, tmp_path)
    await world.open()
    yield world
    await world.close()


@pytest.fixture
async def agent(world: SyncWorld) -> AsyncIterator[AgentProcess]:
    agent = AgentProcess(world, takes_any_root=False)
    yield agent
    await agent.aclose()


async def test_a_kill_leaves_the_old_tree_or_one_that_is_finished_first(
    world: SyncWorld, agent: AgentProcess
) -> None:
    for name in "abcd":
        world.write(f"{name}.txt", "old")
    await agent.start()
    await world.slate.push_files(world.project.id)
    await world.slate.apply_files(world.project.id, AGENT_ID)
    old = world.there()
    assert old == files_of(world.work)
    agent.kill()

    for name in "abc":
        world.write(f"{name}.txt", "new and longer")
    (world.work / "d.txt").unlink()
    world.write("e/f.txt", "new")
    await world.slate.push_files(world.project.id)
    states = StateFile(world.tree.parent)
    for failpoint, is_whole in (("tree_staged", True), ("tree_moving", False)):
        await agent.start(failpoint)
        with pytest.raises(ClientError):
            await world.slate.apply_files(world.project.id, AGENT_ID)
        assert await agent.wait() == 9
        state = states.read(str(world.tree))
        assert (state.version, state.is_whole) == (1, is_whole)
        assert (world.there() == old) is is_whole
        assert world.there() != files_of(world.work)

    # A runtime had written in between; the rest is moved before anybody gets the tree.
    world.write("a.txt", "by a runtime", world.tree)
    await agent.start()
    (host,) = await world.slate.list_sync_hosts(world.project.id)
    assert (host.version, host.shared) == (1, False)
    reply = await world.slate.apply_files(world.project.id, AGENT_ID)
    assert reply.version == 2
    (kept,) = reply.kept_twice
    there = world.there()
    assert there.pop(kept) == "by a runtime"
    assert there == files_of(world.work)
    assert not (world.tree.parent / "staging").exists()
