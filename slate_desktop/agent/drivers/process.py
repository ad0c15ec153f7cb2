"""Runs runtimes as local processes, for machines without a container engine.

Each runtime has a directory below the agent's state: what it was created with, who runs, its
output, and how it ended. The shim (``process_shim``) writes them and outlives the agent, so that an
agent which starts again finds everything there. This driver isolates nothing: the command runs as
the agent's user, in the project's directory, with an environment free of the agent's own settings.
Its network counters are zero, since it shares the host's network.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import psutil

from slate_desktop.agent.drivers import process_shim
from slate_desktop.agent.drivers.base import (
    DriverInfo,
    ExecResult,
    Handle,
    Inspection,
    LogFrame,
    RuntimeSpec,
    RuntimeState,
)
from slate_desktop.agent.drivers.commands import check_program, expand_command
from slate_desktop.agent.drivers.fileticks import PERIOD_S, FileTicks, stamps_of
from slate_desktop.agent.drivers.gpu import GpuMeter
from slate_desktop.agent.drivers.process_exec import run_command
from slate_desktop.agent.drivers.process_files import RuntimeFiles, Spec, SpoolReader
from slate_desktop.agent.drivers.process_host import (
    check_limits,
    check_ports,
    cpu_set,
    environment,
    has_gpu,
)
from slate_desktop.agent.drivers.process_stats import TreeSampler
from slate_desktop.agent.mounts import check_project_root
from slate_desktop.domain.container import DriverName
from slate_desktop.domain.stats import ContainerStats
from slate_desktop.errors import CommandError, ErrorCode, Retry
from slate_desktop.settings import paths

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
_LAUNCH_TIMEOUT_S = 10.0
_POLL_S = 0.05
_LOG_POLL_MIN_S = 0.01
_LOG_LOOK_S = 0.5
_KILL_TIMEOUT_S = 5.0


class ProcessDriver:
    """Runs each runtime as a process group of its own.

    Args:
        state_dir: where the runtimes' directories live; belongs to one agent.
    """

    name = DriverName.PROCESS

    def __init__(self, state_dir: Path) -> None:
        self._root = Path(state_dir)
        self._samplers: dict[str, TreeSampler] = {}
        self._gpu = GpuMeter()
        self._log_ticks = FileTicks()

    async def fingerprint(self) -> DriverInfo:
        """Describe this machine."""
        warnings: list[str] = []
        if sys.platform != "linux":
            warnings.append("Memory limits of local processes are enforced on Linux only.")
        return DriverInfo(
            driver=self.name,
            is_available=True,
            version=f"Python {sys.version.split()[0]}",
            cpus=float(os.cpu_count() or 1),
            memory_bytes=psutil.virtual_memory().total,
            has_gpu=has_gpu(),
            warnings=warnings,
        )

    async def check(self, spec: RuntimeSpec) -> None:
        """Refuse a command that is not there, limits beyond this machine, ports in use."""
        root = str(check_project_root(spec.project_root))
        argv = _argv(spec, root)
        check_program(argv, root, environment(spec))
        check_limits(spec)
        check_ports(_host_ports(spec))

    async def create(
        self, spec: RuntimeSpec, *, on_progress: Callable[[str], None] | None = None
    ) -> Handle:
        """Write the runtime's directory; a second time returns what the first one made."""
        del on_progress
        files = self._files(spec.name)
        root = str(check_project_root(spec.project_root))
        if files.spec() is None:
            await asyncio.to_thread(_write_spec, files.path, _shim_spec(spec, root))
        stored = files.spec()
        if stored is None or stored.labels.session != spec.labels.session:
            raise CommandError(
                ErrorCode.INTERNAL, f"the directory of runtime {spec.name} belongs to another one"
            )
        return Handle(driver=self.name, runtime_id=spec.name, name=spec.name, labels=stored.labels)

    async def start(self, handle: Handle) -> None:
        """Launch the shim and wait until the command runs."""
        files = self._files(handle.runtime_id)
        spec = files.spec()
        if spec is None:
            raise CommandError(ErrorCode.NOT_FOUND, f"there is no runtime {handle.name}")
        if files.is_claimed():
            await self._await_launch(handle, files)
            return
        try:
            check_ports(spec.ports)
            await _launch(files.path)
            await self._await_launch(handle, files)
        except BaseException:
            with contextlib.suppress(CommandError):
                await self.remove(handle)
            raise

    async def inspect(self, handle: Handle) -> Inspection:
        """Return what the files and the process table say."""
        return _inspect(self._files(handle.runtime_id))

    async def wait(self, handle: Handle) -> Inspection:
        """Return once the command has ended or the directory is gone."""
        while True:
            found = await self.inspect(handle)
            if found.state in (RuntimeState.EXITED, RuntimeState.ABSENT):
                return found
            await asyncio.sleep(_POLL_S)

    async def stop(self, handle: Handle, grace_s: float) -> None:
        """Send SIGTERM to the process group, and SIGKILL after the grace."""
        files = self._files(handle.runtime_id)
        for number, patience_s in (
            (signal.SIGTERM, grace_s),
            (getattr(signal, "SIGKILL", signal.SIGTERM), _KILL_TIMEOUT_S),
        ):
            if _inspect(files).state is not RuntimeState.RUNNING:
                return
            _signal_group(files, number)
            if await self._has_ended(handle, patience_s):
                return
        raise CommandError(
            ErrorCode.INTERNAL,
            f"runtime {handle.name} could not be killed",
            retry=Retry.LATER,
            hint="A process in uninterruptible sleep waits for a disk or a driver.",
        )

    async def remove(self, handle: Handle) -> None:
        """Kill what still runs and delete the directory."""
        files = self._files(handle.runtime_id)
        if _inspect(files).state is RuntimeState.CREATED and not files.claim():
            # A shim is about to start the command, and writes what comes of it.
            await self._await_pid(files)
        if _inspect(files).state is RuntimeState.RUNNING:
            await self.stop(handle, 0)
        self._samplers.pop(handle.runtime_id, None)
        await asyncio.to_thread(shutil.rmtree, files.path, True)

    async def execute(self, handle: Handle, argv: list[str], timeout_s: float) -> ExecResult:
        """Run a command beside the runtime: its directory, its environment, its own process."""
        files = self._files(handle.runtime_id)
        spec = files.spec()
        if spec is None or _inspect(files).state is not RuntimeState.RUNNING:
            raise _not_running(handle)
        return await run_command(argv, cwd=spec.cwd, env=spec.env, timeout_s=timeout_s)

    async def update(
        self, handle: Handle, *, memory_bytes: int | None = None, cpus: float | None = None
    ) -> None:
        """Refuse: nothing limits a local process."""
        wanted = "memory" if memory_bytes is not None or cpus is None else "cpus"
        raise CommandError(
            ErrorCode.LIMIT_DENIED,
            f"{handle.name} is a local process, which has no limits that can be changed",
            field=wanted,
            hint="Run the session in a container to limit it.",
        )

    async def stats(self, handle: Handle) -> ContainerStats:
        """Add up the process tree."""
        if (sample := self.stats_at_once(handle)) is None:
            raise _not_running(handle)
        return sample

    def stats_at_once(self, handle: Handle) -> ContainerStats | None:
        """Add up the process tree; None for one that does not run."""
        files = self._files(handle.runtime_id)
        pid = files.pid()
        spec = files.spec()
        if pid is None or spec is None or _inspect(files).state is not RuntimeState.RUNNING:
            self._samplers.pop(handle.runtime_id, None)
            return None
        sampler = self._samplers.setdefault(handle.runtime_id, TreeSampler(pid.pid))
        sample = sampler.sample(memory_limit=spec.memory_bytes or 0)
        use = self._gpu.use(sampler.pids) if sample is not None else None
        if sample is None or use is None:
            return sample
        return msgspec.structs.replace(sample, gpu_percent=use[0], gpu_memory=use[1])

    async def logs(
        self, handle: Handle, *, since_ns: int = 0, follow: bool = True
    ) -> AsyncIterator[list[LogFrame]]:
        """Read the spool, waiting for more while the runtime lives."""
        files = self._files(handle.runtime_id)
        reader = SpoolReader(files, since_ns)
        pause_s = _LOG_POLL_MIN_S
        while True:
            known = stamps_of([files.path, *reader.places])
            # Looked at before reading: what is written after the end of the process is none.
            is_over = not follow or _inspect(files).state in (
                RuntimeState.EXITED,
                RuntimeState.ABSENT,
            )
            has_read = False
            while frames := reader.read():
                has_read = True
                yield frames
            if is_over:
                return
            pause_s = _LOG_POLL_MIN_S if has_read else pause_s * 2
            if pause_s < PERIOD_S:
                await asyncio.sleep(pause_s)
            else:
                # A runtime whose shim was killed changes nothing: it is looked at now and then.
                await self._log_ticks.changed(known, timeout_s=_LOG_LOOK_S)

    async def list_runtimes(self, agent_id: str) -> list[tuple[Handle, RuntimeState]]:
        """Return the runtimes whose directories carry this agent's label."""
        found: list[tuple[Handle, RuntimeState]] = []
        if not self._root.is_dir():
            return found
        for path in sorted(self._root.iterdir()):
            files = RuntimeFiles(path)
            spec = files.spec()
            if spec is not None and spec.labels.agent == agent_id:
                handle = Handle(
                    driver=self.name, runtime_id=path.name, name=spec.name, labels=spec.labels
                )
                found.append((handle, _inspect(files).state))
        return found

    async def aclose(self) -> None:
        """Let go of the samplers; the shims go on."""
        self._log_ticks.close()
        self._samplers.clear()
        await self._gpu.aclose()

    def _files(self, runtime_id: str) -> RuntimeFiles:
        if _NAME.fullmatch(runtime_id) is None:
            raise CommandError(ErrorCode.BAD_REQUEST, "a runtime's name has characters it may not")
        return RuntimeFiles(self._root / runtime_id)

    async def _await_launch(self, handle: Handle, files: RuntimeFiles) -> None:
        deadline = time.monotonic() + _LAUNCH_TIMEOUT_S
        while time.monotonic() < deadline:
            if files.pid() is not None:
                return
            ending = files.exit()
            if ending is not None and ending.error is not None:
                await self.remove(handle)
                raise CommandError(
                    ErrorCode.COMMAND_NOT_FOUND,
                    f"the command could not be started: {ending.message}",
                    field="command",
                )
            await asyncio.sleep(_LOG_POLL_MIN_S)
        raise CommandError(
            ErrorCode.INTERNAL,
            f"runtime {handle.name} did not start within {_LAUNCH_TIMEOUT_S:.0f} s",
            retry=Retry.LATER,
        )

    async def _await_pid(self, files: RuntimeFiles) -> None:
        """Wait until a shim that has begun started its command, or could not."""
        deadline = time.monotonic() + _LAUNCH_TIMEOUT_S
        while time.monotonic() < deadline:
            if files.pid() is not None or files.exit() is not None:
                return
            await asyncio.sleep(_LOG_POLL_MIN_S)

    async def _has_ended(self, handle: Handle, timeout_s: float) -> bool:
        try:
            await asyncio.wait_for(self.wait(handle), timeout_s)
        except TimeoutError:
            return False
        return True


