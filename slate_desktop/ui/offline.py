"""Keeps what the servers say, and shows it with its age while they are away.

While the window is connected it looks now and then at what the models hold, and keeps what is
others now. Without a connection it fills the panes with what was kept. Nothing here asks a server.
"""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from PySide6.QtCore import QTimer

from slate_desktop.errors import SettingsError
from slate_desktop.settings import paths
from slate_desktop.ui.age import AgeLabel
from slate_desktop.ui.builds.words import LOG_PREFIX
from slate_desktop.ui.text import format_age

if TYPE_CHECKING:
    from slate_desktop.control.console import LogBuffer
    from slate_desktop.control.kept_assets import KeptAssetJobs
    from slate_desktop.control.kept_log import KeptLog
    from slate_desktop.control.last_seen import LastSeen, Seen, SeenLog
    from slate_desktop.control.stats_history import StatsHistory
    from slate_desktop.control.values import Lamp
    from slate_desktop.ui.window import MainWindow

log = logging.getLogger(__name__)
_KEEP_S = 15.0
# Samples come every second. They alone make no file anew before so many seconds are over, or every
# look would write a file for each session.
_SAMPLES_S = 60.0
# A server that answers at once is never overtaken by what was kept.
_PATIENCE_MS = 1200
_PANES = ("sessions", "builds", "jobs", "console", "performance")
_NEEDED = ("broker", "database")


class _Look(NamedTuple):
    """What was made of a log, and of what."""

    lines: tuple[int, int]
    samples: tuple[int, int]
    at_s: float
    seen: SeenLog | None


