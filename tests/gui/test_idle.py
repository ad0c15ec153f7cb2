"""What a window does not do while nothing changes, and the loop that runs it."""

from __future__ import annotations

import asyncio
import itertools
import time
from datetime import UTC, datetime, timedelta

import msgspec
from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtWidgets import QHBoxLayout, QWidget

from slate_desktop.control.last_seen import SeenLog
from slate_desktop.control.values import Lamp, LampState
from slate_desktop.domain.session import SessionStatus
from slate_desktop.ui import status as states
from slate_desktop.ui.lamps import LampBar
from slate_desktop.ui.loop import Loop
from slate_desktop.ui.text import ElidedLabel
from slate_desktop.ui.theme import Theme
from slate_desktop.ui.window import MainWindow
from tests.gui.conftest import until
from tests.gui.fakes import FakeSlate
from tests.gui.test_monitor import NS, sample
from tests.gui.test_window import press_start


class Layouts(QObject):
    """Counts how often a widget is to be laid out."""

    def __init__(self, watched: QWidget) -> None:
        super().__init__(watched)
        self.count = 0
        watched.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        self.count += event.type() == QEvent.Type.LayoutRequest
        return super().eventFilter(watched, event)


async def test_figures_that_come_every_second_do_not_lay_out_the_window(
    window: MainWindow, slate: FakeSlate
) -> None:
    window.performance.make_graphs()
    session_id = await press_start(window, slate)
    graphs = window.performance.graphs
    assert graphs is not None
    now = time.time_ns()
    await slate.sample(session_id, sample(now - 3 * NS, 10.0))
    await until(lambda: graphs.cpu.figure.text() == "10.0 %")
    await asyncio.sleep(0)
    # What it asks for goes on up to the window.
    layouts = Layouts(window.performance.tools)
    words = window.performance.tools.words
    for second, cpu in ((2, 20.0), (1, 30.0)):
        before = words.text()
        await slate.sample(session_id, sample(now - second * NS, cpu))
        await until(lambda cpu=cpu: graphs.cpu.figure.text() == f"{cpu:.1f} %")
        await until(lambda before=before: words.text() != before)
    await asyncio.sleep(0)
    assert layouts.count == 0


async def test_a_label_keeps_its_place_and_is_laid_out_when_its_first_text_comes(
    theme: Theme,
) -> None:
    page = QWidget()
    page.setAttribute(Qt.WidgetAttribute.WA_QuitOnClose, on=False)
    label = ElidedLabel()
    QHBoxLayout(page).addWidget(label)
    page.show()
    await until(page.isVisible)
    layouts = Layouts(page)
    label.setText("one")
    await until(lambda: layouts.count == 1)
    label.setText("another")
    await asyncio.sleep(0.02)
    assert (layouts.count, label.text(), label.isVisible()) == (1, "another", True)
    label.hide()
    label.setText("hidden")
    assert label.isHidden()
    page.deleteLater()


async def test_lamps_stand_side_by_side_and_ask_for_room_only_where_they_need_more(
    theme: Theme,
) -> None:
    page = QWidget()
    page.setAttribute(Qt.WidgetAttribute.WA_QuitOnClose, on=False)
    bar = LampBar(theme)
    QHBoxLayout(page).addWidget(bar)
    page.show()
    lamp = Lamp(name="broker", state=LampState.OK, words="connected", latency_ms=1.0)
    bar.show_lamp(lamp)
    await until(lambda: bar.buttons["broker"].text().endswith("1 ms"))
    await asyncio.sleep(0.05)
    layouts = Layouts(page)
    bar.show_lamp(msgspec.structs.replace(lamp, latency_ms=1.2))
    await asyncio.sleep(0.02)
    assert layouts.count == 0
    bar.show_lamp(msgspec.structs.replace(lamp, words="not answering at all", latency_ms=1234.0))
    await until(lambda: layouts.count > 0)
    await asyncio.sleep(0.02)
    places = [button.geometry() for button in bar.buttons.values()]
    assert all(a.right() < b.left() for a, b in itertools.pairwise(places))
    assert all(
        place.width() == b.sizeHint().width()
        for place, b in zip(places, bar.buttons.values(), strict=True)
    )
    assert places[-1].right() <= bar.width()
    page.deleteLater()


