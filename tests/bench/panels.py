"""How long panels, dialogs and the palette take from the command until they are painted.

The window is the product's own, connected to its stack. Each dock is closed and opened again by its
action, each dialog that an action opens is opened by it; the first time includes what is imported
and made then. The dialogs that need a state of their own are made as the tests make them.

Compared is the processor time of the window's thread; the note says what a clock on the wall saw.
Only what is waited for is listened to: a filter of all events of the program, 3,000 for a dialog,
takes a quarter of the time that it is to measure.
"""

from __future__ import annotations

import asyncio
import compileall
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

import shiboken6
from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QDialog, QWidget

import slate_desktop
from slate_desktop.control import Slate
from slate_desktop.ui import app as app_module
from slate_desktop.ui import dialogs
from slate_desktop.ui.loop import Loop
from slate_desktop.ui.theme import Theme
from slate_desktop.ui.window import MainWindow
from slate_desktop.ui.window_state import WindowState
from tests.bench.display import virtual_display
from tests.bench.harness import Result
from tests.bench.program import own_stack
from tests.bench.qt import application

LIMIT_MS = 100.0
AGAIN = 3
_CALM_S = 0.4
_TIMEOUT_S = 20.0
DIALOG_ACTIONS = (
    "settings.open",
    "help.keys",
    "help.news",
    "help.about",
    "help.support",
    "project.add",
    "project.alerts",
    "project.logs",
    "project.members",
    "audit.show",
    "server.choose",
)
PALETTE_ACTIONS = ("palette.commands", "palette.places")
# Wall and processor time in milliseconds.
Times = tuple[float, float]


