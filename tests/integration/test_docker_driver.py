"""The Docker driver on a real engine: what is particular to containers."""

from __future__ import annotations

import asyncio
import contextlib
import os
import uuid
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import pytest

from slate_desktop.agent.drivers.base import Handle, Labels, RuntimeSpec, RuntimeState
from slate_desktop.agent.drivers.docker import DockerDriver, execution
from slate_desktop.domain.container import ContainerConfig
from slate_desktop.errors import CommandError, ErrorCode, Retry
from tests.services.docker import TEST_AGENT, _client, remove_leftovers

pytestmark = pytest.mark.docker

SERVE = ["sh", "-c", "trap 'exit 0' TERM; echo ready; while true; do sleep 0.05; done"]
MIB = 1024 * 1024
Make = Callable[..., RuntimeSpec]


@pytest.fixture
async def driver(docker_engine: str, base_image: str) -> AsyncIterator[DockerDriver]:
    made = DockerDriver(docker_engine)
    yield made
    await made.aclose()
    remove_leftovers(docker_engine)


@pytest.fixture
def make(tmp_path: Path) -> Make:
    root = tmp_path / "project"
    root.mkdir()
    root.chmod(0o755)
    (root / "hello.txt").write_text("hello from the host")

    def build(argv: list[str] | None = None, **config: object) -> RuntimeSpec:
        session = uuid.uuid4().hex
        image = {"image": "debian", "tag": "bookworm-slim", **config}
        return RuntimeSpec(
            name=f"slate-{session}-1",
            labels=Labels(agent=TEST_AGENT, session=session, project="p1", attempt=1, epoch=1),
            config=msgspec.convert(image, ContainerConfig),
            project_root=str(root),
            argv=argv or SERVE,
        )

    return build


async def ready(driver: DockerDriver, spec: RuntimeSpec) -> Handle:
    handle = await driver.create(spec)
    await driver.start(handle)
    async for frames in driver.logs(handle):
        if frames:
            break
    return handle


async def read_all(driver: DockerDriver, handle: Handle, has_read: asyncio.Event) -> None:
    async for _ in driver.logs(handle):
        has_read.set()


async def sh(driver: DockerDriver, handle: Handle, script: str) -> str:
    return (await driver.execute(handle, ["sh", "-c", script], 30)).stdout.strip()


def is_local_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


async def test_runtime_sees_its_project_and_cannot_write(driver: DockerDriver, make: Make) -> None:
    handle = await ready(driver, make())

    assert await sh(driver, handle, "pwd; cat hello.txt") == "/app/project\nhello from the host"
    assert await sh(driver, handle, "echo x > hello.txt || echo refused") == "refused"
    assert await sh(driver, handle, "echo x > /etc/motd || echo refused") == "refused"
    assert await sh(driver, handle, "echo x > /tmp/x && cat /tmp/x") == "x"


async def test_runtime_has_no_rights(driver: DockerDriver, make: Make) -> None:
    handle = await ready(driver, make())

    status = await sh(driver, handle, "grep -E 'CapEff|CapBnd|NoNewPrivs|Seccomp:' /proc/1/status")
    user = await sh(driver, handle, "id -u")

    assert user == str(65534 if is_local_root() else os.getuid())
    assert status.split() == [
        "CapEff:", "0000000000000000", "CapBnd:", "0000000000000000",
        "NoNewPrivs:", "1", "Seccomp:", "2",
    ]  # fmt: skip


async def test_container_carries_the_session_label(
    driver: DockerDriver, make: Make, docker_engine: str
) -> None:
    spec = make()
    await driver.create(spec)
    client = _client(docker_engine)

    found = client.containers(all=True, filters={"label": [f"slate.session={spec.labels.session}"]})
    client.close()

    assert [row["Names"] for row in found] == [[f"/{spec.name}"]]


async def test_fork_bomb_is_contained_and_stats_still_answer(
    driver: DockerDriver, make: Make
) -> None:
    handle = await ready(driver, make())
    # More than the profile's 512; each ends by itself.
    task = asyncio.create_task(
        driver.execute(handle, ["sh", "-c", "for i in $(seq 700); do sleep 3 & done; wait"], 30)
    )
    seen = [(await driver.stats(handle)).pids]
    while not task.done():
        await asyncio.wait({task}, timeout=0.05)
        seen.append((await driver.stats(handle)).pids)

    assert 400 < max(seen) <= 512