async def test_only_rows_that_say_something_else_are_painted_as_time_passes(
    window: MainWindow, slate: FakeSlate
) -> None:
    project = next(iter(slate.projects))
    for status in (SessionStatus.RUNNING, SessionStatus.STOPPED):
        slate.put_session(project, status, {})
    model = window.sessions.model
    await until(lambda: len(model.sessions) == 2)
    moment = datetime.now(UTC)
    model.sessions = [msgspec.structs.replace(s, started_at=moment) for s in model.sessions]
    running = [row for row, s in enumerate(model.sessions) if s.status is SessionStatus.RUNNING]
    model.seen_at = moment + timedelta(seconds=5)
    assert model.aged() == running
    assert model.aged() == []
    model.seen_at = moment + timedelta(hours=2, seconds=1)
    assert model.aged() == running
    model.seen_at = moment + timedelta(hours=2, seconds=2)
    assert model.aged() == []
    # A minute is told for a minute: until then nobody looks.
    model.seen_at = moment + timedelta(hours=2, seconds=61)
    assert model.aged() == []
    model.touch_session(model.sessions[running[0]])
    assert model.aged() == running
    assert "2 h 01 min" in states.session_words(model.sessions[running[0]], model.seen_at)


async def test_samples_alone_are_kept_once_a_minute_and_lines_at_once(
    window: MainWindow, slate: FakeSlate
) -> None:
    session_id = await press_start(window, slate)
    model = window.workspace.models[session_id]
    now = time.time_ns()
    await slate.sample(session_id, sample(now - 3 * NS, 10.0))
    await until(lambda: len(model.stats_history) == 1)
    name = f"log-{session_id}"

    def kept() -> SeenLog:
        found = window.offline._look()[name]
        assert isinstance(found, SeenLog)
        return found

    assert len(kept().samples) == 1
    await slate.sample(session_id, sample(now - 2 * NS, 10.0))
    await until(lambda: len(model.stats_history) == 2)
    assert len(kept().samples) == 1
    await slate.log(session_id, "a line")
    await until(lambda: len(model.logs) > 0)
    assert len(kept().samples) == 2
    assert kept().lines[-1].message == "a line"


async def test_what_is_ready_runs_in_order_and_what_it_asks_for_after_it() -> None:
    loop, seen = asyncio.get_running_loop(), list[str]()
    done = loop.create_future()
    loop.call_soon(seen.append, "first")
    cancelled = loop.call_soon(seen.append, "cancelled")
    loop.call_soon(lambda: loop.call_soon(seen.append, "asked for"))
    loop.call_soon(seen.append, "last")
    loop.call_soon(lambda: loop.call_soon(done.set_result, None))
    cancelled.cancel()
    await done
    assert seen == ["first", "last", "asked for"]


async def test_a_callback_that_fails_is_told_and_keeps_none_from_running() -> None:
    loop, told = asyncio.get_running_loop(), list[str]()
    done = loop.create_future()
    loop.set_exception_handler(lambda _, context: told.append(str(context["exception"])))

    def fail() -> None:
        raise ValueError("no")

    loop.call_soon(fail)
    loop.call_soon(done.set_result, None)
    await done
    assert told == ["no"]


async def test_many_callbacks_that_are_ready_take_one_timer() -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, Loop)
    done, timers = loop.create_future(), Timers(loop._turns)
    for _ in range(50):
        loop.call_soon(lambda: None)
    loop.call_soon(done.set_result, None)
    await done
    assert timers.count <= 3


class Timers(QObject):
    """Counts the timers of an object that fire."""

    def __init__(self, watched: QObject) -> None:
        super().__init__()
        self.count = 0
        watched.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        self.count += event.type() == QEvent.Type.Timer
        return super().eventFilter(watched, event)
