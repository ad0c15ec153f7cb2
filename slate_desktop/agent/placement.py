"""Which driver runs a session on this host, and what this host advertises."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from slate_desktop.agent.drivers.base import DriverInfo
from slate_desktop.domain.container import DriverName
from slate_desktop.domain.engine import Engine
from slate_desktop.errors import CommandError, ErrorCode, Retry

Infos = Mapping[DriverName, DriverInfo]


def choose_driver(wanted: DriverName | None, engine: Engine, infos: Infos) -> DriverName:
    """Return the driver for a session.

    The one that was asked for; else local processes for a custom project (its command is made for
    this machine), and Docker before local processes for the engines.

    Raises:
        CommandError: ``docker_unavailable`` or ``bad_request`` saying what can be done.
    """
    if wanted is not None:
        return _explicit(wanted, infos)
    order = [DriverName.DOCKER, DriverName.PROCESS, DriverName.SCRIPTED]
    if engine == Engine.CUSTOM:
        order = [DriverName.PROCESS, DriverName.DOCKER, DriverName.SCRIPTED]
    for name in order:
        info = infos.get(name)
        if info is not None and info.is_available:
            return name
    raise CommandError(
        ErrorCode.DOCKER_UNAVAILABLE,
        f"no way to run {engine.value} projects on this host: {_reasons(infos)}",
        retry=Retry.LATER,
        hint="start Docker, or install the engine and choose the process driver",
    )


def capabilities(infos: Infos, *, builds: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return what this host can do, as the heartbeat and the agent's row carry it.

    Args:
        infos: fingerprints of the drivers.
        builds: what it says of builds; left out by an agent that takes none.
    """
    usable = [info for info in infos.values() if info.is_available]
    return {
        "drivers": sorted(info.driver.value for info in usable),
        "cpus": max((info.cpus for info in usable), default=0),
        "memory_bytes": max((info.memory_bytes for info in usable), default=0),
        "gpu": any(info.has_gpu for info in usable),
        **({"builds": dict(builds)} if builds else {}),
    }


def engines(infos: Infos) -> dict[str, Any]:
    """Return each driver's fingerprint as plain JSON values."""
    return {name.value: msgspec.to_builtins(info) for name, info in infos.items()}


def _explicit(wanted: DriverName, infos: Infos) -> DriverName:
    info = infos.get(wanted)
    if info is None:
        offered = ", ".join(sorted(name.value for name in infos)) or "none"
        raise CommandError(
            ErrorCode.BAD_REQUEST,
            f"this agent has no {wanted.value} driver (it has: {offered})",
            field="driver",
        )
    if info.is_available:
        return wanted
    code = ErrorCode.DOCKER_UNAVAILABLE if wanted == DriverName.DOCKER else ErrorCode.BAD_REQUEST
    raise CommandError(
        code,
        f"the {wanted.value} driver cannot work here: {info.reason or 'it is not available'}",
        field="driver",
        retry=Retry.LATER,
        hint="choose the process driver, or start Docker" if wanted == DriverName.DOCKER else "",
    )


def _reasons(infos: Infos) -> str:
    reasons = [f"{name.value}: {info.reason or 'unavailable'}" for name, info in infos.items()]
    return "; ".join(reasons) or "the agent has no drivers"
