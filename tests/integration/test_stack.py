"""The embedded stack: starts, is shared, is private, ends."""

from __future__ import annotations

import asyncio
import json
import os
import stat
import sys
from pathlib import Path

import msgspec
import pytest
from nats.aio.client import Client as PlainClient

from slate_desktop.bus.nats_bus import NatsBus
from slate_desktop.bus.port import Message
from slate_desktop.errors import DeniedError
from slate_desktop.stack import client, locks, process
from slate_desktop.stack.state import Request, StackFiles, StackState
from slate_desktop.store import Database
from slate_desktop.wire.keys import SigningKey
from tests.services.stack import OwnStack

pytestmark = [pytest.mark.nats, pytest.mark.postgres]


async def test_everything_starts_and_says_so(own_stack: OwnStack) -> None:
    steps: list[tuple[str, str]] = []
    info = await own_stack.up(on_step=lambda name, state: steps.append((name, state)))
    assert ("nats", "ready") in steps
    assert ("database", "ready") in steps
    async with await Database.connect(info.database_url) as database:
        user = await database.users.get_by_pubkey(SigningKey.from_seed(info.user_seed).public)
        assert user is not None
        assert user.id == info.user_id
    bus = await NatsBus.connect(info.nats_url, seed=info.user_seed, name="test")
    await bus.aclose()


async def test_status_is_json_and_admits_a_plain_client(own_stack: OwnStack) -> None:
    before = await client.status()
    assert before["running"] is False
    await own_stack.up()
    status = json.loads(json.dumps(await client.status()))
    assert status["running"] is True
    assert status["data_dir"] == str(own_stack.data_dir)
    plain = PlainClient()
    await plain.connect(**status["nats_connect"], connect_timeout=15)
    assert plain.is_connected
    await plain.close()
    async with await Database.connect(status["database_url"]) as database:
        await database.ping()


async def test_plain_client_talks_to_the_agent_of_the_stack(own_stack: OwnStack) -> None:
    await own_stack.up(agent=True, agent_command=own_stack.agent_command())
    status = await client.status()
    endpoint = client.agent_endpoint()
    assert endpoint is not None
    bus = await NatsBus.connect(endpoint.nats_url, seed=endpoint.seed, name="agent")

    async def answer(message: Message) -> None:
        await bus.respond(message, b"refused")

    await bus.subscribe("slate.container.*.*", answer)
    plain = PlainClient()
    await plain.connect(**status["nats_connect"])
    reply = await plain.request("slate.container.start.s1", b"{}", timeout=15)
    assert reply.data == b"refused"
    await plain.close()
    await bus.aclose()


async def test_status_names_the_agent_with_its_process(own_stack: OwnStack) -> None:
    steps: list[tuple[str, str]] = []
    info = await own_stack.up(
        agent=True,
        agent_command=own_stack.agent_command(),
        on_step=lambda name, state: steps.append((name, state)),
    )
    assert steps[-1] == ("agent", "ready")
    (agent,) = (await client.status())["agents"]
    assert agent["id"] == info.agents[0]
    assert agent["pid"] == own_stack.children()["agent"].pid
    assert agent["state"] == "ready"
    assert agent["last_seen"] is not None


async def test_second_client_attaches_to_the_same_stack(own_stack: OwnStack) -> None:
    first = await own_stack.up()
    second, third = await asyncio.gather(own_stack.up(), own_stack.up())
    assert first.pid == second.pid == third.pid
    attached = await client.attach()
    assert attached is not None
    assert attached.pid == first.pid


async def test_two_processes_starting_at_once_share_one_stack(own_stack: OwnStack) -> None:
    code = (
        "import asyncio; from slate_desktop.stack import client;"
        "print(asyncio.run(client.ensure_up(agent=False)).pid)"
    )
    children = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE
        )
        for _ in range(2)
    ]
    outputs = [(await child.communicate())[0] for child in children]
    assert outputs[0] == outputs[1]
    assert int(outputs[0]) > 0


async def test_data_and_credentials_survive_a_restart(own_stack: OwnStack) -> None:
    first = await own_stack.up()
    assert await client.down()
    assert (await client.status())["running"] is False
    assert not own_stack.files.endpoint.exists()
    second = await own_stack.up()
    assert (second.user_id, second.user_seed) == (first.user_id, first.user_seed)
    assert second.pid != first.pid