class _Watcher(QObject):
    """Notes the turn of the loop after the first painting of what it listens to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: QWidget | None = None
        self.painted = asyncio.Event()
        self.at = (0.0, 0.0)
        self._listened: list[QWidget] = []

    def listen(self, *widgets: QWidget) -> None:
        """Listen to these, too."""
        for widget in widgets:
            widget.installEventFilter(self)
            self._listened.append(widget)

    def end(self) -> None:
        """Listen to nothing any more."""
        for widget in self._listened:
            if shiboken6.isValid(widget):
                widget.removeEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if self.found is None and isinstance(event, QPaintEvent) and isinstance(watched, QWidget):
            self.found = watched
            QTimer.singleShot(0, self._note)
        return False

    def _note(self) -> None:
        self.at = (time.perf_counter(), time.thread_time())
        self.painted.set()


async def _opened(
    open_it: Callable[[_Watcher], object], name: str, *known: QWidget
) -> tuple[Times, QWidget]:
    await asyncio.sleep(_CALM_S)
    watcher = _Watcher()
    watcher.listen(*known)
    begin = (time.perf_counter(), time.thread_time())
    open_it(watcher)
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            await watcher.painted.wait()
    except TimeoutError:
        raise SystemExit(f"{name} was not painted within {_TIMEOUT_S:.0f} s") from None
    finally:
        watcher.end()
    assert watcher.found is not None
    wall, cpu = ((end - start) * 1e3 for start, end in zip(begin, watcher.at, strict=True))
    return (wall, cpu), watcher.found


@contextmanager
def _as_they_come(watcher: _Watcher) -> Iterator[None]:
    """Listen to each dialog before it is opened; every one gets its help then."""
    original = dialogs.add_help

    def add_help(dialog: QDialog) -> None:
        original(dialog)
        watcher.listen(dialog)

    with mock.patch.object(dialogs, "add_help", add_help):
        yield


class Panels:
    """The times of one window.

    Attributes:
        first: of each name, the first time.
        again: of each name, the slowest of the next ones.
    """

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self.first: dict[str, Times] = {}
        self.again: dict[str, Times] = {}

    def _note(self, name: str, times: Times) -> None:
        if name not in self.first:
            self.first[name] = times
        else:
            self.again[name] = max(self.again.get(name, times), times, key=lambda t: t[1])

    async def docks(self) -> None:
        """Close each dock and open it by its action."""
        for name, dock in self._window.docks.docks.items():
            for _ in range(1 + AGAIN):
                dock.close()
                action = self._window.registry[f"view.{name}"]
                times, _ = await _opened(
                    lambda _, action=action, dock=dock: (action.trigger(), dock.raise_()),
                    name,
                    dock,
                    *dock.findChildren(QWidget),
                )
                self._note(f"dock {name}", times)

    async def dialogs(self) -> None:
        """Open what actions open."""
        for name in DIALOG_ACTIONS:
            action = self._window.registry[name]
            if not action.isEnabled():
                raise SystemExit(f"{name} is not enabled: {action.toolTip()}")
            for _ in range(1 + AGAIN):
                with ExitStack() as stack:

                    def open_it(watcher: _Watcher, action=action, stack=stack) -> None:
                        stack.enter_context(_as_they_come(watcher))
                        action.trigger()

                    times, found = await _opened(open_it, name)
                self._note(name, times)
                found.window().close()

    async def palette(self) -> None:
        """Open the palette of commands and of places."""
        for name in PALETTE_ACTIONS:
            for _ in range(1 + AGAIN):

                def open_it(watcher: _Watcher, name=name) -> None:
                    self._window.registry[name].trigger()
                    watcher.listen(self._window.palette_)  # made by the first one

                times, _ = await _opened(open_it, name)
                self._note(name, times)
                self._window.palette_.close_palette()

    async def made_dialogs(self, folder: Path) -> None:
        """Make the other dialogs as the tests do, which have imported them."""
        from slate_desktop.ui.settings.dialog import SettingsDialog
        from tests.gui.dialog_makers import DIALOGS

        for kind, make in DIALOGS:
            if kind is SettingsDialog:  # its action opens it; as made for tests it is whole at once
                continue
            for _ in range(AGAIN):

                def open_it(watcher: _Watcher, make=make) -> None:
                    dialog = make(self._window, folder)
                    watcher.listen(dialog)
                    dialog.show()

                times, found = await _opened(open_it, kind.__name__)
                name = kind.__name__
                self.again[name] = max(self.again.get(name, times), times, key=lambda t: t[1])
                found.window().close()
                found.window().deleteLater()


async def _measure(folder: Path) -> Panels:
    theme = Theme(application())

    async def connect(_on_step: object) -> Slate:
        return await Slate.connect("local")

    window = MainWindow(theme, WindowState(has_samples=True), connect)  # type: ignore[arg-type]
    window.build()
    window.resize(1400, 900)
    window.show()
    window.tasks.spawn(window.workspace.run(), "workspace", window)
    panels = Panels(window)
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            await window.workspace.answered.wait()
            # What a window reads after its start is there when somebody opens a dialog.
            await app_module.read_settings(window)
        project = await window.workspace.add_project(folder, "panels", "custom", ["true"])
        window.workspace.choose_project(project.id)
        await panels.docks()
        await panels.palette()
        await panels.dialogs()
        await panels.made_dialogs(folder)
    finally:
        await app_module.shut_down(window)
        window.close_for_good()
    return panels


def run() -> list[Result]:
    """Open everything; the slowest against the limit."""
    # As after an installation, also where this Python keeps no bytecode of what it imports.
    compileall.compile_dir(Path(slate_desktop.__file__).parent, quiet=1)
    with (
        TemporaryDirectory() as directory,
        virtual_display(),
        own_stack() as environment,
        mock.patch.dict(os.environ, environment),
    ):
        (folder := Path(directory) / "panels").mkdir()
        app = application()
        with asyncio.Runner(loop_factory=lambda: Loop(app)) as runner:
            panels = runner.run(_measure(folder))
    results = []
    for title, found in (("first opening", panels.first), ("opened again", panels.again)):
        result = Result(f"Panels and dialogs, {title}", "limit", "ms", higher_is_better=False)
        slowest = sorted(found.items(), key=lambda item: -item[1][1])
        result.peer_values = [LIMIT_MS]
        result.our_values = [slowest[0][1][1]]
        words = ", ".join(f"{name} {cpu:.0f} ({wall:.0f})" for name, (wall, cpu) in slowest[:6])
        result.note = f"the slowest of {len(found)}, processor time (on the wall): {words}"
        result.show()
        results.append(result)
    return results


if __name__ == "__main__":
    run()
