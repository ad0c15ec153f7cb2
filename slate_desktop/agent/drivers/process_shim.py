"""The small program that stands between the agent and a local process.

Run as ``python -I process_shim.py <directory>``; it uses the standard library only. It detaches
itself, starts the command of ``spec.json``, writes every line of its output with a time stamp into
a spool, watches its memory, and writes how it ended. Because it is no child of the agent, a
runtime and its log outlive an agent that is killed.

Files it writes in the directory::

    claimed         taken exclusively: the second shim for one directory goes away
    pid.json        who runs, with start times by which the process can be known again
    spool-NNNNNN    records of the output, see ``RECORD``
    exit.json       exit code, reason, peak memory; written last

Each JSON file is written beside and renamed.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import struct
import subprocess
import sys
import time

# Stream (1 out, 2 err), flags (bit 0: the line goes on), 2 spare bytes, length, time in ns.
RECORD = struct.Struct("<BBHIQ")
PARTIAL = 1
# Docker cuts lines at the same length, so that the same text gives the same frames.
MAX_PIECE = 16 * 1024
SEGMENT_BYTES = 32 * 1024 * 1024
MAX_SEGMENTS = 6
READ_BYTES = 64 * 1024
MEMORY_INTERVAL_S = 0.25
DRAIN_S = 2.0


class Spool:
    """Appends records to numbered segment files and drops the oldest."""

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._number = 1
        self._size = 0
        self._last_ns = 0
        self._file = self._open()

    def write(self, stream: int, pieces: list[tuple[bytes, bool]]) -> None:
        """Append pieces of one stream; each gets a stamp later than every one before."""
        out = bytearray()
        for data, is_partial in pieces:
            self._last_ns = max(time.time_ns(), self._last_ns + 1)
            flags = PARTIAL if is_partial else 0
            out += RECORD.pack(stream, flags, 0, len(data), self._last_ns)
            out += data
        view = memoryview(out)
        while view:
            view = view[os.write(self._file, view) :]
        self._size += len(out)
        if self._size >= SEGMENT_BYTES:
            self._rotate()

    def _rotate(self) -> None:
        os.close(self._file)
        self._number += 1
        self._size = 0
        self._file = self._open()
        with contextlib.suppress(OSError):
            os.unlink(self._path(self._number - MAX_SEGMENTS))  # noqa: PTH108

    def _open(self) -> int:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
        return os.open(self._path(self._number), flags, 0o600)

    def _path(self, number: int) -> str:
        return os.path.join(self._directory, f"spool-{number:06d}")  # noqa: PTH118


class LineCutter:
    """Cuts a byte stream into lines, and long lines into pieces."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[tuple[bytes, bool]]:
        """Return the pieces that are complete now, each with whether its line goes on."""
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        pieces: list[tuple[bytes, bool]] = []
        for line in lines:
            while len(line) > MAX_PIECE:
                pieces.append((line[:MAX_PIECE], True))
                line = line[MAX_PIECE:]
            pieces.append((line[:-1] if line.endswith(b"\r") else line, False))
        while len(self._rest) >= MAX_PIECE:
            pieces.append((self._rest[:MAX_PIECE], True))
            self._rest = self._rest[MAX_PIECE:]
        return pieces

    def finish(self) -> list[tuple[bytes, bool]]:
        """Return what is left when the stream has ended without a line end."""
        rest, self._rest = self._rest, b""
        return [(rest, False)] if rest else []


class MemoryWatch:
    """Adds up the resident memory of a process and its descendants (Linux)."""

    def __init__(self, root: int, limit: int) -> None:
        self.peak = 0
        self.is_over = False
        self._root = root
        self._limit = limit
        self._page = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096

    def check(self) -> bool:
        """Take a sample and tell whether the limit is passed."""
        total = 0
        for pid in [self._root, *descendants(self._root)]:
            with (
                contextlib.suppress(OSError, IndexError, ValueError),
                open(f"/proc/{pid}/statm", encoding="ascii") as file,  # noqa: PTH123
            ):
                total += int(file.read().split()[1]) * self._page
        self.peak = max(self.peak, total)
        self.is_over = self.is_over or (0 < self._limit < total)
        return self.is_over


