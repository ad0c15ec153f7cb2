"""Every control of the console, pressed in a window with lines as engines write them."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from slate_desktop.domain.logs import LogLevel, LogLine
from slate_desktop.domain.session import SessionStatus
from slate_desktop.ui.console.memory import memory_from_json
from slate_desktop.ui.console.painting import MARGIN
from slate_desktop.ui.console.panel import ConsolePanel
from slate_desktop.ui.console.row_text import TimeStyle, format_span
from slate_desktop.ui.console.wrapping import cut
from slate_desktop.ui.documents.text_document import TextDocument
from slate_desktop.ui.window import MainWindow
from tests.gui.conftest import until
from tests.gui.fakes import FakeSlate
from tests.gui.mouse import move_mouse

START_NS = time.time_ns() - 60_000_000_000
TEXTS = [
    ("info", "Godot Engine v3.2.3.stable"),
    ("error", "SCRIPT ERROR: Invalid call."),
    ("error", "   At: res://levels/one.tscn:1."),
    ("info", '{"msg": "joined", "player": "ada", "net": {"ping": 23}}'),
    ("debug", "tick"),
    ("debug", "tick"),
    ("debug", "tick"),
    ("warn", "a long line " + "of many words " * 40),
]


def put_log(slate: FakeSlate, first_ns: int = START_NS) -> str:
    row = slate.put_session(next(iter(slate.projects)), SessionStatus.RUNNING, {})
    slate.lines[row.id] = [
        LogLine(
            seq=seq,
            timestamp_ns=first_ns + seq * 1_000_000_000,
            level=LogLevel(level),
            message=text,
        )
        for seq, (level, text) in enumerate(TEXTS, 1)
    ]
    return row.id


async def open_log(window: MainWindow, slate: FakeSlate, session_id: str) -> ConsolePanel:
    await until(lambda: window.workspace.find_session(session_id))
    window.workspace.choose_session(session_id)
    await until(lambda: window.console.current_id == session_id)
    await until(lambda: window.console.view.rows and len(window.console.view.rows) == len(TEXTS))
    window.console.view.sync()
    return window.console


@pytest.fixture
async def console(window: MainWindow, slate: FakeSlate) -> ConsolePanel:
    # High enough for all lines in the share that the console has of the window.
    window.resize(1400, 1100)
    found = await open_log(window, slate, put_log(slate))
    await until(lambda: window.centralWidget().width() > 700)  # laid out in that size
    window.docks.spread()
    await until(lambda: found.view._page > len(TEXTS))
    return found


def seqs(console: ConsolePanel) -> list[int]:
    assert console.view.rows is not None
    return [row.seq for row in console.view.rows.rows(0, 99)]


def point_at(console: ConsolePanel, seq: int, text: str = "") -> QPoint:
    """Return a point of the viewport over a text of a line."""
    view, rows = console.view, console.view.painting
    for row, top, _ in view._visible():
        if row.seq == seq:
            column = rows.rows.text(row).index(text) + min(1, len(text))
            x = MARGIN + column * rows.char_width + 1
            return QPointF(x, top + rows.row_height / 2).toPoint()
    raise AssertionError(f"line {seq} is not on the screen")


async def test_wrap_breaks_long_lines_and_scrolls_through_them(
    window: MainWindow, console: ConsolePanel
) -> None:
    view = console.view
    window.registry["console.wrap"].trigger()
    assert view.horizontalScrollBar().maximum() == 0
    heights = {row.seq: len(spans) for row, _, spans in view._visible()}
    assert heights[8] > 3
    assert heights[7] == 1
    view.setFixedHeight(view.painting.row_height * 4)
    await until(lambda: view._page <= 4)
    view.sync()
    assert view.is_following
    assert [row.seq for row in view.visible_rows()] == [8]  # its last lines fill the screen
    for _ in range(30):
        QTest.keyClick(view, Qt.Key.Key_Up)
    assert (view.top_seq, view._sub) == (1, 0)
    for _ in range(30):
        view.scroll_lines(1)
    assert view.is_following
    assert not view.grab().isNull()
    view.select_all()
    assert view.selected_text().count("\n") == len(TEXTS) - 1


def test_lines_are_cut_behind_words_and_lose_nothing() -> None:
    for text in ("word " * 50, "x" * 300, "日本語 テキスト" * 20, "", "short"):
        spans = cut(text, 10, 40, lambda char: 2.0 if ord(char) > 255 else 1.0)
        assert "".join(text[start:end] for start, end in spans) == text
        assert all(end - start <= 40 for start, end in spans)
    assert cut("aaaa bbbb " * 6, 2, 22, lambda _: 1.0)[0] == (0, 20)


async def test_repeated_lines_are_stacked_and_opened(
    window: MainWindow, console: ConsolePanel
) -> None:
    window.registry["console.stack"].trigger()
    await until(lambda: seqs(console) == [1, 2, 3, 4, 5, 8])
    await until(lambda: console.filter_state.words.text() == "8 lines in 6 rows")
    row = console.view.row_of(5)
    assert row is not None
    assert console.view.painting.pill_text(row) == "▸ ×3"
    y = point_at(console, 5).y()
    port = console.view.viewport()
    QTest.mouseClick(port, Qt.MouseButton.LeftButton, pos=QPoint(port.width() - 12, y))
    await until(lambda: seqs(console) == [1, 2, 3, 4, 5, 6, 7, 8])
    window.registry["console.expand"].trigger()
    await until(lambda: seqs(console) == [1, 2, 3, 4, 5, 8])
    window.registry["console.stack"].trigger()
    await until(lambda: len(seqs(console)) == 8)
    assert console.filter_state.isHidden()


async def test_hidden_lines_stay_hidden_per_log_and_come_back(
    window: MainWindow, slate: FakeSlate, console: ConsolePanel
) -> None:
    first = console.current_id
    QTest.mouseClick(
        console.view.viewport(), Qt.MouseButton.LeftButton, pos=point_at(console, 5, "tick")
    )
    window.registry["console.hide"].trigger()
    await until(lambda: seqs(console) == [1, 2, 3, 4, 8])
    await until(lambda: console.filter_state.words.text() == "5 of 8 lines")
    assert console.filter_state.hidden.text() == " 1 text hidden"
    console.filters.chips[LogLevel.WARN].click()
    await until(lambda: seqs(console) == [1, 2, 3, 4])
    await open_log(window, slate, put_log(slate))
    assert len(seqs(console)) == 8  # another log has a filter of its own
    console.select(str(first))
    await until(lambda: seqs(console) == [1, 2, 3, 4])
    window.remember()
    kept = memory_from_json(window.state.console[str(first)])
    assert kept.filter.hidden == ("tick",)
    assert LogLevel.WARN not in (kept.filter.levels or ())
    console.filter_state.hidden.menu().actions()[0].trigger()
    await until(lambda: len(seqs(console)) == 7)
    console.filter_state.all.click()
    await until(lambda: len(seqs(console)) == 8)
    assert console.filters.chips[LogLevel.WARN].isChecked()


async def test_a_place_in_a_line_opens_its_file(
    window: MainWindow, console: ConsolePanel, project_root: Path
) -> None:
    port, view = console.view.viewport(), console.view
    point = point_at(console, 3, "res://")
    move_mouse(port, point)
    view.hovered.emit(view.place_at(point.toPointF()))
    assert view.painting.link is not None
    assert port.cursor().shape() is Qt.CursorShape.PointingHandCursor
    QTest.mouseClick(port, Qt.MouseButton.LeftButton, pos=point)
    opened = project_root / "levels" / "one.tscn"
    await until(lambda: window.documents.document_of(opened) is not None)
    document = window.documents.document_of(opened)
    assert isinstance(document, TextDocument)
    await until(lambda: document.editor.toPlainText() == "x")  # nothing is loading at the end
    view.hovered.emit(None)
    assert view.painting.link is None
    window.documents.show_overview()
    window.registry["console.open_place"].trigger()  # without a mouse
    await until(lambda: window.documents.current is document)


async def test_marks_are_set_listed_and_gone_through(
    window: MainWindow, slate: FakeSlate, console: ConsolePanel
) -> None:
    port, view = console.view.viewport(), console.view
    QTest.mouseClick(port, Qt.MouseButton.LeftButton, pos=QPoint(5, point_at(console, 2).y()))
    QTest.mouseClick(port, Qt.MouseButton.LeftButton, pos=point_at(console, 4))
    window.registry["console.mark"].trigger()
    assert list(view.painting.marks) == [2, 4]
    assert not view.grab().isNull()
    found: list[int] = []
    for name in ("next_mark", "next_mark", "previous_mark"):
        before = view.painting.current
        window.registry[f"console.{name}"].trigger()
        await until(lambda before=before: view.painting.current != before)
        found.append(view.painting.current[0] if view.painting.current else 0)
    assert found == [2, 4, 2]
    window.registry["console.marks"].trigger()
    menu = QGuiApplication.instance().activePopupWidget()  # type: ignore[union-attr]
    assert menu.actions()[0].text() == "SCRIPT ERROR: Invalid call."
    menu.actions()[1].trigger()
    menu.close()
    await until(lambda: view.painting.current and view.painting.current[0] == 4)
    session_id = str(console.current_id)
    window.remember()
    assert list(memory_from_json(window.state.console[session_id]).marks) == [2, 4]
    window.registry["console.next_error"].trigger()
    await until(lambda: view.painting.current and view.painting.current[0] == 2)


async def test_times_are_counted_as_chosen_and_left_out_of_copies(
    window: MainWindow, console: ConsolePanel
) -> None:
    view, text = console.view, console.view.painting.rows
    window.registry["console.time_style"].trigger()
    await until(lambda: text.base_ns == START_NS + 1_000_000_000)
    row = view.row_of(4)
    assert row is not None
    assert text.text(row).lstrip().startswith("+0:03.000")
    window.registry["console.time_style"].trigger()
    assert console.times.style is TimeStyle.RELATIVE
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=point_at(console, 5))
    assert text.text(row).lstrip().startswith("-0:01.000")
    window.registry["console.time_style"].trigger()
    assert console.times.style is TimeStyle.LOCAL
    console.filters.chips[LogLevel.ERROR].click()
    for level in (LogLevel.INFO, LogLevel.WARN):
        console.filters.chips[level].click()
    await until(lambda: seqs(console) == [5, 6, 7])
    view.selection.clear()
    window.registry["console.copy_messages"].trigger()
    assert QGuiApplication.clipboard().text() == "tick\ntick\ntick"
    window.registry["console.copy"].trigger()
    assert QGuiApplication.clipboard().text().splitlines()[0].endswith(" DEBUG tick")
    window.registry["console.times"].trigger()
    view.selection.clear()
    window.registry["console.copy"].trigger()
    assert QGuiApplication.clipboard().text().splitlines()[0] == "DEBUG tick"


def test_spans_are_short() -> None:
    assert format_span(-61_001_000_000) == "-1:01.001"
    assert format_span(3_600_000_000_000) == "+1:00:00.000"


async def test_fields_of_json_lines_become_columns(
    window: MainWindow, console: ConsolePanel
) -> None:
    assert list(console.columns.available()) == ["net.ping", "player"]
    window.registry["console.columns"].trigger()
    menu = QGuiApplication.instance().activePopupWidget()  # type: ignore[union-attr]
    menu.actions()[1].trigger()
    menu.close()
    row = console.view.row_of(4)
    assert row is not None
    text = console.view.painting.rows
    assert text.text(row).split()[-2:] == ["ada", "joined"]
    assert console.columns.header.isVisibleTo(console)
    assert text.column_names.strip() == "player"
    assert not console.grab().isNull()
    console.columns.toggle("player", 6)
    assert text.text(row).endswith("}")
    assert console.columns.header.isHidden()


async def test_selected_lines_tell_their_span(console: ConsolePanel) -> None:
    told: list[tuple[object, object]] = []
    console.selection_span.connect(lambda first, last: told.append((first, last)))
    port = console.view.viewport()
    QTest.mousePress(port, Qt.MouseButton.LeftButton, pos=point_at(console, 2))
    move_mouse(port, point_at(console, 4), Qt.MouseButton.LeftButton)
    console.view.selection.cursor = console.view.place_at(point_at(console, 4).toPointF())
    QTest.mouseRelease(port, Qt.MouseButton.LeftButton, pos=point_at(console, 4))
    assert told == [(START_NS + 2_000_000_000, START_NS + 4_000_000_000)]
    QTest.mouseClick(port, Qt.MouseButton.LeftButton, pos=point_at(console, 4))
    assert told[-1] == (None, None)


async def test_open_logs_are_merged_by_time(
    window: MainWindow, slate: FakeSlate, console: ConsolePanel, tmp_path: Path
) -> None:
    await open_log(window, slate, put_log(slate, START_NS + 500_000_000))
    window.registry["console.merge"].trigger()
    assert console.current_id is None
    rows = console.view.rows
    assert rows is not None
    found = rows.rows(0, 99)
    assert [row.source for row in found] == [0, 1] * len(TEXTS)
    assert console.view.painting.rows.text(found[0]).count("pong") == 1
    console.filters.chips[LogLevel.INFO].click()
    console.filters.chips[LogLevel.DEBUG].click()
    await until(lambda: len(seqs(console)) == 6)
    assert await console.save(tmp_path / "merged.log") == 6
    window.registry["console.search"].trigger()
    console.search.field.setText("invalid")
    QTest.keyClick(console.search.field, Qt.Key.Key_Return)
    await until(lambda: console.view.painting.current is not None)
    console.filters.clear()
    console.merging.toggle(str(console.tabs.tabData(0)))
    await until(lambda: console.view.rows and len(console.view.rows) == len(TEXTS))
    console.merging.toggle(str(console.tabs.tabData(1)))  # one always stays
    assert len(console.merging.members()) == 1
    console.tabs.close_wanted.emit("merged")
    assert console.current_id is not None


async def test_logs_stand_side_by_side_and_the_current_one_leads(
    window: MainWindow, slate: FakeSlate, console: ConsolePanel
) -> None:
    first = str(console.current_id)
    later = await open_log(window, slate, put_log(slate, START_NS + 500_000_000))
    second = str(later.current_id)
    console.view.setFixedHeight(console.view.painting.row_height * 3)
    window.registry["console.side"].setChecked(True)
    assert list(console.side.panes) == [first]
    pane = console.side.panes[first]
    await until(lambda: pane.isVisible() and pane.view.is_following)
    assert console.side.head.isVisible()
    old = pane.choose.icon().cacheKey()
    window.theme.set_choice("light")
    assert pane.choose.icon().cacheKey() != old

    def place(head: QWidget) -> tuple[int, int]:
        return head.mapTo(console, QPoint()).y(), head.height()

    # Lines of one moment stand on one height.
    await until(lambda: place(console.side.head) == place(pane.head))
    pane.view.setFixedHeight(pane.view.painting.row_height * 3)
    await until(lambda: console.view._page <= 3 and pane.view._page <= 3)
    console.view.verticalScrollBar().setValue(0)
    assert not console.view.is_following
    # The first line after 1.5 s of the other log, which begins half a second earlier.
    await until(lambda: pane.view.top_seq == 2)
    console.view.verticalScrollBar().setValue(2)
    await until(lambda: pane.view.top_seq == 4)
    console.view.set_following(True)
    await until(lambda: pane.view.is_following)
    window.registry["console.wrap"].trigger()
    assert pane.view.is_wrapping
    window.registry["console.wrap"].trigger()
    window.registry["console.times"].setChecked(False)
    assert not pane.view.painting.rows.has_times
    window.registry["console.times"].setChecked(True)
    assert not console.grab().isNull()
    pane.choose.click()
    await until(lambda: console.current_id == first)
    assert list(console.side.panes) == [second]
    console.filters.chips[LogLevel.DEBUG].click()
    console.select(second)
    await until(lambda: list(console.side.panes) == [first])
    beside = console.side.panes[first].view
    await until(lambda: beside.rows is not None and len(beside.rows) == 5)  # its own filter
    window.registry["console.merge"].trigger()
    assert console.side.panes == {}
    console.select(second)
    await until(lambda: list(console.side.panes) == [first])
    console.side.panes[first].leave.click()
    assert console.side.panes == {}
    window.remember()
    assert window.state.shows_logs_beside
    window.registry["console.side"].setChecked(False)
    window.registry["console.side"].setChecked(True)
    assert list(console.side.panes) == [first]
    console.close_log(first)
    assert console.side.panes == {}


async def test_the_menu_of_a_line_has_what_can_be_done_with_it(
    window: MainWindow, console: ConsolePanel
) -> None:
    console._on_menu_wanted(console.view.mapToGlobal(QPoint(50, 50)))
    menu = QGuiApplication.instance().activePopupWidget()  # type: ignore[union-attr]
    names = {action.objectName() for action in menu.actions()}
    assert {"console.mark", "console.hide", "console.open_place", "console.copy"} <= names
    menu.close()
    console.clear()
    await until(lambda: seqs(console) == [])
