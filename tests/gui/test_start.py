"""The start: nothing slow before the first paint, and a window that works with nothing there."""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import SIGNAL, QObject, Qt
from PySide6.QtWidgets import QApplication, QDialog

from slate_desktop.errors import StackError
from slate_desktop.settings import paths
from slate_desktop.settings.model import save_settings
from slate_desktop.ui import app as app_module
from slate_desktop.ui import icon_cache, icons
from slate_desktop.ui.held_log import HeldLog
from slate_desktop.ui.help_dialogs import LicenceList
from slate_desktop.ui.samples import add_samples
from slate_desktop.ui.tasks import TaskGroupOwner
from slate_desktop.ui.theme import Theme
from slate_desktop.ui.window import MainWindow
from slate_desktop.ui.window_state import WindowState, load_state, save_state, state_path
from tests.gui.conftest import until
from tests.gui.fakes import FakeSlate

SLOW = ("asyncpg", "docker", "nats", "numpy", "pyqtgraph", "rapidfuzz", "redis")


def test_nothing_slow_is_imported_before_the_first_paint() -> None:
    code = (
        "import sys, json, slate_desktop.ui.app;"
        f"print(json.dumps([m for m in {SLOW!r} if m in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []


def test_the_first_picture_is_noticed_when_it_is_painted(
    theme: Theme, qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app_module, "_PAINT_S", 10.0)
    window = MainWindow(theme, WindowState(), app_module.connector(None))
    window.show()
    assert app_module.paint_now(qapp, window)
    window.close_for_good()
    window.deleteLater()


async def test_window_shows_tree_steps_and_error_when_nothing_can_be_reached(
    theme: Theme, project_root: Path
) -> None:
    remembered = {"id": "p1", "name": "pong", "root": str(project_root), "engine": "godot"}
    calls: list[int] = []

    async def connect(on_step: object) -> object:
        calls.append(1)
        on_step("nats", "starting")  # type: ignore[operator]
        raise StackError("The disk is full", hint="Free some space.")

    state = WindowState(projects=[remembered, {"bad": 1}], project_id="p1")
    window = MainWindow(theme, state, connect)  # type: ignore[arg-type]
    window.build()
    window.show()
    window.binding.open_remembered()
    window.tasks.spawn(window.workspace.run(), "workspace", window)
    banner = window.start_page.banner
    await until(lambda: banner.isVisibleTo(window))
    assert "disk is full" in banner.why.text()
    assert "Free some space" in banner.next_step.text()
    assert window.start_page.steps["nats"][0] == "failed"
    model = window.projects.model
    await until(lambda: model.rowCount(model.index(0, 0)) == 3)
    assert not window.registry["session.start"].isEnabled()
    banner.action.click()
    await until(lambda: len(calls) >= 2)
    await app_module.shut_down(window)
    window.close_for_good()
    assert window.tasks.names == []
    window.deleteLater()


def test_state_survives_a_torn_file_and_foreign_values(tmp_path: Path) -> None:
    save_state(WindowState(theme="light", zoom=1.25, project_id="p"))
    assert load_state().theme == "light"
    assert state_path().stat().st_mode & 0o077 == 0
    state_path().write_text('{"theme": 3, "zoom": "x", "projects": [1], "unknown": {}}')
    assert load_state() == WindowState()
    state_path().write_text('{"theme": "li')
    assert load_state() == WindowState()


async def test_settings_file_that_cannot_be_used_is_told_and_its_backup_is_used(
    window: MainWindow, own_logging: logging.Logger
) -> None:
    paths.config_dir().mkdir(parents=True, exist_ok=True)
    paths.settings_file().write_text("theme = [")
    backup = paths.settings_file().with_name("settings.toml.bak")
    backup.write_text('theme = "light"\nlog_level = "debug"\n')
    await app_module.read_settings(window)
    notices = window.workspace.notices
    assert notices is not None
    (notice,) = [item for item in notices.items if item.level == "warning"]
    assert "settings.toml was ignored" in notice.text
    assert "settings.toml.bak is used" in notice.text
    assert window.theme.choice == "light"
    assert own_logging.level == logging.DEBUG
    logging.getLogger("slate_desktop.test").debug("written")
    assert "written" in (paths.log_dir() / "desktop.log").read_text()


async def test_theme_of_the_settings_wins_once_and_then_what_is_chosen_in_the_window(
    window: MainWindow, own_logging: logging.Logger
) -> None:
    assert window.theme.choice == "dark"
    save_settings({"theme": "light", "log_level": "error"})
    await app_module.read_settings(window)
    assert window.theme.choice == "light"
    window.theme.set_choice("system")
    await app_module.read_settings(window)
    assert window.theme.choice == "system"
    save_settings({"theme": "dark"})
    await app_module.read_settings(window)
    assert window.theme.choice == "dark"
    assert own_logging.level == logging.ERROR


async def test_setting_of_the_environment_that_cannot_be_used_costs_nothing_here(
    window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLATE_THEME", "purple")
    await app_module.read_settings(window)
    assert window.theme.choice == "dark"


async def test_the_first_start_brings_a_sample_to_run_and_one_to_build(slate: FakeSlate) -> None:
    projects = await add_samples(slate)  # type: ignore[arg-type]
    assert [project.name for project in projects] == ["hello-runtime", "godot-pulse", "hello-build"]
    assert "[build]" in (Path(projects[2].root) / "slate.toml").read_text(encoding="utf-8")


async def test_panes_behind_other_tabs_are_made_when_they_are_seen(
    theme: Theme, project_root: Path
) -> None:
    async def connect(_on_step: object) -> object:
        raise StackError("The disk is full")

    window = MainWindow(theme, WindowState(), connect)  # type: ignore[arg-type]
    window.build()
    window.show()
    window.tasks.spawn(window.workspace.run(), "workspace", window)
    await until(window.workspace.answered.is_set)
    places = window.late.places
    await until(lambda: window.centre.isVisible())
    # Nothing was kept to show, and nothing is no reason to make a pane.
    await until(lambda: not {"show what was kept", "follow assets"} & set(window.tasks.names))
    assert [name for name, place in places.items() if not place.layout().isEmpty()] == []
    assert "not connected" in window.registry["build.start"].toolTip()
    assert not window.registry["jobs.add"].isEnabled()
    window.docks.docks["jobs"].raise_()
    await until(lambda: not places["jobs"].layout().isEmpty())
    assert places["builds"].layout().isEmpty()
    assert window.jobs.isVisibleTo(window)
    await app_module.shut_down(window)
    window.close_for_good()
    assert places["builds"].layout().isEmpty()
    window.deleteLater()


async def test_a_window_that_is_closed_at_once_keeps_its_icons_for_the_next_start(
    theme: Theme, slate: FakeSlate
) -> None:
    async def connect(_on_step: object) -> FakeSlate:
        return slate

    icon_cache.shapes.cache_clear()
    icons._shape.cache_clear()
    icons._render.cache_clear()
    icons._icon.cache_clear()
    window = MainWindow(theme, WindowState(), connect)  # type: ignore[arg-type]
    window.build()
    await app_module.shut_down(window)
    window.close_for_good()
    window.deleteLater()
    icon_cache.shapes.cache_clear()
    assert icon_cache.shapes().get("play", round(16 * window.devicePixelRatio()))


async def test_panes_behind_other_tabs_come_with_the_connection(window: MainWindow) -> None:
    places = window.late.places
    await until(lambda: not any(place.layout().isEmpty() for place in places.values()))
    await until(window.registry["jobs.add"].isEnabled)


async def test_an_action_has_its_icon_when_it_is_taken_or_its_menu_opens(
    window: MainWindow,
) -> None:
    registry = window.registry
    about = next(action for spec, action in registry.all() if spec.id == "help.about")
    assert about.icon().isNull()
    menu = next(m.menu() for m in window.menuBar().actions() if m.text() == "&Help")
    menu.aboutToShow.emit()
    assert not about.icon().isNull()
    assert not registry["session.restart"].icon().isNull()


async def test_about_names_every_part_with_its_licence(window: MainWindow) -> None:
    window.registry["help.about"].trigger()
    await until(lambda: window.findChild(LicenceList) is not None)
    parts = window.findChild(LicenceList)
    assert parts is not None
    (item,) = parts.parts.findItems("msgspec", Qt.MatchFlag.MatchExactly, 0)
    parts.parts.setCurrentItem(item)
    assert "Redistribution" in parts.text.toPlainText()
    dialog = parts.window()
    assert isinstance(dialog, QDialog)
    dialog.reject()


async def test_ended_tasks_leave_nothing_at_their_owner(qapp: object) -> None:
    owner, tasks = QObject(), TaskGroupOwner(lambda _error, _name: None)

    async def nothing() -> None:
        return

    left: list[int] = []
    for _ in range(3):
        task = tasks.spawn(nothing(), "nothing", owner)
        assert task is not None
        await task
        await asyncio.sleep(0)
        left.append(owner.receivers(SIGNAL("destroyed(QObject*)")))
    assert left[0] == left[-1]  # Qt's binding keeps one of its own


def test_what_is_logged_at_the_start_reaches_the_log_that_comes_later(
    own_logging: logging.Logger,
) -> None:
    held = HeldLog()
    log = logging.getLogger("slate_desktop.test")
    log.info("early")
    log.warning("early too")
    records: list[str] = []

    class Late(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(record.getMessage())

    own_logging.addHandler(Late())
    own_logging.setLevel(logging.WARNING)
    held.pass_on()
    held.pass_on()
    assert records == ["early too"]
    assert held not in own_logging.handlers
