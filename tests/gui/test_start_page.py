"""The start page once SLATE is connected: recent and pinned projects, what runs, first steps."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QLabel, QToolButton

from slate_desktop.domain.session import SessionStatus
from slate_desktop.errors import DatabaseError
from slate_desktop.ui.app import read_settings
from slate_desktop.ui.window import MainWindow
from tests.gui.conftest import until
from tests.gui.fakes import FakeSlate


async def shown(window: MainWindow):
    window.registry["view.start"].trigger()
    page = window.binding.start_page
    assert page is not None
    await until(lambda: page.isVisibleTo(window))
    assert window.centre.currentWidget() is window.start_page
    return page


async def test_recent_projects_lead_back_and_pins_come_first(
    window: MainWindow, slate: FakeSlate, tmp_path: Path
) -> None:
    (tmp_path / "chess").mkdir()
    slate.put_project("chess", str(tmp_path / "chess"))
    await window.workspace.refresh_projects()
    page = await shown(window)
    await until(lambda: [row.title for row in page.recent.rows] == ["pong", "chess"])
    chess = page.recent.rows[1].id
    (pin,) = [b for b in page.recent.findChildren(QToolButton) if "chess" in b.accessibleName()]
    pin.click()
    assert [row.title for row in page.recent.rows] == ["chess", "pong"]
    assert window.state.pinned == [chess]
    button = page.recent.button(chess)
    assert button is not None
    button.click()
    assert window.workspace.current_project_id == chess
    assert window.centre.currentWidget() is window.details
    assert window.state.recent[0] == chess


async def test_what_runs_is_listed_and_leads_to_its_session(
    window: MainWindow, slate: FakeSlate
) -> None:
    await until(lambda: window.registry["session.start"].isEnabled())
    window.registry["session.start"].trigger()
    await until(lambda: any(s.status is SessionStatus.RUNNING for s in slate.sessions.values()))
    page = await shown(window)
    session_id = next(iter(slate.sessions))
    await until(lambda: [row.id for row in page.running.rows] == [session_id])
    await until(lambda: "session" in window.state.guide_done)
    await slate.move(session_id, SessionStatus.STOPPED)
    await until(lambda: page.running.rows == ())
    assert window.centre.currentWidget() is window.start_page


async def test_a_session_that_cannot_start_is_told_in_front_of_the_page(
    window: MainWindow, slate: FakeSlate
) -> None:
    slate.refuse["start"] = DatabaseError("The disk of the database is full.")
    await until(lambda: window.registry["session.start"].isEnabled())
    page = await shown(window)
    page.guide.buttons["session"].click()
    await until(lambda: window.details.banner.isVisible())
    assert "disk of the database is full" in window.details.banner.why.text()
    await until(page.guide.buttons["session"].isEnabled)


async def test_focus_goes_from_a_step_to_the_next(window: MainWindow) -> None:
    page = await shown(window)
    window.activateWindow()
    await until(window.isActiveWindow)
    guide = page.guide
    guide.show_done([])
    guide.buttons["session"].setFocus()
    guide.show_done([], "session")
    assert QApplication.focusWidget() is guide, "not on what begins something else"
    guide.show_done(["session"])
    assert QApplication.focusWidget() is guide.buttons["asset"]


async def test_choosing_in_the_tree_leaves_the_page(window: MainWindow) -> None:
    await shown(window)
    window.projects.project_selected.emit(window.workspace.projects[0].id)
    assert window.centre.currentWidget() is window.details


async def test_a_raised_pane_comes_to_the_front_and_notifications_stay_above(
    window: MainWindow,
) -> None:
    window.workspace.notify("warning", "Something to know")
    docks = window.docks.docks
    for name in ("jobs", "builds", "console"):
        docks[name].raise_()
        await until(lambda name=name: not docks[name].visibleRegion().isEmpty())
        others = {"jobs", "builds", "console"} - {name}
        assert all(docks[other].visibleRegion().isEmpty() for other in others)
        assert window.children()[-1] is window.toasts


async def test_hidden_steps_stay_hidden(window: MainWindow) -> None:
    page = await shown(window)
    assert page.guide.isVisibleTo(window)
    page.guide.hide_button.click()
    assert not page.guide.isVisibleTo(window)
    assert window.state.has_hidden_guide


async def test_a_step_starts_the_sample_and_brings_a_removed_one_back(
    window: MainWindow, slate: FakeSlate
) -> None:
    page = await shown(window)
    page.guide.buttons["session"].click()
    assert page.guide.buttons["session"].text() == "Start it"
    await until(lambda: "session" in window.state.guide_done)
    await until(lambda: page.guide.buttons["session"].text() == "Again")
    assert any(project.name == "hello-runtime" for project in slate.projects.values())
    assert window.centre.currentWidget() is window.start_page
    (session,) = slate.sessions.values()
    assert slate.projects[session.project_id].name == "hello-runtime"


@pytest.mark.parametrize("name", ["session", "asset"])
async def test_a_step_that_fails_says_why_and_can_be_tried_again(
    window: MainWindow, slate: FakeSlate, name: str
) -> None:
    slate.refuse["add_project"] = DatabaseError("The disk of the database is full.")
    page = await shown(window)
    page.guide.buttons[name].click()
    await until(lambda: window.details.banner.isVisibleTo(window))
    assert "disk of the database is full" in window.details.banner.why.text()
    await until(page.guide.buttons[name].isEnabled)
    assert window.state.guide_done == []


async def test_servers_elsewhere_are_connected_to_and_not_started(
    window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLATE_NATS_URL", "tls://sbx01.example:4222")
    window.workspace.answered.clear()
    reading = asyncio.create_task(read_settings(window))
    page = window.start_page
    await until(lambda: any("sbx01.example" in label.text() for label in page.findChildren(QLabel)))
    shown = [label.text() for label in page.findChildren(QLabel) if not label.isHidden()]
    assert "Connecting to sbx01.example." in shown
    assert "PostgreSQL" in shown
    assert "Sample project" not in shown
    window.workspace.answered.set()
    await reading
