"""What a crash left of a PostgreSQL: a server that still runs, or lock files of one that is gone.

PostgreSQL itself refuses to start when the pid in its lock file belongs to any process of the same
user, so a reused pid would block it for ever. Nothing is signalled that is not this very server.
"""

from __future__ import annotations

import contextlib
import os
import signal
import stat
from pathlib import Path

import psutil

from slate_desktop.errors import StackError
from slate_desktop.settings import files
from slate_desktop.stack import process
from slate_desktop.stack.postgres_home import Home

# postmaster.pid names its start in whole seconds.
_START_TOLERANCE_S = 5.0
_MAX_PID_FILE_BYTES = 4096


async def clear(home: Home, *, stop_timeout_s: float) -> None:
    """End a server that a crash left on this cluster, then remove its lock files.

    Raises:
        StackError: it does not end.
    """
    pid_file = home.cluster / "postmaster.pid"
    identity = find_server(pid_file, home)
    if identity is not None:
        for number in (signal.SIGINT, getattr(signal, "SIGQUIT", signal.SIGTERM)):
            identity.send_signal(number)
            if await identity.wait_gone(stop_timeout_s):
                break
        else:
            raise StackError(f"A PostgreSQL that was left over ({identity.pid}) does not end.")
    files.remove(pid_file)
    if home.socket_dir.is_dir():
        for leftover in home.socket_dir.glob(".s.PGSQL.*"):
            files.remove(leftover)


def find_server(pid_file: Path, home: Home) -> process.Identity | None:
    """Return the server that wrote ``pid_file``, if it lives."""
    lines = _read_lines(pid_file)
    if len(lines) < 3:
        return None
    try:
        pid, data_dir, started_at = int(lines[0]), lines[1], float(lines[2])
    except ValueError:
        return None
    if os.path.realpath(data_dir) != os.path.realpath(home.cluster) or pid <= 0:
        return None
    try:
        found = psutil.Process(pid)
        program = Path(found.exe()).name.removesuffix(" (deleted)")
        created_at = found.create_time()
    except (psutil.Error, OSError, ValueError):
        return None
    is_ours = program in ("postgres", "postgres.exe")
    if not is_ours or abs(created_at - started_at) > _START_TOLERANCE_S:
        return None
    return process.identify(pid)


def _read_lines(path: Path) -> list[str]:
    # For root the directory is another user's: a link or a device in it is not opened.
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    with contextlib.suppress(OSError):
        fd = os.open(path, flags)
        try:
            if stat.S_ISREG(os.fstat(fd).st_mode):
                return os.read(fd, _MAX_PID_FILE_BYTES).decode("utf-8", "replace").splitlines()
        finally:
            os.close(fd)
    return []
