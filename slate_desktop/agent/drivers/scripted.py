"""The driver protocol on runtimes that are scripts in memory (``scripted_engine``)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import msgspec

from slate_desktop.agent.drivers.base import (
    DriverInfo,
    ExecResult,
    Handle,
    Inspection,
    LogFrame,
    RuntimeSpec,
    RuntimeState,
)
from slate_desktop.agent.drivers.process_exec import CutBuffer
from slate_desktop.agent.drivers.scripted_engine import (
    KILLED,
    Script,
    ScriptedEngine,
    ScriptedRuntime,
)
from slate_desktop.domain.container import DriverName
from slate_desktop.domain.stats import ContainerStats
from slate_desktop.errors import CommandError, ErrorCode, Retry


class ScriptedDriver:
    """The driver protocol on a ``ScriptedEngine``."""

    name = DriverName.SCRIPTED

    def __init__(self, engine: ScriptedEngine) -> None:
        self._engine = engine

    async def fingerprint(self) -> DriverInfo:
        """Describe the engine."""
        if self._engine.is_away:
            return DriverInfo(driver=self.name, is_available=False, reason="the engine is away")
        return DriverInfo(
            driver=self.name,
            is_available=True,
            version="1",
            cpus=self._engine.cpus,
            memory_bytes=self._engine.memory_bytes,
        )

    async def check(self, spec: RuntimeSpec) -> None:
        """Refuse a script that is not there, and limits beyond the engine's."""
        self._enter("check", spec.name)
        self._script(spec)
        if (spec.config.memory_bytes or 1) > self._engine.memory_bytes:
            raise CommandError(ErrorCode.LIMIT_DENIED, "not so much memory", field="memory")
        if (spec.config.cpus or 1) > self._engine.cpus:
            raise CommandError(ErrorCode.LIMIT_DENIED, "not so many CPUs", field="cpus")

    async def create(
        self, spec: RuntimeSpec, *, on_progress: Callable[[str], None] | None = None
    ) -> Handle:
        """Make the runtime; the same name gives the first one."""
        self._enter("create", spec.name)
        found = self._engine.find(spec.name)
        if found is not None:
            return found.handle
        handle = Handle(driver=self.name, runtime_id=spec.name, name=spec.name, labels=spec.labels)
        if on_progress is not None:
            on_progress("Reading the script")
        self._engine.add(ScriptedRuntime(spec, handle, self._script(spec)))
        return handle

    async def start(self, handle: Handle) -> None:
        """Start the script."""
        runtime = self._need(handle)
        if runtime.state is not RuntimeState.CREATED:
            return
        try:
            self._enter("start", handle.name)
            self._check_ports(runtime)
        except CommandError as exc:
            if exc.code is not ErrorCode.DOCKER_UNAVAILABLE:
                self._engine.drop(handle.runtime_id)
            raise
        self._engine.launch(runtime)

    async def inspect(self, handle: Handle) -> Inspection:
        """Return the runtime's state."""
        self._enter("inspect", handle.name)
        runtime = self._engine.find(handle.runtime_id)
        return Inspection(state=RuntimeState.ABSENT) if runtime is None else runtime.inspection()

    async def wait(self, handle: Handle) -> Inspection:
        """Return once the runtime has ended or is gone."""
        while True:
            runtime = self._engine.find(handle.runtime_id)
            if runtime is None:
                return Inspection(state=RuntimeState.ABSENT)
            if runtime.state is RuntimeState.EXITED:
                return runtime.inspection()
            await runtime.changed.wait()

    async def stop(self, handle: Handle, grace_s: float) -> None:
        """Play the script's ``on_stop``, and kill it after the grace."""
        self._enter("stop", handle.name)
        runtime = self._engine.find(handle.runtime_id)
        if runtime is None or runtime.state is not RuntimeState.RUNNING:
            return
        if runtime.script.on_stop is not None:
            self._engine.play(runtime, runtime.script.on_stop)
        try:
            await asyncio.wait_for(self.wait(handle), grace_s)
        except TimeoutError:
            self._engine.crash(handle.runtime_id, KILLED)

    async def remove(self, handle: Handle) -> None:
        """Kill what runs and forget it."""
        self._enter("remove", handle.name)
        runtime = self._engine.find(handle.runtime_id)
        if runtime is None:
            return
        if runtime.task is not None:
            runtime.task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await runtime.task
        self._engine.drop(handle.runtime_id)
        runtime.wake()

    async def execute(self, handle: Handle, argv: list[str], timeout_s: float) -> ExecResult:
        """Run one of the few commands that the script's world has."""
        self._enter("execute", handle.name)
        self._need_running(handle)
        try:
            code, text = await asyncio.wait_for(_command(argv), timeout_s)
        except TimeoutError as exc:
            raise CommandError(
                ErrorCode.EXEC_TIMEOUT, f"the command did not end within {timeout_s:g} s"
            ) from exc
        out = CutBuffer()
        out.add(text.encode())
        return ExecResult(
            exit_code=code, stdout=out.text(), stderr="", duration_ms=1, truncated=out.is_cut
        )

    async def update(
        self, handle: Handle, *, memory_bytes: int | None = None, cpus: float | None = None
    ) -> None:
        """Change what the runtime may take."""
        self._enter("update", handle.name)
        runtime = self._need_running(handle)
        if (memory_bytes or 1) > self._engine.memory_bytes:
            raise CommandError(ErrorCode.LIMIT_DENIED, "not so much memory", field="memory")
        config = runtime.spec.config
        config = msgspec.structs.replace(
            config,
            memory_bytes=config.memory_bytes if memory_bytes is None else memory_bytes,
            cpus=config.cpus if cpus is None else cpus,
        )
        runtime.spec = msgspec.structs.replace(runtime.spec, config=config)

    async def stats(self, handle: Handle) -> ContainerStats:
        """Return what the script says that it uses."""
        self._enter("stats", handle.name)
        runtime = self._need_running(handle)
        return ContainerStats(
            cpu_percent=runtime.cpu_percent,
            memory_usage=runtime.memory_bytes,
            memory_limit=runtime.spec.config.memory_bytes or 0,
            network_rx_bytes=0,
            network_tx_bytes=0,
            sampled_at_ns=self._engine.now_ns(),
            pids=1,
            memory_peak=max(runtime.memory_peak, runtime.memory_bytes),
        )

    def stats_at_once(self, handle: Handle) -> ContainerStats | None:  # noqa: ARG002
        """Return None: this engine is always asked."""
        return None

    async def logs(
        self, handle: Handle, *, since_ns: int = 0, follow: bool = True
    ) -> AsyncIterator[list[LogFrame]]:
        """Yield what the script wrote."""
        self._enter("logs", handle.name)
        position = 0
        while True:
            runtime = self._engine.find(handle.runtime_id)
            if runtime is None:
                return
            changed, is_over = runtime.changed, runtime.state is RuntimeState.EXITED
            frames = [frame for frame in runtime.frames[position:] if frame.ts_ns >= since_ns]
            position = len(runtime.frames)
            if frames:
                yield frames
            elif is_over or not follow:
                return
            else:
                await changed.wait()
            self._enter("logs", handle.name)

    async def list_runtimes(self, agent_id: str) -> list[tuple[Handle, RuntimeState]]:
        """Return the runtimes of an agent."""
        self._enter("list_runtimes", agent_id)
        return [
            (runtime.handle, runtime.state)
            for runtime in self._engine.runtimes()
            if runtime.handle.labels.agent == agent_id
        ]

    async def aclose(self) -> None:
        """Let go; the engine's runtimes go on."""

    def _enter(self, method: str, name: str) -> None:
        self._engine.calls.append((method, name))
        if self._engine.is_away:
            raise CommandError(
                ErrorCode.DOCKER_UNAVAILABLE, "the engine is away", retry=Retry.LATER
            )
        fault = self._engine.faults.get(method)
        if fault is not None:
            raise fault

    def _script(self, spec: RuntimeSpec) -> Script:
        argv = spec.argv or spec.config.command or []
        script = self._engine.scripts.get(argv[0] if argv else "")
        if script is None:
            raise CommandError(
                ErrorCode.COMMAND_NOT_FOUND, f"there is no script for {argv!r}", field="command"
            )
        return script

    def _check_ports(self, runtime: ScriptedRuntime) -> None:
        taken = self._engine.ports_in_use.intersection(runtime.spec.config.ports.values())
        if taken:
            raise CommandError(
                ErrorCode.PORT_CONFLICT,
                f"port {min(taken)} is in use on this host",
                field="ports",
                details={"port": min(taken)},
            )

    def _need(self, handle: Handle) -> ScriptedRuntime:
        runtime = self._engine.find(handle.runtime_id)
        if runtime is None:
            raise CommandError(ErrorCode.NOT_FOUND, f"there is no runtime {handle.name}")
        return runtime

    def _need_running(self, handle: Handle) -> ScriptedRuntime:
        runtime = self._engine.find(handle.runtime_id)
        if runtime is None or runtime.state is not RuntimeState.RUNNING:
            raise CommandError(ErrorCode.NOT_RUNNING, f"runtime {handle.name} does not run")
        return runtime


async def _command(argv: list[str]) -> tuple[int, str]:
    match argv:
        case ["true"]:
            return 0, ""
        case ["false"]:
            return 1, ""
        case ["echo", *words]:
            return 0, " ".join(words) + "\n"
        case ["sleep", seconds]:
            await asyncio.sleep(float(seconds))
            return 0, ""
        case ["seq", first, last]:
            return 0, "".join(f"{n}\n" for n in range(int(first), int(last) + 1))
        case _:
            return 127, ""
