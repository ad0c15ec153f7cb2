"""A running child as its parent sees it, and the plain way to start one.

All of it blocks and belongs into a thread; only ``signal`` and ``cut`` are called from elsewhere.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import IO, Protocol

from slate_desktop.pipeline.sandbox.request import MAX_MESSAGE_BYTES
from slate_desktop.settings import paths

_KEPT_ENV = ("PATH", "LANG", "SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "PATHEXT")


class ChildHandle(Protocol):
    """One child, from its start to its end."""

    def send(self, order: bytes) -> None:
        """Give the child its one line."""
        ...

    def lines(self) -> Iterator[bytes]:
        """Yield what it answers, line by line, until it ends; too long a line is cut."""
        ...

    def wait(self) -> int | None:
        """Return its exit code, minus the signal that ended it, or None when nobody knows."""
        ...

    def signal(self, number: int) -> None:
        """Signal it and everything that it started; harmless once it has ended."""
        ...

    def cut(self) -> None:
        """End the channel, whoever still holds its other end."""
        ...

    def close(self) -> None:
        """Give everything back; the child has ended."""
        ...


def child_environment() -> dict[str, str]:
    """Return the environment of a child: no secret, no home, one thread for linear algebra."""
    kept = {name: os.environ[name] for name in _KEPT_ENV if name in os.environ}
    return {"LANG": "C.UTF-8", **kept, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


def read_lines(reader: IO[bytes]) -> Iterator[bytes]:
    """Yield lines of at most a message's size; the end of the channel is the end."""
    with contextlib.suppress(OSError, ValueError):
        while line := reader.readline(MAX_MESSAGE_BYTES + 2):
            yield line


class SpawnedChild:
    """A child with an interpreter of its own: works everywhere, pays the imports each time."""

    def __init__(self) -> None:
        # -P is part of -I; -I also leaves out the user's site and every PYTHON variable.
        argv = [paths.python_program(), "-I", "-m", "slate_desktop.pipeline.sandbox.child"]
        self._socket: socket.socket | None = None
        self._writer: IO[bytes]
        self._reader: IO[bytes]
        if sys.platform == "win32":
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=child_environment(),
                creationflags=subprocess.CREATE_NO_WINDOW,
            )
            if self._process.stdin is None or self._process.stdout is None:
                raise OSError("no pipes")
            self._writer, self._reader = self._process.stdin, self._process.stdout
            return
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                argv,
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=subprocess.DEVNULL,
                env=child_environment(),
                start_new_session=True,
            )
        self._socket = ours
        self._writer, self._reader = ours.makefile("wb"), ours.makefile("rb")

    def send(self, order: bytes) -> None:
        """Give the child its one line."""
        self._writer.write(order + b"\n")
        self._writer.flush()

    def lines(self) -> Iterator[bytes]:
        """Yield what it answers."""
        return read_lines(self._reader)

    def wait(self) -> int | None:
        """Wait for its end, and end what it left running."""
        if sys.platform != "win32":
            os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
            self.signal(signal.SIGKILL)
        return self._process.wait()

    def signal(self, number: int) -> None:
        """Signal its session."""
        if sys.platform == "win32":
            self._process.kill()
        elif self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, number)

    def cut(self) -> None:
        """End the channel."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the channel."""
        for file in (self._writer, self._reader):
            with contextlib.suppress(OSError):
                file.close()
        if self._socket is not None:
            self._socket.close()
