"""A project's files on their way to an agent that does not share the workstation's disk."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from slate_desktop.agent.trees.places import ProjectPlaces
from slate_desktop.bus.nats_objects import NatsObjects
from slate_desktop.control.sync_watch import SyncPass, SyncWatch
from slate_desktop.domain.roles import Role
from slate_desktop.domain.trees.stored import write_origin
from slate_desktop.errors import CommandError
from slate_desktop.wire.tree_messages import TreeReply
from tests.integration.sync_world import SyncWorld, files_of
from tests.services.nats import AGENT_ID, RealNats
from tests.services.postgres import PostgresDsn

pytestmark = [pytest.mark.nats, pytest.mark.postgres]


@pytest.fixture
async def world(
    nats: RealNats, postgres_dsn: PostgresDsn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[SyncWorld]:
    monkeypatch.setenv("SLATE_DATA_DIR", str(tmp_path / "person"))
    world = SyncWorld(nats, postgres_dsn, tmp_path)
    await world.open()
    await world.start_agent(takes_any_root=False)
    yield world
    await world.close()


async def until(condition: Callable[[], bool], timeout_s: float = 40.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_a_session_sees_the_files_and_what_it_writes_comes_back(world: SyncWorld) -> None:
    world.write("main.py", "print(1)")
    world.write("art/a.txt", "A")
    world.write("big.bin", "x" * 5_000_000)
    world.write("out/cache.tmp", "no")
    world.write(".slateignore", "*.tmp\n")
    (world.work / "run.sh").write_text("#!/bin/sh")
    (world.work / "run.sh").chmod(0o755)
    (world.work / "link").symlink_to("art/a.txt")
    outcome = await world.start()
    assert outcome.session.status == "running", outcome
    assert outcome.notes == []
    here = files_of(world.work)
    here.pop("out/cache.tmp")
    assert world.there() == here
    assert os.access(world.tree / "run.sh", os.X_OK)
    assert (world.tree / "link").is_symlink()

    # Nothing changed: nothing is sent. One file changed: that one is.
    again = await world.slate.push_files(world.project.id)
    assert (again.version, again.sent_bytes, again.is_in_sync) == (1, 0, True)
    world.write("art/a.txt", "A2")
    world.write("art/b.txt", "A2")
    (world.work / "main.py").unlink()
    pushed = await world.slate.push_files(world.project.id)
    assert (pushed.version, pushed.sent_bytes) == (2, 2)
    reply = await world.slate.apply_files(world.project.id, AGENT_ID)
    assert (reply.version, reply.written, reply.removed) == (2, 2, 1)

    # The runtime writes; the workstation changes one of the same files.
    world.write("save/game.dat", "level 2", world.tree)
    world.write("art/b.txt", "by the runtime", world.tree)
    world.write("run.sh", "by the runtime", world.tree)
    world.write("run.sh", "by the person")
    stopped = await world.slate.stop_container(outcome.session.id, wait=True, timeout_s=20)
    assert (world.work / "save" / "game.dat").read_text() == "level 2"
    assert (world.work / "art" / "b.txt").read_text() == "by the runtime"
    assert (world.work / "run.sh").read_text() == "by the person"
    assert "run.sh" in stopped.notes[-1]

    status = await world.slate.get_sync_status(world.project.id)
    assert [one.path for one in status.conflicts] == ["run.sh"]
    await world.slate.resolve_files(world.project.id, ["run.sh"], "both")
    beside = [path for path in files_of(world.work) if path.startswith(f"run ({AGENT_ID} ")]
    assert files_of(world.work)[beside[0]] == "by the runtime"
    done = await world.slate.push_files(world.project.id)
    assert done.is_in_sync, done
    await world.slate.apply_files(world.project.id, AGENT_ID)
    assert world.there()["run.sh"] == "by the person"
    assert world.there() | {"out/cache.tmp": "no"} == files_of(world.work)


async def test_what_both_changed_is_kept_twice_on_the_agent(world: SyncWorld) -> None:
    world.write("state.txt", "one")
    world.write("gone.txt", "one")
    await world.start()
    world.write("state.txt", "runtime", world.tree)
    world.write("gone.txt", "runtime", world.tree)
    world.write("new/file", "runtime", world.tree)
    world.write("state.txt", "person")
    (world.work / "gone.txt").unlink()
    await world.slate.push_files(world.project.id)
    reply = await world.slate.apply_files(world.project.id, AGENT_ID)
    assert len(reply.kept_twice) == 1
    assert world.there()["state.txt"] == "person"
    assert world.there()[reply.kept_twice[0]] == "runtime"
    assert world.there()["gone.txt"] == "runtime", "what a runtime changed is not removed"
    # All of it comes to the workstation, under the names that it has there.
    (collected,) = await world.slate.collect_files(world.project.id)
    assert collected.collected == 3
    await world.slate.pull_files(world.project.id)
    assert files_of(world.work) == world.there()


async def test_saved_files_reach_the_running_session(world: SyncWorld) -> None:
    world.write("main.py", "1")
    await world.start()
    watch = SyncWatch(world.slate, world.project)
    passes: list[SyncPass] = []
    watch.passed.connect(passes.append)
    watch.start()
    try:
        await asyncio.wait_for(watch.is_watching.wait(), 40)
        world.write("main.py", "2")
        world.write("deep/er/new.py", "3")
        await until(lambda: world.there() == {"main.py": "2", "deep/er/new.py": "3"})
        (world.work / "main.py").unlink()
        await until(lambda: world.there() == {"deep/er/new.py": "3"})
        world.write(".slateignore", "*.log\n")
        world.write("noise.log", "x")
        world.write("last", "x")
        await until(lambda: "last" in world.there())
        assert "noise.log" not in world.there()
    finally:
        await watch.aclose()
    assert all(AGENT_ID in one.hosts for one in passes if one.hosts)


async def test_two_people_share_their_files_and_see_their_conflicts(world: SyncWorld) -> None:
    world.write("a.txt", "1")
    world.write("b.txt", "1")
    await world.slate.push_files(world.project.id)
    bert = await world.db.users.create("bert", world.nats.anyone.public)
    await world.db.projects.set_member(world.project.id, bert.id, Role.DEVELOPER)
    folder = world.directory / "bert" / "game"
    slate = await world.person(world.nats.anyone, folder)
    await slate.pull_files(world.project.id, into=folder)
    assert files_of(folder) == files_of(world.work)

    world.write("a.txt", "bert", folder)
    world.write("b.txt", "bert", folder)
    world.write("a.txt", "anna")
    world.write("c.txt", "anna")
    await slate.push_files(world.project.id)
    mine = await world.slate.push_files(world.project.id)
    assert [one.path for one in mine.conflicts] == ["a.txt"]
    assert (mine.pull, mine.push) == (("b.txt",), ())
    pulled = await world.slate.pull_files(world.project.id)
    assert [one.path for one in pulled.conflicts] == ["a.txt"]
    assert files_of(world.work) == {"a.txt": "anna", "b.txt": "bert", "c.txt": "anna"}
    theirs = world.directory / "theirs"
    await world.slate.fetch_other_version(world.project.id, "a.txt", theirs)
    assert theirs.read_text() == "bert"
    with pytest.raises(CommandError):
        await world.slate.resolve_files(world.project.id, ["b.txt"], "mine")
    done = await world.slate.resolve_files(world.project.id, ["a.txt"], "theirs")
    assert done.is_in_sync
    assert (world.work / "a.txt").read_text() == "bert"


async def test_a_window_and_a_command_pull_into_one_folder_at_once(world: SyncWorld) -> None:
    # Two connections of one person know nothing of each other, as two processes do not.
    command = await world.person(world.nats.user, world.work)
    other_folder = world.directory / "colleague" / "game"
    other_folder.mkdir(parents=True)
    other = await world.person(world.nats.user, other_folder)
    for round_number in range(4):
        wanted = {f"levels/{number}.txt": f"{round_number} {number}" for number in range(25)}
        for path, text in wanted.items():
            world.write(path, text, other_folder)
        await other.push_files(world.project.id)
        found = await asyncio.gather(
            *(slate.pull_files(world.project.id) for slate in (world.slate, command))
        )
        assert [status.pull for status in found] == [(), ()]
        assert files_of(world.work) == wanted
        status = await world.slate.get_sync_status(world.project.id)
        assert (status.push, status.pull, status.conflicts) == ((), (), ())


async def test_an_agent_takes_only_a_folder_that_somebody_works_in(world: SyncWorld) -> None:
    root = world.directory / "shared"
    root.mkdir()
    (root / "main.py").write_text("1")
    fields: dict[str, Any] = {"engine": "custom", "command": ["hold"], "owner_id": world.user.id}
    project = await world.db.projects.add(name="shared", root=str(root), **fields)
    objects, folder = NatsObjects(world.bus), world.directory / "places"
    places = ProjectPlaces(world.db, objects, folder, agent_id="a", takes_any_root=False)
    assert await places.own_root(project) is None, "products go nowhere, and nothing is read"
    row = await world.new_session(project)
    refused = await world.ask("start", row.id)
    assert refused["error"]["field"] == "project_id", refused
    assert "nobody has brought" in refused["error"]["message"]

    outcome = await world.slate.start_container(row.id, wait=True, timeout_s=20)
    assert outcome.session.status == "running"
    assert await world.db.trees.get(project.id) is None, "the agent sees the folder itself"
    (host,) = await world.slate.list_sync_hosts(project.id)
    assert (host.agent_id, host.shared) == (AGENT_ID, True)
    assert await places.own_root(project) == root

    # The token of one project opens no folder for another, and a copy of it has another number.
    other = await world.db.projects.add(name="thief", root=f"{root}/.", **fields)
    known = write_origin(root, project.id)
    assert known is not None
    await world.db.trees.set_origin(other.id, world.user.id, known)
    assert "error" in await world.ask("start", (await world.new_session(other)).id)
    place = root / ".slate" / "sync" / f"origin-{project.id}"
    copy = place.with_name("copy")
    copy.write_bytes(place.read_bytes())
    copy.replace(place)
    assert "error" in await world.ask("restart", (await world.new_session(project)).id, {})


async def test_hostile_trees_leave_the_agent_as_it_was(world: SyncWorld) -> None:
    """What a person's own client would never send."""
    import msgspec

    from slate_desktop.domain.trees.manifest import TreeRef

    world.write("ok.txt", "fine")
    await world.start()
    objects = NatsObjects(world.bus)
    content = await objects.put(b"evil")
    digest = bytes.fromhex(content.sha256)
    wrong = bytes.fromhex("ab" * 32)

    async def offer(files: list[list[Any]], object_digest: bytes = digest) -> None:
        data = msgspec.msgpack.encode([1, None, [[object_digest, 4]], files, []])
        info = await objects.put(data)
        row = await world.db.trees.get(world.project.id)
        assert row is not None
        await world.db.trees.put(
            world.project.id, TreeRef(info.sha256, info.size), version=row.version, files=1,
            size_bytes=4, user_id=world.user.id,
        )  # fmt: skip
        with pytest.raises(CommandError):
            await world.slate.apply_files(world.project.id, AGENT_ID)
        assert world.there() == {"ok.txt": "fine"}

    for name in ("../evil", "/tmp/evil", ".slate/sync/origin-x", "a/../../evil", ".git/hooks/x"):
        await offer([[name, 4, 1, digest, False, None, [0, 0, 4], None]])
    # Another content than the manifest says, and one that is nowhere.
    await offer([["x", 4, 1, wrong, False, None, [0, 0, 4], None]])
    await offer([["x", 4, 1, wrong, False, None, [0, 0, 4], None]], wrong)
    assert not (world.directory / "evil").exists()


async def test_a_start_asks_only_the_host_that_it_goes_to_about_the_files(
    world: SyncWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        await world.db.agents.register(f"far-{number}", name="", pubkey=None, capabilities={})
    asked: list[str] = []
    look_at = world.slate._look_at

    async def noted(agent_id: str, project_id: str) -> TreeReply | None:
        asked.append(agent_id)
        return await look_at(agent_id, project_id)

    monkeypatch.setattr(world.slate, "_look_at", noted)
    world.write("a.txt", "one")
    session = await world.new_session(world.project)
    await world.slate.start_container(session.id, host=AGENT_ID, wait=True, timeout_s=20)
    assert asked == [AGENT_ID]
    assert world.there() == {"a.txt": "one"}
    world.write("a.txt", "two")
    await world.slate.restart_container(session.id, grace_s=0, wait=True, timeout_s=20)
    assert asked == [AGENT_ID, AGENT_ID]
    assert world.there() == {"a.txt": "two"}
