"""Ports that are named before a server takes them, which may be seconds later.

The system gives a port that it has just given to one test to the next process that asks for any. So
they come from below what it hands out, and a lock keeps them for the test process that has them.
"""

from __future__ import annotations

import contextlib
import os
import random
import socket
import tempfile
from pathlib import Path

from slate_desktop.stack.locks import FileLock

_FIRST, _LAST = 15_000, 30_000
# Held until this process ends.
_taken: dict[int, FileLock] = {}


def free_port() -> int:
    """Return a port of the loopback that no other test and nobody who asks for any is given."""
    directory = Path(tempfile.gettempdir()) / f"slate-test-ports-{_user()}"
    directory.mkdir(mode=0o700, exist_ok=True)
    while True:
        port = random.randrange(_FIRST, _LAST)
        if port in _taken or not _is_free(port):
            continue
        lock = FileLock.acquire(directory / str(port))
        if lock is not None:
            _taken[port] = lock
            return port


def _is_free(port: int) -> bool:
    for address in ("127.0.0.1", "0.0.0.0"):
        with socket.socket() as sock:
            try:
                sock.bind((address, port))
            except OSError:
                return False
    return True


def _user() -> str:
    with contextlib.suppress(AttributeError):
        return str(os.getuid())
    return "one"
