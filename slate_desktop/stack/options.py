"""How an embedded stack is run, and the supervisor's own command line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from slate_desktop.settings import paths
from slate_desktop.stack import agent_process
from slate_desktop.stack.state import IDLE_S


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How a stack is run.

    ``agent_command`` starts the agent; an empty one runs none. ``idle_s`` is how long an on-demand
    stack outlives its last client.
    """

    data_dir: Path
    linger: bool = False
    allow_unsigned: bool = False
    agent_command: tuple[str, ...] = ()
    idle_s: float = IDLE_S


def parse_options(arguments: Sequence[str]) -> Options:
    """Read the supervisor's own command line (``python -m slate_desktop.stack``)."""
    import argparse

    parser = argparse.ArgumentParser(prog="slate stack run")
    parser.add_argument("--linger", action="store_true")
    parser.add_argument("--allow-unsigned", action="store_true")
    parser.add_argument("--no-agent", action="store_true")
    parser.add_argument("--agent-command", help="JSON list, for tests")
    parser.add_argument("--idle-seconds", type=float, default=IDLE_S)
    parsed = parser.parse_args(arguments)
    command: list[str] = agent_process.default_command()
    if parsed.agent_command:
        command = msgspec.json.decode(parsed.agent_command, type=list[str])
    return Options(
        data_dir=paths.data_dir(),
        linger=parsed.linger,
        allow_unsigned=parsed.allow_unsigned,
        agent_command=() if parsed.no_agent else tuple(command),
        idle_s=parsed.idle_seconds,
    )
