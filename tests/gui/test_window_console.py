"""The console of the whole window: filters, files, and lines that only the database has."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest

from slate_desktop.domain.logs import LogLevel, LogLine
from slate_desktop.errors import DatabaseError
from slate_desktop.ui.window import MainWindow
from tests.gui.conftest import until
from tests.gui.fakes import FakeSlate
from tests.gui.test_window import press_start


async def test_level_chips_and_filter_narrow_the_log(window: MainWindow, slate: FakeSlate) -> None:
    session_id = await press_start(window, slate)
    await slate.log(session_id, "one", "two")
    await slate.log(session_id, "bad", level=LogLevel.ERROR)
    console = window.console
    await until(lambda: console.view.rows is not None and len(console.view.rows) == 3)
    console.filters.chips[LogLevel.INFO].click()
    await until(lambda: console.view.rows is not None and len(console.view.rows) == 1)
    console.filters.chips[LogLevel.INFO].click()
    console.filters.field.setText("tw")
    await until(lambda: console.view.rows is not None and len(console.view.rows) == 1)
    console.filters.regex.setChecked(True)
    console.filters.field.setText("(")
    await until(lambda: console.filters.field.property("invalid"))


async def test_saved_log_is_whole_while_the_log_goes_on(
    window: MainWindow, slate: FakeSlate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session_id = await press_start(window, slate)
    await slate.log(session_id, *(f"line {number}" for number in range(100)))
    await until(lambda: window.console.current_buffer and len(window.console.current_buffer) == 100)
    buffer = window.console.current_buffer
    assert buffer is not None
    monkeypatch.setattr("slate_desktop.control.stored_log._EXPORT_ROWS", 10)
    buffer.max_lines = 50
    saving = asyncio.ensure_future(window.console.save(tmp_path / "saved.log"))
    await asyncio.sleep(0)  # it has begun: what is shown now is what is saved
    while not saving.done():
        await slate.log(session_id, "more")
        await asyncio.sleep(0)
    assert await saving == 100
    saved = (tmp_path / "saved.log").read_text(encoding="utf-8")
    words = [text.split("  ")[-1] for text in saved.splitlines()]
    assert words == [f"line {number}" for number in range(100)]


async def test_console_reaches_the_first_of_many_stored_lines(
    window: MainWindow, slate: FakeSlate, tmp_path: Path
) -> None:
    session_id = await press_start(window, slate)
    console = window.console
    messages = [f"boom {n}" if n % 1000 == 7 else f"line {n}" for n in range(1, 5001)]
    slate.lines[session_id] = [
        LogLine(
            seq=seq,
            timestamp_ns=seq,
            level=LogLevel.ERROR if "boom" in text else LogLevel.INFO,
            message=text,
        )
        for seq, text in enumerate(messages, 1)
    ]
    model = window.workspace.models[session_id]
    model.logs.max_lines = 1_000
    await slate.log(session_id, "newest")
    await until(lambda: model.logs.last_seq == 5001)
    view = console.view
    await until(lambda: view.verticalScrollBar().maximum() > 4_900)
    assert model.logs.first_seq > 3_000
    QTest.keyClick(view, Qt.Key.Key_Home)
    await until(lambda: view.rows is not None and view.rows.row(0).message == "line 1")
    window.registry["console.search"].trigger()
    console.search.field.setText("BOOM")
    await until(lambda: "5 lines" in console.search.state.text())
    QTest.keyClick(console.search.field, Qt.Key.Key_Return)
    await until(lambda: "1 of 5 lines" in console.search.state.text())
    assert view.top_seq <= 7 <= view.bottom_seq
    QTest.keyClick(console.search.field, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    await until(lambda: "5 of 5 lines" in console.search.state.text())
    assert view.top_seq <= 4007 <= view.bottom_seq
    await slate.log(session_id, "one more boom")
    await until(lambda: "of 6 lines" in console.search.state.text())
    window.registry["console.next_error"].trigger()
    await until(lambda: view.top_seq <= 7 <= view.bottom_seq)
    window.registry["console.previous_error"].trigger()
    await until(lambda: view.top_seq <= 4007 <= view.bottom_seq)
    assert await console.save(tmp_path / "all.jsonl") == 5002
    console.filters.field.setText("boom")
    await until(lambda: view.rows is not None and len(view.rows) < 1_000)
    assert await console.save(tmp_path / "filtered.log") == 6


async def test_copy_reads_what_is_not_here(window: MainWindow, slate: FakeSlate) -> None:
    session_id = await press_start(window, slate)
    model = window.workspace.models[session_id]
    model.logs.max_lines = 16
    await slate.log(session_id, *(f"line {number}" for number in range(1, 201)))
    await until(lambda: model.logs.last_seq == 200)
    assert model.logs.first_seq == 0
    QGuiApplication.clipboard().clear()
    window.registry["console.copy"].trigger()
    await until(lambda: QGuiApplication.clipboard().text().count("line ") == 200)


async def test_search_without_the_database_says_so_and_looks_at_what_is_here(
    window: MainWindow, slate: FakeSlate
) -> None:
    session_id = await press_start(window, slate)
    await slate.log(session_id, "one", "two", "three")
    console = window.console
    await until(lambda: console.view.rows is not None and len(console.view.rows) == 3)
    slate.refuse["search"] = DatabaseError("The database does not answer.")
    window.registry["console.search"].trigger()
    console.search.field.setText("two")
    await until(lambda: "cannot be read" in console.search.state.text())
    QTest.keyClick(console.search.field, Qt.Key.Key_Return)
    await until(lambda: console.view.painting.current == (2, 0, 3))


async def test_strip_shows_where_errors_lie_and_leads_there(
    window: MainWindow, slate: FakeSlate
) -> None:
    session_id = await press_start(window, slate)
    console, view = window.console, window.console.view
    console.problems.timer.setInterval(20)
    await slate.log(session_id, *(f"line {number}" for number in range(1, 901)))
    await slate.log(session_id, *["broken"] * 20, level=LogLevel.ERROR)
    await slate.log(session_id, *(f"line {number}" for number in range(921, 1001)))
    strip = console.strip
    # The strip may still be given its height.
    await until(lambda: strip.count_at(strip.height() * 0.91, LogLevel.ERROR) > 0)
    place = strip.height() * 0.91
    assert strip.count_at(strip.height() / 2, LogLevel.ERROR) == 0
    assert view.is_following
    QTest.mouseClick(
        strip, Qt.MouseButton.LeftButton, pos=QPoint(strip.width() // 2, strip.height() // 2)
    )
    assert not view.is_following
    assert view.top_seq <= 501 <= view.bottom_seq
    error_row = strip.grab().toImage().pixelColor(strip.width() - 2, int(place))
    plain_row = strip.grab().toImage().pixelColor(strip.width() - 2, strip.height() // 2)
    assert error_row == window.theme.tokens.color("level.error")
    assert error_row != plain_row
    window.registry["console.search"].trigger()
    console.search.field.setText("line 500")
    await until(lambda: list(strip.hits) == [500])
    console.filters.chips[LogLevel.INFO].click()
    await until(lambda: not strip.isVisibleTo(console))