async def test_sessions_have_networks_of_their_own(
    driver: DockerDriver, make: Make, docker_engine: str
) -> None:
    specs = [make(), make()]
    handles = [await ready(driver, spec) for spec in specs]
    client = _client(docker_engine)
    names = {network["Name"] for network in client.networks()}

    assert {f"slate-{spec.labels.session}" for spec in specs} <= names
    for handle in handles:
        await driver.remove(handle)
    names = {network["Name"] for network in client.networks()}
    client.close()
    assert not {f"slate-{spec.labels.session}" for spec in specs} & names


async def test_network_none_has_only_loopback(driver: DockerDriver, make: Make) -> None:
    handle = await ready(driver, make(network_mode="none"))

    assert await sh(driver, handle, "ls /sys/class/net") == "lo"
    sample = await driver.stats(handle)
    assert (sample.network_rx_bytes, sample.network_tx_bytes) == (0, 0)


async def test_missing_program_is_told_as_such(driver: DockerDriver, make: Make) -> None:
    handle = await driver.create(make(["no-such-program"]))
    await driver.start(handle)

    found = await asyncio.wait_for(driver.wait(handle), 30)

    assert (found.exit_code, found.error) == (127, "command_not_found")


async def test_missing_image_is_refused(driver: DockerDriver, make: Make) -> None:
    with pytest.raises(CommandError) as caught:
        await driver.create(make(image="slate/no-such-image"))

    assert caught.value.code is ErrorCode.IMAGE_MISSING


async def test_registry_away_may_be_tried_later(driver: DockerDriver, make: Make) -> None:
    texts: list[str] = []

    with pytest.raises(CommandError) as caught:
        await driver.create(
            make(image="127.0.0.1:9/slate/none", pull=True), on_progress=texts.append
        )

    assert (caught.value.code, caught.value.retry) == (ErrorCode.DOCKER_ERROR, Retry.LATER)
    assert texts == ["Pulling 127.0.0.1:9/slate/none:bookworm-slim"]


async def test_pull_asks_for_the_registrys_login(docker_engine: str, make: Make) -> None:
    asked: list[str] = []

    def credentials(registry: str) -> tuple[str, str]:
        asked.append(registry)
        return "user", "secret"

    driver = DockerDriver(docker_engine, credentials=credentials)
    with pytest.raises(CommandError) as caught:
        await driver.create(make(image="127.0.0.1:9/slate/none", pull=True))
    await driver.aclose()

    assert asked == ["127.0.0.1:9"]
    assert "secret" not in str(caught.value) + repr(caught.value.details)


async def test_gpu_where_there_is_none_leaves_nothing(driver: DockerDriver, make: Make) -> None:
    if (await driver.fingerprint()).has_gpu:
        pytest.skip("not on this platform: the engine has a GPU")
    handle = await driver.create(make(gpu=True))

    with pytest.raises(CommandError) as caught:
        await driver.start(handle)

    assert caught.value.code is ErrorCode.GPU_UNAVAILABLE
    assert (await driver.inspect(handle)).state is RuntimeState.ABSENT
    assert await driver.list_runtimes(TEST_AGENT) == []


async def test_optional_gpu_is_done_without(driver: DockerDriver, make: Make) -> None:
    if (await driver.fingerprint()).has_gpu:
        pytest.skip("not on this platform: the engine has a GPU")

    handle = await ready(driver, make(gpu=True, gpu_optional=True))

    assert (await driver.inspect(handle)).state is RuntimeState.RUNNING


async def test_name_of_a_different_container_is_not_reused(
    driver: DockerDriver, make: Make
) -> None:
    spec = make()
    await driver.create(spec)
    other = msgspec.structs.replace(spec, argv=["true"])

    with pytest.raises(CommandError) as caught:
        await driver.create(other)

    assert caught.value.code is ErrorCode.DOCKER_ERROR


