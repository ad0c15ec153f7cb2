"""Watches a changing set of directories, none of them recursively.

The watcher proper is a thread of our own around watchfiles' backend: it needs no more of the event
loop than ``call_soon_threadsafe``, so that any loop will do.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

logger = logging.getLogger(__name__)

_DEBOUNCE_MS = 400
_STEP_MS = 100
_RESTART_S = 0.05
_RETRY_S = 5.0

# Names that changed in each directory; None means: read it again.
Changes = dict[Path, set[str] | None]


class DirectoryWatch:
    """Calls ``on_changes`` with the names that changed in each directory.

    The system's watcher takes its directories at the start only, so a new one begins when the set
    grows; a directory that changed in between is reported with None.
    """

    def __init__(
        self,
        on_changes: Callable[[Changes], Awaitable[None]],
        *,
        is_of_interest: Callable[[str], bool] = lambda _: False,
        begin: asyncio.Event | None = None,
    ) -> None:
        """Begin with no directories.

        Args:
            on_changes: called with what came and went.
            is_of_interest: whether a change of content of a file with this name counts too.
            begin: nothing is watched before it is set; what changed until then is told at once.
        """
        self._on_changes = on_changes
        self._is_of_interest = is_of_interest
        self._begin = begin
        self._stamps: dict[Path, int] = {}
        self._is_dirty = asyncio.Event()
        self._stop = threading.Event()
        self._task: asyncio.Task[None] | None = None

    def add(self, path: Path, stamp: int) -> None:
        """Watch a directory that was read when its time of change was ``stamp``."""
        self._stamps[path] = stamp
        self._is_dirty.set()
        self._stop.set()
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="tree-watch")

    def touch(self, path: Path, stamp: int) -> None:
        """Note that a directory was read again."""
        if path in self._stamps:
            self._stamps[path] = stamp

    def remove(self, path: Path) -> None:
        """Stop watching a directory and what is below it."""
        for known in [known for known in self._stamps if known == path or path in known.parents]:
            del self._stamps[known]

    async def aclose(self) -> None:
        """End the watcher."""
        task, self._task = self._task, None
        self._stamps.clear()
        self._stop.set()
        if task is not None:
            task.cancel()
            await asyncio.wait({task})

    async def _run(self) -> None:
        if self._begin is not None:
            await self._begin.wait()
        while True:
            await self._is_dirty.wait()
            await asyncio.sleep(_RESTART_S)  # more directories may come at once
            self._is_dirty.clear()
            self._stop = threading.Event()
            try:
                await self._watch(set(self._stamps), self._stop)
            except OSError as exc:
                logger.warning("the project cannot be watched", extra={"reason": str(exc)})
                await asyncio.sleep(_RETRY_S)
                self._is_dirty.set()

    async def _watch(self, paths: set[Path], stop: threading.Event) -> None:
        existing = await asyncio.to_thread(lambda: {path for path in paths if path.is_dir()})
        if not existing:
            return
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[set[tuple[int, str]] | OSError | None] = asyncio.Queue()

        def send(item: set[tuple[int, str]] | OSError | None) -> None:
            with contextlib.suppress(RuntimeError):  # the loop was closed
                loop.call_soon_threadsafe(queue.put_nowait, item)

        thread = threading.Thread(
            target=_watch_in_thread, args=(existing, stop, send), name="tree-watch", daemon=True
        )
        thread.start()
        try:
            while (item := await queue.get()) is not None:
                if isinstance(item, OSError):
                    raise item
                if item:
                    changes = await asyncio.to_thread(self._group, item, set(self._stamps))
                else:
                    changes = await self._missed(existing)
                if changes:
                    await self._on_changes(changes)
        finally:
            stop.set()

    def _group(self, found: set[tuple[int, str]], watched: set[Path]) -> Changes:
        """Return the names that changed, by directory; it runs in a thread, as they can be many."""
        from watchfiles import Change

        directories = {str(path): path for path in watched}
        changes: Changes = {}
        for kind, text in found:
            parent, name = os.path.split(text)
            path = directories.get(parent)
            if path is None or (kind == Change.modified and not self._is_of_interest(name)):
                continue
            names = changes.setdefault(path, set())
            if names is not None:
                names.add(name)
        return changes

    async def _missed(self, paths: set[Path]) -> Changes:
        """Return the directories that changed between their reading and the watcher's start."""
        stamps = await asyncio.to_thread(lambda: {path: _stamp(path) for path in paths})
        return {
            path: None
            for path, stamp in stamps.items()
            if path in self._stamps and stamp is not None and stamp != self._stamps[path]
        }


def _watch_in_thread(
    paths: set[Path],
    stop: threading.Event,
    send: Callable[[set[tuple[int, str]] | OSError | None], None],
) -> None:
    """Send an empty set once the watcher runs, then sets of changes, None at the end."""
    # Source: https://watchfiles.helpmanual.io/api/rust_backend/
    from watchfiles._rust_notify import RustNotify, WatchfilesRustInternalError

    try:
        with RustNotify([str(path) for path in paths], False, False, 0, False, True) as watcher:
            send(set())
            while not stop.is_set():
                found = watcher.watch(_DEBOUNCE_MS, _STEP_MS, 0, stop)
                if isinstance(found, set) and found:
                    send(found)
    except (OSError, WatchfilesRustInternalError) as exc:
        send(exc if isinstance(exc, OSError) else OSError(str(exc)))
    else:
        send(None)


def _stamp(path: Path) -> int | None:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return None
