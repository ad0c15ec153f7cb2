"""The entry point of the window: one thread, one loop, an orderly end.

The window is painted before anything slow is imported or connected; ``run`` then starts the rest.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

os.environ.setdefault("QT_API", "pyside6")

import slate_desktop.ui.plain_imports  # noqa: F401

# isort: split
from PySide6.QtCore import QEventLoop, QProcess, QTimer
from PySide6.QtWidgets import QApplication

from slate_desktop import __version__
from slate_desktop.ui import crash
from slate_desktop.ui.garbage import Collector, calm_collector
from slate_desktop.ui.held_log import HeldLog
from slate_desktop.ui.language import read_setting, speak
from slate_desktop.ui.painted import PaintWatcher, painted
from slate_desktop.ui.startup import is_measured, mark
from slate_desktop.ui.theme import Theme
from slate_desktop.ui.window import MainWindow
from slate_desktop.ui.window_state import load_state, save_state

if TYPE_CHECKING:
    import asyncio

    from slate_desktop.control.client import Slate
    from slate_desktop.ui.workspace import Connect

log = logging.getLogger(__name__)
# SIGTERM to exit within 5 s, whatever hangs.
_SHUTDOWN_S = 4.0
_TASKS_S = 1.5
_SIGNAL_POLL_MS = 250
_PAINT_S = 0.5
_CALM_S = 4.0
_MARK_MS = 10_000


def main(argv: Sequence[str] | None = None) -> int:
    """Open the window and return the exit code when it has closed."""
    options = _parse(argv if argv is not None else sys.argv[1:])
    held_log = HeldLog()
    app = _application()
    Collector(app)
    state = load_state()
    theme = Theme(app, choice=state.theme, zoom=state.zoom, has_sheet=False)
    with crash.nets(lambda error: _tell(error)):
        window = MainWindow(theme, state, connector(options.profile))
        window.held_log = held_log
        window.wanted, window.profile = options.path, options.profile or ""
        window.show()
        paint_now(app, window)
        mark("painted")
        speak(app, read_setting(state.language))
        # Not at the top: asyncio takes as long to read as a bare window takes to paint.
        import asyncio

        from slate_desktop.ui.loop import Loop

        with asyncio.Runner(loop_factory=lambda: Loop(app)) as runner:
            try:
                code = runner.run(run(window))
            finally:
                held_log.pass_on()
        if window.next_profile is not None:
            open_anew(window.next_profile)
        return code


async def run(window: MainWindow) -> int:
    """Live until the window is to close, then end everything in order."""
    import asyncio

    loop = asyncio.get_running_loop()
    closing = asyncio.Event()
    window.close_wanted.connect(lambda: _close(window, closing.set))
    loop.set_exception_handler(crash.loop_handler(lambda error: window.show_error(error)))
    with _signals(loop, closing.set):
        if not window.is_built:
            window.build()
        window.workspace.connected.connect(lambda: _mark_usable(window))
        # numpy would hold up the connection; there is nothing to draw before it.
        window.workspace.connected.connect(
            lambda: window.tasks.spawn(_load_graphs(window), "graphs", window)
        )
        window.binding.open_remembered()
        window.documents.restore(window.state.documents)
        if window.wanted:
            from slate_desktop.ui.links import open_wanted

            window.tasks.spawn(open_wanted(window, window.wanted), "open path", window)
        window.tasks.spawn(window.workspace.run(), "workspace", window)
        window.tasks.spawn(read_settings(window), "settings", window)
        window.tasks.spawn(_load_previews(window), "previews", window)
        await closing.wait()
        window.setEnabled(False)
        window.remember()
        try:
            async with asyncio.timeout(_SHUTDOWN_S):
                await shut_down(window)
        except TimeoutError:
            log.warning("the window closed before everything had ended")
        save_state(window.state)
        window.close_for_good()
    return 0


async def read_settings(window: MainWindow) -> None:
    """Take what the settings say of the window, and tell of a file that was not used."""
    import asyncio
    from urllib.parse import urlsplit

    from slate_desktop.errors import SettingsError
    from slate_desktop.settings.model import load_settings
    from slate_desktop.translation import sentence

    try:
        settings = await asyncio.to_thread(load_settings)
    except SettingsError:
        return  # connecting fails with it, and is told there
    if not settings.is_local and not window.workspace.answered.is_set():
        window.start_page.show_connecting(urlsplit(settings.nats_url or "").hostname or "")
    state = window.state
    if settings.theme is not None and settings.theme != state.theme_setting:
        window.theme.set_choice(settings.theme)
    state.theme_setting = settings.theme or ""
    if settings.reduced_motion:
        window.motion.set_reduced(True)
    state.language = settings.language
    # What follows is slow to import, and would hold up the connection.
    await window.workspace.answered.wait()
    await painted(window.documents)
    for note in settings.notes:
        window.workspace.notify(
            "warning", window.tr("Settings are not used as they stand"), sentence(note)
        )
    from slate_desktop.ui.tray import add_tray

    add_tray(window, keeps=settings.keep_in_tray)
    await asyncio.to_thread(log_to_file, settings.log_level)
    if window.held_log is not None:
        window.held_log.pass_on()
    from slate_desktop.ui.help_dialogs import note_version

    if note_version(state):
        words = window.tr("SLATE is {version} now. What is new stands in the Help menu.")
        window.workspace.notify("success", words.format(version=__version__))
    if settings.update_feed:
        from slate_desktop.ui.updates import watch_feed

        window.tasks.spawn(watch_feed(window, settings.update_feed), "feed", window)
    from slate_desktop.ui.support.commands import offer_after_crash

    await offer_after_crash(window)


def log_to_file(level: str) -> None:
    """Write the window's own log, from ``level`` on, into the data directory."""
    from slate_desktop.log.setup import configure
    from slate_desktop.settings import files, paths

    configure(level, file=files.ensure_private_dir(paths.log_dir()) / "desktop.log")


