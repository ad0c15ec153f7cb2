"""Every command of the console by its menu entry or key, and which test presses which control."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMenu

from slate_desktop.domain.logs import LogLevel
from slate_desktop.ui import dialogs
from slate_desktop.ui.console.panel import ConsolePanel
from slate_desktop.ui.window import MainWindow
from tests.gui.conftest import until
from tests.gui.fakes import FakeSlate
from tests.gui.test_console_controls import TEXTS, open_log, put_log, seqs

# The command and the test that presses it; a new command needs a test, and a line here.
PRESSED_BY = {
    "clear": "test_commands_hide_save_and_clear",
    "columns": "test_fields_of_json_lines_become_columns",
    "copy": "test_times_are_counted_as_chosen_and_left_out_of_copies",
    "copy_messages": "test_times_are_counted_as_chosen_and_left_out_of_copies",
    "expand": "test_repeated_lines_are_stacked_and_opened",
    "filter": "test_commands_lead_to_the_fields_and_back",
    "follow": "test_commands_go_through_errors_and_follow",
    "hide": "test_hidden_lines_stay_hidden_per_log_and_come_back",
    "mark": "test_marks_are_set_listed_and_gone_through",
    "marks": "test_marks_are_set_listed_and_gone_through",
    "merge": "test_open_logs_are_merged_by_time",
    "next_error": "test_commands_go_through_errors_and_follow",
    "next_mark": "test_marks_are_set_listed_and_gone_through",
    "open_place": "test_a_place_in_a_line_opens_its_file",
    "previous_error": "test_commands_go_through_errors_and_follow",
    "previous_mark": "test_marks_are_set_listed_and_gone_through",
    "save": "test_commands_hide_save_and_clear",
    "search": "test_commands_lead_to_the_fields_and_back",
    "show_all": "test_commands_hide_save_and_clear",
    "side": "test_logs_stand_side_by_side_and_the_current_one_leads",
    "stack": "test_repeated_lines_are_stacked_and_opened",
    "time_style": "test_times_are_counted_as_chosen_and_left_out_of_copies",
    "times": "test_times_are_counted_as_chosen_and_left_out_of_copies",
    "wrap": "test_wrap_breaks_long_lines_and_scrolls_through_them",
}


@pytest.fixture
async def console(window: MainWindow, slate: FakeSlate) -> ConsolePanel:
    window.resize(1400, 900)
    return await open_log(window, slate, put_log(slate))


def current(console: ConsolePanel) -> int | None:
    return console.view.painting.current[0] if console.view.painting.current else None


async def test_commands_lead_to_the_fields_and_back(
    window: MainWindow, console: ConsolePanel
) -> None:
    window.registry["console.filter"].trigger()
    await until(console.filters.field.hasFocus)
    window.registry["console.search"].trigger()
    field = console.search.field
    await until(field.hasFocus)
    QTest.keyClicks(field, "tick")
    await until(lambda: "3 lines" in console.search.state.text())
    found: list[int | None] = []
    shift = Qt.KeyboardModifier.ShiftModifier
    for modifier in (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.NoModifier, shift):
        before = current(console)
        QTest.keyClick(field, Qt.Key.Key_Return, modifier)
        await until(lambda before=before: current(console) != before)
        found.append(current(console))
    assert found[0] == found[2] != found[1]
    assert {found[0], found[1]} < {5, 6, 7}
    QTest.keyClick(field, Qt.Key.Key_Escape)
    assert not console.search.isVisible()


async def test_commands_go_through_errors_and_follow(
    window: MainWindow, console: ConsolePanel
) -> None:
    found: list[int | None] = []
    for name in ("next_error", "next_error", "previous_error"):
        before = current(console)
        window.registry[f"console.{name}"].trigger()
        await until(lambda before=before: current(console) != before)
        found.append(current(console))
    assert found[0] == found[2] != found[1]
    assert {found[0], found[1]} == {2, 3}
    follow = window.registry["console.follow"]
    follow.setChecked(True)
    assert console.view.is_following
    follow.trigger()
    assert not console.view.is_following
    follow.trigger()
    assert console.view.is_following


async def test_commands_hide_save_and_clear(
    window: MainWindow, console: ConsolePanel, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def choose(*_: object) -> Path:
        return tmp_path / "pulse.log"

    monkeypatch.setattr(dialogs, "choose_save_file", choose)
    console.filters.chips[LogLevel.DEBUG].click()
    await until(lambda: len(seqs(console)) == len(TEXTS) - 3)
    window.registry["console.save"].trigger()
    await until((tmp_path / "pulse.log").exists)
    await until(lambda: len((tmp_path / "pulse.log").read_text().splitlines()) == len(TEXTS) - 3)
    window.registry["console.show_all"].trigger()
    await until(lambda: len(seqs(console)) == len(TEXTS))
    window.registry["console.clear"].trigger()
    await until(lambda: seqs(console) == [])


async def test_every_mark_is_removed_from_the_list_of_them(
    window: MainWindow, console: ConsolePanel
) -> None:
    for number in (2, 4):
        console.marks.toggle(number)
    window.registry["console.marks"].trigger()
    menu = QGuiApplication.instance().activePopupWidget()  # type: ignore[union-attr]
    assert isinstance(menu, QMenu)
    menu.actions()[-1].trigger()
    menu.close()
    assert list(console.view.painting.marks) == []


def test_every_command_has_a_test_that_presses_it(window: MainWindow) -> None:
    commands = {
        spec.id.removeprefix("console.")
        for spec, _ in window.registry.all()
        if spec.id.startswith("console.")
    }
    assert commands == set(PRESSED_BY)
    tests: dict[str, str] = {}
    for path in Path(__file__).parent.glob("test_*console*.py"):
        source = path.read_text(encoding="utf-8")
        for node in ast.parse(source).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                tests[node.name] = ast.get_source_segment(source, node) or ""
    for command, test in PRESSED_BY.items():
        assert f"console.{command}" in tests[test] or f'"{command}"' in tests[test], command
