"""What every driver promises: one text, run on Docker, local processes and scripts."""

from __future__ import annotations

import asyncio
import socket
import sys
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from slate_desktop.agent.drivers.base import Driver, Handle, Labels, LogFrame, RuntimeSpec
from slate_desktop.agent.drivers.base import RuntimeState as State
from slate_desktop.agent.drivers.docker import DockerDriver
from slate_desktop.agent.drivers.process import ProcessDriver
from slate_desktop.agent.drivers.scripted import ScriptedDriver
from slate_desktop.agent.drivers.scripted_engine import Exit, Hold, Say, Script, ScriptedEngine, Use
from slate_desktop.domain.container import ContainerConfig
from slate_desktop.errors import CommandError, ErrorCode
from tests.services.docker import remove_leftovers

MIB = 1024 * 1024
LINES = 5000
# Each program as a shell command and as a script.
PROGRAMS: dict[str, tuple[str, Script]] = {
    "talk": (
        "echo one; echo two >&2; echo three",
        Script((Say("one"), Say("two", "stderr"), Say("three"))),
    ),
    "fail": ("echo broken; exit 3", Script((Say("broken"), Exit(3)))),
    "serve": (
        "trap 'echo bye; exit 0' TERM; echo ready; while true; do sleep 0.05; done",
        Script((Say("ready"), Hold()), on_stop=(Say("bye"), Exit(0))),
    ),
    "stubborn": (
        "trap '' TERM; echo ready; while true; do sleep 0.05; done",
        Script((Say("ready"), Hold()), on_stop=None),
    ),
    "greedy": (
        "echo ready; x=xxxxxxxxxxxxxxxx; while true; do x=$x$x; done",
        Script((Say("ready"), Use(512 * MIB), Hold())),
    ),
    "many": (
        f"i=0; while [ $i -lt {LINES} ]; do echo line $i; i=$((i+1)); done",
        Script(tuple(Say(f"line {n}") for n in range(LINES))),
    ),
    "wide": (
        "head -c 40000 /dev/zero | tr '\\0' a; echo; echo end",
        Script((Say("a" * 40000), Say("end"))),
    ),
    "unterminated": ("printf tail", Script((Say("tail", has_end=False),))),
}


class Bench:
    """A driver with what a test needs around it."""

    def __init__(self, driver: Driver, root: Path, image: str | None) -> None:
        self.driver = driver
        self.agent = f"contract-{uuid.uuid4().hex[:12]}"
        self._root = root
        self._image = image

    def spec(self, program: str, **config: object) -> RuntimeSpec:
        """Describe a runtime of one of the programs."""
        session = uuid.uuid4().hex
        shell, _ = PROGRAMS[program]
        is_scripted = isinstance(self.driver, ScriptedDriver)
        tag = {"image": "debian", "tag": "bookworm-slim"} if self._image else {}
        return RuntimeSpec(
            name=f"slate-{session}-1",
            labels=Labels(agent=self.agent, session=session, project="p1", attempt=1, epoch=1),
            config=msgspec.convert({**tag, **config}, ContainerConfig),
            project_root=str(self._root),
            argv=[program] if is_scripted else ["sh", "-c", shell],
        )

    async def run(self, program: str, **config: object) -> Handle:
        """Create and start a runtime."""
        handle = await self.driver.create(self.spec(program, **config))
        await self.driver.start(handle)
        return handle

    async def ready(self, program: str, **config: object) -> Handle:
        """Create and start a runtime, and wait for its first line."""
        handle = await self.run(program, **config)
        async for frames in self.driver.logs(handle):
            if frames:
                break
        return handle

    async def lines(self, handle: Handle, **options: object) -> list[LogFrame]:
        """Read a log to its end."""
        batches = self.driver.logs(handle, **options)  # type: ignore[arg-type]
        return [frame for frames in [b async for b in batches] for frame in frames]