async def shut_down(window: MainWindow) -> None:
    """Cancel tasks, stop watching, close the models, the broker, the database."""
    from slate_desktop.ui import icon_cache

    if window.tray is not None:
        window.tray.close()
    window.alerts.close()
    await window.tasks.aclose(_TASKS_S)
    # A window that was closed before it had come to rest has drawn its icons, too.
    await icon_cache.shapes().save()
    await window.offline.aclose()
    await window.documents.aclose()
    await window.late.aclose()
    await window.assets.aclose()
    await window.models.aclose()
    await window.reader.aclose()
    await window.sync.aclose()
    await window.binding.aclose()
    await window.workspace.aclose()


def _close(window: MainWindow, then: Callable[[], None]) -> None:
    if not window.is_built or not window.documents.unsaved:
        then()
        return
    window.tasks.spawn(window.document_commands.close_window(then), "close window", window)


def paint_now(app: QApplication, window: MainWindow) -> bool:
    """Put the first picture on the screen, before anything slow is imported.

    Returns whether it was painted in time.

    No event loop and no coroutine exists yet, so looking at Qt's events here nests nothing.
    """
    # What covers the window is painted, and not the window below it.
    watched = window.centralWidget() or window
    watcher = PaintWatcher(watched)
    deadline = time.monotonic() + _PAINT_S
    while not watcher.is_painted and time.monotonic() < deadline:
        app.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 20)
    watched.removeEventFilter(watcher)
    watcher.deleteLater()
    return watcher.is_painted


def open_anew(profile: str) -> bool:
    """Start the window again, on another profile; tells whether that was possible."""
    from slate_desktop.settings import paths

    command = ["-m", "slate_desktop", "desktop", "--profile", profile]
    is_started, _ = QProcess.startDetached(paths.python_program(), command)
    return is_started


def connector(profile: str | None) -> Connect:
    """Return how the workspace connects; the client is imported when it is first needed."""

    async def connect(on_step: Callable[[str, str], None]) -> Slate:
        from slate_desktop.control.client import Slate

        return await Slate.connect(profile, on_step=on_step)

    return connect


async def _load_previews(window: MainWindow) -> None:
    import asyncio

    from slate_desktop.ui import icon_cache
    from slate_desktop.ui.documents.kinds import preload

    # Whatever the start needs comes first.
    await asyncio.sleep(_CALM_S)
    await icon_cache.shapes().save()
    await preload(window.documents.context)


async def _load_graphs(window: MainWindow) -> None:
    import asyncio

    await painted(window.documents)
    # Plain code, which a thread may read.
    await asyncio.to_thread(__import__, "numpy")
    window.performance.make_graphs()
    calm_collector()


def _mark_usable(window: MainWindow) -> None:
    """Note the moment, once what the connection brought is on the screen."""
    if is_measured():
        watcher = PaintWatcher(window.documents, lambda: mark("usable"))
        window.documents.update()
        QTimer.singleShot(_MARK_MS, watcher, watcher.deleteLater)


class _Options(NamedTuple):
    path: str = ""
    profile: str | None = None


def _parse(argv: Sequence[str]) -> _Options:
    if not argv:  # as from a menu; reading the parser takes as long as making the window
        return _Options()
    import argparse

    parser = argparse.ArgumentParser(prog="slate-desktop", description="The SLATE window.")
    parser.add_argument(
        "path",
        nargs="?",
        default="",
        help="a folder or file, which needs no server; a slate:// link; or a join file",
    )
    parser.add_argument("--profile", help="the profile to connect to; `local` starts what it needs")
    parser.add_argument("--version", action="version", version=f"slate-desktop {__version__}")
    options = parser.parse_args(argv)
    return _Options(options.path, options.profile)


def _application() -> QApplication:
    existing = QApplication.instance()
    app = existing if isinstance(existing, QApplication) else QApplication(["slate-desktop"])
    app.setApplicationName("SLATE")
    app.setApplicationVersion(__version__)
    app.setDesktopFileName("slate-desktop")
    app.setQuitOnLastWindowClosed(False)
    return app


def _tell(error: BaseException) -> None:
    for widget in QApplication.topLevelWidgets():
        if isinstance(widget, MainWindow) and widget.is_built:
            widget.show_error(error)


@contextlib.contextmanager
def _signals(loop: asyncio.AbstractEventLoop, stop: Callable[[], None]) -> Any:
    """Let SIGINT and SIGTERM close the window like its own button does."""
    names = (signal.SIGINT, signal.SIGTERM)
    try:
        for name in names:
            loop.add_signal_handler(name, stop)
    except (NotImplementedError, RuntimeError):
        # Windows: Python looks at signals only when it runs, so let it run now and then.
        timer = QTimer()
        timer.timeout.connect(lambda: None)
        timer.start(_SIGNAL_POLL_MS)
        old = signal.signal(signal.SIGINT, lambda *_: stop())
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, old)
            timer.stop()
        return
    try:
        yield
    finally:
        for name in names:
            loop.remove_signal_handler(name)
