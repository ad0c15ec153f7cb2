"""Title bars of docks: tools in one row with the buttons, narrow docks, floating ones, the keys."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel, QLineEdit, QTabBar, QWidget
from pytestqt.qtbot import QtBot

from slate_desktop.domain.session import SessionStatus
from slate_desktop.ui.docks import Dock
from slate_desktop.ui.flow import FlowLayout
from slate_desktop.ui.theme import Theme
from slate_desktop.ui.window import MainWindow
from tests.gui.conftest import until
from tests.gui.fakes import FakeSlate

WITH_TOOLS = ("performance", "console", "build", "builds", "assets", "jobs")


async def with_all_tools(window: MainWindow, slate: FakeSlate) -> None:
    """A large window in which every pane has something, so that its tools show."""
    window.resize(QSize(1520, 920))
    project = next(iter(slate.projects.values()))
    Image.new("RGB", (8, 8)).save(Path(project.root) / "crate.png")
    slate.put_build(project.id)
    assert window.jobs
    assert window.builds
    assert window.build_panel
    window.workspace.choose_project(project.id)
    await until(lambda: window.registry["session.start"].isEnabled())
    window.registry["session.start"].trigger()
    await until(lambda: any(s.status is SessionStatus.RUNNING for s in slate.sessions.values()))
    await until(lambda: window.console.tabs.count() == 1)
    await until(lambda: window.builds.model.rowCount() == 1)
    window.docks.docks["assets"].raise_()
    await until(lambda: window.assets.browser is not None and window.assets.browser.entries)
    window.docks.reset()
    await settled(window)


async def settled(window: MainWindow) -> None:
    """Wait for the docks to have their sizes, and the titles that go with their places."""
    await until(lambda: not window.docks.is_moving)
    for _ in range(3):
        QApplication.sendPostedEvents()


def shown_tools(dock: Dock) -> list[QWidget]:
    """What can be used in a title bar but for float and close."""
    tools = dock.bar.tools
    assert tools is not None
    if isinstance(tools, QTabBar):
        return [tools]
    kinds = (QAbstractButton, QLineEdit)
    return [w for w in tools.findChildren(QWidget) if isinstance(w, kinds) and w.isVisibleTo(tools)]


def place(widget: QWidget, dock: Dock) -> QRect:
    return QRect(widget.mapTo(dock, QPoint()), widget.size())


@pytest.mark.parametrize("name", WITH_TOOLS)
async def test_tools_stand_in_the_title_bar_and_the_tab_says_the_title(
    window: MainWindow, slate: FakeSlate, name: str
) -> None:
    await with_all_tools(window, slate)
    dock, plain = window.docks.docks[name], window.docks.docks["project"]
    dock.raise_()
    await settled(window)
    assert not dock.bar.label.isVisibleTo(dock)
    assert plain.bar.label.isVisibleTo(plain)
    # No more rows than a bar with a title alone has.
    assert dock.bar.height() <= plain.bar.height() + 2
    for tool in shown_tools(dock):
        assert dock.bar.rect().contains(place(tool, dock)), tool.accessibleName()


@pytest.mark.parametrize("name", WITH_TOOLS)
async def test_a_dock_that_has_no_tab_says_its_title_beside_its_tools(
    window: MainWindow, slate: FakeSlate, name: str
) -> None:
    await with_all_tools(window, slate)
    dock = window.docks.docks[name]
    dock.setFloating(True)
    dock.resize(1100, 460)
    await settled(window)
    label = place(dock.bar.label, dock)
    assert dock.bar.label.isVisibleTo(dock)
    assert label.width() >= dock.bar.label.sizeHint().width()
    for tool in shown_tools(dock):
        assert place(tool, dock).left() >= label.right() + 8, tool.accessibleName()
    dock.setFloating(False)
    await settled(window)
    assert not dock.bar.label.isVisibleTo(dock)


@pytest.mark.parametrize("name", WITH_TOOLS)
async def test_a_narrow_dock_hides_none_of_its_tools(
    window: MainWindow, slate: FakeSlate, name: str
) -> None:
    await with_all_tools(window, slate)
    dock = window.docks.docks[name]
    window.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, dock)
    for other in ("project", "sessions"):
        window.docks.docks[other].hide()
    await settled(window)
    window.resizeDocks([dock], [250], Qt.Orientation.Horizontal)
    await until(lambda: dock.width() <= 300)
    await settled(window)
    assert dock.bar.label.isVisibleTo(dock)
    tools = shown_tools(dock)
    places = [place(tool, dock) for tool in tools]
    for tool, at in zip(tools, places, strict=True):
        assert dock.bar.rect().contains(at), tool.accessibleName()
        assert at.width() >= tool.minimumSizeHint().width() or isinstance(tool, QTabBar)
    for number, at in enumerate(places):
        assert not any(at.intersects(other) for other in places[number + 1 :])


def focus_chain(dock: Dock) -> list[QWidget]:
    """What the Tab key comes to after the dock, in order, reachable or not."""
    chain: list[QWidget] = []
    at: QWidget | None = dock.nextInFocusChain()
    while at is not None and at is not dock:
        chain.append(at)
        at = at.nextInFocusChain()
    return chain


def stops_inside(dock: Dock, pane: QWidget) -> list[QWidget]:
    """Where the Tab key stops within the pane."""
    return [
        widget
        for widget in focus_chain(dock)
        if pane.isAncestorOf(widget)
        and widget.isVisibleTo(pane)
        and widget.focusPolicy() & Qt.FocusPolicy.TabFocus
    ]


@pytest.mark.parametrize("name", WITH_TOOLS)
async def test_the_keyboard_comes_to_the_tools_before_the_pane(
    window: MainWindow, slate: FakeSlate, name: str
) -> None:
    await with_all_tools(window, slate)
    dock = window.docks.docks[name]
    pane = dock.widget()
    # What an empty pane offers comes with the answer to what it asked the server for.
    await until(lambda: bool(stops_inside(dock, pane)))
    chain, inside = focus_chain(dock), stops_inside(dock, pane)
    tools = [tool for tool in shown_tools(dock) if tool.focusPolicy() & Qt.FocusPolicy.TabFocus]
    assert tools
    first = min(chain.index(widget) for widget in inside)
    late = [tool.accessibleName() for tool in tools if chain.index(tool) > first]
    assert late == [], chain[first]


async def test_a_neighbour_that_closes_leaves_the_title_to_the_bar(
    window: MainWindow, slate: FakeSlate
) -> None:
    await with_all_tools(window, slate)
    docks = window.docks.docks
    docks["build"].close()
    await until(lambda: docks["performance"].bar.label.isVisibleTo(docks["performance"]))
    docks["build"].show()
    await until(lambda: not docks["performance"].bar.label.isVisibleTo(docks["performance"]))


async def test_a_console_without_logs_says_its_title(window: MainWindow, slate: FakeSlate) -> None:
    dock = window.docks.docks["console"]
    await settled(window)
    assert dock.bar.label.isVisibleTo(dock)
    await with_all_tools(window, slate)
    assert not dock.bar.label.isVisibleTo(dock)
    window.console.close_log(next(iter(slate.sessions)))
    await settled(window)
    assert dock.bar.label.isVisibleTo(dock)


@pytest.fixture
def row(qtbot: QtBot, theme: Theme) -> Callable[[int], tuple[QWidget, list[QWidget]]]:
    """Makes three boxes of 60 pixels, a stretch and a fourth in a row of a width."""

    def make(width: int) -> tuple[QWidget, list[QWidget]]:
        holder = QWidget()
        qtbot.addWidget(holder)
        flow = FlowLayout(holder, spacing=4)
        flow.setContentsMargins(0, 0, 0, 0)
        boxes: list[QWidget] = [QLabel() for _ in range(4)]
        for number, box in enumerate(boxes):
            box.setFixedSize(60, 20)
            if number == 3:
                flow.addStretch()
            flow.addWidget(box)
        holder.resize(width, flow.heightForWidth(width))
        holder.show()
        return holder, boxes

    return make


def test_a_row_breaks_where_it_is_narrow(
    row: Callable[[int], tuple[QWidget, list[QWidget]]],
) -> None:
    holder, boxes = row(400)
    assert [box.x() for box in boxes] == [0, 64, 128, 340]
    assert holder.height() == 20
    holder, boxes = row(130)
    assert [box.pos().toTuple() for box in boxes] == [(0, 0), (64, 0), (0, 23), (70, 23)]
    assert holder.height() == 43
    boxes[0].hide()
    assert holder.heightForWidth(130) == 43
    assert holder.heightForWidth(260) == 20


def test_a_row_begins_at_the_right_where_people_read_from_there(
    row: Callable[[int], tuple[QWidget, list[QWidget]]],
) -> None:
    holder, boxes = row(400)
    holder.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
    QApplication.sendPostedEvents()
    assert [box.x() for box in boxes] == [340, 276, 212, 0]
