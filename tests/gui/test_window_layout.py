"""What a window remembers of its panes, from one start to the next."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from slate_desktop.ui import app as app_module
from slate_desktop.ui.theme import Theme
from slate_desktop.ui.window import MainWindow
from slate_desktop.ui.window_state import WindowState
from tests.gui.conftest import until
from tests.gui.fakes import FakeSlate


@asynccontextmanager
async def started(
    theme: Theme, state: WindowState, slate: FakeSlate | None = None
) -> AsyncIterator[MainWindow]:
    """A window as the program makes it: on the screen first, and built there."""
    # As in the program: what ends with the last window is up to the program's own end.
    QApplication.setQuitOnLastWindowClosed(False)
    slate = slate or FakeSlate()
    await slate.events.open()

    async def connect(_on_step: object) -> FakeSlate:
        return slate

    window = MainWindow(theme, state, connect)  # type: ignore[arg-type]
    window.resize(1440, 900)
    window.show()
    await asyncio.sleep(0)
    window.build()
    window.tasks.spawn(window.workspace.run(), "workspace", window)
    await until(window.workspace.answered.is_set)
    try:
        yield window
    finally:
        window.remember()
        await app_module.shut_down(window)
        window.close_for_good()
        window.deleteLater()


def sizes(window: MainWindow) -> dict[str, tuple[int, int]]:
    docks = window.docks.docks
    return {name: docks[name].size().toTuple() for name in ("project", "performance", "console")}


@pytest.mark.parametrize("width", [0, 400])
async def test_panes_keep_their_places_from_start_to_start(theme: Theme, width: int) -> None:
    state = WindowState(has_samples=True)
    async with started(theme, state) as window:
        shares = round(window.width() * 0.2)
        await until(lambda: abs(window.docks.docks["project"].width() - shares) <= 2)
        if width:
            docks = window.docks.docks
            window.resizeDocks([docks["project"]], [width], Qt.Orientation.Horizontal)
            docks["jobs"].hide()
            await until(lambda: docks["project"].width() == width)
        before = sizes(window)
    for _start in range(2):
        async with started(theme, state) as window:
            await until(lambda: sizes(window) == before)
            assert window.docks.docks["jobs"].isHidden() is bool(width)


@pytest.mark.parametrize("layout", ["", "bm9uZQ==", "no base64"])
async def test_a_layout_that_is_none_costs_nothing(theme: Theme, layout: str) -> None:
    async with started(theme, WindowState(has_samples=True, layout=layout)) as window:
        shares = round(window.width() * 0.2)
        await until(lambda: abs(window.docks.docks["project"].width() - shares) <= 2)


async def test_small_message_goes_after_a_while_and_what_goes_on_stays(window: MainWindow) -> None:
    row = window.status_row
    window.say("The build is queued.")
    assert row.forgetting.isActive()
    row.forgetting.timeout.emit()
    assert row.message.text() == ""
    window.say("Joining…")
    assert not row.forgetting.isActive()
    assert row.message.text() == "Joining…"
