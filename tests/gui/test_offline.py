"""What the servers last said stays readable, with its age, while they are away."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from slate_desktop.control.values import Lamp, LampState
from slate_desktop.domain.assets.kinds import AssetJobStatus, AssetKind
from slate_desktop.domain.build import BuildStatus
from slate_desktop.domain.logs import LogLevel
from slate_desktop.domain.session import SessionStatus
from slate_desktop.domain.stats import ContainerStats
from slate_desktop.errors import StackError
from slate_desktop.ui import app as app_module
from slate_desktop.ui.text import format_age
from slate_desktop.ui.theme import Theme
from slate_desktop.ui.window import MainWindow
from slate_desktop.ui.window_state import WindowState
from tests.gui.conftest import until
from tests.gui.fakes import FakeSlate

NS = 1_000_000_000


class Door:
    """Connects only once it is open."""

    def __init__(self) -> None:
        self.slate: FakeSlate | None = None

    async def connect(self, _on_step: object) -> FakeSlate:
        if self.slate is None:
            raise StackError("Nothing answers.")
        return self.slate


async def open_window(theme: Theme, door: Door, state: WindowState) -> MainWindow:
    window = MainWindow(theme, state, door.connect)  # type: ignore[arg-type]
    window.build()
    window.show()
    window.tasks.spawn(window.workspace.run(), "workspace", window)
    return window


async def close_window(window: MainWindow) -> None:
    await app_module.shut_down(window)
    assert window.tasks.names == []
    window.hide()
    window.deleteLater()
    await asyncio.sleep(0)


def filled(slate: FakeSlate, root: Path) -> tuple[str, str]:
    """Put a running session with lines and samples, a build and a job behind the client."""
    project = slate.put_project("pong", str(root))
    session = slate.put_session(project.id, SessionStatus.RUNNING, started_at=datetime.now(UTC))
    slate.put_build(project.id, status=BuildStatus.COMPLETED)
    slate.put_asset_job(project.id, "hero.png", AssetKind.TEXTURE, AssetJobStatus.COMPLETED)
    return project.id, session.id


def enabled(window: MainWindow, *names: str) -> list[str]:
    return [name for name in names if window.registry[name].isEnabled()]


async def test_everything_seen_is_readable_after_a_restart_without_servers(
    theme: Theme, slate: FakeSlate, project_root: Path
) -> None:
    door, state = Door(), WindowState(has_samples=True)
    door.slate = slate
    project_id, session_id = filled(slate, project_root)
    failed_id = slate.put_session(
        project_id, SessionStatus.FAILED, {"memory": "4g"}, exit_code=137, oom_killed=True,
        error_code="oom", error_message="the runtime ran out of memory at 4 GB",
    ).id  # fmt: skip
    window = await open_window(theme, door, state)
    await until(lambda: session_id in window.workspace.models)
    await slate.log(session_id, "hello there")
    await slate.log(session_id, "it broke", level=LogLevel.ERROR)
    await slate.sample(
        session_id,
        ContainerStats(
            cpu_percent=41.0, memory_usage=1, memory_limit=2, network_rx_bytes=0,
            network_tx_bytes=0, sampled_at_ns=time.time_ns(),
        ),
    )  # fmt: skip
    model = window.workspace.models[session_id]
    await until(lambda: len(model.logs) == 2 and len(model.stats_history) == 1)
    await until(lambda: window.builds.model.rowCount() == 1 and window.jobs.rows.rowCount() == 1)
    assert not any(label.isVisibleTo(window) for label in window.offline.labels.values())
    window.workspace.choose_session(failed_id)
    await until(lambda: window.details.form.config().memory_bytes == 4 * 1024**3)
    window.workspace.choose_session(session_id)
    await close_window(window)

    # The machine wakes up somewhere without a network.
    door.slate = None
    window = await open_window(theme, door, state)
    await until(lambda: window.sessions.model.rowCount() == 2)
    assert {"running", "failed"} == {s.status.value for s in window.sessions.model.sessions}
    assert window.offline.labels["sessions"].words.text().endswith("old")
    await until(lambda: window.builds.model.rowCount() == 1)
    window.workspace.choose_project(project_id)
    await until(lambda: window.jobs.rows.rowCount() == 1)
    assert window.jobs.rows.jobs[0].path == "hero.png"
    window.workspace.choose_session(failed_id)
    await until(lambda: window.details.banner.problem is not None)
    assert "out of memory" in str(window.details.banner.problem)
    await until(lambda: window.details.form.config().memory_bytes == 4 * 1024**3)
    window.workspace.choose_session(session_id)
    await until(lambda: window.console.current_id == session_id)
    log = window.console.current_log
    assert log is not None
    assert [row.message for row in log.rows(0, 9)] == ["hello there", "it broke"]
    assert window.centre.currentWidget() is window.details
    assert window.details.state.text().endswith(" s ago")
    await until(lambda: window.performance.graphs is not None)
    for name in ("sessions", "builds", "jobs", "console", "performance"):
        label = window.offline.labels[name]
        assert label.isVisibleTo(window.docks.docks[name]), name
        assert "do not answer" in label.toolTip()
    window.builds.select(window.builds.model.builds[0].id)
    window.jobs.view.selectAll()
    needs_a_server = (
        *("session.start", "session.stop", "session.restart", "session.execute"),
        *("build.start", "build.cancel", "build.retry", "build.first", "build.compare"),
        *("jobs.add", "jobs.cancel", "jobs.retry", "jobs.pause", "project.add"),
    )
    assert enabled(window, *needs_a_server) == []
    assert "connected" in window.registry["session.stop"].toolTip()

    # And the servers come back.
    again = FakeSlate()
    await again.events.open()
    again.projects, again.sessions, again.lines = slate.projects, slate.sessions, slate.lines
    door.slate = again
    window.workspace.retry_now()
    await until(lambda: session_id in window.workspace.models)
    await again.log(session_id, "live again")
    await until(lambda: window.console.current_buffer is not None)
    await until(lambda: len(window.console.current_buffer or ()) == 3)
    assert not any(label.isVisibleTo(window) for label in window.offline.labels.values())
    assert window.offline.logs == {}
    await close_window(window)


async def test_age_is_told_as_soon_as_a_server_goes_away(window: MainWindow) -> None:
    labels = window.offline.labels.values()
    work = window.workspace
    work.lamp_changed.emit(Lamp(name="agent", state=LampState.OFF))
    assert not any(label.isVisibleTo(window) for label in labels)
    work.lamp_changed.emit(Lamp(name="database", state=LampState.OFF))
    work.lamp_changed.emit(Lamp(name="broker", state=LampState.BUSY))
    assert {label.words.text() for label in labels} == {"0 s old"}
    work.lamp_changed.emit(Lamp(name="database", state=LampState.OK))
    assert all(label.moment is not None for label in labels)
    work.lamp_changed.emit(Lamp(name="broker", state=LampState.OK))
    assert all(label.moment is None for label in labels)


async def test_folder_that_cannot_be_written_costs_nothing_else(
    window: MainWindow, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir(exist_ok=True)
    (tmp_path / "data" / "last-seen").write_text("in the way")
    await window.offline.aclose()
    assert (tmp_path / "data" / "last-seen").read_text() == "in the way"
    assert window.workspace.slate is not None


async def test_removed_session_leaves_no_log_behind(
    window: MainWindow, slate: FakeSlate, tmp_path: Path
) -> None:
    project = next(iter(slate.projects.values()))
    session = slate.put_session(project.id, SessionStatus.STOPPED)
    await until(lambda: window.workspace.find_session(session.id) is not None)
    model = await window.workspace.open_model(session.id)
    assert model is not None
    await slate.log(session.id, "a secret")
    await until(lambda: len(model.logs) == 1)
    await window.offline._keep()
    file = tmp_path / "data" / "last-seen" / "default" / f"log-{session.id}.json"
    assert "a secret" in file.read_text()
    await window.workspace.remove_session(session.id)
    await until(lambda: not file.exists())


def test_ages_are_told_in_the_largest_whole_unit() -> None:
    now = datetime.now(UTC)
    told = [
        format_age(now - timedelta(seconds=s, milliseconds=1)) for s in (5, 61, 7200, 200_000, -9)
    ]
    assert told == ["5 s", "1 min", "2 h", "2 d", "0 s"]
