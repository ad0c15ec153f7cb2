"""The Performance pane: spans, several sessions, marks, hosts, files."""

from __future__ import annotations

import csv
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QImage, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QDialogButtonBox

from slate_desktop.domain.hosts import Host, HostLoad
from slate_desktop.domain.marks import Mark, MarkKind
from slate_desktop.domain.retention import LogPolicy
from slate_desktop.domain.runs import Advice
from slate_desktop.domain.session import SessionStatus
from slate_desktop.domain.stats import ContainerStats, down_sample
from slate_desktop.ui import dialogs
from slate_desktop.ui.monitor.duty import DutyDialog
from slate_desktop.ui.monitor.retention import RetentionDialog
from slate_desktop.ui.monitor.stack import GraphStack
from slate_desktop.ui.window import MainWindow
from tests.gui.conftest import until
from tests.gui.fakes import FakeSlate
from tests.gui.mouse import move_mouse
from tests.gui.test_window import press_start

NS = 10**9
MIB = 1024**2


def sample(at_ns: int, cpu: float, **more: object) -> ContainerStats:
    return ContainerStats(
        cpu_percent=cpu,
        memory_usage=200 * MIB,
        memory_limit=2048 * MIB,
        network_rx_bytes=0,
        network_tx_bytes=0,
        sampled_at_ns=at_ns,
        pids=7,
        **more,  # type: ignore[arg-type]
    )


async def running(window: MainWindow, slate: FakeSlate) -> tuple[str, GraphStack]:
    """A session with a minute of samples, drawn."""
    window.performance.make_graphs()
    session_id = await press_start(window, slate)
    now = time.time_ns()
    for second in range(50):
        await slate.sample(session_id, sample(now - (50 - second) * NS, 10.0 + second))
    graphs = window.performance.graphs
    assert graphs is not None
    await until(lambda: graphs.cpu.figure.text() == "59.0 %")
    return session_id, graphs


async def test_graphs_stay_while_the_project_of_a_running_session_is_looked_at(
    window: MainWindow, slate: FakeSlate
) -> None:
    session_id, graphs = await running(window, slate)
    project = window.workspace.project
    assert project is not None
    item = window.projects.item(project.id)
    assert item is not None
    # Something in the project: the session stays the chosen one.
    window.projects.view.show_node(item.group)
    assert window.workspace.current_session_id == session_id
    # The project itself: its next session is the one to start, and the one that runs is drawn.
    window.projects.view.show_node(item)
    assert window.workspace.current_session_id is None
    assert window.performance.histories == [window.workspace.models[session_id].stats_history]
    assert graphs.isVisible()
    await slate.move(session_id, SessionStatus.STOPPED)
    await until(lambda: window.performance.histories == [])
    assert window.performance.empty.isVisible()


