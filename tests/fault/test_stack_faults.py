"""The embedded stack when its parts are killed, and when its files lie."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable

import msgspec
import pytest

from slate_desktop.bus.nats_bus import NatsBus
from slate_desktop.bus.port import ConnectionState
from slate_desktop.control.client import Slate
from slate_desktop.errors import SlateError, StackError
from slate_desktop.settings import files
from slate_desktop.stack import client, locks, process
from slate_desktop.stack.process import Identity
from slate_desktop.stack.state import Children
from slate_desktop.store import Database
from tests.services.nats import take_port
from tests.services.stack import OwnStack

pytestmark = [
    pytest.mark.nats,
    pytest.mark.postgres,
    pytest.mark.fault,
    pytest.mark.skipif(os.name == "nt", reason="not on this platform"),
]


async def until(condition: Callable[[], Awaitable[bool]], timeout_s: float = 60.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not await condition():  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def test_killed_supervisor_leaves_nothing_behind_and_loses_nothing(
    own_stack: OwnStack,
) -> None:
    own_stack.name_port()
    first = await own_stack.up(agent=True, agent_command=own_stack.agent_command())
    async with await Database.connect(first.database_url) as database:
        project = await database.projects.add(
            name="kept", owner_id=first.user_id, root="/tmp/kept", engine="custom"
        )
    for _ in range(3):
        children = own_stack.children()
        assert set(children) == {"nats", "database", "agent"}
        await own_stack.kill_supervisor()
        if sys.platform == "linux":
            for name, identity in children.items():
                assert await identity.wait_gone(40), name
        began = time.monotonic()
        again = await own_stack.up(agent=True, agent_command=own_stack.agent_command())
        # Nobody was waited for: each that has to be ended gets 20 s.
        assert time.monotonic() - began < 20
        assert not any(identity.is_running() for identity in children.values())
        assert (again.user_id, again.user_seed) == (first.user_id, first.user_seed)
        # A window that was open all the while finds the broker and the database again.
        assert (again.nats_url, again.database_url) == (first.nats_url, first.database_url)
    async with await Database.connect(again.database_url) as database:
        assert (await database.projects.get(project.id)).name == "kept"


async def test_open_client_finds_the_broker_when_its_port_was_taken(own_stack: OwnStack) -> None:
    first = await own_stack.up()
    async with await Slate.connect("local") as slate:
        brokers = own_stack.children()["nats"]
        await own_stack.kill_supervisor()
        brokers.send_signal(signal.SIGKILL)
        assert await brokers.wait_gone(30)
        port = int(first.nats_url.rpartition(":")[2])
        thief = await take_port(port)
        try:
            second = await own_stack.up()
            assert second.nats_url != first.nats_url

            async def is_back() -> bool:
                with contextlib.suppress(SlateError):
                    await slate.bus.flush()
                    return await slate.list_projects() is not None
                return False

            await until(is_back)
        finally:
            thief.close()


async def test_supervisor_killed_while_it_starts_can_be_started_again(own_stack: OwnStack) -> None:
    for delay_s in (0.05, 0.2, 0.4, 0.8):
        starting = asyncio.create_task(own_stack.up())
        await asyncio.sleep(delay_s)  # a different moment of the start each time
        steps = own_stack.files.read_steps()
        if steps is not None and steps.supervisor.is_running():
            steps.supervisor.send_signal(signal.SIGKILL)
        with contextlib.suppress(StackError):
            await starting
    assert (await own_stack.up()).pid > 0


async def test_client_that_is_killed_does_not_keep_the_stack_alive(own_stack: OwnStack) -> None:
    code = (
        "import asyncio, time; from slate_desktop.stack import client;"
        "print(asyncio.run(client.ensure_up(agent=False, idle_s=0.5)).pid, flush=True);"
        "time.sleep(600)"
    )
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE
    )
    assert child.stdout is not None
    pid = int(await child.stdout.readline())
    supervisor = process.identify(pid)
    assert supervisor is not None
    await asyncio.sleep(2)  # longer than idle_s: the client holds it
    assert supervisor.is_running()
    child.kill()
    await child.wait()
    assert await supervisor.wait_gone(60)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"null", b'{"format": 1}', b"\xff\xfe", b"[1, 2", b"x" * 5_000_000],
    ids=["empty", "torn", "null", "partial", "binary", "list", "huge"],
)
async def test_bogus_endpoint_file_is_ignored(own_stack: OwnStack, content: bytes) -> None:
    files.ensure_private_dir(own_stack.data_dir)
    own_stack.files.endpoint.write_bytes(content)
    own_stack.files.endpoint.chmod(0o600)
    assert await client.attach() is None
    assert (await client.status())["running"] is False
    assert await client.down() is False


async def test_reused_pid_is_neither_believed_nor_signalled(own_stack: OwnStack) -> None:
    await own_stack.up()
    state = own_stack.files.read_endpoint()
    assert state is not None
    await client.down()
    stranger = await asyncio.create_subprocess_exec("sleep", "600")
    try:
        real = process.identify(stranger.pid)
        assert real is not None
        reused = Identity(stranger.pid, real.start_time - 1000, real.exe)
        other_program = Identity(stranger.pid, real.start_time, "/usr/bin/postgres")
        for identity in (reused, other_program):
            own_stack.files.write(
                own_stack.files.endpoint, msgspec.structs.replace(state, supervisor=identity)
            )
            own_stack.files.write(
                own_stack.files.children,
                Children(processes={"nats": identity, "database": identity, "agent": identity}),
            )
            assert not identity.send_signal(signal.SIGTERM)
            assert await client.attach() is None
            info = await own_stack.up()
            assert info.pid != stranger.pid
            await client.down()
        assert stranger.returncode is None
    finally:
        stranger.kill()
        await stranger.wait()


@pytest.mark.parametrize("name", ["nats", "database"])
async def test_killed_server_is_back_at_the_same_address(own_stack: OwnStack, name: str) -> None:
    own_stack.name_port()
    info = await own_stack.up()
    bus = await NatsBus.connect(info.nats_url, seed=info.user_seed, name="test")
    database = await Database.connect(info.database_url)
    before = own_stack.children()[name]
    before.send_signal(signal.SIGKILL)
    assert await before.wait_gone(30)

    async def is_back() -> bool:
        identity = own_stack.children()[name]
        if identity == before or bus.state is not ConnectionState.CONNECTED:
            return False
        try:
            await database.ping()
            await bus.flush()
        except SlateError:
            return False
        return True

    await until(is_back)
    again = await client.attach()
    assert again is not None
    assert (again.nats_url, again.database_url) == (info.nats_url, info.database_url)
    await bus.aclose()
    await database.aclose()


async def test_agent_that_dies_is_started_again(own_stack: OwnStack) -> None:
    await own_stack.up(agent=True, agent_command=own_stack.agent_command())
    own_stack.children()["agent"].send_signal(signal.SIGKILL)

    async def is_back() -> bool:
        return len(own_stack.agent_starts()) == 2

    await until(is_back)


async def test_superseded_agent_waits_for_the_other_one_to_end(own_stack: OwnStack) -> None:
    info = await own_stack.up()  # to learn the agent's id
    await client.down()
    lock = locks.FileLock.acquire(own_stack.files.agent_lock(info_agent_id(own_stack)))
    assert lock is not None
    starting = asyncio.create_task(
        own_stack.up(agent=True, agent_command=own_stack.agent_command("superseded"))
    )

    async def has_given_way() -> bool:
        steps = own_stack.files.read_steps()
        return (
            len(own_stack.agent_starts()) == 1
            and steps is not None
            and (steps.steps.get("agent") == "failed")
        )

    await until(has_given_way)
    await asyncio.sleep(1.5)  # longer than a restart would take
    assert len(own_stack.agent_starts()) == 1
    lock.release()
    again = await starting
    assert len(own_stack.agent_starts()) == 2
    assert again.user_id == info.user_id


def info_agent_id(own_stack: OwnStack) -> str:
    from slate_desktop.stack import credentials

    return credentials.load_or_create(own_stack.files.keys).agent_id


async def test_failing_start_says_which_part_and_why(
    own_stack: OwnStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    files.ensure_private_dir(own_stack.data_dir)
    own_stack.files.nats.write_text("a file where a directory belongs")
    steps: list[tuple[str, str]] = []
    with pytest.raises(SlateError) as caught:
        await own_stack.up(on_step=lambda name, state: steps.append((name, state)))
    assert "nats" in str(caught.value)
    assert ("nats", "failed") in steps or own_stack.files.read_steps() is not None
    assert not locks.is_held(own_stack.files.lock)
    assert not any(identity.is_running() for identity in own_stack.children().values())
