"""Keeps the line about a project's files true, and brings what is saved while a session runs.

The folder is looked through when a project is chosen, when the window comes to the front, and after
something was brought; in between only the number of the newest tree is asked for.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from slate_desktop.errors import SlateError
from slate_desktop.translation import sentence
from slate_desktop.ui import dialogs, folders

if TYPE_CHECKING:
    from slate_desktop.control.client import Slate
    from slate_desktop.control.sync_values import SyncHost, SyncStatus
    from slate_desktop.control.sync_watch import SyncPass, SyncWatch
    from slate_desktop.domain.project import Project
    from slate_desktop.ui.window import MainWindow

LOOK_S = 15.0


class SyncBinding:
    """One per window."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self._work = window.workspace
        self._row = window.details.sync
        self._now: SyncStatus | None = None
        self._hosts: list[SyncHost] = []
        self._is_busy = False
        self._watches: dict[str, SyncWatch] = {}
        self._look = asyncio.Event()
        self._work.current_changed.connect(self._on_current_changed)
        self._work.connected.connect(self._on_connected)
        self._work.sessions_changed.connect(self._on_sessions_changed)
        self._work.session_changed.connect(lambda _: self._on_sessions_changed())
        self._row.push_wanted.connect(self.push)
        self._row.pull_wanted.connect(self.pull)
        self._row.decide_wanted.connect(self.decide)
        self._show_actions()

    # -- what a person does ------------------------------------------------------------------

    def push(self) -> None:
        """Bring what changed here."""

        async def work(slate: Slate, project: Project) -> SyncStatus:
            now = await slate.push_files(project.id)
            for host in self._hosts:
                if host.answers and not host.shared and host.version:
                    await slate.apply_files(project.id, host.agent_id)
            return now

        self._spawn(work, self._window.tr("Bringing files to the hosts…"))

    def pull(self) -> None:
        """Bring what others and runtimes changed."""

        async def work(slate: Slate, project: Project) -> SyncStatus:
            await slate.collect_files(project.id)
            return await slate.pull_files(project.id)

        self._spawn(work, self._window.tr("Bringing files into the folder…"))

    def decide(self) -> None:
        """Show the files in conflict."""
        self._window.tasks.spawn(self._decide(), "sync conflicts", self._window)

    def look_again(self) -> None:
        """Look through the chosen project's folder soon."""
        self._look.set()

    async def aclose(self) -> None:
        """Stop watching folders."""
        watches, self._watches = list(self._watches.values()), {}
        for watch in watches:
            await watch.aclose()

    # -- looking -----------------------------------------------------------------------------

    def _on_connected(self) -> None:
        slate = self._work.slate
        if slate is not None and slate.profile != "local":
            self._window.tasks.spawn(self._run(slate), "sync status", self._window)
        self._on_sessions_changed()

    def _on_current_changed(self) -> None:
        project = self._work.project
        if self._now is None or project is None or project.id != self._now.project_id:
            self._show_nothing()
        self.look_again()

    async def _run(self, slate: Slate) -> None:
        while self._work.slate is slate:
            is_wanted = self._look.is_set()
            self._look.clear()
            with contextlib.suppress(SlateError, TimeoutError):
                await self._refresh(slate, is_wanted=is_wanted)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self._look.wait()

    async def _refresh(self, slate: Slate, *, is_wanted: bool) -> None:
        project = self._work.project
        if self._is_busy or project is None or folders.is_folder(project):
            return
        if not await asyncio.to_thread(slate.project_folder(project).is_dir):
            return
        if not is_wanted and (
            self._now is None or await slate.get_tree_version(project.id) == self._now.version
        ):
            return
        hosts = await slate.list_sync_hosts(project.id)
        if all(host.shared for host in hosts):
            if project is self._work.project:
                self._show_nothing()
            return
        now = await slate.get_sync_status(project.id)
        self._hosts = hosts
        self._show(now)

    def _show(self, now: SyncStatus) -> None:
        project = self._work.project
        if project is None or project.id != now.project_id:
            return
        self._now = now
        self._row.show_status(now, self._hosts)
        self._show_actions()

    def _show_nothing(self) -> None:
        self._now, self._hosts = None, []
        self._row.show_nothing()
        self._show_actions()

    def _show_actions(self) -> None:
        registry, now = self._window.registry, self._now
        why = self._window.tr("No host needs this project's files.")
        registry.set_enabled("sync.push", now is not None, why)
        registry.set_enabled("sync.pull", now is not None, why)
        has_conflicts = now is not None and bool(now.conflicts)
        none = self._window.tr("No file changed on both sides.")
        registry.set_enabled("sync.decide", has_conflicts, why if now is None else none)

    # -- working -----------------------------------------------------------------------------

    def _spawn(self, work: Callable[[Slate, Project], Awaitable[SyncStatus]], words: str) -> None:
        self._window.tasks.spawn(self._do(work, words), "sync files", self._window)

    async def _do(
        self, work: Callable[[Slate, Project], Awaitable[SyncStatus]], words: str
    ) -> None:
        slate, project = self._work.slate, self._work.project
        if slate is None or project is None or self._is_busy:
            return
        self._is_busy = True
        self._row.show_work(words)
        try:
            now = await work(slate, project)
            self._hosts = await slate.list_sync_hosts(project.id)
        except (SlateError, TimeoutError) as error:
            if isinstance(error, SlateError):
                self._window.show_error(error, self._window.tr("The files were not brought."))
            if self._now is not None:
                self._show(self._now)
        else:
            self._show(now)
        finally:
            self._is_busy = False

    async def _decide(self) -> None:
        from slate_desktop.ui.sync.conflicts import ConflictsDialog

        slate, project, now = self._work.slate, self._work.project, self._now
        if slate is None or project is None or now is None:
            return
        dialog = ConflictsDialog(self._window, project.name)
        dialog.show_conflicts(now.conflicts)

        async def decide(paths: list[str], keep: str) -> None:
            dialog.set_busy(True)
            try:
                after = await slate.resolve_files(project.id, paths, keep)
            except SlateError as error:
                dialog.show_message(sentence(str(error)))
                dialog.set_busy(False)
                return
            self._show(after)
            dialog.show_conflicts(after.conflicts)
            if not after.conflicts:
                dialog.accept()

        dialog.chosen.connect(
            lambda paths, keep: self._window.tasks.spawn(decide(paths, keep), "decide", dialog)
        )
        await dialogs.wait_for(dialog)

    # -- while sessions run --------------------------------------------------------------------

    def _on_sessions_changed(self) -> None:
        slate = self._work.slate
        if slate is None or slate.profile == "local":
            return
        live = {session.project_id for session in self._work.sessions if session.is_live}
        for project_id in list(self._watches):
            if project_id not in live:
                watch = self._watches.pop(project_id)
                self._window.tasks.spawn(watch.aclose(), "sync watch ends", self._window)
                self.look_again()
        for project_id in live - self._watches.keys():
            project = self._work.find_project(project_id)
            if project is not None and slate.project_folder(project).is_dir():
                self._watch(slate, project)

    def _watch(self, slate: Slate, project: Project) -> None:
        from slate_desktop.control.sync_watch import SyncWatch

        watch = SyncWatch(slate, project)
        self._watches[project.id] = watch

        def on_pass(done: SyncPass) -> None:
            if not self._is_busy and self._now is not None:
                self._show(done.status)

        watch.passed.connect(on_pass)
        self._window.tasks.spawn(self._begin(slate, project, watch), "sync watch", self._window)

    async def _begin(self, slate: Slate, project: Project, watch: SyncWatch) -> None:
        """Watch only where an agent lives that does not see the folder."""
        try:
            hosts = await slate.list_sync_hosts(project.id)
        except (SlateError, TimeoutError):
            hosts = []
        if any(not host.shared for host in hosts) and project.id in self._watches:
            watch.start()