async def test_pause_zoom_move_and_back_to_now(window: MainWindow, slate: FakeSlate) -> None:
    _, graphs = await running(window, slate)
    pane = window.performance
    tools = pane.tools
    assert not tools.live.isVisible()
    QTest.mouseClick(tools.pause, Qt.MouseButton.LeftButton)
    held = pane.view.end_ns
    assert held is not None
    assert tools.live.isVisible()
    QTest.mouseClick(tools.zoom_in, Qt.MouseButton.LeftButton)
    assert pane.view.span_s < 60
    QTest.mouseClick(tools.zoom_out, Qt.MouseButton.LeftButton)
    assert round(pane.view.span_s) == 60
    plot = graphs.cpu.plot
    middle = plot.rect().center()
    QTest.mousePress(plot, Qt.MouseButton.LeftButton, pos=middle)
    move_mouse(plot, middle + QPoint(60, 0), Qt.MouseButton.LeftButton)
    QTest.mouseRelease(plot, Qt.MouseButton.LeftButton, pos=middle + QPoint(60, 0))
    before = pane.view.end_ns
    assert before is not None
    assert before < held + NS
    QTest.keyClick(pane, Qt.Key.Key_Left)
    assert pane.view.end_ns is not None
    assert pane.view.end_ns < before
    wheel = QWheelEvent(
        QPointF(middle), QPointF(plot.mapToGlobal(middle)), QPoint(), QPoint(0, 120),
        Qt.MouseButton.NoButton, Qt.KeyboardModifier.ControlModifier,
        Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(plot, wheel)
    assert pane.view.span_s < 60
    QTest.mouseClick(tools.live, Qt.MouseButton.LeftButton)
    assert (pane.view.end_ns, pane.view.span_s) == (None, 60)
    assert pane.spans.buttons[60].isChecked()
    QTest.keyClick(pane, Qt.Key.Key_Space)
    assert pane.view.end_ns is not None
    QTest.keyClick(pane, Qt.Key.Key_End)
    assert pane.view.end_ns is None


async def test_keys_zoom_move_and_a_wheel_without_a_key_scrolls(
    window: MainWindow, slate: FakeSlate
) -> None:
    await running(window, slate)
    pane = window.performance
    QTest.keyClick(pane, Qt.Key.Key_Plus)
    zoomed = pane.view.span_s
    assert zoomed < 60
    QTest.keyClick(pane, Qt.Key.Key_Minus)
    assert round(pane.view.span_s) == 60
    QTest.keyClick(pane, Qt.Key.Key_Left)
    QTest.keyClick(pane, Qt.Key.Key_Left)
    left = pane.view.end_ns
    QTest.keyClick(pane, Qt.Key.Key_Right)
    assert left is not None
    assert pane.view.end_ns is not None
    assert pane.view.end_ns - left == 15 * NS


async def test_pointer_shows_values_and_a_press_shows_the_log_of_that_moment(
    window: MainWindow, slate: FakeSlate
) -> None:
    session_id, graphs = await running(window, slate)
    await slate.log(session_id, *(f"line {number}" for number in range(1, 4)))
    pane = window.performance
    QTest.mouseClick(pane.tools.pause, Qt.MouseButton.LeftButton)
    plot = graphs.cpu.plot
    middle = plot.rect().center()
    newest = graphs.cpu.figure.text()
    graphs.cpu.pointed.emit(-30.0)
    await until(lambda: graphs.cpu.figure.text() != newest)
    assert graphs.processes.figure.text().endswith(" · 7")  # one pointer goes through all of them
    graphs.cpu.pointed.emit(None)
    await until(lambda: graphs.cpu.figure.text() == newest)
    moments: list[int] = []
    pane.moment_chosen.connect(moments.append)
    QTest.mouseClick(plot, Qt.MouseButton.LeftButton, pos=middle)
    assert len(moments) == 1
    end_ns = pane.view.end_ns
    assert end_ns is not None
    assert end_ns - 45 * NS < moments[0] < end_ns - 15 * NS
    await until(lambda: window.console.current_id == session_id)


async def test_long_spans_come_from_the_database_and_every_span_has_a_button(
    window: MainWindow, slate: FakeSlate
) -> None:
    session_id, graphs = await running(window, slate)
    now_s = time.time_ns() // NS // 60 * 60
    slate.stats_points[session_id] = down_sample(
        [sample((now_s - minute * 60) * NS, 300.0) for minute in range(10, 1440)], 60
    )
    QTest.mouseClick(window.performance.spans.buttons[86_400], Qt.MouseButton.LeftButton)
    await until(lambda: graphs.cpu.plot.top >= 400)
    times, values = graphs.cpu.plot.data[-1]
    assert times[0] < -80_000
    assert max(values) == 300.0
    assert "peak 300.0 %" in window.performance.tools.words.text()
    for span_s, button in window.performance.spans.buttons.items():
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)
        assert window.performance.view.span_s == span_s


async def test_other_sessions_are_drawn_too_and_marks_lead_to_the_log(
    window: MainWindow, slate: FakeSlate
) -> None:
    first, graphs = await running(window, slate)
    await slate.log(first, *(f"line {number}" for number in range(1, 201)))
    other = slate.put_session(slate.sessions[first].project_id, SessionStatus.STOPPED, {})
    await slate.move(other.id, SessionStatus.STARTING, attempt=1)
    await until(lambda: window.performance.tools.compare.menu().actions())
    now = time.time_ns()
    slate.stats_points[other.id] = down_sample(
        [sample(now - second * NS, 150.0) for second in range(30, 1, -1)], 1
    )
    slate.marks = [
        Mark(at_ns=now - 30 * NS, kind=MarkKind.START, words="started", session_id=first),
        Mark(at_ns=now - 20 * NS, kind=MarkKind.OOM, words="ended <b>", session_id=first),
    ]
    window.performance.tools.compare.menu().actions()[0].trigger()
    await until(lambda: graphs.legend.isVisible())
    assert len(graphs.cpu.plot.looks) == 2
    assert "|" in graphs.cpu.figure.text()
    await until(lambda: graphs.cpu.plot.top == 200)
    await until(lambda: len(graphs.strip.marks) == 2)
    strip = graphs.strip
    x = strip.place_of(strip.marks[1])
    assert strip.words_at(x).endswith("ended <b>")
    assert len(strip.times) == 2
    moments: list[int] = []
    window.performance.moment_chosen.connect(moments.append)
    QTest.mouseClick(strip, Qt.MouseButton.LeftButton, pos=QPoint(round(x), 8))
    assert abs(moments[0] - (now - 20 * NS)) < NS
    window.performance.tools.compare.menu().actions()[0].trigger()
    await until(lambda: not graphs.legend.isVisible())


