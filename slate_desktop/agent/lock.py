"""One agent process per agent id on a machine: a file lock that dies with its holder."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import IO

from slate_desktop.errors import EnvironmentFaultError

POLL_S = 0.1


class AgentLock:
    """The lock ``<data>/agent-<id>.lock``.

    A starting agent raises its epoch first and waits here; the running one sees that it is
    superseded, ends, and the operating system hands the lock over.
    """

    def __init__(self, data_dir: Path, agent_id: str) -> None:
        self.path = data_dir / f"agent-{agent_id}.lock"
        self._file: IO[bytes] | None = None

    async def acquire(self, timeout_s: float = 20.0) -> None:
        """Take the lock, waiting at most ``timeout_s`` seconds.

        Raises:
            EnvironmentFaultError: another process keeps it.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle = self.path.open("ab")
        deadline = asyncio.get_running_loop().time() + timeout_s
        try:
            while not (is_held := _try_lock(handle)):
                if asyncio.get_running_loop().time() >= deadline:
                    break
                await asyncio.sleep(POLL_S)
        except BaseException:
            handle.close()
            raise
        if not is_held:
            handle.close()
            raise EnvironmentFaultError(
                f"another agent process keeps {self.path}",
                hint="end that process, or start this agent with another id",
            )
        self._file = handle

    def release(self) -> None:
        """Give the lock back; harmless when it is not held."""
        if self._file is not None:
            self._file.close()
            self._file = None


if sys.platform == "win32":
    import msvcrt

    def _try_lock(handle: IO[bytes]) -> bool:
        try:
            handle.seek(0)
            msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try_lock(handle: IO[bytes]) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True
