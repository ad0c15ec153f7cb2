"""The Docker driver on a real engine: what is particular to containers."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import msgspec
import pytest

from slate_desktop.agent.drivers.base import RuntimeState
from slate_desktop.agent.drivers.docker import DockerDriver, execution
from slate_desktop.errors import CommandError, ErrorCode, Retry
from tests.integration.docker_runtimes import Make, driver, make, ready, sh
from tests.services.docker import TEST_AGENT, _client

__all__ = ["driver", "make"]  # the fixtures
pytestmark = pytest.mark.docker

MIB = 1024 * 1024


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
    # More than the profile's 512; each ends by itself, also on a busy machine after the last began.
    task = asyncio.create_task(
        driver.execute(handle, ["sh", "-c", "for i in $(seq 700); do sleep 10 & done; wait"], 60)
    )
    seen = [(await driver.stats(handle)).pids]
    while not task.done():
        await asyncio.wait({task}, timeout=0.05)
        seen.append((await driver.stats(handle)).pids)
    # The shell ends at the first that it cannot begin, and the others are still there.
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

    assert (found, state) == (handle, RuntimeState.RUNNING)
    assert (await driver.inspect(handle)).state is RuntimeState.EXITED


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
