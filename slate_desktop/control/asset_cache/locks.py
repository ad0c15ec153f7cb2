"""One command at a time for what has a key; the others wait for what it makes."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

from slate_desktop.errors import StackError
from slate_desktop.stack.locks import FileLock

# How often another process that makes the same is looked at, and when it is believed to hang.
_OTHERS_LOOK_S = 0.05
_OTHERS_HANG_S = 900.0


class KeyLocks:
    """Locks in a folder, one file for each key while it is held."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextlib.asynccontextmanager
    async def alone_with(self, key: str) -> AsyncIterator[None]:
        """Wait while another process makes or takes what has this key, then keep others waiting.

        Where no lock can be made, or another process holds it for a quarter of an hour, things go
        on without: what is lost is work that is done twice.
        """
        lock = await self._lock(key)
        try:
            yield
        finally:
            if lock is not None:
                lock.release(is_removed=True)

    async def _lock(self, key: str) -> FileLock | None:
        end_s = time.monotonic() + _OTHERS_HANG_S
        path = self._folder / f"{key}.lock"
        try:
            path.parent.mkdir(exist_ok=True)
            while time.monotonic() < end_s:
                lock = FileLock.acquire(path)
                if lock is None:
                    await asyncio.sleep(_OTHERS_LOOK_S)
                elif lock.is_on_disk:
                    return lock
                else:
                    lock.release()  # who had it took its file away
        except (OSError, StackError):
            pass
        return None