async def test_down_is_harmless_when_nothing_runs(own_stack: OwnStack) -> None:
    assert await client.down() is False


@pytest.mark.skipif(os.name == "nt", reason="not on this platform")
async def test_files_are_private(own_stack: OwnStack) -> None:
    await own_stack.up()
    files = own_stack.files
    for path in (files.data_dir, files.keys, files.logs, files.clients, files.nats):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700, path
    for path in [files.endpoint, files.keys / "stack.json", files.nats / "nats-server.conf"]:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    secrets = json.loads((files.keys / "stack.json").read_text())
    for log in files.logs.iterdir():
        text = log.read_text(errors="replace")
        for name in ("user_seed", "agent_seed", "nats_password", "db_user_password"):
            assert secrets[name] not in text, (log, name)


async def test_strangers_are_refused_by_both_servers(own_stack: OwnStack) -> None:
    info = await own_stack.up()
    with pytest.raises(DeniedError):
        await NatsBus.connect(info.nats_url, seed=SigningKey.generate().seed, name="stranger")
    from slate_desktop.errors import DatabaseError

    wrong = info.database_url.replace("slate_user:", "slate_user:x")
    with pytest.raises(DatabaseError):
        await Database.connect(wrong)


async def test_stack_on_demand_ends_when_nobody_uses_it(own_stack: OwnStack) -> None:
    info = await own_stack.up(idle_s=0.5)
    identity = process.identify(info.pid)
    assert identity is not None
    client.release()
    assert await identity.wait_gone(60)
    assert not own_stack.files.endpoint.exists()
    assert not locks.is_held(own_stack.files.lock)


async def test_stack_stays_until_the_last_connection_of_a_process_has_gone(
    own_stack: OwnStack,
) -> None:
    info = await own_stack.up(idle_s=0.3)
    await own_stack.up()
    identity = process.identify(info.pid)
    assert identity is not None
    client.release()
    assert not await identity.wait_gone(3)
    client.release()
    assert await identity.wait_gone(60)


async def test_request_whose_place_another_one_took_is_made_again(
    own_stack: OwnStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    await own_stack.up()
    write = StackFiles.write
    lost: list[Path] = []

    def write_and_lose_the_first(files: StackFiles, path: Path, value: msgspec.Struct) -> None:
        if path == files.request and not lost:
            lost.append(path)
            value = Request()
        write(files, path, value)

    monkeypatch.setattr(StackFiles, "write", write_and_lose_the_first)
    info = await own_stack.up(linger=True)
    assert lost
    assert info.is_lingering


async def test_request_waits_while_a_stack_decides_whether_to_end(
    own_stack: OwnStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    await own_stack.up()
    read = StackFiles.read_endpoint
    answers = 0

    def read_all_but_the_second(files: StackFiles) -> StackState | None:
        nonlocal answers
        answers += 1
        return None if answers == 2 else read(files)

    monkeypatch.setattr(StackFiles, "read_endpoint", read_all_but_the_second)
    assert (await own_stack.up(linger=True)).is_lingering
    assert answers > 2


async def test_lingering_stack_stays_when_nobody_uses_it(own_stack: OwnStack) -> None:
    await own_stack.up(idle_s=0.2)
    info = await own_stack.up(linger=True)  # attaches, and asks it to stay
    assert info.is_lingering
    identity = process.identify(info.pid)
    assert identity is not None
    client.release()
    client.release()
    assert locks.count_clients(own_stack.files.clients) == 0
    assert not await identity.wait_gone(3)


async def test_allow_unsigned_reaches_the_agent_of_a_running_stack(own_stack: OwnStack) -> None:
    command = own_stack.agent_command()
    first = await own_stack.up(agent=True, agent_command=command)
    assert not first.allow_unsigned
    second = await own_stack.up(agent=True, allow_unsigned=True)
    assert second.allow_unsigned
    assert second.pid == first.pid
    assert own_stack.agent_starts() == ["stay ", "stay --allow-unsigned"]


async def test_long_paths_work(own_stack: OwnStack, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = own_stack.data_dir / ("a long directory name " * 5) / ("ünïcode " * 10).strip()
    monkeypatch.setenv("SLATE_DATA_DIR", str(deep))
    stack = OwnStack(deep)
    try:
        info = await stack.up()
        async with await Database.connect(info.database_url) as database:
            await database.ping()
    finally:
        await stack.clean()
