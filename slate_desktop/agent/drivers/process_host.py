"""What this machine has and gives to local processes: environment, cores, memory, ports."""

from __future__ import annotations

import math
import os
import random
import re
import socket
import sys
from pathlib import Path

import psutil

from slate_desktop.agent.drivers.base import RuntimeSpec
from slate_desktop.errors import CommandError, ErrorCode

# What a command may see of the agent's own environment; everything else is left out.
_KEPT_ENV = re.compile(
    r"PATH|HOME|USER|LOGNAME|SHELL|LANG|LANGUAGE|LC_\w+|TZ|TERM|TMPDIR|TEMP|TMP|DISPLAY|XAUTHORITY"
    r"|WAYLAND_DISPLAY|XDG_\w+|LD_LIBRARY_PATH|SYSTEMROOT|SYSTEMDRIVE|WINDIR|COMSPEC|PATHEXT"
    r"|USERPROFILE|APPDATA|LOCALAPPDATA|PROGRAMDATA|PROGRAMFILES(\(X86\))?|NUMBER_OF_PROCESSORS"
)


def has_gpu() -> bool:
    """Tell whether this machine has a graphics card that programs can use."""
    return any(Path(path).exists() for path in ("/dev/nvidia0", "/dev/dri/renderD128"))


def environment(spec: RuntimeSpec) -> dict[str, str]:
    """Return what a command sees: the configuration's, and of the agent's what is harmless."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if _KEPT_ENV.fullmatch(name.upper() if os.name == "nt" else name)
    }
    return {**kept, **spec.config.env}


def cpu_set(cpus: float | None) -> list[int] | None:
    """Pick as many cores as the limit allows; None when it allows all of them."""
    if cpus is None or sys.platform != "linux":
        return None
    allowed = sorted(os.sched_getaffinity(0))
    wanted = max(1, math.ceil(cpus))
    return None if wanted >= len(allowed) else sorted(random.sample(allowed, wanted))


def check_limits(spec: RuntimeSpec) -> None:
    """Refuse more cores or memory than this machine has.

    Raises:
        CommandError: ``limit_denied``.
    """
    cores = os.cpu_count() or 1
    if spec.config.cpus is not None and not 0 < spec.config.cpus <= cores:
        raise CommandError(
            ErrorCode.LIMIT_DENIED, f"this host has {cores} CPUs, not {spec.config.cpus:g}",
            field="cpus",
        )  # fmt: skip
    total = psutil.virtual_memory().total
    if spec.config.memory_bytes is not None and not 0 < spec.config.memory_bytes <= total:
        raise CommandError(
            ErrorCode.LIMIT_DENIED, f"this host has {total // 2**20} MiB of memory", field="memory"
        )


def check_ports(ports: list[int]) -> None:
    """Refuse ports of this machine that somebody listens on.

    Raises:
        CommandError: ``port_conflict``.
    """
    for port in ports:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            if os.name == "posix":
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as exc:
                raise CommandError(
                    ErrorCode.PORT_CONFLICT,
                    f"port {port} is in use on this host",
                    field="ports",
                    details={"port": port},
                    hint="Stop the program that uses it, or choose another port.",
                ) from exc
