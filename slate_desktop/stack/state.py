"""How supervisor and clients know each other: files of mode 0600 in the data directory.

::

    stack.lock      held by the supervisor while it lives
    stack.json      the endpoint: written once everything answers, removed at a clean end
    stack.steps     progress and the reason of a failure, while it starts
    stack.request   what a client asks of a running supervisor
    children.json   the servers that were started, to sweep them after a crash
    clients/        one locked file per process that uses the stack
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

from slate_desktop.bus import permissions
from slate_desktop.errors import SettingsError
from slate_desktop.settings import files
from slate_desktop.stack.process import Identity
from slate_desktop.wire.keys import SigningKey

FORMAT = 1
NATS_USER = "local"
# What the supervising process ends with when another one holds the lock.
EXIT_LOCKED = 3
# How long a stack that was started on demand outlives its last client.
IDLE_S = 10.0
StepState = Literal["starting", "ready", "failed", "off"]
_T = TypeVar("_T")


class StackState(msgspec.Struct, kw_only=True):
    """``stack.json``."""

    format: int = FORMAT
    supervisor: Identity
    started_at: float
    is_lingering: bool
    allow_unsigned: bool
    has_agent: bool
    nats_url: str
    nats_password: str
    user_id: str
    user_seed: str
    database_url: str
    agent_id: str
    agent_seed: str
    agent_database_url: str

    @property
    def nats_connect(self) -> dict[str, Any]:
        """Keyword options with which nats-py's ``connect`` is admitted as the local user.

        A password stands in for the key, because nats-py needs a further package to sign.
        """
        public = SigningKey.from_seed(self.user_seed).public
        return {
            "servers": [self.nats_url],
            "user": NATS_USER,
            "password": self.nats_password,
            "inbox_prefix": permissions.inbox_prefix(public),
            "name": "slate-local-user",
        }


class Steps(msgspec.Struct, kw_only=True):
    """``stack.steps``."""

    supervisor: Identity
    steps: dict[str, StepState] = {}
    error: str = ""
    hint: str = ""


class Request(msgspec.Struct, kw_only=True, omit_defaults=True):
    """``stack.request``; None leaves things as they are."""

    linger: bool | None = None
    allow_unsigned: bool | None = None
    stop: bool = False


class Children(msgspec.Struct, kw_only=True):
    """``children.json``."""

    processes: dict[str, Identity] = {}


class StackFiles:
    """The files below one data directory."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.lock = data_dir / "stack.lock"
        self.endpoint = data_dir / "stack.json"
        self.steps = data_dir / "stack.steps"
        self.request = data_dir / "stack.request"
        self.children = data_dir / "children.json"
        self.clients = data_dir / "clients"
        self.logs = data_dir / "logs"
        self.keys = data_dir / "keys"
        self.nats = data_dir / "nats"
        self.postgres = data_dir / "postgres"

    def agent_lock(self, agent_id: str) -> Path:
        """Held by the process that is the agent ``agent_id``."""
        return self.data_dir / f"agent-{agent_id}.lock"

    def read_endpoint(self) -> StackState | None:
        """The endpoint of a supervisor that lives, or None."""
        state = _read(self.endpoint, StackState)
        if state is None or state.format != FORMAT or not state.supervisor.is_running():
            return None
        return state

    def read_steps(self, pid: int | None = None) -> Steps | None:
        """The progress of a starting supervisor; with ``pid``, of that one alone."""
        steps = _read(self.steps, Steps)
        if steps is None or (pid is not None and steps.supervisor.pid != pid):
            return None
        return steps

    def read_children(self) -> Children:
        """What was started last time."""
        return _read(self.children, Children) or Children()

    def take_request(self) -> Request | None:
        """Read the request of a client once."""
        request = _read(self.request, Request)
        files.remove(self.request)
        return request

    def write(self, path: Path, value: msgspec.Struct) -> None:
        """Replace one of the files."""
        files.write_private(path, msgspec.json.encode(value))


def _read(path: Path, kind: type[_T]) -> _T | None:
    # Torn, foreign or bogus files say nothing; the lock is what counts.
    try:
        return msgspec.json.decode(files.read_private(path), type=kind)
    except (FileNotFoundError, SettingsError, msgspec.MsgspecError, UnicodeDecodeError):
        return None
