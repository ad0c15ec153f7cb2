"""How a window, a command or a script uses the embedded stack: attach to it, or start it.

A process that attached holds a lock until it ends, or calls ``release`` as often as it attached; a
stack that was started on demand ends when nobody holds one and no session is live.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from slate_desktop.domain.project import AgentRow
from slate_desktop.errors import SlateError, StackError
from slate_desktop.settings import files, paths
from slate_desktop.stack import locks, process
from slate_desktop.stack.state import EXIT_LOCKED, IDLE_S, Request, StackFiles, StackState

START_TIMEOUT_S = 120.0
DOWN_TIMEOUT_S = 60.0
AGENT_TIMEOUT_S = 30.0
OFFLINE_AFTER_S = 15.0
_POLL_S = 0.05
OnStep = Callable[[str, str], None]

_APPLY_AGAIN_S = 1.0


class _Held:
    """This process's lock, and how many of its connections use the stack."""

    def __init__(self, lock: locks.FileLock) -> None:
        self.lock = lock
        self.uses = 0


_held: dict[Path, _Held] = {}


class StackInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A running stack, as a client needs it; ``repr`` shows no secret."""

    pid: int
    data_dir: Path
    nats_url: str
    user_id: str
    user_seed: str
    database_url: str
    agents: tuple[str, ...]
    nats_connect: dict[str, Any]
    allow_unsigned: bool
    is_lingering: bool

    def __repr__(self) -> str:
        return f"StackInfo(pid={self.pid}, nats_url={self.nats_url!r}, agents={self.agents})"


class AgentEndpoint(msgspec.Struct, frozen=True, kw_only=True):
    """What the agent of the embedded stack connects with."""

    agent_id: str
    nats_url: str
    seed: str
    database_url: str
    data_dir: Path

    def __repr__(self) -> str:
        return f"AgentEndpoint(agent_id={self.agent_id!r}, nats_url={self.nats_url!r})"


async def ensure_up(
    *,
    on_step: OnStep | None = None,
    linger: bool = False,
    allow_unsigned: bool = False,
    agent: bool = True,
    timeout_s: float = START_TIMEOUT_S,
    idle_s: float = IDLE_S,
    agent_command: tuple[str, ...] | None = None,
) -> StackInfo:
    """Attach to the stack of this data directory, starting it if it does not run.

    Args:
        on_step: called with a step (``nats``, ``database``, ``agent``) and its state (``starting``,
            ``ready``, ``failed``, ``off``) at each change.
        linger: the stack stays when its clients have gone, until ``down``.
        allow_unsigned: its agent serves unsigned commands too.
        agent: False starts a stack without one.
        timeout_s: how long a first start may take.
        idle_s: how long a stack that this call starts outlives its last client.
        agent_command: another agent program, for tests.

    Raises:
        StackError: it does not start; the message says which part, and why.
        SettingsError: the data directory cannot be used.
    """
    stack_files = StackFiles(paths.data_dir())
    files.ensure_private_dir(stack_files.data_dir)
    _hold(stack_files)
    arguments = [f"--idle-seconds={idle_s}"]
    arguments += ["--linger"] if linger else []
    arguments += ["--allow-unsigned"] if allow_unsigned else []
    arguments += [] if agent else ["--no-agent"]
    if agent_command is not None:
        arguments.append(f"--agent-command={msgspec.json.encode(agent_command).decode()}")
    reporter = _Reporter(stack_files, on_step)
    deadline = time.monotonic() + timeout_s
    try:
        state = await _start_or_find(stack_files, arguments, reporter, deadline)
        state = await _apply(stack_files, state, linger=linger, allow_unsigned=allow_unsigned)
        if state.has_agent:
            await _await_agent(stack_files, reporter, deadline)
    except BaseException:
        release()
        raise
    reporter.report()
    return _info(stack_files, state)


async def attach() -> StackInfo | None:
    """Attach to the stack if it runs; None if it does not."""
    stack_files = StackFiles(paths.data_dir())
    if not stack_files.data_dir.is_dir():
        return None
    if stack_files.read_endpoint() is None:
        return None
    _hold(stack_files)
    state = stack_files.read_endpoint()
    if state is None:
        release()
        return None
    return _info(stack_files, state)


def release() -> None:
    """Give up one use of the stack, of those that ``ensure_up`` and ``attach`` began."""
    held = _held.get(paths.data_dir())
    if held is None:
        return
    held.uses -= 1
    if held.uses <= 0:
        _release_all()


def _release_all() -> None:
    held = _held.pop(paths.data_dir(), None)
    if held is not None:
        held.lock.release(is_removed=True)


def nats_address() -> str | None:
    """Return where the stack's broker is now; None if no stack runs."""
    state = StackFiles(paths.data_dir()).read_endpoint()
    return None if state is None else state.nats_url


