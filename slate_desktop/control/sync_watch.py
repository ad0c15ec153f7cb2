"""Brings changes of a project's files to agents while runtimes use them there.

A thread of our own around watchfiles' backend tells what changed; where the system cannot watch so
many folders, the folder is looked through every few seconds instead.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from slate_desktop.control.signals import Signal
from slate_desktop.control.sync_values import SyncStatus
from slate_desktop.domain.project import Project
from slate_desktop.domain.trees.ignore import IGNORE_FILE
from slate_desktop.domain.trees.paths import OWN_FOLDER
from slate_desktop.domain.trees.scan import read_rules
from slate_desktop.errors import SlateError
from slate_desktop.wire.tree_messages import TreeReply

if TYPE_CHECKING:
    from slate_desktop.control.client import Slate

logger = logging.getLogger(__name__)

# A program that writes many files at once is waited for, at most this long.
_DEBOUNCE_MS = 150
_STEP_MS = 40
_POLL_S = 3.0
# Which agents have a tree of the project is asked again after this time.
_HOSTS_S = 10.0
_RETRY_S = 2.0


class SyncPass(msgspec.Struct, frozen=True, kw_only=True):
    """One change that was brought.

    Attributes:
        status: of the folder afterwards.
        hosts: what each agent said that has a tree of the project, by its id.
        took_s: from the change's notice to the last agent's answer, in seconds.
    """

    status: SyncStatus
    hosts: dict[str, TreeReply]
    took_s: float


class SyncWatch:
    """Watches a project's folder and brings what changes; ``aclose`` ends it."""

    passed = Signal(SyncPass)
    failed = Signal(str)

    def __init__(self, slate: Slate, project: Project) -> None:
        self._slate = slate
        self._project = project
        self._root = slate.project_folder(project)
        self._agents: tuple[str, ...] = ()
        self._asked_s = float("-inf")
        self._version = 0
        self._stop = threading.Event()
        self._task: asyncio.Task[None] | None = None
        self.is_watching = asyncio.Event()

    def start(self) -> None:
        """Begin; what changed before is brought first."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=f"sync-{self._project.id}")

    async def aclose(self) -> None:
        """End it; what is under way is broken off, and brought the next time."""
        task, self._task = self._task, None
        self._stop.set()
        if task is not None:
            task.cancel()
            await asyncio.wait({task})

    async def _run(self) -> None:
        queue: asyncio.Queue[frozenset[str] | None] = asyncio.Queue(maxsize=64)
        loop = asyncio.get_running_loop()

        def send(paths: frozenset[str] | None) -> None:
            with contextlib.suppress(RuntimeError):  # the loop was closed
                asyncio.run_coroutine_threadsafe(queue.put(paths), loop)

        thread = threading.Thread(
            target=_watch, args=(self._root, self._stop, send), name="sync-watch", daemon=True
        )
        thread.start()
        try:
            while True:
                changed = await queue.get()
                while not queue.empty():
                    more = queue.get_nowait()
                    changed = None if changed is None or more is None else changed | more
                await self._bring_until_done(changed)
                self.is_watching.set()
        finally:
            self._stop.set()

    async def _bring_until_done(self, changed: Collection[str] | None) -> None:
        while True:
            try:
                await self._bring(changed)
            except (SlateError, TimeoutError) as exc:
                self.failed.emit(str(exc))
                logger.info("a change waits", extra={"reason": str(exc)})
                self._asked_s = float("-inf")
                changed = None
                await asyncio.sleep(_RETRY_S)
            else:
                return

    async def _bring(self, changed: Collection[str] | None) -> None:
        began_s = time.monotonic()
        if changed is not None:
            rules = await asyncio.to_thread(read_rules, self._root, self._project.engine)
            changed = [path for path in changed if not rules.covers(path)]
            if not changed:
                return
        status = await self._slate.push_files(self._project.id, changed=changed)
        agents = await self._agents_with_trees()
        replies: dict[str, TreeReply] = {}
        if status.version != self._version or changed is None:
            found = await asyncio.gather(
                *(self._slate.apply_files(self._project.id, agent) for agent in agents)
            )
            replies = dict(zip(agents, found, strict=True))
            self._version = status.version
        self.passed.emit(SyncPass(status=status, hosts=replies, took_s=time.monotonic() - began_s))

    async def _agents_with_trees(self) -> tuple[str, ...]:
        if time.monotonic() - self._asked_s > _HOSTS_S:
            hosts = await self._slate.list_sync_hosts(self._project.id)
            self._agents = tuple(
                host.agent_id for host in hosts if host.answers and not host.shared and host.version
            )
            self._asked_s = time.monotonic()
        return self._agents


def _watch(
    root: Path, stop: threading.Event, send: Callable[[frozenset[str] | None], None]
) -> None:
    """Send None at the start, then what changed: names, or None for "look at all"."""
    # Source: https://watchfiles.helpmanual.io/api/rust_backend/
    from watchfiles._rust_notify import RustNotify, WatchfilesRustInternalError

    base = str(root)
    try:
        with RustNotify([base], False, False, 0, True, True) as watcher:
            send(None)
            while not stop.is_set():
                found = watcher.watch(_DEBOUNCE_MS, _STEP_MS, 0, stop)
                if isinstance(found, set) and found:
                    paths = _relative(base, {path for _, path in found})
                    if paths is None or paths:
                        send(paths)
    except (OSError, WatchfilesRustInternalError) as exc:
        logger.warning("the project is looked through instead", extra={"reason": str(exc)})
        while not stop.wait(_POLL_S):
            send(None)


def _relative(base: str, found: Collection[str]) -> frozenset[str] | None:
    """Return names below the folder; None when the rules themselves changed."""
    paths: set[str] = set()
    for text in found:
        path = text[len(base) + 1 :].replace("\\", "/") if text.startswith(base) else ""
        if path == IGNORE_FILE:
            return None
        if path and path != OWN_FOLDER and not path.startswith(OWN_FOLDER + "/"):
            paths.add(path)
    return frozenset(paths)
