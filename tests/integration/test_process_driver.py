"""The process driver: what is particular to local processes."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import psutil
import pytest

from slate_desktop.agent.drivers import process_shim
from slate_desktop.agent.drivers.base import Handle, Labels, RuntimeSpec, RuntimeState
from slate_desktop.agent.drivers.process import ProcessDriver
from slate_desktop.agent.drivers.process_files import RuntimeFiles
from slate_desktop.domain.container import ContainerConfig
from slate_desktop.errors import CommandError, ErrorCode

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="not on this platform: the programs need sh"
)

SERVE = "trap 'exit 0' TERM; echo ready; while true; do sleep 0.05; done"
Make = Callable[..., RuntimeSpec]


@pytest.fixture
async def driver(tmp_path: Path) -> AsyncIterator[ProcessDriver]:
    made = ProcessDriver(tmp_path / "runtimes")
    yield made
    for handle, _ in await made.list_runtimes("a1"):
        await made.remove(handle)
    await made.aclose()


@pytest.fixture
def make(tmp_path: Path) -> Make:
    root = tmp_path / "project"
    root.mkdir()

    def build(script: str = SERVE, *, name: str = "slate-s1-1", **config: object) -> RuntimeSpec:
        return RuntimeSpec(
            name=name,
            labels=Labels(agent="a1", session="s1", project="p1", attempt=1, epoch=1),
            config=msgspec.convert(config, ContainerConfig),
            project_root=str(root),
            argv=["sh", "-c", script],
        )

    return build


async def ready(driver: ProcessDriver, spec: RuntimeSpec) -> Handle:
    handle = await driver.create(spec)
    await driver.start(handle)
    async for frames in driver.logs(handle):
        if frames:
            break
    return handle


async def texts(driver: ProcessDriver, handle: Handle) -> list[str]:
    return [f.data.decode() for b in [b async for b in driver.logs(handle)] for f in b]


AGENT = """
import asyncio, os, signal, sys
import msgspec
from pathlib import Path
from slate_desktop.agent.drivers.base import RuntimeSpec
from slate_desktop.agent.drivers.process import ProcessDriver

async def main():
    driver = ProcessDriver(Path(sys.argv[1]))
    handle = await driver.create(msgspec.json.decode(sys.stdin.read(), type=RuntimeSpec))
    await driver.start(handle)
    async for frames in driver.logs(handle):
        if frames:
            os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


async def test_runtime_and_log_survive_the_kill_of_the_agent(
    driver: ProcessDriver, make: Make, tmp_path: Path
) -> None:
    script = (
        "trap 'echo bye; exit 0' TERM; i=0; while true; do echo $i; i=$((i+1)); sleep 0.02; done"
    )
    agent = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", textwrap.dedent(AGENT), str(tmp_path / "runtimes")],
        input=msgspec.json.encode(make(script)),
        check=False,
        timeout=30,
    )
    assert agent.returncode == -signal.SIGKILL

    [(handle, state)] = await driver.list_runtimes("a1")
    assert state is RuntimeState.RUNNING
    seen = 0
    async for frames in driver.logs(handle):
        seen += len(frames)
        if seen > 20:
            break
    await driver.stop(handle, 5)
    lines = [text for text in await texts(driver, handle) if text != "Terminated"]

    assert lines == [str(n) for n in range(len(lines) - 1)] + ["bye"]
    assert (await driver.inspect(handle)).exit_code == 0