@pytest.fixture(
    params=[
        pytest.param("docker", marks=pytest.mark.docker),
        pytest.param(
            "process",
            marks=pytest.mark.skipif(
                sys.platform == "win32", reason="not on this platform: the programs need sh"
            ),
        ),
        "scripted",
    ]
)
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bench]:
    root = tmp_path / "project"
    root.mkdir()
    root.chmod(0o755)
    made: Bench
    if request.param == "docker":
        url = request.getfixturevalue("docker_engine")
        image = request.getfixturevalue("base_image")
        made = Bench(DockerDriver(url), root, image)
    elif request.param == "process":
        made = Bench(ProcessDriver(tmp_path / "runtimes"), root, None)
    else:
        engine = ScriptedEngine({name: script for name, (_, script) in PROGRAMS.items()})
        made = Bench(ScriptedDriver(engine), root, None)
    yield made
    for handle, _ in await made.driver.list_runtimes(made.agent):
        await made.driver.remove(handle)
    await made.driver.aclose()
    if request.param == "docker":
        remove_leftovers(url, made.agent)
    if request.param == "scripted":
        await engine.aclose()


async def test_fingerprint_names_the_engine(bench: Bench) -> None:
    info = await bench.driver.fingerprint()

    assert info.is_available
    assert info.driver is bench.driver.name
    assert info.cpus >= 1
    assert info.memory_bytes > 64 * MIB


async def test_runtime_goes_from_created_to_absent(bench: Bench) -> None:
    spec = bench.spec("serve")
    await bench.driver.check(spec)
    handle = await bench.driver.create(spec)
    states = [(await bench.driver.inspect(handle)).state]
    await bench.driver.start(handle)
    states.append((await bench.driver.inspect(handle)).state)
    await bench.driver.stop(handle, 5)
    states.append((await bench.driver.inspect(handle)).state)
    await bench.driver.remove(handle)
    states.append((await bench.driver.inspect(handle)).state)

    assert states == [State.CREATED, State.RUNNING, State.EXITED, State.ABSENT]


async def test_create_twice_gives_the_same_runtime(bench: Bench) -> None:
    spec = bench.spec("serve")

    first = await bench.driver.create(spec)
    second = await bench.driver.create(spec)

    assert first == second
    assert len(await bench.driver.list_runtimes(bench.agent)) == 1


async def test_start_twice_changes_nothing(bench: Bench) -> None:
    handle = await bench.ready("serve")
    before = await bench.driver.inspect(handle)

    await bench.driver.start(handle)

    assert (await bench.driver.inspect(handle)).started_at_ns == before.started_at_ns


async def test_start_does_not_repeat_a_runtime_that_ended(bench: Bench) -> None:
    handle = await bench.run("talk")
    await bench.driver.wait(handle)

    await bench.driver.start(handle)

    assert len(await bench.lines(handle)) == 3


async def test_wait_returns_exit_code_zero(bench: Bench) -> None:
    handle = await bench.run("talk")

    found = await asyncio.wait_for(bench.driver.wait(handle), 30)

    assert (found.state, found.exit_code, found.oom_killed) == (State.EXITED, 0, False)
    assert found.started_at_ns is not None
    assert found.finished_at_ns is not None
    assert found.finished_at_ns >= found.started_at_ns


async def test_wait_returns_the_code_of_a_failure(bench: Bench) -> None:
    handle = await bench.run("fail")

    assert (await asyncio.wait_for(bench.driver.wait(handle), 30)).exit_code == 3


async def test_wait_ends_when_the_runtime_is_removed(bench: Bench) -> None:
    handle = await bench.ready("serve")
    waiter = asyncio.create_task(bench.driver.wait(handle))
    await asyncio.sleep(0)

    await bench.driver.remove(handle)

    assert (await asyncio.wait_for(waiter, 30)).state in (State.ABSENT, State.EXITED)


async def test_stop_lets_the_runtime_say_goodbye(bench: Bench) -> None:
    handle = await bench.ready("serve")

    await bench.driver.stop(handle, 10)

    assert (await bench.driver.inspect(handle)).exit_code == 0
    frames = await bench.lines(handle)
    assert [f.data for f in frames if f.stream == "stdout"] == [b"ready", b"bye"]


