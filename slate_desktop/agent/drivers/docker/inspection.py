"""What the engine's inspect answers mean."""

from __future__ import annotations

from typing import Any

from slate_desktop.agent.drivers.base import DriverInfo, Inspection, RuntimeState
from slate_desktop.agent.drivers.docker.frames import parse_stamp
from slate_desktop.domain.container import DriverName

_STATES = {
    "created": RuntimeState.CREATED,
    "exited": RuntimeState.EXITED,
    "dead": RuntimeState.EXITED,
}
_AT_ONCE_NS = 1_000_000_000


def state_from(word: str) -> RuntimeState:
    """Return the state of a container from the engine's word for it."""
    return _STATES.get(word, RuntimeState.RUNNING)


def inspection_from(found: dict[str, Any], *, peak: int | None = None) -> Inspection:
    """Return the state of a container from its inspect answer."""
    raw = found.get("State") or {}
    state = state_from(str(raw.get("Status")))
    started = parse_stamp(str(raw.get("StartedAt") or ""))
    finished = parse_stamp(str(raw.get("FinishedAt") or ""))
    is_over = state is RuntimeState.EXITED
    if is_over and started is not None and finished is not None:
        # The engine may note a very short run's start a moment after its end.
        finished = max(finished, started)
    oom_killed = bool(raw.get("OOMKilled"))
    if oom_killed:
        # The kernel kills at the limit, so that was the peak even when no sample saw it.
        limit = int((found.get("HostConfig") or {}).get("Memory") or 0)
        peak = max(peak or 0, limit) or None
    exit_code = int(raw.get("ExitCode") or 0) if is_over else None
    return Inspection(
        state=state,
        exit_code=exit_code,
        oom_killed=oom_killed,
        error=_error(raw, exit_code, started, finished),
        image_digest=found.get("Image") or None,
        started_at_ns=started,
        finished_at_ns=finished if is_over else None,
        pid=int(raw.get("Pid") or 0) or None,
        memory_peak=peak,
    )


def sources_of(found: dict[str, Any]) -> list[str]:
    """Return the host directories that a container mounts."""
    mounts = (found.get("HostConfig") or {}).get("Mounts") or []
    return [str(mount["Source"]) for mount in mounts if mount.get("Type") == "bind"]


def driver_info(info: dict[str, Any]) -> DriverInfo:
    """Describe an engine from its ``info`` answer."""
    security = " ".join(info.get("SecurityOptions") or [])
    warnings = [str(text) for text in info.get("Warnings") or [] if text]
    if not info.get("LiveRestoreEnabled"):
        warnings.append("live-restore is off: containers end when the Docker engine restarts.")
    if "seccomp" not in security:
        warnings.append("This Docker engine filters no system calls (seccomp is off).")
    return DriverInfo(
        driver=DriverName.DOCKER,
        is_available=True,
        version=str(info.get("ServerVersion") or ""),
        cpus=float(info.get("NCPU") or 0),
        memory_bytes=int(info.get("MemTotal") or 0),
        has_gpu="nvidia" in (info.get("Runtimes") or {}),
        warnings=warnings,
    )


def _error(
    raw: dict[str, Any], exit_code: int | None, started: int | None, finished: int | None
) -> str | None:
    """Tell a program that is not there, which the container's init reports by its exit code."""
    if exit_code in (126, 127) and started and finished and finished - started < _AT_ONCE_NS:
        return "command_not_found"
    return str(raw.get("Error") or "") or None
