"""The client of the fork server: children that start in a millisecond (Linux)."""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator

import msgspec
import psutil

from slate_desktop.domain.assets.kinds import AssetKind
from slate_desktop.pipeline.sandbox.handle import child_environment, read_lines
from slate_desktop.settings import paths

logger = logging.getLogger(__name__)

_MAX_CONTROL_BYTES = 4096
_CLOSE_TIMEOUT_S = 5.0


class ForkServer:
    """One fork server and its children; started at the first launch, again after a loss.

    Every method blocks only for as long as a local message takes, and may be called from any
    thread.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ids = itertools.count(1)
        self._server: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._children: dict[int, ForkedChild] = {}
        # Sessions of the children: the first process and when it began.
        self._sessions: dict[int, tuple[int, float]] = {}

    @property
    def pid(self) -> int | None:
        """The server's process, while it runs."""
        return None if self._server is None else self._server.pid

    def launch(self, kind: AssetKind | None, codec: str = "") -> ForkedChild:
        """Fork a child that has the codecs of ``kind`` loaded, and another one.

        Raises:
            OSError: the server cannot be started.
        """
        with self._lock:
            if self._control is None:
                self._start()
            try:
                return self._launch(kind, codec)
            except OSError:
                self._lose()
                self._start()
                return self._launch(kind, codec)

    def close(self) -> None:
        """End the server and every child."""
        with self._lock:
            self._lose()

    def signal(self, child_id: int, number: int) -> None:
        """Have the server signal a child's group; it alone knows whether the child still lives."""
        with self._lock:
            if self._control is not None and child_id in self._children:
                with contextlib.suppress(OSError):
                    message = {"signal": child_id, "number": number}
                    self._control.send(msgspec.json.encode(message))

    def _start(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        argv = [paths.python_program(), "-I", "-m", "slate_desktop.pipeline.sandbox.server"]
        with theirs:
            self._server = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                argv,
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=child_environment(),
                start_new_session=True,
            )
        self._control = ours
        threading.Thread(
            target=self._listen, args=(ours,), name="slate-fork-server", daemon=True
        ).start()

    def _launch(self, kind: AssetKind | None, codec: str) -> ForkedChild:
        if self._control is None:
            raise OSError("the fork server is closed")
        ours, theirs = socket.socketpair()
        child_id = next(self._ids)
        child = ForkedChild(self, child_id, ours)
        self._children[child_id] = child
        message = msgspec.json.encode(
            {"start": child_id, "load": kind and kind.value, "codec": codec}
        )
        try:
            with theirs:
                socket.send_fds(self._control, [message], [theirs.fileno()])
        except OSError:
            del self._children[child_id]
            child.close()
            raise
        return child

    def _listen(self, control: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := control.recv(_MAX_CONTROL_BYTES):
                message = msgspec.json.decode(data)
                if "started" in message:
                    with self._lock:
                        self._sessions[message["started"]] = _session(message["pid"])
                    continue
                with self._lock:
                    child = self._children.pop(message["ended"], None)
                    self._sessions.pop(message["ended"], None)
                if child is not None:
                    child.end(message["status"])
        with self._lock:
            if self._control is control:
                logger.warning("the fork server of the asset parsers ended")
                self._lose()

    def _lose(self) -> None:
        """End the server; its children end with it."""
        control, self._control = self._control, None
        server, self._server = self._server, None
        if control is not None:
            with contextlib.suppress(OSError):
                control.shutdown(socket.SHUT_RDWR)
            control.close()
        if server is not None:
            try:
                server.wait(_CLOSE_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
        for session in self._sessions.values():
            _end_session(*session)
        self._sessions.clear()
        for child in self._children.values():
            child.end(None)
        self._children.clear()


def _session(pid: int) -> tuple[int, float]:
    """Return a child's session and the time that its first process began; 0.0 when it has ended."""
    try:
        return pid, psutil.Process(pid).create_time()
    except psutil.Error:
        return pid, 0.0


def _end_session(pid: int, began: float) -> None:
    """Kill what a child of a lost server left running; the child itself ended with the server."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            # A number in use as a session is given to nobody else, so only a new leader is foreign.
            if os.getsid(process.pid) != pid:
                continue
            if process.pid == pid and process.create_time() != began:
                return
            process.kill()


class ForkedChild:
    """One child of the fork server."""

    def __init__(self, server: ForkServer, child_id: int, channel: socket.socket) -> None:
        self._server = server
        self._id = child_id
        self._channel = channel
        self._writer, self._reader = channel.makefile("wb"), channel.makefile("rb")
        self._ended = threading.Event()
        self._status: int | None = None

    def end(self, status: int | None) -> None:
        """Note how it ended; None when the server was lost."""
        self._status = status
        self._ended.set()

    def send(self, order: bytes) -> None:
        """Give the child its one line."""
        self._writer.write(order + b"\n")
        self._writer.flush()

    def lines(self) -> Iterator[bytes]:
        """Yield what it answers."""
        return read_lines(self._reader)

    def wait(self) -> int | None:
        """Wait until the server has reaped it."""
        self._ended.wait()
        return self._status

    def signal(self, number: int = signal.SIGTERM) -> None:
        """Signal its session."""
        self._server.signal(self._id, number)

    def cut(self) -> None:
        """End the channel."""
        with contextlib.suppress(OSError):
            self._channel.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the channel."""
        for file in (self._writer, self._reader):
            with contextlib.suppress(OSError):
                file.close()
        self._channel.close()
