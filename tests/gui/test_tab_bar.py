"""Many tabs: names stay readable, and nothing shows through the arrows that scroll."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QTabBar, QToolButton

from slate_desktop.ui.window import MainWindow
from tests.gui.conftest import until
from tests.gui.fakes import FakeSlate
from tests.gui.test_console_controls import open_log, put_log

TABS = 10


@pytest.fixture(params=["documents", "logs"])
async def bar(
    request: pytest.FixtureRequest, window: MainWindow, slate: FakeSlate, tmp_path: Path
) -> QTabBar:
    """A bar of more tabs than fit, scrolled to its beginning."""
    window.resize(1280, 720)
    if request.param == "logs":
        for _ in range(TABS):
            await open_log(window, slate, put_log(slate))
        bar: QTabBar = window.console.tabs
    else:
        for number in range(TABS):
            path = tmp_path / f"a_level_with_a_name_{number}.txt"
            path.write_text("x")
            window.documents.open_path(path)
        bar = window.documents.tabBar()
    bar.setCurrentIndex(0)
    await until(lambda: arrow(bar, "Right").isVisible() and arrow(bar, "Right").isEnabled())
    return bar


def arrow(bar: QTabBar, side: str) -> QToolButton:
    return bar.findChild(QToolButton, f"Scroll{side}Button")


def middle(arrow: QToolButton) -> QPoint:
    return arrow.geometry().center()


def is_covered(bar: QTabBar, side: str) -> bool:
    """Whether the button of a tab stands where an arrow's middle is."""
    buttons = (bar.tabButton(row, QTabBar.ButtonPosition.RightSide) for row in range(bar.count()))
    return any(b.geometry().contains(middle(arrow(bar, side))) for b in buttons if b is not None)


async def narrowed(window: MainWindow, bar: QTabBar, side: str, is_wanted: bool) -> None:
    """Make the window narrower until a tab's button stands below an arrow, or is far away."""
    for width in range(1440, 1240, -3):
        window.resize(width, 720)
        await asyncio.sleep(0.01)
        if is_covered(bar, side) is is_wanted:
            return
    raise AssertionError(f"no width of the window has a button below the arrow: {is_wanted}")


def picture(bar: QTabBar, side: str) -> QImage:
    return bar.grab(arrow(bar, side).geometry()).toImage()


@pytest.mark.parametrize("side", ["Left", "Right"])
async def test_the_button_of_a_tab_lies_below_the_arrows(
    window: MainWindow, bar: QTabBar, side: str
) -> None:
    await narrowed(window, bar, side, False)
    free = picture(bar, side)
    await narrowed(window, bar, side, True)
    assert bar.childAt(middle(arrow(bar, side))) is arrow(bar, side)
    # Nothing of it is seen through the arrow.
    assert picture(bar, side) == free


async def test_a_press_on_an_arrow_scrolls_and_closes_nothing(
    window: MainWindow, bar: QTabBar
) -> None:
    await narrowed(window, bar, "Right", True)
    count, before = bar.count(), bar.tabRect(0).left()
    while arrow(bar, "Right").isEnabled():
        pressed = bar.childAt(middle(arrow(bar, "Right")))
        QTest.mouseClick(pressed, Qt.MouseButton.LeftButton)
        assert bar.tabRect(0).left() < before
        before = bar.tabRect(0).left()
    await asyncio.sleep(0)
    assert bar.count() == count
    # The last tab is whole beside the arrows.
    assert bar.tabRect(count - 1).right() < arrow(bar, "Left").x()


@pytest.mark.parametrize("zoom", [0, 3])
async def test_names_keep_ten_letters(window: MainWindow, bar: QTabBar, zoom: int) -> None:
    for _ in range(zoom):
        window.theme.step_zoom(1)
    letters = 10 * bar.fontMetrics().averageCharWidth()
    for index in range(1, bar.count()):
        assert bar.tabRect(index).width() >= letters + 50, bar.tabText(index)
    # Large text has large arrows.
    await until(lambda: arrow(bar, "Right").width() >= 20 * window.theme.zoom - 1)
