"""Jobs, builds and assets are filtered and sorted at a start as they were left."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox, QHeaderView

from slate_desktop.domain.assets.kinds import AssetJobStatus, AssetKind
from slate_desktop.domain.build import BuildStatus
from slate_desktop.ui.builds.table import PROJECT, WHEN
from slate_desktop.ui.jobs.rows import ASSET, DETAIL, KIND
from slate_desktop.ui.theme import Theme
from slate_desktop.ui.window import MainWindow
from slate_desktop.ui.window_state import WindowState, load_state, save_state, state_path
from tests.gui.conftest import until
from tests.gui.fakes import FakeSlate
from tests.gui.preview_files import write_png, write_wav
from tests.gui.test_window_layout import started

S = AssetJobStatus
JOBS = (("a.wav", S.FAILED), ("b.png", S.FAILED), ("c.png", S.COMPLETED), ("d.png", S.FAILED))
BUILDS = (BuildStatus.FAILED, BuildStatus.COMPLETED, BuildStatus.FAILED)


def filled(root: Path) -> FakeSlate:
    """A project with four jobs and, from the oldest to the newest, three builds."""
    slate = FakeSlate()
    project = slate.put_project("pong", str(root))
    for name, status in JOBS:
        kind = AssetKind.AUDIO if name.endswith("wav") else AssetKind.TEXTURE
        slate.put_asset_job(project.id, name, kind, status)
    for number, status in enumerate(BUILDS):
        slate.put_build(project.id, id=f"build-{number}", status=status)
    return slate


def jobs(window: MainWindow) -> list[str]:
    return [job.path for job in window.jobs.rows.jobs]


def builds(window: MainWindow) -> list[str]:
    return [build.id for build in window.builds.model.shown]


async def until_filled(window: MainWindow) -> None:
    await until(lambda: len(window.jobs.rows.known) == len(JOBS))
    await until(lambda: len(window.builds.model.builds) == len(BUILDS))


def click(header: QHeaderView, column: int) -> None:
    place = QPoint(header.sectionViewportPosition(column) + 12, header.height() // 2)
    QTest.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=place)


def press_down(states: QComboBox, times: int) -> None:
    for _ in range(times):
        QTest.keyClick(states, Qt.Key.Key_Down)


def show(window: MainWindow, name: str) -> None:
    window.docks.docks[name].show()
    window.docks.docks[name].raise_()


async def test_filters_and_order_come_back_at_the_next_start(
    theme: Theme, project_root: Path
) -> None:
    state = WindowState(has_samples=True)
    async with started(theme, state, filled(project_root)) as window:
        await until_filled(window)
        window.resize(1700, 900)
        show(window, "jobs")
        pane = window.jobs
        click(pane.view.header(), ASSET)
        click(pane.view.header(), ASSET)
        QTest.keyClicks(pane.filter.field, "PNG")
        press_down(pane.filter.states, 3)
        assert jobs(window) == ["d.png", "b.png"]
        show(window, "builds")
        click(window.builds.view.horizontalHeader(), WHEN)
        QTest.keyClicks(window.builds.field, "pong")
        press_down(window.builds.states, 4)
        assert builds(window) == ["build-0", "build-2"]
    save_state(state)
    async with started(theme, load_state(), filled(project_root)) as window:
        await until_filled(window)
        assert jobs(window) == ["d.png", "b.png"]
        pane, header = window.jobs, window.jobs.view.header()
        assert header.sortIndicatorSection() == ASSET
        assert header.sortIndicatorOrder() is Qt.SortOrder.DescendingOrder
        assert (pane.filter.field.text(), pane.filter.states.currentText()) == ("PNG", "Failed")
        marked = [a.text() for a in pane.filter.order.menu().actions() if a.isChecked()]
        assert marked == ["Asset", "Reversed"]
        assert builds(window) == ["build-0", "build-2"]
        assert window.builds.view.horizontalHeader().sortIndicatorSection() == WHEN
        assert window.builds.field.text() == "pong"
        assert window.builds.states.currentText() == "Failed"
        # The way back is the same as before.
        pane.filter.field.clear()
        pane.filter.states.setCurrentIndex(0)
        click(header, ASSET)
        assert jobs(window) == ["d.png", "c.png", "b.png", "a.wav"]


async def test_what_is_taken_back_is_forgotten(theme: Theme, project_root: Path) -> None:
    kept = {"text": "x", "state": "failed", "column": "asset", "descending": True}
    state = WindowState(has_samples=True, tables={"jobs": kept})
    async with started(theme, state, filled(project_root)) as window:
        await until_filled(window)
        pane = window.jobs
        assert jobs(window) == []
        pane.filter.field.clear()
        pane.filter.states.setCurrentIndex(0)
        pane.filter.order.menu().actions()[0].trigger()
    assert state.tables == {"jobs": {}, "builds": {}}


async def test_tables_that_were_never_made_stay_as_they_were_kept(theme: Theme) -> None:
    kept = {"jobs": {"text": "png"}, "builds": {"column": "made"}, "later": {"text": "x"}}
    state = WindowState(has_samples=True, tables=dict(kept))
    window = MainWindow(theme, state, lambda _on_step: None)  # type: ignore[arg-type]
    window.build()
    window.remember()
    assert state.tables == kept
    window.close_for_good()
    window.deleteLater()


@pytest.mark.parametrize(
    "kept",
    [
        None,
        [],
        "text",
        {"text": 3, "state": [], "column": {}, "descending": "yes"},
        {"state": "gone", "column": "a column of a later SLATE", "descending": True},
        {"column": "7", "text": "\n\0"},
    ],
)
async def test_damaged_values_cost_nothing(theme: Theme, project_root: Path, kept: Any) -> None:
    save_state(WindowState(has_samples=True))
    data = json.loads(state_path().read_text())
    state_path().write_text(json.dumps(data | {"tables": {"jobs": kept, "builds": kept}}))
    async with started(theme, load_state(), filled(project_root)) as window:
        await until_filled(window)
        assert jobs(window) == ["d.png", "c.png", "b.png", "a.wav"]
        assert len(builds(window)) == len(BUILDS)
        assert window.jobs.view.header().sortIndicatorSection() == -1
        assert window.builds.view.horizontalHeader().sortIndicatorSection() == -1


@pytest.mark.parametrize("tables", [None, [], 3])
async def test_tables_that_are_none_are_left_out(tables: Any) -> None:
    save_state(WindowState())
    data = json.loads(state_path().read_text())
    state_path().write_text(json.dumps(data | {"tables": tables}))
    assert load_state() == WindowState()


async def test_one_half_of_what_was_kept_is_enough(theme: Theme, project_root: Path) -> None:
    tables = {"jobs": {"column": "kind", "text": None}, "builds": {"column": "project"}}
    state = WindowState(has_samples=True, tables=tables)
    async with started(theme, state, filled(project_root)) as window:
        await until_filled(window)
        assert window.jobs.view.header().sortIndicatorSection() == KIND
        assert window.builds.view.horizontalHeader().sortIndicatorSection() == PROJECT
        # A pane too narrow for the column sorts by it all the same.
        window.jobs.view.setColumnHidden(DETAIL, True)
        assert jobs(window)[0] == "a.wav"


def assets(window: MainWindow) -> list[str]:
    browser = window.assets.browser
    return [entry.name for entry in browser.model.entries] if browser is not None else []


async def test_the_assets_come_back_as_they_were_looked_at(
    theme: Theme, project_root: Path
) -> None:
    for name in ("b_rock.png", "a_rock.png", "c_other.png"):
        write_png(project_root / name, 8, 8)
    write_wav(project_root / "rock.wav", 0.1)
    state = WindowState(has_samples=True)
    async with started(theme, state, filled(project_root)) as window:
        show(window, "assets")
        await until(lambda: len(assets(window)) == 4)
        bar = window.assets.browser.bar
        bar.chips["texture"].click()
        QTest.keyClicks(bar.field, "rock")
        press_down(bar.order, 2)
        bar.side.setValue(160)
        bar.as_list.click()
        await until(lambda: len(assets(window)) == 2)
    save_state(state)
    async with started(theme, load_state(), filled(project_root)) as window:
        show(window, "assets")
        await until(lambda: assets(window) and len(assets(window)) == 2)
        bar = window.assets.browser.bar
        assert bar.chips["texture"].isChecked()
        assert (bar.field.text(), bar.order.currentText()) == ("rock", "Size")
        assert (bar.side.value(), window.assets.browser.grid.side) == (160, 160)
        assert window.assets.browser.grid.is_list
        # Once all is taken back, nothing is kept.
        bar.chips["texture"].click()
        bar.field.clear()
        bar.order.setCurrentIndex(0)
        bar.side.setValue(112)
        bar.as_list.click()
        await until(lambda: len(assets(window)) == 4)
        window.remember()
        assert window.state.tables["assets"] == {}


@pytest.mark.parametrize(
    "kept",
    [
        "text",
        {"kinds": "texture", "text": 1, "state": [], "order": 4, "side": "x", "list": 1},
        {"kinds": [3, "gone"], "state": "gone", "order": "gone", "side": 10**12},
    ],
)
async def test_damaged_values_of_assets_cost_nothing(
    theme: Theme, project_root: Path, kept: Any
) -> None:
    write_png(project_root / "a.png", 8, 8)
    state = WindowState(has_samples=True, tables={"assets": kept})
    async with started(theme, state, filled(project_root)) as window:
        show(window, "assets")
        await until(lambda: assets(window) == ["a.png"])
        assert window.assets.browser.bar.order.currentIndex() == 0


async def test_a_kind_that_a_project_has_nothing_of_shows_that_it_is_chosen(
    theme: Theme, project_root: Path
) -> None:
    write_png(project_root / "a.png", 8, 8)
    state = WindowState(has_samples=True, tables={"assets": {"kinds": ["video"]}})
    async with started(theme, state, filled(project_root)) as window:
        show(window, "assets")
        await until(lambda: window.assets.browser is not None and window.assets.browser.entries)
        browser = window.assets.browser
        await until(lambda: browser.nothing.text() == "No asset fits.")
        assert browser.bar.chips["video"].isVisibleTo(browser.bar)
        browser.bar.chips["video"].click()
        await until(lambda: assets(window) == ["a.png"])
