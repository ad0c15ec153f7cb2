"""The window as a user presses it, on a scripted client."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDialog, QLineEdit

from slate_desktop.domain.container import ContainerConfig
from slate_desktop.domain.hosts import Host
from slate_desktop.domain.session import SessionStatus
from slate_desktop.domain.stats import ContainerStats
from slate_desktop.errors import CommandError, DatabaseError, ErrorCode
from slate_desktop.ui.execute_dialog import ExecuteDialog
from slate_desktop.ui.window import MainWindow
from tests.gui.conftest import until
from tests.gui.fakes import FakeSlate, port_conflict
from tests.gui.mouse import move_mouse


async def press_start(window: MainWindow, slate: FakeSlate) -> str:
    await until(lambda: window.registry["session.start"].isEnabled())
    QTest.keyClick(window, Qt.Key.Key_F5)
    await until(lambda: any(s.status is SessionStatus.RUNNING for s in slate.sessions.values()))
    session_id = next(iter(slate.sessions))
    await until(lambda: window.registry["session.stop"].isEnabled())
    return session_id


async def test_details_show_engine_defaults_before_the_start(window: MainWindow) -> None:
    form = window.details.form
    await until(lambda: form.image.text())
    assert form.image.text() == "slate/godot-runtime"
    assert form.memory.text() == "2g"
    assert form.cpus.text() == "2"
    assert window.details.title.text() == "pong"


async def test_f5_starts_a_session_and_its_log_streams_in(
    window: MainWindow, slate: FakeSlate
) -> None:
    session_id = await press_start(window, slate)
    await slate.log(session_id, "hello", "world")
    await until(lambda: window.console.current_buffer and len(window.console.current_buffer) == 2)
    assert window.console.current_id == session_id
    assert "running" in window.details.state.text()
    assert window.sessions.model.rowCount() == 1
    assert not window.registry["session.start"].isEnabled()


async def test_stop_and_restart_keys_reach_the_session(
    window: MainWindow, slate: FakeSlate
) -> None:
    session_id = await press_start(window, slate)
    QTest.keyClick(
        window,
        Qt.Key.Key_F5,
        Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier,
    )
    await until(lambda: ("restart", session_id) in slate.calls)
    await until(lambda: window.registry["session.stop"].isEnabled())
    QTest.keyClick(window, Qt.Key.Key_F5, Qt.KeyboardModifier.ShiftModifier)
    await until(lambda: slate.sessions[session_id].status is SessionStatus.STOPPED)
    await until(lambda: "stopped" in window.details.state.text())
    await until(window.registry["session.start"].isEnabled)


async def test_changed_memory_goes_into_the_start(window: MainWindow, slate: FakeSlate) -> None:
    await until(lambda: window.details.form.memory.text())
    window.details.form.memory.setText("1g")
    await press_start(window, slate)
    config = dict(slate.calls)["create"]
    assert isinstance(config, ContainerConfig)
    assert config.memory_bytes == 1024**3


def host(name: str, **more: Any) -> Host:
    gib = 1024**3
    facts: dict[str, Any] = {
        "is_online": True, "seen_ago_s": 1.0, "drivers": ("docker",), "cpus": 8.0,
        "memory_bytes": 16 * gib, "has_gpu": False, "sessions": 0, "memory_held": 4 * gib,
        "load": None,
    }  # fmt: skip
    return Host(id=name, name=name, **facts | more)


async def test_the_host_is_chosen_where_there_are_several(
    window: MainWindow, slate: FakeSlate
) -> None:
    box = window.details.form.host
    assert not box.isVisible(), "one host leaves nothing to choose"
    slate.hosts = [host("sbx01"), host("sbx02"), host("sbx03", is_cordoned=True)]
    await window.reload_config()
    assert box.isVisible()
    assert box.currentText() == "Where the most is free"
    assert [box.itemText(row) for row in (1, 2, 3)] == [
        "sbx01: 12 GB free", "sbx02: 12 GB free", "sbx03: out of service",
    ]  # fmt: skip
    box.setCurrentIndex(2)
    await window.reload_config()
    assert box.wanted == "sbx02", "the choice stays"
    await press_start(window, slate)
    assert slate.started_on == "sbx02"
    await window.reload_config()
    await until(lambda: not box.isEnabled())
    assert box.currentText().startswith("sbx02"), "a running session stays where it is"


async def test_cleared_fields_are_kept_and_can_be_kept_for_the_project(
    window: MainWindow, slate: FakeSlate
) -> None:
    form = window.details.form
    await until(lambda: form.memory.text())
    form.memory.clear()
    form.cpus.clear()
    await until(lambda: window.details.keep.isEnabled())
    window.details.keep.click()
    await until(lambda: "update_project" in dict(slate.calls))
    assert dict(slate.calls)["update_project"] == {"settings": {"unset": ["memory", "cpus"]}}
    await until(lambda: not form.is_changed)
    assert (form.memory.text(), form.cpus.text()) == ("", "")
    await press_start(window, slate)
    config = window.details.form.config()
    assert (config.memory_bytes, config.cpus) == (None, None)


async def test_wrong_memory_is_said_beside_the_field_and_blocks_the_start(
    window: MainWindow,
) -> None:
    form = window.details.form
    await until(lambda: form.memory.text())
    form.memory.setText("lots")
    await until(lambda: "memory" in form.problems)
    assert form._errors["memory"].isVisibleTo(window)
    assert not window.registry["session.start"].isEnabled()
    assert "marked" in window.registry["session.start"].toolTip()


async def test_bandwidth_is_a_field_of_containers_that_is_checked_and_started_with(
    window: MainWindow, slate: FakeSlate
) -> None:
    form = window.details.form
    await until(lambda: form.memory.text())
    form.driver.setCurrentIndex(form.driver.findData("docker"))
    assert form.bandwidth.isVisibleTo(window)
    form.bandwidth.setText("20")
    await until(lambda: "bandwidth" in form.problems)
    assert "such as 20mbit" in form._errors["bandwidth"].text()
    form.bandwidth.setText("20 Mbit/s")
    await until(lambda: not form.problems)
    assert form.changes()["bandwidth"] == "20mbit"
    form.driver.setCurrentIndex(form.driver.findData("process"))
    await until(lambda: not form.bandwidth.isVisibleTo(window))
    assert form.config().bandwidth_bits is None


async def test_refused_start_says_what_why_and_what_to_do(
    window: MainWindow, slate: FakeSlate
) -> None:
    slate.refuse["start"] = port_conflict()
    await until(lambda: window.registry["session.start"].isEnabled())
    window.registry["session.start"].trigger()
    banner = window.details.banner
    # Nothing ran, so nothing stays in the list; the reason stays where the user looks.
    await until(lambda: any(name == "start" for name, _ in slate.calls))
    await until(lambda: window.workspace.session is None)
    await until(lambda: banner.isVisibleTo(window))
    assert not window.workspace.sessions
    assert "could not be started" in banner.what.text()
    assert "8080" in banner.why.text()
    assert "port" in banner.next_step.text().lower()
    banner.details.click()
    await until(lambda: window.findChildren(QDialog))
    dialog = window.findChildren(QDialog)[0]
    dialog.toggle.click()
    assert "port_conflict" in dialog.raw.toPlainText()
    dialog.reject()


async def test_what_is_lost_later_is_not_told_as_a_refused_start(
    window: MainWindow, slate: FakeSlate
) -> None:
    await press_start(window, slate)
    model = window.workspace.model
    assert model is not None
    model._set_error(DatabaseError("The database does not answer."))
    await until(lambda: window.details.banner.isVisibleTo(window))
    assert "started" not in window.details.banner.what.text()


async def test_failed_session_shows_its_reason_and_a_toast(
    window: MainWindow, slate: FakeSlate
) -> None:
    session_id = await press_start(window, slate)
    await slate.move(
        session_id,
        SessionStatus.FAILED,
        error_code="oom",
        error_message="The runtime used more than its 2 GB of memory",
        oom_killed=True,
    )
    await until(lambda: window.details.banner.isVisibleTo(window))
    assert "2 GB" in window.details.banner.why.text()
    assert "memory limit" in window.details.banner.next_step.text()
    assert len(window.toasts.cards) == 1
    assert window.workspace.notices.unread == 1


async def test_remote_text_is_never_rich(window: MainWindow, slate: FakeSlate) -> None:
    session_id = await press_start(window, slate)
    evil = "<img src='file:///etc/passwd'><b>x</b>"
    await slate.move(session_id, SessionStatus.FAILED, error_code="exited", error_message=evil)
    await until(lambda: window.details.banner.isVisibleTo(window))
    assert window.details.banner.why.textFormat() == Qt.TextFormat.PlainText
    assert "<img" in window.details.banner.why.text()


async def test_execute_prompt_shows_the_output(window: MainWindow, slate: FakeSlate) -> None:
    await press_start(window, slate)
    QTest.keyClick(window, Qt.Key.Key_E, Qt.KeyboardModifier.ControlModifier)
    await until(lambda: window.findChildren(ExecuteDialog))
    dialog = window.findChildren(ExecuteDialog)[0]
    dialog.field.setText("echo 'a b' c")
    QTest.keyClick(dialog.field, Qt.Key.Key_Return)
    await until(lambda: "Exit code 0" in dialog.state.text())
    assert ("execute", ["echo", "a b", "c"]) in slate.calls
    assert "echo a b c" in dialog.output.toPlainText()
    dialog.reject()
    await until(lambda: not window.findChildren(ExecuteDialog))


async def test_stats_reach_the_graphs(window: MainWindow, slate: FakeSlate) -> None:
    window.performance.make_graphs()
    session_id = await press_start(window, slate)
    now = time.time_ns()
    for second in range(5):
        stats = ContainerStats(
            cpu_percent=40.0 + second,
            memory_usage=200 * 1024**2,
            memory_limit=2 * 1024**3,
            network_rx_bytes=second * 1000,
            network_tx_bytes=0,
            sampled_at_ns=now - (5 - second) * 10**9,
        )
        await slate.sample(session_id, stats)
    graphs = window.performance.graphs
    assert graphs is not None
    await until(lambda: graphs.cpu.figure.text() == "44.0 %")
    assert graphs.memory.figure.text() == "200 MB of 2 GB"
    assert graphs.memory.plot.limit == 2 * 1024**3


async def test_graphs_tell_values_under_the_pointer_and_lead_to_their_log(
    window: MainWindow, slate: FakeSlate
) -> None:
    window.performance.make_graphs()
    session_id = await press_start(window, slate)
    now = time.time_ns()
    for second in range(50):
        stats = ContainerStats(
            cpu_percent=90.0 if second == 25 else 10.0,
            memory_usage=(100 + second) * 1024**2,
            memory_limit=2 * 1024**3,
            network_rx_bytes=second * 1000,
            network_tx_bytes=0,
            sampled_at_ns=now - (50 - second) * 10**9,
        )
        await slate.sample(session_id, stats)
    await slate.log(session_id, *(f"line {number}" for number in range(1, 1001)))
    kept = slate.lines[session_id]
    for index, line in enumerate(kept):
        kept[index] = msgspec.structs.replace(line, timestamp_ns=now - (1000 - index) * 50_000_000)
    graphs = window.performance.graphs
    assert graphs is not None
    await until(lambda: graphs.cpu.figure.text() == "10.0 %")
    plot = graphs.cpu.plot

    def place(seconds: float) -> QPoint:
        age_s = (time.time_ns() - now) / 1e9
        return QPointF(plot.x_of(-seconds - age_s), plot.y_of(5.0)).toPoint()

    def is_told() -> bool:
        # Once more each time: the graph moves on under the pointer.
        move_mouse(plot, place(25))
        return graphs.cpu.figure.text().endswith("· 90.0 %")

    await until(is_told)
    assert "125 MB" in graphs.memory.figure.text()
    assert graphs.network.plot.pointed_s is not None
    view = window.console.view
    window.console.filters.field.setText("line 7")
    await until(lambda: view.rows is not None and len(view.rows) < 1000)
    QTest.mouseClick(plot, Qt.MouseButton.LeftButton, pos=place(25))
    await until(lambda: view.top_seq <= 500 <= view.bottom_seq or abs(view.top_seq - 500) < 60)
    assert not view.is_following
    graphs.point_at(None)
    await until(lambda: graphs.cpu.figure.text() == "10.0 %")


async def test_tree_shows_sessions_and_files_and_loads_folders_when_opened(
    window: MainWindow, slate: FakeSlate
) -> None:
    model, view = window.projects.model, window.projects.view
    top = model.index(0, 0)
    await until(lambda: model.rowCount(top) == 3)
    names = [model.index(row, 0, top).data() for row in range(3)]
    assert names == ["Sessions", "levels", "project.godot"]
    folder = model.index(1, 0, top)
    view.expand(folder)
    await until(lambda: model.rowCount(folder) == 1)
    assert model.index(0, 0, folder).data() == "one.tscn"
    await press_start(window, slate)
    await until(lambda: model.rowCount(model.index(0, 0, top)) == 1)


async def test_palette_finds_and_runs_a_command(window: MainWindow) -> None:
    QTest.keyClick(
        window,
        Qt.Key.Key_P,
        Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier,
    )
    await until(lambda: window.palette_.isVisible())
    QTest.keyClicks(window.palette_.field, "light the")
    assert window.palette_.model.commands[0].title == "Light theme"
    QTest.keyClick(window.palette_.field, Qt.Key.Key_Return)
    assert not window.palette_.isVisible()
    assert window.theme.tokens.name == "light"
    window.theme.set_choice("dark")


async def test_lost_database_shows_in_its_lamp_in_words(
    window: MainWindow, slate: FakeSlate
) -> None:
    lamps = window.status_row.lamps
    await until(lambda: "connected" in lamps.buttons["database"].text())
    slate.db.is_available = False
    await window.workspace._lamps.refresh()
    assert "away" in lamps.buttons["database"].text()


async def test_second_project_is_added_from_a_dropped_folder(
    window: MainWindow, slate: FakeSlate, tmp_path: object
) -> None:

    folder = Path(str(tmp_path)) / "other"
    folder.mkdir()
    window.tasks.spawn(window.commands.add_project(str(folder)), "add", window)
    await until(lambda: window.findChildren(QDialog))
    dialog = window.findChildren(QDialog)[0]
    await until(lambda: "No known engine" in dialog.finding.text())
    dialog.command.setText("python3 'x")
    dialog.add_button.click()
    assert dialog.error.isVisibleTo(dialog)
    dialog.command.setText("python3 x.py")
    dialog.add_button.click()
    await until(lambda: len(slate.projects) == 2)
    await until(lambda: window.details.title.text() == "other")


async def test_every_action_has_a_key_or_a_palette_entry_and_every_field_a_name(
    window: MainWindow,
) -> None:
    for spec, action in window.registry.all():
        assert action.text(), spec.id
        assert spec.menu, spec.id
    for field in window.findChildren(QLineEdit):
        if field.objectName() != "qt_spinbox_lineedit":
            assert field.accessibleName(), field.placeholderText()


@pytest.mark.parametrize("code", list(ErrorCode))
def test_every_error_code_is_told_in_sentences(code: ErrorCode, qapp: object) -> None:
    from slate_desktop.ui.problems import describe

    problem = describe(CommandError(code, "it is so"), "It failed.")
    assert problem.why == "It is so."
    assert code.value in problem.raw
    assert not problem.is_bug


async def test_lost_session_can_be_started_again_but_not_changed(
    window: MainWindow, slate: FakeSlate
) -> None:
    session_id = await press_start(window, slate)
    await slate.move(session_id, SessionStatus.LOST)
    await until(lambda: "host lost" in window.details.state.text())
    assert window.registry["session.start"].isEnabled()
    assert not window.registry["session.remove"].isEnabled()
    assert window.details.form.memory.isReadOnly()
    QTest.keyClick(window, Qt.Key.Key_F5)
    await until(lambda: slate.sessions[session_id].status is SessionStatus.RUNNING)
    assert [value for name, value in slate.calls if name == "start"] == [None, None]
