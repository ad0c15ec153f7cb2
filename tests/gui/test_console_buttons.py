"""Every button of the console is pressed, and does what it says."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QLineEdit, QMenu, QTabBar, QToolButton

from slate_desktop.domain.logs import LogLevel
from slate_desktop.ui import dialogs
from slate_desktop.ui.console.panel import ConsolePanel
from slate_desktop.ui.window import MainWindow
from tests.gui.conftest import until
from tests.gui.fakes import FakeSlate
from tests.gui.test_console_controls import TEXTS, open_log, put_log, seqs


@pytest.fixture
async def console(window: MainWindow, slate: FakeSlate) -> ConsolePanel:
    window.resize(1600, 900)
    return await open_log(window, slate, put_log(slate))


def press(button: QAbstractButton | None) -> None:
    assert button is not None
    assert button.isVisible()
    assert button.isEnabled(), button.toolTip()
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


async def test_buttons_of_the_search_go_through_matches_and_close_it(
    console: ConsolePanel,
) -> None:
    search = console.search
    press(console.tools.buttons["search"])
    assert search.isVisible()
    await until(search.field.hasFocus)
    QTest.keyClicks(search.field, "tack")
    await until(lambda: search.state.text() == "No match")
    search.field.setText("t.ck")
    press(search.regex)
    await until(lambda: "3 lines" in search.state.text())
    press(search.next)
    await until(lambda: " of 3 lines" in search.state.text())
    first = search.state.text()
    assert console.view.painting.current is not None
    press(search.next)
    await until(lambda: " of 3 lines" in search.state.text() and search.state.text() != first)
    press(search.previous)
    await until(lambda: search.state.text() == first)
    search.field.setText("t(")
    assert "expression" in search.field.toolTip().lower()
    press(search.close_button)
    assert not search.isVisible()
    assert console.view.painting.current is None


async def test_filters_by_case_expression_and_level(console: ConsolePanel) -> None:
    filters = console.filters
    filters.field.setText("TICK")
    await until(lambda: len(seqs(console)) == 3)
    press(filters.case)
    await until(lambda: seqs(console) == [])
    press(filters.case)
    filters.field.setText(r"^(tick|SCRIPT)")
    await until(lambda: seqs(console) == [])
    press(filters.regex)
    await until(lambda: len(seqs(console)) == 4)
    press(filters.chips[LogLevel.DEBUG])
    await until(lambda: len(seqs(console)) == 1)
    press(console.filter_state.all)
    await until(lambda: len(seqs(console)) == len(TEXTS))
    assert filters.chips[LogLevel.DEBUG].isChecked()


async def test_switches_of_the_tool_row(window: MainWindow, console: ConsolePanel) -> None:
    view, buttons = console.view, console.tools.buttons
    states = {
        "follow": lambda: view.is_following,
        "times": lambda: view.painting.rows.has_times,
        "wrap": lambda: view.is_wrapping,
        "stack": lambda: console.narrowing.is_stacking,
        "side": lambda: console.side.is_on,
    }
    for name, state in states.items():
        before = state()
        press(buttons[name])
        await until(lambda state=state, before=before: state() != before)
        assert buttons[name].isChecked() == state()
        press(buttons[name])
        await until(lambda state=state, before=before: state() == before)
    checkable = {name for name, button in buttons.items() if button.isCheckable()}
    assert checkable == set(states)


async def test_menus_of_the_tool_row_open(console: ConsolePanel) -> None:
    for name in ("marks", "columns"):
        press(console.tools.buttons[name])
        await until(lambda: isinstance(QApplication.activePopupWidget(), QMenu))
        menu = QApplication.activePopupWidget()
        assert isinstance(menu, QMenu)
        assert menu.actions(), name
        menu.close()


async def test_copy_save_and_clear(
    console: ConsolePanel, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def choose(*_: object) -> Path:
        return tmp_path / "pulse.log"

    monkeypatch.setattr(dialogs, "choose_save_file", choose)
    console.view.select_all()
    press(console.tools.buttons["copy"])
    copied = QApplication.clipboard().text().splitlines()
    assert len(copied) == len(TEXTS)
    assert copied[1].endswith(TEXTS[1][1])
    press(console.tools.buttons["save"])
    await until((tmp_path / "pulse.log").exists)
    await until(lambda: len((tmp_path / "pulse.log").read_text().splitlines()) == len(TEXTS))
    press(console.tools.buttons["clear"])
    await until(lambda: seqs(console) == [])


async def test_the_tabs_own_button_closes_a_log(
    window: MainWindow, slate: FakeSlate, console: ConsolePanel
) -> None:
    first = console.current_id
    second = put_log(slate)
    await open_log(window, slate, second)
    assert console.tabs.count() == 2
    index = console.tabs.index_of(second)
    button = console.tabs.tabButton(index, QTabBar.ButtonPosition.RightSide)
    assert isinstance(button, QToolButton)
    press(button)
    await until(lambda: console.tabs.count() == 1)
    assert console.current_id == first


async def test_a_button_says_how_many_lines_wait_and_leads_to_them(
    slate: FakeSlate, console: ConsolePanel
) -> None:
    session_id = console.current_id
    assert session_id is not None
    await slate.log(session_id, *(f"more {number}" for number in range(200)))
    await until(lambda: len(console.view.rows or ()) == len(TEXTS) + 200)
    console.view.sync()
    console.view.verticalScrollBar().setValue(0)
    assert not console.view.is_following
    await slate.log(session_id, "one", "two", "three")
    more = console.more
    await until(more.isVisible)
    await until(lambda: "3 new lines" in more.text())
    press(more)
    assert console.view.is_following
    assert not more.isVisible()


async def test_nothing_that_can_be_pressed_was_forgotten(console: ConsolePanel) -> None:
    """The tests above and in test_console_controls press these; a new one needs a test too."""
    known = {
        *console.tools.buttons.values(),
        *console.filters.chips.values(),
        *(console.filters.regex, console.filters.case),
        *(console.search.regex, console.search.previous, console.search.next),
        *(console.search.close_button, console.filter_state.hidden, console.filter_state.all),
        console.more,
        *(
            console.tabs.tabButton(index, QTabBar.ButtonPosition.RightSide)
            for index in range(console.tabs.count())
        ),
    }
    fields = {console.filters.field, console.search.field}
    buttons = set(console.findChildren(QAbstractButton))
    # Qt's own: arrows of the tab bar, and what empties a field.
    own = {button for button in buttons if isinstance(button.parent(), QTabBar | QLineEdit)}
    empty = set(console.empty.findChildren(QAbstractButton)) if hasattr(console, "empty") else set()
    assert {button.accessibleName() for button in buttons - known - own - empty} == set()
    assert set(console.findChildren(QLineEdit)) == fields