async def test_stop_kills_one_that_ignores_it(bench: Bench) -> None:
    handle = await bench.ready("stubborn")
    began = time.monotonic()

    await bench.driver.stop(handle, 1)

    assert (await bench.driver.inspect(handle)).exit_code == 137
    assert time.monotonic() - began < 10


async def test_stop_and_remove_are_harmless_when_repeated(bench: Bench) -> None:
    handle = await bench.ready("serve")

    for _ in range(2):
        await bench.driver.stop(handle, 5)
    for _ in range(2):
        await bench.driver.remove(handle)
    await bench.driver.stop(handle, 5)

    assert (await bench.driver.inspect(handle)).state is State.ABSENT


async def test_memory_over_the_limit_ends_with_oom(bench: Bench) -> None:
    handle = await bench.run("greedy", memory_bytes=48 * MIB)

    found = await asyncio.wait_for(bench.driver.wait(handle), 60)

    assert (found.exit_code, found.oom_killed) == (137, True)
    assert (found.memory_peak or 0) >= 48 * MIB


async def test_logs_keep_streams_and_order(bench: Bench) -> None:
    handle = await bench.run("talk")
    await bench.driver.wait(handle)

    frames = await bench.lines(handle)

    assert [f.data for f in frames if f.stream == "stdout"] == [b"one", b"three"]
    assert [f.data for f in frames if f.stream == "stderr"] == [b"two"]
    assert not any(frame.partial for frame in frames)


async def test_logs_followed_from_the_start_are_complete(bench: Bench) -> None:
    handle = await bench.run("many")

    followed = await asyncio.wait_for(bench.lines(handle), 60)

    assert [f.data for f in followed] == [f"line {n}".encode() for n in range(LINES)]
    assert len({(f.stream, f.ts_ns, f.ord) for f in followed}) == LINES


