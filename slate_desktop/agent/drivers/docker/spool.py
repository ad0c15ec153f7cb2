"""How much of a container's output the engine keeps for an agent that reads slower than it comes.

The engine's own log is the spool between a flood and the database: what is rotated away there
before it was read is lost.
"""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any

from slate_desktop.agent.drivers.docker.engine import Engine
from slate_desktop.domain.retention import DEFAULT_RUN_BYTES

FILE_BYTES = 64 * 2**20
# A short line of text is four times as long in the engine's JSON.
_JSON_FACTOR = 4
# So much of what is free on the engine's disk may one container's log take.
_FREE_SHARE = 8
# Half a minute of a flood of 100,000 lines a second fits in any case.
_LEAST_FILES = 6
_MOST_FILES = 256
# On an engine whose disk cannot be seen.
_UNSEEN_BYTES = 2**30


def log_config(run_bytes: int | None, free_bytes: int | None) -> dict[str, Any]:
    """Return how the engine keeps a container's log.

    Args:
        run_bytes: text that the run may write, which is what SLATE keeps of it; None for no limit.
        free_bytes: what is free on the engine's disk, None where nobody can look.
    """
    wanted = _JSON_FACTOR * (DEFAULT_RUN_BYTES if run_bytes is None else run_bytes)
    room = _UNSEEN_BYTES if free_bytes is None else free_bytes // _FREE_SHARE
    files = min(max(min(wanted, room) // FILE_BYTES, _LEAST_FILES), _MOST_FILES)
    return {
        "Type": "json-file",
        "Config": {"max-size": f"{FILE_BYTES // 2**20}m", "max-file": str(files)},
    }


async def engine_root(info: dict[str, Any]) -> Path | None:
    """Return the engine's directory by its ``info``, None where that is none of this host's."""
    root = Path(str(info.get("DockerRootDir") or ""))
    return root if root.is_absolute() and await asyncio.to_thread(root.is_dir) else None


class EngineDisk:
    """What is free where an engine keeps its logs; where that is, it is asked once."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._root: Path | None = None
        self._is_known = False

    async def free_bytes(self) -> int | None:
        """Return what is free on the engine's disk, None where it is none of this host's.

        Raises:
            CommandError: the engine cannot be asked.
        """
        if not self._engine.address.is_local:
            return None
        if not self._is_known:
            info = await self._engine.call("asking for the engine", lambda client: client.info())
            self._root, self._is_known = await engine_root(info), True
        if self._root is None:
            return None
        try:
            return (await asyncio.to_thread(shutil.disk_usage, self._root)).free
        except OSError:
            return None