async def test_selected_lines_are_shown_on_the_graph(window: MainWindow, slate: FakeSlate) -> None:
    _, graphs = await running(window, slate)
    now = time.time_ns()
    window.console.selection_span.emit(now - 20 * NS, now - 10 * NS)
    await until(lambda: graphs.cpu.plot.shade is not None)
    assert graphs.cpu.plot.shade is not None
    left, right = graphs.cpu.plot.shade
    assert 8 < right - left < 12
    # One that is out of sight is brought into it.
    window.console.selection_span.emit(now - 7200 * NS, now - 7100 * NS)
    end_ns = window.performance.view.end_ns
    assert end_ns is not None
    assert end_ns > now - 7200 * NS
    assert end_ns < now - 6000 * NS
    window.console.selection_span.emit(None, None)
    assert graphs.cpu.plot.shade is None


async def test_gpu_shows_only_where_there_is_one(window: MainWindow, slate: FakeSlate) -> None:
    session_id, graphs = await running(window, slate)
    assert not graphs.gpu.isVisible()
    await slate.sample(
        session_id, sample(time.time_ns(), 5.0, gpu_percent=37.0, gpu_memory=512 * MIB)
    )
    await until(lambda: graphs.gpu.isVisible())
    assert graphs.gpu.figure.text() == "37 % 512 MB"
    assert graphs.processes.figure.text() == "7"