async def test_logs_read_again_have_the_same_identities(bench: Bench) -> None:
    handle = await bench.run("many")
    followed = await asyncio.wait_for(bench.lines(handle), 60)

    again = await bench.lines(handle, follow=False)
    middle = followed[LINES // 2].ts_ns
    part = await bench.lines(handle, follow=False, since_ns=middle)

    assert again == followed
    assert part == [frame for frame in followed if frame.ts_ns >= middle]


async def test_long_line_comes_in_marked_pieces(bench: Bench) -> None:
    handle = await bench.run("wide")

    frames = await asyncio.wait_for(bench.lines(handle), 30)

    assert [(len(f.data), f.partial) for f in frames] == [
        (16384, True),
        (16384, True),
        (7232, False),
        (3, False),
    ]


async def test_last_line_without_end_is_kept(bench: Bench) -> None:
    handle = await bench.run("unterminated")

    frames = await asyncio.wait_for(bench.lines(handle), 30)

    assert [(f.data, f.partial) for f in frames] == [(b"tail", False)]


async def test_execute_returns_output_and_code(bench: Bench) -> None:
    handle = await bench.ready("serve")

    good = await bench.driver.execute(handle, ["echo", "hello"], 30)
    bad = await bench.driver.execute(handle, ["false"], 30)

    assert (good.exit_code, good.stdout, good.truncated) == (0, "hello\n", False)
    assert bad.exit_code == 1


async def test_execute_of_a_missing_program_is_a_result(bench: Bench) -> None:
    handle = await bench.ready("serve")

    found = await bench.driver.execute(handle, ["no-such-program"], 30)

    assert found.exit_code in (126, 127)


async def test_execute_cuts_output_at_half_a_mebibyte(bench: Bench) -> None:
    handle = await bench.ready("serve")

    found = await bench.driver.execute(handle, ["seq", "1", "200000"], 60)

    assert found.truncated
    assert len(found.stdout) == 512 * 1024


async def test_execute_too_long_is_ended(bench: Bench) -> None:
    handle = await bench.ready("serve")
    began = time.monotonic()

    with pytest.raises(CommandError) as caught:
        await bench.driver.execute(handle, ["sleep", "61"], 0.5)

    assert caught.value.code is ErrorCode.EXEC_TIMEOUT
    assert time.monotonic() - began < 45
    assert (await bench.driver.inspect(handle)).state is State.RUNNING


async def test_execute_and_stats_need_a_running_runtime(bench: Bench) -> None:
    handle = await bench.run("talk")
    await bench.driver.wait(handle)

    for call in (bench.driver.execute(handle, ["true"], 5), bench.driver.stats(handle)):
        with pytest.raises(CommandError) as caught:
            await call
        assert caught.value.code is ErrorCode.NOT_RUNNING


async def test_stats_tell_memory_and_its_limit(bench: Bench) -> None:
    handle = await bench.ready("serve", memory_bytes=64 * MIB)

    first = await bench.driver.stats(handle)
    second = await bench.driver.stats(handle)

    assert 0 < first.memory_usage <= 64 * MIB
    assert first.memory_limit == 64 * MIB
    assert first.cpu_percent >= 0
    assert second.sampled_at_ns > first.sampled_at_ns
    assert 0 < first.memory_peak <= second.memory_peak <= 64 * MIB
    assert first.pids >= 1
    assert 0 <= first.disk_read_bytes <= second.disk_read_bytes
    assert 0 <= first.disk_write_bytes <= second.disk_write_bytes
    assert (first.gpu_percent is None) == (first.gpu_memory is None)


async def test_limits_are_changed_while_it_runs_or_refused(bench: Bench) -> None:
    handle = await bench.ready("serve", memory_bytes=64 * MIB, cpus=0.5)
    if bench.driver.name == "process":
        for limits in ({"memory_bytes": 128 * MIB}, {"cpus": 1.0}):
            with pytest.raises(CommandError) as caught:
                await bench.driver.update(handle, **limits)
            assert caught.value.code is ErrorCode.LIMIT_DENIED
            assert caught.value.field in ("memory", "cpus")
        return
    await bench.driver.update(handle, memory_bytes=128 * MIB, cpus=1.0)
    assert (await bench.driver.stats(handle)).memory_limit == 128 * MIB
    await bench.driver.update(handle, memory_bytes=96 * MIB)
    assert (await bench.driver.stats(handle)).memory_limit == 96 * MIB
    with pytest.raises(CommandError) as caught:
        await bench.driver.update(handle, memory_bytes=1 << 50)
    assert caught.value.code is ErrorCode.LIMIT_DENIED
    assert (await bench.driver.stats(handle)).memory_limit == 96 * MIB
    await bench.driver.stop(handle, 0)
    with pytest.raises(CommandError):
        await bench.driver.update(handle, cpus=0.6)


async def test_list_finds_own_runtimes_with_labels(bench: Bench) -> None:
    running = await bench.ready("serve")
    ended = await bench.run("talk")
    await bench.driver.wait(ended)

    found = dict(await bench.driver.list_runtimes(bench.agent))

    assert found == {running: State.RUNNING, ended: State.EXITED}
    assert await bench.driver.list_runtimes("somebody-else") == []


async def test_limits_beyond_the_host_are_refused(bench: Bench) -> None:
    for config, field in (({"memory_bytes": 1 << 50}, "memory"), ({"cpus": 4096.0}, "cpus")):
        with pytest.raises(CommandError) as caught:
            await bench.driver.check(bench.spec("serve", **config))
        assert (caught.value.code, caught.value.field) == (ErrorCode.LIMIT_DENIED, field)
    assert await bench.driver.list_runtimes(bench.agent) == []


async def test_port_in_use_leaves_nothing_behind(bench: Bench) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        engine = getattr(bench.driver, "_engine", None)
        if isinstance(engine, ScriptedEngine):
            engine.ports_in_use.add(port)
        handle = await bench.driver.create(bench.spec("serve", ports={8080: port}))

        with pytest.raises(CommandError) as caught:
            await bench.driver.start(handle)

    assert caught.value.code is ErrorCode.PORT_CONFLICT
    assert await bench.driver.list_runtimes(bench.agent) == []
