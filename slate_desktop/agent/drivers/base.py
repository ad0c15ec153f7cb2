"""The driver protocol: what the agent asks of Docker, of local processes, and of the script.

A *runtime* is one container or one process group, made for one attempt of one session. Its
``Handle`` is a plain value: an agent that restarts finds the runtime again from the handle, or from
``list_runtimes`` alone. A driver holds no truth of its own: what exists is what the engine says.

::

    absent → created → running → exited → absent
                └────────────────↗

Errors are ``CommandError`` with the codes of ``docs/error-codes.md`` (``image_missing``,
``port_conflict``, ``docker_unavailable`` …). An engine that cannot be reached raises
``docker_unavailable`` with retry ``later``: unreachable means unknown, never dead.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from enum import StrEnum
from typing import Protocol

import msgspec

from slate_desktop.domain.container import ContainerConfig, DriverName
from slate_desktop.domain.retention import DEFAULT_RUN_BYTES
from slate_desktop.domain.stats import ContainerStats


class RuntimeState(StrEnum):
    """What the engine says of a runtime."""

    ABSENT = "absent"
    CREATED = "created"
    RUNNING = "running"
    EXITED = "exited"


class Labels(msgspec.Struct, frozen=True, kw_only=True):
    """Whose a runtime is. Written on it at creation as ``slate.agent``, ``slate.session`` …."""

    agent: str
    session: str
    project: str
    attempt: int
    epoch: int


class RuntimeSpec(msgspec.Struct, frozen=True, kw_only=True):
    """All that a driver needs to create a runtime.

    Attributes:
        name: ``slate-<session id>-<attempt>``; creating the same name twice gives the first one.
        project_root: absolute path of the project on this host; every mount lies inside it.
        config: already checked and sized to this host.
        argv: the command for the process driver, and an override of the image's for Docker.
        image_bytes: what the image takes on disk, 0 where nobody knows; looked at before a pull.
        log_bytes: text that the run may log, which the engine's own log has to hold meanwhile; None
            for no limit.
    """

    name: str
    labels: Labels
    config: ContainerConfig
    project_root: str
    argv: list[str] | None = None
    image_bytes: int = 0
    log_bytes: int | None = DEFAULT_RUN_BYTES


class Handle(msgspec.Struct, frozen=True, kw_only=True):
    """Names a runtime; enough to find it again after the agent restarted.

    ``runtime_id`` is the engine's own id (container id, or the process driver's directory name).
    """

    driver: DriverName
    runtime_id: str
    name: str
    labels: Labels


class Inspection(msgspec.Struct, frozen=True, kw_only=True):
    """The engine's view of a runtime now. ``oom_killed`` may be true with exit code 0 (a child)."""

    state: RuntimeState
    exit_code: int | None = None
    oom_killed: bool = False
    error: str | None = None
    image_digest: str | None = None
    started_at_ns: int | None = None
    finished_at_ns: int | None = None
    pid: int | None = None
    memory_peak: int | None = None


class ExecResult(msgspec.Struct, frozen=True, kw_only=True):
    """Outcome of a command run inside a runtime; the streams are cut at 512 KiB each."""

    exit_code: int
    stdout: str
    stderr: str
    duration_ms: int
    truncated: bool = False


class LogFrame(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One line, or a piece of a long one, as the engine recorded it.

    ``ts_ns`` is the engine's stamp (UTC nanoseconds); ``ord`` counts frames of one stream with
    equal stamps, from 0, so that (stream, ts_ns, ord) is the same on every reading. ``data`` has no
    line end; ``partial`` is true when the line goes on in the next frame of the stream.
    ``is_after_gap`` marks the first frame of a batch when the engine may have thrown away lines
    before it that this reading never saw, and nobody knows how many; ``lost_lines`` counts those
    that are known to be gone.
    """

    stream: str
    ts_ns: int
    ord: int
    data: bytes
    partial: bool = False
    is_after_gap: bool = False
    lost_lines: int = 0


class DriverInfo(msgspec.Struct, frozen=True, kw_only=True):
    """Fingerprint of a driver on this host: what placement and the window's lamps show."""

    driver: DriverName
    is_available: bool
    reason: str = ""
    version: str = ""
    cpus: float = 0
    memory_bytes: int = 0
    has_gpu: bool = False
    warnings: list[str] = []


class Driver(Protocol):
    """One way to run runtimes. All methods are safe to call again; none blocks the loop."""

    name: DriverName

    async def fingerprint(self) -> DriverInfo:
        """Describe the engine; never raises for an engine that is away."""
        ...

    async def check(self, spec: RuntimeSpec) -> None:
        """Raise ``CommandError`` for a spec that this host refuses; changes nothing."""
        ...

    async def create(
        self, spec: RuntimeSpec, *, on_progress: Callable[[str], None] | None = None
    ) -> Handle:
        """Make the runtime (pulling its image when the config says so) without starting it."""
        ...

    async def start(self, handle: Handle) -> None:
        """Start it; does nothing when it runs. On failure no leftover remains."""
        ...

    async def inspect(self, handle: Handle) -> Inspection:
        """Return the engine's view; ``absent`` for one that is gone."""
        ...

    async def wait(self, handle: Handle) -> Inspection:
        """Return once the runtime has exited or is gone; goes on while the engine is away."""
        ...

    async def stop(self, handle: Handle, grace_s: float) -> None:
        """Ask it to end, kill it after ``grace_s`` seconds; success when it is already gone."""
        ...

    async def remove(self, handle: Handle) -> None:
        """Remove it and what belongs to it; success when it is already gone."""
        ...

    async def execute(self, handle: Handle, argv: list[str], timeout_s: float) -> ExecResult:
        """Run ``argv`` inside; ``exec_timeout`` ends the process too."""
        ...

    async def update(
        self, handle: Handle, *, memory_bytes: int | None = None, cpus: float | None = None
    ) -> None:
        """Change limits while it runs; None leaves one as it is.

        Raises ``limit_denied`` where the host has less, or where there are no limits to change.
        """
        ...

    async def stats(self, handle: Handle) -> ContainerStats:
        """Take one sample; ``not_running`` for a runtime that does not run."""
        ...

    def stats_at_once(self, handle: Handle) -> ContainerStats | None:
        """Take one sample without waiting; None where one has to wait: ``stats`` does."""
        ...

    def logs(
        self, handle: Handle, *, since_ns: int = 0, follow: bool = True
    ) -> AsyncIterator[list[LogFrame]]:
        """Yield batches of frames from ``since_ns`` (inclusive) until the runtime's log ends.

        Frames of one stream come in order. With ``follow`` the iterator ends only when the runtime
        has exited and everything was read, or raises when the engine goes away.
        """
        ...

    async def list_runtimes(self, agent_id: str) -> list[tuple[Handle, RuntimeState]]:
        """Return every runtime, running or not, that carries this agent's label."""
        ...

    async def aclose(self) -> None:
        """Release connections and threads; runtimes go on."""
        ...