def agent_endpoint() -> AgentEndpoint | None:
    """What the stack's agent (``slate agent --stack``) connects with; None if no stack runs."""
    stack_files = StackFiles(paths.data_dir())
    state = stack_files.read_endpoint()
    if state is None:
        return None
    return AgentEndpoint(
        agent_id=state.agent_id,
        nats_url=state.nats_url,
        seed=state.agent_seed,
        database_url=state.agent_database_url,
        data_dir=stack_files.data_dir,
    )


async def down(timeout_s: float = DOWN_TIMEOUT_S) -> bool:
    """End the stack and wait for it; tells whether one ran.

    Raises:
        StackError: it does not end in time.
    """
    stack_files = StackFiles(paths.data_dir())
    _release_all()
    if not locks.is_held(stack_files.lock):
        return False
    running = _supervisor_of(stack_files)
    if running is not None and hasattr(signal, "SIGHUP"):
        running.send_signal(signal.SIGTERM)
    else:
        stack_files.write(stack_files.request, Request(stop=True))
    deadline = time.monotonic() + timeout_s
    while locks.is_held(stack_files.lock):
        if time.monotonic() >= deadline:
            raise StackError(
                "The embedded stack does not end.",
                hint=f"Its log is {stack_files.logs / 'supervisor.log'}.",
            )
        await asyncio.sleep(_POLL_S)
    return True


async def status() -> dict[str, Any]:
    """Describe the stack without starting it; JSON-able."""
    stack_files = StackFiles(paths.data_dir())
    state = stack_files.read_endpoint()
    described: dict[str, Any] = {
        "running": state is not None,
        "pid": None,
        "nats_url": None,
        "nats_connect": None,
        "database_url": None,
        "agents": [],
        "data_dir": str(stack_files.data_dir),
        "started_at": None,
    }
    if state is None:
        return described
    described.update(
        pid=state.supervisor.pid,
        nats_url=state.nats_url,
        nats_connect=state.nats_connect,
        database_url=state.database_url,
        started_at=_iso(state.started_at),
        linger=state.is_lingering,
        allow_unsigned=state.allow_unsigned,
        user_id=state.user_id,
        clients=len(list(stack_files.clients.glob("*.lock"))),
    )
    described["agents"] = await _agents(stack_files, state)
    return described


# -- starting ------------------------------------------------------------------------------------


class _Reporter:
    """Tells each change of a step once."""

    def __init__(self, stack_files: StackFiles, on_step: OnStep | None) -> None:
        self._files = stack_files
        self._on_step = on_step
        self._told: dict[str, str] = {}

    def report(self) -> dict[str, str]:
        steps = self._files.read_steps()
        current: dict[str, str] = {}
        if steps is not None and steps.supervisor.is_running():
            current = dict(steps.steps)
        for name, state in current.items():
            if self._told.get(name) != state and self._on_step is not None:
                self._on_step(name, state)
        self._told.update(current)
        return current


async def _start_or_find(
    stack_files: StackFiles, arguments: list[str], reporter: _Reporter, deadline: float
) -> StackState:
    child: subprocess.Popen[bytes] | None = None
    while True:
        state = stack_files.read_endpoint()
        if state is not None:
            return state
        reporter.report()
        if child is not None and child.poll() not in (None, EXIT_LOCKED):
            raise _failure_of(stack_files, child.pid)
        if (child is None or child.poll() is not None) and not locks.is_held(stack_files.lock):
            child = _spawn(stack_files, arguments)
        if time.monotonic() >= deadline:
            raise StackError(
                "The embedded stack is not ready in time.",
                hint=f"Its logs are in {stack_files.logs}.",
            )
        await asyncio.sleep(_POLL_S)


