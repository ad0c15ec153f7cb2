"""The stack's agent as a child process, and what is done when another agent takes its place."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

from slate_desktop.settings import paths
from slate_desktop.stack import locks, process
from slate_desktop.stack.state import StackFiles

# An agent whose epoch is outdated ends with this code (EX_TEMPFAIL): a newer one has its id.
EXIT_SUPERSEDED = 75
STOP_TIMEOUT_S = 15.0
_LOCK_POLL_S = 0.5
# The agent finds everything through the endpoint file; settings of another deployment must not
# lead it elsewhere.
_FOREIGN_VARIABLES = ("SLATE_NATS_URL", "SLATE_DATABASE_URL", "SLATE_PROFILE", "SLATE_AGENT_ID")


def default_command() -> list[str]:
    """The agent of this installation."""
    return [paths.python_program(), "-m", "slate_desktop", "agent", "--stack"]


class AgentProcess:
    """Starts and ends the agent; ``allow_unsigned`` counts at the next start."""

    def __init__(
        self, stack_files: StackFiles, agent_id: str, command: Sequence[str], *, log_file: Path
    ) -> None:
        self.allow_unsigned = False
        self.process: asyncio.subprocess.Process | None = None
        self.log_file = log_file
        self._files = stack_files
        self._agent_id = agent_id
        self._command = list(command)

    async def start(self) -> None:
        """Start the agent; it is ready when its heartbeat is in the database."""
        env = {key: value for key, value in os.environ.items() if key not in _FOREIGN_VARIABLES}
        env["SLATE_DATA_DIR"] = str(self._files.data_dir)
        command = [*self._command, *(["--allow-unsigned"] if self.allow_unsigned else [])]
        self.process = await process.spawn(
            command, log_file=self.log_file, env=env, cwd=self._files.data_dir
        )

    async def stop(self) -> None:
        """End it; runtimes that it drives stay, and are adopted by the next agent."""
        if self.process is not None:
            await process.stop(self.process, grace_s=STOP_TIMEOUT_S)

    async def wait_superseding_agent(self) -> None:
        """Wait until the agent that took this id's place has ended."""
        path = self._files.agent_lock(self._agent_id)
        while locks.is_held(path):  # noqa: ASYNC110 - another process holds it
            await asyncio.sleep(_LOCK_POLL_S)
