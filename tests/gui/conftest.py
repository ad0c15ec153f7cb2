"""A qasync loop for every test here, a window on a scripted client, and guards against leaks."""

from __future__ import annotations

import asyncio
import faulthandler
import gc
import logging
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("PySide6", reason="not on this platform: Qt is not installed")

import pytestqt.plugin
from PySide6.QtCore import Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from slate_desktop.ui import app as app_module
from slate_desktop.ui.loop import Loop
from slate_desktop.ui.theme import Theme
from slate_desktop.ui.window import MainWindow
from slate_desktop.ui.window_state import WindowState
from tests.gui.fakes import FakeSlate

# How long a test or a fixture may wait, and a test in all before its process is ended, seconds.
LIMIT_S = 100.0
BLOCKED_S = 300.0


class TestLoop(Loop):
    """The window's loop, which gives up by itself and does not look at Qt's events at its end.

    While it waits inside Qt no signal reaches Python, so that no other time limit can end it.

    WORKAROUND(qasync 0.28): its last look at the events runs steps of other tasks while no loop is
    running, which they notice. A program ends there; fixtures and tests go on.
    """

    __test__ = False

    def run_until_complete(self, future: Any) -> Any:
        future = asyncio.ensure_future(future, loop=self)
        future.add_done_callback(lambda _: self.stop())
        limit = self.call_later(LIMIT_S, self.stop)
        self.run_forever()
        limit.cancel()
        if not future.done():
            waiting = "\n".join(repr(task) for task in asyncio.all_tasks(self))
            raise TimeoutError(f"not done after {LIMIT_S:.0f} s; there were:\n{waiting}")
        return future.result()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this directory needs Qt."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.gui)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Tell where a test blocks outside of Python, and end its process: no suite waits for ever."""
    faulthandler.dump_traceback_later(BLOCKED_S, exit=True, file=sys.__stderr__)
    try:
        return (yield)
    finally:
        faulthandler.cancel_dump_traceback_later()


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run coroutines on Qt's loop, as the program does."""

    def make() -> asyncio.AbstractEventLoop:
        return TestLoop(QApplication.instance() or QApplication([]))

    return {"qasync": make}


# WORKAROUND(pytest-qt 4.5): it handles Qt events between set-up, call and tear-down, which runs
# steps of coroutines while their loop is not running. It can go when a test can opt out of that.
pytestqt.plugin._process_events = lambda: None


def _no_moving(*_arguments: object, **_keywords: object) -> None:
    raise AssertionError("QTest.mouseMove loses steps of coroutines: take mouse.move_mouse.")


# It handles Qt's events inside the coroutine that calls it. A step of another task that comes then
# is refused by asyncio ("cannot enter into task") and lost: that task waits for ever.
QTest.mouseMove = _no_moving  # type: ignore[method-assign]


@pytest.fixture(autouse=True)
def collection_between_tests() -> Iterator[None]:
    """Collect as the program does: never in a worker, which would take Qt objects apart there."""
    gc.disable()
    yield
    gc.collect()
    gc.enable()


@pytest.fixture(autouse=True)
def no_key_is_held(qapp: QApplication) -> Iterator[None]:
    """Let go of the keys: Qt's tests leave a Shift or Ctrl that was pressed with another one."""
    yield
    if QApplication.keyboardModifiers() is not Qt.KeyboardModifier.NoModifier:
        QTest.keyRelease(QWidget(), Qt.Key.Key_Shift)


@pytest.fixture(autouse=True)
def own_directories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test touches the user's settings or data."""
    for name in ("DATA", "CONFIG", "CACHE"):
        monkeypatch.setenv(f"SLATE_{name}_DIR", str(tmp_path / name.lower()))


@pytest.fixture
def theme(qapp: QApplication) -> Iterator[Theme]:
    theme = Theme(qapp)
    yield theme
    theme.deleteLater()


@pytest.fixture
def own_logging() -> Iterator[logging.Logger]:
    """The root logger, put back as it was."""
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    yield root
    for handler in set(root.handlers) - set(handlers):
        root.removeHandler(handler)
        handler.close()
    root.setLevel(level)


async def until(condition: Callable[[], object], timeout_s: float = 60.0) -> None:
    """Wait until ``condition`` holds, letting Qt work meanwhile."""
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - the condition is the world's, not a coroutine's
            await asyncio.sleep(0.01)


@pytest.fixture
async def slate() -> FakeSlate:
    slate = FakeSlate()
    await slate.events.open()
    return slate


@pytest.fixture
def project_root(tmp_path: Path) -> Path:
    root = tmp_path / "pong"
    (root / "levels").mkdir(parents=True)
    (root / "project.godot").write_text("config_version=4\n")
    (root / "levels" / "one.tscn").write_text("x")
    return root


@pytest.fixture
async def window(theme: Theme, slate: FakeSlate, project_root: Path) -> AsyncIterator[MainWindow]:
    """A connected window with one project, shut down in order; nothing may be left behind."""
    slate.put_project("pong", str(project_root))

    async def connect(_on_step: object) -> FakeSlate:
        return slate

    window = MainWindow(theme, WindowState(has_samples=True), connect)  # type: ignore[arg-type]
    window.build()
    window.show()
    window.tasks.spawn(window.workspace.run(), "workspace", window)
    await until(lambda: window.centre.currentWidget() is window.details)
    yield window
    await app_module.shut_down(window)
    window.close_for_good()
    assert slate.is_closed
    assert window.tasks.names == []
    window.hide()
    assert not [
        t
        for t in window.findChildren(QTimer)
        if t.isActive() and not t.isSingleShot() and t.interval() < 100
    ]
    window.deleteLater()
    await asyncio.sleep(0)
    left = [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
    assert [t.get_name() for t in left if "slate" in repr(t)] == []
