"""Alerts in the window: rules are added, changed, tried, switched and removed; what they tell."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDialog, QDialogButtonBox

from slate_desktop.domain.alerts import AlertKind, make_rule
from slate_desktop.domain.logs import LogLevel, LogLine
from slate_desktop.domain.session import SessionStatus
from slate_desktop.ui.alerts.dialog import AlertsDialog
from slate_desktop.ui.alerts.editor import RuleEditor
from slate_desktop.ui.console.gutter import is_alert
from slate_desktop.ui.window import MainWindow
from tests.gui.conftest import until
from tests.gui.fakes import FakeSlate

NS = 1_000_000_000
CRASHES = make_rule(name="Crashes", kind="text", pattern="crash")


def put_log(slate: FakeSlate) -> str:
    row = slate.put_session(next(iter(slate.projects)), SessionStatus.RUNNING, {})
    slate.lines[row.id] = [
        LogLine(seq=1, timestamp_ns=NS, level=LogLevel.INFO, message="hello"),
        LogLine(seq=2, timestamp_ns=2 * NS, level=LogLevel.ERROR, message="crash at 12"),
        LogLine(
            seq=3, timestamp_ns=2 * NS, level=LogLevel.WARN, message="alert: Crashes: crash at 12",
            stream="slate", metadata={"alert": "a1", "rule": CRASHES.id},
        ),
    ]  # fmt: skip
    return row.id


async def chosen(window: MainWindow, slate: FakeSlate) -> str:
    session_id = put_log(slate)
    await until(lambda: window.workspace.find_session(session_id))
    window.workspace.choose_session(session_id)
    await until(lambda: window.console.current_id == session_id)
    await until(lambda: window.console.view.rows and len(window.console.view.rows) == 3)
    return session_id


async def opened(window: MainWindow) -> AlertsDialog:
    action = window.registry["project.alerts"]
    await until(action.isEnabled)
    action.trigger()
    await until(lambda: window.findChildren(AlertsDialog))
    dialog = window.findChildren(AlertsDialog)[0]
    await until(dialog.isVisible)
    return dialog


async def editor_of(dialog: AlertsDialog) -> RuleEditor:
    await until(lambda: [e for e in dialog.findChildren(RuleEditor) if e.isVisible()])
    return next(e for e in dialog.findChildren(RuleEditor) if e.isVisible())


async def test_a_rule_is_added_tried_changed_switched_and_removed(
    window: MainWindow, slate: FakeSlate
) -> None:
    await chosen(window, slate)
    dialog = await opened(window)
    assert dialog.rule_pages.currentWidget() is dialog.no_rules
    assert dialog.alert_pages.currentWidget() is dialog.no_alerts
    assert not dialog.change.isEnabled()
    QTest.mouseClick(dialog.add, Qt.MouseButton.LeftButton)
    editor = await editor_of(dialog)
    assert not editor.save.isEnabled()
    assert not editor.problem.isVisible()  # nothing is wrong with what nobody wrote yet
    editor.name.setText("Crashes")
    editor.kind.setCurrentIndex(editor.kind.findData(AlertKind.TEXT))
    editor.pattern.setText("crash (")
    assert editor.save.isEnabled()
    editor.regex.setChecked(True)
    assert not editor.save.isEnabled()
    assert editor.pattern.property("invalid") is True
    assert "missing )" in editor.problem.text()
    assert editor.problem.isVisible()
    editor.pattern.setText(r"crash at \d+")
    assert editor.level.currentData() is None
    editor.cooldown.setValue(60)
    assert editor.words.text().endswith("that match “crash at \\d+”. Then at most once in 60 s.")
    QTest.mouseClick(editor.test, Qt.MouseButton.LeftButton)
    await until(editor.outcome.isVisible)
    assert editor.outcome.text() == "Of 10,000 looked at, 7 match: 0 alerts."
    assert not editor.grab().isNull()
    QTest.mouseClick(editor.save, Qt.MouseButton.LeftButton)
    await until(lambda: dialog.rule_pages.currentWidget() is dialog.rules)
    rule = next(iter(slate.rules.values()))
    assert (rule.pattern, rule.is_regex, rule.cooldown_s) == (r"crash at \d+", True, 60)
    assert slate.tried[0].pattern == rule.pattern
    dialog.rules.topLevelItem(0).setSelected(True)
    QTest.mouseClick(dialog.change, Qt.MouseButton.LeftButton)
    editor = await editor_of(dialog)
    editor.kind.setCurrentIndex(editor.kind.findData(AlertKind.MEMORY))
    assert not editor.pattern.isVisible()
    editor.threshold.setText("800%")
    assert editor.threshold.property("invalid") is True
    editor.threshold.setText("80%")
    editor.held.setValue(30)
    QTest.mouseClick(editor.save, Qt.MouseButton.LeftButton)
    await until(lambda: slate.rules[rule.id].kind is AlertKind.MEMORY)
    changed = slate.rules[rule.id]
    assert (changed.threshold, changed.is_percent, changed.held_s) == (80.0, True, 30)
    await until(lambda: "80 %" in dialog.rules.topLevelItem(0).text(1))
    dialog.rules.topLevelItem(0).setCheckState(0, Qt.CheckState.Unchecked)
    await until(lambda: not slate.rules[rule.id].is_enabled)
    await until(lambda: dialog.rule is None or not dialog.rule.is_enabled)
    dialog.rules.topLevelItem(0).setSelected(True)
    QTest.mouseClick(dialog.remove, Qt.MouseButton.LeftButton)
    await until(lambda: [d for d in dialog.findChildren(QDialog) if d.isVisible()])
    question = next(d for d in dialog.findChildren(QDialog) if d.isVisible())
    buttons = question.findChildren(QDialogButtonBox)[0].buttons()
    next(b for b in buttons if b.text() == "Remove").click()
    await until(lambda: dialog.rule_pages.currentWidget() is dialog.no_rules)
    assert slate.rules == {}
    dialog.reject()


async def test_a_name_that_is_taken_is_refused_beside_its_field(
    window: MainWindow, slate: FakeSlate
) -> None:
    slate.rules[CRASHES.id] = CRASHES
    dialog = await opened(window)
    QTest.mouseClick(dialog.add, Qt.MouseButton.LeftButton)
    editor = await editor_of(dialog)
    editor.name.setText("crashes")
    assert editor.name.property("invalid") is True
    assert not editor.save.isEnabled()
    assert not editor.test.isEnabled()
    editor.reject()
    dialog.reject()


async def test_an_alert_is_told_once_listed_and_leads_to_its_line(
    window: MainWindow, slate: FakeSlate
) -> None:
    session_id = await chosen(window, slate)
    project_id = next(iter(slate.projects))
    notices = window.workspace.notices
    assert notices is not None
    alert = slate.make_alert(
        project_id, session_id, CRASHES, at_ns=2 * NS, count=12, seq=2, words="crash <at> 12"
    )
    await slate.tell_alert(alert)
    await until(lambda: any(n.text == "crash <at> 12" for n in notices.items))
    notice = notices.items[-1]
    assert notice.title == f"Crashes – {window.session_title(slate.sessions[session_id])}"
    assert window.toasts.cards[-1].notice is notice
    dialog = await opened(window)
    item = dialog.alerts.topLevelItem(0)
    assert [item.text(column) for column in (2, 3, 4)] == ["Crashes", "12", "crash <at> 12"]
    await slate.tell_alert(slate.make_alert(project_id, session_id, CRASHES, at_ns=3 * NS))
    await until(lambda: dialog.alerts.topLevelItemCount() == 2)
    assert not dialog.grab().isNull()
    dialog.alerts.itemActivated.emit(dialog.alerts.topLevelItem(1), 0)
    await until(lambda: not window.findChildren(AlertsDialog))
    await until(lambda: window.console.view.row_of(2))


@pytest.mark.parametrize("is_other", [False, True])
async def test_alerts_on_another_sessions_subject_are_not_believed(
    window: MainWindow, slate: FakeSlate, caplog: pytest.LogCaptureFixture, is_other: bool
) -> None:
    session_id = await chosen(window, slate)
    project_id = next(iter(slate.projects))
    heard: list[object] = []
    slate.events.on_alert(heard.append)
    alert = slate.make_alert(project_id, session_id, CRASHES)
    event = b'{"type":"alert","session_id":"other","project_id":"other","data":{}}'
    subject = f"slate.runtime.{project_id}.{session_id}.alert"
    if is_other:
        await slate.agent_bus.publish(subject, event)
        await until(lambda: "unreadable alert" in caplog.text)
        assert heard == []
    else:
        await slate.tell_alert(alert)
        await until(lambda: heard == [alert])


async def test_the_line_of_an_alert_has_its_sign(window: MainWindow, slate: FakeSlate) -> None:
    await chosen(window, slate)
    view = window.console.view
    view.sync()
    rows = [row for row, _, _ in view._visible()]
    assert [is_alert(row) for row in rows] == [False, False, True]
    picture = view.viewport().grab().toImage()
    top = next(top for row, top, _ in view._visible() if row.seq == 3)
    height = view.painting.row_height
    sign = window.theme.tokens.color("state.warn")
    found = any(
        picture.pixelColor(QPoint(x, y)) == sign
        for x in range(5, 16)
        for y in range(int(top), int(top) + height)
    )
    assert found