async def test_values_and_picture_are_saved(
    window: MainWindow, slate: FakeSlate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await running(window, slate)
    paths = iter([tmp_path / "m.csv", tmp_path / "m.png", tmp_path / "no" / "m.csv"])

    async def choose(*_: object) -> Path:
        return next(paths)

    monkeypatch.setattr(dialogs, "choose_save_file", choose)
    values, picture = window.performance.tools.save.menu().actions()
    values.trigger()
    # The file is there a moment before what is in it.
    await until(lambda: "m.csv" in window.status_row.message.text())
    rows = list(csv.DictReader((tmp_path / "m.csv").read_text().splitlines()))
    assert float(rows[-1]["cpu_percent"]) == 59.0
    assert rows[-1]["memory_bytes"] == str(200 * MIB)
    assert rows[-1]["gpu_percent"] == ""
    assert datetime.fromisoformat(rows[-1]["time"]).tzinfo == UTC
    picture.trigger()
    await until(lambda: "m.png" in window.status_row.message.text())
    assert not QImage(str(tmp_path / "m.png")).isNull()
    values.trigger()
    await until(lambda: window.details.banner.problem is not None)


async def test_hosts_say_what_is_free(window: MainWindow, slate: FakeSlate) -> None:
    load = HostLoad(
        cpu_percent=43.0, cpus=2, memory_used=9 * 1024 * MIB, memory_total=24 * 1024 * MIB,
        disk_free=80 * 1024 * MIB, disk_total=200 * 1024 * MIB,
    )  # fmt: skip
    slate.hosts = [
        Host(id="a", name="SBX01", is_online=True, seen_ago_s=1.0, drivers=("docker",), cpus=2,
             memory_bytes=1, has_gpu=False, sessions=3, memory_held=6 * 1024 * MIB, load=load),
        Host(id="b", name="old", is_online=False, seen_ago_s=900.0, drivers=(), cpus=2,
             memory_bytes=1, has_gpu=False, sessions=None, memory_held=0, load=None),
    ]  # fmt: skip
    pane = window.performance
    QTest.mouseClick(pane.tools.hosts, Qt.MouseButton.LeftButton)
    tree = pane.hosts.tree
    await until(lambda: tree.topLevelItemCount() == 2)
    item = tree.topLevelItem(0)
    assert item is not None
    assert [item.text(column) for column in range(6)] == [
        "SBX01 · online", "43 % / 2", "9 GB / 24 GB", "6 GB", "80 GB", "3",
    ]  # fmt: skip
    buttons = pane.hosts.buttons
    assert not any(button.isEnabled() for button in buttons.values())
    item.setSelected(True)
    assert not buttons["uncordon"].isEnabled()
    QTest.mouseClick(buttons["drain"], Qt.MouseButton.LeftButton)
    await until(lambda: window.findChild(DutyDialog) is not None)
    dialog = window.findChild(DutyDialog)
    assert isinstance(dialog, DutyDialog)
    dialog.field.setText("new <b>disk</b>")
    dialog.yes.click()
    await until(lambda: item.text(0) == "SBX01 · online, draining")
    assert item.toolTip(0) == "new <b>disk</b>"
    assert not buttons["cordon"].isEnabled()
    QTest.mouseClick(buttons["uncordon"], Qt.MouseButton.LeftButton)
    await until(lambda: item.text(0) == "SBX01 · online")
    QTest.mouseClick(buttons["cordon"], Qt.MouseButton.LeftButton)
    await until(lambda: any(d.isVisible() for d in window.findChildren(DutyDialog)))
    again = next(d for d in window.findChildren(DutyDialog) if d.isVisible())
    again.yes.click()
    await until(lambda: item.text(0) == "SBX01 · online, out of service")
    assert [name for name, _ in slate.calls if name in ("drain", "uncordon", "cordon")] == [
        "drain", "uncordon", "cordon",
    ]  # fmt: skip
    QTest.mouseClick(pane.tools.hosts, Qt.MouseButton.LeftButton)
    assert not pane.hosts.isVisible()


async def test_advice_is_shown_and_applied_with_one_press(
    window: MainWindow, slate: FakeSlate
) -> None:
    slate.advice = Advice(
        runs=12, memory_peak=int(6.3 * 1024**3), cpu_peak=150.0, killed=3, killed_at=4 * 1024**3,
        memory_limit=4 * 1024**3, cpu_limit=0, memory_bytes=8 * 1024**3, cpus=None,
    )  # fmt: skip
    row = window.details.advice
    assert not row.isVisible()
    await press_start(window, slate)
    await until(row.isVisible)
    assert "12 runs peaked at 6.3 GB, 3 were killed at 4 GB" in row.words.text()
    assert row.button.text() == "Use 8 GB"
    assert not row.now.isVisible()  # nothing runs in a container
    session_id = slate.put_session(
        next(iter(slate.projects)), SessionStatus.RUNNING, {}, driver="docker"
    ).id
    await until(lambda: window.workspace.find_session(session_id))
    window.workspace.choose_session(session_id)
    await until(row.now.isVisible)
    QTest.mouseClick(row.now, Qt.MouseButton.LeftButton)
    wanted = (session_id, {"memory": 8 * 1024**3, "cpus": None})
    await until(lambda: ("change_limits", wanted) in slate.calls)
    QTest.mouseClick(row.button, Qt.MouseButton.LeftButton)
    await until(lambda: ("apply_advice", slate.advice) in slate.calls)
    await until(lambda: not row.isVisible())


async def test_retention_is_shown_and_changed(window: MainWindow, slate: FakeSlate) -> None:
    action = window.registry["project.logs"]
    await until(action.isEnabled)
    action.trigger()
    await until(lambda: window.findChildren(RetentionDialog))
    dialog = window.findChildren(RetentionDialog)[0]
    assert (dialog.days.value(), dialog.size_field.text()) == (90, "20g")
    ok = dialog.buttons.button(QDialogButtonBox.StandardButton.Save)
    for wrong in ("much", "12"):
        dialog.size_field.setText(wrong)
        assert not ok.isEnabled()
    dialog.size_field.setText("")
    assert (dialog.rate.value(), dialog.run_field.text()) == (200_000, "1g")
    dialog.run_field.setText("0.5m")
    assert dialog.problem.text() == "Logs take 1 MiB at least."
    assert dialog.run_field.property("invalid") is True
    dialog.run_field.setText("2g")
    dialog.rate.setValue(99)
    assert not ok.isEnabled()
    dialog.rate.setValue(50_000)
    assert not dialog.problem.isVisible()
    dialog.days.setValue(30)
    ok.click()
    wanted = {
        "max_age_days": 30, "max_bytes": None, "lines_per_s": 50_000, "run_bytes": 2 * 1024**3,
    }  # fmt: skip
    await until(lambda: ("set_log_policy", wanted) in slate.calls)


async def test_nothing_that_can_be_pressed_was_forgotten(
    window: MainWindow, slate: FakeSlate
) -> None:
    """The tests above press these; a new one needs a test too."""
    await running(window, slate)
    pane = window.performance
    tools = pane.tools
    known = {
        *(tools.pause, tools.zoom_in, tools.zoom_out, tools.live),
        *(tools.compare, tools.save, tools.hosts),
        *pane.spans.buttons.values(),
        *pane.hosts.buttons.values(),
    }
    found = {
        button.accessibleName() or button.text()
        for button in set(pane.findChildren(QAbstractButton)) - known
    }
    # The empty state's own, which press_start presses.
    assert found <= {"Start"}


async def test_fields_of_the_policy_stand_below_each_other(window: MainWindow) -> None:
    dialog = RetentionDialog(window, "pong", LogPolicy())
    dialog.show()
    QApplication.sendPostedEvents()
    fields = (dialog.days, dialog.size_field, dialog.rate, dialog.run_field)
    assert len({field.mapTo(dialog, QPoint()).x() for field in fields}) == 1
    assert len({field.height() for field in fields}) == 1
    dialog.days.setValue(1)
    assert dialog.days.text() == "1 day"
    dialog.days.setValue(2)
    assert dialog.days.text() == "2 days"
    dialog.deleteLater()