def descendants(root: int) -> list[int]:
    """Return the pids below ``root``, from ``/proc``; empty where there is none."""
    children: dict[int, list[int]] = {}
    try:
        names = os.listdir("/proc")  # noqa: PTH208
    except OSError:
        return []
    for name in names:
        if name.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError):
                with open(f"/proc/{name}/stat", "rb") as file:  # noqa: PTH123
                    parent = int(file.read().rpartition(b")")[2].split()[1])
                children.setdefault(parent, []).append(int(name))
    found: list[int] = []
    todo = [root]
    while todo:
        below = children.get(todo.pop(), [])
        found += below
        todo += below
    return found


def start_ticks(pid: int) -> int:
    """Return a process's start in clock ticks since boot; 0 where ``/proc`` is not there."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123
            return int(file.read().rpartition(b")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return 0


def write_json(directory: str, name: str, value: object) -> None:
    """Write a file so that readers see all of it or nothing."""
    temporary = os.path.join(directory, f".{name}.{os.getpid()}")  # noqa: PTH118
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(fd, "w", encoding="utf-8") as file:
        json.dump(value, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, os.path.join(directory, name))  # noqa: PTH105, PTH118


def prepare_child(spec: dict) -> None:
    """Set limits in the new process, before its program; it dies when the shim is killed."""
    import resource

    wanted = 4096
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, soft))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if spec.get("address_space_bytes"):
        limit = int(spec["address_space_bytes"])
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    if spec.get("cpu_set") and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, spec["cpu_set"])
    if sys.platform == "linux":
        import ctypes

        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG
        libc.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS


def become_subreaper() -> None:
    """Inherit orphaned descendants, so that they can be ended with the runtime (Linux)."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None, use_errno=True).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER


