"""The dialog of a project's members: who may change what, and what is asked first."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QDialog, QPushButton

from slate_desktop.domain.project import Member
from slate_desktop.domain.roles import Role
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