@pytest.fixture
def slow_shim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shim that takes a second from taking a runtime to starting its command."""
    shim = Path(process_shim.__file__).read_text(encoding="utf-8")
    begins = "    started_ns = time.time_ns()\n"
    assert shim.count(begins) == 1
    slow = tmp_path / "slow_shim.py"
    slow.write_text(shim.replace(begins, f"{begins}    time.sleep(1)\n"), encoding="utf-8")
    monkeypatch.setattr(process_shim, "__file__", str(slow))


@pytest.mark.usefixtures("slow_shim")
async def test_start_that_is_given_up_starts_nothing_later(
    driver: ProcessDriver, make: Make, tmp_path: Path
) -> None:
    has_run = tmp_path / "has-run"
    handle = await driver.create(make(f"touch {has_run}; exec sleep 600"))
    files = RuntimeFiles(Path(driver._root) / handle.runtime_id)

    starting = asyncio.create_task(driver.start(handle))
    async with asyncio.timeout(30):
        while not files.is_claimed():  # noqa: ASYNC110 - written by another process
            await asyncio.sleep(0.01)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    has_run.unlink(missing_ok=True)

    async with asyncio.timeout(30):
        while has_shim(files):  # noqa: ASYNC110 - the shim tells nobody of its end
            await asyncio.sleep(0.05)
    assert not has_run.exists()
    assert not files.path.exists()


def has_shim(files: RuntimeFiles) -> bool:
    """Tell whether a shim of a runtime is there."""
    return any(
        str(files.path) in (process.info["cmdline"] or ())
        for process in psutil.process_iter(["cmdline"])
    )


async def test_environment_is_free_of_the_agents_own(
    driver: ProcessDriver, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLATE_DATABASE_URL", "postgresql://u:secret@h/d")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    handle = await driver.create(make("env", env={"COLOUR": "teal"}))
    await driver.start(handle)

    lines = await texts(driver, handle)

    assert "COLOUR=teal" in lines
    assert any(line.startswith("PATH=") for line in lines)
    assert not any("secret" in line for line in lines)


async def test_spec_with_environment_is_private(driver: ProcessDriver, make: Make) -> None:
    handle = await driver.create(make(env={"TOKEN": "x"}))
    path = RuntimeFiles(Path(driver._root) / handle.runtime_id).path

    assert path.stat().st_mode & 0o077 == 0
    assert (path / "spec.json").stat().st_mode & 0o077 == 0


async def test_descendants_in_other_sessions_end_with_the_runtime(
    driver: ProcessDriver, make: Make
) -> None:
    if sys.platform != "linux":
        pytest.skip("not on this platform: needs a subreaper")
    handle = await ready(driver, make("setsid sleep 4321 & echo $!; sleep 0.3"))

    await asyncio.wait_for(driver.wait(handle), 30)
    pid = int((await texts(driver, handle))[0])

    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


async def test_reused_pid_is_not_taken_for_the_runtime(
    driver: ProcessDriver, make: Make, tmp_path: Path
) -> None:
    handle = await driver.create(make())
    bystander = await asyncio.create_subprocess_exec("sleep", "60")
    path = tmp_path / "runtimes" / handle.runtime_id
    (path / "claimed").touch()
    forged = {"pid": bystander.pid, "pid_ticks": 1, "shim_pid": bystander.pid, "shim_ticks": 1}
    (path / "pid.json").write_bytes(msgspec.json.encode({**forged, "started_ns": 1}))

    found = await driver.inspect(handle)
    await driver.stop(handle, 0)
    await driver.remove(handle)

    assert (found.state, found.exit_code) == (RuntimeState.EXITED, 137)
    assert bystander.returncode is None
    bystander.kill()
    await bystander.wait()


async def test_kill_of_the_shim_ends_the_runtime(
    driver: ProcessDriver, make: Make, tmp_path: Path
) -> None:
    if sys.platform != "linux":
        pytest.skip("not on this platform: needs a parent death signal")
    handle = await ready(driver, make())
    pid = RuntimeFiles(tmp_path / "runtimes" / handle.runtime_id).pid()
    assert pid is not None

    os.kill(pid.shim_pid, signal.SIGKILL)
    found = await asyncio.wait_for(driver.wait(handle), 30)

    assert (found.state, found.exit_code) == (RuntimeState.EXITED, 137)
    assert found.error


async def test_missing_command_is_refused_before_anything_exists(
    driver: ProcessDriver, make: Make
) -> None:
    spec = msgspec.structs.replace(make(), argv=["no-such-program"])

    with pytest.raises(CommandError) as caught:
        await driver.check(spec)
    assert caught.value.code is ErrorCode.COMMAND_NOT_FOUND

    handle = await driver.create(spec)
    with pytest.raises(CommandError) as caught:
        await driver.start(handle)
    assert caught.value.code is ErrorCode.COMMAND_NOT_FOUND
    assert await driver.list_runtimes("a1") == []


@pytest.mark.parametrize("name", ["..", "../x", "a/b", "", ".", "a\n"])
async def test_runtime_id_is_never_a_path(driver: ProcessDriver, make: Make, name: str) -> None:
    handle = Handle(driver=driver.name, runtime_id=name, name="x", labels=make().labels)

    with pytest.raises(CommandError) as caught:
        await driver.remove(handle)

    assert caught.value.code is ErrorCode.BAD_REQUEST


async def test_execution_uses_the_projects_directory_and_environment(
    driver: ProcessDriver, make: Make
) -> None:
    spec = make(env={"COLOUR": "teal"})
    handle = await ready(driver, spec)

    found = await driver.execute(handle, ["sh", "-c", "pwd; echo $COLOUR; echo no >&2"], 30)

    assert found.stdout == f"{spec.project_root}\nteal\n"
    assert found.stderr == "no\n"


async def test_execution_that_took_too_long_leaves_no_process(
    driver: ProcessDriver, make: Make, tmp_path: Path
) -> None:
    handle = await ready(driver, make())
    mark = tmp_path / "project" / "pid"

    with pytest.raises(CommandError):
        await driver.execute(handle, ["sh", "-c", "sleep 4322 & echo $! > pid; sleep 4322"], 3)

    pid = int(mark.read_text())
    psutil.wait_procs([psutil.Process(pid)] if psutil.pid_exists(pid) else [], timeout=20)
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


async def test_hello_sample_runs_and_stops_cleanly(driver: ProcessDriver, make: Make) -> None:
    sample = Path(__file__).parents[2] / "resources" / "samples" / "hello-runtime"
    spec = msgspec.structs.replace(
        make(), project_root=str(sample), argv=["{python}", "main.py", "--cpu", "0"]
    )
    handle = await ready(driver, spec)

    await driver.stop(handle, 10)

    lines = await texts(driver, handle)
    assert (await driver.inspect(handle)).exit_code == 0
    assert "Hello from SLATE" in lines[0]
    assert "Goodbye" in lines[-1]
