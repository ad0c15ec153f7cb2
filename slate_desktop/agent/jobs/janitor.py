"""Removes what workers that were killed left behind: directories of attempts that nobody does."""

from __future__ import annotations

import asyncio
import logging
import shutil
import time
from collections.abc import Callable, Collection
from pathlib import Path

_log = logging.getLogger(__name__)
KEEP_S = 3600.0


def sweep(directory: Path, busy: Collection[str], *, keep_s: float = KEEP_S) -> int:
    """Remove the directories of jobs that are old and not worked on; returns how many.

    Args:
        directory: the worker's; below it one directory for each job.
        busy: ids of the jobs that are worked on here.
        keep_s: how long an untouched directory stays, in seconds.
    """
    count = 0
    oldest_s = time.time() - keep_s
    try:
        entries = list(directory.iterdir())
    except FileNotFoundError:
        return 0
    for entry in entries:
        try:
            is_old = entry.lstat().st_mtime < oldest_s
        except FileNotFoundError:
            continue
        if entry.name not in busy and is_old:
            shutil.rmtree(entry, ignore_errors=True)
            count += 1
    if count:
        _log.info("left-over directories were removed", extra={"count": count})
    return count


async def run(
    directory: Path, busy: Callable[[], Collection[str]], *, period_s: float = 900.0
) -> None:
    """Sweep at once and then every ``period_s`` seconds, until cancelled."""
    while True:
        await asyncio.to_thread(sweep, directory, busy())
        await asyncio.sleep(period_s)