def _inspect(files: RuntimeFiles) -> Inspection:
    pid = files.pid()
    started = pid.started_ns if pid else None
    ending = files.exit()
    if ending is None and pid is not None and (pid.is_shim_alive() or pid.is_alive()):
        return Inspection(state=RuntimeState.RUNNING, pid=pid.pid, started_at_ns=started)
    # The shim may have written its last file between the two looks.
    ending = ending or files.exit()
    if ending is not None:
        return Inspection(
            state=RuntimeState.EXITED,
            exit_code=ending.exit_code,
            oom_killed=ending.oom_killed,
            error=ending.error or _startup_error(ending.exit_code, started, ending.finished_ns),
            started_at_ns=started,
            finished_at_ns=ending.finished_ns,
            memory_peak=ending.memory_peak,
        )
    if pid is not None:
        return Inspection(
            state=RuntimeState.EXITED,
            exit_code=137,
            error="the runtime and its watcher were killed from outside, or the machine restarted",
            started_at_ns=started,
        )
    if files.spec() is not None:
        return Inspection(state=RuntimeState.CREATED)
    return Inspection(state=RuntimeState.ABSENT)


def _startup_error(code: int, started_ns: int | None, finished_ns: int) -> str | None:
    """Shells and wrappers report a missing program this way, at once."""
    is_at_once = started_ns is not None and finished_ns - started_ns < 1_000_000_000
    return "command_not_found" if code in (126, 127) and is_at_once else None


