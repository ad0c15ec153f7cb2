"""The last nets: exceptions that nobody caught, Qt's own messages, hard crashes. One log file.

Owns ``logs/desktop-crash.log``. A fault of the program is written there and told to
the user; it never ends the program by itself.
"""

from __future__ import annotations

import contextlib
import faulthandler
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QMessageLogContext, QtMsgType, qInstallMessageHandler

from slate_desktop.errors import SettingsError
from slate_desktop.settings import files, paths

if TYPE_CHECKING:
    import asyncio

log = logging.getLogger(__name__)
_MAX_NEWS_BYTES = 64 * 1024
Tell = Callable[[BaseException], None]
_QT_LEVELS = {
    QtMsgType.QtDebugMsg: logging.DEBUG,
    QtMsgType.QtInfoMsg: logging.INFO,
    QtMsgType.QtWarningMsg: logging.WARNING,
    QtMsgType.QtCriticalMsg: logging.ERROR,
    QtMsgType.QtFatalMsg: logging.CRITICAL,
}


def crash_log() -> Path:
    """Where crashes are written."""
    return paths.log_dir() / "desktop-crash.log"


def take_news() -> str:
    """Return what crashes wrote since this was asked last; each is told once."""
    seen_file = crash_log().with_suffix(".seen")
    try:
        size = crash_log().stat().st_size
    except OSError:
        return ""
    try:
        seen = int(files.read_private(seen_file).decode())
    except (OSError, ValueError, SettingsError):
        seen = 0
    if size == seen:
        return ""
    text = ""
    with contextlib.suppress(OSError, SettingsError):
        with crash_log().open("rb") as file:
            # A log that became shorter was begun anew.
            file.seek(seen if seen < size else 0)
            text = file.read(_MAX_NEWS_BYTES).decode("utf-8", "replace")
        files.write_private(seen_file, str(size).encode())
    return text.strip()


@contextlib.contextmanager
def nets(tell: Tell) -> Iterator[None]:
    """Catch what nobody caught while the program runs; ``tell`` is called on the main thread."""
    old_hook, old_thread_hook = sys.excepthook, threading.excepthook

    def on_exception(
        kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        if issubclass(kind, KeyboardInterrupt):
            old_hook(kind, error, trace)
            return
        log.critical("uncaught exception", exc_info=(kind, error, trace))
        tell(error)

    def on_thread_exception(args: threading.ExceptHookArgs) -> None:
        name = args.thread.name if args.thread is not None else ""
        log.critical("uncaught exception", exc_info=args.exc_value, extra={"thread_name": name})

    sys.excepthook, threading.excepthook = on_exception, on_thread_exception
    qInstallMessageHandler(_on_qt_message)
    file = _open_crash_log()
    if file is not None:
        faulthandler.enable(file)
    try:
        yield
    finally:
        sys.excepthook, threading.excepthook = old_hook, old_thread_hook
        qInstallMessageHandler(None)
        if file is not None:
            faulthandler.disable()
            file.close()


def loop_handler(tell: Tell) -> Callable[[asyncio.AbstractEventLoop, dict[str, Any]], None]:
    """Return an exception handler for the event loop."""

    def on_loop_exception(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        log.error("%s", context.get("message", "fault in the event loop"), exc_info=error)
        if isinstance(error, Exception):
            tell(error)

    return on_loop_exception


def _open_crash_log() -> Any:
    try:
        crash_log().parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = crash_log().open("a", encoding="utf-8")
    except OSError as exc:
        log.warning("no crash log", extra={"reason": str(exc)})
        return None
    with contextlib.suppress(OSError):
        crash_log().chmod(0o600)
    return file


def _on_qt_message(kind: QtMsgType, context: QMessageLogContext, message: str) -> None:
    category = getattr(context, "category", None) or "default"
    logging.getLogger(f"qt.{category}").log(_QT_LEVELS.get(kind, logging.WARNING), "%s", message)