async def test_source_that_became_a_link_is_refused_at_start(
    driver: DockerDriver, make: Make
) -> None:
    spec = make(volumes=[{"host": "./data", "container": "/data"}])
    data = Path(spec.project_root) / "data"
    data.mkdir()
    handle = await driver.create(spec)
    data.rmdir()
    data.symlink_to("/etc")

    with pytest.raises(CommandError) as caught:
        await driver.start(handle)

    assert caught.value.code is ErrorCode.MOUNT_DENIED
    assert (await driver.inspect(handle)).state is RuntimeState.ABSENT


async def test_missing_mount_source_creates_nothing(driver: DockerDriver, make: Make) -> None:
    spec = make(volumes=[{"host": "./nowhere", "container": "/data"}])

    with pytest.raises(CommandError) as caught:
        await driver.create(spec)

    assert caught.value.code is ErrorCode.MOUNT_DENIED
    assert not (Path(spec.project_root) / "nowhere").exists()
    assert await driver.list_runtimes(TEST_AGENT) == []


@pytest.mark.parametrize("way", ["host", "inside"])
async def test_execution_that_took_too_long_leaves_no_process(
    driver: DockerDriver, make: Make, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if way == "inside":
        monkeypatch.setattr(execution, "_kill_on_host", lambda pid, container, token: False)
    handle = await ready(driver, make())

    with pytest.raises(CommandError) as caught:
        await driver.execute(handle, ["sh", "-c", "sleep 7654 & setsid sleep 7653; wait"], 1)

    assert caught.value.code is ErrorCode.EXEC_TIMEOUT
    left = await sh(driver, handle, "cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -c 'sleep 765'")
    # The counting shell's own command line holds the words too.
    assert int(left) <= 1


async def test_execution_output_may_be_endless(driver: DockerDriver, make: Make) -> None:
    handle = await ready(driver, make())

    with pytest.raises(CommandError) as caught:
        await driver.execute(handle, ["yes"], 1)

    assert caught.value.code is ErrorCode.EXEC_TIMEOUT


async def test_stats_from_the_engines_stream_agree_with_the_files(
    driver: DockerDriver, make: Make, docker_engine: str
) -> None:
    handle = await ready(driver, make(memory_bytes=64 * MIB))
    remote = DockerDriver(docker_engine, with_host_files=False)

    streamed = await remote.stats(handle)
    read = await driver.stats(handle)
    await remote.aclose()

    assert streamed.memory_limit == read.memory_limit == 64 * MIB
    assert abs(streamed.memory_usage - read.memory_usage) < 8 * MIB
    assert streamed.pids >= 2


async def test_cpu_of_a_busy_runtime_is_seen(driver: DockerDriver, make: Make) -> None:
    handle = await ready(driver, make(["sh", "-c", "echo ready; while true; do :; done"], cpus=0.5))
    await driver.stats(handle)
    await asyncio.sleep(1.0)  # the length of the sample is what is tested

    # A machine that others use as well gives it less than its half of a processor.
    assert 3 < (await driver.stats(handle)).cpu_percent < 80


async def test_another_driver_adopts_what_runs(
    driver: DockerDriver, make: Make, docker_engine: str
) -> None:
    handle = await ready(driver, make())
    second = DockerDriver(docker_engine)

    [(found, state)] = await second.list_runtimes(TEST_AGENT)
    await second.stop(found, 5)
    await second.aclose()

    assert (found, state.state) == (handle, RuntimeState.RUNNING)
    assert (await driver.inspect(handle)).state is RuntimeState.EXITED


async def test_engine_that_is_away_is_unknown_not_dead(tmp_path: Path, make: Make) -> None:
    driver = DockerDriver(f"unix://{tmp_path}/none.sock")
    labels = make().labels
    handle = Handle(driver=driver.name, runtime_id="f" * 64, name="slate-x-1", labels=labels)

    info = await driver.fingerprint()
    for call in (driver.inspect(handle), driver.list_runtimes("a"), driver.stop(handle, 1)):
        with pytest.raises(CommandError) as caught:
            await call
        assert caught.value.code is ErrorCode.DOCKER_UNAVAILABLE
        assert caught.value.retry is Retry.LATER
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(driver.wait(handle), 0.5)
    await driver.aclose()

    assert not info.is_available
    assert info.reason


async def test_log_from_the_file_equals_the_engines(
    driver: DockerDriver, make: Make, docker_engine: str
) -> None:
    script = (
        "printf 'crlf\\r\\nbad \\377\\376\\000 bytes\\n"
        '\\033[31mred\\033[0m \\\\ "q"\\n\'; echo e >&2; '
        "head -c 40000 /dev/zero | tr '\\0' a; echo; seq 1 2000; echo f >&2; printf tail"
    )
    handle = await driver.create(make(["sh", "-c", script]))
    await driver.start(handle)
    remote = DockerDriver(docker_engine, with_host_files=False)

    followed = [f async for frames in remote.logs(handle) for f in frames]
    asked = [f async for frames in remote.logs(handle, follow=False) for f in frames]
    read = [f async for frames in driver.logs(handle) for f in frames]
    await remote.aclose()

    assert len(read) == 2009
    assert read == asked
    assert sorted(followed, key=repr) == sorted(read, key=repr)


class Relay:
    """A Unix socket in front of the engine's, that a test can take away and bring back."""

    def __init__(self, target: str, path: Path) -> None:
        self.url = f"unix://{path}"
        self._target = target.removeprefix("unix://")
        self._path = path
        self._server: asyncio.Server | None = None
        self._is_up = False
        self._writers: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[None]] = set()

    async def up(self) -> None:
        self._is_up = True
        self._server = await asyncio.start_unix_server(self._serve, self._path)

    async def down(self) -> None:
        assert self._server is not None
        self._is_up = False
        self._server.close()
        self._path.unlink(missing_ok=True)
        for writer in self._writers:
            writer.transport.abort()
        if self._serving:
            await asyncio.wait(self._serving, timeout=10)
        await asyncio.sleep(0)  # a transport closes its socket one turn after it was aborted

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        theirs, out = await asyncio.open_unix_connection(self._target)
        self._writers |= {writer, out}
        if not self._is_up:
            writer.transport.abort()
            out.transport.abort()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(
                self._carry(reader, out), self._carry(theirs, writer), return_exceptions=True
            )
        for end in (writer, out):
            self._writers.discard(end)
            end.transport.abort()
        self._serving.discard(task)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        finally:
            writer.close()