def _argv(spec: RuntimeSpec, root: str) -> list[str]:
    command = spec.argv or spec.config.command
    if not command:
        raise CommandError(
            ErrorCode.COMMAND_NOT_FOUND,
            "this runtime has no command",
            field="command",
            hint="Set one with --command, or in the project's details.",
        )
    return expand_command(command, root)


def _shim_spec(spec: RuntimeSpec, root: str) -> Spec:
    return Spec(
        name=spec.name,
        labels=spec.labels,
        argv=_argv(spec, root),
        cwd=root,
        env=environment(spec),
        memory_bytes=spec.config.memory_bytes,
        cpu_set=cpu_set(spec.config.cpus),
        ports=_host_ports(spec),
    )


def _host_ports(spec: RuntimeSpec) -> list[int]:
    return sorted({port for port in spec.config.ports.values() if port})


def _write_spec(path: Path, spec: Spec) -> None:
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    process_shim.write_json(str(path), "spec.json", json.loads(msgspec.json.encode(spec)))


async def _launch(path: Path) -> None:
    """Start the shim; on POSIX its first process ends at once and leaves the second to init."""
    with (path / "shim.log").open("ab") as log:
        launcher = await asyncio.create_subprocess_exec(
            paths.python_program(),
            "-I",
            process_shim.__file__,
            str(path),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=path,
            # DETACHED_PROCESS and CREATE_NEW_PROCESS_GROUP
            creationflags=0 if os.name == "posix" else 0x00000008 | 0x00000200,
        )
    if os.name == "posix":
        await asyncio.wait_for(launcher.wait(), _LAUNCH_TIMEOUT_S)


def _signal_group(files: RuntimeFiles, number: int) -> None:
    pid = files.pid()
    if pid is None or not pid.is_alive():
        return
    with contextlib.suppress(OSError):
        if os.name == "posix":
            os.killpg(pid.pid, number)
        else:
            os.kill(pid.pid, number)


def _not_running(handle: Handle) -> CommandError:
    return CommandError(ErrorCode.NOT_RUNNING, f"runtime {handle.name} does not run")
