"""The fork server: a process with the codecs loaded that forks one child for each request.

It imports and forks, and never opens a file of anybody. Run by ``forked`` as
``python -I -m slate_desktop.pipeline.sandbox.server``, on Linux, with a socket of whole messages as
standard input::

    client → server   {"start": id, "load": kind or null, "codec": module or ""}, with a channel
                      {"signal": id, "number": 15}
    server → client   {"ended": id, "status": exit code, or minus the signal}

It ends, and its children with it, when the client closes the socket. Once it has nothing to do it
makes a spare child ready for the next request, and gives it up when none comes.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable
from typing import Any

import msgspec

from slate_desktop.domain.assets.kinds import AssetKind
from slate_desktop.pipeline import run
from slate_desktop.pipeline.sandbox import child
from slate_desktop.pipeline.sandbox.isolation import end_with_parent
from slate_desktop.pipeline.sandbox.limits import tasks_of_user
from slate_desktop.pipeline.sandbox.spare import Spare, fork, take_memory

MAX_CONTROL_BYTES = 4096
# A spare would take processor time from jobs that follow each other, and memory from a machine
# that has nothing to do for us.
SPARE_AFTER_S = 0.02
SPARE_LASTS_S = 10.0


def main() -> int:
    """Serve until the client is gone."""
    control = socket.socket(fileno=os.dup(0))
    wake_read, wake_write = socket.socketpair()
    wake_read.setblocking(False)
    wake_write.setblocking(False)
    signal.set_wakeup_fd(wake_write.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    child.warm()
    _Server(control, wake_read.fileno(), wake_write.fileno()).serve()
    return 0


class _Server:
    """Children by the client's ids."""

    def __init__(self, control: socket.socket, wake: int, wake_writer: int) -> None:
        self._control = control
        self._wake = wake
        self._pids: dict[int, int] = {}
        self._loaded: set[str] = set()
        self._spare: Spare | None = None
        self._spare_due_s: float | None = None
        # Spares that were not needed, until they have ended.
        self._given_up: set[int] = set()
        # Descriptors that no child may keep.
        self._own = [control.fileno(), wake, wake_writer]

    def serve(self) -> None:
        with selectors.EpollSelector() as selector:
            self._own.append(selector.fileno())
            selector.register(self._control, selectors.EVENT_READ)
            selector.register(self._wake, selectors.EVENT_READ)
            while True:
                due = self._spare_due_s
                rest = None if due is None else max(0.0, due - time.monotonic())
                if not (events := selector.select(rest)):
                    self._have_or_drop_spare()
                for ready, _ in events:
                    if ready.fd == self._wake:
                        with contextlib.suppress(BlockingIOError):
                            os.read(self._wake, 1024)
                        self._reap()
                    elif not self._receive():
                        for pid in self._pids.values():
                            _signal_group(pid, signal.SIGKILL)
                        return

    def _receive(self) -> bool:
        data, descriptors, _, _ = socket.recv_fds(self._control, MAX_CONTROL_BYTES, 1)
        if not data:
            return False
        message = msgspec.json.decode(data)
        if "start" in message:
            self._start(message, descriptors[0])
        elif (pid := self._pids.get(message["signal"])) is not None:
            _signal_group(pid, message["number"])
        return True

    def _start(self, message: dict[str, Any], channel: int) -> None:
        if (kind := message["load"]) is not None:
            self._load(kind, lambda: run.load(AssetKind(kind)))
        if codec := message["codec"]:
            self._load(codec, lambda: importlib.import_module(codec).warm())
        if os.geteuid() != 0:
            tasks_of_user()  # counted here, so that not every child has to
        self._spare_due_s = None
        spare, self._spare = self._spare, None
        if spare is not None and spare.give(channel):
            pid = spare.pid
        else:
            if spare is not None:
                self._given_up.add(spare.pid)
            pid = fork(lambda: self._be_child(channel))
        os.close(channel)
        self._pids[message["start"]] = pid
        # So that the parent can end the child's programs if this server is killed.
        self._control.send(msgspec.json.encode({"started": message["start"], "pid": pid}))

    def _load(self, name: str, load: Callable[[], object]) -> None:
        """Import codecs once; where that fails, each child meets the error and tells it."""
        if name in self._loaded:
            return
        self._loaded.add(name)
        self._drop_spare()  # it has not loaded this
        with contextlib.suppress(Exception):
            load()
        gc.collect()
        gc.freeze()
        _give_back()

    def _be_child(self, channel: int) -> None:
        self._leave()
        _serve(channel)

    def _leave(self) -> None:
        """Leave this server behind: in a new child, before anything else."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for descriptor in self._own:
            os.close(descriptor)
        os.setsid()
        end_with_parent()
        if os.getppid() == 1:
            raise SystemExit  # the server ended before it could take this one with it

    def _get_ready(self) -> None:
        """Take what an order would wait for, in a spare."""
        self._leave()
        take_memory()
        for kind in AssetKind:
            if kind.value in self._loaded:
                with contextlib.suppress(Exception):  # the order will meet it, and tell it
                    run.take_memory(kind)

    def _have_or_drop_spare(self) -> None:
        """Make a spare, or drop the one that nobody needed: its time has come."""
        if self._spare is not None:
            self._drop_spare()
            return
        self._spare = Spare(self._get_ready, _serve)
        self._spare_due_s = time.monotonic() + SPARE_LASTS_S

    def _drop_spare(self) -> None:
        self._spare_due_s = None
        if self._spare is not None:
            self._spare.close()
            self._given_up.add(self._spare.pid)
            self._spare = None

    def _reap(self) -> None:
        if self._spare is not None and _has_ended(self._spare.pid):
            self._drop_spare()  # somebody killed it
        for pid in list(self._given_up):
            if os.waitpid(pid, os.WNOHANG)[0]:
                self._given_up.discard(pid)
        for job, pid in list(self._pids.items()):
            if not _has_ended(pid):
                continue
            # What the child left running.
            _signal_group(pid, signal.SIGKILL)
            _, status = os.waitpid(pid, 0)
            del self._pids[job]
            answer = {"ended": job, "status": os.waitstatus_to_exitcode(status)}
            self._control.send(msgspec.json.encode(answer))
            if not self._pids:
                self._spare_due_s = time.monotonic() + SPARE_AFTER_S


def _give_back() -> None:
    """Give the system what imports took and freed again.

    A child would write its own data there, and each page that it shares with this process is
    copied at the first write; where the child has threads, with an interrupt of the other cores.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _has_ended(pid: int) -> bool:
    """Tell whether a child has ended; its id stays its own until it is reaped."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _serve(channel: int) -> None:
    """Serve one order, in a child."""
    reader, writer = child.take_channel(channel, channel)
    os.close(channel)
    child.serve(reader, writer)


def _signal_group(pid: int, number: int) -> None:
    """Signal a child's group, or the child alone where it has not made its session yet."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        try:
            os.killpg(pid, number)
        except ProcessLookupError:
            os.kill(pid, number)


if __name__ == "__main__":
    sys.exit(main())
