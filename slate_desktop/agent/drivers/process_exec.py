"""Runs one command to its end with limits on time and output, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time

import psutil

from slate_desktop.agent.drivers.base import ExecResult
from slate_desktop.errors import CommandError, ErrorCode

MAX_OUTPUT_BYTES = 512 * 1024
_READ_BYTES = 64 * 1024
_DRAIN_S = 1.0


class CutBuffer:
    """Keeps the first ``MAX_OUTPUT_BYTES`` of a stream."""

    def __init__(self) -> None:
        self._data = bytearray()
        self.is_cut = False

    def add(self, data: bytes | memoryview) -> None:
        """Append what still fits."""
        room = MAX_OUTPUT_BYTES - len(self._data)
        self.is_cut = self.is_cut or len(data) > room
        if room > 0:
            self._data += data[:room]

    def text(self) -> str:
        """Return what was kept, as text that can be stored anywhere."""
        return self._data.decode("utf-8", errors="replace").replace("\0", "\ufffd")


async def run_command(
    argv: list[str], *, cwd: str, env: dict[str, str], timeout_s: float
) -> ExecResult:
    """Run ``argv`` and return its result.

    Raises:
        CommandError: ``exec_timeout``; the process and its descendants are gone by then.
    """
    began = time.monotonic()
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            cwd=cwd,
            env=env,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=os.name == "posix",
        )
    except OSError as exc:
        code = 126 if isinstance(exc, PermissionError) else 127
        return ExecResult(exit_code=code, stdout="", stderr=str(exc), duration_ms=_since(began))
    root = _process(process.pid)
    out, err = CutBuffer(), CutBuffer()
    readers = asyncio.gather(_drain(process.stdout, out), _drain(process.stderr, err))
    try:
        await asyncio.wait_for(asyncio.shield(process.wait()), timeout_s)
        with contextlib.suppress(TimeoutError):
            # A grandchild may hold the pipes open.
            await asyncio.wait_for(asyncio.shield(readers), _DRAIN_S)
    except TimeoutError as exc:
        raise CommandError(
            ErrorCode.EXEC_TIMEOUT,
            f"the command did not end within {timeout_s:g} s and was killed",
            details={"stdout": out.text()[-4096:], "stderr": err.text()[-4096:]},
        ) from exc
    finally:
        readers.cancel()
        kill_tree(process.pid, root)
        await asyncio.shield(process.wait())
        with contextlib.suppress(asyncio.CancelledError):
            await readers
    code = process.returncode or 0
    return ExecResult(
        exit_code=128 - code if code < 0 else code,
        stdout=out.text(),
        stderr=err.text(),
        duration_ms=_since(began),
        truncated=out.is_cut or err.is_cut,
    )


async def _drain(reader: asyncio.StreamReader | None, buffer: CutBuffer) -> None:
    while reader is not None and (data := await reader.read(_READ_BYTES)):
        buffer.add(data)


def kill_tree(pid: int, root: psutil.Process | None) -> None:
    """Kill a command's process group and its descendants.

    Args:
        pid: the command's number, which is its group's too.
        root: the process as it was started; None when it had ended by then. A number that another
            process has got meanwhile is left alone.
    """
    victims: list[psutil.Process] = []
    if root is not None:
        with contextlib.suppress(psutil.Error):
            victims = [*root.children(recursive=True), root]
    now = _process(pid)
    if os.name == "posix" and (now is None or now == root):
        with contextlib.suppress(OSError):
            os.killpg(pid, signal.SIGKILL)
    for victim in victims:
        with contextlib.suppress(psutil.Error):
            victim.kill()


def _process(pid: int) -> psutil.Process | None:
    try:
        return psutil.Process(pid)
    except psutil.Error:
        return None


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
