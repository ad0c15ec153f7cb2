"""Tells which of many files have changed: by the kernel's word, or a look at all of them together.

A wait of its own for each log costs twenty wakings a second for each session that says nothing; a
look at all of them twenty times a second still took more than all that an idle agent does besides.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from slate_desktop.agent.drivers.filewatch import FileWatch

PERIOD_S = 0.05
# Also what the kernel tells of is looked at now and then: not every file system tells of all.
SAFE_PERIOD_S = 2.0
# What is at a path: the file, its size, and when it, or what is in it, changed; None for nothing.
Stamp = tuple[int, int, int] | None


def stamp_of(path: Path | str) -> Stamp:
    """Return what is at a path now."""
    try:
        found = os.stat(path)  # noqa: PTH116 - the way over pathlib takes twice as long
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def stamps_of(paths: Iterable[Path | str]) -> dict[str, Stamp]:
    """Return what is at each path now; ``FileTicks`` waits until one of them differs."""
    return {str(path): stamp_of(path) for path in paths}


class FileTicks:
    """One per driver; nothing wakes while nobody waits.

    Args:
        period_s: seconds between two looks, where the kernel does not tell.
        with_watch: ask the kernel.
    """

    def __init__(self, period_s: float = PERIOD_S, *, with_watch: bool = True) -> None:
        self._period_s = period_s
        self._with_watch = with_watch
        self._watch: FileWatch | None = None
        self._waiting: dict[asyncio.Future[None], Mapping[str, Stamp]] = {}
        # Those that the kernel tells nothing.
        self._untold: set[asyncio.Future[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_s = 0.0

    async def changed(
        self,
        known: Mapping[str, Stamp],
        until: asyncio.Future[Any] | None = None,
        timeout_s: float | None = None,
    ) -> None:
        """Wait until a path is not as it was known, something else is done, or time is over."""
        changed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        numbers = self._watch_all(known, changed)
        try:
            # What changed before the kernel was asked.
            if numbers and _differs(known):
                return
            self._waiting[changed] = known
            if len(numbers) < len(known):
                self._untold.add(changed)
            self._look_later()
            waits = {changed} if until is None else {changed, until}
            await asyncio.wait(waits, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._waiting.pop(changed, None)
            self._untold.discard(changed)
            changed.cancel()
            for number in numbers:
                if self._watch is not None:
                    self._watch.remove(number, changed)

    def close(self) -> None:
        """Give back what the kernel gave."""
        self._with_watch = False
        if self._watch is not None:
            self._watch.close()
            self._watch = None

    def _watch_all(self, known: Mapping[str, Stamp], changed: asyncio.Future[None]) -> list[int]:
        if not self._with_watch:
            return []
        if self._watch is None:
            self._watch = FileWatch.open()
            if self._watch is None:
                self._with_watch = False
                return []
        found = [self._watch.add(path, changed) for path in known]
        return [number for number in found if number is not None]

    def _look_later(self) -> None:
        wanted_s = self._period_s if self._untold else max(self._period_s, SAFE_PERIOD_S)
        if self._timer is not None:
            if self._timer_s <= wanted_s:
                return
            self._timer.cancel()
        self._timer_s = wanted_s
        self._timer = asyncio.get_running_loop().call_later(wanted_s, self._look)

    def _look(self) -> None:
        self._timer = None
        for changed, known in list(self._waiting.items()):
            if _differs(known):
                del self._waiting[changed]
                self._untold.discard(changed)
                if not changed.done():
                    changed.set_result(None)
        if self._waiting:
            self._look_later()


def _differs(known: Mapping[str, Stamp]) -> bool:
    return any(stamp_of(path) != stamp for path, stamp in known.items())
