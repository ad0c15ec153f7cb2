"""One crash file: what nobody caught, from every thread, from the event loop and from C code."""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import logging
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

logger = logging.getLogger("slate_desktop.crash")

_MAX_BYTES = 1024 * 1024
_file: TextIO | None = None


def install(path: Path, *, on_error: Callable[[BaseException], None] | None = None) -> None:
    """Send uncaught errors to the log and, for errors in C code, to ``path``.

    Args:
        path: the crash file; its directory exists.
        on_error: called with each uncaught error too, for a notice in the window.
    """
    global _file
    _close()
    with contextlib.suppress(OSError):
        if path.stat().st_size > _MAX_BYTES:
            path.replace(path.with_name(path.name + ".1"))
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)
    _file = os.fdopen(os.open(path, flags, 0o600), "a", encoding="utf-8")
    faulthandler.enable(_file)

    def report(where: str, exc: BaseException) -> None:
        if isinstance(exc, (KeyboardInterrupt, SystemExit)):
            return
        logger.critical("uncaught error", exc_info=exc, extra={"where": where})
        if on_error is not None:
            with contextlib.suppress(Exception):
                on_error(exc)

    def in_main(kind: type[BaseException], exc: BaseException, tb: TracebackType | None) -> None:
        if isinstance(exc, KeyboardInterrupt):
            sys.__excepthook__(kind, exc, tb)
        else:
            report("main", exc)

    def in_thread(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None:
            report(args.thread.name if args.thread else "thread", args.exc_value)

    sys.excepthook = in_main
    threading.excepthook = in_thread


def install_on_loop(loop: asyncio.AbstractEventLoop) -> None:
    """Log what tasks and callbacks of ``loop`` leave uncaught, with its traceback."""

    def handle(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        exc = context.get("exception")
        logger.error(
            context.get("message", "error in the event loop"),
            exc_info=exc if isinstance(exc, BaseException) else None,
            extra={"where": repr(context.get("task") or context.get("future") or "loop")},
        )

    loop.set_exception_handler(handle)


def uninstall() -> None:
    """Put the interpreter's own hooks back."""
    sys.excepthook = sys.__excepthook__
    threading.excepthook = threading.__excepthook__
    _close()


def _close() -> None:
    global _file
    if _file is not None:
        faulthandler.disable()
        _file.close()
        _file = None
