"""The settings dialog and the editor of shortcuts, as somebody uses them."""

from __future__ import annotations

import logging
from typing import TypeVar

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QCheckBox, QComboBox, QDialog, QLineEdit, QPushButton

from slate_desktop.settings import catalog, paths
from slate_desktop.settings.model import load_settings, save_settings
from slate_desktop.settings.shortcuts import load_shortcuts
from slate_desktop.ui.settings.dialog import SettingsDialog
from slate_desktop.ui.settings.row import SettingRow
from slate_desktop.ui.settings.shortcuts_dialog import ShortcutsDialog
from slate_desktop.ui.window import MainWindow
from tests.gui.conftest import until

T = TypeVar("T", bound=QDialog)


async def opened(window: MainWindow, action: str, kind: type[T]) -> T:
    window.registry[action].trigger()
    await until(lambda: window.findChild(kind) is not None)
    dialog = window.findChild(kind)
    assert isinstance(dialog, kind)
    await until(dialog.isVisible)
    return dialog


def line(dialog: SettingsDialog, name: str) -> QLineEdit:
    field = dialog.rows[name].field
    assert isinstance(field, QLineEdit)
    return field


async def test_a_setting_is_saved_when_it_is_typed_and_left(window: MainWindow) -> None:
    dialog = await opened(window, "settings.open", SettingsDialog)
    field = line(dialog, "build_slots")
    # Rows below the edge are shown a moment later, and what is not shown takes no focus.
    await until(lambda: field.isVisible() and dialog.isActiveWindow())
    field.setFocus()
    await until(field.hasFocus)
    field.selectAll()
    QTest.keyClicks(field, "4")
    QTest.keyClick(field, Qt.Key.Key_Tab)
    await until(lambda: load_settings().build_slots == 4)
    row = dialog.rows["build_slots"]
    await until(row.reset.isEnabled)
    assert "next start" in dialog.message.text()
    assert dialog.restart.isVisible()
    QTest.mouseClick(row.reset, Qt.MouseButton.LeftButton)
    await until(lambda: load_settings().build_slots == 1)
    await until(lambda: field.text() == "1" and not row.reset.isEnabled())
    dialog.reject()


async def test_rows_below_the_edge_come_once_the_others_are_seen(window: MainWindow) -> None:
    states, _ = catalog.states()
    dialog = SettingsDialog(window, window.theme, states, "settings.toml")
    made = dialog.findChildren(SettingRow)
    assert 0 < len(made) < len(states)
    dialog.show()
    await until(lambda: len(dialog.findChildren(SettingRow)) == len(states))
    assert list(dialog.rows) == [state.setting.name for state in states]
    await until(lambda: all(row.isVisible() for row in dialog.rows.values()))
    tops = [row.y() for row in dialog.rows.values()]
    assert tops == sorted(set(tops))
    dialog.reject()
    dialog.deleteLater()


async def test_what_cannot_be_saved_stays_in_its_field_and_is_asked_about(
    window: MainWindow,
) -> None:
    save_settings({"build_slots": 2})
    dialog = await opened(window, "settings.open", SettingsDialog)
    field = line(dialog, "build_slots")
    field.setText("99")
    row = dialog.rows["build_slots"]
    assert "whole number from 0 to 64" in row.message.text()
    assert "whole number" in field.accessibleDescription()
    line(dialog, "licences").setText("unity=1")
    line(dialog, "licences").editingFinished.emit()
    await until(lambda: load_settings().licences == ("unity=1",))
    assert field.text() == "99"
    assert load_settings().build_slots == 2
    dialog.reject()
    asked: list[QDialog] = []

    def is_asked() -> bool:
        asked[:] = [
            w
            for w in QApplication.topLevelWidgets()
            if isinstance(w, QDialog) and w.isVisible() and w is not dialog
        ]
        return bool(asked)

    await until(is_asked)
    assert dialog.isVisible()
    (button,) = [b for b in asked[0].findChildren(QPushButton) if "without" in b.text()]
    button.click()
    await until(lambda: window.findChild(SettingsDialog) is None)
    assert load_settings().build_slots == 2


