"""What a container may take: checked against the host, and changed while it runs."""

from __future__ import annotations

from slate_desktop.agent.drivers.base import DriverInfo, Handle
from slate_desktop.agent.drivers.docker.engine import Engine
from slate_desktop.errors import CommandError, ErrorCode, Retry

# Docker refuses less.
_MIN_MEMORY = 6 * 2**20
_MIN_CPUS = 0.01
_NO_LIMIT_CODE = 409


def check_limits(host: DriverInfo, memory_bytes: int | None, cpus: float | None) -> None:
    """Refuse more than the host has; None is no limit.

    Raises:
        CommandError: ``limit_denied`` naming the field.
    """
    if memory_bytes is not None and not _MIN_MEMORY <= memory_bytes <= host.memory_bytes:
        raise CommandError(
            ErrorCode.LIMIT_DENIED,
            f"memory must lie between 6 MiB and the host's {host.memory_bytes // 2**20} MiB",
            field="memory",
        )
    if cpus is not None and not _MIN_CPUS <= cpus <= host.cpus:
        raise CommandError(
            ErrorCode.LIMIT_DENIED,
            f"cpus must lie between 0.01 and the host's {host.cpus:g}",
            field="cpus",
        )


async def change_limits(
    engine: Engine, handle: Handle, *, memory_bytes: int | None, cpus: float | None
) -> None:
    """Change a running container's limits.

    The SDK knows only quota and period, which the engine refuses for a container that was made
    with ``NanoCpus``. Source: https://docs.docker.com/reference/api/engine/ (ContainerUpdate).

    Raises:
        CommandError: ``not_running``, or ``limit_denied`` with what the engine or the kernel says.
    """
    body: dict[str, int] = {}
    if memory_bytes is not None:
        body["Memory"] = body["MemorySwap"] = memory_bytes
    if cpus is not None:
        body["NanoCpus"] = round(cpus * 1_000_000_000)
    path = f"/containers/{handle.runtime_id}/update"
    async with engine.open("POST", path, body) as answer:
        if answer.status == 200:
            return
        text = await answer.message()
    if answer.status == 404:
        raise CommandError(ErrorCode.NOT_RUNNING, f"container {handle.name} is gone")
    is_refused = answer.status in (400, _NO_LIMIT_CODE, 500)
    raise CommandError(
        ErrorCode.LIMIT_DENIED if is_refused else ErrorCode.DOCKER_ERROR,
        f"Docker did not change the limits of {handle.name}: {text}",
        retry=Retry.NEVER if is_refused else Retry.LATER,
        field="memory" if memory_bytes is not None else "cpus",
    )