@pytest.mark.fault
async def test_wait_goes_on_while_the_engine_is_away(
    docker_engine: str, driver: DockerDriver, make: Make, tmp_path: Path
) -> None:
    relay = Relay(docker_engine, tmp_path / "relay.sock")
    await relay.up()
    watcher = DockerDriver(relay.url, with_host_files=False)
    handle = await ready(watcher, make())
    waiter = asyncio.create_task(watcher.wait(handle))
    has_read = asyncio.Event()
    follower = asyncio.create_task(read_all(watcher, handle, has_read))
    await has_read.wait()

    await relay.down()
    with pytest.raises(CommandError) as caught:
        await asyncio.wait_for(follower, 10)
    with pytest.raises(CommandError):
        await watcher.inspect(handle)
    # It ends where the watcher cannot see it.
    await driver.stop(handle, 5)
    assert not waiter.done()
    await relay.up()

    # A connection that was half accepted when the relay went hangs until the driver looks again.
    found = await asyncio.wait_for(waiter, 60)
    await watcher.aclose()
    await relay.down()
    assert caught.value.code is ErrorCode.DOCKER_UNAVAILABLE
    assert (found.state, found.exit_code) == (RuntimeState.EXITED, 0)


async def test_godot_sample_logs_restarts_and_stops(
    docker_engine: str, godot_image: str, driver: DockerDriver, make: Make
) -> None:
    sample = Path(__file__).parents[2] / "resources" / "samples" / "godot-pulse"
    config = {"image": "slate/godot-runtime", "tag": "latest", "memory_bytes": 256 * MIB}
    template = make(**config)

    for attempt in (1, 2):
        spec = msgspec.structs.replace(
            template,
            name=f"slate-{template.labels.session}-{attempt}",
            labels=msgspec.structs.replace(template.labels, attempt=attempt),
            project_root=str(sample),
            argv=None,
        )
        handle = await driver.create(spec)
        await driver.start(handle)
        async for frames in driver.logs(handle):
            if any(b"[INFO] pulse" in frame.data for frame in frames):
                break
        assert (await driver.stats(handle)).memory_usage > MIB
        await driver.stop(handle, 5)
        assert (await driver.inspect(handle)).exit_code == 143
        await driver.remove(handle)
