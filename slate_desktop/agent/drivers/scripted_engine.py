"""An engine in memory whose runtimes are scripts: for tests of everything above a driver.

It outlives the drivers made on it (``scripted``), as a real one outlives an agent, so that a second
driver adopts what a first one started. Nothing here touches the machine; a fault is raised where a
test asks for one.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

import msgspec

from slate_desktop.agent.drivers.base import (
    Handle,
    Inspection,
    LogFrame,
    RuntimeSpec,
    RuntimeState,
)

PIECE_BYTES = 16 * 1024
_MILLISECOND_NS = 1_000_000
# Exit codes as shells tell them: 128 and the signal.
KILLED = 137
_TERMINATED = 143


class Say(msgspec.Struct, frozen=True):
    """Write a text; it is a line unless ``has_end`` is false."""

    text: str
    stream: str = "stdout"
    has_end: bool = True


class Wait(msgspec.Struct, frozen=True):
    """Let time pass."""

    seconds: float


class Hold(msgspec.Struct, frozen=True):
    """Go on until somebody stops the runtime."""


class Use(msgspec.Struct, frozen=True):
    """Use memory from now on; more than the limit is an out-of-memory kill."""

    memory_bytes: int
    cpu_percent: float = 0.0


class Exit(msgspec.Struct, frozen=True):
    """End with a code."""

    code: int = 0


Step = Say | Wait | Hold | Use | Exit


class Script(msgspec.Struct, frozen=True):
    """What a runtime does, and what it does when it is asked to end.

    ``on_stop`` None means that it ignores the request, and ends only when it is killed.
    """

    steps: tuple[Step, ...]
    on_stop: tuple[Step, ...] | None = (Exit(_TERMINATED),)


@dataclass(eq=False)
class ScriptedRuntime:
    """A runtime of a scripted engine: what it was made with, and where it stands."""

    spec: RuntimeSpec
    handle: Handle
    script: Script
    state: RuntimeState = RuntimeState.CREATED
    exit_code: int | None = None
    oom_killed: bool = False
    started_ns: int | None = None
    finished_ns: int | None = None
    memory_bytes: int = 8 * 1024 * 1024
    memory_peak: int = 0
    cpu_percent: float = 0.0
    frames: list[LogFrame] = field(default_factory=list[LogFrame])
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None

    def wake(self) -> None:
        """Tell everybody who waits that something happened."""
        self.changed.set()
        self.changed = asyncio.Event()

    def inspection(self) -> Inspection:
        """Return what an engine says of the runtime."""
        return Inspection(
            state=self.state,
            exit_code=self.exit_code,
            oom_killed=self.oom_killed,
            started_at_ns=self.started_ns,
            finished_at_ns=self.finished_ns,
            memory_peak=self.memory_peak or None,
        )


class ScriptedEngine:
    """Holds the runtimes, and what a test has decided about the world.

    Attributes:
        scripts: by the first word of a runtime's argv.
        faults: an error to raise, by the name of the driver's method, until it is taken out.
        ports_in_use: host ports that are taken.
        is_away: whether the engine cannot be reached.
        calls: every call of a driver, in order, as ``(method, runtime name)``.
    """

    def __init__(self, scripts: dict[str, Script], *, start_ns: int | None = None) -> None:
        self.scripts = scripts
        self.faults: dict[str, Exception] = {}
        self.ports_in_use: set[int] = set()
        self.is_away = False
        self.calls: list[tuple[str, str]] = []
        self.cpus = 4.0
        self.memory_bytes = 16 * 1024**3
        self._runtimes: dict[str, ScriptedRuntime] = {}
        self._now_ns = time.time_ns() if start_ns is None else start_ns

    def now_ns(self) -> int:
        """Return the engine's time, which moves by a millisecond with every look."""
        self._now_ns += _MILLISECOND_NS
        return self._now_ns

    def find(self, runtime_id: str) -> ScriptedRuntime | None:
        """Return a runtime by its id."""
        return self._runtimes.get(runtime_id)

    def runtimes(self) -> list[ScriptedRuntime]:
        """Return every runtime."""
        return list(self._runtimes.values())

    def add(self, runtime: ScriptedRuntime) -> None:
        """Keep a runtime."""
        self._runtimes[runtime.handle.runtime_id] = runtime

    def drop(self, runtime_id: str) -> None:
        """Forget a runtime."""
        self._runtimes.pop(runtime_id, None)

    def crash(self, runtime_id: str, code: int = 139, *, oom_killed: bool = False) -> None:
        """End a runtime from outside, as the kernel would."""
        runtime = self._runtimes[runtime_id]
        if runtime.task is not None:
            runtime.task.cancel()
        self.finish(runtime, code, oom_killed=oom_killed)

    def say(self, runtime_id: str, text: str, stream: str = "stdout") -> None:
        """Let a runtime write a line now."""
        self.write(self._runtimes[runtime_id], Say(text, stream))

    async def aclose(self) -> None:
        """End every script."""
        tasks = [runtime.task for runtime in self.runtimes() if runtime.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def launch(self, runtime: ScriptedRuntime) -> None:
        """Start a runtime's script."""
        runtime.state = RuntimeState.RUNNING
        runtime.started_ns = self.now_ns()
        self.play(runtime, runtime.script.steps)

    def play(self, runtime: ScriptedRuntime, steps: tuple[Step, ...]) -> None:
        """Go on with other steps."""
        if runtime.task is not None:
            runtime.task.cancel()
        runtime.task = asyncio.create_task(
            self._run(runtime, steps), name=f"script-{runtime.handle.name}"
        )

    def finish(self, runtime: ScriptedRuntime, code: int, *, oom_killed: bool = False) -> None:
        """Note a runtime's end."""
        if runtime.state is RuntimeState.EXITED:
            return
        runtime.state = RuntimeState.EXITED
        runtime.exit_code = code
        runtime.oom_killed = oom_killed
        runtime.finished_ns = self.now_ns()
        runtime.wake()

    def write(self, runtime: ScriptedRuntime, step: Say) -> None:
        """Append a text to the log, cut as a real engine cuts it."""
        data, now_ns, order = step.text.encode(), self.now_ns(), 0
        while len(data) > PIECE_BYTES or (order == 0 or data):
            piece, data = data[:PIECE_BYTES], data[PIECE_BYTES:]
            runtime.frames.append(
                LogFrame(
                    stream=step.stream, ts_ns=now_ns, ord=order, data=piece, partial=bool(data)
                )
            )
            order += 1
        runtime.wake()

    async def _run(self, runtime: ScriptedRuntime, steps: tuple[Step, ...]) -> None:
        for step in steps:
            match step:
                case Say():
                    self.write(runtime, step)
                case Wait(seconds):
                    await asyncio.sleep(seconds)
                case Hold():
                    await asyncio.Event().wait()
                case Use(memory_bytes, cpu_percent):
                    runtime.memory_bytes, runtime.cpu_percent = memory_bytes, cpu_percent
                    runtime.memory_peak = max(runtime.memory_peak, memory_bytes)
                    limit = runtime.spec.config.memory_bytes
                    if limit is not None and memory_bytes > limit:
                        self.finish(runtime, KILLED, oom_killed=True)
                        return
                case Exit(code):
                    self.finish(runtime, code)
                    return
            await asyncio.sleep(0)
        self.finish(runtime, 0)