class Offline:
    """One per window."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self._seen: LastSeen | None = None
        self._is_shown = False
        self._kept: dict[str, Seen] = {}
        self._looks: dict[str, _Look] = {}
        self._heard_at: datetime | None = None
        self._away: set[str] = set()
        self._writing = asyncio.Lock()
        self.logs: dict[str, KeptLog] = {}
        self.labels = {name: AgeLabel(window.theme) for name in _PANES}
        for name, label in self.labels.items():
            window.docks.docks[name].add_title_widget(label)
        work = window.workspace
        work.connect_failed.connect(lambda _error: self._show_soon())
        work.connected.connect(self._on_connected)
        work.lamp_changed.connect(self._on_lamp)
        work.current_changed.connect(self._on_current)
        work.session_removed.connect(
            lambda session_id: window.tasks.spawn(self._forget(session_id), "forget log", window)
        )
        self._patience = QTimer(window)
        self._patience.setSingleShot(True)
        self._patience.timeout.connect(self._show_soon)
        self._patience.start(_PATIENCE_MS)

    # -- for the panes ---------------------------------------------------------------------

    @property
    def is_shown(self) -> bool:
        """Whether what is shown was kept: no server has answered since the start."""
        return self._is_shown

    @property
    def note(self) -> str:
        """Words on the age of the sessions that are shown, empty for live ones."""
        moment = self.labels["sessions"].moment
        if not self._is_shown or moment is None:
            return ""
        return self._window.tr("{age} ago").format(age=format_age(moment))

    async def asset_jobs(self, project_id: str) -> KeptAssetJobs | None:
        """Return a project's asset jobs as they were last seen."""
        if not self._is_shown or self._seen is None:
            return None
        from slate_desktop.control.kept_assets import KeptAssetJobs
        from slate_desktop.control.last_seen import SeenAssets

        name = f"assets-{project_id}"
        found = await asyncio.to_thread(self._seen.read, name, SeenAssets)
        self.labels["jobs"].set_moment(self._seen.moment(name) if found is not None else None)
        return KeptAssetJobs(project_id, found) if found is not None else None

    async def open_log(self, key: str, title: str) -> bool:
        """Show a log that was kept in the console; tells whether there is one."""
        log_ = self.logs.get(key) or await self._read_log(key)
        if log_ is None or not self._is_shown:
            return False
        self._window.console.open_log(key, title, log_)
        return True

    async def close_log(self, key: str) -> None:
        """Let go of a log whose tab was closed."""
        kept = self.logs.pop(key, None)
        if kept is not None:
            await kept.aclose()

    async def aclose(self) -> None:
        """Keep everything once more, before the models go."""
        self._patience.stop()
        if self._window.workspace.slate is not None:
            self._looks.clear()
            await self._keep()
        for key in list(self.logs):
            await self.close_log(key)

    # -- keeping ---------------------------------------------------------------------------

    async def _keep_on(self) -> None:
        while True:
            await asyncio.sleep(_KEEP_S)
            await self._keep()

    async def _keep(self) -> None:
        if self._away or self._window.workspace.slate is None:
            return
        seen = await self._open()
        async with self._writing:
            await self._write(seen)

    async def _write(self, seen: LastSeen) -> None:
        now = self._heard_at = datetime.now(UTC)
        found = self._look()
        changed = {name: value for name, value in found.items() if self._kept.get(name) != value}
        try:
            await asyncio.to_thread(seen.keep, changed, found.keys() - changed.keys(), now)
        except SettingsError as error:
            # The window does all its work without it; only the next offline start has less.
            log.warning("what the servers say cannot be kept", extra={"reason": str(error)})
            return
        self._kept = found

    async def _forget(self, session_id: str) -> None:
        """Keep nothing of a session that somebody removed with its log."""
        name = _log_name(session_id)
        seen = await self._open()
        async with self._writing:
            self._kept.pop(name, None)
            try:
                await asyncio.to_thread(seen.forget, name)
            except SettingsError as error:
                log.warning("a kept log cannot be forgotten", extra={"reason": str(error)})

    def _look(self) -> dict[str, Seen]:
        """Return what the models hold now, by the name that it is kept under."""
        import msgspec

        from slate_desktop.control import last_seen

        window, rows = self._window, last_seen.MAX_ROWS
        found: dict[str, Seen] = {
            last_seen.SESSIONS: last_seen.SeenSessions(sessions=window.workspace.sessions[:rows])
        }
        logs: dict[str, tuple[LogBuffer, StatsHistory | None]] = {}
        binding = window.late.binding
        if binding is not None and binding.is_live:
            builds = [msgspec.structs.replace(b, envelope=None) for b in binding.builds[:rows]]
            found[last_seen.BUILDS] = last_seen.SeenBuilds(builds=builds)
            logs |= {key: (model.logs, None) for key, model in binding.logs.items()}
        jobs = window.job_commands.model
        if jobs is not None:
            kept = [msgspec.structs.replace(job, envelope=None) for job in jobs.jobs[:rows]]
            found[f"assets-{jobs.project_id}"] = last_seen.SeenAssets(
                jobs=kept, assets=list(jobs.assets.values())
            )
        logs |= {key: (m.logs, m.stats_history) for key, m in window.workspace.models.items()}
        looks, self._looks = self._looks, {}
        for key, (buffer, history) in logs.items():
            look = self._looks[key] = _look_at(buffer, history, looks.get(key))
            if look.seen is not None:
                found[_log_name(key)] = look.seen
        return found

    # -- showing ---------------------------------------------------------------------------

    def _show_soon(self) -> None:
        if not self._is_shown and self._window.workspace.slate is None:
            self._is_shown = True
            self._window.tasks.spawn(self._show(), "show what was kept", self._window)

    async def _show(self) -> None:
        from slate_desktop.control.last_seen import BUILDS, SESSIONS, SeenBuilds, SeenSessions

        window, seen = self._window, await self._open()
        sessions = await asyncio.to_thread(seen.read, SESSIONS, SeenSessions)
        builds = await asyncio.to_thread(seen.read, BUILDS, SeenBuilds)
        if not self._is_shown:
            return
        if sessions is not None and sessions.sessions:
            moment = window.sessions.model.seen_at = seen.moment(SESSIONS)
            self.labels["sessions"].set_moment(moment)
            window.workspace.show_kept(sessions.sessions)
        if builds is not None and builds.builds:
            self.labels["builds"].set_moment(seen.moment(BUILDS))
            window.build_binding.show_kept(builds.builds)
        window.job_commands.follow()
        self._on_current()

    def _on_current(self) -> None:
        session = self._window.workspace.session
        if self._is_shown and session is not None:
            title = self._window.session_title(session)
            self._window.tasks.spawn(self._show_log(session.id, title), "kept log", self._window)

    async def _show_log(self, session_id: str, title: str) -> None:
        window = self._window
        is_there = await self.open_log(session_id, title)
        if not self._is_shown or session_id != window.workspace.current_session_id:
            return
        moment = self._seen.moment(_log_name(session_id)) if self._seen is not None else None
        for name in ("console", "performance"):
            self.labels[name].set_moment(moment if is_there else None)
        history = self.logs[session_id].stats_history if is_there else None
        has_samples = history is not None and len(history) > 0
        window.performance.set_history(history if has_samples else None)
        if has_samples:
            await asyncio.to_thread(__import__, "numpy")
            window.performance.make_graphs()

    async def _read_log(self, key: str) -> KeptLog | None:
        if self._seen is None:
            return None
        from slate_desktop.control.kept_log import KeptLog
        from slate_desktop.control.last_seen import SeenLog

        found = await asyncio.to_thread(self._seen.read, _log_name(key), SeenLog)
        if found is None:
            return None
        kept = KeptLog(key, found)
        await kept.open()
        return self.logs.setdefault(key, kept)

    # -- coming and going ------------------------------------------------------------------

    def _on_connected(self) -> None:
        self._patience.stop()
        self._away.clear()
        self._heard_at = datetime.now(UTC)
        if self._is_shown:
            self._is_shown = False
            self._window.sessions.model.seen_at = None
            self._window.tasks.spawn(self._give_way(), "leave kept logs", self._window)
        for label in self.labels.values():
            label.set_moment(None)
        self._window.tasks.spawn(self._keep_on(), "keep what is said", self._window)

    async def _give_way(self) -> None:
        """Replace kept logs by live ones."""
        window, keys = self._window, list(self.logs)
        for key in keys:
            window.console.close_log(key)
            await self.close_log(key)
        session_id = window.workspace.current_session_id
        if session_id is not None:
            await window.workspace.open_model(session_id)

    def _on_lamp(self, lamp: Lamp) -> None:
        """Tell the age as soon as the broker or the database is away, until both answer."""
        if lamp.name not in _NEEDED or self._is_shown:
            return
        state = lamp.state.value
        if state == "unknown":
            return
        if state == "ok":
            self._away.discard(lamp.name)
        else:
            self._away.add(lamp.name)
        for label in self.labels.values():
            label.set_moment(self._heard_at if self._away else None)
        if not self._away:
            self._heard_at = datetime.now(UTC)

    async def _open(self) -> LastSeen:
        if self._seen is None:
            from slate_desktop.control.last_seen import LastSeen

            folder = paths.data_dir() / "last-seen" / (self._window.profile or "default")
            seen = LastSeen(folder)
            await asyncio.to_thread(seen.open)
            self._seen = self._seen or seen
        return self._seen


def _look_at(buffer: LogBuffer, history: StatsHistory | None, old: _Look | None) -> _Look:
    """Return what a log holds now, the old look where that has told enough."""
    from slate_desktop.control import last_seen

    lines = (id(buffer), buffer.revision)
    samples = (history.loads, history.revision) if history is not None else (0, 0)
    if old is not None and lines == old.lines:
        is_soon = old.seen is not None and time.monotonic() - old.at_s < _SAMPLES_S
        if samples == old.samples or (samples[0] == old.samples[0] and is_soon):
            return old
    kept_lines = last_seen.lines_of(buffer)
    kept = history.samples() if history is not None else []
    seen = last_seen.seen_log(kept_lines, kept) if kept_lines or kept else None
    return _Look(lines, samples, time.monotonic(), seen)


def _log_name(key: str) -> str:
    """Return the name of a log's file: ids fit, and builds' logs are told apart."""
    return f"build-log-{key[len(LOG_PREFIX) :]}" if key.startswith(LOG_PREFIX) else f"log-{key}"
