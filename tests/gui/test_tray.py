"""The tray: what runs by name and number, showing, stopping and ending; closing only hides."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QSystemTrayIcon

from slate_desktop.domain.session import SessionStatus
from slate_desktop.ui import tray as tray_module
from slate_desktop.ui.tray import Tray, add_tray
from slate_desktop.ui.window import MainWindow
from tests.gui.conftest import until
from tests.gui.fakes import FakeSlate


class FakeIcon(QSystemTrayIcon):
    """Stands in a tray that is not there, and keeps what it was told to say."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []

    def showMessage(self, title: str, *_: object) -> None:  # type: ignore[override]
        self.told.append(title)


@pytest.fixture
def tray(window: MainWindow) -> Tray:
    window.tray = Tray(window, FakeIcon(), keeps=False)
    return window.tray


def titles(menu: QMenu) -> list[str]:
    return [action.text() for action in menu.actions() if not action.isSeparator()]


def entry(menu: QMenu, text: str) -> QAction:
    return next(action for action in menu.actions() if action.text().startswith(text))


def inner(action: QAction) -> QMenu:
    menu = action.menu()
    assert isinstance(menu, QMenu)
    return menu


async def start(window: MainWindow, slate: FakeSlate) -> str:
    known = set(slate.sessions)
    await until(lambda: window.registry["session.start"].isEnabled())
    window.registry["session.start"].trigger()
    await until(
        lambda: any(
            s.status is SessionStatus.RUNNING for i, s in slate.sessions.items() if i not in known
        )
    )
    return next(name for name in slate.sessions if name not in known)


async def test_it_shows_what_runs(window: MainWindow, slate: FakeSlate, tray: Tray) -> None:
    assert not tray.icon.isVisible()
    assert tray.icon.toolTip() == "SLATE: Nothing runs"
    assert titles(tray.menu) == ["Nothing runs", "Show SLATE", "Quit SLATE"]
    session_id = await start(window, slate)
    await until(lambda: "running" in titles(tray.menu)[1])
    assert tray.icon.isVisible()
    assert tray.icon.toolTip() == "SLATE: 1 session runs"
    assert titles(tray.menu)[:2] == [
        "1 session runs",
        f"pong · {session_id[:8]}  –  running",
    ]
    await slate.move(session_id, SessionStatus.STOPPED)
    await until(lambda: not tray.icon.isVisible())
    assert titles(tray.menu) == ["Nothing runs", "Show SLATE", "Quit SLATE"]


async def test_a_session_is_stopped_and_shown_from_there(
    window: MainWindow, slate: FakeSlate, tray: Tray
) -> None:
    session_id = await start(window, slate)
    await until(lambda: "running" in titles(tray.menu)[1])
    window.workspace.choose_project(window.workspace.projects[0].id)
    window.hide()
    entry(inner(entry(tray.menu, "pong")), "Show").trigger()
    assert window.isVisible()
    session = window.workspace.session
    assert session is not None
    assert session.id == session_id
    entry(inner(entry(tray.menu, "pong")), "Stop").trigger()
    await until(lambda: ("stop", session_id) in slate.calls)
    await until(lambda: not slate.sessions[session_id].is_live)
    await until(lambda: titles(tray.menu)[0] == "Nothing runs")


async def test_closing_hides_the_window_where_it_is_wanted(
    window: MainWindow, slate: FakeSlate, tray: Tray
) -> None:
    ended: list[bool] = []
    window.close_wanted.connect(lambda: ended.append(True))
    tray.set_keeps(True)
    assert tray.icon.isVisible()
    window.close()
    assert not window.isVisible()
    assert ended == []
    assert isinstance(tray.icon, FakeIcon)
    assert tray.icon.told == ["SLATE runs on in the tray"]
    tray.icon.activated.emit(QSystemTrayIcon.ActivationReason.Trigger)
    assert window.isVisible()
    window.close()
    assert len(tray.icon.told) == 1, "it is told once"
    entry(tray.menu, "Show SLATE").trigger()
    assert window.isVisible()
    entry(tray.menu, "Quit SLATE").trigger()
    assert ended == [True]
    window.registry["app.quit"].trigger()
    assert ended == [True, True]


async def test_closing_ends_the_program_by_default(window: MainWindow, tray: Tray) -> None:
    ended: list[bool] = []
    window.close_wanted.connect(lambda: ended.append(True))
    window.close()
    assert ended == [True]


async def test_there_is_nothing_of_it_without_a_tray(
    window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QSystemTrayIcon, "isSystemTrayAvailable", staticmethod(lambda: False))
    add_tray(window, keeps=True)
    assert window.tray is None
    monkeypatch.setattr(QSystemTrayIcon, "isSystemTrayAvailable", staticmethod(lambda: True))
    add_tray(window, keeps=True)
    assert window.tray is not None
    assert window.tray.keeps


async def test_names_stay_short_and_plain(
    window: MainWindow, slate: FakeSlate, tray: Tray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(window, "session_title", lambda _: "a & b\u202e\n" + "x" * 200)
    await start(window, slate)
    await until(lambda: "running" in titles(tray.menu)[1])
    shown = titles(tray.menu)[1]
    assert shown.startswith("a && b x")
    assert len(shown) < tray_module._MAX_NAME + 20
