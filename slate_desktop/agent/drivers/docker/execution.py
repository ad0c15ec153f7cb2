"""Runs a command in a container, and makes sure that one which takes too long is gone.

The engine has no call that ends an execution: closing the stream leaves its process running. So
each gets a token in its environment, by which its processes are found: on this host through
``/proc``, and otherwise by a second execution as the same user.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
import uuid
from pathlib import Path
from typing import Any

import psutil

from slate_desktop.agent.drivers.base import ExecResult, Handle
from slate_desktop.agent.drivers.docker.engine import Engine
from slate_desktop.agent.drivers.docker.frames import Demuxer
from slate_desktop.agent.drivers.docker.translate import from_message
from slate_desktop.agent.drivers.process_exec import CutBuffer
from slate_desktop.errors import CommandError, ErrorCode

_TOKEN = "SLATE_EXEC"  # noqa: S105 - a variable's name
_SETTLE_S = 3.0
_POLL_S = 0.05
# Kills every process whose environment holds the token; runs inside, as the execution's own user.
_KILL_SCRIPT = (
    'for p in $(grep -lsF -- "$1" /proc/[0-9]*/environ); do '
    'n=${p#/proc/}; n=${n%%/*}; [ "$n" = "$$" ] || kill -9 "$n"; done'
)


async def execute(engine: Engine, handle: Handle, argv: list[str], timeout_s: float) -> ExecResult:
    """Run ``argv`` in the container and return its result.

    Raises:
        CommandError: ``exec_timeout`` (the process is gone then), ``not_running``.
    """
    token = uuid.uuid4().hex
    began = time.monotonic()
    exec_id = await _create(engine, handle, argv, token)
    out, err = CutBuffer(), CutBuffer()
    try:
        refusal = await asyncio.wait_for(_run(engine, exec_id, out, err), timeout_s)
    except TimeoutError as exc:
        await asyncio.shield(_end(engine, handle, exec_id, token))
        raise CommandError(
            ErrorCode.EXEC_TIMEOUT,
            f"the command did not end within {timeout_s:g} s and was killed",
            details={"stdout": out.text()[-4096:], "stderr": err.text()[-4096:]},
        ) from exc
    except asyncio.CancelledError:
        await asyncio.shield(_end(engine, handle, exec_id, token))
        raise
    duration_ms = round((time.monotonic() - began) * 1000)
    if refusal is not None:
        return ExecResult(exit_code=127, stdout="", stderr=refusal, duration_ms=duration_ms)
    return ExecResult(
        exit_code=await _exit_code(engine, exec_id),
        stdout=out.text(),
        stderr=err.text(),
        duration_ms=duration_ms,
        truncated=out.is_cut or err.is_cut,
    )


async def _create(engine: Engine, handle: Handle, argv: list[str], token: str) -> str:
    def work(client: Any) -> str:
        made = client.exec_create(handle.runtime_id, argv, stdin=False, environment={_TOKEN: token})
        return str(made["Id"])

    try:
        return await engine.call("running the command", work)
    except CommandError as exc:
        if exc.details.get("status") in (404, 409):
            raise CommandError(
                ErrorCode.NOT_RUNNING, f"container {handle.name} does not run"
            ) from exc
        raise


async def _run(engine: Engine, exec_id: str, out: CutBuffer, err: CutBuffer) -> str | None:
    """Read the output to its end; returns the engine's sentence when there is no such program."""
    demuxer = Demuxer()
    buffers = {1: out, 2: err}
    body = {"Detach": False, "Tty": False}
    async with engine.open("POST", f"/exec/{exec_id}/start", body) as answer:
        if answer.status != 200:
            text = await answer.message()
            error = from_message(text, "running the command", status=answer.status)
            if error.code is ErrorCode.COMMAND_NOT_FOUND:
                return text
            if answer.status == 409:
                raise CommandError(ErrorCode.NOT_RUNNING, "the container does not run")
            raise error
        while data := await answer.read():
            for stream, payload in demuxer.feed(data):
                buffers.get(stream, out).add(payload)
    return None


async def _exit_code(engine: Engine, exec_id: str) -> int:
    """Return the exit code; the stream may end a moment before the engine knows it."""
    deadline = time.monotonic() + _SETTLE_S
    while True:
        state = await _inspect(engine, exec_id)
        if state.get("ExitCode") is not None and not state.get("Running"):
            return int(state["ExitCode"])
        if time.monotonic() > deadline:
            # The streams are closed and the process goes on without them.
            return int(state.get("ExitCode") or 0)
        await asyncio.sleep(_POLL_S)


async def _inspect(engine: Engine, exec_id: str) -> dict[str, Any]:
    return await engine.call("running the command", lambda client: client.exec_inspect(exec_id))


async def _end(engine: Engine, handle: Handle, exec_id: str, token: str) -> None:
    """Kill an execution with all its processes, and wait until the engine agrees."""
    deadline = time.monotonic() + _SETTLE_S
    state = await _inspect(engine, exec_id)
    while state.get("Running"):
        pid = int(state.get("Pid") or 0)
        is_done = engine.address.is_local and _kill_on_host(pid, handle.runtime_id, token)
        if not is_done:
            await _kill_inside(engine, handle, token)
        await asyncio.sleep(_POLL_S)
        state = await _inspect(engine, exec_id)
        if state.get("Running") and time.monotonic() > deadline:
            raise CommandError(
                ErrorCode.INTERNAL,
                f"a command in container {handle.name} took too long and could not be killed",
                hint="Restart the session to end it.",
            )
    # A child of it may have left the process group and still run.
    if engine.address.is_local:
        _kill_on_host(0, handle.runtime_id, token)


def _kill_on_host(pid: int, container_id: str, token: str) -> bool:
    """Kill the execution's processes from outside; False when that is not permitted here."""
    if os.name != "posix":
        return False
    needle = f"{_TOKEN}={token}".encode()
    victims: set[int] = set()
    for name in psutil.pids():
        try:
            if container_id.encode() not in Path(f"/proc/{name}/cgroup").read_bytes():
                continue
            if needle in Path(f"/proc/{name}/environ").read_bytes():
                victims.add(name)
        except OSError:
            continue
    with contextlib.suppress(psutil.Error, OSError):
        if pid and container_id.encode() in Path(f"/proc/{pid}/cgroup").read_bytes():
            victims |= {pid, *(child.pid for child in psutil.Process(pid).children(True))}
    for victim in victims:
        try:
            os.kill(victim, signal.SIGKILL)
        except ProcessLookupError:
            continue
        except OSError:
            return False
    return bool(victims)


async def _kill_inside(engine: Engine, handle: Handle, token: str) -> None:
    def work(client: Any) -> None:
        argv = ["sh", "-c", _KILL_SCRIPT, "sh", f"{_TOKEN}={token}"]
        made = client.exec_create(handle.runtime_id, argv, stdin=False)
        client.exec_start(made["Id"])

    with contextlib.suppress(CommandError):
        await engine.call("ending the command", work)