def _spawn(stack_files: StackFiles, arguments: list[str]) -> subprocess.Popen[bytes]:
    files.ensure_private_dir(stack_files.logs)
    flags = 0
    if sys.platform == "win32":
        flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.DETACHED_PROCESS
    output = process.open_log(stack_files.logs / "supervisor-output.log")
    child = subprocess.Popen(  # noqa: S603
        [paths.python_program(), "-m", "slate_desktop.stack", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        cwd=stack_files.data_dir,
        env=process.environment(stack_files.data_dir),
        start_new_session=True,
        creationflags=flags,
    )
    os.close(output)
    # It may outlive this process or end before it; in the latter case somebody has to reap it.
    threading.Thread(target=child.wait, name="stack-reaper", daemon=True).start()
    return child


def _failure_of(stack_files: StackFiles, pid: int) -> StackError:
    steps = stack_files.read_steps(pid)
    if steps is not None and steps.error:
        return StackError(steps.error, hint=steps.hint)
    tail = process.log_tail(stack_files.logs / "supervisor-output.log")
    return StackError(
        f"The embedded stack does not start: {tail or 'no reason was given'}",
        hint=f"Its logs are in {stack_files.logs}.",
    )


async def _apply(
    stack_files: StackFiles, state: StackState, *, linger: bool, allow_unsigned: bool
) -> StackState:
    """Ask a stack that already ran for what this client needs of it."""
    wanted = Request(
        linger=True if linger and not state.is_lingering else None,
        allow_unsigned=True if allow_unsigned and not state.allow_unsigned else None,
    )
    if wanted == Request() or (wanted.linger is None and not state.has_agent):
        return state
    now_s = time.monotonic()
    deadline, ask_at_s = now_s + AGENT_TIMEOUT_S, now_s
    while (now_s := time.monotonic()) < deadline:
        if now_s >= ask_at_s:
            # Again and again: another client's request may have taken the place of this one.
            stack_files.write(stack_files.request, wanted)
            if hasattr(signal, "SIGHUP"):
                state.supervisor.send_signal(signal.SIGHUP)
            ask_at_s = now_s + _APPLY_AGAIN_S
        changed = stack_files.read_endpoint()
        if changed is None:
            # One that was about to end takes its endpoint away for a moment, and sees us then.
            if not state.supervisor.is_running():
                raise StackError("The embedded stack ended meanwhile.")
            await asyncio.sleep(_POLL_S)
            continue
        is_linger_done = wanted.linger is None or changed.is_lingering
        is_unsigned_done = wanted.allow_unsigned is None or changed.allow_unsigned
        if is_linger_done and (is_unsigned_done or not changed.has_agent):
            return changed
        await asyncio.sleep(_POLL_S)
    raise StackError("The embedded stack does not take requests.")


async def _await_agent(stack_files: StackFiles, reporter: _Reporter, deadline: float) -> None:
    """Wait for the agent; a stack whose agent does not come up is still of use."""
    deadline = min(deadline, time.monotonic() + AGENT_TIMEOUT_S)
    while time.monotonic() < deadline:
        steps = stack_files.read_steps()
        reporter.report()
        if steps is None or steps.steps.get("agent") in ("ready", "off") or steps.error:
            return
        await asyncio.sleep(_POLL_S)


# -- describing ----------------------------------------------------------------------------------


def _hold(stack_files: StackFiles) -> None:
    held = _held.get(stack_files.data_dir)
    if held is None:
        held = _held[stack_files.data_dir] = _Held(locks.hold_client(stack_files.clients))
    elif not held.lock.is_on_disk:
        held.lock = locks.hold_client(stack_files.clients)
    held.uses += 1


def _info(stack_files: StackFiles, state: StackState) -> StackInfo:
    return StackInfo(
        pid=state.supervisor.pid,
        data_dir=stack_files.data_dir,
        nats_url=state.nats_url,
        user_id=state.user_id,
        user_seed=state.user_seed,
        database_url=state.database_url,
        agents=(state.agent_id,) if state.has_agent else (),
        nats_connect=state.nats_connect,
        allow_unsigned=state.allow_unsigned,
        is_lingering=state.is_lingering,
    )


def _supervisor_of(stack_files: StackFiles) -> process.Identity | None:
    state = stack_files.read_endpoint()
    if state is not None:
        return state.supervisor
    steps = stack_files.read_steps()  # it may be starting or ending
    return steps.supervisor if steps is not None else None


async def _agents(stack_files: StackFiles, state: StackState) -> list[dict[str, Any]]:
    # Not at the top: whoever attaches to a stack that runs needs nothing of how one is started.
    from slate_desktop.stack.database import StackDatabase

    child = stack_files.read_children().processes.get("agent")
    steps = stack_files.read_steps()
    own_state = steps.steps.get("agent", "off") if steps is not None else "off"
    own_pid = child.pid if child is not None and child.is_running() else None
    try:
        rows = await StackDatabase.list_agents(state.database_url)
    except SlateError:
        rows = []
    found = [
        {
            "id": row.id,
            "pid": own_pid if row.id == state.agent_id else None,
            "state": own_state if row.id == state.agent_id else _state_of(row),
            "last_seen": row.last_seen.isoformat() if row.last_seen is not None else None,
        }
        for row in rows
    ]
    if state.has_agent and not any(entry["id"] == state.agent_id for entry in found):
        found.append({"id": state.agent_id, "pid": own_pid, "state": own_state, "last_seen": None})
    return found


def _state_of(row: AgentRow) -> str:
    return "ready" if (row.seen_ago_s or 0.0) <= OFFLINE_AFTER_S else "offline"


def _iso(timestamp: float) -> str:
    return datetime.fromtimestamp(timestamp, UTC).isoformat(timespec="seconds")
