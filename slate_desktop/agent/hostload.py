"""How busy this host is, as the heartbeat carries it."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path
from typing import Any

import psutil

from slate_desktop.domain.hosts import HostLoad


class HostMeter:
    """CPU since the last reading, memory, and the disk that the agent works on.

    Args:
        directory: some folder on that disk.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        # The first call of psutil only begins to count.
        psutil.cpu_percent()

    def read(self) -> HostLoad:
        """Return the load now."""
        memory: Any = psutil.virtual_memory()
        total = free = 0
        with contextlib.suppress(OSError):
            disk = shutil.disk_usage(self._directory)
            total, free = disk.total, disk.free
        return HostLoad(
            cpu_percent=psutil.cpu_percent(),
            cpus=psutil.cpu_count() or 1,
            memory_used=int(memory.total - memory.available),
            memory_total=int(memory.total),
            disk_free=free,
            disk_total=total,
        )
