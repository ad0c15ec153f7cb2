"""Room on this host's disks."""

from __future__ import annotations

import shutil
from pathlib import Path

from slate_desktop.errors import CommandError, ErrorCode, Retry

# What the host itself, its logs and its database go on with.
RESERVE_BYTES = 512 * 2**20


def check_disk(path: Path, needed_bytes: int, what: str) -> None:
    """Make sure that there is room, before it is filled half-way.

    Args:
        path: on the disk in question; need not exist yet.
        needed_bytes: what is to be written.
        what: the beginning of the sentence that refuses it.

    Raises:
        CommandError: ``disk_low``.
    """
    existing = path
    while not existing.exists():
        existing = existing.parent
    free = shutil.disk_usage(existing).free
    if free < needed_bytes:
        raise CommandError(
            ErrorCode.DISK_LOW,
            f"{what} needs {needed_bytes / 2**30:.1f} GiB of disk, "
            f"{free / 2**30:.1f} GiB are free on the worker",
            retry=Retry.LATER,
            hint="Free some space, or move the agent's data directory.",
        )
