"""Child processes of the supervisor: started so that they die with it, judged by more than a pid.

A pid alone proves nothing: after a crash or a reboot it may be anybody's. A process is ours only if
its start time and its executable are those that were written down.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from slate_desktop.errors import StackError
from slate_desktop.settings import paths

_IS_LINUX = sys.platform == "linux"
# Zombies, and what the kernel is just taking away.
_GONE_STATES = ("Z", "X", "x")
_MAX_LOG_BYTES = 5 * 1024 * 1024
# Runs in a bare interpreter between fork and exec, so that no code of ours runs in a forked copy of
# a threaded process. The death signal is asked for last: a change of user clears it, and if the
# parent is gone by then it would never come. The pid stays the same through exec, which closes the
# pipe; an error goes through it instead.
_LAUNCHER = """
import ctypes, os, sys
parent, pipe, death_signal, uid, gid, *argv = sys.argv[1:]
os.set_inheritable(int(pipe), False)
try:
    if uid != "-":
        os.setgroups([]); os.setgid(int(gid)); os.setuid(int(uid))
    ctypes.CDLL(None, use_errno=True).prctl(1, int(death_signal), 0, 0, 0)
    if os.getppid() != int(parent):
        sys.exit(1)
    os.execv(argv[0], argv)
except OSError as exc:
    os.write(int(pipe), (exc.strerror or str(exc)).encode())
    sys.exit(127)
"""


class Identity(msgspec.Struct, frozen=True):
    """What tells a process from a later one with the same pid."""

    pid: int
    start_time: float
    exe: str

    def is_running(self) -> bool:
        """Tell whether exactly this process lives."""
        found = identify(self.pid)
        return found is not None and found == self

    def send_signal(self, number: int) -> bool:
        """Signal the process if it is still this one; tells whether it was."""
        if not hasattr(os, "pidfd_open"):
            if not self.is_running():
                return False
            with contextlib.suppress(OSError):
                os.kill(self.pid, number)
            return True
        try:
            # The descriptor holds the process, so the pid cannot be reused between look and signal.
            fd = os.pidfd_open(self.pid)
        except OSError:
            return False
        try:
            if not self.is_running():
                return False
            signal.pidfd_send_signal(fd, number)
        except OSError:
            return False
        finally:
            os.close(fd)
        return True

    async def wait_gone(self, timeout_s: float) -> bool:
        """Wait until the process has ended; tells whether it did."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        while self.is_running():
            if loop.time() >= deadline:
                return False
            await asyncio.sleep(0.05)
        return True


def identify(pid: int) -> Identity | None:
    """Describe the process ``pid``, or return None if there is none (or only a zombie)."""
    if _IS_LINUX:
        try:
            state, ticks = _state_and_start(pid)
            if state in _GONE_STATES:
                return None
            exe = str(Path(f"/proc/{pid}/exe").readlink())
        except PermissionError:
            pass  # somebody else's: psutil knows more ways
        except (OSError, ValueError, IndexError):
            return None
        else:
            return Identity(pid, ticks, exe.removesuffix(" (deleted)"))
    return _identify_by_psutil(pid)


def _identify_by_psutil(pid: int) -> Identity | None:
    # Not at the top: a window looks at its stack's processes while it starts.
    import psutil

    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        start_time = _state_and_start(pid)[1] if _IS_LINUX else round(process.create_time(), 2)
        try:
            exe = process.exe()
        except psutil.AccessDenied:
            exe = process.name()
    except (psutil.Error, OSError, ValueError, IndexError):
        return None
    return Identity(pid, start_time, exe.removesuffix(" (deleted)"))


async def spawn(
    argv: Sequence[str | Path],
    *,
    log_file: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    uid: int | None = None,
    gid: int | None = None,
    death_signal: int = 9,
) -> asyncio.subprocess.Process:
    """Start a child that the kernel ends when this process ends (Linux).

    Args:
        argv: absolute program path and arguments.
        log_file: takes standard output and error; moved aside when it has grown large.
        env: the whole environment, or None for this process's own.
        cwd: working directory.
        uid: run as this user (root only); ``gid`` goes with it.
        gid: the group for ``uid``.
        death_signal: what the kernel sends when this process is gone.

    Raises:
        StackError: the program cannot be started.
    """
    command = [str(part) for part in argv]
    told, tell = os.pipe() if _IS_LINUX else (-1, -1)
    if _IS_LINUX:
        who = ["-", "-"] if uid is None else [str(uid), str(gid if gid is not None else uid)]
        launch = [paths.python_program(), "-I", "-S", "-c", _LAUNCHER]
        command = [*launch, str(os.getpid()), str(tell), str(death_signal), *who, *command]
    output = open_log(log_file)
    try:
        child = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=dict(env) if env is not None else None,
            cwd=cwd,
            start_new_session=os.name != "nt",
            pass_fds=(tell,) if _IS_LINUX else (),
        )
    except OSError as exc:
        _close(told, tell)
        raise StackError(f"{argv[0]} cannot be started: {exc.strerror or exc}.") from exc
    finally:
        os.close(output)
    if _IS_LINUX:
        _close(tell)
        try:
            problem = await asyncio.to_thread(os.read, told, 512)
        finally:
            _close(told)
        if problem:
            await child.wait()
            raise StackError(f"{argv[0]} cannot be started: {problem.decode()}.")
    return child


async def stop(
    process: asyncio.subprocess.Process, *, grace_s: float, number: int = signal.SIGTERM
) -> int:
    """End a child of this process: ``number``, then after ``grace_s`` SIGKILL; returns its code."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)
        try:
            async with asyncio.timeout(grace_s):
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
    return await process.wait()


def environment(data_dir: Path) -> dict[str, str]:
    """This process's environment, with the data directory pinned."""
    return {**os.environ, "SLATE_DATA_DIR": str(data_dir)}


def log_tail(path: Path, max_bytes: int = 2000) -> str:
    """The last lines of a child's log, for an error message."""
    try:
        with path.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - max_bytes))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    return "\n".join(text.strip().splitlines()[-8:])


def open_log(path: Path) -> int:
    """Open a child's log for appending; moved aside when it has grown large.

    Raises:
        StackError: it cannot be written.
    """
    with contextlib.suppress(OSError):
        if path.stat().st_size > _MAX_LOG_BYTES:
            path.replace(path.with_name(path.name + ".1"))
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_CLOEXEC", 0)
    try:
        return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o600)
    except OSError as exc:
        raise StackError(f"{path} cannot be written: {exc.strerror or exc}.") from exc


def _state_and_start(pid: int) -> tuple[str, float]:
    # Ticks since boot: exact, and unmoved when the clock is set. The name in parentheses may hold
    # anything, so fields are counted from its end. Source: proc_pid_stat(5), fields 3 and 22.
    text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    fields = text.rpartition(")")[2].split()
    return fields[0], float(fields[19])


def _close(*descriptors: int) -> None:
    for fd in descriptors:
        if fd >= 0:
            with contextlib.suppress(OSError):
                os.close(fd)
