"""Fills the Performance pane: histories, other sessions, marks, hosts, and files."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer

from slate_desktop.domain.container import DriverName
from slate_desktop.domain.session import SessionStatus
from slate_desktop.errors import SettingsError, SlateError
from slate_desktop.ui import dialogs
from slate_desktop.ui.watched import watched_model

if TYPE_CHECKING:
    from slate_desktop.control.client import Slate
    from slate_desktop.control.stats_history import StatsHistory
    from slate_desktop.control.stats_tracks import StatsTrack
    from slate_desktop.domain.runs import Advice
    from slate_desktop.domain.session import RuntimeSession
    from slate_desktop.ui.window import MainWindow

_POINTS = 600
_OFFERED = 30
_HOSTS_MS = 5000


class MonitorBinding:
    """One for each window."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self._work = window.workspace
        self._pane = window.performance
        self._tracks: dict[str, StatsTrack] = {}
        self._reading: asyncio.Task[None] | None = None
        pane, work = self._pane, self._work
        pane.history_wanted.connect(self._on_history_wanted)
        pane.compare_toggled.connect(self._on_compare_toggled)
        pane.save_wanted.connect(self._on_save_wanted)
        pane.tools.hosts_toggled.connect(self._on_hosts_toggled)
        pane.duty_wanted.connect(self._on_duty_wanted)
        work.sessions_changed.connect(self._offer)
        work.current_changed.connect(self._offer)
        work.current_changed.connect(self._look_for_advice)
        work.session_changed.connect(self._on_session_changed)
        window.details.advice.wanted.connect(self._on_advice_wanted)
        window.details.advice.wanted_now.connect(self._on_advice_wanted_now)
        window.console.selection_span.connect(pane.show_span)
        self._hosts_timer = QTimer(pane)
        self._hosts_timer.setInterval(_HOSTS_MS)
        self._hosts_timer.timeout.connect(self._read_hosts)

    def _offer(self) -> None:
        """Offer the other sessions, live ones first; let go of the current one's track."""
        work = self._work
        watched = watched_model(work)
        current = watched.session_id if watched is not None else work.current_session_id
        if current in self._tracks:
            self._let_go(self._tracks.pop(current))
        known = {session.id for session in work.sessions}
        for session_id in list(self._tracks):
            if session_id not in known:
                self._let_go(self._tracks.pop(session_id))
        others = [session for session in work.sessions if session.id != current]
        others.sort(key=lambda session: not session.is_live)
        self._pane.tools.set_sessions(
            [(s.id, self._window.session_title(s)) for s in others[:_OFFERED]], list(self._tracks)
        )
        self._show_tracks()

    def _let_go(self, track: StatsTrack) -> None:
        self._window.tasks.spawn(track.aclose(), "close track", self._window)

    def _show_tracks(self) -> None:
        named: list[tuple[str, StatsHistory]] = []
        for track in self._tracks.values():
            session = self._work.find_session(track.session_id)
            title = self._window.session_title(session) if session else track.session_id[:8]
            named.append((title, track.history))
        self._pane.set_others(named)

    # -- histories and marks ---------------------------------------------------------------

    def _on_history_wanted(self, start_ns: int, end_ns: int) -> None:
        if self._work.slate is None:
            return
        if self._reading is not None and not self._reading.done():
            self._reading.cancel()
        self._reading = self._window.tasks.spawn(
            self._read(self._work.slate, start_ns, end_ns), "graphs", self._window
        )

    async def _read(self, slate: Slate, start_ns: int, end_ns: int) -> None:
        """Read what is not live of the shown span; the lamps say it when that cannot be."""
        start = datetime.fromtimestamp(start_ns / 1e9, UTC)
        end = datetime.fromtimestamp(end_ns / 1e9, UTC)
        model = watched_model(self._work)
        wanted = [(track.session_id, track.history) for track in self._tracks.values()]
        if model is not None:
            wanted.insert(0, (model.session_id, model.stats_history))
        try:
            for session_id, history in wanted:
                first_ns = history.first_ns
                if first_ns is None or first_ns > start_ns:
                    points = await slate.get_stats_history(session_id, start, end, _POINTS)
                    history.load_span(points)
            ids = [session_id for session_id, _ in wanted]
            marks = await slate.get_marks(ids, self._work.current_project_id, start, end)
        except SlateError:
            return
        self._pane.set_marks(marks)

    # -- other sessions --------------------------------------------------------------------

    def _on_compare_toggled(self, session_id: str, is_on: bool) -> None:
        if not is_on:
            track = self._tracks.pop(session_id, None)
            if track is not None:
                self._let_go(track)
            self._show_tracks()
            return
        self._window.tasks.spawn(self._compare(session_id), "compare sessions", self._window)

    async def _compare(self, session_id: str) -> None:
        from slate_desktop.control.stats_tracks import StatsTrack

        slate, session = self._work.slate, self._work.find_session(session_id)
        if slate is None or session is None or session_id in self._tracks:
            return
        track = StatsTrack(slate, session)
        self._tracks[session_id] = track
        try:
            await track.open()
        except SlateError as error:
            self._tracks.pop(session_id, None)
            await track.aclose()
            self._window.show_error(error, self._window.tr("That session cannot be drawn, too."))
        if session_id not in self._tracks:
            await track.aclose()
        self._show_tracks()

    # -- advice ----------------------------------------------------------------------------

    def _on_session_changed(self, session: RuntimeSession) -> None:
        self._pane.ask_soon()
        self._show_can_change()
        if session.is_final:
            self._look_for_advice()

    def _look_for_advice(self) -> None:
        self._show_can_change()
        self._window.tasks.spawn(self._show_advice(), "advice", self._window)

    async def _show_advice(self) -> None:
        slate, project_id = self._work.slate, self._work.current_project_id
        advice = None
        if slate is not None and project_id is not None:
            try:
                advice = await slate.get_advice(project_id)
            except SlateError:
                # A folder that is no project of the database has none, either.
                advice = None
        if project_id == self._work.current_project_id:
            self._window.details.advice.show_advice(advice)

    def _show_can_change(self) -> None:
        """Limits of a container can be changed while it runs; a local process has none."""
        session = self._work.session
        self._window.details.advice.set_can_change(
            session is not None
            and session.status is SessionStatus.RUNNING
            and session.driver == DriverName.DOCKER
        )

    def _on_advice_wanted_now(self, advice: Advice) -> None:
        session = self._work.session
        if session is not None:
            changing = self._change_now(session.id, advice)
            self._window.tasks.spawn(changing, "change limits", self._window)

    async def _change_now(self, session_id: str, advice: Advice) -> None:
        window, slate = self._window, self._work.slate
        if slate is None:
            return
        try:
            await slate.change_limits(session_id, memory=advice.memory_bytes, cpus=advice.cpus)
        except SlateError as error:
            window.show_error(error, window.tr("The session's limits were not changed."))
            return
        window.say(window.tr("The session may take that now; a restart keeps it."))

    def _on_advice_wanted(self, advice: Advice) -> None:
        self._window.tasks.spawn(self._apply(advice), "apply advice", self._window)

    async def _apply(self, advice: Advice) -> None:
        window, slate = self._window, self._work.slate
        project_id = self._work.current_project_id
        if slate is None or project_id is None:
            return
        try:
            await slate.apply_advice(project_id, advice)
            await self._work.refresh_projects()
        except SlateError as error:
            window.show_error(error, window.tr("The project's settings were not changed."))
            return
        window.drafts.pop(project_id, None)
        window.details.advice.show_advice(None)
        window.say(window.tr("New sessions of the project start with that."))
        await window.reload_config()

    # -- files -----------------------------------------------------------------------------

    def _on_save_wanted(self, kind: str) -> None:
        self._window.tasks.spawn(self._save(kind), "save graphs", self._window)

    async def _save(self, kind: str) -> None:
        window, pane = self._window, self._pane
        if pane.graphs is None or not pane.histories:
            return
        # What is saved is what was seen when the button was pressed.
        picture = pane.graphs.grab()
        from slate_desktop.control.stats_csv import as_csv

        text = as_csv(pane.shown(), pane.end_ns) if kind == "csv" else ""
        filters = ["CSV (*.csv)"] if kind == "csv" else ["PNG (*.png)"]
        path = await dialogs.choose_save_file(
            window, window.tr("Save what is shown"), f"monitor.{kind}", filters
        )
        if path is None:
            return
        try:
            data = text.encode() if kind == "csv" else _png(picture)
            await asyncio.to_thread(path.write_bytes, data)
        except OSError as error:
            problem = SettingsError(f"{path} cannot be written: {error}")
            window.show_error(problem, window.tr("The graphs were not saved."))
            return
        window.say(window.tr("Saved {path}").format(path=path))

    # -- hosts -----------------------------------------------------------------------------

    def _on_hosts_toggled(self, is_on: bool) -> None:
        if is_on:
            self._read_hosts()
            self._hosts_timer.start()
        else:
            self._hosts_timer.stop()

    def _on_duty_wanted(self, host_id: str, duty: str) -> None:
        async def work() -> None:
            from slate_desktop.ui.monitor.duty import change_duty

            await change_duty(self._window, host_id, duty)
            self._read_hosts()

        self._window.tasks.spawn(work(), f"{duty} host", self._window)

    def _read_hosts(self) -> None:
        slate = self._work.slate
        if slate is not None and self._pane.isVisible():
            self._window.tasks.spawn(self._show_hosts(slate), "hosts", self._window)

    async def _show_hosts(self, slate: Slate) -> None:
        try:
            hosts = await slate.list_hosts()
        except SlateError:
            # The lamps say that something is away; the last figures stay.
            return
        self._pane.hosts.set_hosts(hosts)


def _png(picture: object) -> bytes:
    from PySide6.QtCore import QBuffer, QIODevice
    from PySide6.QtGui import QPixmap

    assert isinstance(picture, QPixmap)  # noqa: S101 - grabbed above
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    if not picture.save(buffer, "PNG"):
        raise OSError("the picture cannot be made")
    return bytes(buffer.data().data())