async def test_theme_and_log_count_at_once_and_the_search_finds_by_meaning(
    window: MainWindow, own_logging: logging.Logger
) -> None:
    dialog = await opened(window, "settings.open", SettingsDialog)
    QTest.keyClicks(dialog.search, "colours")
    assert [name for name, row in dialog.rows.items() if row.isVisible()] == ["theme"]
    combo = dialog.rows["theme"].field
    assert isinstance(combo, QComboBox)
    combo.setCurrentIndex(combo.findData("light"))
    await until(lambda: window.theme.choice == "light")
    assert window.registry["theme.light"].isChecked()
    assert load_settings().theme == "light"
    level = dialog.rows["log_level"].field
    assert isinstance(level, QComboBox)
    level.setCurrentIndex(level.findData("error"))
    await until(lambda: own_logging.level == logging.ERROR)
    dialog.search.setText("zzz")
    assert not any(row.isVisible() for row in dialog.rows.values())
    dialog.reject()


async def test_what_the_environment_decides_is_said_and_cannot_be_changed(
    window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLATE_ALLOW_UNSIGNED", "yes")
    monkeypatch.setenv("SLATE_BUILD_SLOTS", "many")
    dialog = await opened(window, "settings.open", SettingsDialog)
    row = dialog.rows["allow_unsigned"]
    assert isinstance(row.field, QCheckBox)
    assert row.field.isChecked()
    assert not row.field.isEnabled()
    assert "SLATE_ALLOW_UNSIGNED decides" in row.place.text()
    assert "build_slots cannot be used" in dialog.rows["build_slots"].place.text()
    dialog.reject()


async def test_an_address_is_tested_before_it_is_saved(window: MainWindow) -> None:
    dialog = await opened(window, "settings.open", SettingsDialog)
    row = dialog.rows["nats_url"]
    line(dialog, "nats_url").setText("nats://127.0.0.1:1")
    row.test_button.click()
    await until(lambda: "does not answer" in row.message.text())
    assert row.test_button.isEnabled()
    line(dialog, "nats_url").setText("")
    row.test_button.click()
    await until(lambda: "no address" in row.message.text())
    dialog.reject()


async def test_the_file_opens_in_a_tab(window: MainWindow) -> None:
    dialog = await opened(window, "settings.open", SettingsDialog)
    dialog.open_file.click()
    await until(lambda: window.documents.current is not None)
    assert window.documents.current is not None
    assert window.documents.current.path == paths.settings_file()
    await until(lambda: window.findChild(SettingsDialog) is None)


async def test_a_key_is_given_named_where_it_was_and_kept(window: MainWindow) -> None:
    dialog = await opened(window, "help.keys", ShortcutsDialog)
    QTest.keyClicks(dialog.search, "execute")
    assert dialog.chosen == "session.execute"
    QTest.keyClick(dialog.key, Qt.Key.Key_B, Qt.KeyboardModifier.ControlModifier)
    assert window.registry.keys("build.start") == ("Ctrl+B", "Ctrl+Shift+B")
    assert "Assign takes it away" in dialog.message.text()
    dialog.assign.click()
    assert window.registry.with_key("Ctrl+B") == ["session.execute"]
    assert "Ctrl+B" in window.registry["session.execute"].toolTip()
    assert load_shortcuts()[0] == {"session.execute": ("Ctrl+B",), "build.start": ("Ctrl+Shift+B",)}
    dialog.reset_all.click()
    assert window.registry.keys("session.execute") == ("Ctrl+E",)
    assert window.registry.with_key("Ctrl+B") == ["build.start"]
    assert load_shortcuts()[0] == {}
    dialog.reject()


@pytest.mark.parametrize("key", ["A", "Shift+A", "Return", "Esc", "Space"])
async def test_a_key_that_typing_needs_is_refused(window: MainWindow, key: str) -> None:
    dialog = await opened(window, "help.keys", ShortcutsDialog)
    dialog.key.setKeySequence(QKeySequence(key))
    assert not dialog.assign.isEnabled()
    assert "typing" in dialog.message.text()
    dialog.reject()


async def test_keys_of_the_file_count_and_take_their_key_from_others(window: MainWindow) -> None:
    window.registry.take_keys({"session.stop": ["F5", "no key at all"], "later.action": ["F9"]})
    assert window.registry.keys("session.stop") == ("F5",)
    assert window.registry.keys("session.start") == ()
    assert window.registry.changed_keys()["later.action"] == ("F9",)
