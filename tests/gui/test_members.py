"""The dialog of a project's members: who may change what, and what is asked first."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QDialog, QPushButton

from slate_desktop.domain.project import Member
from slate_desktop.domain.quotas import Limit, QuotaUse
from slate_desktop.domain.roles import Role
from slate_desktop.domain.sizes import GIB
from slate_desktop.errors import CommandError, ErrorCode
from slate_desktop.ui.members import MembersDialog
from slate_desktop.ui.window import MainWindow
from tests.gui.conftest import until
from tests.gui.fakes import FakeSlate


def member(user_id: str, role: Role, name: str = "") -> Member:
    return Member(project_id="p", user_id=user_id, role=role, name=name or user_id)


async def opened(window: MainWindow) -> MembersDialog:
    await until(lambda: window.workspace.project is not None)
    window.registry["project.members"].trigger()
    await until(lambda: window.findChild(MembersDialog) is not None)
    dialog = window.findChild(MembersDialog)
    assert isinstance(dialog, MembersDialog)
    await until(dialog.isVisible)
    return dialog


def role_box(dialog: MembersDialog, row: int) -> QComboBox:
    item = dialog.tree.topLevelItem(row)
    assert item is not None
    box = dialog.tree.itemWidget(item, 1)
    assert isinstance(box, QComboBox)
    return box


def rows(dialog: MembersDialog) -> list[tuple[str, str]]:
    found = []
    for row in range(dialog.tree.topLevelItemCount()):
        item: Any = dialog.tree.topLevelItem(row)
        found.append((item.text(0), role_box(dialog, row).currentText()))
    return found


async def test_an_owner_adds_changes_and_takes_out(window: MainWindow, slate: FakeSlate) -> None:
    slate.members = [member(slate.user.id, Role.OWNER, "Me"), member("b", Role.VIEWER, "Bert")]
    dialog = await opened(window)
    assert rows(dialog) == [("Me", "owner"), ("Bert", "viewer")]
    assert not dialog.add_button.isEnabled()
    dialog.field.setText("Cleo")
    dialog.roles.setCurrentIndex(dialog.roles.findData("artist"))
    QTest.mouseClick(dialog.add_button, Qt.MouseButton.LeftButton)
    await until(lambda: ("Cleo", "artist") in rows(dialog))
    assert dialog.field.text() == ""
    box = role_box(dialog, 1)
    box.setCurrentIndex(box.findData("developer"))
    box.activated.emit(box.currentIndex())
    await until(lambda: ("set_member", ("b", "developer")) in slate.calls)
    await until(lambda: ("Bert", "developer") in rows(dialog))
    index = [name for name, _ in rows(dialog)].index("Bert")
    item: Any = dialog.tree.topLevelItem(index)
    item.setSelected(True)
    QTest.mouseClick(dialog.remove_button, Qt.MouseButton.LeftButton)
    await until(lambda: question() is not None)
    asked: Any = question()
    (button,) = [b for b in asked.findChildren(QPushButton) if b.text() == "Take out"]
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    await until(lambda: "Bert" not in [name for name, _ in rows(dialog)])
    dialog.reject()


async def test_an_owner_limits_the_project_and_others_see_the_limits(
    window: MainWindow, slate: FakeSlate
) -> None:
    slate.members = [member(slate.user.id, Role.OWNER, "Me")]
    slate.quotas = {"sessions": 4}
    slate.quota_use = QuotaUse(sessions=2, memory_bytes=3 * GIB)
    dialog = await opened(window)
    dialog.tabs.setCurrentIndex(1)

    def shown(row: int) -> list[str]:
        item: Any = dialog.quotas.topLevelItem(row)
        return [item.text(column) for column in (0, 1, 3)]

    assert shown(0) == ["Sessions at once", "2", "Me, owner"]
    assert shown(1)[1:] == ["3 GB", ""]
    memory = dialog.quotas.field(Limit.MEMORY)
    memory.setFocus()
    QTest.keyClicks(memory, "64g")
    QTest.keyClick(memory, Qt.Key.Key_Return)
    await until(lambda: memory.text() == "64 GB")
    assert ("set_quotas", {Limit.MEMORY: 64 * GIB}) in slate.calls
    memory.selectAll()
    QTest.keyClicks(memory, "plenty")
    QTest.keyClick(memory, Qt.Key.Key_Return)
    await until(lambda: "no size for a quota" in dialog.message.text())
    assert memory.text() == "64 GB"
    memory.selectAll()
    QTest.keyClick(memory, Qt.Key.Key_Delete)
    QTest.keyClick(memory, Qt.Key.Key_Return)
    await until(lambda: slate.quotas["memory_bytes"] is None)
    dialog.reject()
    await until(lambda: window.findChild(MembersDialog) is None)
    slate.members = [member(slate.user.id, Role.VIEWER)]
    dialog = await opened(window)
    assert not dialog.quotas.field(Limit.SESSIONS).isEnabled()
    assert dialog.quotas.field(Limit.SESSIONS).text() == "4"
    dialog.reject()


async def test_an_administrator_limits_people_and_others_see_their_own(
    window: MainWindow, slate: FakeSlate
) -> None:
    slate.members = [member(slate.user.id, Role.OWNER, "Me"), member("b", Role.VIEWER, "Bert")]
    slate.is_admin = True
    dialog = await opened(window)
    dialog.tabs.setCurrentIndex(1)
    names = [dialog.subjects.itemText(row) for row in range(dialog.subjects.count())]
    assert names[1:] == ["Me, in all projects", "Bert, in all projects"]
    choose(dialog, 2)
    field = dialog.quotas.field(Limit.BANDWIDTH)
    field.setFocus()
    QTest.keyClicks(field, "50mbit")
    QTest.keyClick(field, Qt.Key.Key_Return)
    await until(lambda: slate.quotas_of_people == {"b": {"bandwidth_bits": 50_000_000}})
    await until(lambda: field.text() == "50 Mbit/s")
    # What was written last is for whom it was written, whoever is looked at next.
    sessions = dialog.quotas.field(Limit.SESSIONS)
    sessions.setText("3")
    dialog.quotas.wanted.emit(Limit.SESSIONS.value, "3")
    choose(dialog, 0)
    await until(lambda: slate.quotas_of_people["b"].get("sessions") == 3)
    await until(lambda: field.text() == "")
    assert slate.quotas == {}
    dialog.reject()
    await until(lambda: window.findChild(MembersDialog) is None)
    slate.is_admin = False
    dialog = await opened(window)
    assert dialog.subjects.count() == 2
    choose(dialog, 1)
    await until(lambda: not dialog.quotas.field(Limit.SESSIONS).isEnabled())
    dialog.reject()


def choose(dialog: MembersDialog, row: int) -> None:
    dialog.subjects.setCurrentIndex(row)
    dialog.subjects.activated.emit(row)


async def test_others_only_look_and_refusals_are_said(window: MainWindow, slate: FakeSlate) -> None:
    slate.members = [member("o", Role.OWNER, "<b>Olga</b>"), member(slate.user.id, Role.VIEWER)]
    dialog = await opened(window)
    assert rows(dialog)[0] == ("<b>Olga</b>", "owner")
    for widget in (dialog.field, dialog.add_button, dialog.remove_button, role_box(dialog, 0)):
        assert not widget.isEnabled()
    assert "Only an owner" in dialog.words.text()
    dialog.reject()
    await until(lambda: window.findChild(MembersDialog) is None)
    slate.members = [member(slate.user.id, Role.OWNER)]
    dialog = await opened(window)
    slate.refuse["set_member"] = CommandError(
        ErrorCode.NOT_FOUND, "There is nobody called 'Zoe' here.", hint="They join first."
    )
    dialog.field.setText("Zoe")
    dialog.field.returnPressed.emit()
    await until(lambda: "nobody called 'Zoe'" in dialog.message.text())
    assert "They join first." in dialog.message.text()
    assert dialog.field.text() == "Zoe"
    dialog.reject()


def question() -> QDialog | None:
    """The question that is asked just now."""
    for widget in QApplication.topLevelWidgets():
        is_other = isinstance(widget, QDialog) and not isinstance(widget, MembersDialog)
        if is_other and widget.isVisible():
            return widget
    return None
