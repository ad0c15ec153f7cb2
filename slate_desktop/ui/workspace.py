"""What the window works on: the connection, the projects, the sessions, what is chosen.

Owns the live models of the control layer and their order of opening and closing. Widgets listen to
its signals and ask it for coroutines; it knows no widget.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import itertools
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from slate_desktop.domain.project import Project
from slate_desktop.domain.session import RuntimeSession
from slate_desktop.errors import NotConnectedError, SlateError
from slate_desktop.translation import sentence
from slate_desktop.ui import folders, project_memory, status
from slate_desktop.ui.session_news import SessionNews
from slate_desktop.ui.tasks import TaskGroupOwner
from slate_desktop.ui.window_state import WindowState

if TYPE_CHECKING:
    from slate_desktop.control.client import Slate
    from slate_desktop.control.connection import ConnectionModel
    from slate_desktop.control.models import RuntimeSessionModel, SessionListModel
    from slate_desktop.control.notices import Notices

log = logging.getLogger(__name__)
Connect = Callable[[Callable[[str, str], None]], Awaitable["Slate"]]
_RETRY_S = (2.0, 4.0, 8.0, 15.0, 30.0)
_STEP_NAMES = {"database": "postgres", "postgresql": "postgres", "broker": "nats"}
_PARTS = ("nats", "postgres", "agent")


class Workspace(QObject):
    """The state behind one window."""

    step_changed = Signal(str, str, str)
    connected = Signal()
    connect_failed = Signal(object)
    projects_changed = Signal()
    sessions_changed = Signal()
    session_changed = Signal(object)
    current_changed = Signal()
    model_opened = Signal(str)
    session_removed = Signal(str)
    model_changed = Signal(str)
    lamp_changed = Signal(object)
    notice_added = Signal(object)
    unread_changed = Signal(int)
    failed = Signal(object, str)
    # "asset" or "build", when one of them ended well.
    succeeded = Signal(str)

    def __init__(
        self, connect: Connect, state: WindowState, tasks: TaskGroupOwner, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._connect, self._state, self._tasks = connect, state, tasks
        self.slate: Slate | None = None
        self.notices: Notices | None = None
        self._rows: list[Project] = project_memory.recall(state)
        self._folders: list[Project] = [folders.as_project(Path(root)) for root in state.folders]
        self.models: dict[str, RuntimeSessionModel] = {}
        self.current_project_id: str | None = None
        self.current_session_id: str | None = None
        self._list: SessionListModel | None = None
        self._kept_sessions: list[RuntimeSession] = []
        self._lamps: ConnectionModel | None = None
        self._news = SessionNews(self._name_of, self)
        self._opening: dict[str, asyncio.Future[None]] = {}
        self._retry = asyncio.Event()
        # Whether this start brought the samples, so that somebody sees SLATE for the first time.
        self.is_first_start = False
        # Set once the first attempt to connect has ended: what can wait, waits for it.
        self.answered = asyncio.Event()

    # -- what there is ---------------------------------------------------------------------

    @property
    def sessions(self) -> list[RuntimeSession]:
        """Every session, newest first; without a connection those that were last seen."""
        return self._list.sessions if self._list is not None else self._kept_sessions

    @property
    def project(self) -> Project | None:
        """The chosen project."""
        return self.find_project(self.current_project_id)

    @property
    def session(self) -> RuntimeSession | None:
        """The chosen session, newest row."""
        return self.find_session(self.current_session_id)

    @property
    def model(self) -> RuntimeSessionModel | None:
        """The live model of the chosen session, when it is open."""
        return self.models.get(self.current_session_id or "")

    @property
    def projects(self) -> list[Project]:
        """The projects, then the folders that were opened without being projects."""
        roots = {project.root for project in self._rows}
        return [*self._rows, *(folder for folder in self._folders if folder.root not in roots)]

    def find_project(self, project_id: str | None) -> Project | None:
        """Return a project by id."""
        return next((p for p in self.projects if p.id == project_id), None)

    def find_session(self, session_id: str | None) -> RuntimeSession | None:
        """Return a session by id."""
        model = self.models.get(session_id or "")
        row = next((s for s in self.sessions if s.id == session_id), None)
        if model is None or model.session is None:
            return row
        return row if row is not None and row.version > model.session.version else model.session

    # -- choosing --------------------------------------------------------------------------

    def choose_project(self, project_id: str) -> None:
        """Look at a project; its next session is the one to start."""
        if self.find_project(project_id) is None:
            return
        if (self.current_project_id, self.current_session_id) != (project_id, None):
            self.current_project_id, self.current_session_id = project_id, None
            project_memory.note_recent(self._state, project_id)
            self.current_changed.emit()

    def visit_project(self, project_id: str) -> None:
        """Look at something in a project; where one of its sessions is looked at, it stays."""
        if self.current_project_id != project_id:
            self.choose_project(project_id)

    def choose_session(self, session_id: str) -> None:
        """Look at a session, and open its log."""
        session = self.find_session(session_id)
        if session is None:
            return
        if self.current_session_id != session_id:
            self.current_session_id = session_id
            self.current_project_id = session.project_id
            project_memory.note_recent(self._state, session.project_id)
            self.current_changed.emit()
        if session_id not in self.models:
            self._tasks.spawn(self.open_model(session_id), f"open session {session_id}", self)

    def open_folder(self, root: Path) -> Project:
        """Show a folder in the tree; no server is asked. A project's own folder is that project."""
        known = next((p for p in self.projects if Path(p.root) == root), None)
        if known is None:
            known = folders.as_project(root)
            self._folders.append(known)
            self._keep()
            self.projects_changed.emit()
        self.choose_project(known.id)
        return known

    def close_folder(self, project_id: str) -> None:
        """Take a folder out of the tree again."""
        self._folders = [folder for folder in self._folders if folder.id != project_id]
        if self.current_project_id == project_id:
            self.current_project_id = self.current_session_id = None
            self.current_changed.emit()
        self._keep()
        self.projects_changed.emit()

    def show_kept(self, sessions: list[RuntimeSession]) -> None:
        """Show sessions as they were last seen, until the database answers."""
        self._kept_sessions = sessions
        self.sessions_changed.emit()

    def notify(self, level: str, title: str, text: str = "", *, raw: str = "") -> None:
        """Add a notice that is about no session; ``raw`` is for its details."""
        self._open_notices()
        if self.notices is not None:
            self.notices.add(level, title, text, raw=raw)

    # -- connecting ------------------------------------------------------------------------

    def retry_now(self) -> None:
        """Try to connect without waiting."""
        self._retry.set()

    async def run(self) -> None:
        """Connect, trying again until it works, then read everything and go live."""
        # Slow to read, and plain code: a thread reads it while the window answers.
        await asyncio.to_thread(importlib.import_module, "slate_desktop.control")
        self._open_notices()
        for attempt in itertools.count():
            self._retry.clear()
            try:
                slate = await self._connect(self._on_step)
                self.slate = slate
                for part in _PARTS:
                    self.step_changed.emit(part, "done", self.tr("ready"))
                await self._go_live(slate)
            except SlateError as error:
                log.warning("not connected", extra={"reason": str(error)})
                await self._close_live()
                self.connect_failed.emit(error)
                self.answered.set()
            else:
                self.connected.emit()
                self.answered.set()
                return
            delay_s = _RETRY_S[min(attempt, len(_RETRY_S) - 1)]
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(delay_s):
                    await self._retry.wait()

    async def aclose(self) -> None:
        """Close the models, then the connection."""
        await self._close_live()

    async def refresh_projects(self) -> None:
        """Read the projects again, as another window may have added one."""
        if self.slate is None:
            return
        projects = await self.slate.list_projects()
        if projects != self._rows:
            self._rows = projects
            self._keep()
            self.projects_changed.emit()
        if self.current_project_id is None and projects:
            wanted = self.find_project(self._state.project_id) or projects[0]
            self.choose_project(wanted.id)

    # -- doing -----------------------------------------------------------------------------

    async def add_project(
        self, root: Path, name: str, engine: str, command: list[str] | None
    ) -> Project:
        """Add a project and choose it.

        Raises:
            SlateError: it cannot be added.
        """
        project = await self.connected_slate().add_project(
            root, name=name, engine=engine, command=command
        )
        await self.refresh_projects()
        self.choose_project(project.id)
        return project

    async def remove_project(self, project_id: str) -> None:
        """Remove a project from SLATE; its files stay."""
        await self.connected_slate().remove_project(project_id)
        if self.current_project_id == project_id:
            self.current_project_id = self.current_session_id = None
            self.current_changed.emit()
        await self.refresh_projects()

    async def create_session(self, project_id: str, config: Any) -> RuntimeSession:
        """Insert a session and choose it; nothing runs yet."""
        session = await self.connected_slate().create_runtime_session(project_id, config)
        if self._list is not None:
            await self._list.refresh()
        await self.open_model(session.id)
        self.choose_session(session.id)
        return session

    async def remove_session(self, session_id: str) -> None:
        """Remove a session that is not live."""
        await self.connected_slate().delete_runtime_session(session_id)
        # Left first: whoever looks at the chosen session would open its model again.
        if self.current_session_id == session_id:
            self.current_session_id = None
            self.current_changed.emit()
        await self.close_model(session_id)
        self.session_removed.emit(session_id)
        if self._list is not None:
            await self._list.refresh()

    async def open_model(self, session_id: str) -> RuntimeSessionModel | None:
        """Open a session's live model once; everyone who asks meanwhile waits for the same."""
        if session_id in self.models or self.slate is None:
            return self.models.get(session_id)
        if session_id in self._opening:
            await asyncio.shield(self._opening[session_id])
            return self.models.get(session_id)
        future = self._opening[session_id] = asyncio.get_running_loop().create_future()
        try:
            await self._open_model(session_id)
        except SlateError as error:
            self.failed.emit(error, self.tr("The session could not be opened."))
        finally:
            self._opening.pop(session_id, None)
            future.set_result(None)
        return self.models.get(session_id)

    async def close_model(self, session_id: str) -> None:
        """Stop following a session; it runs on."""
        model = self.models.pop(session_id, None)
        if model is not None:
            self.model_changed.emit(session_id)
            await model.aclose()

    def connected_slate(self) -> Slate:
        """Return the client.

        Raises:
            NotConnectedError: there is none yet.
        """
        if self.slate is None:
            raise NotConnectedError(self.tr("SLATE is not connected yet."))
        return self.slate

    # -- private ---------------------------------------------------------------------------

    async def _open_model(self, session_id: str) -> None:
        from slate_desktop.control.models import RuntimeSessionModel

        model = RuntimeSessionModel(self.connected_slate(), session_id)
        model.session_changed.connect(self._on_session)
        model.error_changed.connect(lambda _error: self.model_changed.emit(session_id))
        model.loading_changed.connect(lambda _on: self.model_changed.emit(session_id))
        model.note_changed.connect(lambda _note: self.model_changed.emit(session_id))
        try:
            await model.open()
        except BaseException:
            await model.aclose()
            raise
        self.models[session_id] = model
        self.model_opened.emit(session_id)

    async def _go_live(self, slate: Slate) -> None:
        from slate_desktop.control.connection import ConnectionModel
        from slate_desktop.control.models_list import SessionListModel

        self._lamps = ConnectionModel(slate)
        self._lamps.changed.connect(lambda _name, lamp: self.lamp_changed.emit(lamp))
        await self._lamps.open()
        await self._add_samples(slate)
        await self.refresh_projects()
        self._list = SessionListModel(slate)
        self._list.sessions_changed.connect(self._on_list_changed)
        self._list.session_changed.connect(self._on_session)
        await self._list.open()
        for session in self._list.sessions:
            self._news.know(session)
        self.sessions_changed.emit()

    async def _add_samples(self, slate: Slate) -> None:
        if not self._state.has_samples and not await slate.list_projects():
            self.step_changed.emit("sample", "working", self.tr("copying"))
            from slate_desktop.ui.samples import add_samples

            self._state.project_id = (await add_samples(slate))[0].id
            self.is_first_start = True
        self._state.has_samples = True
        self.step_changed.emit("sample", "done", self.tr("ready"))

    async def _close_live(self) -> None:
        for session_id in list(self.models):
            await self.close_model(session_id)
        for model in (self._list, self._lamps):
            if model is not None:
                await model.aclose()
        self._list = self._lamps = None
        slate, self.slate = self.slate, None
        if slate is not None:
            await slate.aclose()

    def _on_step(self, part: str, words: str) -> None:
        name = _STEP_NAMES.get(part, part)
        state = {"ready": "done", "failed": "failed", "off": "failed"}.get(words, "working")
        self.step_changed.emit(name, state, sentence(words))

    def _on_list_changed(self) -> None:
        known = {project.id for project in self.projects}
        if any(session.project_id not in known for session in self.sessions):
            self._tasks.spawn(self.refresh_projects(), "refresh projects", self)
        for session in self.sessions:
            self._news.note(session, self.notices)
        self.sessions_changed.emit()

    def _on_session(self, session: RuntimeSession) -> None:
        self._news.note(session, self.notices)
        self.session_changed.emit(session)

    def _open_notices(self) -> None:
        from slate_desktop.control.notices import Notices

        if self.notices is None:
            self.notices = Notices()
            self.notices.added.connect(self.notice_added.emit)
            self.notices.unread_changed.connect(self.unread_changed.emit)

    def _keep(self) -> None:
        project_memory.keep(self._state, self._rows, self._folders)

    def _name_of(self, session: RuntimeSession) -> str:
        project = self.find_project(session.project_id)
        return project.name if project is not None else status.session_title(session)
