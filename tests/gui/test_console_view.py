"""The console's painter, ANSI runs and search, over a real buffer."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest

from slate_desktop.control.console import LogBuffer
from slate_desktop.domain.logs import LogLevel, LogLine
from slate_desktop.ui.console import ansi
from slate_desktop.ui.console.painting import MARGIN
from slate_desktop.ui.console.search import find
from slate_desktop.ui.console.view import ConsoleView
from slate_desktop.ui.theme import Theme


def fill(buffer: LogBuffer, count: int, text: str = "line {}", level: str = "info") -> None:
    first = buffer.last_seq + 1
    now = time.time_ns()
    buffer.append(
        [
            LogLine(seq=n, timestamp_ns=now, level=LogLevel(level), message=text.format(n))
            for n in range(first, first + count)
        ]
    )


@pytest.fixture
def view(theme: Theme) -> ConsoleView:
    view = ConsoleView(theme)
    view.resize(800, 400)
    view.show()
    return view


def test_follow_pauses_when_scrolled_up_and_counts_new_lines(view: ConsoleView) -> None:
    buffer = LogBuffer()
    view.set_rows(buffer)
    fill(buffer, 500)
    view.sync()
    assert view.verticalScrollBar().value() == view.verticalScrollBar().maximum()
    QTest.keyClick(view, Qt.Key.Key_PageUp)
    assert not view.is_following
    place = view.verticalScrollBar().value()
    fill(buffer, 7)
    view.sync()
    assert view.pending == 7
    assert view.verticalScrollBar().value() == place
    QTest.keyClick(view, Qt.Key.Key_End)
    assert view.is_following
    assert view.pending == 0


def test_text_stays_in_place_when_old_rows_leave(view: ConsoleView) -> None:
    buffer = LogBuffer(max_lines=5000)
    view.set_rows(buffer)
    fill(buffer, 5000)
    view.sync()
    view.set_following(False)
    view.verticalScrollBar().setValue(3000)
    seq = buffer.row(3000).seq
    fill(buffer, 1000)
    view.sync()
    assert buffer.row(view.verticalScrollBar().value()).seq == seq


def test_selected_text_is_copied_without_escapes(view: ConsoleView) -> None:
    buffer = LogBuffer()
    view.set_times(False)
    view.set_rows(buffer)
    fill(buffer, 2, "\x1b[31mred\x1b[0m {}")
    view.sync()
    view.select_all()
    view.copy()
    assert QGuiApplication.clipboard().text() == "INFO  red 1\nINFO  red 2"


def test_dragging_selects_columns(view: ConsoleView) -> None:
    buffer = LogBuffer()
    view.set_times(False)
    view.set_rows(buffer)
    fill(buffer, 1, "abcdef")
    view.sync()
    width, y = view.painting.char_width, view.painting.row_height // 2
    QTest.mousePress(view.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(MARGIN, y))
    view.selection.cursor = view.place_at(QPoint(round(MARGIN + width * 9), y).toPointF())
    assert view.selected_text() == "INFO  abc"


def test_a_line_of_64_kib_and_a_gap_are_painted(view: ConsoleView) -> None:
    buffer = LogBuffer()
    view.set_rows(buffer)
    fill(buffer, 1, "x" * 65_536)
    fill(buffer, 1, "日本 \t \x1b[1;4;38;5;200mz")
    buffer.append_gap(3, 9)
    view.sync()
    assert not view.grab().isNull()
    assert view.horizontalScrollBar().maximum() >= 0


async def test_search_finds_next_and_previous_and_wraps(theme: Theme) -> None:
    buffer = LogBuffer()
    fill(buffer, 1200)
    pattern = re.compile("line 5$")
    found = await find(buffer, pattern, None, 1)
    assert found is not None
    assert found.seq == 5
    again = await find(buffer, pattern, found, 1)
    assert again is not None
    assert again.seq == 5
    last = await find(buffer, re.compile("line"), None, -1)
    assert last is not None
    assert last.seq == 1200
    assert await find(buffer, re.compile("nothing"), None, 1) is None


@given(st.text(alphabet=st.sampled_from("ab\t\x1b[;:0138m]\x07 é\x9b\u202e"), max_size=40))
def test_runs_join_to_the_stripped_text(message: str) -> None:
    joined = "".join(run.text for run in ansi.parse(message))
    assert joined == ansi.strip(message)
    assert "\x1b" not in joined


def test_colours_are_read() -> None:
    runs = ansi.parse("\x1b[1;31mA\x1b[0mB\x1b[38;2;1;2;3mC\x1b[48;5;226mD")
    assert [run.style.fg for run in runs] == [1, None, "#010203", "#010203"]
    assert runs[0].style.bold
    assert runs[3].style.bg == "#ffff00"