def start(spec: dict) -> subprocess.Popen:
    """Start the command; raises OSError when there is no such program."""
    options: dict = {}
    if os.name == "posix":
        options = {"start_new_session": True, "preexec_fn": lambda: prepare_child(spec)}
    else:
        options = {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)}
    return subprocess.Popen(  # noqa: S603
        spec["argv"],
        cwd=spec["cwd"],
        env=spec["env"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        **options,
    )


def kill_all(child: subprocess.Popen, ticks: int) -> None:
    """Kill the process group and every descendant, those in other sessions too.

    ``ticks`` is when the child started: after its end another process may have got its number, and
    with it a group of the same number.
    """
    if os.name != "posix":
        with contextlib.suppress(OSError):
            child.kill()
        return
    if start_ticks(child.pid) in (0, ticks):
        with contextlib.suppress(OSError):
            os.killpg(child.pid, signal.SIGKILL)
    for _ in range(20):
        left = [pid for pid in descendants(os.getpid()) if pid != child.pid]
        for pid in left:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        if not left:
            return
        reap_orphans(child.pid)


def reap_orphans(child_pid: int) -> None:
    """Collect ended descendants that became ours; leave the child's own status alone."""
    for pid in descendants(os.getpid()):
        if pid != child_pid:
            with contextlib.suppress(OSError):
                os.waitpid(pid, os.WNOHANG)


def pump_posix(child: subprocess.Popen, spool: Spool, watch: MemoryWatch, ticks: int) -> None:
    """Carry output into the spool until the command has ended and its pipes are empty."""
    selector = selectors.DefaultSelector()
    cutters = {}
    for number, pipe in ((1, child.stdout), (2, child.stderr)):
        if pipe is None:
            continue
        cutters[number] = LineCutter()
        selector.register(pipe, selectors.EVENT_READ, number)
    next_check = 0.0
    deadline = None
    while selector.get_map():
        for key, _ in selector.select(0.05 if deadline else MEMORY_INTERVAL_S):
            data = os.read(key.fd, READ_BYTES)
            pieces = cutters[key.data].feed(data) if data else cutters[key.data].finish()
            if pieces:
                spool.write(key.data, pieces)
            if not data:
                selector.unregister(key.fileobj)
        now = time.monotonic()
        if deadline is None and child.poll() is not None:
            kill_all(child, ticks)
            deadline = now + DRAIN_S
        if deadline is not None and now > deadline:
            break
        if deadline is None and now >= next_check:
            next_check = now + MEMORY_INTERVAL_S
            if watch.check():
                kill_all(child, ticks)
    for number, cutter in cutters.items():
        if pieces := cutter.finish():
            spool.write(number, pieces)
    # Both pipes may be closed long before the end.
    while child.poll() is None:
        time.sleep(0.05)
        if time.monotonic() >= next_check:
            next_check = time.monotonic() + MEMORY_INTERVAL_S
            if watch.check():
                kill_all(child, ticks)
    kill_all(child, ticks)


def pump_threads(child: subprocess.Popen, spool: Spool) -> None:
    """The same without ``select`` on pipes (Windows): one thread for each stream."""
    import threading

    lock = threading.Lock()

    def carry(number: int, pipe: object) -> None:
        cutter = LineCutter()
        fd = pipe.fileno()  # type: ignore[attr-defined]
        while data := os.read(fd, READ_BYTES):
            with lock:
                spool.write(number, cutter.feed(data))
        with lock:
            spool.write(number, cutter.finish())

    threads = [
        threading.Thread(target=carry, args=(number, pipe), daemon=True)
        for number, pipe in ((1, child.stdout), (2, child.stderr))
    ]
    for thread in threads:
        thread.start()
    child.wait()
    for thread in threads:
        thread.join(DRAIN_S)


def run(directory: str) -> None:
    """Run the command of a directory from its start to its end."""
    with open(os.path.join(directory, "spec.json"), encoding="utf-8") as file:  # noqa: PTH118, PTH123
        spec = json.load(file)
    try:
        os.close(os.open(os.path.join(directory, "claimed"), os.O_CREAT | os.O_EXCL, 0o600))  # noqa: PTH118
    except FileExistsError:
        return
    become_subreaper()
    spool = Spool(directory)
    started_ns = time.time_ns()
    try:
        child = start(spec)
    except (OSError, subprocess.SubprocessError, ValueError) as exc:
        ending = {"exit_code": 127, "error": "command_not_found", "message": str(exc)}
        write_json(directory, "exit.json", {**ending, "finished_ns": time.time_ns()})
        return
    ticks = start_ticks(child.pid)
    write_json(
        directory,
        "pid.json",
        {
            "pid": child.pid,
            "pid_ticks": ticks,
            "shim_pid": os.getpid(),
            "shim_ticks": start_ticks(os.getpid()),
            "started_ns": started_ns,
        },
    )
    watch = MemoryWatch(child.pid, int(spec.get("memory_bytes") or 0))
    if os.name == "posix":
        pump_posix(child, spool, watch, ticks)
    else:
        pump_threads(child, spool)
    code = child.wait()
    write_json(
        directory,
        "exit.json",
        {
            "exit_code": 128 - code if code < 0 else code,
            "oom_killed": watch.is_over,
            "memory_peak": watch.peak,
            "finished_ns": time.time_ns(),
        },
    )


def main() -> None:
    """Detach from the agent, then run; the first process only starts the second."""
    directory = sys.argv[1]
    if os.name == "posix":
        if os.fork():
            os._exit(0)
        os.setsid()
        # Handlers and not SIG_IGN: the command would inherit that one.
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: None)
    run(directory)


if __name__ == "__main__":
    main()
